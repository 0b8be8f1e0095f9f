//! Does the evidence cover this time? Only then does absence count.

use super::{Attempt, Case};
use crate::base::{CaseTime, millis_between};
use crate::observe::{Coverage, EvidenceKind, Side, Vantage};

/// Quiet logs end with their last record: the time around it is covered too, in ms.
const LOG_SLACK_MS: f64 = 120_000.0;

/// Whether the evidence covers an attempt in the sense of a rule: `server:System`,
/// `client:capture`, `capture`, or a channel of either side.
pub fn covers(case: &Case, attempt: &Attempt, wanted: &str) -> bool {
    let (side, what) = match wanted.split_once(':') {
        Some(("server", what)) => (Some(Side::Server), what),
        Some(("client", what)) => (Some(Side::Client), what),
        _ => (None, wanted),
    };
    if what == "capture" {
        return attempt.views().any(|view| side.is_none_or(|side| vantage_of(view) == Some(side)));
    }
    let host = match side {
        Some(Side::Server) => attempt.server_host.as_deref(),
        Some(Side::Client) => attempt.client_host.as_deref(),
        None => None,
    };
    if side.is_some() && host.is_none() {
        return false;
    }
    case.coverage.iter().any(|coverage| {
        coverage.kind == EvidenceKind::Evtx
            && coverage.channel.as_deref().is_some_and(|channel| channel_matches(channel, what))
            && host.is_none_or(|host| coverage.host.as_deref() == Some(host))
            && spans(case, coverage, attempt.start, attempt.end)
    })
}

/// A rule may name a channel in full or by the part that tells it apart.
fn channel_matches(channel: &str, wanted: &str) -> bool {
    channel.eq_ignore_ascii_case(wanted) || (wanted.len() > 6 && channel.contains(wanted))
}

fn spans(case: &Case, coverage: &Coverage, start: CaseTime, end: CaseTime) -> bool {
    let (Some((first, last)), Some(host), Some(channel)) =
        (coverage.span, &coverage.host, &coverage.channel)
    else {
        return false;
    };
    let vantage = Vantage::Log { host: host.clone(), channel: channel.clone() };
    let first = case.clocks.case_time(&vantage, first);
    let last = case.clocks.case_time(&vantage, last);
    millis_between(first.0, start.0) > -LOG_SLACK_MS
        && millis_between(end.0, last.0) > -LOG_SLACK_MS
}

/// At whose end a capture was taken: that host's packets still have their full TTL
/// (64, 128 or 255), the other's were diminished by routers. On one and the same
/// network nothing tells.
pub(crate) fn vantage_of(view: &crate::observe::Conversation) -> Option<Side> {
    let full = |ttl: Option<u8>| ttl.map(|ttl| matches!(ttl, 64 | 128 | 255));
    let [client, server] = view.tcp.ttl;
    match (full(client), full(server)) {
        (Some(true), Some(false)) => Some(Side::Client),
        (Some(false), Some(true)) => Some(Side::Server),
        // Only one side's packets are there: they left undiminished, or arrived.
        (Some(true), None) => Some(Side::Client),
        (Some(false), None) => Some(Side::Server),
        (None, Some(true)) => Some(Side::Server),
        _ => None,
    }
}
