//! Over which time a log speaks, for whom, and where its numbers jump.

use super::chunk::{IdRun, Scan, Speaker};
use crate::base::limits::MAX_HOLES_PER_LOG;
use crate::base::{HostTime, filetime};
use crate::observe::{Coverage, EvidenceKind, Hole, Observation, Vantage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a log holds of one speaker.
#[derive(Debug, Default)]
struct Tally {
    span: Option<(HostTime, HostTime)>,
    records: u64,
    unreadable: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.span = join_spans(self.span, other.span);
        self.records += other.records;
        self.unreadable += other.unreadable;
    }
}

/// The span that covers both.
fn join_spans(
    a: Option<(HostTime, HostTime)>,
    b: Option<(HostTime, HostTime)>,
) -> Option<(HostTime, HostTime)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// Runs of consecutive record numbers that are followed in one log. A log in use has
/// a handful, a filtered export one per record.
const MAX_RUNS: usize = 100_000;

/// The coverage of one log, as it grows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    speakers: BTreeMap<Speaker, Tally>,
    /// Chunks of which no record could be decoded.
    nameless: Tally,
    last_speaker: Option<Speaker>,
    runs: Vec<IdRun>,
}

impl Ledger {
    /// Counts what is unreadable without belonging to a chunk.
    pub(super) fn lost(&mut self, chunks: u64) {
        self.nameless.unreadable += chunks;
    }

    /// Counts a chunk for whoever speaks in it. Where several hosts do (forwarded
    /// events), each covers only the time of its own wanted records.
    pub(super) fn chunk<'a>(
        &mut self,
        scan: &Scan,
        unreadable: u64,
        observations: impl Iterator<Item = &'a Observation>,
    ) {
        self.runs(&scan.runs);
        let mut heard: BTreeMap<Speaker, Tally> = BTreeMap::new();
        for observation in observations {
            // What was recovered from given-up space is of another time.
            if observation.field("System.Recovered").is_some() {
                continue;
            }
            if let Vantage::Log { host, channel } = &observation.vantage {
                let tally = heard.entry((Arc::clone(host), Arc::clone(channel))).or_default();
                tally.records += 1 + observation.repeats;
                tally.span = join_spans(tally.span, Some((observation.time, observation.time)));
            }
        }
        for speaker in &scan.speakers {
            heard.entry(speaker.clone()).or_default();
        }
        let speaker = scan.speakers.last().or_else(|| heard.keys().last()).cloned();
        let speaker = speaker.or_else(|| self.last_speaker.clone());
        let unreadable = scan.unreadable + unreadable;
        if heard.len() > 1 {
            for (speaker, tally) in heard {
                self.speakers.entry(speaker).or_default().add(&tally);
            }
        } else if scan.records + unreadable > 0 {
            let time = |ticks| filetime(ticks).map(HostTime);
            let span = scan.span.and_then(|(from, to)| Some((time(from)?, time(to)?)));
            let whole = Tally { span, records: scan.records, unreadable };
            match speaker.clone() {
                Some(speaker) => self.speakers.entry(speaker).or_default().add(&whole),
                None => self.nameless.add(&whole),
            }
        }
        self.last_speaker = speaker;
    }

    /// Joins runs across chunks. A log whose numbers jump everywhere is not followed.
    fn runs(&mut self, runs: &[IdRun]) {
        for run in runs {
            let full = self.runs.len() >= MAX_RUNS;
            match self.runs.last_mut() {
                Some(last) if last.last.0.checked_add(1) == Some(run.first.0) => {
                    last.last = run.last;
                }
                // The export is filtered, that much is certain.
                Some(last) if full => last.last = last.last.max(run.last),
                _ => self.runs.push(*run),
            }
        }
    }

    /// One entry per speaker.
    pub(super) fn coverage(mut self, file: &Arc<str>) -> Vec<Coverage> {
        let holes = holes(std::mem::take(&mut self.runs));
        let entry = |speaker: Option<&Speaker>, tally: &Tally| Coverage {
            file: Arc::clone(file),
            kind: EvidenceKind::Evtx,
            host: speaker.map(|(host, _)| Arc::clone(host)),
            channel: speaker.map(|(_, channel)| Arc::clone(channel)),
            span: tally.span,
            items: tally.records,
            unreadable: tally.unreadable,
            holes: holes.clone(),
        };
        let mut coverage: Vec<Coverage> =
            self.speakers.iter().map(|(speaker, tally)| entry(Some(speaker), tally)).collect();
        match coverage.first_mut() {
            // Chunks that are lost as a whole belong to the only speaker.
            Some(only) if self.speakers.len() == 1 && self.nameless.records == 0 => {
                only.unreadable += self.nameless.unreadable;
            }
            Some(_) if self.nameless.records + self.nameless.unreadable == 0 => {}
            _ => coverage.push(entry(None, &self.nameless)),
        }
        coverage
    }
}

