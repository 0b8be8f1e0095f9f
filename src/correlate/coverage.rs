//! Does the evidence cover this time? Only then does absence count.

use super::{Attempt, Case};
use crate::base::HostTime;
use crate::observe::{Coverage, EvidenceKind, Hole, Side};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Quiet logs end with their last record: the time around it is covered too.
pub(super) const LOG_SLACK: SignedDuration = SignedDuration::from_mins(2);

/// Whether the evidence covers an attempt in the sense of a rule: `server:System`,
/// `client:capture`, `capture`, or a channel of either side.
pub fn covers(case: &Case, attempt: &Attempt, wanted: &str) -> bool {
    let (side, what) = parts(wanted);
    if what == "capture" {
        return attempt.views().any(|view| side.is_none_or(|side| vantage_of(view) == Some(side)));
    }
    covering(case, attempt, wanted).is_some()
}

/// The first log that covers an attempt in the sense of a rule, alone or together with
/// other files of the same host and channel.
pub fn covering<'a>(case: &'a Case, attempt: &Attempt, wanted: &str) -> Option<&'a Coverage> {
    let (side, what) = parts(wanted);
    let host = match side {
        Some(Side::Server) => Some(attempt.server_host.as_deref()?),
        Some(Side::Client) => Some(attempt.client_host.as_deref()?),
        None => None,
    };
    let files = by_speaker(case.coverage.iter().filter(|log| {
        log.channel.as_deref().is_some_and(|channel| channel_matches(channel, what))
            && host.is_none_or(|host| log.host.as_deref() == Some(host))
    }));
    files.into_iter().find_map(|((host, _), files)| {
        let (start, end) = case.clocks.host_span(host, attempt.start, attempt.end);
        let first = files.iter().copied().find(|log| speaks_until(log, start).is_some())?;
        speak_throughout(&files, start, end).then_some(first)
    })
}

/// The logs of an attempt's hosts that do not speak about it, each with the hole in
/// which it lies. A log that another file fills is not among them, nor one that merely
/// begins later or ends earlier.
pub fn silent<'a>(case: &'a Case, attempt: &Attempt) -> Vec<(&'a Coverage, &'a Hole)> {
    let hosts = [attempt.server_host.as_deref(), attempt.client_host.as_deref()];
    let files = by_speaker(case.coverage.iter().filter(|log| hosts.contains(&log.host.as_deref())));
    let mut found = Vec::new();
    for ((host, _), files) in files {
        let (start, end) = case.clocks.host_span(host, attempt.start, attempt.end);
        if files.iter().all(|log| log.holes.is_empty()) || speak_throughout(&files, start, end) {
            continue;
        }
        found.extend(files.into_iter().filter_map(|log| {
            let next = log.holes.partition_point(|hole| hole.to <= start);
            let hole = log.holes.get(next).filter(|hole| hole.overlaps(start, end))?;
            let (first, last) = slack_span(log)?;
            let open = hole.from == Hole::EVER_BEFORE || hole.to == Hole::EVER_AFTER;
            (open || (first < end && start < last)).then_some((log, hole))
        }));
    }
    found
}

/// Logs by host and channel.
fn by_speaker<'a>(
    logs: impl Iterator<Item = &'a Coverage>,
) -> BTreeMap<(&'a str, &'a str), Vec<&'a Coverage>> {
    let mut files: BTreeMap<_, Vec<&Coverage>> = BTreeMap::new();
    for log in logs.filter(|log| log.kind == EvidenceKind::Evtx) {
        if let (Some(host), Some(channel)) = (log.host.as_deref(), log.channel.as_deref()) {
            files.entry((host, channel)).or_default().push(log);
        }
    }
    files
}

fn parts(wanted: &str) -> (Option<Side>, &str) {
    match wanted.split_once(':') {
        Some(("server", what)) => (Some(Side::Server), what),
        Some(("client", what)) => (Some(Side::Client), what),
        _ => (None, wanted),
    }
}

/// A rule may name a channel in full or by the part that tells it apart.
fn channel_matches(channel: &str, wanted: &str) -> bool {
    channel.eq_ignore_ascii_case(wanted) || (wanted.len() > 6 && channel.contains(wanted))
}

/// Files that may take turns to cover one attempt; archives of a busy log fill in hours.
const MOST_TURNS: usize = 1024;

/// Whether files of one host and channel together speak from `start` to `end`: where
/// one has a hole or ends, another one has to go on.
fn speak_throughout(files: &[&Coverage], start: HostTime, end: HostTime) -> bool {
    let mut reached = start;
    for _ in 0..MOST_TURNS {
        match files.iter().filter_map(|log| speaks_until(log, reached)).max() {
            Some(until) if until >= end => return true,
            Some(until) if until > reached => reached = until,
            _ => return false,
        }
    }
    false
}

/// Until when a log speaks without a break from `time` on; `None` where it does not
/// speak then.
fn speaks_until(log: &Coverage, time: HostTime) -> Option<HostTime> {
    let (first, last) = slack_span(log)?;
    if time < first || last < time {
        return None;
    }
    // Holes are in order and disjoint: the first one that ends later decides.
    let next = log.holes.partition_point(|hole| hole.to <= time);
    match log.holes.get(next) {
        Some(hole) if hole.from < time => None,
        Some(hole) => Some(last.min(hole.from)),
        None => Some(last),
    }
}

/// The time over which a log speaks where no hole is.
pub(super) fn slack_span(log: &Coverage) -> Option<(HostTime, HostTime)> {
    let (first, last) = log.span?;
    let first = first.0.checked_sub(LOG_SLACK).map_or(first, HostTime);
    let last = last.0.checked_add(LOG_SLACK).map_or(last, HostTime);
    Some((first, last))
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
