//! The hosts of a case.

use super::{Attempt, Clocks};
use crate::base::ClockOffset;
use crate::observe::{Coverage, Observation, Vantage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What a host does in this case.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HostRole {
    Server,
    Client,
    Gateway,
    Unknown,
}

/// A host that the evidence names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: Arc<str>,
    pub role: HostRole,
    pub addresses: BTreeSet<IpAddr>,
    pub offset: Option<ClockOffset>,
}

pub(super) fn hosts(
    attempts: &[Attempt],
    observations: &[Observation],
    coverage: &[Coverage],
    clocks: &Clocks,
) -> Vec<Host> {
    let mut roles: BTreeMap<Arc<str>, HostRole> = BTreeMap::new();
    for coverage in coverage {
        if let Some(host) = coverage.host.as_ref().filter(|host| !host.is_empty()) {
            roles.entry(Arc::clone(host)).or_insert(HostRole::Unknown);
        }
    }
    for observation in observations {
        if let (Vantage::Log { host, .. }, Some(role)) =
            (&observation.vantage, role_of(&observation.kind))
            && let Some(known) = roles.get_mut(host)
        {
            *known = (*known).min(role);
        }
    }
    roles
        .into_iter()
        .map(|(name, role)| {
            let addresses = addresses(&name, attempts);
            let offset = clocks.offset(&name);
            Host { name, role, addresses, offset }
        })
        .collect()
}

/// What a record says about the host that logged it.
fn role_of(kind: &str) -> Option<HostRole> {
    let (slug, _) = kind.strip_prefix("event.")?.split_once('.')?;
    match slug {
        "rdpcorets" | "rcm" => Some(HostRole::Server),
        "rdpclient" => Some(HostRole::Client),
        "gateway" => Some(HostRole::Gateway),
        _ => None,
    }
}

fn addresses(name: &Arc<str>, attempts: &[Attempt]) -> BTreeSet<IpAddr> {
    let mut addresses = BTreeSet::new();
    for attempt in attempts {
        if attempt.server_host.as_ref() == Some(name) {
            addresses.extend(attempt.server.map(|server| server.address));
        }
        if attempt.client_host.as_ref() == Some(name) {
            addresses.extend(attempt.client.map(|client| client.address));
        }
    }
    addresses
}
