//! What a host's own logs say of it at the time of a try: was it up, where did it
//! listen, on what kind of network, and who else knocked?

use super::Fact;
use crate::base::{CaseTime, RDP_PORT, millis_between};
use crate::correlate::{Attempt, Case, Connection, covers, syn_unanswered, vantage_of};
use crate::observe::{Observation, Side};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Services still write this long after the event log service noted its stop.
const STOPPING: SignedDuration = SignedDuration::from_secs(30);
/// Records this near to a try on both sides show that the host was up in between.
const NEAR: SignedDuration = SignedDuration::from_mins(2);
/// Listeners that start together note their ports within this.
const ONE_START: SignedDuration = SignedDuration::from_mins(2);
/// Port records of one start that are looked at.
const MOST_PORTS: usize = 16;
/// Network records that are looked at: the last ones.
const MOST_NETWORKS: usize = 64;
/// A network that is left so long before the end of a try may have ended it.
const LEFT_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// The client may notice the end of a connection first.
const LEFT_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// The time before a try in which a rush of connections is felt.
const RUSH: SignedDuration = SignedDuration::from_mins(1);
/// Connections in that time from which it is a rush.
const RUSH_CONNECTIONS: usize = 40;
/// And the addresses that they come from at least.
const RUSH_ADDRESSES: usize = 5;
/// The protocol stack follows an accepted connection within some 25 ms (measured: 2 to
/// 25 ms); after this long it does not come any more.
const NO_STACK: SignedDuration = SignedDuration::from_secs(5);
/// Records or connections that one look goes through at most.
const MOST_LOOKED_AT: usize = 1_024;

/// The records of every host, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Timelines {
    by_host: BTreeMap<Arc<str>, Timeline>,
}

/// Indexes of one host's records.
#[derive(Debug, Default)]
struct Timeline {
    all: Vec<usize>,
    /// Stops, starts and sleep.
    power: Vec<usize>,
    /// Ports that Remote Desktop listens on over TCP.
    ports: Vec<usize>,
    /// Networks with their category.
    networks: Vec<usize>,
    /// Networks that were left.
    left: Vec<usize>,
    /// Connections over TCP that were accepted.
    accepted: Vec<usize>,
}

impl Timelines {
    pub(super) fn gather(case: &Case) -> Self {
        let mut timelines = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            let Some(host) = observation.host() else { continue };
            let timeline = timelines.by_host.entry(Arc::clone(host)).or_default();
            timeline.all.push(index);
            if let Some(list) = timeline.list_of(observation) {
                list.push(index);
            }
        }
        timelines
    }

    /// Facts about the hosts of an attempt at its time.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let of = |host: &Option<Arc<str>>| host.as_ref().and_then(|host| self.by_host.get(host));
        let mut facts = Vec::new();
        if let Some(server) = of(&attempt.server_host) {
            facts.extend(server.power(case, attempt));
            facts.extend(server.went_down(case, attempt));
            facts.extend(server.port(case, attempt));
            facts.extend(server.network(case, attempt));
            facts.extend(server.rush(case, attempt));
            facts.extend(server.without_stack(case, attempt));
            facts.extend(server.without_trace(case, attempt));
        }
        if let Some(client) = of(&attempt.client_host) {
            facts.extend(client.left(case, attempt));
        }
        facts
    }
}

/// At the ends of the calendar time stays as it is.
fn later(time: CaseTime, by: SignedDuration) -> CaseTime {
    time.0.checked_add(by).map_or(time, CaseTime)
}

fn earlier(time: CaseTime, by: SignedDuration) -> CaseTime {
    time.0.checked_sub(by).map_or(time, CaseTime)
}

/// Of a list in the order of time, what lies from `from` to `to`.
fn between<'a>(case: &Case, list: &'a [usize], from: CaseTime, to: CaseTime) -> &'a [usize] {
    let time = |index: &usize| case.observations.get(*index).map(|o| case.time(o));
    let begin = list.partition_point(|index| time(index).is_some_and(|time| time < from));
    let end = list.partition_point(|index| time(index).is_some_and(|time| time <= to));
    list.get(begin..end).unwrap_or_default()
}

/// How a record says that its host goes down, if it does.
fn going_down(observation: &Observation) -> Option<&'static str> {
    match &*observation.kind {
        "event.eventlog-classic.6006" => Some("shut down"),
        "event.kernel-power.42" => Some("put to sleep"),
        _ => None,
    }
}

impl Timeline {
    fn list_of(&mut self, observation: &Observation) -> Option<&mut Vec<usize>> {
        let tcp = |field| {
            observation.field(field).is_some_and(|value: &str| value.eq_ignore_ascii_case("TCP"))
        };
        match &*observation.kind {
            "event.eventlog-classic.6005"
            | "event.eventlog-classic.6006"
            | "event.kernel-power.42"
            | "event.kernel-general.12" => Some(&mut self.power),
            "event.rdpcorets.129" if tcp("TransportProtocolName") => Some(&mut self.ports),
            "event.rdpcorets.131" if tcp("ConnType") => Some(&mut self.accepted),
            "event.networkprofile.10000" | "event.firewall.2010" => Some(&mut self.networks),
            "event.networkprofile.10001" => Some(&mut self.left),
            _ => None,
        }
    }

