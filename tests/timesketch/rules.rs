//! What Timesketch asks of a file, as far as its importer and its server say: the fields that
//! must be there, times, tags, names that it uses itself, and one type for each field, because
//! the first value of a field settles it for the index. From the public sources of
//! google/timesketch: `timesketch/lib/utils.py`, `timesketch/lib/tasks.py`,
//! `data/generic.mappings` and the client's `importer.py`.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// Fields without which a row is refused.
const MANDATORY: [&str; 3] = ["message", "datetime", "timestamp_desc"];

/// Fields that Timesketch makes itself, or that the importer takes away.
const RESERVED: [&str; 3] = ["label", "timesketch_label", "lang"];

/// Bytes of a value that the index still finds as a whole.
const LONGEST_VALUE: usize = 32_766;

/// A row, with a field twice where it is there twice.
pub(super) struct Row(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Row(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The rows of a `.jsonl` file that Timesketch takes whole, or why it does not.
pub(super) fn jsonl(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let text = utf8(bytes)?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    // The importer ends a line at each of these.
    if let Some(end) = text.chars().find(|c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')) {
        return Err(format!("{end:?} ends a line"));
    }
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let row: Row =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        rows.push(row);
    }
    all(rows)
}

/// The rows of a `.csv` file that Timesketch takes whole, or why it does not.
pub(super) fn csv(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut records = records(utf8(bytes)?)?.into_iter();
    let header = records.next().ok_or("no header")?;
    names(header.iter().map(String::as_str))?;
    let mut rows = Vec::new();
    for (index, record) in records.enumerate() {
        if record.len() != header.len() {
            return Err(format!("row {}: {} fields", index + 1, record.len()));
        }
        let given = header.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        rows.push(Row(given.map(|(name, cell)| (name.clone(), cell_value(name, &cell))).collect()));
    }
    all(rows)
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    // It would become part of the first name.
    match text.starts_with('\u{feff}') {
        true => Err("a byte order mark".into()),
        false => Ok(text),
    }
}

/// What Timesketch makes of a cell: `timestamp` is a number, `tag` a list.
fn cell_value(name: &str, cell: &str) -> Value {
    match name {
        "timestamp" => cell.parse::<i64>().map_or_else(|_| cell.into(), Value::from),
        "tag" if cell == "-" => Value::Array(Vec::new()),
        "tag" => cell.split(',').collect(),
        _ => cell.into(),
    }
}

/// RFC 4180.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    match quoted || !record.is_empty() || !cell.is_empty() {
        true => Err("the last row has no end".into()),
        false => Ok(records),
    }
}

/// What holds of each row and of all together.
fn all(rows: Vec<Row>) -> Result<Vec<Row>, String> {
    let mut types: HashMap<&str, &str> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let at = |what: String| format!("row {}: {what}", index + 1);
        names(row.0.iter().map(|(name, _)| name.as_str())).map_err(at)?;
        values(row).map_err(at)?;
        times(row).map_err(at)?;
        for (name, value) in &row.0 {
            let is = kind(value);
            let first = types.entry(name).or_insert(is);
            if *first != is {
                return Err(at(format!("{name} is {is}, and {first} in rows before")));
            }
        }
    }
    Ok(rows)
}

/// The names of the fields: the mandatory ones, none twice, none that Timesketch uses itself.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("the name {name:?}"));
        }
        // `_id`, `_index`, `__ts_timeline_id` and their like are thrown away or replaced.
        if name.starts_with('_') || RESERVED.contains(&name) {
            return Err(format!("{name} is a name of Timesketch's own"));
        }
        if !seen.insert(name) {
            return Err(format!("{name} is there twice"));
        }
    }
    match MANDATORY.iter().find(|name| !seen.contains(**name)) {
        Some(name) => Err(format!("no {name}")),
        None => Ok(()),
    }
}

fn values(row: &Row) -> Result<(), String> {
    for (name, value) in &row.0 {
        let said = match (name.as_str(), value) {
            ("tag", Value::Array(tags)) => {
                let good = |tag: &Value| tag.as_str().is_some_and(|tag| !tag.is_empty());
                (!tags.iter().all(good)).then(|| "a tag that is no text".to_owned())
            }
            ("tag", _) => Some("tag is no list".to_owned()),
            (_, Value::String(text)) if text.is_empty() => Some(format!("{name} is empty")),
            (_, Value::String(text)) if text.len() > LONGEST_VALUE => {
                Some(format!("{name} has {} bytes", text.len()))
            }
            (_, Value::String(_) | Value::Number(_)) => None,
            _ => Some(format!("{name} is neither text nor number")),
        };
        if let Some(said) = said {
            return Err(said);
        }
    }
    Ok(())
}

