//! The steps of a connection in the order in which they were seen.

use super::{At, Conversation, Side};
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
    for seen in &tls.inner_alerts {
        add(seen.from, "inner_alert", Some((seen.frame, seen.time)));
    }
    negotiation(view, &mut steps);
    credssp(view, &mut steps);
    rdp(view, &mut steps);
    steps.sort_by_key(|step| step.frame);
    steps
}

/// A step where something was seen.
fn step<T>(by: Side, name: &'static str, seen: Option<&At<T>>) -> Option<Milestone> {
    seen.map(|at| Milestone { frame: at.frame, time: at.time, by, name })
}

/// What else the first flights hold.
fn negotiation(view: &Conversation, steps: &mut Vec<Milestone>) {
    let (x224, tls) = (&view.x224, &view.tls);
    let (client, server) = (Side::Client, Side::Server);
    steps.extend(step(client, "foreign_request", x224.foreign_caller.as_ref()));
    steps.extend(step(client, "second_client_hello", tls.second_client_hello.as_ref()));
    for (by, seen) in [client, server].into_iter().zip(&tls.change_cipher_spec) {
        steps.extend(step(by, "change_cipher_spec", seen.as_ref()));
    }
    steps.extend(step(client, "http_request", view.decryption.http.as_ref()));
    steps.extend(step(server, "http_answer", view.decryption.http_answer.as_ref()));
}

/// Network level authentication, [MS-CSSP].
fn credssp(view: &Conversation, steps: &mut Vec<Milestone>) {
    let credssp = &view.credssp;
    let (client, server) = (Side::Client, Side::Server);
    steps.extend(step(server, "ntlm_challenge", credssp.challenge.as_ref()));
    steps.extend(step(client, "ntlm_authenticate", credssp.authenticate.as_ref()));
    steps.extend(step(server, "credssp_error", credssp.error_code.as_ref()));
    steps.extend(step(server, "kerberos_error", credssp.kerberos_error.as_ref()));
    steps.extend(step(client, "credentials", credssp.auth_info.as_ref()));
    steps.extend(step(server, "early_user_auth", credssp.early_user_auth.as_ref()));
}

/// MCS and everything above, [MS-RDPBCGR] 1.3.1.1.
fn rdp(view: &Conversation, steps: &mut Vec<Milestone>) {
    let rdp = &view.rdp;
    let (client, server) = (Side::Client, Side::Server);
    steps.extend(step(client, "mcs_connect_initial", rdp.client.as_ref()));
    steps.extend(step(server, "mcs_connect_response", rdp.server.as_ref()));
    steps.extend(step(server, "mcs_connect_refused", rdp.connect_refused.as_ref()));
    steps.extend(step(server, "mcs_attach_refused", rdp.attach_refused.as_ref()));
    steps.extend(step(client, "security_exchange", rdp.security_exchange.as_ref()));
    steps.extend(step(client, "client_info", rdp.info.as_ref()));
    for (by, license) in &rdp.licensing {
        steps.extend(step(*by, "license", Some(license)));
    }
    steps.extend(step(server, "demand_active", rdp.active.as_ref()));
    steps.extend(step(server, "logged_on", rdp.logged_on.as_ref()));
    steps.extend(step(server, "logon_error", rdp.logon_error.as_ref()));
    steps.extend(step(server, "error_info", rdp.error_info.as_ref()));
    steps.extend(step(server, "redirection", rdp.redirection.as_ref()));
    let refused = rdp.multitransport_refused.as_ref();
    steps.extend(step(client, "multitransport_refused", refused));
    if let Some((by, seen)) = &rdp.disconnect {
        steps.extend(step(*by, "disconnect", Some(seen)));
    }
}
