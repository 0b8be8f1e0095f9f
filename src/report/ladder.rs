//! A connection as a ladder: its steps between client and server, rung by rung, and those
//! that were due and never came.

use super::build::rounded;
use super::timeline::of_step;
use super::wire_model::{RungReport, RungState};
use crate::base::{FrameNumber, HostTime, millis_between, rfc3339};
use crate::correlate::{Outcome, client_records, has_session, is_finished, wire_outcome};
use crate::knowledge::Knowledge;
use crate::observe::{
    CloseKind, Conversation, Milestone, Negotiation, Protocols, Service, Side, Version, milestones,
};

/// Rungs of one kind that are drawn: alerts, resets and ICMP errors can come in floods.
const MOST_ALIKE: usize = 4;

/// The steps in the order of time, and behind them those that are missing.
pub(super) fn ladder(view: &Conversation, knowledge: &Knowledge) -> Vec<RungReport> {
    let mut seen = steps(view, knowledge);
    seen.sort_by_key(|rung| rung.frame);
    let first = seen.first().map(|rung| rung.time);
    let mut rungs: Vec<RungReport> = seen
        .into_iter()
        .map(|rung| RungReport {
            step: rung.step.to_owned(),
            title: rung.title,
            by: rung.by.to_owned(),
            state: if rung.ends { RungState::Ended } else { RungState::Seen },
            frame: Some(rung.frame.0),
            time: Some(rfc3339(view.case_time(rung.time).0)),
            ms: first.map(|first| rounded(millis_between(first.0, rung.time.0), 3)),
            note: rung.note,
        })
        .collect();
    if wire_outcome(view).0 == Outcome::Failed {
        rungs.extend(missing(view));
    }
    rungs
}

/// A step that a frame shows.
struct Rung {
    step: &'static str,
    title: String,
    by: &'static str,
    frame: FrameNumber,
    time: HostTime,
    ends: bool,
    note: String,
}

fn steps(view: &Conversation, knowledge: &Knowledge) -> Vec<Rung> {
    let milestones = milestones(view);
    // An alert that was opened is told by what it says.
    let is_opened = |step: &Milestone| {
        let inner = |other: &&Milestone| other.name == "inner_alert" && other.by == step.by;
        let mut inner = milestones.iter().filter(inner);
        step.name == "encrypted_alert" && inner.any(|other| other.frame == step.frame)
    };
    let told = milestones.iter().filter(|step| !is_opened(step));
    let mut rungs: Vec<Rung> = told.map(|step| of_milestone(view, step, knowledge)).collect();
    rungs.extend(of_tcp(view));
    let foreign = view.x224.foreign_answer.as_ref();
    rungs.extend(foreign.map(|at| Rung {
        step: "foreign_answer",
        title: "Answer of another protocol".to_owned(),
        by: Side::Server.name(),
        frame: at.frame,
        time: at.time,
        ends: true,
        note: "no answer of Remote Desktop".to_owned(),
    }));
    rungs
}

/// Steps whose name says all.
const PLAIN: [&str; 9] = [
    "syn",
    "syn_ack",
    "server_hello_done",
    "client_key_exchange",
    "change_cipher_spec",
    "application_data",
    "last_application_data",
    "encrypted_alert",
    "security_exchange",
];

/// Steps that say that the way ends here.
const ENDS: [&str; 5] = [
    "foreign_request",
    "credssp_error",
    "kerberos_error",
    "mcs_connect_refused",
    "mcs_attach_refused",
];

fn of_milestone(view: &Conversation, step: &Milestone, knowledge: &Knowledge) -> Rung {
    let words = of_step(view, step, knowledge);
    let ends = match step.name {
        "alert" | "inner_alert" => is_fatal(view, step),
        "connection_confirm" => is_refusal(view),
        name => ENDS.contains(&name),
    };
    let note = if PLAIN.contains(&step.name) { String::new() } else { words.message };
    let (by, frame, time) = (step.by.name(), step.frame, step.time);
    Rung { step: step.name, title: words.what, by, frame, time, ends, note }
}

fn is_fatal(view: &Conversation, step: &Milestone) -> bool {
    let alerts = view.tls.alerts.iter().chain(&view.tls.inner_alerts);
    let mut here = alerts.filter(|seen| seen.frame == step.frame && seen.from == step.by);
    here.any(|seen| seen.alert.level == 2)
}

fn is_refusal(view: &Conversation) -> bool {
    let confirm = view.x224.confirm.as_ref().and_then(|at| at.value.negotiation);
    matches!(confirm, Some(Negotiation::Failure(_)))
}

