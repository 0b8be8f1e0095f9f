//! Records of an RD Gateway, tied to the tries that went through it.
//!
//! Its records of one way share an activity id; those about the user (200, 201) name no
//! target, those about the target (300 to 304) do. The target's own log shows the
//! gateway's address, the client's log no address at all: so what ties them is the name
//! of the target, the client's address on the way to the gateway, or time alone.

use super::attempts::Attempt;
use super::clock::{Clocks, short_name};
use crate::base::{CaseTime, Endpoint, millis_between};
use crate::observe::{Observation, Service};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Clocks of client and gateway differ by this much without anybody noticing, in ms.
/// Only used where the name of the target agrees.
const CLOCK_SLACK_MS: f64 = 120_000.0;

/// How far a record may lie outside a try that nothing but time ties it to, in ms.
const TIME_SLACK_MS: f64 = 2_000.0;

/// Refusals of one user within this belong to one try, in ms.
const SAME_TRY_MS: f64 = 60_000.0;

/// The number of a record about one user's way.
fn way_id(observation: &Observation) -> Option<&str> {
    let id = observation.kind.strip_prefix("event.gateway.")?;
    matches!(id, "200" | "201" | "203" | "300" | "301" | "302" | "303" | "304" | "305" | "306")
        .then_some(id)
}

/// Records that say that the gateway did not let a user through.
fn refuses(id: &str) -> bool {
    matches!(id, "201" | "203" | "301" | "304")
}

/// One record about a way.
struct Way<'a> {
    number: usize,
    id: &'a str,
    time: CaseTime,
    client: Option<IpAddr>,
    /// As [`named`] has it.
    target: Option<String>,
    observation: &'a Observation,
}

/// The short name of a target, or its address.
fn named(target: &str) -> String {
    match target.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => short_name(target),
    }
}

/// All ways, in the order of time. A record without a target has that of its activity.
fn ways<'a>(observations: &'a [Observation], clocks: &Clocks) -> Vec<Way<'a>> {
    let mut targets: HashMap<&Arc<str>, &str> = HashMap::new();
    let mut ways = Vec::new();
    for (number, observation) in observations.iter().enumerate() {
        let Some(id) = way_id(observation) else { continue };
        let subject = &observation.subject;
        if let (Some(activity), Some(target)) = (&subject.activity, &subject.server_name) {
            targets.insert(activity, target);
        }
        let time = clocks.case_time(observation);
        ways.push(Way { number, id, time, client: subject.client, target: None, observation });
    }
    for way in &mut ways {
        let subject = &way.observation.subject;
        let of_activity = || targets.get(subject.activity.as_ref()?).copied();
        way.target = subject.server_name.as_deref().or_else(of_activity).map(named);
    }
    ways
}

/// Attempts by what a way may be told by.
#[derive(Default)]
struct Index {
    /// Tries of a client's own log, by the name that was typed.
    typed: HashMap<String, Vec<usize>>,
    /// Connections to a gateway, by the client's address.
    outside: HashMap<IpAddr, Vec<usize>>,
    /// Connections to the target, by its name and address.
    inside: HashMap<String, Vec<usize>>,
    /// Tries of a client's own log.
    tries: Vec<usize>,
}

impl Index {
    /// `attempts` are in the order of their start, and so are all lists.
    fn new(attempts: &[Attempt]) -> Self {
        let mut index = Self::default();
        for (number, attempt) in attempts.iter().enumerate() {
            if attempt.in_client_log {
                index.tries.push(number);
                if let Some(name) = &attempt.server_name {
                    index.typed.entry(named(name)).or_default().push(number);
                }
            }
            if attempt.views().any(|view| view.service == Service::Gateway) {
                if let Some(client) = attempt.client {
                    index.outside.entry(client.address).or_default().push(number);
                }
                continue;
            }
            let server = attempt.server.map(|server| server.address.to_string());
            let host = attempt.server_host.as_deref().map(short_name);
            for name in [server, host].into_iter().flatten() {
                index.inside.entry(name).or_default().push(number);
            }
        }
        index
    }

    /// The attempts that a way may belong to.
    fn of(&self, attempts: &[Attempt], way: &Way<'_>, others: &Others) -> Vec<(usize, f64)> {
        let list = |map: &HashMap<String, Vec<usize>>| {
            let known = way.target.as_ref().and_then(|target| map.get(target));
            nearest(attempts, known.map(Vec::as_slice).unwrap_or_default(), way.time)
        };
        let outside = way.client.and_then(|client| self.outside.get(&client));
        let outside = outside.map(Vec::as_slice).unwrap_or_default();
        let mut found = list(&self.typed);
        found.extend(nearest(attempts, outside, way.time));
        if found.is_empty() && way.target.is_none() {
            return self.by_time(attempts, way, others);
        }
        // A way that was refused never reached the target.
        if found.is_empty() && !refuses(way.id) {
            found = list(&self.inside);
        }
        found.sort_unstable();
        found.dedup();
        let share = 1.0 / found.len().max(1) as f64;
        found.into_iter().map(|number| (number, share)).collect()
    }

