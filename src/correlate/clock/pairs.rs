//! Happenings that a capture and a log both show.

use super::short_name;
use crate::base::HostTime;
use crate::correlate::connections::{LoggedConnection, WireConnection};
use jiff::SignedDuration;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Ports are reused: a pair further apart than this is not the same connection.
pub(super) const MAX_OFFSET: SignedDuration = SignedDuration::from_hours(26);

/// What one happening says about an offset.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// When it was logged, and where: that tells the stretch of the clock.
    pub(super) logged: HostTime,
    pub(super) channel: Arc<str>,
    pub(super) record: Option<u64>,
    /// Log clock minus case clock: most likely, at least, at most.
    pub(super) best: SignedDuration,
    pub(super) least: SignedDuration,
    pub(super) most: SignedDuration,
}

/// Pairs by the short name of the host that logged them.
pub(super) type Pairs = BTreeMap<String, Vec<Pair>>;

/// Connections that both sides show with the same client address and port.
pub(super) fn exact(wire: &[WireConnection], logged: &[LoggedConnection]) -> Pairs {
    // In the order of time, as all connections are.
    let mut by_client: HashMap<_, Vec<&WireConnection>> = HashMap::new();
    for connection in wire {
        for client in connection.clients() {
            by_client.entry(client).or_default().push(connection);
        }
    }
    let mut pairs = Pairs::new();
    for connection in logged {
        let known = connection.client.and_then(|client| by_client.get(&client));
        let nearest = known
            .and_then(|known| nearest(known, connection))
            .map(|wire| pair(connection, wire))
            .filter(|pair| pair.best.abs() < MAX_OFFSET);
        if let Some(pair) = nearest {
            pairs.entry(short_name(&connection.host)).or_default().push(pair);
        }
    }
    pairs
}

/// The one of several connections from one address and port that is nearest in time.
fn nearest<'a>(
    known: &[&'a WireConnection],
    logged: &LoggedConnection,
) -> Option<&'a WireConnection> {
    let behind = known.partition_point(|wire| wire.accepted().0 <= logged.start.0);
    let sides = [behind.checked_sub(1), Some(behind)];
    let candidates = sides.into_iter().flatten().filter_map(|index| known.get(index).copied());
    candidates.min_by_key(|wire| logged.start.0.duration_since(wire.accepted().0).abs())
}

/// The server logged it after it had the SYN and before it confirmed.
pub(super) fn pair(logged: &LoggedConnection, wire: &WireConnection) -> Pair {
    let (earliest, latest) = wire.accepted_between();
    let since = |time: crate::base::CaseTime| logged.start.0.duration_since(time.0);
    Pair {
        logged: logged.start,
        channel: Arc::clone(&logged.channel),
        record: logged.record,
        best: since(wire.accepted()),
        least: since(latest),
        most: since(earliest),
    }
}
