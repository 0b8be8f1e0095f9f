//! The steps of a connection in the order in which they were seen.

use super::{Conversation, Side};
use crate::base::{FrameNumber, HostTime};

/// One step of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milestone {
    pub frame: FrameNumber,
    pub time: HostTime,
    /// Who took the step.
    pub by: Side,
    /// `syn`, `connection_request`, `client_hello` and so on.
    pub name: &'static str,
}

/// All steps that a capture shows, by frame.
pub fn milestones(view: &Conversation) -> Vec<Milestone> {
    let (tcp, x224, tls) = (&view.tcp, &view.x224, &view.tls);
    let mut steps = Vec::new();
    let mut add = |by: Side, name: &'static str, seen: Option<(FrameNumber, HostTime)>| {
        steps.extend(seen.map(|(frame, time)| Milestone { frame, time, by, name }));
    };
    let (client, server) = (Side::Client, Side::Server);
    add(client, "syn", tcp.syn.as_ref().map(|at| (at.frame, at.time)));
    add(server, "syn_ack", tcp.syn_ack.as_ref().map(|at| (at.frame, at.time)));
    add(client, "established", tcp.established.as_ref().map(|at| (at.frame, at.time)));
    add(client, "connection_request", x224.request.as_ref().map(|at| (at.frame, at.time)));
    add(server, "connection_confirm", x224.confirm.as_ref().map(|at| (at.frame, at.time)));
    add(client, "client_hello", tls.client_hello.as_ref().map(|at| (at.frame, at.time)));
    add(server, "hello_retry_request", tls.hello_retry.as_ref().map(|at| (at.frame, at.time)));
    add(server, "server_hello", tls.server_hello.as_ref().map(|at| (at.frame, at.time)));
    add(server, "certificate", tls.certificates.as_ref().map(|at| (at.frame, at.time)));
    add(server, "server_hello_done", tls.server_hello_done.as_ref().map(|at| (at.frame, at.time)));
    let key_exchange = tls.client_key_exchange.as_ref();
    add(client, "client_key_exchange", key_exchange.map(|at| (at.frame, at.time)));
    for (by, data) in [client, server].into_iter().zip(&tls.application_data) {
        add(by, "application_data", data.first().map(|at| (at.frame, at.time)));
        let last = data.last().filter(|_| data.len() > 1);
        add(by, "last_application_data", last.map(|at| (at.frame, at.time)));
    }
    for seen in &tls.alerts {
        add(seen.from, "alert", Some((seen.frame, seen.time)));
    }
    for (by, alert) in [client, server].into_iter().zip(&tls.encrypted_alerts) {
        add(by, "encrypted_alert", alert.as_ref().map(|at| (at.frame, at.time)));
    }
    steps.sort_by_key(|step| step.frame);
    steps
}
