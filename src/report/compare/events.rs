//! Kinds of records that only one of the two attempts has.

use super::model::{DifferenceReport, SideValueReport};
use super::rows::{NONE, Rows, Side};
use crate::report::model::{EventReport, SourceReport};
use std::collections::BTreeMap;

/// The records of one kind: the first, and how many.
type Kinds<'a> = BTreeMap<&'a str, (&'a EventReport, usize)>;

pub(super) fn compare(rows: &mut Rows<'_>) {
    rows.section("Events");
    let (good, bad) = (kinds(&rows.good), kinds(&rows.bad));
    for (name, side) in [("GOOD", &rows.good), ("BAD", &rows.bad)] {
        let left_out = side.attempt.map(|attempt| attempt.events_left_out).unwrap_or_default();
        if left_out > 0 {
            let note = format!("{name} has {left_out} more records that its report does not list.");
            rows.notes.push(note);
        }
    }
    // Without logs nothing says that a record was not written.
    match (has_logs(&rows.good), has_logs(&rows.bad)) {
        (true, true) => {}
        (false, false) => return,
        (true, false) => return rows.notes.push(only_one("GOOD", "BAD")),
        (false, true) => return rows.notes.push(only_one("BAD", "GOOD")),
    }
    let mut names: Vec<&str> = good.keys().chain(bad.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let mut same = 0;
    for name in names {
        let (in_good, in_bad) = (good.get(name), bad.get(name));
        if in_good.is_some() == in_bad.is_some() {
            same += 1;
            continue;
        }
        rows.difference(DifferenceReport {
            what: name.to_owned(),
            good: value(in_good),
            bad: value(in_bad),
            change: None,
        });
    }
    if same > 0 {
        rows.alike(format!("{same} kinds of events"));
    }
}

fn only_one(has: &str, lacks: &str) -> String {
    format!("Events were not compared: {has} has logs, and {lacks} has none.")
}

fn kinds<'a>(side: &Side<'a>) -> Kinds<'a> {
    let mut kinds: Kinds<'a> = BTreeMap::new();
    let events = side.attempt.map(|attempt| attempt.events.as_slice()).unwrap_or_default();
    for event in events.iter().filter(|event| !event.event.is_empty()) {
        kinds.entry(&event.event).or_insert((event, 0)).1 += 1;
    }
    kinds
}

/// Whether any log was read.
fn has_logs(side: &Side<'_>) -> bool {
    side.report.coverage.iter().any(|coverage| coverage.channel.is_some() && coverage.items > 0)
}

fn value(kind: Option<&(&EventReport, usize)>) -> SideValueReport {
    let Some((first, count)) = kind else {
        return SideValueReport { values: vec![NONE.to_owned()], source: None };
    };
    let times = if *count > 1 { format!("{count} records, the first: ") } else { String::new() };
    SideValueReport {
        values: vec![format!("{times}{}", first.message)],
        source: Some(SourceReport {
            file: first.file.clone(),
            record_id: first.record_id,
            line: first.line,
            frame: None,
        }),
    }
}
