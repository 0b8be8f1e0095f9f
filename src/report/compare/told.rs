//! Words of the contract, and how values and places are shown.

use super::model::{DifferenceReport, ListChange, SideValueReport, TimingReport};
use crate::correlate::Outcome;
use crate::diagnose::Verdict;
use crate::report::SourceReport;

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Diagnosed => "diagnosed",
        Verdict::NoFailureFound => "no_failure_found",
        Verdict::Inconclusive => "inconclusive",
        Verdict::NoEvidence => "no_evidence",
    }
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
    }
}

/// Items of a list that are shown of one kind.
const MOST_ITEMS: usize = 24;

fn joined(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(MOST_ITEMS).map(String::as_str).collect();
    let more = items.len().saturating_sub(MOST_ITEMS);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// What both cells of a row say.
pub(super) fn cells(row: &DifferenceReport) -> [String; 2] {
    match &row.change {
        None => [joined(&row.good.values), joined(&row.bad.values)],
        Some(change) => {
            let only = |items: &[String]| match items {
                [] => "nothing more".to_owned(),
                items => format!("only here: {}", joined(items)),
            };
            [only(&change.removed), format!("{}{}", only(&change.added), moved(change))]
        }
    }
}

fn moved(change: &ListChange) -> String {
    if change.moved.is_empty() {
        return String::new();
    }
    let moved: Vec<String> = change
        .moved
        .iter()
        .map(|moved| format!("{} (from {} to {})", moved.item, moved.from, moved.to))
        .collect();
    format!("; moved: {}", joined(&moved))
}

/// Where a value stands.
pub(super) fn place(value: &SideValueReport) -> Option<String> {
    value.source.as_ref().map(shown)
}

pub(super) fn shown(source: &SourceReport) -> String {
    let SourceReport { file, record_id, line, frame } = source;
    match (record_id, line, frame) {
        (Some(record), _, _) => format!("{file} record {record}"),
        (_, Some(line), _) => format!("{file} line {line}"),
        (_, _, Some(frame)) => format!("{file} frame {frame}"),
        _ => file.clone(),
    }
}

/// `ms` of both, and how many times.
pub(super) fn timing(timing: &TimingReport) -> [String; 4] {
    let ratio = timing.ratio.map(|ratio| format!("{ratio:.2}x")).unwrap_or_default();
    let mark = if timing.differs { " DIFFERS" } else { "" };
    [
        format!("{} to {} ({})", timing.after, timing.step, timing.by),
        format!("{:.1} ms", timing.good_ms),
        format!("{:.1} ms", timing.bad_ms),
        format!("{ratio}{mark}"),
    ]
}
