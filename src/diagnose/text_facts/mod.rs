//! What attached texts say of the server's settings.
//!
//! Such a text names neither its host nor its time: it is taken to be about the server of
//! the case. Of several servers nobody knows which one it is about.

mod certificates;
mod listeners;
mod rdp_file;
mod registry;
mod schannel;

use super::Fact;
use crate::correlate::{Attempt, Case};
use crate::observe::{Conversation, Observation};
use certificates::Stores;
use listeners::Listings;
use rdp_file::RdpFiles;
use registry::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a text counts where nothing shows that a connection failed at all.
const NO_ATTEMPT_SHARE: f64 = 0.8;

/// Tries of one client whose hellos and certificates are held against the texts: they are
/// alike.
const MOST_TRIES: usize = 16;
/// Listings or files of one case that are held against the tries.
const MOST_TEXTS: usize = 64;

/// What the texts of a case say.
#[derive(Debug)]
pub(super) struct Texts {
    /// How far each counts for an attempt.
    share: f64,
    permissions: Vec<Fact>,
    settings: Settings,
    listings: Listings,
    files: RdpFiles,
    stores: Stores,
}

impl Texts {
    pub(super) fn gather(case: &Case) -> Self {
        let share = share(case);
        let told = case.observations.iter().filter_map(|o| Some((permission(o)?, o)));
        Self {
            share,
            permissions: told.map(|(kind, o)| Fact::named(case, kind, o).shared(share)).collect(),
            settings: Settings::gather(case),
            listings: Listings::gather(case),
            files: RdpFiles::gather(case),
            stores: Stores::gather(case),
        }
    }

    /// What they say of the server that these attempts went to; none of them where only
    /// texts are there.
    pub(super) fn facts(&self, case: &Case, attempts: &[&Attempt]) -> Vec<Fact> {
        let about = About { case, attempts, share: self.share, file_port: self.files.port() };
        let mut facts = self.permissions.clone();
        facts.extend(self.settings.facts(&about));
        facts.extend(schannel::facts(&self.settings, &about));
        facts.extend(self.listings.facts(&about));
        facts.extend(self.files.facts(&about, &self.settings));
        facts.extend(self.stores.facts(&about, &self.settings));
        facts
    }
}

/// How far a text belongs to one of the case's servers, when it does not say to which.
pub(super) fn share(case: &Case) -> f64 {
    let servers: BTreeSet<_> = case
        .attempts
        .iter()
        .map(|attempt| match attempt.server {
            Some(server) => (Some(server.address), None),
            None => (None, attempt.server_host.clone()),
        })
        .collect();
    match servers.len() {
        0 => NO_ATTEMPT_SHARE,
        several => 1.0 / several as f64,
    }
}

/// What the texts are held against.
struct About<'a> {
    case: &'a Case,
    attempts: &'a [&'a Attempt],
    share: f64,
    /// The port that the only `.rdp` file names.
    file_port: Option<u16>,
}

impl About<'_> {
    fn fact(&self, kind: &'static str, observation: &Observation, share: f64) -> Fact {
        Fact::named(self.case, kind, observation).shared(share * self.share)
    }

    /// The ports that the client tried, at least by what its `.rdp` file says.
    fn ports(&self) -> BTreeSet<u16> {
        let tried: BTreeSet<u16> =
            self.attempts.iter().filter_map(|a| super::timeline::wanted_port(a)).collect();
        match tried.is_empty() && self.attempts.is_empty() {
            true => self.file_port.into_iter().collect(),
            false => tried,
        }
    }

    /// The latest tries: they are held against the settings.
    fn views(&self) -> impl Iterator<Item = &Arc<Conversation>> {
        self.attempts.iter().rev().take(MOST_TRIES).flat_map(|attempt| attempt.views())
    }
}

/// What texts alone say about why connections fail.
const TELLS_WHY: [&str; 6] = [
    "text.acl.key_unreadable",
    "text.registry.rdp_denied",
    "text.registry.service_disabled",
    "text.registry.tls_off",
    "text.listener.elsewhere",
    "text.rdp_file.credssp_refused",
];

/// Whether the texts of a case alone say why connections fail.
pub(super) fn tell_why(case: &Case) -> bool {
    let facts = Texts::gather(case).facts(case, &[]);
    facts.iter().any(|fact| TELLS_WHY.contains(&&*fact.kind))
}

/// The fact that a listing of permissions establishes.
fn permission(observation: &Observation) -> Option<&'static str> {
    if &*observation.kind != "text.acl" || observation.field("key") != Some("yes") {
        return None;
    }
    match observation.field("network_service")? {
        "none" | "denied" => Some("text.acl.key_unreadable"),
        "read" => Some("text.acl.key_readable"),
        _ => None,
    }
}
