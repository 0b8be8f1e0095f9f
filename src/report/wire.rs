//! What a capture shows of one connection, in the words of the contract.

use super::ladder::ladder;
use super::layers::{credssp_report, decryption_report, rdp_report, tls_report};
use super::tcp::tcp_report;
use super::wire_model::*;
use crate::base::{hex, rfc3339};
use crate::knowledge::Knowledge;
use crate::observe::{AlertSeen, Conversation, GapKind, Service};
use crate::wire::certificate::Certificate;
use crate::wire::ja;
use crate::wire::nego::{Negotiation, Protocols};
use crate::wire::tls::cipher_suite_name;

/// Everything that a capture shows of one connection.
pub(super) fn wire_report(view: &Conversation, knowledge: &Knowledge) -> WireReport {
    let request = view.x224.request.as_ref().map(|at| &at.value);
    let confirm = view.x224.confirm.as_ref().map(|at| &at.value);
    let requested = request.map(|request| match request.negotiation {
        Some(Negotiation::Request { protocols, .. }) => protocols,
        _ => Protocols::empty(),
    });
    let (selected, failure) = match confirm.map(|confirm| confirm.negotiation) {
        Some(Some(Negotiation::Failure(code))) => (None, Some(code.name().into_owned())),
        Some(Some(Negotiation::Response { selected, .. })) => (Some(selected), None),
        Some(_) => (Some(Protocols::empty()), None),
        None => (None, None),
    };
    let hello = view.tls.client_hello.as_ref().map(|at| &at.value);
    let server = view.tls.server_hello.as_ref().map(|at| &at.value);
    let owned = |names: Vec<std::borrow::Cow<'static, str>>| -> Vec<String> {
        names.into_iter().map(std::borrow::Cow::into_owned).collect()
    };
    let certificates = view.tls.certificates.as_ref().or(view.rdp.certificates.as_ref());
    WireReport {
        client: view.client.to_string(),
        server: view.server.to_string(),
        file: view.file.to_string(),
        first_frame: view.first_frame.0,
        last_frame: view.last_frame.0,
        ladder: ladder(view, knowledge),
        service: match view.service {
            Service::RemoteDesktop => "remote_desktop",
            Service::Gateway => "gateway",
        }
        .to_owned(),
        rdp_cookie: request.and_then(|request| request.cookie.clone()),
        routing_token: request.and_then(|request| request.routing_token.clone()),
        correlation_id: request.and_then(|request| request.correlation_id).map(|id| hex(&id)),
        requested_protocols: requested.map(|protocols| owned(protocols.names())),
        selected_protocol: selected.map(|protocols| owned(protocols.names()).join("+")),
        negotiation_failure: failure,
        tls_version: server.map(|hello| hello.version().name().into_owned()),
        cipher_suite: server.map(|hello| cipher_suite_name(hello.cipher_suite).into_owned()),
        sni: hello.and_then(|hello| hello.server_name()),
        ja3: hello.map(ja::ja3),
        ja3s: server.map(ja::ja3s),
        ja4: hello.map(ja::ja4),
        alerts: view.tls.alerts.iter().map(alert_report).collect(),
        certificates: certificates
            .map(|at| at.value.iter().map(|one| certificate_report(one, knowledge)).collect())
            .unwrap_or_default(),
        tcp: tcp_report(view),
        tls: tls_report(view),
        credssp: credssp_report(view, knowledge),
        rdp: rdp_report(view, knowledge),
        decryption: decryption_report(view),
        gap: view.gap.map(|gap| {
            let why = match gap.kind {
                GapKind::NotCaptured => "bytes that the capture does not hold",
                GapKind::SnapLength => "bytes that the snap length cut off",
                GapKind::Budget => "more out-of-order bytes than are kept",
                GapKind::LateStart => "the capture began after the connection did",
            };
            format!("{} stream, offset {}, {}: {why}", gap.side.name(), gap.offset, gap.frame)
        }),
    }
}

pub(super) fn alert_report(seen: &AlertSeen) -> AlertReport {
    AlertReport {
        from: seen.from.name().to_owned(),
        level: seen.alert.level_name().to_owned(),
        description: seen.alert.description.name().into_owned(),
        frame: seen.frame.0,
    }
}

fn certificate_report(certificate: &Certificate, knowledge: &Knowledge) -> CertificateReport {
    let algorithm = knowledge.decode("signature_algorithm", &certificate.signature_algorithm);
    CertificateReport {
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        serial: certificate.serial.clone(),
        not_before: certificate.not_before.map(rfc3339),
        not_after: certificate.not_after.map(rfc3339),
        sha1: certificate.sha1.clone(),
        sha256: certificate.sha256.clone(),
        self_signed: certificate.self_signed,
        names: certificate.names.clone(),
        key_bits: certificate.key_bits,
        signature_algorithm: certificate.signature_algorithm.clone(),
        signature_algorithm_name: algorithm.map(|code| code.symbol.clone()),
        server_auth: certificate.server_auth,
    }
}