    /// The first record after a moment.
    fn next<'a>(&self, case: &'a Case, after: CaseTime) -> Option<&'a Observation> {
        let index = self.all.get(case.until(&self.all, after).len())?;
        case.observations.get(*index)
    }

    fn last<'a>(&self, case: &'a Case, list: &[usize], to: CaseTime) -> Option<&'a Observation> {
        case.last_until(list, to)
    }

    /// Whether the host was off or asleep all through the attempt, or was up.
    fn power(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let last = self.last(case, &self.power, attempt.start);
        if let Some((stopped, how)) = last.and_then(|o| Some((o, going_down(o)?))) {
            let went = case.time(stopped);
            let wrote = self.next(case, later(went, STOPPING))?;
            if case.time(wrote) > attempt.end {
                let away = millis_between(went.0, case.time(wrote).0) / 60_000.0;
                let before = millis_between(went.0, attempt.start.0) / 60_000.0;
                let fact = Fact::named(case, "log.host_down", stopped)
                    .with("how", how)
                    .with("minutes_before", format!("{before:.0}"))
                    .with("minutes_away", format!("{away:.0}"));
                return Some(fact);
            }
        }
        self.up(case, attempt)
    }

    fn up(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        if let Some(index) = between(case, &self.all, attempt.start, attempt.end).first() {
            let record = case.observations.get(*index)?;
            return Some(Fact::named(case, "log.host_up", record).with("when", "during"));
        }
        let before = self.last(case, &self.all, attempt.start)?;
        let after = self.next(case, attempt.end)?;
        let (from, to) = (case.time(before), case.time(after));
        let near = from >= earlier(attempt.start, NEAR) && to <= later(attempt.end, NEAR);
        let unbroken = between(case, &self.power, from, to).is_empty();
        (near && unbroken).then(|| {
            Fact::named(case, "log.host_up", before).with("when", "shortly before and after")
        })
    }

    /// The host went down while the attempt lasted.
    fn went_down(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let during = between(case, &self.power, attempt.start, later(attempt.end, STOPPING));
        let mut records = during.iter().filter_map(|index| case.observations.get(*index));
        records.find_map(|o| {
            Some(Fact::named(case, "log.host_went_down", o).with("how", going_down(o)?))
        })
    }

    /// Whether the server listens on the port that the client tried.
    fn port(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let wanted = wanted_port(attempt)?;
        let known = case.until(&self.ports, attempt.end);
        let last = known.last().and_then(|index| case.observations.get(*index))?;
        let since = earlier(case.time(last), ONE_START);
        let mut together = known
            .iter()
            .rev()
            .take(MOST_PORTS)
            .filter_map(|index| case.observations.get(*index))
            .filter(|o| case.time(o) >= since);
        let here = together.find(|o| o.subject.server_port == Some(wanted));
        let fact = match here {
            Some(here) => Fact::named(case, "log.listening_here", here),
            None => Fact::named(case, "log.listening_elsewhere", last),
        };
        Some(fact.with("wanted", wanted))
    }

    /// The category of the server's networks: one that is public now, best one that was
    /// not before; else the last one. `dropped` tells whether the server let the packets
    /// of the attempt fall.
    fn network(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let known = case.until(&self.networks, attempt.end);
        let first = known.len().saturating_sub(MOST_NETWORKS);
        let recent = known.get(first..)?.iter().filter_map(|index| case.observations.get(*index));
        let mut state: BTreeMap<&str, (&Observation, bool)> = BTreeMap::new();
        let mut last = None;
        for record in recent {
            let Some(public) = is_public(record) else { continue };
            let key = record.field("Guid").or(record.field("InterfaceGuid")).unwrap_or_default();
            let trusted = |record: &Observation| is_public(record) == Some(false);
            let before = state.get(key).is_some_and(|(old, turned)| trusted(old) || *turned);
            let moved = record.field("OldProfile").is_some_and(|old| number(old) != Some(4));
            state.insert(key, (record, public && (before || moved)));
            last = Some(record);
        }
        let public = state.values().filter(|(record, _)| is_public(record) == Some(true));
        let worst = public.max_by_key(|(record, turned)| (*turned, case.time(record)));
        Some(match worst {
            Some((record, turned)) => {
                let was = if *turned { "no" } else { "unknown" };
                let dropped = if dropped_by_server(case, attempt) { "yes" } else { "unknown" };
                Fact::named(case, "log.network_public", record)
                    .with("network", network_name(record))
                    .with("before", was)
                    .with("dropped", dropped)
            }
            None => {
                Fact::named(case, "log.network_trusted", last?).with("network", network_name(last?))
            }
        })
    }

    /// Many connections from many addresses in the minute before.
    fn rush(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let from = earlier(attempt.start, RUSH);
        let knocked = between(case, &self.accepted, from, attempt.start);
        if knocked.len() < RUSH_CONNECTIONS {
            return None;
        }
        let records = knocked.iter().rev().take(MOST_LOOKED_AT);
        let records: Vec<_> = records.filter_map(|index| case.observations.get(*index)).collect();
        let addresses: BTreeSet<IpAddr> = records.iter().filter_map(|o| o.subject.client).collect();
        let last = records.first().filter(|_| addresses.len() >= RUSH_ADDRESSES)?;
        Some(
            Fact::named(case, "log.connection_rush", last)
                .with("connections", knocked.len())
                .with("addresses", addresses.len()),
        )
    }

    /// The server accepted a connection, and the protocol stack never took it over.
    fn without_stack(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let alone = |connection: &&Connection| !has(case, connection, "event.rdpcorets.65");
        let connection = attempt.connections.iter().rev().take(MOST_LOOKED_AT).find(alone)?;
        let accepted = records(case, connection).find(|o| &*o.kind == "event.rdpcorets.131")?;
        // The log has to go on, or the stack may have been logged after its end.
        let from = later(case.time(accepted), NO_STACK);
        let behind = self.all.get(case.until(&self.all, from).len()..)?;
        let goes_on = behind.iter().take(MOST_LOOKED_AT).any(|index| {
            case.observations.get(*index).is_some_and(|o| o.kind.starts_with("event.rdpcorets."))
        });
        goes_on.then(|| Fact::named(case, "log.accepted_without_stack", accepted))
    }

    /// The capture shows a connection that was accepted, and the log of the server holds
    /// none at all at that time: somebody else answered, or not the service.
    fn without_trace(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let view = attempt.views().find(|view| view.tcp.established.is_some())?;
        let established = view.tcp.established.as_ref()?;
        let from = earlier(attempt.start, NEAR);
        let any = !between(case, &self.accepted, from, later(attempt.end, NEAR)).is_empty();
        let logged = attempt.connections.iter().any(|connection| !connection.events.is_empty());
        if any || logged || !covers(case, attempt, "server:RdpCoreTS") {
            return None;
        }
        let frame = established.frame.0;
        let fact = Fact::of_frame("log.accepted_without_trace", view, frame, established.time);
        Some(fact.with("server", view.server))
    }

    /// The client left a network just when the connection ended.
    fn left(&self, case: &Case, attempt: &Attempt) -> Option<Fact> {
        let (from, to) = (earlier(attempt.end, LEFT_BEFORE), later(attempt.end, LEFT_AFTER));
        let left = between(case, &self.left, from, to).last()?;
        let record = case.observations.get(*left)?;
        let seconds = millis_between(case.time(record).0, attempt.end.0) / 1000.0;
        let when = match seconds >= 0.0 {
            true => format!("{seconds:.1} s before"),
            false => format!("{:.1} s after", -seconds),
        };
        let fact = Fact::named(case, "log.client_network_left", record);
        Some(fact.with("network", network_name(record)).with("when", when))
    }
}

