//! Writers of the forms in which tools export events, from what the `evtx` crate reads.

use evtx::{EvtxParser, ParserSettings};
use rdp_triage::knowledge::Knowledge;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// All records of a log, as the `evtx` crate gives them.
pub(super) fn records(log: &Path) -> Vec<Value> {
    let mut parser =
        EvtxParser::from_path(log).unwrap().with_configuration(ParserSettings::default());
    parser.records_json_value().map(|record| record.unwrap().data).collect()
}

/// One record for each line.
pub(super) fn json_lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(object) => object.get("#text").map(text).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}

fn system<'v>(record: &'v Value, element: &str) -> &'v Value {
    &record["Event"]["System"][element]
}

fn attribute(record: &Value, element: &str, name: &str) -> String {
    text(&system(record, element)["#attributes"][name])
}

/// The values of a record in their order, by name.
fn values(record: &Value) -> Vec<(String, String)> {
    let event = &record["Event"];
    let part = match &event["EventData"] {
        Value::Object(data) => data.clone(),
        _ => match event["UserData"].as_object().and_then(|user| user.values().next()) {
            Some(Value::Object(inner)) => inner.clone(),
            _ => Map::new(),
        },
    };
    let mut values = Vec::new();
    for (name, value) in &part {
        match (name.as_str(), value) {
            ("#attributes", _) => {}
            ("Data", Value::Object(data)) => match &data["#text"] {
                Value::Array(items) => {
                    values.extend(items.iter().map(|item| (String::new(), text(item))));
                }
                one => values.push((String::new(), text(one))),
            },
            ("Data", one) => values.push((String::new(), text(one))),
            (name, value) => values.push((name.to_owned(), text(value))),
        }
    }
    values
}

/// `wevtutil qe /f:xml`, with a root around the events.
pub(super) fn xml(records: &[Value]) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>");
    for record in records {
        out.push_str(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>",
        );
        for (name, value) in record["Event"]["System"].as_object().unwrap() {
            element(&mut out, name, value);
        }
        out.push_str("</System>");
        if record["Event"]["EventData"].is_object() {
            out.push_str("<EventData>");
            for (name, value) in values(record) {
                let value = escaped(&value);
                let _ = match name.as_str() {
                    "" => write!(out, "<Data>{value}</Data>"),
                    "Binary" => write!(out, "<Binary>{value}</Binary>"),
                    name => write!(out, "<Data Name='{name}'>{value}</Data>"),
                };
            }
            out.push_str("</EventData>");
        } else {
            element(&mut out, "UserData", &record["Event"]["UserData"]);
        }
        out.push_str("<RenderingInfo Culture='de-DE'><Message>Text</Message></RenderingInfo>");
        out.push_str("</Event>");
    }
    out + "</Events>\r\n"
}

fn element(out: &mut String, name: &str, value: &Value) {
    let _ = write!(out, "<{name}");
    for (attribute, value) in value["#attributes"].as_object().into_iter().flatten() {
        let _ = write!(out, " {attribute}='{}'", escaped(&text(value)));
    }
    out.push('>');
    out.push_str(&escaped(&text(value)));
    for (name, value) in value.as_object().into_iter().flatten() {
        if !name.starts_with('#') {
            element(out, name, value);
        }
    }
    let _ = write!(out, "</{name}>");
}

/// `Get-WinEvent | Export-Clixml -Depth 3`: values without names, numbers in decimal.
pub(super) fn clixml(records: &[Value], knowledge: &Knowledge) -> String {
    let mut out = String::from(
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\r\n",
    );
    for (number, record) in records.iter().enumerate() {
        let (provider, id) =
            (attribute(record, "Provider", "Name"), text(system(record, "EventID")));
        let _ = write!(
            out,
            "  <Obj RefId=\"{number}\">\r\n    <TNRef RefId=\"0\" />\r\n    <ToString>an event</ToString>\r\n    <Props>\r\n      <I32 N=\"Id\">{id}</I32>\r\n      <S N=\"ProviderName\">{provider}</S>\r\n"
        );
        for (kind, name, value) in [
            ("S", "LogName", text(system(record, "Channel"))),
            ("S", "MachineName", text(system(record, "Computer"))),
            ("I64", "RecordId", text(system(record, "EventRecordID"))),
            ("DT", "TimeCreated", attribute(record, "TimeCreated", "SystemTime")),
            ("I32", "ProcessId", attribute(record, "Execution", "ProcessID")),
            (
                "G",
                "ActivityId",
                attribute(record, "Correlation", "ActivityID").replace(['{', '}'], ""),
            ),
        ] {
            let _ = match value.as_str() {
                "" => write!(out, "      <Nil N=\"{name}\" />\r\n"),
                value => write!(out, "      <{kind} N=\"{name}\">{value}</{kind}>\r\n"),
            };
        }
        out.push_str("      <Obj N=\"Properties\" RefId=\"7\">\r\n        <LST>\r\n");
        for value in in_order(&provider, id.parse().unwrap(), values(record), knowledge) {
            let _ = write!(
                out,
                "          <Obj RefId=\"9\"><Props>{}</Props></Obj>\r\n",
                property(&value)
            );
        }
        out.push_str("        </LST>\r\n      </Obj>\r\n    </Props>\r\n    <MS><S N=\"Message\">a_x000D__x000A_b</S></MS>\r\n  </Obj>\r\n");
    }
    out + "</Objs>"
}

