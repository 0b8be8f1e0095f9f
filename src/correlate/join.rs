//! Records without an activity id, joined by what they name: address and port,
//! address and time, user and time, or time alone. A record that fits several
//! attempts shares its weight among them.

use super::attempts::Attempt;
use super::clock::Clocks;
use crate::base::{CaseTime, Endpoint, RDP_PORT, millis_between};
use crate::observe::{Coverage, Observation, Vantage};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// From the start of a connection to here its set-up takes place, in ms: the
/// pre-logon timer of the server is 90 s.
const SET_UP_MS: f64 = 120_000.0;

/// How a record finds its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// By the client's address (and port, where both name one) around the set-up.
    Client,
    /// By time alone, on the host that logged it.
    Time,
    /// By the user's name.
    User,
}

/// The key that fits a kind of record; `None` for records about the host as such.
fn key_of(observation: &Observation) -> Option<Key> {
    let (slug, id) = observation.kind.strip_prefix("event.")?.split_once('.')?;
    match (slug, id) {
        (
            "security",
            "4624" | "4625" | "4648" | "4776" | "4771" | "4768" | "4769" | "4825" | "4778" | "4779",
        )
        | ("lsm", "21" | "22" | "24" | "25")
        | ("rcm", "1149" | "1158" | "261")
        | ("rdpcorets", _)
        | ("termdd", _) => Some(Key::Client),
        ("security", "4740") => Some(Key::User),
        ("schannel" | "lsasrv" | "kerberos" | "ntlm" | "dnsclient" | "capi2", _) => Some(Key::Time),
        ("lsm", _) | ("rcm", "1128" | "1069" | "1130" | "1006") => None,
        _ => None,
    }
}

/// Attempts in an order in which they can be found by time.
struct Index<'a> {
    attempts: &'a [Attempt],
    by_client: HashMap<IpAddr, Vec<usize>>,
    /// By start of each connection, and of each try in a client's log.
    by_start: Vec<(CaseTime, usize)>,
}

impl<'a> Index<'a> {
    fn new(attempts: &'a [Attempt]) -> Self {
        let mut by_client: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        let mut by_start = Vec::new();
        for (index, attempt) in attempts.iter().enumerate() {
            for address in attempt.client_addresses() {
                by_client.entry(address).or_default().push(index);
            }
            by_start.extend(attempt.connections.iter().map(|c| (c.start, index)));
            by_start.extend(attempt.client_span.map(|(start, _)| (start, index)));
        }
        by_start.sort_unstable();
        Self { attempts, by_client, by_start }
    }

    /// Attempts of a client whose time holds `time`, nearest end last.
    fn of_client(
        &self,
        address: IpAddr,
        port: Option<u16>,
        time: CaseTime,
        after_ms: f64,
    ) -> Vec<usize> {
        let candidates = self.by_client.get(&address).map(Vec::as_slice).unwrap_or_default();
        let fits: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|index| {
                self.attempts.get(*index).is_some_and(|attempt| {
                    millis_between(attempt.start.0, time.0) > -5_000.0
                        && millis_between(attempt.end.0, time.0) < after_ms
                })
            })
            .collect();
        let exact: Vec<usize> = fits
            .iter()
            .copied()
            .filter(|index| port.is_some() && self.has_port(*index, port))
            .collect();
        if exact.is_empty() { fits } else { exact }
    }

    fn has_port(&self, index: usize, port: Option<u16>) -> bool {
        self.attempts.get(index).is_some_and(|attempt| {
            attempt.connections.iter().any(|connection| {
                let ends = [connection.client, connection.seen_as];
                ends.into_iter().flatten().any(|end| end.port == port)
            })
        })
    }

    /// Attempts in whose set-up `time` lies, on a host.
    fn at_time(&self, host: &Arc<str>, time: CaseTime) -> Vec<usize> {
        let from =
            self.by_start.partition_point(|(start, _)| millis_between(start.0, time.0) > SET_UP_MS);
        let mut found: Vec<usize> = self
            .by_start
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|(start, _)| millis_between(start.0, time.0) > -1_000.0)
            .filter(|(start, index)| {
                self.attempts.get(*index).is_some_and(|attempt| {
                    let span = span_on(attempt, host, *start);
                    span.is_some_and(|end| millis_between(end.0, time.0) < 2_000.0)
                })
            })
            .map(|(_, index)| *index)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Until when the connection that began at `start` was being set up.
fn set_up_end(attempt: &Attempt, start: CaseTime) -> CaseTime {
    let end = attempt
        .connections
        .iter()
        .find(|connection| connection.start == start)
        .map_or(attempt.end, |connection| connection.end);
    let latest = start.0.checked_add(jiff::SignedDuration::from_secs(15)).map(CaseTime);
    latest.map_or(end, |latest| end.min(latest))
}

/// The end of the set-up that began at `start`, as far as it concerns a host: the
/// client's own clock counts for the client's records, the server's for the rest.
fn span_on(attempt: &Attempt, host: &Arc<str>, start: CaseTime) -> Option<CaseTime> {
    if attempt.client_host.as_ref() == Some(host)
        && let Some((from, to)) = attempt.client_span
    {
        return (from == start).then_some(to);
    }
    (attempt.server_host.as_ref() == Some(host)).then(|| set_up_end(attempt, start))
}

