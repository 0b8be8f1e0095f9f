//! Failed attempts of one client to one server are one trouble.

use super::clock_facts::{clock_facts, clock_set};
use super::complaint::Told;
use super::host_facts::Hosts;
use super::identity_facts::two_identities;
use super::log_facts::log_facts;
use super::rdp_facts::rdp_facts;
use super::security_facts::security_facts;
use super::session_facts::was_taken_over;
use super::text_facts::tell_why;
use super::tls_facts::Wanted;
use super::wire_facts::{losses, wire_facts};
use super::{Fact, Known};
use crate::base::{CaseTime, Endpoint, millis_between};
use crate::correlate::{Attempt, Case, Outcome};
use crate::observe::{Conversation, Observation};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// What the user asked about.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub client: Option<IpAddr>,
    pub server: Option<Endpoint>,
    /// What the user saw, first and extended code.
    pub error: Option<u32>,
    pub extended: Option<u32>,
    pub since: Option<CaseTime>,
    pub until: Option<CaseTime>,
}

impl Question {
    /// An attempt whose client or server nobody knows may be the one that is asked about.
    pub(crate) fn concerns(&self, attempt: &Attempt) -> bool {
        let client = self
            .client
            .is_none_or(|wanted| attempt.client.is_none_or(|client| client.address == wanted));
        let server = self.server.is_none_or(|wanted| {
            attempt.server.is_none_or(|server| {
                server.address == wanted.address
                    && (wanted.port.is_none() || wanted.port == server.port)
            })
        });
        let since = self.since.is_none_or(|since| attempt.end >= since);
        let until = self.until.is_none_or(|until| attempt.start <= until);
        client && server && since && until
    }
}

/// Failed attempts that belong together, by index into the case's attempts. Empty
/// when a name did not resolve, or only a text says why: then there is no connection
/// at all.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    attempts: Vec<usize>,
    /// Unresolved names, by index into the observations.
    names: Vec<usize>,
    pub(super) in_client_log: bool,
    /// What the user saw of it.
    pub(super) told: Vec<Told>,
}

/// What a trouble is about: client and server, by address or else by host.
type Parties = (Option<IpAddr>, Option<Arc<str>>, Option<IpAddr>, Option<Arc<str>>);

/// All troubles of a case that the question is about.
pub(super) fn troubles(case: &Case, question: &Question) -> Vec<Trouble> {
    let concerned: Vec<(usize, &Attempt)> = case
        .attempts
        .iter()
        .enumerate()
        .filter(|(_, attempt)| question.concerns(attempt))
        .collect();
    // A client's own log knows which tries were a user's: all else is background.
    let users_own = question.client.is_none() && concerned.iter().any(|(_, a)| a.in_client_log);
    let any_rdp = concerned.iter().any(|(_, a)| !a.connections.is_empty() && !speaks_no_rdp(a));
    let mut by_parties: BTreeMap<Parties, Trouble> = BTreeMap::new();
    for (index, attempt) in &concerned {
        if !is_troubled(case, attempt) || (users_own && !attempt.in_client_log) {
            continue;
        }
        // A scanner beside real connections is background.
        if any_rdp && speaks_no_rdp(attempt) {
            continue;
        }
        let address = attempt.client.map(|client| client.address);
        let server = attempt.server.map(|server| server.address);
        let parties = (
            address,
            attempt.client_host.clone().filter(|_| address.is_none()),
            server,
            attempt.server_host.clone().filter(|_| server.is_none()),
        );
        let trouble = by_parties.entry(parties).or_default();
        trouble.attempts.push(*index);
        trouble.in_client_log |= attempt.in_client_log;
    }
    let mut troubles: Vec<Trouble> = by_parties.into_values().collect();
    add_names(case, &concerned, &mut troubles);
    // Somebody attached the text because connections fail.
    if troubles.is_empty() && case.attempts.is_empty() && tell_why(case) {
        troubles.push(Trouble::default());
    }
    troubles
}

/// Losses from which a session that works is a bad one.
const BAD_SESSION_LOSSES: u32 = 8;
/// And their share of all segments.
const BAD_SESSION_RATE: f64 = 0.05;

