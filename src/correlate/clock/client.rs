//! The clock of a client by its own log: a try lasts from 1024 to 1026 there, and from
//! the SYN to the end of the connection in a capture.

use super::pairs::{MAX_OFFSET, Pair, Pairs};
use super::short_name;
use crate::correlate::Clocks;
use crate::correlate::client_log::{ClientTry, tries as logged_tries};
use crate::correlate::connections::WireConnection;
use crate::observe::Observation;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// Client and capture agree on how long a try took within this.
const SAME_LENGTH: SignedDuration = SignedDuration::from_millis(300);
/// Shorter tries are all alike.
const LEAST_LENGTH: SignedDuration = SignedDuration::from_secs(2);
/// 1024 is written up to this long before the SYN, 1026 after the end.
const LOGGED_WITHIN: SignedDuration = SignedDuration::from_millis(250);
/// Tries of one client that are compared: the last ones.
const MOST_TRIES: usize = 64;
/// Connections that are compared: the last ones.
const MOST_CONNECTIONS: usize = 1024;

/// Adds pairs for clients of whose tries each fits one connection only.
pub(super) fn tries(wire: &[WireConnection], observations: &[Observation], pairs: &mut Pairs) {
    let mut clients: BTreeMap<String, Vec<ClientTry>> = BTreeMap::new();
    for one in logged_tries(observations, &Clocks::default()) {
        clients.entry(short_name(&one.host)).or_default().push(one);
    }
    for (host, tries) in clients {
        if pairs.contains_key(&host) {
            continue;
        }
        let found: Vec<Pair> = tries
            .iter()
            .rev()
            .take(MOST_TRIES)
            .filter_map(|one| only(wire.iter().rev().take(MOST_CONNECTIONS), one, observations))
            .collect();
        // Tries that contradict each other prove that one of them is not what it seems.
        let low = found.iter().map(|pair| pair.least).max();
        let high = found.iter().map(|pair| pair.most).min();
        if low.zip(high).is_some_and(|(low, high)| low <= high) {
            pairs.insert(host, found);
        }
    }
}

/// The pair of a try with the one connection that it fits; `None` when none or several
/// do.
fn only<'a>(
    wire: impl Iterator<Item = &'a WireConnection>,
    one: &ClientTry,
    observations: &[Observation],
) -> Option<Pair> {
    let mut fitting = wire.filter_map(|connection| fits(connection, one, observations));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn fits(wire: &WireConnection, one: &ClientTry, observations: &[Observation]) -> Option<Pair> {
    one.reason?;
    // Only an address that the client logged ties a try to a server.
    if one.server_address != Some(wire.server.address) {
        return None;
    }
    let (start, end) = (wire.start(), wire.end());
    let logged = one.end.0.duration_since(one.start.0);
    let seen = end.0.duration_since(start.0);
    let alike = (logged - seen).abs() < SAME_LENGTH && seen >= LEAST_LENGTH;
    let begun = one.start.0.duration_since(start.0);
    let ended = one.end.0.duration_since(end.0);
    if !alike || begun.abs() > MAX_OFFSET {
        return None;
    }
    let source = observations.get(*one.events.first()?)?;
    let crate::observe::Vantage::Log { channel, .. } = &source.vantage else { return None };
    Some(Pair {
        logged: source.time,
        channel: channel.clone(),
        record: source.record(),
        best: ended,
        least: ended.min(begun).saturating_sub(LOGGED_WITHIN),
        most: ended.max(begun).saturating_add(LOGGED_WITHIN),
    })
}
