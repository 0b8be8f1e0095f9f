//! One flat JSON object a line, as Timesketch imports it.
//!
//! Timesketch asks for `message`, `datetime` and `timestamp_desc`, reads `timestamp` as
//! microseconds and `tag` as a list (docs/guides/user/import-from-json-csv.md and
//! timesketch/lib/utils.py). Records of logs have the names that plaso gives them.

use super::model::{Entry, Timeline};
use crate::base::{Endpoint, rfc3339};
use crate::observe::Side;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// The values of an entry that it may have beside its columns, by their ECS names.
pub(super) const DETAILS: [&str; 13] = [
    "error.code",
    "tls.version",
    "tls.cipher",
    "tls.client.server_name",
    "tls.client.ja3",
    "tls.client.ja4",
    "tls.server.ja3s",
    "tls.server.subject",
    "tls.server.issuer",
    "tls.server.not_before",
    "tls.server.not_after",
    "tls.server.hash.sha1",
    "tls.server.hash.sha256",
];

/// One value.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Text(String),
    Micros(i64),
    Count(u64),
    List(Vec<String>),
}

/// Writes one object a line.
///
/// # Errors
/// When the writer fails.
pub fn write_jsonl(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    for entry in &timeline.entries {
        write_line(&Row(columns(entry)), out)?;
    }
    Ok(())
}

/// Writes a value on a line of its own.
pub(super) fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, OneLine))?;
    out.write_all(b"\n")
}

/// Compact JSON without the characters beyond ASCII that end a line for some readers, that of
/// Timesketch among them: with one in a name, the entry would be lost.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive(ENDS_LINE) {
            let rest = part.trim_end_matches(ENDS_LINE);
            out.write_all(rest.as_bytes())?;
            if let Some(end) = part.strip_prefix(rest).and_then(|end| end.chars().next()) {
                write!(out, "\\u{:04x}", u32::from(end))?;
            }
        }
        Ok(())
    }
}

/// Next line, line separator, paragraph separator. Those below U+0020 are escaped anyway.
const ENDS_LINE: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// How every line begins: see [`columns`].
const FIRST: &[u8] = br#"{"datetime":""#;

/// What follows the time.
const SECOND: &[u8] = br#"","timestamp_desc":""#;

/// Bytes of a time as [`datetime`] writes it.
const TIME: usize = 32;

/// Whether a file that begins so is what [`write_jsonl`] wrote, rather than somebody's events.
pub fn is_timeline(head: &[u8]) -> bool {
    let behind = head.strip_prefix(FIRST).and_then(|rest| rest.get(TIME..));
    behind.is_some_and(|rest| rest.starts_with(SECOND))
}

