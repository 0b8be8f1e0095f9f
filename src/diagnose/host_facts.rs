//! What the logs prove about a host around an attempt.

use super::Fact;
use crate::base::CaseTime;
use crate::correlate::{Case, client_records, is_finished};
use crate::observe::{Observation, Place, Source};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses with refused logons from which guessing is the word for it.
const GUESSING_ADDRESSES: usize = 10;
/// Refused logons from which the load is felt.
const GUESSING_FAILURES: usize = 30;

/// What the logs hold about each host as such, gathered once for all troubles.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_name: BTreeMap<Arc<str>, History>,
    /// Password guessing, by host; by `None` where only captures show it.
    guessing: BTreeMap<Option<Arc<str>>, Fact>,
    /// Addresses that nobody answers ARP for, or two hosts.
    asked: HashMap<IpAddr, Vec<usize>>,
    /// Slow and contradictory answers, by who asked for what.
    answers: HashMap<(Option<IpAddr>, String), Vec<usize>>,
}

/// One host's records, in the order of time.
#[derive(Debug, Default)]
struct History {
    states: HashMap<Arc<str>, Vec<usize>>,
    /// Starts and stops of Remote Desktop Services.
    service: Vec<usize>,
    /// Connections that were accepted.
    accepted: Vec<usize>,
}

impl Hosts {
    pub(super) fn gather(case: &Case) -> Self {
        let mut hosts = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            if let (
                "wire.arp.no_answer" | "wire.nd.no_answer" | "wire.arp.two_owners",
                Some(address),
            ) = (&*observation.kind, observation.subject.server)
            {
                hosts.asked.entry(address).or_default().push(index);
            }
            if let ("wire.dns.slow" | "wire.dns.elsewhere", Some(name)) =
                (&*observation.kind, &observation.subject.server_name)
            {
                let key = (observation.subject.client, name.clone());
                hosts.answers.entry(key).or_default().push(index);
            }
            let Some(host) = observation.host() else { continue };
            let state = is_host_state(&observation.kind);
            let service = is_termservice_state(observation);
            let accepted = matches!(&*observation.kind, "event.rdpcorets.131" | "event.rcm.261");
            if !(state || service || accepted) {
                continue;
            }
            let history = hosts.by_name.entry(Arc::clone(host)).or_default();
            if state {
                history.states.entry(Arc::clone(&observation.kind)).or_default().push(index);
            }
            if service {
                history.service.push(index);
            }
            if accepted {
                history.accepted.push(index);
            }
        }
        hosts.guessing = guessing(case);
        hosts
    }

    /// Facts about a host around a trouble that ends at `until`: of each kind of
    /// record the last ones from `since` on, and what they say together.
    pub(super) fn facts(
        &self,
        case: &Case,
        host: &Arc<str>,
        since: CaseTime,
        until: CaseTime,
    ) -> Vec<Fact> {
        let Some(history) = self.by_name.get(host) else { return Vec::new() };
        let latest = CaseTime(until.0.checked_add(AFTER).unwrap_or(until.0));
        let mut kinds: Vec<&Vec<usize>> = history.states.values().collect();
        kinds.sort();
        let mut facts: Vec<Fact> = kinds
            .into_iter()
            .flat_map(|indexes| {
                let known = case.until(indexes, latest);
                let recent = known.iter().rev().take(MOST_PER_KIND);
                recent.filter_map(|index| case.observations.get(*index))
            })
            .filter(|observation| case.time(observation) >= since)
            .map(|observation| Fact::of_observation(case, observation, 1.0))
            .collect();
        facts.extend(history.listener(case, until));
        facts
    }

    /// All records of one kind about a host as such, in the order of time.
    pub(super) fn records<'a>(
        &'a self,
        case: &'a Case,
        host: &str,
        kind: &str,
    ) -> impl DoubleEndedIterator<Item = &'a Observation> + use<'a> {
        let indexes = self.by_name.get(host).and_then(|history| history.states.get(kind));
        let indexes = indexes.map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| case.observations.get(*index))
    }

    /// What licence servers said of themselves: they serve all session hosts.
    pub(super) fn licence_servers(
        &self,
        case: &Case,
        since: CaseTime,
        until: CaseTime,
    ) -> Vec<Fact> {
        let serves = |history: &History| {
            history.states.keys().any(|kind| kind.starts_with("event.licensing."))
        };
        self.by_name
            .iter()
            .filter(|(_, history)| serves(history))
            .flat_map(|(host, _)| self.facts(case, host, since, until))
            .filter(|fact| fact.kind.starts_with("event.licensing."))
            .collect()
    }

    /// ARP requests for an address that nobody answered, or two hosts.
    pub(super) fn asked<'a>(
        &'a self,
        case: &'a Case,
        address: IpAddr,
    ) -> impl Iterator<Item = &'a Observation> {
        let indexes = self.asked.get(&address).map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| case.observations.get(*index))
    }

    /// What else is known of a name server's answer: that it was slow, or that another
    /// name of the same host leads elsewhere.
    pub(super) fn told_of<'a>(
        &'a self,
        case: &'a Case,
        answer: &Observation,
    ) -> impl Iterator<Item = &'a Observation> + use<'a> {
        let name = answer.subject.server_name.clone().unwrap_or_default();
        let indexes = self.answers.get(&(answer.subject.client, name));
        let indexes = indexes.map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| case.observations.get(*index))
    }

    /// Password guessing against a host.
    pub(super) fn guessing(&self, host: Option<&Arc<str>>) -> Option<Fact> {
        let by_name = host.and_then(|host| self.guessing.get(&Some(Arc::clone(host))));
        by_name.or_else(|| self.guessing.get(&None)).cloned()
    }
}

