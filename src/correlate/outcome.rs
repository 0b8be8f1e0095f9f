//! What one capture shows of one connection: did it work, and how far did it get?

use crate::base::millis_between;
use crate::observe::{Conversation, GapKind, Negotiation, Protocols, Service, Stage, Version};
use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Unknown,
}

/// Silence after which an answer is not coming any more, in ms.
const SILENCE_MS: f64 = 5_000.0;

/// Client records after the TLS handshake that a session needs at least: CredSSP
/// takes three, then come MCS connect, erect domain, attach user, the channel joins
/// and the client's info; licensing was measured to begin with the twelfth.
const SESSION_CLIENT_RECORDS: u64 = 14;

/// TPKTs of the client that a session under standard RDP security needs at least.
const SESSION_CLIENT_PDUS: u32 = 8;
/// Bytes that the server sends in the clear framing of such a session at least.
const SESSION_PLAIN_BYTES: u64 = 2_000;

/// Fragment bytes of an encrypted close_notify in TLS 1.3: two bytes of alert, one
/// of content type, sixteen of tag.
const ENCRYPTED_ALERT_LEN: usize = 19;

/// What the server selected; standard RDP security when it did not negotiate.
pub(super) fn selected(view: &Conversation) -> Option<Protocols> {
    let confirm = view.x224.confirm.as_ref()?;
    match confirm.value.negotiation {
        Some(Negotiation::Response { selected, .. }) => Some(selected),
        Some(Negotiation::Failure(_)) => None,
        _ => Some(Protocols::empty()),
    }
}

/// Whether both sides finished the TLS handshake.
pub fn is_finished(view: &Conversation) -> bool {
    let tls = &view.tls;
    let [client, server] = &tls.application_records;
    match tls.server_hello.as_ref().map(|hello| hello.value.version()) {
        Some(version) if version >= Version::TLS_1_3 => *client > 0 && *server > 0,
        _ => {
            let [client_ccs, server_ccs] = &tls.change_cipher_spec;
            let both = client_ccs.is_some() && server_ccs.is_some();
            both || (*client > 0 && *server > 0)
        }
    }
}

/// Client records that belong to CredSSP and above.
pub fn client_records(view: &Conversation) -> u64 {
    let tls = &view.tls;
    let [client, _] = tls.application_records;
    let tls13 =
        tls.server_hello.as_ref().is_some_and(|hello| hello.value.version() >= Version::TLS_1_3);
    if !tls13 {
        return client;
    }
    // In TLS 1.3 the Finished and a closing alert look like application data.
    let [first, _] = &tls.application_data;
    let kept_all = u64::try_from(first.len()).is_ok_and(|kept| kept == client);
    let closing = kept_all && first.last().is_some_and(|last| last.length == ENCRYPTED_ALERT_LEN);
    client.saturating_sub(1 + u64::from(closing))
}

/// Whether the wire shows a session: traffic that only comes after the logon.
pub fn has_session(view: &Conversation) -> bool {
    let [client_pdus, _] = view.x224.data_pdus;
    let [_, server_plain] = view.x224.data_bytes;
    if view.rdp.logged_on.is_some() {
        return true;
    }
    // What was read outweighs the count of records.
    if view.credssp.error_code.is_some() || never_logged_on(view) {
        return false;
    }
    if one_sided_session(view) {
        return true;
    }
    let plain = client_pdus >= SESSION_CLIENT_PDUS && server_plain >= SESSION_PLAIN_BYTES;
    plain || (is_finished(view) && client_records(view) >= SESSION_CLIENT_RECORDS)
}

/// A capture of one direction only: as many records behind the handshake as a session
/// needs.
fn one_sided_session(view: &Conversation) -> bool {
    let [client, server] = &view.tcp.health;
    let [from_client, from_server] = view.tls.application_records;
    match (client.data_segments, server.data_segments) {
        (0, 1..) => from_server >= SESSION_CLIENT_RECORDS,
        (1.., 0) => from_client >= SESSION_CLIENT_RECORDS,
        _ => false,
    }
}

/// The whole session was readable and ended, and the server never said that anybody
/// was logged on: the desktop was not reached.
fn never_logged_on(view: &Conversation) -> bool {
    let readable = view.decryption.opened != [0, 0] && view.decryption.failed == [0, 0];
    readable
        && view.gap.is_none()
        && view.rdp.server.is_some()
        && view.rdp.logged_on.is_none()
        && view.tcp.close.is_some()
}

/// Whether the last HTTP answer of an RD Gateway, where it is readable, refuses the
/// tunnel: 101 and 200 open it.
fn gateway_refused(view: &Conversation) -> bool {
    let answer = view.decryption.http_answer.as_ref();
    let status = answer.and_then(|at| at.value.split(' ').nth(1)?.parse::<u16>().ok());
    status.is_some_and(|status| status >= 400)
}

