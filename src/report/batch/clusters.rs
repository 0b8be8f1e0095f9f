//! Which cases of one cause are about the same machine? One fix mends them all.

use super::model::{CaseLine, Cluster, ClusterBy, Leading};
use crate::knowledge::FaultDomain;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Clusters of two cases or more; each case is in one at most.
pub(super) fn clusters(cases: &[CaseLine]) -> Vec<Cluster> {
    let mut by_cause: BTreeMap<&str, Vec<(&CaseLine, &Leading)>> = BTreeMap::new();
    for case in cases {
        if let Some(leading) = case.diagnosed() {
            by_cause.entry(&leading.cause).or_default().push((case, leading));
        }
    }
    let mut clusters: Vec<Cluster> = by_cause.into_values().flat_map(of_cause).collect();
    clusters.sort_by_key(|cluster| Reverse(cluster.cases.len()));
    clusters
}

/// Cases are set beside each other first by the side where the fault is.
fn of_cause(cases: Vec<(&CaseLine, &Leading)>) -> Vec<Cluster> {
    let at_client = cases.first().is_some_and(|(_, l)| l.fault_domain == FaultDomain::Client);
    let order = match at_client {
        true => [ClusterBy::Client, ClusterBy::Server],
        false => [ClusterBy::Server, ClusterBy::Client],
    };
    let (mut left, mut found) = (cases, Vec::new());
    for by in order {
        let mut groups: BTreeMap<String, Vec<(&CaseLine, &Leading)>> = BTreeMap::new();
        let mut others = Vec::new();
        for (case, leading) in left {
            match machine(leading, by) {
                Some(machine) => groups.entry(machine).or_default().push((case, leading)),
                None => others.push((case, leading)),
            }
        }
        for (of, group) in groups {
            match group.len() {
                1 => others.extend(group),
                _ => found.extend(cluster(by, of, &group)),
            }
        }
        left = others;
    }
    found
}

/// What a machine is known by: a server by its name or its address and port, a client by
/// its name or address, as its port is another one each time.
fn machine(leading: &Leading, by: ClusterBy) -> Option<String> {
    match by {
        ClusterBy::Server => leading.server_name.clone().or_else(|| leading.server.clone()),
        ClusterBy::Client => {
            let client = leading.client.as_deref()?;
            let address = client.parse().map(|a: std::net::SocketAddr| a.ip().to_string());
            Some(address.unwrap_or_else(|_| client.to_owned()))
        }
    }
}

fn cluster(by: ClusterBy, of: String, group: &[(&CaseLine, &Leading)]) -> Option<Cluster> {
    let (_, leading) = group.first()?;
    let times: BTreeSet<(Timestamp, &str)> = group
        .iter()
        .filter_map(|(_, leading)| leading.start.as_deref())
        .filter_map(|start| Some((start.parse().ok()?, start)))
        .collect();
    Some(Cluster {
        cause: leading.cause.clone(),
        title: leading.title.clone(),
        by,
        of,
        first: times.first().map(|(_, time)| (*time).to_owned()),
        last: times.last().map(|(_, time)| (*time).to_owned()),
        cases: group.iter().map(|(case, _)| case.name.clone()).collect(),
    })
}