    /// A record that names no target may belong to any client's try of that moment: it
    /// counts less, the more users came to the gateway then.
    fn by_time(&self, attempts: &[Attempt], way: &Way<'_>, others: &Others) -> Vec<(usize, f64)> {
        let holds = |number: &usize| {
            attempts.get(*number).and_then(|attempt| attempt.client_span).is_some_and(|span| {
                millis_between(span.0.0, way.time.0) >= -TIME_SLACK_MS
                    && millis_between(way.time.0, span.1.0) >= -TIME_SLACK_MS
            })
        };
        let end = self.tries.partition_point(|number| {
            attempts.get(*number).is_some_and(|attempt| attempt.start <= later(way.time))
        });
        let recent = self.tries.get(..end).unwrap_or_default().iter().rev().take(MOST_OPEN);
        let found: Vec<usize> = recent.copied().filter(holds).collect();
        let among = found.len() * others.clients_at(way.time);
        let share = 1.0 / among.max(1) as f64;
        found.into_iter().map(|number| (number, share)).collect()
    }
}

/// Tries of clients' logs that are open at one moment.
const MOST_OPEN: usize = 64;

fn later(time: CaseTime) -> CaseTime {
    let slack = jiff::SignedDuration::from_secs(2);
    time.0.checked_add(slack).map_or(time, CaseTime)
}

/// A client, by address and host, as far as they are known.
type Party<'a> = (Option<IpAddr>, Option<&'a Arc<str>>);

/// The attempts of a list that lie nearest to a time: one of each client.
fn nearest(attempts: &[Attempt], list: &[usize], time: CaseTime) -> Vec<usize> {
    let from = list.partition_point(|number| {
        attempts
            .get(*number)
            .is_some_and(|attempt| millis_between(attempt.start.0, time.0) > CLOCK_SLACK_MS)
    });
    let mut best: HashMap<Party<'_>, (f64, usize)> = HashMap::new();
    for number in list.get(from..).unwrap_or_default() {
        let Some(attempt) = attempts.get(*number) else { continue };
        let away = millis_between(attempt.start.0, time.0);
        if away < -CLOCK_SLACK_MS {
            break;
        }
        let party = (attempt.client.map(|client| client.address), attempt.client_host.as_ref());
        let known = best.entry(party).or_insert((away.abs(), *number));
        if away.abs() < known.0 {
            *known = (away.abs(), *number);
        }
    }
    best.into_values().map(|(_, number)| number).collect()
}

/// Who came to the gateways when, in the order of time.
struct Others(Vec<(CaseTime, IpAddr)>);

