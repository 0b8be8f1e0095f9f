//! The tries that the client's own log tells (RDPClient 1024 to 1026), tied to the
//! connections that a capture or the server's log shows.

use super::attempts::{Attempt, EventRef};
use super::clock::{Clocks, short_name};
use crate::base::{CaseTime, millis_between};
use crate::observe::{Observation, Vantage};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// One try as the client logged it.
#[derive(Debug)]
pub struct ClientTry {
    pub host: Arc<str>,
    /// The name that was typed, 1024.
    pub server_name: Option<String>,
    /// The address that was used, 1102.
    pub server_address: Option<IpAddr>,
    pub start: CaseTime,
    pub end: CaseTime,
    /// Disconnect reason, 1026.
    pub reason: Option<u32>,
    pub(super) events: Vec<usize>,
}

/// A connection begins at most this long after 1024: name resolution may take its
/// time, in ms.
const LATEST_CONNECTION_MS: f64 = 30_000.0;

/// Clocks of client and server differ by this much without anybody noticing, in ms.
/// Only used when the server's address or name agrees.
const CLOCK_SLACK_MS: f64 = 120_000.0;

/// The tries of all client logs.
pub(super) fn tries(observations: &[Observation], clocks: &Clocks) -> Vec<ClientTry> {
    let mut open: BTreeMap<(Arc<str>, Option<Arc<str>>), usize> = BTreeMap::new();
    let mut tries: Vec<ClientTry> = Vec::new();
    for (index, observation) in observations.iter().enumerate() {
        let Vantage::Log { host, .. } = &observation.vantage else { continue };
        let Some(id) = observation.kind.strip_prefix("event.rdpclient.") else { continue };
        let time = clocks.case_time(observation);
        let key = (Arc::clone(host), observation.subject.activity.clone());
        // Without activity ids a new 1024 begins a new try.
        let begins = id == "1024" && (key.1.is_none() || !open.contains_key(&key));
        let known = open.get(&key).copied().filter(|_| !begins);
        let slot = match known {
            Some(slot) => slot,
            None if begins => {
                tries.push(ClientTry::new(host, time));
                open.insert(key, tries.len() - 1);
                tries.len() - 1
            }
            // What follows a 1024 that the log no longer holds is no whole try.
            None => continue,
        };
        if let Some(current) = tries.get_mut(slot) {
            current.add(index, observation, id, time);
        }
    }
    tries.retain(|one| !one.events.is_empty());
    tries
}

impl ClientTry {
    fn new(host: &Arc<str>, time: CaseTime) -> Self {
        Self {
            host: Arc::clone(host),
            server_name: None,
            server_address: None,
            start: time,
            end: time,
            reason: None,
            events: Vec::new(),
        }
    }

    fn add(&mut self, index: usize, observation: &Observation, id: &str, time: CaseTime) {
        self.end = self.end.max(time);
        self.events.push(index);
        let value = observation.field("Value");
        match id {
            "1024" => self.server_name = value.map(str::to_owned),
            "1026" => self.reason = value.and_then(|value| value.trim().parse().ok()),
            "1102" => {
                let address = value.and_then(crate::base::parse_endpoint);
                self.server_address = address.map(|endpoint| endpoint.address);
            }
            _ => {}
        }
    }

    /// How well an attempt fits: the smaller the better, `None` when it cannot be.
    fn distance(&self, attempt: &Attempt) -> Option<f64> {
        if attempt.client_host.as_ref().is_some_and(|host| **host != *self.host) {
            return None;
        }
        let (mut agree, mut deny) = (false, false);
        if let (Some(wanted), Some(server)) = (self.server_address, attempt.server) {
            agree |= wanted == server.address;
            deny |= wanted != server.address;
        }
        if let (Some(name), Some(host)) = (&self.server_name, &attempt.server_host) {
            let by_name = short_name(name) == short_name(host);
            agree |= by_name;
            deny |= !by_name && name.parse::<IpAddr>().is_err() && !agree;
        }
        if deny && !agree {
            return None;
        }
        let nearest = attempt
            .connections
            .iter()
            .map(|connection| millis_between(self.start.0, connection.start.0))
            .min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .unwrap_or_else(|| millis_between(self.start.0, attempt.start.0));
        let (earliest, latest) = if agree {
            (-CLOCK_SLACK_MS, CLOCK_SLACK_MS)
        } else {
            (-2_000.0, LATEST_CONNECTION_MS)
        };
        // The connection follows 1024; before it, only clocks explain it.
        let penalty = if nearest < -500.0 { 5_000.0 } else { 0.0 };
        (earliest..=latest).contains(&nearest).then_some(nearest.abs() + penalty)
    }
}

