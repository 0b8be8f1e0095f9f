//! The report with pseudonyms: every string of it is rewritten.

use super::files::Files;
use super::text::Scrubber;
use crate::base::parse_endpoint;
use crate::report::{Report, TCP, community_id};
use serde_json::{Map, Value};

/// A report in which names and addresses are pseudonyms and files have the names of their
/// copies.
///
/// # Errors
/// When it does not read back from its own JSON, which would be a mistake of this program.
pub(super) fn redact_report(
    report: &Report,
    scrubber: &Scrubber<'_>,
    files: &Files,
) -> serde_json::Result<Report> {
    let mut value = serde_json::to_value(report)?;
    let walk = Walk { scrubber, files };
    walk.value(("", ""), &mut value);
    if let Some(case) = value.get_mut("case").and_then(Value::as_object_mut) {
        case.insert("name".to_owned(), Value::from("redacted"));
        case.insert("inputs".to_owned(), files.copies().collect());
    }
    let mut report: Report = serde_json::from_value(value)?;
    // The copies are no logs that Windows could open.
    for diagnosis in &mut report.diagnoses {
        let evidence = diagnosis.evidence.iter_mut().chain(&mut diagnosis.against);
        evidence.for_each(|evidence| evidence.show_with = None);
    }
    for step in report.checks.iter_mut().flat_map(|check| &mut check.steps) {
        step.show_with = None;
    }
    Ok(report)
}

struct Walk<'a> {
    scrubber: &'a Scrubber<'a>,
    files: &'a Files,
}

impl Walk<'_> {
    /// A value under a key, in an object that itself stands under a key.
    fn value(&self, at: (&str, &str), value: &mut Value) {
        match value {
            Value::String(text) => *text = self.string(at, text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(at, item)),
            Value::Object(object) => self.object(at.1, object),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&self, parent: &str, object: &mut Map<String, Value>) {
        self.line(object);
        let ends = ["client", "server"]
            .map(|side| object.get(side).and_then(Value::as_str).map(str::to_owned));
        for (key, value) in object.iter_mut() {
            self.value((parent, key), value);
        }
        // A hash of the addresses: who knows them could find them by trying.
        if let ([Some(client), Some(server)], Some(id)) =
            (ends, object.get_mut("tcp").and_then(|tcp| tcp.get_mut("community_id")))
        {
            let end = |text: &str| parse_endpoint(&self.scrubber.text(text));
            let made = end(&client).zip(end(&server)).map(|(a, b)| community_id(TCP, a, b));
            *id = Value::from(made.unwrap_or_default());
        }
    }

    /// The line of a record that has no number: the copy has its own.
    fn line(&self, object: &mut Map<String, Value>) {
        let file = object.get("file").and_then(Value::as_str);
        let line = object.get("line").and_then(Value::as_u64);
        if let Some(moved) = file.zip(line).and_then(|(file, line)| self.files.line(file, line)) {
            object.insert("line".to_owned(), Value::from(moved));
        }
    }

    fn string(&self, (parent, key): (&str, &str), text: &str) -> String {
        let words = &self.scrubber.pseudonyms.words;
        match key {
            // Where a collector's files lay: the copies lie side by side.
            "at" => ".".to_owned(),
            "file" => self.files.name_of(text),
            "rdp_cookie" => "x".repeat(text.chars().count()),
            "routing_token" => super::capture::token(self.scrubber.pseudonyms, text),
            _ if words.is_plain_key(key) => text.to_owned(),
            _ if words.is_name_key(parent, key) => self.scrubber.name(text),
            _ => self.scrubber.text(&self.files.in_text(text)),
        }
    }
}
