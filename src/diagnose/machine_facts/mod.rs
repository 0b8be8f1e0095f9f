//! What texts say of the machine that was connected to: what scanners saw of it, and what
//! its own commands printed.

mod scans;

use super::Fact;
use crate::correlate::{Attempt, Case};
use scans::Scans;

/// What the texts of a case say of machines.
#[derive(Debug)]
pub(super) struct Machine {
    scans: Scans,
}

impl Machine {
    pub(super) fn gather(case: &Case) -> Self {
        Self { scans: Scans::gather(case) }
    }

    /// Facts about the attempts of one trouble.
    pub(super) fn facts<'a>(
        &self,
        case: &Case,
        attempts: impl Iterator<Item = &'a Attempt>,
    ) -> Vec<Fact> {
        self.scans.facts(case, attempts)
    }
}
