//! What worked last, and what changed since.

use super::build::rounded;
use super::events::event_report;
use super::model::{BackgroundReport, ChangeReport};
use crate::base::{CaseTime, millis_between, rfc3339};
use crate::correlate::Case;
use crate::diagnose::{Change, Findings};
use crate::knowledge::Knowledge;

/// Nothing where nothing is known of the time before the failure.
pub(super) fn report(
    case: &Case,
    findings: &Findings,
    knowledge: &Knowledge,
) -> Option<BackgroundReport> {
    let background = &findings.background;
    let first_failure = background.first_failure?;
    if background.last_success.is_none() && background.changes.is_empty() {
        return None;
    }
    let success = background.last_success;
    let success_end = case.attempts.iter().find(|a| Some(a.id) == success).map(|a| a.end);
    let changes = background.changes.iter();
    Some(BackgroundReport {
        first_failure: rfc3339(first_failure.0),
        last_success: success,
        last_success_at: success_end.map(|end| rfc3339(end.0)),
        changes: changes.filter_map(|one| change(case, knowledge, one, first_failure)).collect(),
        more_changes: background.more,
    })
}

fn change(
    case: &Case,
    knowledge: &Knowledge,
    change: &Change,
    first_failure: CaseTime,
) -> Option<ChangeReport> {
    let record = case.observations.get(change.record)?;
    let time = case.time(record);
    Some(ChangeReport {
        times: change.times,
        seconds_before: rounded(millis_between(time.0, first_failure.0) / 1000.0, 3),
        event: event_report(knowledge, time, record),
    })
}
