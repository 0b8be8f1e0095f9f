//! The series of both sides slid over each other, where no connection is known by
//! address and port: the log has no ports, or a device between translates them.

use super::pairs::{Pair, Pairs, pair};
use super::short_name;
use crate::correlate::connections::{LoggedConnection, WireConnection, denied};
use jiff::SignedDuration;
use std::collections::{BTreeMap, HashSet};

/// Two happenings are the same when they lie within this of each other.
const WITHIN: SignedDuration = SignedDuration::from_millis(20);
/// Matches from which an offset is believed.
const LEAST_MATCHES: usize = 3;
/// Happenings of a side that are slid: the last ones.
const MOST_SLID: usize = 256;

/// One pairing that would be possible.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    apart: SignedDuration,
    wire: usize,
    logged: usize,
}

/// Adds pairs for hosts that have none: those of the offset with the most matches, if
/// it beats every other clearly. What addresses and ports deny is no match.
pub(super) fn translated(wire: &[WireConnection], logged: &[LoggedConnection], pairs: &mut Pairs) {
    let mut hosts: BTreeMap<String, Vec<&LoggedConnection>> = BTreeMap::new();
    for connection in logged {
        let host = short_name(&connection.host);
        if !pairs.contains_key(&host) {
            hosts.entry(host).or_default().push(connection);
        }
    }
    // What is paired exactly is one host's for certain.
    let free: Vec<&WireConnection> = wire.iter().rev().take(MOST_SLID).collect();
    for (host, logged) in hosts {
        let logged: Vec<&LoggedConnection> = logged.into_iter().rev().take(MOST_SLID).collect();
        let found = slide(&free, &logged);
        if !found.is_empty() {
            pairs.insert(host, found);
        }
    }
}

fn slide(wire: &[&WireConnection], logged: &[&LoggedConnection]) -> Vec<Pair> {
    if wire.len().min(logged.len()) < LEAST_MATCHES {
        return Vec::new();
    }
    let mut candidates = Vec::new();
    for (w, on_wire) in wire.iter().enumerate() {
        for (l, in_log) in logged.iter().enumerate() {
            let apart = in_log.start.0.duration_since(on_wire.accepted().0);
            if apart.abs() < super::pairs::MAX_OFFSET && !denied(on_wire, in_log) {
                candidates.push(Candidate { apart, wire: w, logged: l });
            }
        }
    }
    let matches = best(&mut candidates);
    let paired = matches
        .iter()
        .filter_map(|found| Some(pair(logged.get(found.logged)?, wire.get(found.wire)?)));
    paired.collect()
}

/// The matches of the best offset; none where another one is nearly as good.
fn best(candidates: &mut [Candidate]) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| (candidate.apart, candidate.wire, candidate.logged));
    let width = WITHIN + WITHIN;
    let mut counts: Vec<(usize, usize, usize)> = Vec::new();
    let mut end = 0;
    for (from, first) in candidates.iter().enumerate() {
        while candidates.get(end).is_some_and(|last| last.apart - first.apart <= width) {
            end += 1;
        }
        let window = candidates.get(from..end).unwrap_or_default();
        // The number of pairings bounds that of matches from above.
        if window.len() >= 2 {
            counts.push((distinct(window), from, end));
        }
    }
    let Some(&(most, from, to)) =
        counts.iter().max_by_key(|(count, from, _)| (*count, usize::MAX - from))
    else {
        return Vec::new();
    };
    let chosen = candidates.get(from..to).unwrap_or_default();
    let (Some(low), Some(high)) = (chosen.first(), chosen.last()) else { return Vec::new() };
    let elsewhere = counts.iter().filter(|(_, from, _)| {
        candidates.get(*from).is_some_and(|c| c.apart > high.apart || c.apart + width < low.apart)
    });
    let second = elsewhere.map(|(count, ..)| *count).max().unwrap_or_default();
    if most < LEAST_MATCHES || most < 2 * second {
        return Vec::new();
    }
    let (mut wires, mut logs) = (HashSet::new(), HashSet::new());
    let fresh = chosen.iter().filter(|c| wires.insert(c.wire) && logs.insert(c.logged));
    fresh.copied().collect()
}

/// How many of both sides take part, each once.
fn distinct(window: &[Candidate]) -> usize {
    let wires: HashSet<usize> = window.iter().map(|candidate| candidate.wire).collect();
    let logs: HashSet<usize> = window.iter().map(|candidate| candidate.logged).collect();
    wires.len().min(logs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset in ms at which two series match best.
    fn slid(wire: &[i64], logged: &[i64]) -> Option<i128> {
        let mut candidates = Vec::new();
        for (w, on_wire) in wire.iter().enumerate() {
            for (l, in_log) in logged.iter().enumerate() {
                let apart = SignedDuration::from_millis(in_log - on_wire);
                candidates.push(Candidate { apart, wire: w, logged: l });
            }
        }
        best(&mut candidates).first().map(|found| found.apart.as_millis())
    }

    #[test]
    fn series_match_at_one_offset_only() {
        let wire = [0, 7_130, 9_400, 31_000];
        let logged: Vec<i64> = wire.iter().map(|time| time + 4_321).collect();
        assert_eq!(slid(&wire, &logged), Some(4_321));
        let noisy: Vec<i64> = logged.iter().copied().chain([555, 12_345, 20_000]).collect();
        assert_eq!(slid(&wire, &noisy), Some(4_321));
    }

    #[test]
    fn what_comes_at_even_steps_matches_at_many_and_so_at_none() {
        let wire = [0, 5_000, 10_000, 15_000];
        let logged: Vec<i64> = wire.iter().map(|time| time + 4_321).collect();
        assert_eq!(slid(&wire, &logged), None);
        assert_eq!(slid(&[0, 7_130], &[10, 7_140]), None);
    }
}
