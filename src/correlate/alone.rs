//! Attempts that only single records show: a packet that the firewall dropped, a refusal
//! of which no log or capture has the connection.

use super::attempts::Attempt;
use super::clock::Clocks;
use crate::base::{Endpoint, RDP_PORT, millis_between};
use crate::observe::{Coverage, Observation};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

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