/// Milliseconds after the end of an attempt in which its logon records may still come.
const AFTER_MS: f64 = 30_000.0;

/// Joins all records that name what an attempt names.
pub(super) fn join(attempts: &mut [Attempt], observations: &[Observation], clocks: &Clocks) {
    name_hosts(attempts, observations);
    let index = Index::new(attempts);
    let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
    for (number, observation) in observations.iter().enumerate() {
        let Vantage::Log { host, .. } = &observation.vantage else { continue };
        let time = clocks.case_time(observation);
        let subject = &observation.subject;
        let fits = match (key_of(observation), subject.client) {
            (Some(Key::Client), Some(address)) => {
                index.of_client(address, subject.client_port, time, AFTER_MS)
            }
            // TermDD and 4776 do not always name the client.
            (Some(Key::Client), None) if &*observation.kind == "event.termdd.56" => {
                index.at_time(host, time)
            }
            (Some(Key::Time), _) => index.at_time(host, time),
            _ => Vec::new(),
        };
        if !fits.is_empty() {
            found.push((number, fits));
        }
    }
    for (number, fits) in found {
        // Sharing among thousands is no evidence for any of them.
        let share = 1.0 / fits.len() as f64;
        for fit in fits {
            if let Some(attempt) = attempts.get_mut(fit) {
                attempt.add_event(number, share);
            }
        }
    }
    join_users(attempts, observations, clocks);
    for attempt in attempts {
        attempt.events.sort_by(|a, b| a.index.cmp(&b.index).then(b.share.total_cmp(&a.share)));
        attempt.events.dedup_by_key(|event| event.index);
    }
}

