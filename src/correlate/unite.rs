//! The two sides of a connection, capture and log, made one.

use super::attempts::Connection;
use super::clock::Clocks;
use super::connections::{LoggedConnection, WireConnection};
use crate::base::{CaseTime, Endpoint, HostTime, millis_between};
use std::collections::HashMap;
use std::sync::Arc;

/// All connections on the case clock: those of the captures, with the log's side
/// of them where addresses and ports agree, and those that only a log has.
pub(super) fn unite(
    wire: Vec<WireConnection>,
    logged: Vec<LoggedConnection>,
    clocks: &Clocks,
) -> Vec<Connection> {
    let mut by_client: HashMap<Endpoint, Vec<LoggedConnection>> = HashMap::new();
    let mut rest = Vec::new();
    for connection in logged {
        match connection.client.filter(|client| client.port.is_some()) {
            Some(client) => by_client.entry(client).or_default().push(connection),
            None => rest.push(connection),
        }
    }
    let mut connections: Vec<Connection> = wire
        .into_iter()
        .map(|wire| {
            let accepted = wire.accepted().uncorrected();
            let log = by_client
                .get_mut(&wire.client)
                .and_then(|candidates| take_nearest(candidates, accepted, clocks));
            from_wire(wire, log, clocks)
        })
        .collect();
    rest.extend(by_client.into_values().flatten());
    rest.sort_by(|a, b| (a.start, &a.activity).cmp(&(b.start, &b.activity)));
    connections.extend(rest.into_iter().map(|log| from_log(log, clocks)));
    connections
}

fn corrected(log: &LoggedConnection, time: HostTime, clocks: &Clocks) -> CaseTime {
    match clocks.offset(&log.host) {
        Some(offset) => time.corrected(offset),
        None => time.uncorrected(),
    }
}

fn take_nearest(
    candidates: &mut Vec<LoggedConnection>,
    accepted: CaseTime,
    clocks: &Clocks,
) -> Option<LoggedConnection> {
    let distance = |log: &LoggedConnection| {
        millis_between(accepted.0, corrected(log, log.start, clocks).0).abs()
    };
    let (index, near) =
        candidates.iter().map(distance).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
    (near < 30_000.0).then(|| candidates.swap_remove(index))
}

fn from_wire(wire: WireConnection, log: Option<LoggedConnection>, clocks: &Clocks) -> Connection {
    let start = wire.views.iter().map(|view| view.start).min();
    let end = wire.views.iter().map(|view| view.end).max();
    let accepted = wire.accepted();
    let mut end = end.unwrap_or(accepted).uncorrected();
    if let Some(log) = &log {
        end = end.max(corrected(log, log.end, clocks));
    }
    Connection {
        client: Some(wire.client),
        server: Some(wire.server),
        host: log.as_ref().map(|log| Arc::clone(&log.host)),
        start: start.unwrap_or(accepted).uncorrected(),
        end,
        views: wire.views,
        events: log.map(|log| log.events).unwrap_or_default(),
    }
}

fn from_log(log: LoggedConnection, clocks: &Clocks) -> Connection {
    Connection {
        client: log.client,
        server: None,
        host: Some(Arc::clone(&log.host)),
        start: corrected(&log, log.start, clocks),
        end: corrected(&log, log.end, clocks),
        views: Vec::new(),
        events: log.events,
    }
}
