//! Single connections, as captures show them and as the server logs them.

use super::coverage::vantage_of;
use crate::base::{CaseTime, Endpoint, HostTime, millis_between};
use crate::observe::{Conversation, Observation, Side, Vantage};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Two captures show the same connection when their views begin within this, in
/// ms: capture clocks are rarely hours apart, and ports are not reused so soon.
const SAME_CONNECTION_MS: f64 = 3_600_000.0;

/// A connection as one or more captures show it.
#[derive(Debug)]
pub(super) struct WireConnection {
    /// As the view nearest to the client names it.
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    /// One per vantage point, the nearest to the client first where that is known.
    pub(super) views: Vec<Arc<Conversation>>,
}

impl WireConnection {
    /// When the server accepted it, by the capture.
    pub(super) fn accepted(&self) -> CaseTime {
        let Some(view) = self.views.first() else {
            return CaseTime(jiff::Timestamp::UNIX_EPOCH);
        };
        let accepted = view.tcp.established.as_ref().or(view.tcp.syn.as_ref());
        view.case_time(accepted.map_or(view.start, |at| at.time))
    }

    /// The earliest and latest moment at which the server can have accepted it: it
    /// had the SYN by then, and it had not confirmed yet.
    pub(super) fn accepted_between(&self) -> (CaseTime, CaseTime) {
        let accepted = self.accepted();
        let Some(view) = self.views.first() else { return (accepted, accepted) };
        let earliest = view.tcp.syn.as_ref().map_or(accepted, |syn| view.case_time(syn.time));
        let confirmed = view.x224.confirm.as_ref();
        let latest = confirmed.map_or(accepted, |confirm| view.case_time(confirm.time));
        (earliest.min(accepted), latest.max(accepted))
    }

    /// From the first frame of any view.
    pub(super) fn start(&self) -> CaseTime {
        let starts = self.views.iter().map(|view| view.case_time(view.start));
        starts.min().unwrap_or_else(|| self.accepted())
    }

    /// To the last one.
    pub(super) fn end(&self) -> CaseTime {
        let ends = self.views.iter().map(|view| view.case_time(view.end));
        ends.max().unwrap_or_else(|| self.accepted())
    }

    /// The client as every vantage point sees it: a device on the way may translate it.
    pub(super) fn clients(&self) -> BTreeSet<Endpoint> {
        self.views.iter().map(|view| view.client).collect()
    }
}

/// Whether addresses and ports deny that a log means a connection: the same address
/// with another port is another connection, and so is one that a capture shows itself.
pub(super) fn denied(wire: &WireConnection, logged: &LoggedConnection) -> bool {
    let views = || wire.views.iter().map(|view| view.client);
    logged.client.filter(|client| client.port.is_some()).is_some_and(|client| {
        views().any(|own| own.address == client.address) && views().all(|own| own != client)
    })
}

/// A connection as RdpCoreTS and RemoteConnectionManager log it: one activity id.
#[derive(Debug)]
pub(super) struct LoggedConnection {
    pub(super) host: Arc<str>,
    pub(super) activity: Arc<str>,
    /// Where its first record stands.
    pub(super) channel: Arc<str>,
    pub(super) record: Option<u64>,
    pub(super) client: Option<Endpoint>,
    pub(super) start: HostTime,
    pub(super) end: HostTime,
    /// Indexes of its records.
    pub(super) events: Vec<usize>,
}

/// Unites the views that several captures have of one connection.
pub(super) fn merge_views(conversations: Vec<Arc<Conversation>>) -> Vec<WireConnection> {
    type ByFile = BTreeMap<Arc<str>, Vec<Arc<Conversation>>>;
    let mut by_ends: HashMap<(Endpoint, Endpoint), ByFile> = HashMap::new();
    for conversation in conversations {
        let files = by_ends.entry((conversation.client, conversation.server)).or_default();
        files.entry(Arc::clone(&conversation.file)).or_default().push(conversation);
    }
    let mut merged: Vec<WireConnection> = by_ends.into_values().flat_map(merge_files).collect();
    merged.sort_by_key(by_time);
    let mut merged = merge_translated(merged);
    merged.sort_by_key(by_time);
    merged
}

