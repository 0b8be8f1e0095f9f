//! What attached texts say of the server's settings.
//!
//! Such a text names neither its host nor its time: it is taken to be about the server of
//! the case. Of several servers nobody knows which one it is about.

use super::Fact;
use crate::correlate::Case;
use crate::observe::Observation;
use std::collections::BTreeSet;

/// How far a text counts where nothing shows that a connection failed at all.
const NO_ATTEMPT_SHARE: f64 = 0.8;

/// What the texts of a case say.
#[derive(Debug)]
pub(super) struct Texts {
    facts: Vec<Fact>,
}

impl Texts {
    pub(super) fn gather(case: &Case) -> Self {
        let servers: BTreeSet<_> = case
            .attempts
            .iter()
            .map(|attempt| match attempt.server {
                Some(server) => (Some(server.address), None),
                None => (None, attempt.server_host.clone()),
            })
            .collect();
        let share = match servers.len() {
            0 => NO_ATTEMPT_SHARE,
            several => 1.0 / several as f64,
        };
        let told = case.observations.iter().filter_map(|o| Some((named(o)?, o)));
        let facts = told.map(|(kind, o)| Fact::named(case, kind, o).shared(share)).collect();
        Self { facts }
    }

    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }
}

/// Whether a text alone says why connections fail.
pub(super) fn tells_why(observation: &Observation) -> bool {
    named(observation) == Some("text.acl.key_unreadable")
}

/// The fact that a text establishes.
fn named(observation: &Observation) -> Option<&'static str> {
    if &*observation.kind != "text.acl" || observation.field("key") != Some("yes") {
        return None;
    }
    match observation.field("network_service")? {
        "none" | "denied" => Some("text.acl.key_unreadable"),
        "read" => Some("text.acl.key_readable"),
        _ => None,
    }
}