/// Failed attempts that the question leaves out.
pub(super) fn left_out(case: &Case, question: &Question) -> usize {
    let failed = |attempt: &&Attempt| attempt.outcome == Outcome::Failed;
    case.attempts.iter().filter(failed).filter(|attempt| !question.concerns(attempt)).count()
}

/// Whether the caller spoke another protocol in all connections of an attempt.
fn speaks_no_rdp(attempt: &Attempt) -> bool {
    let mut views = attempt.views().peekable();
    views.peek().is_some()
        && views.all(|view| view.x224.foreign_caller.is_some() && view.x224.request.is_none())
}

/// Failed, or working over a path that loses too much, or taken away from its user.
fn is_troubled(case: &Case, attempt: &Attempt) -> bool {
    let lossy = |view: &Arc<Conversation>| {
        let (lost, total) = losses(view);
        lost >= BAD_SESSION_LOSSES && f64::from(lost) >= BAD_SESSION_RATE * f64::from(total)
    };
    match attempt.outcome {
        Outcome::Failed => true,
        Outcome::Succeeded => attempt.views().any(lossy) || was_taken_over(case, attempt),
        Outcome::Unknown => false,
    }
}

/// Names that every Windows host asks for on its own, by their first label.
const BACKGROUND_NAMES: [&str; 12] = [
    "wpad",
    "isatap",
    "teredo",
    "_ldap",
    "_kerberos",
    "_gc",
    "time",
    "ntp",
    "autodiscover",
    "proxy",
    "www",
    "ocsp",
];

fn unresolved(observation: &Observation) -> bool {
    matches!(
        &*observation.kind,
        "wire.dns.nxdomain" | "wire.dns.no_answer" | "wire.dns.empty" | "wire.dns.failed"
    )
}

/// A name that did not resolve explains a try without a connection; where no RDP
/// connection is there at all, it may be all that is left of the try.
fn add_names(case: &Case, concerned: &[(usize, &Attempt)], troubles: &mut Vec<Trouble>) {
    let names: Vec<(usize, &Observation)> = case
        .observations
        .iter()
        .enumerate()
        .filter(|(_, o)| unresolved(o))
        .filter(|(_, o)| {
            let first = o.subject.server_name.as_deref().and_then(|name| name.split('.').next());
            first.is_none_or(|first| !BACKGROUND_NAMES.contains(&first))
        })
        .collect();
    let resolved: BTreeSet<_> = case
        .observations
        .iter()
        .filter(|o| &*o.kind == "wire.dns.resolved")
        .map(|o| (o.subject.client, &o.subject.server_name))
        .collect();
    let resolved_later =
        |o: &Observation| resolved.contains(&(o.subject.client, &o.subject.server_name));
    for trouble in troubles.iter_mut() {
        let typed: BTreeSet<String> = trouble
            .attempts
            .iter()
            .filter_map(|index| case.attempts.get(*index)?.server_name.as_deref())
            .map(first_label)
            .collect();
        let related = names.iter().filter(|(_, o)| {
            o.subject.server_name.as_deref().is_some_and(|name| typed.contains(&first_label(name)))
        });
        trouble.names = related.map(|(index, _)| *index).collect();
    }
    let any_connection = concerned.iter().any(|(_, attempt)| !attempt.connections.is_empty());
    let lonely: Vec<usize> =
        names.iter().filter(|(_, o)| !resolved_later(o)).map(|(index, _)| *index).collect();
    if troubles.is_empty() && !any_connection && concerned.is_empty() && !lonely.is_empty() {
        troubles.push(Trouble { names: lonely, ..Trouble::default() });
    }
    let silent: Vec<usize> = case
        .observations
        .iter()
        .enumerate()
        .filter(|(_, o)| matches!(&*o.kind, "wire.arp.no_answer" | "wire.nd.no_answer"))
        .map(|(index, _)| index)
        .collect();
    if troubles.is_empty() && !any_connection && concerned.is_empty() && !silent.is_empty() {
        troubles.push(Trouble { names: silent, ..Trouble::default() });
    }
}

