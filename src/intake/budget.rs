//! How much of packed evidence is opened, and who keeps count.

use super::codec::Bytes;
use crate::base::Meter;
use crate::base::limits::{
    MAX_ARCHIVE_DEPTH, MAX_ARCHIVE_ENTRIES, MAX_UNPACKED, MAX_UNPACKED_RATIO, UNPACKED_RATIO_FROM,
};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of packed evidence is opened. What lies behind is a gap that names the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Layers of packing in each other; a tar in a compressed file is one with it.
    pub depth: u32,
    /// How many times its packed size something may become, behind the first
    /// [`UNPACKED_RATIO_FROM`] bytes.
    pub ratio: u64,
    /// Entries of all archives of a case.
    pub entries: u64,
    /// Bytes that all archives of a case may unpack to, and each file that is
    /// compressed by itself.
    pub unpacked: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            depth: MAX_ARCHIVE_DEPTH,
            ratio: MAX_UNPACKED_RATIO,
            entries: MAX_ARCHIVE_ENTRIES,
            unpacked: MAX_UNPACKED,
        }
    }
}

impl Budget {
    /// Why a layer stays closed.
    pub(super) fn too_deep(&self) -> String {
        format!("packed more than {} layers deep: unpack it (or raise --max-depth)", self.depth)
    }

    /// Why entries are left out.
    pub(super) fn too_many(&self) -> String {
        format!(
            "the archives hold more than {} entries: this one's others were left out (--max-entries)",
            self.entries
        )
    }

    /// Why bytes are left out, where so many were left of the budget.
    pub(super) fn too_large(&self, left: u64) -> String {
        let all = self.unpacked;
        match left < all {
            true => format!(
                "only {left} bytes are left of the {all} that the archives of one case may unpack to (--max-unpacked)"
            ),
            false => format!("it unpacks to more than {all} bytes (--max-unpacked)"),
        }
    }

    /// Why a bomb is not read on.
    fn too_dense(&self) -> String {
        format!(
            "it grows to more than {} times its size, as only a bomb does (--max-ratio)",
            self.ratio
        )
    }

    /// Whether so much of so little is too much.
    fn is_too_dense(&self, given: u64, packed: u64) -> bool {
        given > UNPACKED_RATIO_FROM && given / self.ratio.max(1) > packed
    }
}

/// What is left of the budget while a case is taken in.
#[derive(Debug)]
pub(super) struct Purse {
    pub(super) budget: Budget,
    /// Time and memory of the case.
    pub(super) meter: Arc<Meter>,
    entries: u64,
    unpacked: u64,
}

impl Purse {
    pub(super) fn new(budget: Budget, meter: Arc<Meter>) -> Self {
        Self { budget, meter, entries: budget.entries, unpacked: budget.unpacked }
    }

    /// Pays for one entry; false when none is left.
    pub(super) fn entry(&mut self) -> bool {
        let left = self.entries.checked_sub(1);
        self.entries = left.unwrap_or(0);
        left.is_some()
    }

    /// Bytes that may still be unpacked.
    pub(super) fn left(&self) -> u64 {
        self.unpacked
    }

    /// Pays for bytes; gives how many were granted.
    pub(super) fn pay(&mut self, bytes: u64) -> u64 {
        let granted = bytes.min(self.unpacked);
        self.unpacked -= granted;
        granted
    }
}

/// Counts what is read through it, where others can see it.
#[derive(Debug)]
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// Bytes that unpack from others, up to a budget. A spent budget is an error behind
/// the last byte that it allows.
pub(super) struct Guard<R = Bytes> {
    inner: R,
    /// Packed bytes that were read.
    packed: Arc<AtomicU64>,
    /// Bytes given so far, which others may watch.
    given: Arc<AtomicU64>,
    limit: u64,
    budget: Budget,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(inner: R, packed: Arc<AtomicU64>, limit: u64, budget: Budget) -> Self {
        Self::shared(inner, packed, Arc::default(), limit, budget)
    }

    /// One of several that have a budget together: `given` counts for all of them.
    pub(super) fn shared(
        inner: R,
        packed: Arc<AtomicU64>,
        given: Arc<AtomicU64>,
        limit: u64,
        budget: Budget,
    ) -> Self {
        Self { inner, packed, given, limit, budget }
    }

    /// How many bytes were given so far.
    pub(super) fn given(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.given)
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let given = self.given.load(Ordering::Relaxed);
        if self.budget.is_too_dense(given, self.packed.load(Ordering::Relaxed)) {
            return Err(io::Error::other(self.budget.too_dense()));
        }
        let room = usize::try_from(self.limit.saturating_sub(given)).unwrap_or(usize::MAX);
        if room == 0 {
            // Whatever ends exactly here is whole.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(self.budget.too_large(self.limit))),
            };
        }
        let room = room.min(buffer.len());
        let got = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.given.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(bytes: u64, packed: u64, limit: u64) -> (u64, Option<String>) {
        let budget = Budget { unpacked: limit, ..Budget::default() };
        let inner: Bytes = Box::new(io::repeat(0).take(bytes));
        let mut guard = Guard::new(inner, Arc::new(AtomicU64::new(packed)), limit, budget);
        let result = io::copy(&mut guard, &mut io::sink());
        let given = guard.given().load(Ordering::Relaxed);
        (given, result.err().map(|error| error.to_string()))
    }

    #[test]
    fn a_budget_ends_what_is_larger() {
        assert_eq!(guarded(10, 1, 10), (10, None));
        let (given, error) = guarded(11, 1, 10);
        assert!(given == 10 && error.unwrap().contains("--max-unpacked"));
    }

    #[test]
    fn growth_is_looked_at_behind_the_first_bytes() {
        assert_eq!(guarded(UNPACKED_RATIO_FROM, 1, u64::MAX).1, None);
        let (given, error) = guarded(100 << 20, 1 << 10, u64::MAX);
        assert!(given < UNPACKED_RATIO_FROM + (1 << 20), "{given}");
        assert!(error.unwrap().contains("--max-ratio"));
        assert_eq!(guarded(100 << 20, 1 << 20, u64::MAX).1, None);
    }

    #[test]
    fn a_purse_pays_until_it_is_empty() {
        let budget = Budget { entries: 1, unpacked: 10, ..Budget::default() };
        let mut purse = Purse::new(budget, Arc::default());
        assert!(purse.entry() && !purse.entry());
        assert_eq!((purse.pay(7), purse.pay(7), purse.left()), (7, 3, 0));
    }
}
