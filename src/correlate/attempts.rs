//! Connections grouped into attempts: one click of a user makes several (a probe,
//! a protocol fall-back, a retry).

use super::outcome::{Outcome, wire_outcome};
use crate::base::{CaseTime, Endpoint, millis_between};
use crate::observe::{Conversation, Stage};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Connections of one client to one server that follow each other within this
/// belong to one attempt, in ms.
const SAME_ATTEMPT_MS: f64 = 60_000.0;

/// One connection, from every vantage point that saw it.
#[derive(Debug)]
pub struct Connection {
    pub client: Option<Endpoint>,
    /// The client as the server sees it, where a device on the way translates it.
    pub seen_as: Option<Endpoint>,
    pub server: Option<Endpoint>,
    /// The server's name, when its log has the connection.
    pub host: Option<Arc<str>>,
    pub start: CaseTime,
    pub end: CaseTime,
    /// One per capture; empty when only logs have it.
    pub views: Vec<Arc<Conversation>>,
    /// The records with its activity id.
    pub events: Vec<usize>,
}

/// A record that belongs to an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventRef {
    /// Index into the observations of the case.
    pub index: usize,
    /// 1 when it belongs to this attempt for certain; less when it may also belong
    /// to others.
    pub share: f64,
}

/// One try of one client to reach one server.
#[derive(Debug)]
pub struct Attempt {
    /// Counted from 1 in the order of their start.
    pub id: u32,
    /// The first connection's.
    pub client: Option<Endpoint>,
    pub server: Option<Endpoint>,
    pub server_host: Option<Arc<str>>,
    pub client_host: Option<Arc<str>>,
    /// The name that the user typed, when the client's log tells.
    pub server_name: Option<String>,
    /// Index of the name server's answer that led here.
    pub(super) resolution: Option<usize>,
    pub start: CaseTime,
    pub end: CaseTime,
    pub outcome: Outcome,
    /// The furthest stage that any evidence shows.
    pub stage: Option<Stage>,
    /// Disconnect reason of RDPClient 1026.
    pub client_error: Option<u32>,
    /// Whether the client's own log has it: then it is a user's, not a scanner's.
    pub in_client_log: bool,
    /// From when to when, by the client's clock: until that is corrected, records of
    /// the client are joined by it.
    pub(super) client_span: Option<(CaseTime, CaseTime)>,
    pub connections: Vec<Connection>,
    pub events: Vec<EventRef>,
}

impl Attempt {
    /// An attempt without connections, at a time.
    pub(crate) fn at(time: CaseTime) -> Self {
        Self {
            id: 0,
            client: None,
            server: None,
            server_host: None,
            client_host: None,
            server_name: None,
            resolution: None,
            start: time,
            end: time,
            outcome: Outcome::Unknown,
            stage: None,
            client_error: None,
            in_client_log: false,
            client_span: None,
            connections: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The addresses by which records may name its client.
    pub(super) fn client_addresses(&self) -> BTreeSet<IpAddr> {
        let seen = self.connections.iter().filter_map(|connection| connection.seen_as);
        self.client.into_iter().chain(seen).map(|client| client.address).collect()
    }

    /// Index of the name server's answer that led here.
    pub fn resolution_index(&self) -> Option<usize> {
        self.resolution
    }

    /// All views of all connections, in order.
    pub fn views(&self) -> impl Iterator<Item = &Arc<Conversation>> {
        self.connections.iter().flat_map(|connection| &connection.views)
    }

    /// Adds a record; [`super::join::join`] removes what was added twice.
    pub(super) fn add_event(&mut self, index: usize, share: f64) {
        self.events.push(EventRef { index, share });
    }
}

/// Client, server, and the server's name where its address is not known.
type Parties = (Option<IpAddr>, Option<IpAddr>, Option<Arc<str>>);

/// Groups connections by client and server.
pub(super) fn group(mut connections: Vec<Connection>) -> Vec<Attempt> {
    name_servers(&mut connections);
    connections.sort_by_key(|connection| (connection.start, connection.client, connection.server));
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut open: HashMap<Parties, usize> = HashMap::new();
    for connection in connections {
        let key = (
            connection.client.map(|client| client.address),
            connection.server.map(|server| server.address),
            connection.host.clone().filter(|_| connection.server.is_none()),
        );
        let current = open.get(&key).and_then(|index| attempts.get_mut(*index)).filter(|attempt| {
            connection.client.is_some()
                && millis_between(attempt.end.0, connection.start.0) < SAME_ATTEMPT_MS
                && !attempt.connections.last().is_some_and(succeeded)
        });
        match current {
            Some(attempt) => add(attempt, connection),
            None => {
                let mut attempt = Attempt::at(connection.start);
                attempt.client = connection.client;
                attempt.server = connection.server;
                add(&mut attempt, connection);
                open.insert(key, attempts.len());
                attempts.push(attempt);
            }
        }
    }
    attempts
}

fn succeeded(connection: &Connection) -> bool {
    connection.views.iter().any(|view| wire_outcome(view).0 == Outcome::Succeeded)
}

fn add(attempt: &mut Attempt, connection: Connection) {
    attempt.end = attempt.end.max(connection.end);
    attempt.server_host = attempt.server_host.take().or_else(|| connection.host.clone());
    for index in &connection.events {
        attempt.add_event(*index, 1.0);
    }
    attempt.connections.push(connection);
}

/// A host whose address one united connection tells has that address in all others.
fn name_servers(connections: &mut [Connection]) {
    let mut address: HashMap<Arc<str>, Endpoint> = HashMap::new();
    for connection in connections.iter() {
        if let (Some(host), Some(server)) = (&connection.host, connection.server) {
            address.insert(Arc::clone(host), server);
        }
    }
    for connection in connections.iter_mut().filter(|connection| connection.server.is_none()) {
        connection.server = connection.host.as_ref().and_then(|host| address.get(host)).copied();
    }
}
