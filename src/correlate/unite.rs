//! The two sides of a connection, capture and log, made one.

use super::attempts::Connection;
use super::clock::Clocks;
use super::connections::{LoggedConnection, WireConnection, denied};
use crate::base::{CaseTime, Endpoint, HostTime, millis_between};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The same address and port within this is the same connection, in ms.
const SAME_PORT_MS: f64 = 30_000.0;

/// Without the same port, what is accepted and what is logged lie within this of each
/// other, beside what the clock may be wrong, in ms.
const TRANSLATED_MS: f64 = 30.0;
/// A clock that is known no better than this tells nothing of single connections.
const WORST_CLOCK_MS: f64 = 250.0;

/// All connections on the case clock: those of the captures, with the log's side
/// of them where addresses and ports agree, and those that only a log has.
pub(super) fn unite(
    wire: Vec<WireConnection>,
    logged: Vec<LoggedConnection>,
    clocks: &Clocks,
) -> Vec<Connection> {
    let mut by_client: HashMap<Endpoint, ByTime> = HashMap::new();
    let mut rest = Vec::new();
    for (number, connection) in logged.into_iter().enumerate() {
        match connection.client.filter(|client| client.port.is_some()) {
            Some(client) => {
                let start = corrected(&connection, connection.start, clocks);
                by_client.entry(client).or_default().insert((start, number), connection);
            }
            None => rest.push(connection),
        }
    }
    let mut united: Vec<(WireConnection, Option<LoggedConnection>)> = wire
        .into_iter()
        .map(|wire| {
            let accepted = wire.accepted();
            let log = wire
                .clients()
                .iter()
                .find_map(|client| take_nearest(by_client.get_mut(client)?, accepted));
            (wire, log)
        })
        .collect();
    rest.extend(by_client.into_values().flat_map(ByTime::into_values));
    rest.sort_by(|a, b| (a.start, &a.activity).cmp(&(b.start, &b.activity)));
    let rest = translated(&mut united, rest, clocks);
    let mut connections: Vec<Connection> =
        united.into_iter().map(|(wire, log)| from_wire(wire, log, clocks)).collect();
    connections.extend(rest.into_iter().map(|log| from_log(log, clocks)));
    connections
}

fn corrected(log: &LoggedConnection, time: HostTime, clocks: &Clocks) -> CaseTime {
    clocks.log_time(&log.host, &log.channel, time, log.record)
}

/// The logged connections from one address and port, in the order of time.
type ByTime = BTreeMap<(CaseTime, usize), LoggedConnection>;

fn take_nearest(candidates: &mut ByTime, accepted: CaseTime) -> Option<LoggedConnection> {
    let before = candidates.range(..(accepted, 0)).next_back();
    let behind = candidates.range((accepted, 0)..).next();
    let distance = |start: CaseTime| millis_between(accepted.0, start.0).abs();
    let sides = [before, behind].into_iter().flatten().map(|(key, _)| *key);
    let nearest = sides.min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)))?;
    if distance(nearest.0) >= SAME_PORT_MS {
        return None;
    }
    candidates.remove(&nearest)
}

/// Ties connections whose addresses or ports a device translates, or whose log has no
/// port, by time alone: only on a clock that is known well, where addresses do not deny
/// it, and where either side fits one of the other only. Gives back what fits none.
fn translated(
    united: &mut [(WireConnection, Option<LoggedConnection>)],
    rest: Vec<LoggedConnection>,
    clocks: &Clocks,
) -> Vec<LoggedConnection> {
    let mut by_time: BTreeMap<CaseTime, Vec<usize>> = BTreeMap::new();
    for (index, (wire, log)) in united.iter().enumerate() {
        if log.is_none() {
            by_time.entry(wire.accepted()).or_default().push(index);
        }
    }
    let mut fits: Vec<(usize, usize)> = Vec::new();
    for (number, log) in rest.iter().enumerate() {
        let Some(within) = window(log, clocks) else { continue };
        let start = corrected(log, log.start, clocks);
        let (Ok(from), Ok(to)) = (start.0.checked_sub(within), start.0.checked_add(within)) else {
            continue;
        };
        let near = by_time.range(CaseTime(from)..=CaseTime(to)).flat_map(|(_, found)| found);
        let possible = near
            .copied()
            .filter(|index| united.get(*index).is_some_and(|(wire, _)| !denied(wire, log)));
        fits.extend(possible.map(|index| (index, number)));
    }
    let mut wires: HashMap<usize, usize> = HashMap::new();
    let mut logs: HashMap<usize, usize> = HashMap::new();
    for (wire, log) in &fits {
        *wires.entry(*wire).or_default() += 1;
        *logs.entry(*log).or_default() += 1;
    }
    fits.retain(|(wire, log)| wires.get(wire) == Some(&1) && logs.get(log) == Some(&1));
    let mut rest: Vec<Option<LoggedConnection>> = rest.into_iter().map(Some).collect();
    for (wire, log) in fits {
        if let Some((_, slot)) = united.get_mut(wire) {
            *slot = rest.get_mut(log).and_then(Option::take);
        }
    }
    rest.into_iter().flatten().collect()
}

fn window(log: &LoggedConnection, clocks: &Clocks) -> Option<jiff::SignedDuration> {
    let error = clocks.offset(&log.host)?.error.as_secs_f64() * 1000.0;
    let within = (TRANSLATED_MS + error) / 1000.0;
    (error <= WORST_CLOCK_MS).then(|| jiff::SignedDuration::from_secs_f64(within))
}

fn from_wire(wire: WireConnection, log: Option<LoggedConnection>, clocks: &Clocks) -> Connection {
    let mut end = wire.end();
    if let Some(log) = &log {
        end = end.max(corrected(log, log.end, clocks));
    }
    let start = wire.start();
    let logged_as = log.as_ref().and_then(|log| log.client);
    let seen_as = wire.views.iter().map(|view| view.client).chain(logged_as);
    // What the log says counts most: it is nearest to the server.
    Connection {
        client: Some(wire.client),
        seen_as: seen_as.rev().find(|seen| *seen != wire.client),
        server: Some(wire.server),
        host: log.as_ref().map(|log| Arc::clone(&log.host)),
        start,
        end,
        views: wire.views,
        events: log.map(|log| log.events).unwrap_or_default(),
    }
}

fn from_log(log: LoggedConnection, clocks: &Clocks) -> Connection {
    Connection {
        client: log.client,
        seen_as: None,
        server: None,
        host: Some(Arc::clone(&log.host)),
        start: corrected(&log, log.start, clocks),
        end: corrected(&log, log.end, clocks),
        views: Vec::new(),
        events: log.events,
    }
}
