//! From two reports to their comparison.

use super::super::model::{AttemptReport, Report, ToolReport};
use super::model::{CompareReport, SideReport};
use super::rows::{Rows, Side};
use super::{attempt, case, choose, events, timing, wire};
use crate::base::counted;
use crate::correlate::Outcome;
use crate::diagnose::Verdict;

/// Version of the comparison's meaning.
const SCHEMA_VERSION: u32 = 1;

/// Attempts that somebody asked for, by their ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chosen {
    pub good: Option<u32>,
    pub bad: Option<u32>,
}

/// Compares one attempt of each report.
///
/// # Errors
/// When a report does not list the attempt that was asked for; the message says which.
pub fn compare(good: &Report, bad: &Report, chosen: Chosen) -> Result<CompareReport, String> {
    let good = Side { report: good, attempt: pick(good, chosen.good, "good", choose::good)? };
    let bad = Side { report: bad, attempt: pick(bad, chosen.bad, "bad", choose::bad)? };
    let mut rows = Rows::new(good, bad);
    case::verdicts(&mut rows);
    attempt::compare(&mut rows);
    wire::compare(&mut rows);
    events::compare(&mut rows);
    case::hosts(&mut rows);
    let timing = timing::compare(&good, &bad);
    let Rows { mut sections, mut same, only_good, only_bad, mut notes, .. } = rows;
    sections.retain(|section| !section.rows.is_empty());
    same.retain(|same| !same.what.is_empty());
    for (name, side) in [("GOOD", good), ("BAD", bad)] {
        if side.report.verdict == Verdict::NoEvidence {
            notes.push(format!("{name} ({}) has no evidence.", side.report.case.name));
        } else if side.attempt.is_none() {
            notes.push(format!("{name} ({}) has no attempt.", side.report.case.name));
        }
    }
    if let Some(attempt) = good.attempt.filter(|attempt| attempt.outcome != Outcome::Succeeded) {
        let id = attempt.id;
        notes.push(format!("The attempt of GOOD ({id}) did not work, as far as is seen."));
    }
    let mut report = CompareReport {
        schema_version: SCHEMA_VERSION,
        tool: ToolReport::this(),
        good: side_report(good),
        bad: side_report(bad),
        summary: String::new(),
        differences: sections,
        timing,
        same,
        only_good,
        only_bad,
        notes,
    };
    report.summary = summary(&report);
    Ok(report)
}

fn pick<'r>(
    report: &'r Report,
    asked: Option<u32>,
    side: &str,
    usual: fn(&Report) -> Option<&AttemptReport>,
) -> Result<Option<&'r AttemptReport>, String> {
    let Some(id) = asked else { return Ok(usual(report)) };
    let found = choose::of_id(report, id);
    let listed = counted(report.attempts.len(), "attempt");
    let name = &report.case.name;
    found.map(Some).ok_or(format!("--{side}-attempt {id}: {name} lists {listed}, and not this one"))
}

fn side_report(side: Side<'_>) -> SideReport {
    let Side { report, attempt } = side;
    let wire = side.wire();
    SideReport {
        name: report.case.name.clone(),
        verdict: report.verdict,
        summary: report.summary.clone(),
        attempt: attempt.map(|attempt| attempt.id),
        attempts: report.attempts.len() + report.attempts_left_out.total(),
        client: wire
            .map(|wire| wire.client.clone())
            .or_else(|| attempt.and_then(|attempt| attempt.client.clone())),
        server: wire
            .map(|wire| wire.server.clone())
            .or_else(|| attempt.and_then(|attempt| attempt.server.clone())),
        outcome: attempt.map(|attempt| attempt.outcome),
        stage_reached: attempt.and_then(|attempt| attempt.stage_reached),
    }
}

impl CompareReport {
    /// Whether nothing differs.
    pub fn is_alike(&self) -> bool {
        self.differences.is_empty()
            && self.only_good.is_empty()
            && self.only_bad.is_empty()
            && !self.timing.iter().any(|timing| timing.differs)
    }
}

fn summary(report: &CompareReport) -> String {
    let empty = [&report.good, &report.bad].iter().any(|s| s.verdict == Verdict::NoEvidence);
    if empty {
        return "Nothing can be compared: one side has no evidence.".to_owned();
    }
    if report.is_alike() {
        return "No difference.".to_owned();
    }
    let rows: usize = report.differences.iter().map(|section| section.rows.len()).sum();
    let slow = report.timing.iter().filter(|timing| timing.differs).count();
    let sections: Vec<&str> =
        report.differences.iter().map(|section| section.title.as_str()).collect();
    let mut said = match rows {
        0 => "No value differs".to_owned(),
        rows => format!("{} in {}", counted(rows, "difference"), sections.join(", ")),
    };
    if slow > 0 {
        said.push_str(&format!("; {} much longer or shorter", counted(slow, "step")));
    }
    for (side, only) in [("GOOD", &report.only_good), ("BAD", &report.only_bad)] {
        if !only.is_empty() {
            said.push_str(&format!("; only {side} shows {}", counted(only.len(), "more value")));
        }
    }
    said + "."
}
