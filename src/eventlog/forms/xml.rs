//! Events as XML: `wevtutil qe`, Event Viewer's "Save as XML", `ToXml()`, evtx_dump.

use super::super::EventRecord;
use super::elements::{Elements, Found};
use super::json::time_of_text;
use super::sink::Sink;
use super::tree::{self, Element};
use crate::base::HostTime;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::Arc;

/// Levels of nested elements and values of one record, as for .evtx records.
const MAX_DEPTH: usize = 6;
const MAX_FIELDS: usize = 256;

/// Reads all records.
pub(super) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut elements = Elements::new(text, "Event", false);
    while let Some(found) = elements.next()? {
        match found {
            Found::Element { at, text } => {
                sink.stand_at(at.line);
                if let Err(why) = event(text, sink) {
                    sink.unreadable(at.offset, format!("an event that cannot be read: {why}"));
                }
            }
            Found::Broken { at, length } => {
                sink.unreadable(at.offset, format!("{length} bytes that are no whole event"));
            }
        }
    }
    Ok(())
}

/// Takes one event. Of those that are not wanted, only System is read.
fn event(text: &[u8], sink: &mut Sink<'_>) -> Result<(), String> {
    let mut head = None;
    let event = tree::parse(text, |part| {
        if part.name == "System" {
            head = system(part);
        }
        let unwanted = |record: &EventRecord| sink.wanted(&record.provider, record.id).is_none();
        head.as_ref().is_some_and(unwanted)
    })?;
    let mut record = head.ok_or("no provider, event id or time")?;
    record.fields = payload(&event);
    sink.record(record);
    Ok(())
}

/// What System says; `None` without provider, event id or time.
fn system(system: &Element) -> Option<EventRecord> {
    let value = |name: &str| system.child(name).and_then(Element::value).map(str::trim);
    let attribute = |element: &str, name: &str| {
        system.child(element).and_then(|element| element.attribute(name)).map(str::trim)
    };
    let provider =
        attribute("Provider", "Name").or_else(|| attribute("Provider", "EventSourceName"))?;
    let number = value("EventRecordID").and_then(|number| number.parse().ok());
    Some(EventRecord {
        provider: provider.to_owned(),
        id: value("EventID")?.parse().ok()?,
        time: HostTime(time_of_text(attribute("TimeCreated", "SystemTime")?)?),
        record_id: number.unwrap_or_default(),
        channel: value("Channel").unwrap_or_default().into(),
        host: value("Computer").unwrap_or_default().into(),
        activity: attribute("Correlation", "ActivityID")
            .map(|activity| activity.to_ascii_lowercase().into()),
        process_id: attribute("Execution", "ProcessID").and_then(|pid| pid.parse().ok()),
        fields: Vec::new(),
    })
}

type Fields = Vec<(Arc<str>, String)>;

/// Named values, under the names that [`super::super::fields`] gives them. RenderingInfo
/// holds sentences in the language of the host, and is left out.
fn payload(event: &Element) -> Fields {
    let mut fields = Vec::new();
    for part in ["EventData", "UserData", "ProcessingErrorData"] {
        if let Some(part) = event.child(part) {
            collect(part, 0, &mut fields);
        }
    }
    fields
}

/// Elements of one name get numbers from the second on; unnamed data have them in
/// brackets, from the first.
fn collect(element: &Element, depth: usize, fields: &mut Fields) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for child in &element.children {
        if fields.len() >= MAX_FIELDS {
            return;
        }
        let data = child.name == "Data";
        let given = child.attribute("Name").filter(|_| data);
        let base = given.unwrap_or(&child.name);
        let index = seen.entry(base).or_default();
        let name = match (data && given.is_none(), *index) {
            (true, index) => format!("{base}[{index}]"),
            (false, 0) => base.to_owned(),
            (false, index) => format!("{base}_{index}"),
        };
        *index += 1;
        fields.extend(child.value().map(|value| (Arc::from(name.as_str()), value.to_owned())));
        if data {
            continue;
        }
        for (attribute, value) in child.attributes() {
            fields.push((format!("{name}.{attribute}").into(), value.to_owned()));
        }
        if depth < MAX_DEPTH {
            collect(child, depth + 1, fields);
        }
    }
}
