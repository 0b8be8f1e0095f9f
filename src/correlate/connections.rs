//! Single connections, as captures show them and as the server logs them.

use crate::base::{Endpoint, HostTime, millis_between};
use crate::observe::{Conversation, Observation, Vantage};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Two captures show the same connection when their views begin within this, in
/// ms: capture clocks are rarely hours apart, and ports are not reused so soon.
const SAME_CONNECTION_MS: f64 = 3_600_000.0;

/// A connection as one or more captures show it.
#[derive(Debug)]
pub(super) struct WireConnection {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    /// One per vantage point.
    pub(super) views: Vec<Arc<Conversation>>,
}

impl WireConnection {
    /// When the server accepted it, by the capture.
    pub(super) fn accepted(&self) -> HostTime {
        let view = self.views.first();
        let accepted =
            view.and_then(|view| view.tcp.established.as_ref().or(view.tcp.syn.as_ref()));
        match (accepted, view) {
            (Some(at), _) => at.time,
            (None, Some(view)) => view.start,
            (None, None) => HostTime(jiff::Timestamp::UNIX_EPOCH),
        }
    }
}

impl WireConnection {
    /// The earliest and latest moment at which the server can have accepted it: it
    /// had the SYN by then, and it had not confirmed yet.
    pub(super) fn accepted_between(&self) -> (HostTime, HostTime) {
        let accepted = self.accepted();
        let Some(view) = self.views.first() else { return (accepted, accepted) };
        let earliest = view.tcp.syn.as_ref().map_or(accepted, |syn| syn.time);
        let latest = view.x224.confirm.as_ref().map_or(accepted, |confirm| confirm.time);
        (earliest.min(accepted), latest.max(accepted))
    }
}

/// A connection as RdpCoreTS and RemoteConnectionManager log it: one activity id.
#[derive(Debug)]
pub(super) struct LoggedConnection {
    pub(super) host: Arc<str>,
    pub(super) activity: Arc<str>,
    pub(super) client: Option<Endpoint>,
    pub(super) start: HostTime,
    pub(super) end: HostTime,
    /// Indexes of its records.
    pub(super) events: Vec<usize>,
}

/// Unites the views that several captures have of one connection.
pub(super) fn merge_views(conversations: Vec<Arc<Conversation>>) -> Vec<WireConnection> {
    let mut by_ends: HashMap<(Endpoint, Endpoint), Vec<WireConnection>> = HashMap::new();
    for conversation in conversations {
        let known = by_ends.entry((conversation.client, conversation.server)).or_default();
        let same = known.iter_mut().find(|connection| {
            connection.views.iter().all(|view| {
                view.file != conversation.file
                    && millis_between(view.start.0, conversation.start.0).abs() < SAME_CONNECTION_MS
            })
        });
        match same {
            Some(connection) => connection.views.push(conversation),
            None => known.push(WireConnection {
                client: conversation.client,
                server: conversation.server,
                views: vec![conversation],
            }),
        }
    }
    let mut merged: Vec<WireConnection> = by_ends.into_values().flatten().collect();
    merged.sort_by(|a, b| {
        (a.accepted(), a.client, a.server).cmp(&(b.accepted(), b.client, b.server))
    });
    merged
}

/// The providers whose records of one connection share an activity id.
fn shares_activity(kind: &str) -> bool {
    kind.starts_with("event.rdpcorets.") || kind.starts_with("event.rcm.")
}

/// The connections of the server logs. `observations` are in the order of time.
pub(super) fn logged(observations: &[Observation]) -> Vec<LoggedConnection> {
    let mut by_activity: BTreeMap<(Arc<str>, Arc<str>), LoggedConnection> = BTreeMap::new();
    for (index, observation) in observations.iter().enumerate() {
        let (true, Some(activity), Vantage::Log { host, .. }) = (
            shares_activity(&observation.kind),
            &observation.subject.activity,
            &observation.vantage,
        ) else {
            continue;
        };
        // The UDP side channel has an activity id of its own and is no attempt.
        if observation.field("ConnType").is_some_and(|kind| kind.eq_ignore_ascii_case("udp")) {
            continue;
        }
        let key = (Arc::clone(host), Arc::clone(activity));
        let connection = by_activity.entry(key).or_insert_with(|| LoggedConnection {
            host: Arc::clone(host),
            activity: Arc::clone(activity),
            client: None,
            start: observation.time,
            end: observation.time,
            events: Vec::new(),
        });
        connection.end = connection.end.max(observation.time);
        connection.start = connection.start.min(observation.time);
        connection.events.push(index);
        let subject = &observation.subject;
        if let Some(address) = subject.client {
            let known = connection.client.is_some_and(|client| client.port.is_some());
            if !known {
                connection.client = Some(Endpoint { address, port: subject.client_port });
            }
        }
    }
    by_activity.into_values().filter(|connection| is_connection(connection, observations)).collect()
}

/// An activity of its own counts as a connection when it was accepted or when it
/// names a client.
fn is_connection(connection: &LoggedConnection, observations: &[Observation]) -> bool {
    connection.client.is_some()
        || connection.events.iter().filter_map(|index| observations.get(*index)).any(
            |observation| {
                matches!(
                    &*observation.kind,
                    "event.rdpcorets.131" | "event.rcm.261" | "event.rdpcorets.65"
                )
            },
        )
}
