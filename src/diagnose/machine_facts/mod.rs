//! What texts say of the machine that was connected to: what scanners saw of it, and what
//! its own commands printed.

mod host;
mod offer;
mod scans;

use super::Fact;
use super::text_facts::share;
use crate::correlate::{Attempt, Case};
use host::Printed;
use scans::Scans;

/// What the texts of a case say of machines.
#[derive(Debug)]
pub(super) struct Machine {
    scans: Scans,
    printed: Printed,
    /// How far a text that names no host belongs to one of the case's servers.
    share: f64,
}

impl Machine {
    pub(super) fn gather(case: &Case) -> Self {
        let share = share(case);
        Self { scans: Scans::gather(case), printed: Printed::gather(case, share), share }
    }

    /// Facts about the attempts of one trouble.
    pub(super) fn facts<'a>(
        &self,
        case: &Case,
        attempts: impl Iterator<Item = &'a Attempt> + Clone,
    ) -> Vec<Fact> {
        let mut facts = self.printed.facts().to_vec();
        let hellos = attempts.clone().flat_map(Attempt::views);
        let last = hellos.filter_map(|view| view.tls.client_hello.as_ref()).last();
        if let Some(hello) = last {
            facts.extend(self.printed.suites(case, &hello.value, self.share));
        }
        facts.extend(self.scans.facts(case, attempts));
        facts
    }
}