/// Ties each try to the attempt that fits best; what fits none becomes an attempt
/// of its own.
pub(super) fn attach(attempts: &mut Vec<Attempt>, tries: Vec<ClientTry>) {
    let mut by_start: BTreeMap<CaseTime, Vec<usize>> = BTreeMap::new();
    for (index, attempt) in attempts.iter().enumerate() {
        for start in starts(attempt) {
            by_start.entry(start).or_default().push(index);
        }
    }
    for one in tries {
        let slack = SignedDuration::from_secs_f64(CLOCK_SLACK_MS / 1000.0);
        let from = one.start.0.checked_sub(slack).unwrap_or(one.start.0);
        let to = one.start.0.checked_add(slack).unwrap_or(one.start.0);
        // An attempt of many connections is looked at once.
        let near: BTreeSet<usize> = by_start
            .range(CaseTime(from)..=CaseTime(to))
            .flat_map(|(_, near)| near)
            .copied()
            .collect();
        let best = near
            .into_iter()
            .filter_map(|index| Some((index, one.distance(attempts.get(index)?)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
            .map(|(index, _)| index);
        let index = best.unwrap_or_else(|| {
            attempts.push(Attempt::at(one.start));
            by_start.entry(one.start).or_default().push(attempts.len() - 1);
            attempts.len() - 1
        });
        if let Some(attempt) = attempts.get_mut(index) {
            fill(attempt, one);
        }
    }
}

/// When an attempt's connections begin, or where it has none, the attempt itself.
fn starts(attempt: &Attempt) -> Vec<CaseTime> {
    match attempt.connections.as_slice() {
        [] => vec![attempt.start],
        connections => connections.iter().map(|connection| connection.start).collect(),
    }
}

fn fill(attempt: &mut Attempt, one: ClientTry) {
    attempt.in_client_log = true;
    attempt.client_span = Some(match attempt.client_span {
        Some((start, end)) => (start.min(one.start), end.max(one.end)),
        None => (one.start, one.end),
    });
    attempt.end = attempt.end.max(one.end);
    attempt.start = attempt.start.min(one.start);
    attempt.client_host = Some(one.host);
    // Of several tries in one attempt the last one tells how it ended.
    attempt.client_error = one.reason.or(attempt.client_error);
    attempt.server_name = one.server_name.or(attempt.server_name.take());
    if attempt.server.is_none() {
        attempt.server =
            one.server_address.map(|address| crate::base::Endpoint { address, port: None });
    }
    attempt.events.extend(one.events.into_iter().map(|index| EventRef { index, share: 1.0 }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, start: &str) -> ClientTry {
        let mut one = ClientTry::new(&"PC1".into(), CaseTime(start.parse().unwrap()));
        one.server_name = Some(name.to_owned());
        one
    }

    #[test]
    fn a_try_fits_the_connection_that_follows_it_to_the_same_server() {
        let mut attempt = Attempt::at(CaseTime("2024-05-01T10:00:00Z".parse().unwrap()));
        attempt.server_host = Some("TS1.corp.test".into());
        assert!(one("ts1", "2024-05-01T09:59:59Z").distance(&attempt).is_some());
        assert!(one("ts2", "2024-05-01T09:59:59Z").distance(&attempt).is_none());
        assert!(one("ts1", "2024-05-01T09:00:00Z").distance(&attempt).is_none());
    }
}