impl Others {
    fn new(ways: &[Way<'_>]) -> Self {
        Self(ways.iter().filter_map(|way| Some((way.time, way.client?))).collect())
    }

    /// Clients with records around a time.
    fn clients_at(&self, time: CaseTime) -> usize {
        let from = self
            .0
            .partition_point(|(other, _)| millis_between(other.0, time.0) > 2.0 * TIME_SLACK_MS);
        let near = self.0.get(from..).unwrap_or_default().iter();
        let near =
            near.take_while(|(other, _)| millis_between(time.0, other.0) <= 2.0 * TIME_SLACK_MS);
        near.map(|(_, client)| *client).collect::<BTreeSet<IpAddr>>().len().max(1)
    }
}

/// Joins the records of gateways to the attempts. `attempts` are in the order of their
/// start.
pub(super) fn join(attempts: &mut [Attempt], observations: &[Observation], clocks: &Clocks) {
    let ways = ways(observations, clocks);
    if ways.is_empty() {
        return;
    }
    let (index, others) = (Index::new(attempts), Others::new(&ways));
    for way in &ways {
        for (number, share) in index.of(attempts, way, &others) {
            if let Some(attempt) = attempts.get_mut(number) {
                attempt.add_event(way.number, share);
            }
        }
    }
}

/// Refusals of a gateway are attempts of their own where nothing else shows one: no
/// client's log, and no connection but those to the gateway host itself.
pub(super) fn orphans(attempts: &mut Vec<Attempt>, observations: &[Observation], clocks: &Clocks) {
    let ways = ways(observations, clocks);
    let gateways: BTreeSet<&Arc<str>> =
        ways.iter().filter_map(|way| way.observation.host()).collect();
    let shown = attempts.iter().any(|attempt| {
        attempt.in_client_log
            || attempt.views().next().is_some()
            || attempt.server_host.as_ref().is_some_and(|host| !gateways.contains(host))
    });
    if shown {
        return;
    }
    let mut open: HashMap<(Option<IpAddr>, Option<&str>), usize> = HashMap::new();
    let mut found: Vec<Attempt> = Vec::new();
    for way in &ways {
        let subject = &way.observation.subject;
        let key = (way.client, subject.user.as_deref());
        let near = open.get(&key).copied().filter(|index| {
            found.get(*index).is_some_and(|a| millis_between(a.end.0, way.time.0) < SAME_TRY_MS)
        });
        let index = near.unwrap_or_else(|| {
            let mut attempt = Attempt::at(way.time);
            attempt.client = way.client.map(|address| Endpoint { address, port: None });
            found.push(attempt);
            found.len() - 1
        });
        open.insert(key, index);
        let Some(attempt) = found.get_mut(index) else { continue };
        attempt.end = attempt.end.max(way.time);
        attempt.server_name = subject.server_name.clone().or(attempt.server_name.take());
        attempt.add_event(way.number, 1.0);
        match way.id {
            id if refuses(id) => attempt.outcome = super::Outcome::Failed,
            // The next try of the same moment went through.
            "302" => attempt.outcome = super::Outcome::Succeeded,
            _ => {}
        }
    }
    attempts.extend(found.into_iter().filter(|a| a.outcome == super::Outcome::Failed));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, record};
    use super::*;
    use crate::correlate::Outcome;

    fn way(id: &str, second: i64, target: Option<&str>, client: &str) -> Observation {
        let mut seen = record(&format!("gateway.{id}"), "Gateway", second, 1);
        seen.subject.client = Some(client.parse().unwrap());
        seen.subject.user = Some("EXAMPLE\\a".to_owned());
        seen.subject.server_name = target.map(str::to_owned);
        seen
    }

    fn tried(name: &str, second: i64) -> Attempt {
        let start = at(second).uncorrected();
        let mut attempt = Attempt::at(start);
        attempt.in_client_log = true;
        attempt.server_name = Some(name.to_owned());
        attempt.client_host = Some("pc".into());
        attempt.client_span = Some((start, at(second + 5).uncorrected()));
        attempt
    }

    #[test]
    fn a_record_finds_the_try_to_its_target() {
        let mut attempts = [tried("ts1.corp.test", 1_000), tried("ts2", 1_001)];
        let seen = [way("304", 1_003, Some("TS2.corp.test"), "10.0.0.1")];
        join(&mut attempts, &seen, &Clocks::default());
        assert!(attempts[0].events.is_empty());
        assert_eq!(attempts[1].events.len(), 1);
        assert!((attempts[1].events[0].share - 1.0).abs() < 1e-9);
    }

    #[test]
    fn without_a_target_time_ties_and_other_users_weaken() {
        let mut alone = [tried("ts1", 1_000)];
        join(&mut alone, &[way("201", 1_003, None, "10.0.0.1")], &Clocks::default());
        assert!((alone[0].events[0].share - 1.0).abs() < 1e-9);
        let mut crowded = [tried("ts1", 1_000)];
        let two = [way("201", 1_003, None, "10.0.0.1"), way("200", 1_004, None, "10.0.0.2")];
        join(&mut crowded, &two, &Clocks::default());
        assert!((crowded[0].events[0].share - 0.5).abs() < 1e-9);
        let mut earlier = [tried("ts1", 900)];
        join(&mut earlier, &[way("201", 1_003, None, "10.0.0.1")], &Clocks::default());
        assert!(earlier[0].events.is_empty());
    }

    #[test]
    fn a_refusal_alone_is_an_attempt_unless_the_user_came_through() {
        let refused = [way("201", 1_000, None, "10.0.0.1")];
        let mut attempts = Vec::new();
        orphans(&mut attempts, &refused, &Clocks::default());
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].outcome, Outcome::Failed);
        let through = [
            way("201", 1_000, None, "10.0.0.1"),
            way("200", 1_010, None, "10.0.0.1"),
            way("302", 1_011, Some("ts1"), "10.0.0.1"),
        ];
        let mut attempts = Vec::new();
        orphans(&mut attempts, &through, &Clocks::default());
        assert!(attempts.is_empty());
        let mut attempts = vec![tried("ts1", 10)];
        orphans(&mut attempts, &refused, &Clocks::default());
        assert_eq!(attempts.len(), 1);
    }
}
