//! What scanners saw of a server, against what the client of the wire offered it.

use super::offer::{common_suite, suites_of};
use crate::base::Endpoint;
use crate::correlate::{Attempt, Case};
use crate::diagnose::Fact;
use crate::observe::{
    ClientHello, ConnectionRequest, Negotiation, Observation, Protocols, Version,
};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Findings about one server that are weighed; scans that are repeated say the same.
const MOST_FINDINGS: usize = 64;

/// What a client asked a server for.
#[derive(Debug, Default)]
struct Offers<'a> {
    hello: Option<&'a ClientHello>,
    request: Option<&'a ConnectionRequest>,
}

/// What scanners saw, by index into the observations, by the server's address.
#[derive(Debug, Default)]
pub(super) struct Scans {
    by_address: HashMap<IpAddr, Vec<usize>>,
}

impl Scans {
    pub(super) fn gather(case: &Case) -> Self {
        let mut scans = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            if let (true, Some(address)) =
                (observation.kind.starts_with("text.scan."), observation.subject.server)
            {
                scans.by_address.entry(address).or_default().push(index);
            }
        }
        scans
    }

    /// What was seen of the servers of these attempts.
    pub(super) fn facts<'a>(
        &self,
        case: &Case,
        attempts: impl Iterator<Item = &'a Attempt>,
    ) -> Vec<Fact> {
        if self.by_address.is_empty() {
            return Vec::new();
        }
        let mut servers: BTreeMap<Endpoint, Offers<'a>> = BTreeMap::new();
        for attempt in attempts {
            if let Some(server) = attempt.server {
                servers.entry(server).or_default();
            }
            // The latest try is nearest to what somebody then looked into.
            for view in attempt.views() {
                let offers = servers.entry(view.server).or_default();
                offers.hello = view.tls.client_hello.as_ref().map(|at| &at.value).or(offers.hello);
                offers.request = view.x224.request.as_ref().map(|at| &at.value).or(offers.request);
            }
        }
        let about_server = |(server, offers): (&Endpoint, &Offers<'a>)| {
            let seen = self.of(case, *server).filter_map(|seen| match &*seen.kind {
                "text.scan.port" => Some(about(case, "text.scan.port", seen)),
                "text.scan.tls" => tls(case, seen, offers.hello?),
                "text.scan.security" => security(case, seen, offers.request?),
                _ => None,
            });
            seen.collect::<Vec<Fact>>()
        };
        servers.iter().flat_map(about_server).collect()
    }

    fn of<'a>(&'a self, case: &'a Case, server: Endpoint) -> impl Iterator<Item = &'a Observation> {
        let indexes = self.by_address.get(&server.address).into_iter().flatten();
        indexes
            .filter_map(|index| case.observations.get(*index))
            .filter(move |seen| server.port.is_none() || seen.subject.server_port == server.port)
            .take(MOST_FINDINGS)
    }
}

fn about(case: &Case, kind: &'static str, seen: &Observation) -> Fact {
    let end = (seen.subject.server, seen.subject.server_port);
    let server = match end {
        (Some(address), port) => Endpoint { address, port }.to_string(),
        (None, _) => String::new(),
    };
    Fact::named(case, kind, seen).with("server", server)
}

/// What the server took of TLS against what the client offered.
fn tls(case: &Case, seen: &Observation, hello: &ClientHello) -> Option<Fact> {
    let taken: Vec<&str> = seen.field("versions")?.split(", ").collect();
    let offered = hello.versions();
    let shared = offered.iter().any(|version| taken.contains(&&*version.name()));
    // A hello that names only its newest version may accept older ones, which it does not
    // list: then only a server whose oldest version is newer is sure to share none.
    let lists = offered.len() > 1 || offered.contains(&Version::TLS_1_3);
    let newest = offered.first().copied();
    let too_old = newest.is_some_and(|newest| {
        let below = |version: &Version| *version <= newest;
        !KNOWN.iter().filter(|version| taken.contains(&&*version.name())).any(below)
    });
    let common_version = match (shared, lists || too_old) {
        (true, _) => "yes",
        (false, true) => "no",
        (false, false) => "unknown",
    };
    let newest = newest.map(|version| version.name().into_owned()).unwrap_or_default();
    let fact = about(case, "text.scan.tls", seen)
        .with("newest_version", newest)
        .with("common_version", common_version);
    Some(common_suite(fact, hello, &suites_of(seen)))
}

/// Versions that scanners tell of.
const KNOWN: [Version; 6] = [
    Version(0x0002),
    Version(0x0300),
    Version(0x0301),
    Version(0x0302),
    Version::TLS_1_2,
    Version::TLS_1_3,
];

/// The security layers that the server took against those that the client offered.
fn security(case: &Case, seen: &Observation, request: &ConnectionRequest) -> Option<Fact> {
    let protocols = match request.negotiation {
        Some(Negotiation::Request { protocols, .. }) => protocols,
        // Without a negotiation it is standard RDP security.
        _ => Protocols::empty(),
    };
    let taken: Vec<&str> = seen.field("layers")?.split(", ").collect();
    let offered = protocols.names();
    let common = offered.iter().any(|name| taken.contains(&&**name));
    let takes = |layer| taken.contains(&layer);
    let demands = match (takes("rdp"), takes("tls"), takes("hybrid") || takes("hybrid_ex")) {
        (true, false, false) => "rdp",
        (false, true, _) => "tls",
        (false, false, true) => "credssp",
        _ => "nothing",
    };
    Some(
        about(case, "text.scan.security", seen)
            .with("offered", offered.join(", "))
            .with("demands", demands)
            .with("common", if common { "yes" } else { "no" }),
    )
}