/// The jumps between runs of record numbers. A log in which more records are missing
/// than there are, at many places, is an export that was filtered: it says nothing
/// about what it does not hold.
fn holes(mut runs: Vec<IdRun>) -> Vec<Hole> {
    runs.sort_by_key(|run| (run.first.0, run.last.0));
    let mut holes: Vec<Hole> = Vec::new();
    let mut last: Option<(u64, u64)> = None;
    let (mut held, mut missing, mut jumps) = (0_u64, 0_u64, 0_usize);
    for run in &runs {
        held = held.saturating_add(run.last.0.saturating_sub(run.first.0)).saturating_add(1);
        if let Some((number, time)) = last
            && let Some(gone @ 1..) =
                run.first.0.checked_sub(number).map(|step| step.saturating_sub(1))
        {
            jumps += 1;
            missing = missing.saturating_add(gone);
            if holes.len() < MAX_HOLES_PER_LOG {
                holes.extend(hole(time, run.first.1, jump(gone), gone));
            }
        }
        if last.is_none_or(|(number, _)| run.last.0 > number) {
            last = Some(run.last);
        }
    }
    const MANY: usize = 8;
    let times = || runs.iter().flat_map(|run| [run.first.1, run.last.1]);
    if let (true, Some(from), Some(to)) = (
        jumps >= MANY && (missing > held || jumps > MAX_HOLES_PER_LOG),
        times().min(),
        times().max(),
    ) {
        let all = held.saturating_add(missing);
        let why = format!("a filtered export: it holds {held} of {all} records");
        return hole(from, to, why, missing).into_iter().collect();
    }
    holes.sort_by_key(|hole| (hole.from, hole.to));
    holes
}

/// A hole between two FILETIMEs.
fn hole(a: u64, b: u64, why: String, missing: u64) -> Option<Hole> {
    let (from, to) = (HostTime(filetime(a.min(b))?), HostTime(filetime(a.max(b))?));
    Some(Hole { from, to, why: why.into(), missing: Some(missing) })
}

fn jump(gone: u64) -> String {
    if gone == 1 { "1 record is missing".to_owned() } else { format!("{gone} records are missing") }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Numbers with FILETIMEs of as many ticks.
    fn run(first: u64, last: u64) -> IdRun {
        IdRun { first: (first, first), last: (last, last) }
    }

    #[track_caller]
    fn check(runs: &[IdRun], expect: &[(u64, u64, u64)]) {
        let at = |ticks: u64| HostTime(filetime(ticks).unwrap());
        let expect: Vec<_> = expect.iter().map(|(a, b, n)| (at(*a), at(*b), Some(*n))).collect();
        let found: Vec<_> =
            holes(runs.to_vec()).into_iter().map(|h| (h.from, h.to, h.missing)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn numbers_that_jump_leave_a_hole_wherever_the_chunks_stand() {
        check(&[run(50, 90), run(1, 20), run(21, 30)], &[(30, 50, 19)]);
        check(&[run(1, 20), run(10, 15), run(21, 30)], &[]);
        check(&[], &[]);
    }

    #[test]
    fn a_filtered_export_is_one_hole() {
        let runs: Vec<IdRun> = (0..20).map(|n| run(n * 100, n * 100 + 1)).collect();
        let found = holes(runs);
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].why, "a filtered export: it holds 40 of 1902 records");
    }
}
