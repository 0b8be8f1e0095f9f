//! Which sequence number a record has, RFC 5246 6.1 and RFC 8446 5.3.
//!
//! The number is not sent. It is known as long as every record is seen; behind
//! a hole in the capture several are tried, and the authentication of the
//! record tells which one was right.

use std::ops::RangeInclusive;

/// Sequence numbers that are tried for one record. Each try costs one pass over
/// up to 16 KiB.
const MAX_AHEAD: u64 = 256;

/// Failures in a row after which nothing more is tried: a wrong secret must not
/// cost [`MAX_AHEAD`] passes over every record of a long connection.
const MAX_FAILURES: u8 = 16;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequence {
    /// The smallest number that the next record can have.
    next: u64,
    /// How many larger ones are possible.
    ahead: u64,
    failures: u8,
}

impl Sequence {
    /// Where a key that was just taken into use begins.
    pub(super) fn restart(&self) -> Self {
        Self { ahead: self.ahead, ..Self::default() }
    }

    /// The numbers to try, likeliest first; `None` when it was given up.
    pub(super) fn candidates(&self) -> Option<RangeInclusive<u64>> {
        (self.failures < MAX_FAILURES).then(|| self.next..=self.next.saturating_add(self.ahead))
    }

    /// The record had this number.
    pub(super) fn matched(&mut self, number: u64) {
        *self = Self { next: number.saturating_add(1), ahead: 0, failures: 0 };
    }

    /// A record fitted no number. Whether the sender counted it is not known: it
    /// may be damaged, or no record at all.
    pub(super) fn missed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.lose(1);
    }

    /// So many records were not shown.
    pub(super) fn skip(&mut self, records: u64) {
        self.next = self.next.saturating_add(records);
    }

    /// Up to so many records are missing.
    pub(super) fn lose(&mut self, records: u64) {
        self.ahead = self.ahead.saturating_add(records).min(MAX_AHEAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_tried_until_something_is_missing() {
        let mut sequence = Sequence::default();
        sequence.matched(0);
        sequence.skip(2);
        assert_eq!(sequence.candidates(), Some(3..=3));
        sequence.lose(5);
        assert_eq!(sequence.candidates(), Some(3..=8));
        sequence.matched(6);
        assert_eq!(sequence.candidates(), Some(7..=7));
        sequence.lose(u64::MAX);
        assert_eq!(sequence.candidates(), Some(7..=7 + MAX_AHEAD));
    }

    #[test]
    fn failures_in_a_row_end_the_trying() {
        let mut sequence = Sequence::default();
        (1..MAX_FAILURES).for_each(|_| sequence.missed());
        assert!(sequence.candidates().is_some());
        sequence.missed();
        assert_eq!(sequence.candidates(), None);
    }
}
