//! Record numbers, and the holes where they jump.

use crate::base::limits::MAX_HOLES_PER_LOG;
use crate::base::{HostTime, filetime};
use crate::observe::Hole;

/// Records with consecutive numbers: number and FILETIME of the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdRun {
    pub(super) first: (u64, u64),
    pub(super) last: (u64, u64),
}

impl IdRun {
    /// One record.
    pub(super) fn of(id: u64, filetime: u64) -> Self {
        Self { first: (id, filetime), last: (id, filetime) }
    }
}

/// Runs of consecutive record numbers that are followed in one log. A log in use has
/// a handful, a filtered export one per record.
const MAX_RUNS: usize = 100_000;

/// The record numbers of one log.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<IdRun>);

impl Runs {
    /// Adds records, which mostly follow those added before or, in exports, precede
    /// them.
    pub(super) fn join(&mut self, run: IdRun) {
        let full = self.0.len() >= MAX_RUNS;
        match self.0.last_mut() {
            Some(last) if last.last.0.checked_add(1) == Some(run.first.0) => last.last = run.last,
            Some(last) if run.last.0.checked_add(1) == Some(last.first.0) => last.first = run.first,
            // The export is filtered, that much is certain.
            Some(last) if full => last.last = last.last.max(run.last),
            _ => self.0.push(run),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IdRun> {
        self.0.iter().copied()
    }

    /// The holes between them, in the order of time.
    pub(super) fn holes(&self) -> Vec<Hole> {
        holes(self.0.clone())
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
    Some(Hole { from, to, why: why.into(), missing: Some(missing), source: None })
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
