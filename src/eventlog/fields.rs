//! From the JSON that the `evtx` crate renders (0.15: attributes under
//! `#attributes`, repeated elements as arrays, absent values absent) to an
//! [`EventRecord`].

use super::EventRecord;
use crate::base::HostTime;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Levels of nested elements that are followed in UserData.
const MAX_DEPTH: usize = 6;
/// Values of one record that are kept.
const MAX_FIELDS: usize = 256;

/// The record in a rendered event. `id` and `time` are those of the record header,
/// for events whose System element lacks them. `None` when there is no System
/// element with a provider and an event id.
pub(super) fn event_record(event: &Value, record_id: u64, time: Timestamp) -> Option<EventRecord> {
    let event = event.get("Event")?;
    let system = event.get("System")?;
    let provider = attribute(system.get("Provider")?, "Name")
        .or_else(|| attribute(system.get("Provider")?, "EventSourceName"))?;
    let id = text(system.get("EventID")?)?.parse().ok()?;
    let stamped = system
        .get("TimeCreated")
        .and_then(|created| attribute(created, "SystemTime"))
        .and_then(|stamp| stamp.parse::<Timestamp>().ok());
    let correlation = system.get("Correlation");
    let activity = correlation
        .and_then(|correlation| attribute(correlation, "ActivityID"))
        .map(|activity| Arc::from(activity.to_ascii_lowercase()));
    let process_id = system
        .get("Execution")
        .and_then(|execution| attribute(execution, "ProcessID"))
        .and_then(|pid| pid.parse().ok());
    let shared = |name: &str| system.get(name).and_then(text).unwrap_or_default();
    Some(EventRecord {
        provider,
        id,
        time: HostTime(stamped.unwrap_or(time)),
        record_id: system
            .get("EventRecordID")
            .and_then(text)
            .and_then(|id| id.parse().ok())
            .unwrap_or(record_id),
        channel: shared("Channel").into(),
        host: shared("Computer").into(),
        activity,
        process_id,
        fields: payload(event),
    })
}

pub(super) fn payload(event: &Value) -> Vec<(Arc<str>, String)> {
    let mut fields = Vec::new();
    for part in ["EventData", "UserData", "ProcessingErrorData"] {
        if let Some(Value::Object(object)) = event.get(part) {
            collect(object, 0, &mut fields);
        }
    }
    fields
}

fn collect(object: &Map<String, Value>, depth: usize, fields: &mut Vec<(Arc<str>, String)>) {
    for (name, value) in object {
        if fields.len() >= MAX_FIELDS {
            return;
        }
        match value {
            _ if name == "#attributes" || name == "#text" => {}
            Value::Null => {}
            Value::Object(inner) => element(name, inner, depth, fields),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(text) = text(item) {
                        fields.push((format!("{name}[{index}]").into(), text));
                    } else if let (Value::Object(inner), true) = (item, depth < MAX_DEPTH) {
                        collect(inner, depth + 1, fields);
                    }
                }
            }
            scalar => {
                if let Some(text) = text(scalar) {
                    // A single unnamed `Data` is the first of its kind.
                    let name = if name == "Data" { "Data[0]" } else { name };
                    fields.push((name.into(), text));
                }
            }
        }
    }
}

fn element(
    name: &str,
    inner: &Map<String, Value>,
    depth: usize,
    fields: &mut Vec<(Arc<str>, String)>,
) {
    match inner.get("#text") {
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                fields.push((format!("{name}[{index}]").into(), text(item).unwrap_or_default()));
            }
        }
        Some(single) => {
            let name = if name == "Data" { "Data[0]" } else { name };
            fields.extend(text(single).map(|text| (name.into(), text)));
        }
        None => {}
    }
    if let Some(Value::Object(attributes)) = inner.get("#attributes") {
        for (attribute, value) in attributes {
            // Declarations of namespaces are no values.
            if attribute != "xmlns" && !attribute.starts_with("xmlns:") {
                let full: Arc<str> = format!("{name}.{attribute}").into();
                fields.extend(text(value).map(|text| (full, text)));
            }
        }
    }
    if depth < MAX_DEPTH {
        collect(inner, depth + 1, fields);
    }
}

fn attribute(element: &Value, name: &str) -> Option<String> {
    text(element.get("#attributes")?.get(name)?)
}

/// The text of a scalar, or of an element that also has attributes.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(object) => object.get("#text").and_then(text),
        Value::Null | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(payload: Value, expect: &str) {
        let mut event = json!({"Event": {"System": {
            "Provider": {"#attributes": {"Name": "P"}}, "EventID": {"#text": 7, "#attributes": {"Qualifiers": 49152}},
            "TimeCreated": {"#attributes": {"SystemTime": "2024-05-01T10:00:00.1234567Z"}},
            "EventRecordID": 5, "Channel": "System", "Computer": "HOST"}}});
        event["Event"].as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
        let record = event_record(&event, 1, Timestamp::UNIX_EPOCH).unwrap();
        let shown: Vec<String> = record.fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(shown.join(" "), expect);
        assert_eq!((record.id, record.record_id), (7, 5));
    }

    #[test]
    fn named_unnamed_and_nested_values_are_read() {
        check(json!({"EventData": {"ClientIP": "10.0.0.5:5", "n": 3}}), "ClientIP=10.0.0.5:5 n=3");
        check(
            json!({"EventData": {"Data": {"#text": ["\\Device\\Termdd", "10.0.0.5"]}, "Binary": "00ff"}}),
            "Data[0]=\\Device\\Termdd Data[1]=10.0.0.5 Binary=00ff",
        );
        check(json!({"EventData": {"Data": "only"}}), "Data[0]=only");
        check(
            json!({"UserData": {"EventXML": {"#attributes": {"xmlns": "Event_NS", "xmlns:a": "b"}, "Param1": "u"}}}),
            "Param1=u",
        );
        check(
            json!({"UserData": {"C": {"Result": {"#attributes": {"value": "800B0109"}, "#text": "no root"}}}}),
            "Result=no root Result.value=800B0109",
        );
    }

    #[test]
    fn an_event_without_system_is_none() {
        assert_eq!(event_record(&json!({"Event": {}}), 1, Timestamp::UNIX_EPOCH), None);
    }
}
