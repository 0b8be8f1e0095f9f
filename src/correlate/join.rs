//! Records without an activity id, joined by what they name: address and port,
//! address and time, user and time, or time alone. A record that fits several
//! attempts shares its weight among them.

use super::attempts::Attempt;
use super::clock::Clocks;
use crate::base::{CaseTime, millis_between};
use crate::observe::{Observation, Vantage};
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

    /// Whether an attempt has this address.
    fn knows(&self, address: IpAddr) -> bool {
        self.by_client.contains_key(&address)
    }

    /// Attempts in whose set-up `time` lies, on a host, and whose cookie is the name of
    /// the user.
    fn of_user(&self, user: Option<&str>, host: &Arc<str>, time: CaseTime) -> Vec<usize> {
        let Some(user) = user else { return Vec::new() };
        let mut fits = self.at_time(host, time);
        fits.retain(|index| {
            self.attempts.get(*index).is_some_and(|attempt| {
                let requests = attempt.views().filter_map(|view| view.x224.request.as_ref());
                let mut cookies = requests.filter_map(|request| request.value.cookie.as_deref());
                cookies.any(|cookie| names(cookie, user))
            })
        });
        fits
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

/// How surely a record of an unknown address belongs to the attempt whose cookie names
/// its user: a cookie is a hint, and users try from several places.
const NAMED_BY_COOKIE: f64 = 0.6;

/// Clients cut the cookie to this many characters.
const CUT_COOKIE: usize = 9;

/// Whether a cookie, which may be cut and may carry a domain, is the name of a user.
fn names(cookie: &str, user: &str) -> bool {
    let bare = |name: &str| {
        let name = name.rsplit('\\').next().unwrap_or(name);
        name.split('@').next().unwrap_or(name).to_lowercase()
    };
    let (cookie, user) = (bare(cookie), bare(user));
    let cut = cookie.chars().count() >= CUT_COOKIE && user.starts_with(&cookie);
    !cookie.is_empty() && (cookie == user || cut)
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
    let mut found: Vec<(usize, f64, Vec<usize>)> = Vec::new();
    for (number, observation) in observations.iter().enumerate() {
        let Vantage::Log { host, .. } = &observation.vantage else { continue };
        let time = clocks.case_time(observation);
        let subject = &observation.subject;
        let mut sure = 1.0;
        let fits = match (key_of(observation), subject.client) {
            (Some(Key::Client), Some(address)) if index.knows(address) => {
                index.of_client(address, subject.client_port, time, AFTER_MS)
            }
            // Behind a device that translates addresses only the user's name is left.
            (Some(Key::Client), Some(_)) => {
                sure = NAMED_BY_COOKIE;
                index.of_user(subject.user.as_deref(), host, time)
            }
            // TermDD and 4776 do not always name the client.
            (Some(Key::Client), None) if &*observation.kind == "event.termdd.56" => {
                index.at_time(host, time)
            }
            (Some(Key::Time), _) => index.at_time(host, time),
            _ => Vec::new(),
        };
        if !fits.is_empty() {
            found.push((number, sure, fits));
        }
    }
    for (number, sure, fits) in found {
        // Sharing among thousands is no evidence for any of them.
        let share = sure / fits.len() as f64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_names_a_user_even_when_it_is_cut() {
        assert!(names("EXAMPLE\\a.meyer", "A.Meyer"));
        assert!(names("administr", "Administrator"));
        assert!(names("a.meyer", "a.meyer@example.test"));
        assert!(!names("adm", "Administrator"));
        assert!(!names("", ""));
    }
}
