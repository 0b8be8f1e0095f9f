//! Timelines of hayabusa: not records but rule hits on records, with names shortened
//! and codes replaced by words. A record that several rules hit counts once.

use super::super::EventRecord;
use super::json::time_of_text;
use super::sink::Sink;
use crate::base::HostTime;
use crate::knowledge::{Event, Timeline};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// The tables of the knowledge that undo what the tool did.
const TOOL: &str = "hayabusa";

/// Hits that are told apart: each takes about 100 bytes.
const MAX_HITS: usize = 1_000_000;

/// Values of one hit that are kept.
const MAX_VALUES: usize = 256;

/// Columns that hold values, the ones with the most first.
const COLUMNS: [&str; 3] = ["AllFieldInfo", "ExtraFieldInfo", "Details"];

/// What was hit already: host, channel, number of the record (or its time, where it has
/// none) and event id.
#[derive(Debug, Default)]
pub(super) struct Hits {
    seen: HashSet<(Arc<str>, Arc<str>, i128, u16)>,
    full: bool,
}

impl Hits {
    /// Takes a hit as JSON, or as a row whose columns have become keys; false when it is
    /// none.
    pub(super) fn take_json(&mut self, object: &Value, sink: &mut Sink<'_>) -> bool {
        sink.partial("a timeline of rule hits: it holds only what a rule matched");
        let text = |name: &str| object.get(name).and_then(scalar).unwrap_or_default();
        let (Ok(id), Some(time)) = (text("EventID").parse(), time_of_text(&text("Timestamp")))
        else {
            return false;
        };
        let Some(timeline) = sink.timeline(TOOL) else { return false };
        let record_id: u64 = text("RecordID").parse().unwrap_or_default();
        let host: Arc<str> = text("Computer").into();
        let channel: Arc<str> = timeline.channel(&text("Channel")).into();
        let provider = match text("Provider").as_str() {
            "" => sink.provider_of(&channel, id).unwrap_or_default(),
            shown => timeline.provider(shown).to_owned(),
        };
        let number = match record_id {
            0 => time.as_nanosecond(),
            number => i128::from(number),
        };
        if !self.is_new((Arc::clone(&host), Arc::clone(&channel), number, id), sink) {
            return true;
        }
        let fields = match sink.wanted(&provider, id) {
            Some(event) => named(values(object), event, timeline),
            None => Vec::new(),
        };
        sink.record(EventRecord {
            provider,
            id,
            time: HostTime(time),
            record_id,
            channel,
            host,
            activity: None,
            process_id: None,
            fields,
        });
        true
    }

    fn is_new(&mut self, hit: (Arc<str>, Arc<str>, i128, u16), sink: &mut Sink<'_>) -> bool {
        if self.seen.len() < MAX_HITS {
            return self.seen.insert(hit);
        }
        let known = self.seen.contains(&hit);
        if !known && !self.full {
            self.full = true;
            sink.whole_file(format!(
                "records behind the first {MAX_HITS} count as often as rules hit them"
            ));
        }
        !known
    }
}

/// The text of a scalar; `-` and `n/a` stand for nothing.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !matches!(text.as_str(), "" | "-" | "n/a"))
}

/// All values of a hit, under the names that the timeline gives them.
fn values(object: &Value) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for column in COLUMNS {
        match object.get(column) {
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    match value {
                        // Values of one name; places count from 1, as in the names themselves.
                        Value::Array(items) => {
                            let items = items.iter().filter_map(scalar).enumerate();
                            values.extend(
                                items.map(|(i, text)| (format!("{name}[{}]", i + 1), text)),
                            );
                        }
                        value => values.extend(scalar(value).map(|text| (name.clone(), text))),
                    }
                }
            }
            Some(Value::String(text)) => values.extend(details(text)),
            _ => {}
        }
    }
    values
}