/// .NET makes signed numbers of 32 bits in hex, and unsigned ones of 64.
fn property(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    match number.map(|number| u32::try_from(number).map_err(|_| number)) {
        Some(Ok(number)) => format!("<I32 N=\"Value\">{}</I32>", number.cast_signed()),
        Some(Err(number)) => format!("<U64 N=\"Value\">{number}</U64>"),
        None => format!("<S N=\"Value\">{}</S>", escaped(&value.replace('_', "_x005F_"))),
    }
}

/// As the manifest orders them: Windows writes every value, the samples only some.
fn in_order(
    provider: &str,
    id: u16,
    values: Vec<(String, String)>,
    knowledge: &Knowledge,
) -> Vec<String> {
    let fields = knowledge.event(provider, id).map(|(_, event)| event.fields.clone());
    let Some(fields) = fields.filter(|fields| !fields.is_empty()) else {
        return values.into_iter().map(|(_, value)| value).collect();
    };
    let value = |name: &String| {
        values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    fields.iter().map(|name| value(name).unwrap_or_default()).collect()
}

/// EvtxECmd `--csv`.
pub(super) fn evtxecmd(records: &[Value]) -> String {
    let mut out = String::from(
        "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,UserId,Payload\r\n",
    );
    for (number, record) in records.iter().enumerate() {
        let payload = if record["Event"]["EventData"].is_object() {
            let data: Vec<Value> = values(record)
                .into_iter()
                .map(|(name, value)| json!({"@Name": name, "#text": value}))
                .collect();
            json!({"EventData": {"Data": data}})
        } else {
            json!({"UserData": record["Event"]["UserData"]})
        };
        let time =
            attribute(record, "TimeCreated", "SystemTime").replace('T', " ").replace('Z', "");
        let columns = [
            number.to_string(),
            text(system(record, "EventRecordID")),
            time,
            text(system(record, "EventID")),
            "Info".to_owned(),
            attribute(record, "Provider", "Name"),
            text(system(record, "Channel")),
            attribute(record, "Execution", "ProcessID"),
            "0".to_owned(),
            text(system(record, "Computer")),
            String::new(),
            payload.to_string(),
        ];
        let columns = columns.map(|column| match column.contains(['"', ',']) {
            true => format!("\"{}\"", column.replace('"', "\"\"")),
            false => column,
        });
        let _ = write!(out, "{}\r\n", columns.join(","));
    }
    out
}

/// Velociraptor's `parse_evtx`, one object a line.
pub(super) fn velociraptor(records: &[Value]) -> String {
    let mut out = String::new();
    for record in records {
        let time: jiff::Timestamp = attribute(record, "TimeCreated", "SystemTime").parse().unwrap();
        let row = json!({
            "System": {
                "Provider": {"Name": attribute(record, "Provider", "Name")},
                "EventID": {"Value": text(system(record, "EventID")).parse::<u16>().unwrap()},
                "TimeCreated": {"SystemTime": time.as_duration().as_secs_f64()},
                "EventRecordID": system(record, "EventRecordID"),
                "Correlation": {"ActivityID": attribute(record, "Correlation", "ActivityID")},
                "Execution": {"ProcessID": system(record, "Execution")["#attributes"]["ProcessID"]},
                "Channel": system(record, "Channel"),
                "Computer": system(record, "Computer"),
            },
            "EventData": record["Event"]["EventData"],
            "UserData": record["Event"]["UserData"],
        });
        let _ = writeln!(out, "{row}");
    }
    out
}

/// What Event Viewer saves as CSV on a German host.
pub(super) fn viewer(records: &[Value]) -> String {
    let mut out = String::from("Ebene,Datum und Uhrzeit,Quelle,Ereignis-ID,Aufgabenkategorie\r\n");
    for record in records {
        let time: jiff::Timestamp = attribute(record, "TimeCreated", "SystemTime").parse().unwrap();
        let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let source = attribute(record, "Provider", "Name").replace("Microsoft-Windows-", "");
        let _ = write!(
            out,
            "Fehler,{:02}.{:02}.{} {:02}:{:02}:{:02},{source},{},Keine,\"Ein Text\r\nmit \"\"Zeilen\"\"\"\r\n",
            time.day(),
            time.month(),
            time.year(),
            time.hour(),
            time.minute(),
            time.second(),
            text(system(record, "EventID")),
        );
    }
    out
}

/// UTF-16 with its mark, as PowerShell writes text.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}