/// SYNs that nobody answered, although the capture waited.
pub fn syn_unanswered(view: &Conversation) -> bool {
    let tcp = &view.tcp;
    tcp.syn.is_some()
        && tcp.syn_ack.is_none()
        && tcp.established.is_none()
        && tcp.refused.is_none()
        && view.x224.request.is_none()
        && tcp.syns >= 2
}

/// The outcome that one capture shows of one connection, and the stage reached.
pub fn wire_outcome(view: &Conversation) -> (Outcome, Stage) {
    let tcp = &view.tcp;
    if has_session(view) {
        return (Outcome::Succeeded, Stage::Session);
    }
    if tcp.refused.is_some()
        || syn_unanswered(view)
        || !tcp.unreachables.is_empty() && tcp.syn_ack.is_none()
    {
        return (Outcome::Failed, Stage::Tcp);
    }
    if matches!(view.gap, Some(gap) if gap.kind == GapKind::LateStart)
        && view.x224.request.is_none()
    {
        return (Outcome::Unknown, Stage::Session);
    }
    if view.tls.alerts.iter().any(|seen| seen.alert.level == 2) {
        return (Outcome::Failed, Stage::Tls);
    }
    if view.x224.foreign_caller.is_some() && view.service == Service::RemoteDesktop {
        return (Outcome::Failed, Stage::X224);
    }
    if view.x224.request.is_none() && view.x224.confirm.is_none() && view.tls.client_hello.is_none()
    {
        // A probe of the port, unless somebody between ended it.
        let cut_off = tcp.forged_reset().is_some();
        return (if cut_off { Outcome::Failed } else { Outcome::Unknown }, Stage::Tcp);
    }
    if view.service == Service::Gateway {
        // What runs inside is not visible: only its TLS layer can be judged.
        let stage = if is_finished(view) { Stage::Session } else { Stage::Tls };
        let ended = view.tcp.close.is_some();
        if ended && gateway_refused(view) {
            return (Outcome::Failed, Stage::Authorization);
        }
        let cut_short = !is_finished(view) && ended;
        return (if cut_short { Outcome::Failed } else { Outcome::Unknown }, stage);
    }
    after_request(view)
}

fn after_request(view: &Conversation) -> (Outcome, Stage) {
    let ended = view.tcp.close.is_some();
    let stage = wire_stage(view);
    let failed_if_ended = if ended { Outcome::Failed } else { Outcome::Unknown };
    if never_logged_on(view) && view.rdp.active.is_some() {
        // Without CredSSP a user may look at the logon screen and leave; with it the
        // server logs on at once.
        let nla = view.credssp.auth_info.is_some();
        return (if nla { Outcome::Failed } else { Outcome::Unknown }, Stage::Logon);
    }
    // A capture that lost frames counts too few records: an end that seems early is none.
    let [client, _] = &view.tcp.health;
    if client.unseen_bytes > 0 && is_finished(view) && client_records(view) > 2 {
        return (Outcome::Unknown, stage);
    }
    let last_step = last_step_ms(view);
    let stalled = last_step > SILENCE_MS
        || view
            .tcp
            .health
            .iter()
            .any(|health| health.unacked.is_some_and(|unacked| unacked.times >= 3));
    let outcome = match stage {
        Stage::X224 if view.x224.confirm.is_some() && selected(view).is_none() => Outcome::Failed,
        _ if stalled => Outcome::Failed,
        _ => failed_if_ended,
    };
    (outcome, stage)
}

/// Milliseconds from the last step of the handshake to the end of the capture of
/// this connection.
fn last_step_ms(view: &Conversation) -> f64 {
    let tls = &view.tls;
    let times = [
        view.x224.request.as_ref().map(|at| at.time),
        view.x224.confirm.as_ref().map(|at| at.time),
        tls.client_hello.as_ref().map(|at| at.time),
        tls.server_hello.as_ref().map(|at| at.time),
        tls.application_data.iter().flatten().map(|record| record.time).max(),
    ];
    times.into_iter().flatten().max().map_or(0.0, |last| millis_between(last.0, view.end.0))
}

fn wire_stage(view: &Conversation) -> Stage {
    if is_finished(view) {
        let nla = selected(view).is_none_or(Protocols::has_credssp);
        return match (nla, client_records(view)) {
            (true, 0) | (false, 0) => Stage::Tls,
            (true, 1..=2) => Stage::Credssp,
            (true, 3..=4) => Stage::Authorization,
            _ => Stage::Licensing,
        };
    }
    let [client_cut, server_cut] = &view.tls.cut_flights;
    let tls_began = view.tls.client_hello.is_some()
        || view.tls.server_hello.is_some()
        || client_cut.is_some()
        || server_cut.is_some();
    if tls_began { Stage::Tls } else { Stage::X224 }
}
