//! The error dialog of mstsc, copied with Ctrl+C or typed into a ticket.
//!
//! ```text
//! Error code: 0x904
//! Extended error code: 0x7
//! Timestamp (UTC): 11/18/25 09:41:53 PM
//! Activity ID: 3f2504e0-4f89-11d3-9a0c-0305e82c3301
//! ```
//!
//! The labels are in the language of the client, so only the values are looked at.

use crate::base::HostTime;
use crate::knowledge::Knowledge;
use crate::knowledge::lookup::{is_extended_reason, is_reason};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Dialogs of one text that are read.
const MOST_DIALOGS: usize = 64;

/// Lines below the codes in which their time and id may stand.
const LINES_BELOW: usize = 4;

/// Lower reasons are no errors of the client; any text may hold such small numbers.
const FIRST_ERROR: u32 = 0x100;

/// A number with `0x` in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    value: u32,
    /// It follows a colon, as in the dialog.
    labelled: bool,
}

/// All error dialogs of a text.
pub(super) fn read(text: &str, file: &Arc<str>, knowledge: &Knowledge) -> Vec<Observation> {
    let lines: Vec<&str> = text.lines().collect();
    let mut dialogs = Vec::new();
    let mut at = 0;
    while let (Some(line), true) = (lines.get(at), dialogs.len() < MOST_DIALOGS) {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let Some((reason, extended, used)) = codes(line, rest, knowledge) else {
            at += 1;
            continue;
        };
        let from = rest.get(used..).unwrap_or_default();
        // The next dialog's time is not this one's.
        let below = from.iter().take(LINES_BELOW).take_while(|line| numbers(line).is_empty());
        let near: Vec<&str> =
            [line].into_iter().chain(rest.iter().take(used)).chain(below).copied().collect();
        dialogs.push(observation(reason, extended, &near, at + 1, file));
        at += 1 + used;
    }
    dialogs
}

/// Reason and extended reason that begin in a line, and how many lines below belong to
/// them.
fn codes(line: &str, rest: &[&str], knowledge: &Knowledge) -> Option<(u32, Option<u32>, usize)> {
    let found = numbers(line);
    let reason = *found.first()?;
    let likely = reason.labelled || reason.value >= FIRST_ERROR;
    if !likely || !is_reason(knowledge, i64::from(reason.value)) {
        return None;
    }
    let extended = |number: &Number| is_extended_reason(knowledge, i64::from(number.value));
    if let Some(second) = found.get(1) {
        return extended(second).then_some((reason.value, Some(second.value), 0));
    }
    // An empty line may stand between.
    for (below, next) in rest.iter().take(2).enumerate() {
        match numbers(next).as_slice() {
            [only] if only.labelled == reason.labelled && extended(only) => {
                return Some((reason.value, Some(only.value), below + 1));
            }
            [] if next.trim().is_empty() => {}
            _ => break,
        }
    }
    // A number alone is a code only where the dialog's form says so.
    reason.labelled.then_some((reason.value, None, 0))
}

/// The numbers with `0x` of a line, at most three of them.
fn numbers(line: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut rest = line;
    while let (Some((before, after)), true) = (rest.split_once("0x"), found.len() < 3) {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let (hex, tail) = after.split_at(digits);
        let whole =
            !before.ends_with(char::is_alphanumeric) && !tail.starts_with(char::is_alphanumeric);
        if let (Ok(value), true) = (u32::from_str_radix(hex, 16), whole) {
            let label = before.trim_end();
            found.push(Number { value, labelled: label.ends_with([':', '：']) });
        }
        rest = tail;
    }
    found
}

fn observation(
    reason: u32,
    extended: Option<u32>,
    near: &[&str],
    line: usize,
    file: &Arc<str>,
) -> Observation {
    let time = near.iter().find_map(|line| time(line));
    let mut fields: Vec<(Arc<str>, String)> = vec![("reason".into(), reason.to_string())];
    fields.extend(extended.map(|code| ("extended".into(), code.to_string())));
    fields.push(("dated".into(), if time.is_some() { "yes" } else { "no" }.to_owned()));
    Observation {
        kind: "client.dialog".into(),
        time: time.unwrap_or(HostTime(jiff::Timestamp::UNIX_EPOCH)),
        vantage: Vantage::Document { file: Arc::clone(file) },
        subject: Subject {
            activity: near.iter().find_map(|line| guid(line)),
            ..Subject::default()
        },
        fields,
        source: Source { file: Arc::clone(file), place: Place::Line(line as u64) },
        repeats: 0,
    }
}