fn first_label(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_ascii_lowercase()
}

/// UDP side channels of an attempt's client and server while it lasted.
fn side_channel(case: &Case, attempt: &Attempt) -> Vec<Fact> {
    let (Some(client), Some(server)) = (attempt.client, attempt.server) else {
        return Vec::new();
    };
    case.udp_channels(client.address, server.address)
        .filter(|o| (attempt.start..=attempt.end).contains(&case.time(o)))
        .map(|o| Fact::of_observation(case, o, 1.0))
        .collect()
}

/// Packets of an attempt's connections that Windows itself dropped.
fn drops(case: &Case, attempt: &Attempt) -> Vec<Fact> {
    let (Some(client), Some(server)) = (attempt.client, attempt.server) else {
        return Vec::new();
    };
    case.drops(client.address, server.address)
        .filter(|o| o.field("transport") == Some("tcp"))
        .filter(|o| {
            // The last packet reaches the component that drops it a moment later.
            let time = case.time(o).0;
            let after = millis_between(attempt.start.0, time);
            after >= 0.0 && millis_between(attempt.end.0, time) <= 1000.0
        })
        .map(|o| Fact::of_observation(case, o, 1.0))
        .collect()
}

/// How far an unresolved name counts when nothing ties it to Remote Desktop.
const UNASKED_NAME_SHARE: f64 = 0.6;

/// How long before an attempt records about a host are looked at.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 7);

