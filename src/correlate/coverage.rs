//! Does the evidence cover this time? Only then does absence count.

use super::{Attempt, Case};
use crate::base::HostTime;
use crate::observe::{Coverage, Hole, Side, channel_is};
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
        log.channel.as_deref().is_some_and(|channel| channel_is(channel, what))
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
    for log in logs.filter(|log| log.kind.is_log()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{at, log};

    /// A log from `first` to `last` with one hole, if it has a length.
    fn with_hole(first: i64, last: i64, from: i64, to: i64) -> Coverage {
        let hole =
            Hole { from: at(from), to: at(to), why: "w".into(), missing: None, source: None };
        let holes = if from < to { vec![hole] } else { Vec::new() };
        Coverage { holes, ..log("S.evtx", "System", first, last) }
    }

    #[track_caller]
    fn check(logs: &[Coverage], start: i64, end: i64, expect: bool) {
        let files: Vec<&Coverage> = logs.iter().collect();
        assert_eq!(speak_throughout(&files, at(start), at(end)), expect, "{start} to {end}");
    }

    #[test]
    fn a_hole_covers_nothing() {
        let logs = [with_hole(1_000, 9_000, 4_000, 5_000)];
        check(&logs, 2_000, 3_000, true);
        check(&logs, 3_990, 4_001, false);
        check(&logs, 4_500, 4_500, false);
        check(&logs, 3_000, 6_000, false);
        check(&logs, 5_000, 6_000, true);
        check(&logs, 4_999, 6_000, false);
        check(&logs, 9_100, 9_110, true);
        check(&logs, 9_200, 9_210, false);
    }

    #[test]
    fn several_files_cover_together_what_none_covers_alone() {
        let archived = with_hole(1_000, 4_000, 0, 0);
        let live = with_hole(3_950, 9_000, 6_000, 6_100);
        check(&[archived.clone(), live.clone()], 2_000, 5_000, true);
        check(&[live.clone(), archived.clone()], 2_000, 5_000, true);
        check(&[archived.clone(), live.clone()], 2_000, 6_050, false);
        let copy = with_hole(5_900, 6_500, 0, 0);
        check(&[archived, live, copy], 2_000, 8_000, true);
    }

    #[test]
    fn the_slack_around_a_log_ends_where_it_was_cleared() {
        let mut cleared = with_hole(5_000, 9_000, 0, 5_000);
        cleared.holes[0].from = Hole::EVER_BEFORE;
        check(&[cleared], 4_990, 4_995, false);
        check(&[with_hole(5_000, 9_000, 0, 0)], 4_990, 4_995, true);
    }
}
