//! The shapes in which tools write an event as JSON.

use super::super::super::{EventRecord, fields};
use super::super::hits::Hits;
use super::super::sink::Sink;
use crate::base::HostTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Reads objects of all shapes; remembers what belongs to a file as a whole.
#[derive(Debug, Default)]
pub(in super::super) struct Shapes {
    hits: Hits,
}

impl Shapes {
    /// Takes an object; false when it is no event of a known shape.
    pub(in super::super) fn take(&mut self, object: &Value, sink: &mut Sink<'_>) -> bool {
        if let Some(why) = object.pointer("/EventChoice/why").and_then(Value::as_str) {
            // A redacted copy says so of a log that was a choice of records.
            sink.partial(why.to_owned());
            return true;
        }
        if object.get("RuleTitle").is_some() || object.get("RuleID").is_some() {
            return self.hits.take_json(object, sink);
        }
        let record = if object.get("Event").is_some() {
            // An event without a time of its own gets the given one: it is none.
            fields::event_record(object, 0, Timestamp::UNIX_EPOCH)
                .filter(|record| record.time.0 != Timestamp::UNIX_EPOCH)
        } else if object.get("winlog").is_some() {
            winlogbeat(object)
        } else if object.get("System").is_some_and(Value::is_object) {
            velociraptor(object)
        } else if object.get("ProviderName").is_some() {
            powershell(object, sink)
        } else {
            // The payload in one column is EvtxECmd's.
            let exported = flat(object);
            if let (Some(record), Some(_)) = (&exported, object.get("Payload")) {
                sink.chosen_by_id(record.id);
            }
            exported
        };
        record.map(|record| sink.record(record)).is_some()
    }
}

/// What every shape has, under names of its own.
struct Head<'a> {
    provider: &'a Value,
    id: &'a Value,
    time: &'a Value,
    record_id: &'a Value,
    channel: &'a Value,
    host: &'a Value,
    activity: &'a Value,
    process_id: &'a Value,
}

impl Head<'_> {
    fn record(&self, fields: Vec<(Arc<str>, String)>) -> Option<EventRecord> {
        Some(EventRecord {
            provider: text(self.provider)?,
            id: text(self.id)?.parse().ok()?,
            time: HostTime(time(self.time)?),
            record_id: text(self.record_id).and_then(|id| id.parse().ok()).unwrap_or_default(),
            channel: text(self.channel).unwrap_or_default().into(),
            host: text(self.host).unwrap_or_default().into(),
            activity: text(self.activity).and_then(|activity| guid(&activity)),
            process_id: text(self.process_id).and_then(|pid| pid.parse().ok()),
            fields,
        })
    }
}

/// A GUID as logs write it: lower case in braces.
pub(in super::super) fn guid(text: &str) -> Option<Arc<str>> {
    let inner = text.trim_matches(['{', '}']).to_ascii_lowercase();
    (inner.len() == 36).then(|| format!("{{{inner}}}").into())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time: RFC 3339, the same without a zone (then UTC), seconds since 1970, or
/// `/Date(…)/` with milliseconds.
pub(in super::super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(seconds) => {
            let seconds = seconds.as_f64()?;
            Timestamp::UNIX_EPOCH
                .checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?)
                .ok()
                // A number of that size has no more digits than these.
                .and_then(|time| Timestamp::from_microsecond(time.as_microsecond()).ok())
        }
        Value::String(text) => time_of_text(text),
        _ => None,
    }
}

/// See [`time`].
pub(in super::super) fn time_of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return Timestamp::from_millisecond(inner.parse().ok()?).ok();
    }
    // hayabusa puts a space before the zone.
    let joined = text.rsplit_once(' ').filter(|(_, zone)| zone.starts_with(['+', '-']));
    let joined = joined.map(|(time, zone)| format!("{time}{zone}"));
    let text = joined.as_deref().unwrap_or(text);
    text.parse().ok().or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

/// The named values of EventData and UserData, beside each other in one object.
fn payload(object: &Value) -> Vec<(Arc<str>, String)> {
    let part = |name: &str| object.get(name).cloned().unwrap_or(Value::Null);
    fields::payload(&json!({"EventData": part("EventData"), "UserData": part("UserData")}))
}

/// `parse_evtx` of Velociraptor: System as an object of its own kind.
fn velociraptor(object: &Value) -> Option<EventRecord> {
    let system = object.get("System")?;
    let at = |pointer: &str| system.pointer(pointer).unwrap_or(&Value::Null);
    let id = system.pointer("/EventID/Value").unwrap_or_else(|| at("/EventID"));
    Head {
        provider: at("/Provider/Name"),
        id,
        time: at("/TimeCreated/SystemTime"),
        record_id: at("/EventRecordID"),
        channel: at("/Channel"),
        host: at("/Computer"),
        activity: at("/Correlation/ActivityID"),
        process_id: at("/Execution/ProcessID"),
    }
    .record(payload(object))
}

