//! Which attempts a report lists.

use super::model::LeftOut;
use crate::correlate::{Attempt, Case, Outcome};
use std::collections::BTreeSet;

/// Attempts that are listed: a server under siege has tens of thousands.
const MOST_LISTED: usize = 1_000;

/// The attempts that are listed, in their order, and how many are not: first those
/// that the ranking is about, then the user's by the client's own log, then the last
/// ones.
pub(super) fn listed<'a>(case: &'a Case, asked: &BTreeSet<u32>) -> (Vec<&'a Attempt>, LeftOut) {
    let mut attempts: Vec<&Attempt> = case.attempts.iter().collect();
    let mut left = LeftOut::default();
    if attempts.len() > MOST_LISTED {
        attempts.sort_by_key(|a| (!asked.contains(&a.id), !a.in_client_log, u32::MAX - a.id));
        for attempt in attempts.drain(MOST_LISTED..) {
            match attempt.outcome {
                Outcome::Succeeded => left.succeeded += 1,
                Outcome::Failed => left.failed += 1,
                Outcome::Unknown => left.unknown += 1,
            }
        }
        attempts.sort_by_key(|attempt| attempt.id);
    }
    (attempts, left)
}