fn records<'a>(
    case: &'a Case,
    connection: &'a Connection,
) -> impl Iterator<Item = &'a Observation> {
    connection.events.iter().filter_map(|index| case.observations.get(*index))
}

fn has(case: &Case, connection: &Connection, kind: &str) -> bool {
    records(case, connection).any(|o| &*o.kind == kind)
}

fn number(text: &str) -> Option<i64> {
    crate::knowledge::number(text)
}

/// Whether a network record says public; `None` where it says neither.
fn is_public(observation: &Observation) -> Option<bool> {
    match &*observation.kind {
        "event.networkprofile.10000" => Some(number(observation.field("Category")?)? == 0),
        "event.firewall.2010" => Some(number(observation.field("NewProfile")?)? == 4),
        _ => None,
    }
}

/// Whether the server itself let the packets of an attempt fall: by its audit, or by a
/// capture at its end that shows them arrive in vain.
fn dropped_by_server(case: &Case, attempt: &Attempt) -> bool {
    let audited = case
        .events(attempt)
        .any(|(o, _)| matches!(&*o.kind, "event.security.5152" | "event.security.5157"));
    audited
        || attempt
            .views()
            .any(|view| syn_unanswered(view) && vantage_of(view) == Some(Side::Server))
}

fn network_name(observation: &Observation) -> String {
    let name = observation.field("Name").or(observation.field("InterfaceName"));
    name.filter(|name| !name.is_empty()).unwrap_or("without a name").to_owned()
}

/// The port that the client tried: of the connection, of the typed name, or the
/// default one where the client's log names no other.
pub(super) fn wanted_port(attempt: &Attempt) -> Option<u16> {
    if let Some(port) = attempt.server.and_then(|server| server.port) {
        return Some(port);
    }
    if !attempt.in_client_log {
        return None;
    }
    let typed = attempt.server_name.as_deref().and_then(|name| name.rsplit_once(':'));
    // An IPv6 address without brackets has no port.
    let typed = typed.filter(|(head, _)| !head.contains(':') || head.ends_with(']'));
    Some(typed.and_then(|(_, port)| port.parse().ok()).unwrap_or(RDP_PORT))
}

#[cfg(test)]
mod tests;
