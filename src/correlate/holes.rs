//! Over which times does a log not speak, although it holds earlier and later records?
//!
//! The records of a host tell: of the host ([`uptime`](super::uptime)), of single logs
//! ([`cleared`](super::cleared)); the reader adds where record numbers jump.

use super::cleared::{self, Log, log_of};
use super::clock::short_name;
use super::coverage::slack_span;
use super::uptime;
use crate::base::HostTime;
use crate::base::limits::{MAX_HOLES_PER_CASE, MAX_HOLES_PER_LOG};
use crate::observe::{Coverage, Hole, Observation};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reasons that a hole may name when several were drawn together.
const LONGEST_WHY: usize = 240;

/// Adds to each log the holes that records tell of, and puts all its holes in order.
/// `observations` are in the order of time.
pub(super) fn fill(coverage: &mut [Coverage], observations: &[Observation]) {
    let chosen = chosen_files(coverage);
    let mut hosts = uptime::by_host(observations);
    for log in coverage.iter() {
        if let (Some(host), Some((first, last))) = (&log.host, log.span)
            && let Some(host) = hosts.get_mut(&short_name(host))
        {
            host.signs.extend([first, last]);
        }
    }
    let by_host: BTreeMap<String, Vec<Hole>> = hosts
        .into_iter()
        .map(|(name, mut host)| {
            host.signs.sort_unstable();
            (name, bounded(merge(host.holes()), MAX_HOLES_PER_LOG))
        })
        .collect();
    let by_log = cleared::log_holes(observations);
    let mut left = MAX_HOLES_PER_CASE;
    for log in coverage.iter_mut().filter(|log| log.kind.is_log()) {
        let mut holes = std::mem::take(&mut log.holes);
        if chosen.contains(&log.file) {
            holes.push(chosen_hole());
        }
        holes.extend(told(log, &by_host, &by_log, chosen.contains(&log.file)));
        let most = if left > MAX_HOLES_PER_LOG { MAX_HOLES_PER_LOG } else { 1 };
        log.holes = bounded(merge(holes), most);
        left = left.saturating_sub(log.holes.len());
    }
}

/// What records tell of one log.
fn told(
    log: &Coverage,
    by_host: &BTreeMap<String, Vec<Hole>>,
    by_log: &BTreeMap<Log, Vec<Hole>>,
    chosen: bool,
) -> Vec<Hole> {
    let (Some(host), Some(channel), Some((first, last))) =
        (&log.host, &log.channel, slack_span(log))
    else {
        return Vec::new();
    };
    let of_host = by_host.get(&short_name(host)).map(Vec::as_slice).unwrap_or_default();
    let begin = of_host.partition_point(|hole| hole.to <= first);
    let of_host = of_host.get(begin..).unwrap_or_default();
    let of_host = of_host.iter().take_while(|hole| hole.from < last);
    let any_file = log_of(host, channel);
    let this_file = Log { file: Some(Arc::clone(&log.file)), ..any_file.clone() };
    let of_log = [any_file, this_file].into_iter().filter_map(|key| by_log.get(&key)).flatten();
    let of_log = of_log.filter(|hole| hole.overlaps(first, last) && !(chosen && hole.is_loss()));
    // A copy that was made before the log was cleared has lost nothing.
    let copied_before = |hole: &Hole| {
        hole.is_loss()
            && log.span.is_some_and(|(_, last)| last <= hole.to)
            && !names_its_own(log, hole)
    };
    of_host.chain(of_log.filter(|hole| !copied_before(hole))).cloned().collect()
}

/// Whether the record that tells of a hole stands in this very file.
fn names_its_own(log: &Coverage, hole: &Hole) -> bool {
    hole.source.as_ref().is_some_and(|source| source.file == log.file)
}

/// Files into which something chose the records: several channels write to them, or
/// several hosts at the same time. (A host that was renamed has two names in its own
/// logs, one after the other.)
pub(super) fn chosen_files(coverage: &[Coverage]) -> BTreeSet<Arc<str>> {
    let mut files: BTreeMap<&Arc<str>, Speakers<'_>> = BTreeMap::new();
    for log in coverage.iter().filter(|log| log.kind.is_log()) {
        // Torn records may name nobody.
        let host = log.host.as_ref().filter(|host| !host.is_empty());
        let channel = log.channel.as_ref().filter(|channel| !channel.is_empty());
        if let (Some(host), Some(channel), Some((first, last))) = (host, channel, log.span) {
            let file = files.entry(&log.file).or_default();
            file.channels.insert(channel);
            let span = file.hosts.entry(short_name(host)).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
    }
    let chosen = files.into_iter().filter(|(_, speakers)| {
        let mut spans: Vec<&(HostTime, HostTime)> = speakers.hosts.values().collect();
        spans.sort_unstable();
        let interleaved =
            spans.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if start < end));
        speakers.channels.len() > 1 || interleaved
    });
    chosen.map(|(file, _)| Arc::clone(file)).collect()
}