impl Trouble {
    pub(super) fn attempts<'a>(
        &'a self,
        case: &'a Case,
    ) -> impl Iterator<Item = &'a Attempt> + Clone {
        self.attempts.iter().filter_map(|index| case.attempts.get(*index))
    }

    /// Questions about names and addresses that nobody answered.
    pub(super) fn names(&self, case: &Case) -> Vec<Fact> {
        let names = self.names.iter().filter_map(|index| case.observations.get(*index));
        names.map(|name| name_fact(case, name, 1.0)).collect()
    }

    pub(super) fn attempt_ids(&self, case: &Case) -> Vec<u32> {
        self.attempts(case).map(|attempt| attempt.id).collect()
    }

    /// Everything that rules can weigh about this trouble.
    pub(super) fn facts(&self, case: &Case, known: &Known<'_>) -> Facts {
        let mut attempt_facts = Vec::new();
        for attempt in self.attempts(case) {
            attempt_facts.extend(log_facts(case, attempt));
            attempt_facts.extend(known.timelines.facts(case, attempt));
            attempt_facts.extend(known.sessions.facts(case, attempt));
            attempt_facts.extend(known.certificates.facts(case, attempt));
            attempt_facts.extend(side_channel(case, attempt));
            attempt_facts.extend(drops(case, attempt));
            attempt_facts.extend(known.directory.facts(case, attempt));
            attempt_facts.extend(clock_facts(case, attempt));
            attempt_facts.extend(known.gateways.facts(case, attempt));
            attempt_facts.extend(known.clients.blocked(case, attempt));
            let client = attempt.client_host.as_deref();
            let wanted = Wanted {
                name: attempt.server_name.as_deref(),
                client_ahead: client.and_then(|host| case.clocks.offset(host)).map(|o| o.ahead),
            };
            for view in attempt.views() {
                attempt_facts.extend(wire_facts(view, wanted));
                attempt_facts.extend(known.choices.facts(view, known.knowledge));
                attempt_facts.extend(rdp_facts(view, known.knowledge));
                attempt_facts.extend(security_facts(view));
                attempt_facts.extend(known.identities.facts(case, attempt, view));
            }
        }
        attempt_facts.extend(two_identities(self.attempts(case)));
        // What is told against other tries needs one of them only: the latest.
        if let Some(latest) = self.attempts(case).last() {
            attempt_facts.extend(known.clients.others(case, latest));
            attempt_facts.extend(known.changes.facts(case, &known.hosts, latest));
        }
        let tries: Vec<&Attempt> = self.attempts(case).collect();
        attempt_facts.extend(known.texts.facts(case, &tries));
        attempt_facts.extend(known.machine.facts(case, self.attempts(case)));
        self.name_facts(case, &known.hosts, &mut attempt_facts);
        if let Some(end) = self.attempts(case).map(|attempt| attempt.end).max() {
            attempt_facts.extend(self.told.iter().map(|told| told.fact(end)));
        }
        let mut host = Vec::new();
        let hosts = self.hosts(case);
        if let (Some(first), Some(last)) =
            (self.attempts(case).map(|a| a.start).min(), self.attempts(case).map(|a| a.end).max())
        {
            let since = CaseTime(first.0.checked_sub(LOOK_BACK).unwrap_or(first.0));
            for (name, side) in hosts {
                let told = known.hosts.facts(case, name, since, last);
                host.extend(told.into_iter().map(|fact| fact.with("side", side)));
            }
            host.extend(known.hosts.licence_servers(case, since, last));
            let set: Vec<Fact> = host.iter().filter_map(clock_set).collect();
            host.extend(set);
            let server = self.attempts(case).find_map(|attempt| attempt.server_host.as_ref());
            host.extend(known.hosts.guessing(server));
        }
        Facts::new(attempt_facts, host)
    }

    /// The hosts of the attempts, each with the side it is on.
    fn hosts<'a>(&'a self, case: &'a Case) -> BTreeMap<&'a Arc<str>, &'static str> {
        let clients = self.attempts(case).filter_map(|attempt| attempt.client_host.as_ref());
        let mut hosts: BTreeMap<_, _> = clients.map(|host| (host, "client")).collect();
        for host in self.attempts(case).filter_map(|attempt| attempt.server_host.as_ref()) {
            hosts.entry(host).and_modify(|side| *side = "both").or_insert("server");
        }
        hosts
    }

    fn name_facts(&self, case: &Case, known: &Hosts, facts: &mut Vec<Fact>) {
        // Without a connection nobody knows whether a name was the server's at all.
        let share = match self.attempts.is_empty() {
            true => UNASKED_NAME_SHARE / self.names.len().max(1) as f64,
            false => 1.0,
        };
        for observation in self.names.iter().filter_map(|index| case.observations.get(*index)) {
            facts.push(name_fact(case, observation, share));
        }
        for answer in self.attempts(case).filter_map(|attempt| case.resolution(attempt)) {
            facts.push(Fact::of_observation(case, answer, 1.0));
            let told = known.told_of(case, answer);
            facts.extend(told.map(|observation| Fact::of_observation(case, observation, 1.0)));
        }
        let servers: BTreeSet<IpAddr> =
            self.attempts(case).filter_map(|a| Some(a.server?.address)).collect();
        for observation in servers.iter().flat_map(|server| known.asked(case, *server)) {
            facts.push(Fact::of_observation(case, observation, 1.0));
        }
    }
}

/// A question that nobody answered, as a fact.
fn name_fact(case: &Case, observation: &Observation, share: f64) -> Fact {
    let mut fact = Fact::of_observation(case, observation, share);
    if matches!(&*fact.kind, "wire.dns.nxdomain" | "wire.dns.empty" | "wire.dns.failed") {
        fact.kind = "wire.dns.not_resolved".into();
    }
    fact
}

/// The facts of a trouble, found by kind.
#[derive(Debug)]
pub(super) struct Facts {
    attempt: HashMap<Arc<str>, Vec<Fact>>,
    host: HashMap<Arc<str>, Vec<Fact>>,
}

impl Facts {
    fn new(attempt: Vec<Fact>, host: Vec<Fact>) -> Self {
        let by_kind = |facts: Vec<Fact>| {
            let mut map: HashMap<Arc<str>, Vec<Fact>> = HashMap::new();
            for fact in facts {
                map.entry(Arc::clone(&fact.kind)).or_default().push(fact);
            }
            map
        };
        Self { attempt: by_kind(attempt), host: by_kind(host) }
    }

    pub(super) fn attempt(&self, kind: &str) -> &[Fact] {
        self.attempt.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn host(&self, kind: &str) -> &[Fact] {
        self.host.get(kind).map(Vec::as_slice).unwrap_or_default()
    }
}