/// ISO 8601 with a zone, and the same microsecond in `timestamp`.
fn times(row: &Row) -> Result<(), String> {
    let value = |name: &str| row.0.iter().find(|(field, _)| field == name).map(|(_, v)| v);
    let shown = value("datetime").and_then(Value::as_str).ok_or("datetime is no text")?;
    let time: jiff::Timestamp = shown.parse().map_err(|error| format!("datetime: {error}"))?;
    let stamp = value("timestamp").and_then(Value::as_i64).ok_or("timestamp is no number")?;
    match (time.as_microsecond() == stamp, time.subsec_nanosecond() % 1_000) {
        (true, 0) => Ok(()),
        _ => Err(format!("datetime {shown} is not timestamp {stamp}")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::Array(_) => "a list",
        _ => "a text",
    }
}

const GOOD: &str = r#"{"message":"m","datetime":"2024-05-01T10:00:00.000001+00:00","timestamp_desc":"t","timestamp":1714557600000001,"tag":["a"]}"#;

#[track_caller]
fn refused(text: &str, why: &str) {
    let said = jsonl(text.as_bytes()).err().unwrap_or_else(|| panic!("taken: {text}"));
    assert!(said.contains(why), "{said}");
}

#[test]
fn the_checker_sees_every_broken_rule() {
    assert!(jsonl(b"").is_ok_and(|rows| rows.is_empty()));
    assert!(jsonl(format!("{GOOD}\n{GOOD}\n").as_bytes()).is_ok_and(|rows| rows.len() == 2));
    refused(GOOD, "no end");
    refused(&format!("[{GOOD}]\n"), "expected an object");
    refused(&format!("\u{feff}{GOOD}\n"), "byte order mark");
    refused(&format!("{GOOD}\n\n"), "line 2");
    for (from, to, why) in [
        ("\"message\":\"m\"", "\"text\":\"m\"", "no message"),
        ("\"m\"", "\"a\u{2028}b\"", "ends a line"),
        ("\"m\"", "\"\"", "message is empty"),
        ("\"m\"", "\"m\",\"message\":\"n\"", "message is there twice"),
        ("\"m\"", "\"m\",\"__ts_timeline_id\":1", "Timesketch's own"),
        ("\"m\"", "\"m\",\"label\":\"x\"", "Timesketch's own"),
        ("\"m\"", "\"m\",\"tls.version\":\"1.2\"", "the name"),
        ("\"m\"", "\"m\",\"user\":null", "neither text nor number"),
        ("\"m\"", "\"m\",\"user\":{\"name\":\"x\"}", "neither text nor number"),
        ("000001+00:00", "000001", "datetime"),
        ("000001+00:00", "000002+00:00", "is not timestamp"),
        ("000001+00:00", "0000015+00:00", "is not timestamp"),
        (":1714557600000001", ":\"1714557600000001\"", "timestamp is no number"),
        ("[\"a\"]", "\"a\"", "tag is no list"),
        ("[\"a\"]", "[\"\"]", "no text"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        refused(&format!("{}\n", GOOD.replacen(from, to, 1)), why);
    }
    let port = |value: &str| GOOD.replacen("\"m\"", &format!("\"m\",\"port\":{value}"), 1);
    refused(&format!("{}\n{}\n", port("1"), port("\"1\"")), "in rows before");
}

#[test]
fn the_checker_of_csv_sees_what_csv_alone_can_break() {
    let head = "message,datetime,timestamp_desc,timestamp,tag\r\n";
    let row = "\"a, \"\"b\"\"\",2024-05-01T10:00:00.000001+00:00,t,1714557600000001,-\r\n";
    assert!(csv(head.as_bytes()).is_ok_and(|rows| rows.is_empty()));
    assert!(csv(format!("{head}{row}").as_bytes()).is_ok_and(|rows| rows.len() == 1));
    for (text, why) in [
        (String::new(), "no header"),
        (head.replace("tag", "message"), "twice"),
        (head.replace("datetime", "date"), "no datetime"),
        (format!("{head}{}", row.replace(",-", "")), "4 fields"),
        (format!("{head}{}", row.trim_end()), "no end"),
        (format!("{head}{}", row.replace(",-", ",a,,b")), "7 fields"),
        (format!("{head}{}", row.replace(",-", ",\"a,,b\"")), "no text"),
    ] {
        let said = csv(text.as_bytes()).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(said.contains(why), "{said}");
    }
}
