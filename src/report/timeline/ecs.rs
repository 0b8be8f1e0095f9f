//! One object a line with the names of the Elastic Common Schema, and Winlogbeat's for
//! records of Windows logs.
//!
//! Of a connection `source` is the client and `destination` the server, whoever sent the
//! packet: so the two stay the same over all of its steps.

use super::jsonl::write_line;
use super::model::{Entry, Happening, Timeline};
use crate::base::{Endpoint, rfc3339};
use crate::observe::Side;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Version of the schema that the names are from.
const ECS_VERSION: &str = "8.17.0";

/// Writes one object a line.
///
/// # Errors
/// When the writer fails.
pub fn write_ecs(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    for entry in &timeline.entries {
        write_line(&document(entry), out)?;
    }
    Ok(())
}

fn document(entry: &Entry) -> Value {
    let mut document = Document::default();
    document.set("@timestamp", rfc3339(entry.time.0));
    document.set("ecs.version", ECS_VERSION);
    document.set("message", entry.message.as_str());
    document.set("event.kind", "event");
    document.set("event.dataset", entry.happening.data_type());
    document.set("log.file.path", entry.source.file.as_str());
    document.give("user.name", entry.user.as_deref());
    document.ends("source", entry.client);
    document.ends("destination", entry.server);
    document.give("network.community_id", entry.community_id.as_deref());
    match entry.happening {
        Happening::Event => record(entry, &mut document),
        Happening::Text => document.set("event.action", entry.what.as_str()),
        _ => packet(entry, &mut document),
    }
    for (name, value) in &entry.details {
        document.set(name, value.as_str());
    }
    if entry.details.iter().any(|(name, _)| *name == "tls.version") {
        document.set("tls.version_protocol", "tls");
    }
    if !entry.attempts.is_empty() {
        let tags: Vec<String> = entry.attempts.iter().map(|id| format!("attempt-{id}")).collect();
        document.set("tags", tags);
    }
    labels(entry, &mut document);
    Value::Object(document.0)
}

fn record(entry: &Entry, document: &mut Document) {
    if let Some((provider, id)) = &entry.event {
        document.set("event.provider", &**provider);
        document.set("event.code", id.to_string());
        document.set("winlog.provider_name", &**provider);
        document.set("winlog.event_id", id.to_string());
    }
    document.give("host.name", entry.host.as_deref());
    document.give("winlog.computer_name", entry.host.as_deref());
    document.give("winlog.channel", entry.channel.as_deref());
    document.give("winlog.record_id", entry.source.record_id.map(|id| id.to_string()));
}

fn packet(entry: &Entry, document: &mut Document) {
    document.set("event.category", ["network"].as_slice());
    document.set("event.action", entry.what.as_str());
    let (transport, protocol) = match entry.happening {
        Happening::Dns => (None, "dns"),
        Happening::Udp => (Some("udp"), "rdp"),
        Happening::Icmp => (Some("tcp"), "rdp"),
        Happening::Neighbour => (None, "arp"),
        Happening::Drop => (None, "rdp"),
        _ => (Some("tcp"), "rdp"),
    };
    document.give("network.transport", transport);
    document.set("network.protocol", protocol);
}

/// What has no name in the schema.
fn labels(entry: &Entry, document: &mut Document) {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    document.give("labels.frame", number(entry.source.frame));
    document.give("labels.line", number(entry.source.line));
    document.give("labels.sent_by", entry.by.map(Side::name));
    document.give("labels.source_time", entry.source_time.map(|time| rfc3339(time.0)));
    document.give("labels.repeats", number(Some(entry.repeats).filter(|more| *more > 0)));
    document.give("labels.open_with", Some(entry.open_with.as_str()).filter(|q| !q.is_empty()));
}

/// A nested object that is filled by dotted names.
#[derive(Debug, Default)]
struct Document(Map<String, Value>);

impl Document {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        let mut level = &mut self.0;
        let mut rest = name;
        while let Some((outer, inner)) = rest.split_once('.') {
            let next = level.entry(outer).or_insert_with(|| json!({}));
            // No name is both a value and a level.
            let Value::Object(map) = next else { return };
            (level, rest) = (map, inner);
        }
        level.insert(rest.to_owned(), value.into());
    }

    fn give(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn ends(&mut self, side: &str, end: Option<Endpoint>) {
        if let Some(Endpoint { address, port }) = end {
            self.set(&format!("{side}.ip"), address.to_string());
            self.give(&format!("{side}.port"), port);
        }
    }
}