/// `TgtUser: alice ¦ SrcIP: 10.0.0.5` taken apart; with its options hayabusa puts each
/// value on a line of its own or separates them by tabs.
fn details(text: &str) -> Vec<(String, String)> {
    let separators: &[char] = match text {
        text if text.contains('¦') => &['¦'],
        text if text.contains('\t') => &['\t'],
        _ => &['\n'],
    };
    let mut values: Vec<(String, String)> = Vec::new();
    for part in text.split(separators) {
        match (part.split_once(": "), values.last_mut()) {
            (Some((name, value)), _) => {
                values.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            // The separator stood inside a value.
            (None, Some((_, value))) if !part.trim().ends_with(':') => {
                value.push(' ');
                value.push_str(part.trim());
            }
            _ => {}
        }
    }
    values.retain(|(_, value)| !matches!(value.as_str(), "" | "-" | "n/a"));
    values
}

/// The values as the log has them; the first of each name counts.
fn named(
    values: Vec<(String, String)>,
    event: &Event,
    timeline: &Timeline,
) -> Vec<(Arc<str>, String)> {
    let mut fields: Vec<(Arc<str>, String)> = Vec::new();
    for (shown, value) in values {
        let name = timeline.field(&shown, event);
        if fields.len() < MAX_VALUES && !fields.iter().any(|(known, _)| **known == *name) {
            let value = timeline.value(&name, &value).to_owned();
            fields.push((name.into(), value));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::EvidenceFile;
    use crate::knowledge::Knowledge;
    use crate::observe::Observation;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::LazyLock;

    static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::embedded().unwrap());

    fn read(hits: &[Value]) -> crate::eventlog::LogFacts {
        let text: String = hits.iter().map(|hit| format!("{hit}\n")).collect();
        let file = EvidenceFile::from_bytes("timeline", text.into_bytes());
        crate::eventlog::read(&file, &KNOWLEDGE)
    }

    fn fields(o: &Observation) -> String {
        o.fields.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
    }

    fn failed_logon(rule: &str) -> Value {
        json!({
            "Timestamp": "2025-06-03 10:15:01.285 +02:00", "RuleTitle": rule, "Level": "low",
            "Computer": "TS01", "Channel": "Sec", "EventID": 4625, "RecordID": 77,
            "Details": {"Type": "10 - REMOTE INTERACTIVE", "TgtUser": "alice", "SrcComp": "-",
                "SrcIP": "10.0.0.5", "AuthPkg": "Negotiate", "Proc": "C:\\x.exe"},
            "ExtraFieldInfo": {"Status": "BAD USER OR PW", "SubStatus": "WRONG PW", "IpPort": "0"},
            "RuleID": "r",
        })
    }

    #[test]
    fn a_record_that_two_rules_hit_is_one_and_says_what_the_log_says() {
        let facts = read(&[failed_logon("A"), failed_logon("B")]);
        let [one] = &facts.observations[..] else { panic!("{facts:?}") };
        assert_eq!(&*one.kind, "event.security.4625");
        assert_eq!(crate::base::rfc3339(one.time.0), "2025-06-03T08:15:01.285Z");
        assert_eq!(one.subject.client, Some("10.0.0.5".parse().unwrap()));
        assert_eq!(one.field("SubStatus"), Some("0xc000006a"));
        assert_eq!(one.field("Status"), Some("0xc000006d"));
        assert_eq!(one.field("LogonType"), Some("10"));
        assert_eq!(facts.coverage[0].items, 1);
        assert_eq!(facts.coverage[0].channel.as_deref(), Some("Security"));
        assert_eq!(facts.coverage[0].holes.len(), 1, "absence proves nothing");
    }

    /// The same hit in a table: values in one column, separated in three ways.
    #[test]
    fn values_in_one_text_are_taken_apart() {
        let text = |separator: &str| {
            ["Type: 3 - NETWORK", "TgtUser: a: b", "SrcIP: ::1", "LID: 0x3"].join(separator)
        };
        for separator in [" ¦ ", "\t", "\r\n"] {
            let hit = json!({"Timestamp": "2025-06-03T08:15:01Z", "RuleTitle": "A", "Computer": "H",
                "Channel": "Security", "EventID": "4624", "RecordID": "5", "Details": text(separator)});
            let facts = read(&[hit]);
            let shown = fields(&facts.observations[0]);
            assert_eq!(
                shown, "LogonType=3 TargetUserName=a: b IpAddress=::1 TargetLogonId=0x3",
                "{separator:?}"
            );
        }
        let odd = details("A: x ¦ y ¦ B: ¦ C: z");
        let odd: Vec<String> = odd.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(odd, ["A=x y", "C=z"]);
    }

    /// Places count from 1 there and from 0 here; the catalog then names them.
    #[test]
    fn unnamed_values_keep_their_places() {
        let hit = |info: Value| {
            json!({"Timestamp": "2025-06-03T08:15:01Z", "RuleTitle": "A", "Computer": "H",
                "Channel": "Sys", "Provider": "TermDD", "EventID": 56, "RecordID": 5,
                "AllFieldInfo": info})
        };
        let numbered = json!({"Data[1]": "\\Device\\Termdd", "Data[2]": "10.0.0.5"});
        for info in [numbered, json!({"Data": ["\\Device\\Termdd", "10.0.0.5"]})] {
            let facts = read(&[hit(info)]);
            let seen = &facts.observations[0];
            assert_eq!(seen.subject.client, Some("10.0.0.5".parse().unwrap()), "{}", fields(seen));
        }
    }

    #[test]
    fn without_a_number_the_time_tells_records_apart() {
        let mut one = failed_logon("A");
        one.as_object_mut().unwrap().remove("RecordID");
        let mut other = one.clone();
        other["Timestamp"] = json!("2025-06-03 10:15:02.000 +02:00");
        assert_eq!(read(&[one.clone(), one, other]).observations.len(), 2);
    }

    #[test]
    fn a_hit_without_time_or_event_is_told() {
        let mut hit = failed_logon("A");
        hit["Timestamp"] = json!("some day");
        let facts = read(&[hit]);
        assert_eq!((facts.observations.len(), facts.gaps.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn any_values_are_survived(name in ".{0,12}", place in ".{0,4}", text in ".{0,40}") {
            let mut hit = failed_logon("A");
            hit["Details"] = json!({format!("{name}[{place}]"): text, name.clone(): [text, null]});
            hit["ExtraFieldInfo"] = json!(text);
            hit["Channel"] = json!(name);
            prop_assert_eq!(read(&[hit]).coverage[0].items, 1);
        }
    }
}
