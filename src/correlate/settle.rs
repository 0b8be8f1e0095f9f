//! Outcome and stage of an attempt, from all its evidence: captures, the server's
//! logs, and the client's own.

use super::attempts::{Attempt, Connection};
use super::outcome::{Outcome, wire_outcome};
use crate::observe::{Observation, Stage};

/// Whether an event proves that a session came to be.
pub fn log_success(kind: &str) -> bool {
    matches!(
        kind,
        "event.lsm.21"
            | "event.lsm.22"
            | "event.lsm.25"
            | "event.security.4778"
            | "event.rdpclient.1025"
            | "event.rdpclient.1027"
            | "event.rdpcorets.68"
    )
}

/// Events that prove that a try failed.
fn log_failure(kind: &str) -> bool {
    matches!(
        kind,
        "event.rdpcorets.139"
            | "event.rdpcorets.140"
            | "event.rdpcorets.99"
            | "event.security.4625"
            | "event.security.4825"
            | "event.security.5152"
            | "event.security.5157"
            | "event.lsasrv.6041"
            | "event.gateway.201"
            | "event.gateway.203"
            | "event.gateway.301"
            | "event.gateway.304"
    )
}

/// The stage that an event proves was reached.
fn log_stage(kind: &str) -> Option<Stage> {
    Some(match kind {
        "event.rdpcorets.131" | "event.rcm.261" => Stage::Tcp,
        "event.rdpcorets.141" | "event.rdpcorets.65" => Stage::X224,
        "event.rdpcorets.139"
        | "event.schannel.36874"
        | "event.schannel.36870"
        | "event.schannel.36888" => Stage::Tls,
        "event.rdpcorets.140" | "event.lsasrv.6041" => Stage::Credssp,
        "event.security.4625" => Stage::Logon,
        "event.security.4825" | "event.rcm.1149" => Stage::Authorization,
        "event.lsm.21" | "event.lsm.22" | "event.lsm.25" => Stage::Session,
        _ => return None,
    })
}

/// Records that tell that a working session lost its transport: RdpCoreTS 142 and
/// 143 with ERROR_SEM_TIMEOUT.
fn transport_lost(observation: &Observation) -> bool {
    matches!(&*observation.kind, "event.rdpcorets.142" | "event.rdpcorets.143")
        && observation.field("error") == Some("121")
}

/// Reason codes of RDPClient 1026 that end a session without a fault: no reason,
/// by the local user, by the remote user, by the server.
pub(super) const ORDERLY_REASONS: std::ops::RangeInclusive<u32> = 0..=3;

/// Settles outcome and stage of an attempt from all its evidence.
pub(super) fn settle(attempt: &mut Attempt, observations: &[Observation]) {
    // A record that names a failed logon or handshake is a failed attempt by itself.
    let known_failed = attempt.outcome == Outcome::Failed;
    let mut log_ok = false;
    let mut log_bad = false;
    let mut ended = false;
    let mut lost = false;
    let mut stage: Option<Stage> = None;
    for event in &attempt.events {
        let Some(observation) = observations.get(event.index) else { continue };
        let kind = &*observation.kind;
        log_ok |= log_success(kind) && event.share >= 0.5;
        log_bad |= log_failure(kind) && event.share >= 0.5;
        lost |= transport_lost(observation) && event.share >= 0.5;
        ended |= matches!(kind, "event.rdpcorets.102" | "event.rdpcorets.103");
        stage = stage.max(log_stage(kind));
    }
    let wire: Vec<(Outcome, Stage)> = attempt.connections.iter().filter_map(best_view).collect();
    stage = stage.max(wire.iter().map(|(_, stage)| *stage).max());
    let wire_ok = wire.iter().any(|(outcome, _)| *outcome == Outcome::Succeeded);
    let wire_bad = wire.last().is_some_and(|(outcome, _)| *outcome == Outcome::Failed);
    let client_bad = attempt.client_error.is_some_and(|code| !ORDERLY_REASONS.contains(&code));
    attempt.stage = if log_ok { Some(Stage::Session) } else { stage };
    attempt.outcome = if (log_ok || wire_ok) && !lost && !client_bad {
        Outcome::Succeeded
    } else if known_failed
        || lost
        || wire_bad
        || log_bad
        || client_bad
        || (ended && wire.is_empty())
    {
        Outcome::Failed
    } else if attempt.in_client_log && attempt.client_error.is_some() {
        // The user gave up before there was anything to see.
        Outcome::Failed
    } else {
        Outcome::Unknown
    };
}

/// Of several views of one connection, the one that saw most.
fn best_view(connection: &Connection) -> Option<(Outcome, Stage)> {
    let views = connection.views.iter().map(|view| wire_outcome(view));
    views.min_by_key(|(outcome, stage)| (*outcome == Outcome::Unknown, std::cmp::Reverse(*stage)))
}