/// Who writes to a file, and each host from when to when.
#[derive(Debug, Default)]
struct Speakers<'a> {
    channels: BTreeSet<&'a Arc<str>>,
    hosts: BTreeMap<String, (HostTime, HostTime)>,
}

fn chosen_hole() -> Hole {
    Hole {
        from: Hole::EVER_BEFORE,
        to: Hole::EVER_AFTER,
        why: "a subscription or a query chose what this file holds".into(),
        missing: None,
        source: None,
    }
}

/// Puts holes in order and draws together those that overlap. The result is sorted
/// and disjoint.
pub(super) fn merge(mut holes: Vec<Hole>) -> Vec<Hole> {
    holes.retain(|hole| hole.from < hole.to);
    holes.sort_by(|a, b| (a.from, a.to, &a.why, &a.source).cmp(&(b.from, b.to, &b.why, &b.source)));
    let mut merged: Vec<Hole> = Vec::new();
    for hole in holes {
        match merged.last_mut() {
            Some(last) if hole.from < last.to => join(last, hole),
            _ => merged.push(hole),
        }
    }
    merged
}

/// Draws the nearest neighbours together until at most `most` holes are left.
fn bounded(holes: Vec<Hole>, most: usize) -> Vec<Hole> {
    if holes.len() <= most {
        return holes;
    }
    let starts = holes.iter().skip(1);
    let mut apart: Vec<(jiff::SignedDuration, usize)> = (1..)
        .zip(holes.iter().zip(starts))
        .map(|(index, (before, after))| (after.from.0.duration_since(before.to.0), index))
        .collect();
    apart.sort_unstable_by(|a, b| b.cmp(a));
    let borders: BTreeSet<usize> =
        apart.into_iter().take(most.saturating_sub(1)).map(|(_, index)| index).collect();
    let mut kept: Vec<Hole> = Vec::new();
    for (index, hole) in holes.into_iter().enumerate() {
        match kept.last_mut() {
            Some(last) if !borders.contains(&index) => join(last, hole),
            _ => kept.push(hole),
        }
    }
    kept
}