/// Records up to a minute after a failure still belong to it.
const AFTER: SignedDuration = SignedDuration::from_secs(60);
/// A service that stops closes its listeners within this.
const WITH_THE_SERVICE: SignedDuration = SignedDuration::from_mins(2);
/// Records of one kind that are weighed: the last ones.
const MOST_PER_KIND: usize = 64;

impl History {
    /// Whether Remote Desktop Services ran, by the last word before `until`.
    fn listener(&self, case: &Case, until: CaseTime) -> Vec<Fact> {
        let last = |indexes: &[usize]| case.last_until(indexes, until);
        let Some(stopped) = last(&self.service).filter(|o| is_stop(o)) else { return Vec::new() };
        let kind = match self.closed_alone(case, stopped) {
            true => "log.listener_closed",
            false => "log.listener_gone",
        };
        // A listener is closed with its service, or alone: without a System log nothing
        // tells which.
        let told_by = match &*stopped.kind {
            "event.rcm.259" => "listener",
            _ => "service",
        };
        let mut facts = vec![Fact::named(case, kind, stopped).with("told_by", told_by)];
        // Whatever the Service Control Manager says, somebody did accept this.
        let alive = last(&self.accepted).filter(|o| case.time(o) > case.time(stopped));
        facts.extend(alive.map(|o| Fact::named(case, "log.listener_alive", o)));
        facts
    }

    /// Whether the listener was closed while the service went on: the System log speaks
    /// about that time and has no stop of the service near it.
    fn closed_alone(&self, case: &Case, closed: &Observation) -> bool {
        if &*closed.kind != "event.rcm.259" {
            return false;
        }
        let near = |o: &Observation| {
            case.time(o).0.duration_since(case.time(closed).0).abs() < WITH_THE_SERVICE
        };
        let stopped = self.service.iter().filter_map(|index| case.observations.get(*index));
        let stopped = stopped.filter(|o| &*o.kind == "event.scm.7036" && is_stop(o)).any(near);
        let speaks = case.coverage.iter().any(|log| {
            log.channel.as_deref() == Some("System")
                && log.host.as_ref() == closed.host()
                && log.span.is_some_and(|(from, to)| (from..=to).contains(&closed.time))
                && !log.holes.iter().any(|hole| hole.overlaps(closed.time, closed.time))
        });
        speaks && !stopped
    }
}

