//! What a machine's own commands printed. The texts seldom say of which machine they are:
//! they are taken to be about the server of the case.

use super::offer::{common_suite, suites_of};
use crate::correlate::Case;
use crate::diagnose::Fact;
use crate::observe::{ClientHello, Observation};

/// Kinds of observations that are facts as they stand.
const FACTS: [&str; 3] = ["text.clock.status", "text.policy", "text.sessions"];

/// Findings that are weighed; what is printed again and again says the same.
const MOST_FINDINGS: usize = 256;

/// What commands printed, by index into the observations.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// Facts whatever was tried.
    facts: Vec<Fact>,
    /// Enabled cipher suites.
    suites: Vec<usize>,
}

impl Printed {
    /// `share`: how far a text belongs to one of the case's servers.
    pub(super) fn gather(case: &Case, share: f64) -> Self {
        let mut printed = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            if printed.facts.len() + printed.suites.len() >= MOST_FINDINGS {
                break;
            }
            if &*observation.kind == "text.suites" {
                printed.suites.push(index);
            }
            printed.facts.extend(fact(case, observation, share));
        }
        printed
    }

    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The enabled suites against those that a client offered.
    pub(super) fn suites(&self, case: &Case, hello: &ClientHello, share: f64) -> Vec<Fact> {
        let lists = self.suites.iter().filter_map(|index| case.observations.get(*index));
        lists
            .map(|list| {
                let fact = Fact::named(case, "text.suites", list).shared(share);
                common_suite(fact, hello, &suites_of(list))
            })
            .collect()
    }
}

/// The fact that an observation is for itself.
fn fact(case: &Case, observation: &Observation, share: f64) -> Option<Fact> {
    if &*observation.kind == "text.clock.offset" {
        return clock(case, observation, share);
    }
    let is_fact = FACTS.contains(&&*observation.kind);
    is_fact.then(|| Fact::of_observation(case, observation, share))
}

/// Two clocks that `w32tm` compared. Whose the first one is, it does not say: any clock of
/// the case that is wrong counts.
fn clock(case: &Case, observation: &Observation, share: f64) -> Option<Fact> {
    let ahead: f64 = observation.field("seconds")?.parse().ok()?;
    let mut fact = Fact::named(case, "text.clock.offset", observation).shared(share);
    fact.fields.retain(|(name, _)| &**name != "seconds");
    let with = observation.field("with").filter(|with| !with.is_empty());
    Some(
        fact.with("seconds", format!("{:.1}", ahead.abs()))
            .with("direction", if ahead < 0.0 { "ahead of" } else { "behind" })
            .with("other", with.unwrap_or("another clock")),
    )
}