/// Makes one hole of two, of which `other` does not begin first.
fn join(hole: &mut Hole, other: Hole) {
    hole.missing = match (hole.missing, other.missing) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    if other.to <= hole.to && hole.source.is_some() {
        return;
    }
    let named = hole.why.contains(&*other.why);
    if !named && hole.why.len() + other.why.len() < LONGEST_WHY {
        hole.why = format!("{}; {}", hole.why, other.why).into();
    }
    hole.to = hole.to.max(other.to);
    hole.source = hole.source.take().or(other.source);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{at, log, record, with};
    use proptest::prelude::*;

    fn hole(from: i64, to: i64) -> Hole {
        let why = format!("from {from}").into();
        Hole { from: at(from), to: at(to), why, missing: Some(1), source: None }
    }

    /// `from-to why` of each hole of a log, times in seconds.
    fn shown(log: &Coverage) -> Vec<String> {
        let second = |time: HostTime| match time == Hole::EVER_BEFORE || time == Hole::EVER_AFTER {
            true => String::new(),
            false => time.0.as_second().to_string(),
        };
        let one = |hole: &Hole| format!("{}-{} {}", second(hole.from), second(hole.to), hole.why);
        log.holes.iter().map(one).collect()
    }

    proptest! {
        #[test]
        fn merged_holes_are_sorted_disjoint_and_cover_the_same(
            ends in proptest::collection::vec((0i64..200, 0i64..40), 0..40),
            most in 1usize..8,
        ) {
            let holes: Vec<Hole> = ends.iter().map(|(from, length)| hole(*from, from + length)).collect();
            let merged = merge(holes.clone());
            prop_assert!(merged.windows(2).all(|pair| pair[0].to <= pair[1].from));
            prop_assert!(merged.iter().all(|hole| hole.from < hole.to));
            let inside = |holes: &[Hole], time| holes.iter().any(|hole| hole.overlaps(time, time));
            for half in 0..500 {
                let time = HostTime(jiff::Timestamp::from_millisecond(half * 500).unwrap());
                // A moment at which one hole ends and another begins belongs to neither.
                let touched = half % 2 == 0;
                prop_assert!(touched || inside(&holes, time) == inside(&merged, time));
            }
            let missing: u64 = merged.iter().filter_map(|hole| hole.missing).sum();
            prop_assert_eq!(missing, holes.iter().filter(|hole| hole.from < hole.to).count() as u64);
            let fewer = bounded(merged.clone(), most);
            prop_assert!(fewer.len() <= most);
            prop_assert!(merged.iter().all(|hole| fewer.iter().any(|wide| wide.from <= hole.from && hole.to <= wide.to)));
        }
    }

    #[test]
    fn a_cleared_log_has_lost_what_was_before_and_its_copy_has_not() {
        let records = [with(record("eventlog.104", "System", 5_000, 2), "Channel", "System")];
        let mut logs = [
            log("Archive-System.evtx", "System", 1_000, 4_999),
            log("System.evtx", "System", 5_000, 9_000),
            log("Security.evtx", "Security", 1_000, 9_000),
        ];
        fill(&mut logs, &records);
        assert!(logs[0].holes.is_empty() && logs[2].holes.is_empty());
        assert_eq!(shown(&logs[1]), ["-5000 the log was cleared"]);
        assert!(logs[1].holes[0].source.is_some() && logs[1].holes[0].is_loss());
    }

    #[test]
    fn a_host_that_is_down_is_silent_in_all_its_logs() {
        let records = [
            record("eventlog-classic.6006", "System", 2_000, 20),
            record("kernel-general.12", "System", 2_590, 22),
            record("eventlog-classic.6005", "System", 2_600, 23),
        ];
        let mut logs = [log("S.evtx", "System", 0, 9_000), log("R.evtx", "RdpCoreTS", 0, 9_000), {
            let other = log("T.evtx", "System", 0, 9_000);
            Coverage { host: Some("other.test".into()), ..other }
        }];
        fill(&mut logs, &records);
        for log in &logs[..2] {
            assert_eq!(shown(log), ["2000-2600 the event log service was stopped"]);
        }
        assert!(logs[2].holes.is_empty(), "another host goes on");
    }

    #[test]
    fn audit_and_full_logs_are_holes_of_their_channel_only() {
        let off = "{0CCE9215-69AE-11D9-BED3-505054503030}";
        let policy = |second, number, changes| {
            let record = record("security.4719", "Security", second, number);
            with(with(record, "SubcategoryGuid", off), "AuditPolicyChanges", changes)
        };
        let records = [
            record("security.4625", "Security", 100, 1),
            record("eventlog.1101", "Security", 160, 2),
            record("eventlog.1104", "Security", 400, 3),
            record("security.4625", "Security", 700, 4),
            policy(1_000, 5, "%%8448, %%8450"),
            policy(2_000, 6, "%%8449"),
            policy(3_000, 7, "%%8449, %%8451"),
        ];
        let mut logs =
            [log("Security.evtx", "Security", 0, 9_000), log("System.evtx", "System", 0, 9_000)];
        fill(&mut logs, &records);
        assert_eq!(
            shown(&logs[0]),
            [
                "100-160 audit records were lost before they were written",
                "400-700 the log was full",
                "1000-3000 auditing of \"Logon\" was switched off",
            ]
        );
        assert!(logs[1].holes.is_empty());
    }

    #[test]
    fn what_a_collector_chose_proves_no_absence() {
        let mut renamed =
            [log("System.evtx", "System", 0, 100), log("System.evtx", "System", 101, 900)];
        renamed[0].host = Some("MINWINPC".into());
        fill(&mut renamed, &[]);
        assert!(renamed.iter().all(|log| log.holes.is_empty()), "one host, renamed");
        let mut collected = [log("F.evtx", "System", 0, 500), log("F.evtx", "System", 100, 900)];
        collected[0].host = Some("other.test".into());
        fill(&mut collected, &[]);
        assert!(collected.iter().all(|log| log.holes.len() == 1));
    }
}