/// Unites the connections of two ends, file by file. Ports are reused: each view joins
/// the first connection near it that its file has not shown yet. One walk over both
/// sides, however often a port comes again.
fn merge_files(files: BTreeMap<Arc<str>, Vec<Arc<Conversation>>>) -> Vec<WireConnection> {
    let mut merged: Vec<WireConnection> = Vec::new();
    for (_, mut views) in files {
        views.sort_by_key(|view| view.start);
        let known = merged.len();
        let mut next = 0;
        for view in views {
            let after = |connection: &WireConnection| {
                let first = connection.views.first();
                first.map_or(0.0, |first| millis_between(first.start.0, view.start.0))
            };
            while next < known && merged.get(next).is_some_and(|c| after(c) >= SAME_CONNECTION_MS) {
                next += 1;
            }
            let near = |c: &&mut WireConnection| after(c).abs() < SAME_CONNECTION_MS;
            match merged.get_mut(..known).and_then(|known| known.get_mut(next)).filter(near) {
                Some(connection) => {
                    connection.views.push(view);
                    next += 1;
                }
                None => merged.push(WireConnection {
                    client: view.client,
                    server: view.server,
                    views: vec![view],
                }),
            }
        }
        merged.sort_by_key(|connection| connection.views.first().map(|view| view.start));
    }
    merged
}

fn by_time(connection: &WireConnection) -> (CaseTime, Endpoint, Endpoint) {
    (connection.accepted(), connection.client, connection.server)
}

/// Unites what a device on the way (NAT, a load balancer) gave other addresses: the
/// random of a ClientHello is the same on both sides of it, and unique.
fn merge_translated(connections: Vec<WireConnection>) -> Vec<WireConnection> {
    let mut known: HashMap<[u8; 32], usize> = HashMap::new();
    let mut merged: Vec<WireConnection> = Vec::new();
    for connection in connections {
        let Some(random) = client_random(&connection) else {
            merged.push(connection);
            continue;
        };
        let same = known.get(&random).and_then(|index| merged.get_mut(*index)).filter(|known| {
            connection.views.iter().all(|view| known.views.iter().all(|own| may_be_same(own, view)))
        });
        let Some(same) = same else {
            known.insert(random, merged.len());
            merged.push(connection);
            continue;
        };
        same.views.extend(connection.views);
        // The view at the client's end names the client as it names itself.
        same.views.sort_by_key(|view| vantage_of(view) != Some(Side::Client));
        if let Some(view) = same.views.first() {
            (same.client, same.server) = (view.client, view.server);
        }
    }
    merged
}

/// Whether two views of one ClientHello may be of one connection: a tool may write the
/// same random each time.
fn may_be_same(one: &Conversation, other: &Conversation) -> bool {
    let random = |view: &Conversation| view.tls.server_hello.as_ref().map(|at| at.value.random);
    let apart = millis_between(one.start.0, other.start.0).abs();
    one.file != other.file
        && apart < SAME_CONNECTION_MS
        && random(one).zip(random(other)).is_none_or(|(one, other)| one == other)
}

fn client_random(connection: &WireConnection) -> Option<[u8; 32]> {
    let hello = connection.views.iter().find_map(|view| view.tls.client_hello.as_ref())?;
    // Nobody means a random of one value only; some fuzzers write it.
    let random = hello.value.random;
    random.windows(2).any(|two| two.first() != two.last()).then_some(random)
}

/// The providers whose records of one connection share an activity id.
fn shares_activity(kind: &str) -> bool {
    kind.starts_with("event.rdpcorets.") || kind.starts_with("event.rcm.")
}

/// The connections of the server logs. `observations` are in the order of time.
pub(super) fn logged(observations: &[Observation]) -> Vec<LoggedConnection> {
    let mut by_activity: BTreeMap<(Arc<str>, Arc<str>), LoggedConnection> = BTreeMap::new();
    for (index, observation) in observations.iter().enumerate() {
        let (true, Some(activity), Vantage::Log { host, channel }) = (
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
            channel: Arc::clone(channel),
            record: observation.record(),
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