/// A column with its value, where the entry has one.
pub(super) type Column = (&'static str, Option<Cell>);

/// All columns in their order, the same for every entry.
pub(super) fn columns(entry: &Entry) -> Vec<Column> {
    let text = |text: &str| Some(Cell::Text(text.to_owned())).filter(|_| !text.is_empty());
    let tags: Vec<String> = entry.attempts.iter().map(|id| format!("attempt-{id}")).collect();
    let (client, server) = (entry.client, entry.server);
    let ip = |end: Option<Endpoint>| end.map(|e| Cell::Text(e.address.to_string()));
    let port = |end: Option<Endpoint>| Some(Cell::Count(end?.port?.into()));
    let event = entry.event.as_ref();
    let micros = micros(entry.time.0);
    let source = &entry.source;
    let mut columns = vec![
        ("datetime", Some(Cell::Text(datetime(micros)))),
        ("timestamp_desc", text(entry.happening.stamp())),
        // Timesketch refuses a line without it.
        ("message", Some(Cell::Text(entry.message.clone()))),
        ("timestamp", Some(Cell::Micros(micros))),
        ("data_type", text(entry.happening.data_type())),
        ("tag", Some(Cell::List(tags)).filter(|_| !entry.attempts.is_empty())),
        ("case_time", Some(Cell::Text(rfc3339(entry.time.0)))),
        ("source_time", entry.source_time.map(|time| Cell::Text(rfc3339(time.0)))),
        ("computer_name", entry.host.as_deref().and_then(text)),
        ("event", text(&entry.what)),
        ("source_name", event.and_then(|(provider, _)| text(provider))),
        ("event_identifier", event.map(|(_, id)| Cell::Count((*id).into()))),
        ("channel", entry.channel.as_deref().and_then(text)),
        ("sent_by", entry.by.map(Side::name).and_then(text)),
        ("client_ip", ip(client)),
        ("client_port", port(client)),
        ("server_ip", ip(server)),
        ("server_port", port(server)),
        ("community_id", entry.community_id.as_deref().and_then(text)),
        ("username", entry.user.as_deref().and_then(text)),
        ("filename", text(&source.file)),
        ("record_number", source.record_id.map(Cell::Count)),
        ("line", source.line.map(Cell::Count)),
        ("frame", source.frame.map(Cell::Count)),
        ("repeats", Some(Cell::Count(entry.repeats)).filter(|_| entry.repeats > 0)),
        ("open_with", text(&entry.open_with)),
    ];
    columns.extend(DETAILS.iter().zip(FLAT).map(|(name, flat)| {
        let value = entry.details.iter().find(|(detail, _)| detail == name);
        (flat, value.and_then(|(_, value)| text(value)))
    }));
    columns
}

/// The same names without dots, which a flat object takes for levels.
const FLAT: [&str; 13] = [
    "error_code",
    "tls_version",
    "tls_cipher",
    "tls_client_server_name",
    "tls_client_ja3",
    "tls_client_ja4",
    "tls_server_ja3s",
    "tls_server_subject",
    "tls_server_issuer",
    "tls_server_not_before",
    "tls_server_not_after",
    "tls_server_hash_sha1",
    "tls_server_hash_sha256",
];

/// Microseconds since 1970, rounded down.
fn micros(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1_000)).unwrap_or_default()
}

/// ISO 8601 with six digits behind the second, always: Timesketch takes the form of the
/// first row for that of all.
fn datetime(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{time:.6}").replace('Z', "+00:00")
}

/// The columns that have a value, as one object.
struct Row(Vec<Column>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in self.0.iter().filter_map(|(name, cell)| Some((name, cell.as_ref()?))) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_and_the_shown_time_agree() {
        for (time, shown, expect) in [
            ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000000+00:00", 1_714_557_600_000_000),
            (
                "2024-05-01T10:00:00.1234567Z",
                "2024-05-01T10:00:00.123456+00:00",
                1_714_557_600_123_456,
            ),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999+00:00", -1),
        ] {
            let micros = micros(time.parse().unwrap());
            assert_eq!((micros, datetime(micros).as_str()), (expect, shown));
        }
    }

    #[test]
    fn no_character_of_a_text_ends_a_line() {
        let text = "\u{2028}a\u{85}\u{2029}b\u{b}\n\u{2028}";
        let mut out = Vec::new();
        write_line(&text, &mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "\"\\u2028a\\u0085\\u2029b\\u000b\\n\\u2028\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn what_was_written_is_known_by_its_first_bytes() {
        let mut line = Vec::new();
        serde_json::to_writer(&mut line, &Row(columns(&Entry::nothing()))).unwrap();
        assert!(is_timeline(&line), "{}", String::from_utf8_lossy(&line));
        assert!(!is_timeline(b"") && !is_timeline(br#"{"datetime":"2024-05-01","EventID":4625}"#));
    }

    #[test]
    fn flat_names_are_the_names_without_dots() {
        for (name, flat) in DETAILS.iter().zip(FLAT) {
            assert_eq!(name.replace('.', "_"), flat);
        }
    }
}
