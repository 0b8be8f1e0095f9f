//! What the client's own host did to its try, and how other clients fared.

use super::Fact;
use crate::base::{CaseTime, RDP_PORT, millis_between, parse_endpoint};
use crate::correlate::{Attempt, Case, Outcome, log_success};
use crate::observe::Observation;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// How far outside a try a record of a filter may lie, in ms: both are of one clock.
const FILTER_SLACK_MS: f64 = 2_000.0;

/// Clients that tried within this of each other met the same server, in ms.
const SAME_HOUR_MS: f64 = 3_600_000.0;

/// Neighbours in time that are looked at, on each side.
const MOST_NEIGHBOURS: usize = 128;

/// What is gathered once for all troubles.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// Records of filters that block what a host sends, by host, in the order of time.
    filters: HashMap<Arc<str>, Vec<usize>>,
    /// Attempts by the server's host, in the order of their start.
    by_server: HashMap<Arc<str>, Vec<usize>>,
}

impl Clients {
    pub(super) fn gather(case: &Case) -> Self {
        let mut clients = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            if let (true, Some(host)) = (is_filter(observation), observation.host()) {
                clients.filters.entry(Arc::clone(host)).or_default().push(index);
            }
        }
        for (index, attempt) in case.attempts.iter().enumerate() {
            if let (Some(host), Some(_)) = (&attempt.server_host, attempt.client) {
                clients.by_server.entry(Arc::clone(host)).or_default().push(index);
            }
        }
        clients
    }

    /// The record of a filter on the client that stopped this very try.
    pub(super) fn blocked(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let filters = self.filters.get(attempt.client_host.as_ref()?)?;
        let from = filters.partition_point(|index| {
            case.observations
                .get(*index)
                .is_some_and(|o| millis_between(case.time(o).0, attempt.start.0) > FILTER_SLACK_MS)
        });
        filters
            .get(from..)?
            .iter()
            .filter_map(|index| case.observations.get(*index))
            .take_while(|o| millis_between(attempt.end.0, case.time(o).0) <= FILTER_SLACK_MS)
            .take(MOST_NEIGHBOURS)
            .find_map(|o| blocked_way(case, attempt, o))
    }

    /// The nearest try of another client to the same server that worked, and the
    /// nearest that failed.
    pub(super) fn others(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let (Some(host), Some(client)) = (&attempt.server_host, attempt.client) else {
            return Vec::new();
        };
        let list = self.by_server.get(host).map(Vec::as_slice).unwrap_or_default();
        let at = list.partition_point(|index| {
            case.attempts.get(*index).is_some_and(|other| other.start < attempt.start)
        });
        let before = list.get(..at).unwrap_or_default().iter().rev().take(MOST_NEIGHBOURS);
        let after = list.get(at..).unwrap_or_default().iter().take(MOST_NEIGHBOURS);
        let mut near: Vec<(f64, &Attempt)> = before
            .chain(after)
            .filter_map(|index| case.attempts.get(*index))
            .filter(|other| other.client.is_some_and(|other| other.address != client.address))
            .map(|other| (millis_between(attempt.start.0, other.start.0).abs(), other))
            .filter(|(away, _)| *away <= SAME_HOUR_MS)
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        [("log.others_succeed", Outcome::Succeeded), ("log.others_fail", Outcome::Failed)]
            .into_iter()
            .filter_map(|(kind, outcome)| {
                let (away, other) = near.iter().find(|(_, other)| other.outcome == outcome)?;
                let client = other.client?.address;
                let fact = proof(case, other)?.with("client", client);
                let fact = fact.with("minutes", format!("{:.0}", away / 60_000.0));
                Some(Fact { kind: kind.into(), ..fact })
            })
            .collect()
    }
}

/// Blocked connections of the filtering platform, and of Defender's network protection.
fn is_filter(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.defender.1126" => true,
        // %%14593 is outbound.
        "event.security.5152" | "event.security.5157" => {
            observation.field("Direction").is_some_and(|way| way.contains("14593"))
        }
        _ => false,
    }
}

/// Programs that are Remote Desktop clients of Windows.
const PROGRAMS: [&str; 2] = ["mstsc.exe", "msrdc.exe"];

/// A record of a filter, when it is about the attempt's own way.
fn blocked_way(case: &Case, attempt: &Attempt, record: &Observation) -> Option<Fact> {
    let defender = &*record.kind == "event.defender.1126";
    let path = record.field(if defender { "Process Name" } else { "Application" })?;
    let program = path.rsplit('\\').next().unwrap_or(path).to_ascii_lowercase();
    if !PROGRAMS.contains(&program.as_str()) {
        return None;
    }
    let destination = match defender {
        true => record.field("Destination")?.trim().to_owned(),
        false => format!("{}:{}", record.field("DestAddress")?, record.field("DestPort")?),
    };
    let server = attempt.server.map(|server| server.address);
    if !leads_to(server, attempt.server_name.as_deref(), &destination) {
        return None;
    }
    let mut fact = Fact::of_observation(case, record, 1.0);
    fact.kind = "log.client_filter_blocked".into();
    let by = if defender { "Windows Defender" } else { "The Windows Filtering Platform" };
    Some(fact.with("by", by).with("program", program).with("destination", destination))
}

/// Whether a destination is the attempt's server: by address, by name, or by the port
/// where the address is not known.
fn leads_to(server: Option<IpAddr>, name: Option<&str>, destination: &str) -> bool {
    if let Some(end) = parse_endpoint(destination) {
        return match server {
            Some(server) => server == end.address,
            None => end.port == Some(RDP_PORT),
        };
    }
    let host = destination.rsplit_once("//").map_or(destination, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or(host);
    name.is_some_and(|name| name.eq_ignore_ascii_case(host))
}

/// A record or frame that shows how an attempt ended.
fn proof(case: &Case, attempt: &Attempt) -> Option<Fact> {
    let events = || case.events(attempt).filter(|(_, share)| *share > 0.99).map(|(o, _)| o);
    let record = match attempt.outcome {
        Outcome::Succeeded => events().find(|o| log_success(&o.kind)),
        _ => events().last(),
    };
    if let Some(record) = record {
        return Some(Fact::of_observation(case, record, 1.0));
    }
    let view = attempt.views().last()?;
    let mut fact = Fact::of_frame("", view, view.last_frame.0, view.end);
    fact.time = CaseTime(view.end.0);
    Some(fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server: Option<&str>, destination: &str, expect: bool) {
        let server = server.map(|address| address.parse().unwrap());
        assert_eq!(leads_to(server, Some("ts1.corp.test"), destination), expect, "{destination}");
    }

    #[test]
    fn a_destination_is_the_server_by_name_address_or_port() {
        check(None, "TS1.corp.test", true);
        check(None, "https://ts1.corp.test:3389/", true);
        check(None, "other.corp.test", false);
        check(None, "10.0.0.5:3389", true);
        check(None, "10.0.0.5:443", false);
        check(Some("10.0.0.6"), "10.0.0.5:3389", false);
        check(Some("10.0.0.5"), "10.0.0.5:3389", true);
    }
}