/// How the time is written: by mstsc itself, and by people who copy it.
const SPELLINGS: [&str; 9] = [
    "%m/%d/%y %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
];

/// The time at the end of a line, in UTC as the dialog writes it.
fn time(line: &str) -> Option<HostTime> {
    let line = line.trim().trim_end_matches(['.', ')', ']']);
    let digits = line.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at);
    // Labels and other numbers may stand before it: it begins at one of the digits.
    digits.take(64).filter_map(|at| line.get(at..)).find_map(|text| {
        let parsed = SPELLINGS.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
        Some(HostTime(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    })
}

/// An id such as `3f2504e0-4f89-11d3-9a0c-0305e82c3301`, as observations write them.
fn guid(line: &str) -> Option<Arc<str>> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let words = line.split(|c: char| !is_part(c));
    let found = words.into_iter().find(|word| {
        let lengths: Vec<usize> = word.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12]
    })?;
    Some(format!("{{{}}}", found.to_ascii_lowercase()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let knowledge = Knowledge::embedded().unwrap();
        let dialogs = read(text, &"dialog.txt".into(), &knowledge);
        let shown = |dialog: &Observation| {
            let Place::Line(line) = dialog.source.place else { panic!("{dialog:?}") };
            let time = match dialog.field("dated") {
                Some("yes") => dialog.time.0.to_string(),
                _ => "-".to_owned(),
            };
            let extended = dialog.field("extended").unwrap_or("-");
            let activity = dialog.subject.activity.as_deref().unwrap_or("-");
            format!("{line}: {} {extended} {time} {activity}", dialog.field("reason").unwrap())
        };
        dialogs.iter().map(shown).collect()
    }

    #[test]
    fn the_dialog_is_read_in_any_language() {
        let text = "[Window Title]\nRemote Desktop Connection\n\n[Expanded Information]\nError code: 0x904\nExtended error code: 0x7\nTimestamp (UTC): 11/18/25 09:41:53 PM\nActivity ID: 3F2504E0-4F89-11D3-9A0C-0305E82C3301\n\n[OK] [Help]\n";
        assert_eq!(
            told(text),
            ["5: 2308 7 2025-11-18T21:41:53Z {3f2504e0-4f89-11d3-9a0c-0305e82c3301}"]
        );
        let german = "Fehlercode: 0x204\nErweiterter Fehlercode: 0x0\nZeitstempel (UTC): 06/03/25 08:15:01 AM";
        assert_eq!(told(german), ["1: 516 0 2025-06-03T08:15:01Z -"]);
        let chinese = "错误代码：0x904\n扩展错误代码：0x7\n时间戳 (UTC)：06/03/25 08:15:01 AM";
        assert_eq!(told(chinese), ["1: 2308 7 2025-06-03T08:15:01Z -"]);
    }

    #[test]
    fn codes_in_a_sentence_are_read() {
        assert_eq!(told("RDP fails, error code 0x904, extended 0x7"), ["1: 2308 7 - -"]);
        assert_eq!(told("He gets Error code: 0x108 since Monday"), ["1: 264 - - -"]);
        let two = "Error code: 0x904\nExtended error code: 0x7\n\nError code: 0x204\nExtended error code: 0x0\nTimestamp (UTC): 06/03/25 08:15:01 AM";
        assert_eq!(told(two), ["1: 2308 7 - -", "4: 516 0 2025-06-03T08:15:01Z -"]);
    }

    #[test]
    fn other_numbers_are_no_codes() {
        for text in [
            "",
            "0x904",
            "address 0x7ffe0000: 0x12",
            "Status: 0xC000006D",
            "crc: 0x904x",
            "0x1 and 0x2",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(0x[0-9a-f]{0,9}|: |\n|[a-z/0-9 ]{1,6}|：){0,60}") {
            let _ = told(&text);
        }
    }
}
