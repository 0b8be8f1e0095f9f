//! Which attempt of each case is compared.

use super::super::model::{AttemptReport, Report};
use crate::correlate::Outcome;
use crate::report::wire_model::WireReport;
use std::cmp::Reverse;

/// The attempt that worked and got furthest, else the one that [`bad`] would choose. Of several
/// the first, and rather one that a capture shows.
pub(super) fn good(report: &Report) -> Option<&AttemptReport> {
    let worked = report.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Succeeded);
    let rank = |attempt: &&AttemptReport| {
        (attempt.stage_reached, attempt.wire.is_some(), Reverse(attempt.id))
    };
    worked.max_by_key(rank).or_else(|| bad(report))
}

/// The attempt that the leading diagnosis is about: the last one, as the summary has it, and
/// rather one that a capture shows; else the first that failed, else the first.
pub(super) fn bad(report: &Report) -> Option<&AttemptReport> {
    let ids = report.diagnoses.first().map(|first| first.attempts.as_slice()).unwrap_or_default();
    let told = report.attempts.iter().filter(|attempt| ids.contains(&attempt.id));
    let failed = || report.attempts.iter().find(|attempt| attempt.outcome == Outcome::Failed);
    told.max_by_key(|attempt| (attempt.wire.is_some(), attempt.id))
        .or_else(failed)
        .or(report.attempts.first())
}

/// The connection of an attempt that is compared: of one that worked the connection that
/// did, not the refusals before it; else the one that tells most.
pub(super) fn connection(attempt: &AttemptReport) -> Option<&WireReport> {
    let telling = attempt.wire.as_ref();
    if attempt.outcome != Outcome::Succeeded {
        return telling;
    }
    let went_well = |wire: &&WireReport| {
        let refused = wire.negotiation_failure.is_some();
        let finished = wire.tls.as_ref().is_some_and(|tls| tls.established);
        let bytes = wire.tcp.client.payload_bytes.saturating_add(wire.tcp.server.payload_bytes);
        (!refused && wire.alerts.is_empty(), finished, bytes, Reverse(wire.first_frame))
    };
    attempt.connections.iter().max_by_key(went_well).or(telling)
}

/// The attempt of a number that somebody asked for.
pub(super) fn of_id(report: &Report, id: u32) -> Option<&AttemptReport> {
    report.attempts.iter().find(|attempt| attempt.id == id)
}
