//! An attempt in a few words.

use super::layers_model::CodeReport;
use super::model::AttemptReport;
use super::wire_model::WireReport;
use crate::base::counted;

/// What an attempt shows, in a few words for a table.
pub(super) fn what_is_seen(attempt: &AttemptReport) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(wire) = &attempt.wire {
        parts.extend(seen_on_the_wire(wire));
    }
    if let Some(error) = &attempt.client_error {
        parts.push(format!("client code {}", error.reason));
    }
    if !attempt.events.is_empty() {
        parts.push(counted(attempt.events.len(), "record"));
    }
    parts.join(", ")
}

fn seen_on_the_wire(wire: &WireReport) -> Vec<String> {
    let mut parts = Vec::new();
    if wire.service == "gateway" {
        parts.push("RD Gateway".to_owned());
    }
    if let Some(failure) = &wire.negotiation_failure {
        parts.push(failure.clone());
    } else if let Some(selected) = &wire.selected_protocol {
        parts.push(selected.clone());
    }
    if let Some(version) = &wire.tls_version {
        parts.push(format!("TLS {version}"));
    }
    if let Some(alert) = wire.alerts.first() {
        parts.push(format!("{} alert {}", alert.from, alert.description));
    }
    parts.extend(spoken(wire));
    if let (Some(by), Some(how)) = (&wire.tcp.closed_by, &wire.tcp.close) {
        parts.push(format!("{how} by {by}"));
    }
    parts
}

/// What CredSSP and RDP say themselves.
fn spoken(wire: &WireReport) -> Vec<String> {
    let named = |what: &str, code: &CodeReport| {
        let name = if code.name.is_empty() { &code.code } else { &code.name };
        format!("{what} {name}")
    };
    let credssp = wire.credssp.as_ref();
    let error = credssp.and_then(|credssp| credssp.error.as_ref());
    let error_info = wire.rdp.as_ref().and_then(|rdp| rdp.error_info.as_ref());
    [error.map(|code| named("CredSSP", code)), error_info.map(|code| named("last word", code))]
        .into_iter()
        .flatten()
        .collect()
}