/// Winlogbeat, and others that follow ECS.
fn winlogbeat(object: &Value) -> Option<EventRecord> {
    let winlog = object.get("winlog")?;
    let at = |pointer: &str| winlog.pointer(pointer).unwrap_or(&Value::Null);
    let named = json!({"EventData": at("/event_data"), "UserData": at("/user_data")});
    Head {
        provider: at("/provider_name"),
        id: at("/event_id"),
        time: object.get("@timestamp")?,
        record_id: at("/record_id"),
        channel: at("/channel"),
        host: at("/computer_name"),
        activity: at("/activity_id"),
        process_id: at("/process/pid"),
    }
    .record(fields::payload(&named))
}

/// Objects whose head is not nested: EvtxECmd, and the artifacts of Velociraptor.
fn flat(object: &Value) -> Option<EventRecord> {
    let first =
        |names: &[&str]| names.iter().find_map(|name| object.get(*name)).unwrap_or(&Value::Null);
    let fields = match object.get("Payload") {
        Some(Value::String(text)) => evtxecmd_payload(text),
        _ => payload(object),
    };
    Head {
        provider: first(&["Provider", "ProviderName"]),
        id: first(&["EventId", "EventID"]),
        time: first(&["TimeCreated", "EventTime", "Timestamp"]),
        record_id: first(&["EventRecordId", "EventRecordID", "RecordNumber"]),
        channel: first(&["Channel"]),
        host: first(&["Computer"]),
        activity: first(&["ActivityId", "ActivityID"]),
        process_id: first(&["ProcessId"]),
    }
    .record(fields)
}

/// The payload column of EvtxECmd: JSON in which attributes begin with `@`.
pub(in super::super) fn evtxecmd_payload(text: &str) -> Vec<(Arc<str>, String)> {
    let Ok(mut payload) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    for part in ["EventData", "UserData"] {
        if let Some(Value::Object(object)) = payload.get_mut(part) {
            without_attributes(object);
            name_data(object);
        }
    }
    fields::payload(&payload)
}

/// `"Data": [{"@Name": "x", "#text": "y"}]` becomes `"x": "y"`.
fn name_data(object: &mut Map<String, Value>) {
    let data = match object.get("Data") {
        Some(Value::Array(items)) => items.clone(),
        Some(item @ Value::Object(_)) => vec![item.clone()],
        _ => return,
    };
    let named = |item: &Value| {
        let name = item.get("@Name")?.as_str()?.to_owned();
        Some((name, item.get("#text").cloned().unwrap_or(Value::Null)))
    };
    let Some(named) = data.iter().map(named).collect::<Option<Vec<_>>>() else { return };
    object.remove("Data");
    object.extend(named);
}

fn without_attributes(object: &mut Map<String, Value>) {
    object.retain(|name, _| !name.starts_with('@') || name == "@Name");
    for (_, value) in object.iter_mut() {
        if let Value::Object(inner) = value {
            without_attributes(inner);
        }
    }
}

/// `Get-WinEvent | ConvertTo-Json`: the values have no names of their own.
fn powershell(object: &Value, sink: &Sink<'_>) -> Option<EventRecord> {
    let at = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let values: Vec<String> = match at("Properties") {
        Value::Array(items) => {
            let shown = |item: &Value| match item.get("Value").unwrap_or(item) {
                Value::Bool(flag) => flag.to_string(),
                value => text(value).unwrap_or_default(),
            };
            items.iter().map(shown).collect()
        }
        _ => Vec::new(),
    };
    let mut record = Head {
        provider: at("ProviderName"),
        id: at("Id"),
        time: at("TimeCreated"),
        record_id: at("RecordId"),
        channel: at("LogName"),
        host: at("MachineName"),
        activity: at("ActivityId"),
        process_id: at("ProcessId"),
    }
    .record(Vec::new())?;
    record.fields = sink.named(&record.provider, record.id, values);
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let at = |value: Value| time(&value).map(crate::base::rfc3339);
        let expect = Some("2025-06-03T08:15:01.285Z".to_owned());
        for spelled in [
            json!("2025-06-03T08:15:01.285Z"),
            json!("2025-06-03 08:15:01.285"),
            json!("2025-06-03 10:15:01.285 +02:00"),
            json!("/Date(1748938501285)/"),
            json!(1_748_938_501.285),
        ] {
            assert_eq!(at(spelled.clone()), expect, "{spelled}");
        }
        assert_eq!(at(json!("yesterday")), None);
    }

    #[test]
    fn the_payload_of_evtxecmd_is_named() {
        let shown = |text: &str| {
            let fields = evtxecmd_payload(text);
            fields.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            shown(
                r##"{"EventData":{"Data":[{"@Name":"IpAddress","#text":"10.0.0.5"},{"@Name":"IpPort","#text":"0"}]}}"##
            ),
            "IpAddress=10.0.0.5 IpPort=0"
        );
        assert_eq!(
            shown(r#"{"UserData":{"EventXML":{"@xmlns":"Event_NS","Param1":"u"}}}"#),
            "Param1=u"
        );
    }
}
