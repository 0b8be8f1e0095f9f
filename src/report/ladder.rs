//! A connection as a ladder: its steps between client and server, rung by rung, and those
//! that were due and never came.

use super::build::rounded;
use super::wire_model::{RungReport, RungState};
use crate::base::{FrameNumber, HostTime, millis_between, rfc3339};
use crate::correlate::{Outcome, client_records, has_session, is_finished, wire_outcome};
use crate::observe::{
    CloseKind, Conversation, Milestone, Negotiation, Protocols, Service, Side, Version,
    cipher_suite_name, milestones,
};

/// Rungs of one kind that are drawn: alerts, resets and ICMP errors can come in floods.
const MOST_ALIKE: usize = 4;

/// The steps in the order of time, and behind them those that are missing.
pub(super) fn ladder(view: &Conversation) -> Vec<RungReport> {
    let mut seen = steps(view);
    seen.sort_by_key(|rung| rung.frame);
    let first = seen.first().map(|rung| rung.time);
    let mut rungs: Vec<RungReport> = seen
        .into_iter()
        .map(|rung| RungReport {
            step: rung.step.to_owned(),
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
    by: &'static str,
    frame: FrameNumber,
    time: HostTime,
    ends: bool,
    note: String,
}

fn steps(view: &Conversation) -> Vec<Rung> {
    let mut rungs: Vec<Rung> =
        milestones(view).into_iter().map(|step| of_milestone(view, &step)).collect();
    rungs.extend(of_tcp(view));
    let foreign = view.x224.foreign_answer.as_ref();
    rungs.extend(foreign.map(|at| Rung {
        step: "foreign_answer",
        by: Side::Server.name(),
        frame: at.frame,
        time: at.time,
        ends: true,
        note: "no answer of Remote Desktop".to_owned(),
    }));
    rungs
}

fn of_milestone(view: &Conversation, step: &Milestone) -> Rung {
    let (note, ends) = match step.name {
        "alert" => alert(view, step),
        "connection_confirm" => confirm(view),
        name => (note(view, name).unwrap_or_default(), false),
    };
    let (by, frame, time) = (step.by.name(), step.frame, step.time);
    Rung { step: step.name, by, frame, time, ends, note }
}

/// What a step says in a few words.
fn note(view: &Conversation, step: &str) -> Option<String> {
    let (x224, tls) = (&view.x224, &view.tls);
    Some(match step {
        "connection_request" => match x224.request.as_ref()?.value.negotiation {
            Some(Negotiation::Request { protocols, .. }) => format!("offers {}", names(protocols)),
            _ => "offers rdp only".to_owned(),
        },
        "client_hello" => {
            let hello = &tls.client_hello.as_ref()?.value;
            let newest = hello.versions().into_iter().max();
            let name = hello.server_name().map(|name| format!(", for {name}"));
            format!(
                "up to TLS {}, {} suites{}",
                newest.unwrap_or(hello.legacy_version).name(),
                hello.cipher_suites.len(),
                name.unwrap_or_default()
            )
        }
        "server_hello" => {
            let hello = &tls.server_hello.as_ref()?.value;
            let suite = cipher_suite_name(hello.cipher_suite);
            format!("TLS {}, {suite}", hello.version().name())
        }
        "certificate" => tls.leaf()?.subject.clone(),
        _ => return None,
    })
}

fn names(protocols: Protocols) -> String {
    protocols.names().join(", ")
}

fn alert(view: &Conversation, step: &Milestone) -> (String, bool) {
    let seen = view.tls.alerts.iter().find(|seen| seen.frame == step.frame && seen.from == step.by);
    seen.map_or((String::new(), false), |seen| {
        let (level, what) = (seen.alert.level_name(), seen.alert.description.name());
        (format!("{level}: {what}"), seen.alert.level == 2)
    })
}

fn confirm(view: &Conversation) -> (String, bool) {
    match view.x224.confirm.as_ref().and_then(|at| at.value.negotiation) {
        Some(Negotiation::Failure(code)) => (code.name().into_owned(), true),
        Some(Negotiation::Response { selected, .. }) => {
            (format!("selects {}", names(selected)), false)
        }
        _ => ("selects rdp, without negotiation".to_owned(), false),
    }
}

/// Repetitions of the SYN, ICMP errors, and how it ended.
fn of_tcp(view: &Conversation) -> Vec<Rung> {
    let tcp = &view.tcp;
    let mut rungs = Vec::new();
    let repeated = tcp.last_syn.as_ref().filter(|_| tcp.syns > 1);
    rungs.extend(repeated.map(|at| Rung {
        step: "last_syn",
        by: Side::Client.name(),
        frame: at.frame,
        time: at.time,
        ends: false,
        note: format!("sent {} times", tcp.syns),
    }));
    rungs.extend(tcp.unreachables.iter().take(MOST_ALIKE).map(|at| Rung {
        step: "icmp",
        by: "path",
        frame: at.frame,
        time: at.time,
        ends: true,
        note: format!("{} says {}", at.value.0, at.value.1.reason.name()),
    }));
    rungs.extend(tcp.foreign_resets.iter().take(MOST_ALIKE).map(|reset| Rung {
        step: "foreign_reset",
        by: "path",
        frame: reset.frame,
        time: reset.time,
        ends: true,
        note: format!("carries the address of the {}, not its marks", reset.claims.name()),
    }));
    let foreign = |frame| tcp.foreign_resets.iter().any(|reset| reset.frame == frame);
    rungs.extend(tcp.close.filter(|close| !foreign(close.frame)).map(|close| Rung {
        step: close.kind.name(),
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
        by: by.name().to_owned(),
        state: if number == 0 { RungState::Missing } else { RungState::NotReached },
        frame: None,
        time: None,
        ms: None,
        note: String::new(),
    })
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