/// A server that only logs about itself still belongs to the attempts on it: by the
/// name that was typed, or when it is the only one.
fn name_hosts(attempts: &mut [Attempt], observations: &[Observation]) {
    let hosts_of = |wanted: &dyn Fn(&str) -> bool| {
        let mut hosts: Vec<&Arc<str>> =
            observations.iter().filter(|o| wanted(&o.kind)).filter_map(Observation::host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    };
    let clients = hosts_of(&|kind| kind.starts_with("event.rdpclient."));
    // A gateway is on the way to the server; so is a licence server beside it.
    let helpers = hosts_of(&|kind| {
        kind.starts_with("event.gateway.") || kind.starts_with("event.licensing.")
    });
    let listening = hosts_of(&|kind| kind.starts_with("event.rdpcorets."));
    let mut servers = hosts_of(&|_| true);
    servers.retain(|host| !clients.contains(host));
    servers.retain(|host| listening.contains(host) || !helpers.contains(host));
    for attempt in attempts.iter_mut().filter(|attempt| attempt.server_host.is_none()) {
        let by_name = attempt.server_name.as_deref().and_then(|name| {
            servers
                .iter()
                .find(|host| super::clock::short_name(host) == super::clock::short_name(name))
        });
        let only = match servers.as_slice() {
            [only]
                if attempt
                    .server_name
                    .as_deref()
                    .is_none_or(|name| name.parse::<IpAddr>().is_ok()) =>
            {
                Some(only)
            }
            _ => None,
        };
        attempt.server_host = by_name.or(only).map(|host| Arc::clone(host));
    }
}

/// A lock-out belongs to the attempts of that user within a day after it, in ms.
const LOCK_OUT_MS: f64 = 86_400_000.0;

/// Lock-outs name a user, not an address.
fn join_users(attempts: &mut [Attempt], observations: &[Observation], clocks: &Clocks) {
    let mut by_user: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, attempt) in attempts.iter().enumerate() {
        for user in users(attempt, observations) {
            by_user.entry(user).or_default().push(index);
        }
    }
    for (number, observation) in observations.iter().enumerate() {
        let (Some(Key::User), Some(user)) = (key_of(observation), &observation.subject.user) else {
            continue;
        };
        let time = clocks.case_time(observation);
        let concerned = by_user.get(&user.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
        // The attempt that the lock-out stopped is among the next ones.
        let after = |index: &&usize| {
            attempts.get(**index).is_some_and(|attempt| {
                (-5_000.0..LOCK_OUT_MS).contains(&millis_between(time.0, attempt.end.0))
            })
        };
        let chosen: Vec<usize> =
            concerned.iter().filter(after).take(MOST_LOCKED).copied().collect();
        for index in chosen {
            if let Some(attempt) = attempts.get_mut(index) {
                attempt.add_event(number, 1.0);
            }
        }
    }
}

/// Attempts that one lock-out is shown with.
const MOST_LOCKED: usize = 64;

/// The users whose logons an attempt's records name.
fn users(attempt: &Attempt, observations: &[Observation]) -> BTreeSet<String> {
    attempt
        .events
        .iter()
        .filter_map(|event| observations.get(event.index))
        .filter(|o| matches!(&*o.kind, "event.security.4625" | "event.security.4771"))
        .filter_map(|o| o.subject.user.as_ref().map(|user| user.to_lowercase()))
        .collect()
}

/// Packets that the server's own firewall dropped are attempts that nothing else
/// may show.
pub(super) fn blocked(attempts: &mut Vec<Attempt>, observations: &[Observation], clocks: &Clocks) {
    let mut by_client: HashMap<Option<IpAddr>, Vec<usize>> = HashMap::new();
    for (index, attempt) in attempts.iter().enumerate() {
        // A try that only the client's log tells has no address of its own.
        if attempt.client.is_some() || attempt.in_client_log {
            by_client.entry(attempt.client.map(|c| c.address)).or_default().push(index);
        }
    }
    for (number, observation) in observations.iter().enumerate() {
        let dropped = matches!(&*observation.kind, "event.security.5152" | "event.security.5157");
        let inbound = observation.field("Direction").is_none_or(|d| d.contains("14592"));
        let (true, Some((client, _)), Some(host)) =
            (dropped && inbound, rdp_ends(observation), observation.host())
        else {
            continue;
        };
        let time = clocks.case_time(observation);
        let near = |index: &usize| {
            attempts.get(*index).is_some_and(|attempt| {
                (-60_000.0..90_000.0).contains(&millis_between(attempt.start.0, time.0))
            })
        };
        let known = [Some(client.address), None]
            .into_iter()
            .find_map(|key| by_client.get(&key)?.iter().rev().copied().find(near));
        let index = known.unwrap_or_else(|| {
            attempts.push(Attempt::at(time));
            attempts.len() - 1
        });
        let Some(attempt) = attempts.get_mut(index) else { continue };
        if known.is_none() || attempt.client.is_none() {
            by_client.entry(Some(client.address)).or_default().push(index);
        }
        attempt.client.get_or_insert(client);
        attempt.server_host.get_or_insert_with(|| Arc::clone(host));
        attempt.end = attempt.end.max(time);
        attempt.add_event(number, 1.0);
    }
}

/// Client and server of a dropped packet to the RDP port. 5152 names the packet's
/// own direction, 5157 puts the local end first.
fn rdp_ends(observation: &Observation) -> Option<(Endpoint, Endpoint)> {
    let subject = &observation.subject;
    let source = Endpoint { address: subject.client?, port: subject.client_port };
    let destination = Endpoint { address: subject.server?, port: subject.server_port };
    match (source.port, destination.port) {
        (_, Some(RDP_PORT)) => Some((source, destination)),
        (Some(RDP_PORT), _) => Some((destination, source)),
        _ => None,
    }
}

/// Records that name the reason of a failed logon or handshake, where no log or
/// capture shows the connections: each is an attempt of its own.
pub(super) fn orphans(
    attempts: &mut Vec<Attempt>,
    observations: &[Observation],
    clocks: &Clocks,
    coverage: &[Coverage],
) {
    if attempts.iter().any(|attempt| !attempt.connections.is_empty() || attempt.in_client_log) {
        return;
    }
    let core_log = |host: &Arc<str>| {
        coverage.iter().any(|c| {
            c.host.as_ref() == Some(host)
                && c.channel.as_deref().is_some_and(|channel| channel.contains("RdpCoreTS"))
        })
    };
    let mut latest: HashMap<(Option<IpAddr>, Arc<str>), usize> = HashMap::new();
    for (number, observation) in observations.iter().enumerate() {
        if !is_telling(observation) {
            continue;
        }
        let Some(host) = observation.host().filter(|host| !core_log(host)) else { continue };
        let time = clocks.case_time(observation);
        let subject = &observation.subject;
        let key = (subject.client, Arc::clone(host));
        let near = latest.get(&key).copied().filter(|index| {
            attempts.get(*index).is_some_and(|a| millis_between(a.end.0, time.0) < 60_000.0)
        });
        let index = near.unwrap_or_else(|| {
            let mut attempt = Attempt::at(time);
            attempt.client =
                subject.client.map(|address| Endpoint { address, port: subject.client_port });
            attempt.server_host = Some(Arc::clone(host));
            attempts.push(attempt);
            attempts.len() - 1
        });
        latest.insert(key, index);
        let any_service = observation.kind.starts_with("event.schannel.");
        let share = if any_service { UNTIED_SCHANNEL_SHARE } else { 1.0 };
        if let Some(attempt) = attempts.get_mut(index) {
            attempt.end = attempt.end.max(time);
            attempt.outcome = super::Outcome::Failed;
            attempt.add_event(number, share);
        }
    }
}

/// How far a Schannel record counts that nothing ties to a connection: the host may
/// run other services with TLS, and scanners knock at all of them.
const UNTIED_SCHANNEL_SHARE: f64 = 0.25;

fn is_telling(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.termdd.56"
        | "event.security.4825"
        | "event.schannel.36870"
        | "event.schannel.36874"
        | "event.lsasrv.6041" => true,
        "event.schannel.36871" => {
            observation.field("Type").is_some_and(|kind| kind.eq_ignore_ascii_case("server"))
        }
        "event.security.4625" => observation.field("LogonType") == Some("10"),
        _ => false,
    }
}
