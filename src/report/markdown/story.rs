//! What happened: the codes that the user saw, the attempts with their records, what was
//! before, and what is well.

use super::escape::{code, plain, table};
use super::heading;
use crate::base::counted;
use crate::correlate::Outcome;
use crate::knowledge::StepOutcome;
use crate::report::events::telling;
use crate::report::model::{AttemptReport, CheckReport, Report};
use crate::report::seen::what_is_seen;
use crate::report::text::{short_host, short_name};
use crate::report::words::{
    before, chosen, conversation_filter, in_file, place, sentence, short_time, time_of_day,
};
use std::io::{self, Write};

const MOST_CODES: usize = 3;
const MOST_ATTEMPTS: usize = 12;
/// Attempts whose records are shown, and records of each.
const MOST_TOLD: usize = 3;
const MOST_RECORDS: usize = 12;

pub(super) fn client_codes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.client_codes.is_empty() {
        return Ok(());
    }
    heading("What the client's codes say", out)?;
    let codes = report.client_codes.iter().take(MOST_CODES);
    codes.into_iter().try_for_each(|codes| writeln!(out, "- {}", plain(&sentence(codes))))
}

pub(super) fn attempts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.attempts.is_empty() {
        return Ok(());
    }
    heading("Attempts", out)?;
    let (shown, left) = chosen(report, MOST_ATTEMPTS);
    let rows: Vec<Vec<String>> = shown.iter().map(|attempt| attempt_row(attempt)).collect();
    let header = ["#", "start (UTC)", "client", "server", "outcome", "reached", "seen"];
    table(&header, &rows, out)?;
    let unlisted = report.attempts_left_out.total() + left;
    if unlisted > 0 {
        writeln!(out, "\nNot shown: {}.", counted(unlisted, "attempt"))?;
    }
    filters(&shown, out)?;
    let asked = report.diagnoses.first().map(|first| first.attempts.as_slice());
    let asked = asked.unwrap_or_default();
    let told = report.attempts.iter().filter(|attempt| asked.contains(&attempt.id));
    told.take(MOST_TOLD).try_for_each(|attempt| records(report, attempt, out))
}

fn attempt_row(attempt: &AttemptReport) -> Vec<String> {
    vec![
        attempt.id.to_string(),
        short_time(&attempt.start),
        plain(attempt.client.as_deref().unwrap_or("unknown")),
        plain(attempt.server.as_deref().unwrap_or("unknown")),
        match attempt.outcome {
            Outcome::Succeeded => "succeeded".to_owned(),
            Outcome::Failed => "**failed**".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
        },
        attempt.stage_reached.map_or("", |stage| stage.name()).to_owned(),
        plain(&what_is_seen(attempt)),
    ]
}

/// How to see the packets of the attempts.
fn filters(shown: &[&AttemptReport], out: &mut dyn Write) -> io::Result<()> {
    let wires = shown.iter().filter_map(|attempt| Some((attempt.id, attempt.wire.as_ref()?)));
    for (number, (id, wire)) in wires.take(MOST_TOLD).enumerate() {
        if number == 0 {
            writeln!(out)?;
        }
        let filter = code(&conversation_filter(wire));
        let (first, last) = (wire.first_frame, wire.last_frame);
        let file = plain(&wire.file);
        let id_of_flow = &wire.tcp.community_id;
        writeln!(
            out,
            "- Attempt {id}: \\[{file} frame {first}\\] to frame {last}: {filter} (Community ID `{id_of_flow}`)"
        )?;
    }
    Ok(())
}

fn records(report: &Report, attempt: &AttemptReport, out: &mut dyn Write) -> io::Result<()> {
    let records = telling(report, attempt, MOST_RECORDS);
    if records.is_empty() {
        return Ok(());
    }
    heading(&format!("Records of attempt {}", attempt.id), out)?;
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|event| {
            vec![
                time_of_day(&event.time),
                plain(short_host(&event.host)),
                plain(short_name(&event.event)),
                plain(&event.message),
                plain(&in_file(&event.file, event.record_id, event.line, None)),
            ]
        })
        .collect();
    table(&["time (UTC)", "host", "event", "what it says", "where"], &rows, out)?;
    let left = (attempt.events.len() - records.len()) as u64;
    let left = left.saturating_add(attempt.events_left_out);
    if left > 0 {
        writeln!(out, "\nMore records of it in the JSON report: {left}.")?;
    }
    Ok(())
}

pub(super) fn background(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(background) = &report.background else { return Ok(()) };
    heading("Before the first failure", out)?;
    if let (Some(id), Some(at)) = (background.last_success, &background.last_success_at) {
        writeln!(out, "- Attempt {id} worked, until {}.", short_time(at))?;
    }
    for change in &background.changes {
        let event = &change.event;
        let often = match change.times {
            0 | 1 => String::new(),
            times => format!(", {times} times, last"),
        };
        writeln!(
            out,
            "- {} before{often} ({}, {}): {} \\[{}\\]",
            before(change.seconds_before),
            plain(short_host(&event.host)),
            plain(short_name(&event.event)),
            plain(&event.message),
            plain(&in_file(&event.file, event.record_id, event.line, None)),
        )?;
    }
    if background.more_changes > 0 {
        writeln!(
            out,
            "- {} of changes left out.",
            counted(background.more_changes, "earlier kind")
        )?;
    }
    Ok(())
}

/// What is not well, step by step; of what is well only how much.
pub(super) fn checks(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.checks.is_empty() {
        return Ok(());
    }
    heading("Health checks", out)?;
    report.checks.iter().try_for_each(|check| one_check(check, out))
}

fn one_check(check: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    let of = |outcome| check.steps.iter().filter(move |step| step.outcome == outcome);
    let (good, bad) = (of(StepOutcome::Ok).count(), of(StepOutcome::Failed).count());
    let about = check.attempt.map(|id| format!(" (attempt {id})")).unwrap_or_default();
    let unknown = check.steps.len() - good - bad;
    writeln!(out, "- {}{about} {good} ok, {bad} failed, {unknown} not known", plain(&check.title))?;
    for step in of(StepOutcome::Failed) {
        let source = step.source.as_ref().map(|source| format!(" \\[{}\\]", plain(&place(source))));
        let what = plain(&step.what);
        let statement = plain(&step.statement);
        writeln!(out, "  - **{what}**: {statement}{}", source.unwrap_or_default())?;
    }
    Ok(())
}