/// Repetitions of the SYN, ICMP errors, and how it ended.
fn of_tcp(view: &Conversation) -> Vec<Rung> {
    let tcp = &view.tcp;
    let mut rungs = Vec::new();
    let repeated = tcp.last_syn.as_ref().filter(|_| tcp.syns > 1);
    rungs.extend(repeated.map(|at| Rung {
        step: "last_syn",
        title: "SYN, the last of several".to_owned(),
        by: Side::Client.name(),
        frame: at.frame,
        time: at.time,
        ends: false,
        note: format!("sent {} times", tcp.syns),
    }));
    rungs.extend(tcp.unreachables.iter().take(MOST_ALIKE).map(|at| Rung {
        step: "icmp",
        title: "ICMP error".to_owned(),
        by: "path",
        frame: at.frame,
        time: at.time,
        ends: true,
        note: format!("{} says {}", at.value.0, at.value.1.reason.name()),
    }));
    rungs.extend(tcp.foreign_resets.iter().take(MOST_ALIKE).map(|reset| Rung {
        step: "foreign_reset",
        title: "RST from between".to_owned(),
        by: "path",
        frame: reset.frame,
        time: reset.time,
        ends: true,
        note: format!("carries the address of the {}, not its marks", reset.claims.name()),
    }));
    let foreign = |frame| tcp.foreign_resets.iter().any(|reset| reset.frame == frame);
    rungs.extend(tcp.close.filter(|close| !foreign(close.frame)).map(|close| Rung {
        step: close.kind.name(),
        title: close.kind.name().to_uppercase(),
        by: close.by.name(),
        frame: close.frame,
        time: close.time,
        ends: close.kind == CloseKind::Rst,
        note: String::new(),
    }));
    rungs
}

/// The steps behind the last one that was taken: the next one was due and never came.
fn missing(view: &Conversation) -> impl Iterator<Item = RungReport> {
    let way = way(view);
    let behind = way.iter().rposition(|(_, _, taken)| *taken).map_or(0, |last| last + 1);
    way.into_iter().skip(behind).enumerate().map(|(number, (step, by, _))| RungReport {
        step: step.to_owned(),
        title: title(step).to_owned(),
        by: by.name().to_owned(),
        state: if number == 0 { RungState::Missing } else { RungState::NotReached },
        frame: None,
        time: None,
        ms: None,
        note: String::new(),
    })
}

/// What the steps of the way are called.
fn title(step: &str) -> &str {
    const TITLES: [(&str, &str); 10] = [
        ("syn", "SYN"),
        ("syn_ack", "SYN-ACK"),
        ("connection_request", "Connection Request"),
        ("connection_confirm", "Connection Confirm"),
        ("client_hello", "ClientHello"),
        ("server_hello", "ServerHello"),
        ("certificate", "Certificate"),
        ("tls_finished", "TLS Finished"),
        ("credssp", "CredSSP"),
        ("session", "Desktop"),
    ];
    TITLES.iter().find(|(id, _)| *id == step).map_or(step, |(_, title)| title)
}

/// The steps on the way to the desktop, who takes each, and whether it was taken.
fn way(view: &Conversation) -> Vec<(&'static str, Side, bool)> {
    let (tcp, x224, tls) = (&view.tcp, &view.x224, &view.tls);
    let (client, server) = (Side::Client, Side::Server);
    let past_tcp =
        tcp.established.is_some() || x224.request.is_some() || tls.client_hello.is_some();
    let mut way = vec![("syn", client, tcp.syn.is_some() || past_tcp)];
    way.push(("syn_ack", server, tcp.syn_ack.is_some() || past_tcp));
    let gateway = view.service == Service::Gateway;
    if !gateway {
        way.push(("connection_request", client, x224.request.is_some()));
        way.push(("connection_confirm", server, x224.confirm.is_some()));
    }
    let (speaks_tls, credssp) = layers(view);
    if gateway || speaks_tls {
        let finished = is_finished(view);
        way.push(("client_hello", client, tls.client_hello.is_some() || finished));
        way.push(("server_hello", server, tls.server_hello.is_some() || finished));
        let version = tls.server_hello.as_ref().map(|at| at.value.version());
        // TLS 1.3 and resumption hide or leave out the certificate.
        if version.is_none_or(|v| v < Version::TLS_1_3) && view.resumed() != Some(true) {
            way.push(("certificate", server, tls.certificates.is_some() || finished));
        }
        way.push(("tls_finished", server, finished));
        if credssp && !gateway {
            let spoken = view.credssp.requests != [0, 0];
            way.push(("credssp", client, spoken || finished && client_records(view) > 0));
        }
    }
    way.push(("session", server, has_session(view)));
    way
}

/// Whether TLS follows the negotiation, and CredSSP that; what was asked for stands where
/// nothing was chosen.
fn layers(view: &Conversation) -> (bool, bool) {
    let requested = match view.x224.request.as_ref().and_then(|at| at.value.negotiation) {
        Some(Negotiation::Request { protocols, .. }) => protocols,
        _ => Protocols::empty(),
    };
    let protocols = match view.x224.confirm.as_ref().map(|at| at.value.negotiation) {
        Some(Some(Negotiation::Response { selected, .. })) => selected,
        // A refusal, or an old server that knows no negotiation: no TLS comes.
        Some(_) => Protocols::empty(),
        None => requested,
    };
    (!protocols.is_empty(), protocols.has_credssp())
}