/// Records about the host as such, not about one connection.
fn is_host_state(kind: &str) -> bool {
    let Some((slug, id)) = kind.strip_prefix("event.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    match slug {
        "security" => matches!(
            id,
            "4740" | "4616" | "5058" | "5061" | "4946" | "4947" | "4948" | "4950" | "5025"
        ),
        "rcm" => !matches!(id, "261" | "1149" | "1158"),
        // Those of one session are told with its attempt.
        "lsm" => matches!(
            id,
            "16" | "17" | "18" | "19" | "20" | "34" | "36" | "43" | "48" | "49" | "50" | "51"
        ),
        "rdpcorets" => id == "129",
        "rdpclient" | "schannel" => false,
        _ => true,
    }
}

fn is_termservice_state(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.scm.7036" => observation
            .field("service")
            .is_some_and(|service| service.eq_ignore_ascii_case("TermService")),
        "event.rcm.258" | "event.rcm.259" => true,
        _ => false,
    }
}

fn is_stop(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.scm.7036" => observation.field("state") == Some("1"),
        "event.rcm.259" => true,
        _ => false,
    }
}

/// Password guessing against each host, from its log; from captures where no log
/// shows it.
fn guessing(case: &Case) -> BTreeMap<Option<Arc<str>>, Fact> {
    let mut refused: BTreeMap<&Arc<str>, (Vec<&Observation>, BTreeSet<IpAddr>)> = BTreeMap::new();
    for observation in &case.observations {
        if let ("event.rdpcorets.140", Some(host)) = (&*observation.kind, observation.host()) {
            let (records, addresses) = refused.entry(host).or_default();
            records.push(observation);
            addresses.extend(observation.subject.client);
        }
    }
    let mut found = BTreeMap::new();
    for (host, (records, addresses)) in refused {
        let many = addresses.len() >= GUESSING_ADDRESSES && records.len() >= GUESSING_FAILURES;
        if let (true, Some(first)) = (many, records.first()) {
            let fact = Fact::named(case, "log.brute_force", first);
            let fact = fact.with("addresses", addresses.len()).with("failures", records.len());
            found.insert(Some(Arc::clone(host)), fact);
        }
    }
    found.extend(guessing_on_the_wire(case).map(|fact| (None, fact)));
    found
}

fn guessing_on_the_wire(case: &Case) -> Option<Fact> {
    let refused: Vec<_> = case
        .attempts
        .iter()
        .flat_map(|attempt| attempt.views())
        .filter(|view| {
            is_finished(view) && (1..=2).contains(&client_records(view)) && view.tcp.close.is_some()
        })
        .collect();
    let addresses: BTreeSet<IpAddr> = refused.iter().map(|view| view.client.address).collect();
    let first = refused.first()?;
    if addresses.len() < GUESSING_ADDRESSES || refused.len() < GUESSING_FAILURES {
        return None;
    }
    Some(Fact {
        kind: "log.brute_force".into(),
        time: first.case_time(first.start),
        host: None,
        channel: None,
        fields: vec![
            ("addresses".into(), addresses.len().to_string()),
            ("failures".into(), refused.len().to_string()),
        ],
        source: Source { file: Arc::clone(&first.file), place: Place::Frame(first.first_frame.0) },
        share: 1.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{HOST, at, case_with, log, record, with};

    /// What the last word about the listener is at second 9000.
    fn told(records: Vec<Observation>, speaks: bool) -> Vec<String> {
        let coverage = if speaks { vec![log("System", 0, 9_000)] } else { Vec::new() };
        let case = case_with(records, coverage);
        let facts = Hosts::gather(&case).facts(&case, &HOST.into(), at(0), at(9_000));
        let told = facts.iter().filter(|fact| fact.kind.starts_with("log."));
        told.map(|fact| fact.kind.to_string()).collect()
    }

    fn service(second: i64, state: &str) -> Observation {
        with(with(record("scm.7036", second), "service", "TermService"), "state", state)
    }

    #[test]
    fn a_listener_that_closes_alone_was_switched_off() {
        let closed = || record("rcm.259", 5_000);
        assert_eq!(told(vec![closed()], true), ["log.listener_closed"]);
        assert_eq!(told(vec![closed()], false), ["log.listener_gone"]);
        assert_eq!(told(vec![service(4_990, "1"), closed()], true), ["log.listener_gone"]);
        assert!(told(vec![closed(), record("rcm.258", 6_000)], true).is_empty());
    }
}
