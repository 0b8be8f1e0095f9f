//! Who listens on the server, by its `netstat`.

use super::{About, MOST_TEXTS};
use crate::correlate::Case;
use crate::diagnose::Fact;
use crate::observe::Observation;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The listings of all texts.
#[derive(Debug, Default)]
pub(super) struct Listings {
    known: Vec<Observation>,
}

impl Listings {
    pub(super) fn gather(case: &Case) -> Self {
        let told = case.observations.iter().filter(|o| &*o.kind == "text.netstat");
        Self { known: told.take(MOST_TEXTS).cloned().collect() }
    }

    pub(super) fn facts(&self, about: &About<'_>) -> Vec<Fact> {
        let listings: Vec<(&Observation, bool)> =
            self.known.iter().filter_map(|o| Some((o, of_the_server(o, about)?))).collect();
        // One that is surely the server's speaks alone.
        let tied = listings.iter().any(|(_, tied)| *tied);
        let listings = listings.into_iter().filter(|(_, sure)| *sure == tied);
        let listings: Vec<&Observation> = listings.map(|(o, _)| o).collect();
        let share = 1.0 / listings.len().max(1) as f64;
        let share = if tied { share / about.share } else { share };
        listings.into_iter().flat_map(|listing| told(listing, share, about)).collect()
    }
}

/// Whether a listing is the server's for certain; `None` where it is another host's.
fn of_the_server(listing: &Observation, about: &About<'_>) -> Option<bool> {
    let local: BTreeSet<IpAddr> = addresses(listing, "local").collect();
    let has = |address: Option<IpAddr>| address.is_some_and(|address| local.contains(&address));
    let server = about.attempts.iter().any(|a| has(a.server.map(|end| end.address)));
    let client = about.attempts.iter().any(|a| has(a.client.map(|end| end.address)));
    (server || !client).then_some(server)
}

fn addresses<'a>(listing: &'a Observation, field: &str) -> impl Iterator<Item = IpAddr> + use<'a> {
    listing.field(field).unwrap_or_default().split(' ').filter_map(|text| text.parse().ok())
}

fn ports(listing: &Observation, field: &str) -> BTreeSet<u16> {
    let listed = listing.field(field).unwrap_or_default().split(' ');
    listed.filter_map(|port| port.parse().ok()).collect()
}

/// What one listing says of the ports that were tried.
fn told(listing: &Observation, share: f64, about: &About<'_>) -> Vec<Fact> {
    let (open, local_only) = (ports(listing, "open"), ports(listing, "loopback"));
    let (own, others) = (ports(listing, "remote_desktop"), ports(listing, "foreign"));
    let wanted = about.ports();
    let Some(last) = wanted.last() else { return Vec::new() };
    let fact = |kind| about.fact(kind, listing, share).with("wanted", last);
    if wanted.iter().any(|port| others.contains(port) && !own.contains(port)) {
        return vec![fact("text.listener.foreign")];
    }
    if wanted.iter().any(|port| open.contains(port)) {
        return vec![fact("text.listener.here").with("Port", last)];
    }
    if wanted.iter().any(|port| local_only.contains(port)) {
        return vec![fact("text.listener.loopback")];
    }
    if let Some(port) = own.first() {
        return vec![fact("text.listener.elsewhere").with("Port", port)];
    }
    // Only a listing that shows all listeners of a Windows host proves that one is not there.
    match listing.field("whole") {
        Some("yes") => vec![fact("text.listener.none")],
        _ => Vec::new(),
    }
}
