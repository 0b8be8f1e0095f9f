//! From the types of the reasoning rooms to the report.

use super::model::*;
use super::summary::summary;
use crate::base::{Endpoint, Gap, Place, hex, rfc3339};
use crate::correlate::{Attempt, Case};
use crate::diagnose::{Diagnosis, Evidence, Findings, Question};
use crate::knowledge::Knowledge;
use crate::observe::{Conversation, GapKind, Place as SourcePlace, Side, Source};
use crate::wire::certificate::Certificate;
use crate::wire::ja;
use crate::wire::nego::{Negotiation, Protocols};
use crate::wire::tls::cipher_suite_name;
use sha1::{Digest as _, Sha1};
use std::net::IpAddr;

/// Version of the report's meaning.
const SCHEMA_VERSION: u32 = 1;

/// Makes the report. The codes that the user saw are told with the attempts that the
/// ranking is about.
pub fn build(
    name: &str,
    inputs: Vec<String>,
    case: &Case,
    findings: &Findings,
    gaps: &[Gap],
    knowledge: &Knowledge,
    question: &Question,
) -> Report {
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        tool: ToolReport {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        case: CaseReport { name: name.to_owned(), inputs },
        verdict: findings.verdict,
        summary: String::new(),
        diagnoses: (1..)
            .zip(&findings.diagnoses)
            .map(|(rank, diagnosis)| diagnosis_report(rank, diagnosis, knowledge))
            .collect(),
        attempts: case
            .attempts
            .iter()
            .map(|attempt| {
                let asked = findings.attempts.contains(&attempt.id);
                attempt_report(case, attempt, asked.then_some(question))
            })
            .collect(),
        hosts: hosts(case),
        coverage: coverage(case),
        missing_evidence: findings
            .missing
            .iter()
            .map(|missing| MissingReport {
                what: missing.what.clone(),
                would_separate: missing.would_separate.clone(),
                how: missing.how.clone(),
            })
            .collect(),
        problems: gaps.iter().map(problem).collect(),
    };
    report.summary = summary(&report, findings);
    report
}

fn problem(gap: &Gap) -> ProblemReport {
    ProblemReport {
        file: gap.file.to_string(),
        offset: match gap.place {
            Place::File => None,
            Place::Offset(offset) => Some(offset),
        },
        message: gap.message.clone(),
    }
}

/// Weights and probabilities are shown with the digits that mean something.
fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

fn diagnosis_report(rank: u32, diagnosis: &Diagnosis, knowledge: &Knowledge) -> DiagnosisReport {
    let cause = knowledge.causes.get(&diagnosis.cause);
    let fixes = cause.map(|cause| cause.fixes.as_slice()).unwrap_or_default();
    let mut fixes: Vec<FixReport> = fixes
        .iter()
        .filter_map(|id| knowledge.fixes.get(id))
        .map(|fix| FixReport {
            id: fix.id.clone(),
            title: fix.title.clone(),
            risk: fix.risk,
            run_on: fix.run_on.clone(),
            commands: fix.commands.clone(),
            rollback: fix.rollback.clone(),
            verify: fix.verify.clone(),
            note: fix.note.clone(),
        })
        .collect();
    // The safest first.
    fixes.sort_by_key(|fix| fix.risk);
    DiagnosisReport {
        rank,
        cause: diagnosis.cause.clone(),
        title: cause.map(|cause| cause.title.clone()).unwrap_or_default(),
        explanation: cause.map(|cause| cause.explanation.clone()).unwrap_or_default(),
        probability: rounded(diagnosis.probability, 4),
        certainty: diagnosis.certainty,
        stage: diagnosis.stage,
        fault_domain: diagnosis.fault_domain,
        attempts: diagnosis.attempts.clone(),
        evidence: diagnosis.evidence.iter().map(evidence_report).collect(),
        against: diagnosis.against.iter().map(evidence_report).collect(),
        fixes,
    }
}

fn evidence_report(evidence: &Evidence) -> EvidenceReport {
    EvidenceReport {
        weight_db: rounded(evidence.weight_db, 1),
        statement: evidence.statement.clone(),
        time: evidence.time.map(|time| rfc3339(time.0)),
        host: evidence.host.as_ref().map(|host| host.to_string()),
        source: source_report(&evidence.source),
        open_with: evidence.open_with.clone(),
    }
}

fn source_report(source: &Source) -> SourceReport {
    let (record_id, frame) = match source.place {
        SourcePlace::Record(record) => (Some(record), None),
        SourcePlace::Frame(frame) => (None, Some(frame)),
        SourcePlace::Whole => (None, None),
    };
    SourceReport { file: source.file.to_string(), record_id, frame }
}

fn attempt_report(case: &Case, attempt: &Attempt, asked: Option<&Question>) -> AttemptReport {
    let shown = |endpoint: Option<Endpoint>, host: Option<&std::sync::Arc<str>>| {
        endpoint.map(|e| e.to_string()).or_else(|| host.map(|host| host.to_string()))
    };
    let mut wires: Vec<WireReport> = attempt.views().map(|view| wire_report(view)).collect();
    let several = wires.len() > 1;
    let connections = if several { wires.clone() } else { Vec::new() };
    AttemptReport {
        id: attempt.id,
        client: shown(attempt.client, attempt.client_host.as_ref()),
        server: shown(attempt.server, attempt.server_host.as_ref()),
        server_name: attempt.server_name.clone(),
        start: rfc3339(attempt.start.0),
        end: rfc3339(attempt.end.0),
        outcome: attempt.outcome,
        stage_reached: attempt.stage,
        client_error: attempt.client_error.or(asked.and_then(|asked| asked.error)).map(|reason| {
            ClientError {
                reason: format!("0x{reason:x}"),
                extended: asked.and_then(|asked| asked.extended).map(|code| format!("0x{code:x}")),
            }
        }),
        wire: telling(&mut wires),
        connections,
        events: case
            .events(attempt)
            .filter_map(|(observation, _)| match observation.source.place {
                SourcePlace::Record(record_id) => {
                    Some(EventReport { file: observation.source.file.to_string(), record_id })
                }
                SourcePlace::Frame(_) | SourcePlace::Whole => None,
            })
            .collect(),
    }
}

/// The connection that tells most: one with an alert or a refusal, else the one
/// that got furthest, else the first.
fn telling(wires: &mut Vec<WireReport>) -> Option<WireReport> {
    let score = |wire: &WireReport| {
        (
            !wire.alerts.is_empty(),
            wire.negotiation_failure.is_some(),
            wire.cipher_suite.is_some(),
            wire.selected_protocol.is_some(),
        )
    };
    let best = wires.iter().enumerate().rev().max_by_key(|(_, wire)| score(wire));
    let index = best.map(|(index, _)| index)?;
    Some(wires.swap_remove(index))
}

fn wire_report(view: &Conversation) -> WireReport {
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
    let certificates = view.tls.certificates.as_ref();
    WireReport {
        client: view.client.to_string(),
        server: view.server.to_string(),
        file: view.file.to_string(),
        first_frame: view.first_frame.0,
        last_frame: view.last_frame.0,
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
        alerts: view
            .tls
            .alerts
            .iter()
            .map(|seen| AlertReport {
                from: seen.from.name().to_owned(),
                level: seen.alert.level_name().to_owned(),
                description: seen.alert.description.name().into_owned(),
                frame: seen.frame.0,
            })
            .collect(),
        certificates: certificates
            .map(|at| at.value.iter().map(certificate_report).collect())
            .unwrap_or_default(),
        tcp: tcp_report(view),
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

fn certificate_report(certificate: &Certificate) -> CertificateReport {
    CertificateReport {
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        serial: certificate.serial.clone(),
        not_before: certificate.not_before.map(rfc3339),
        not_after: certificate.not_after.map(rfc3339),
        sha1: certificate.sha1.clone(),
        sha256: certificate.sha256.clone(),
        self_signed: certificate.self_signed,
    }
}

fn tcp_report(view: &Conversation) -> TcpReport {
    let tcp = &view.tcp;
    let repeats = |side| Conversation::of(&tcp.health, side).retransmissions;
    TcpReport {
        handshake_rtt_ms: tcp.handshake_rtt_ms.map(|rtt| rounded(rtt, 3)),
        retransmissions: Retransmissions {
            client: repeats(Side::Client),
            server: repeats(Side::Server),
        },
        closed_by: tcp.close.map(|close| close.by.name().to_owned()),
        close: tcp.close.map(|close| close.kind.name().to_owned()),
        community_id: community_id(view.client, view.server),
    }
}

/// Community ID version 1 with seed 0 (corelight/community-id-spec), for TCP.
fn community_id(a: Endpoint, b: Endpoint) -> String {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let key = |end: Endpoint| (octets(end.address), end.port.unwrap_or_default().to_be_bytes());
    let (mut first, mut second) = (key(a), key(b));
    if second < first {
        std::mem::swap(&mut first, &mut second);
    }
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&first.0);
    hash.update(&second.0);
    hash.update([6, 0]);
    hash.update(first.1);
    hash.update(second.1);
    format!("1:{}", base64(&hash.finalize()))
}

/// Standard base64 with padding, RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        for (slot, byte) in word.iter_mut().skip(1).zip(chunk) {
            *slot = *byte;
        }
        let bits = u32::from_be_bytes(word);
        for position in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * position) & 0x3f).unwrap_or_default();
            let digit = ALPHABET.get(index).copied().unwrap_or(b'=');
            out.push(if position <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn hosts(case: &Case) -> Vec<HostReport> {
    case.hosts
        .iter()
        .map(|host| HostReport {
            name: host.name.to_string(),
            role: host.role,
            addresses: host.addresses.iter().map(ToString::to_string).collect(),
            clock_offset_ms: host.offset.map(|o| rounded(o.ahead.as_secs_f64() * 1000.0, 3)),
            clock_error_ms: host.offset.map(|o| rounded(o.error.as_secs_f64() * 1000.0, 3)),
        })
        .collect()
}

fn coverage(case: &Case) -> Vec<CoverageReport> {
    case.coverage
        .iter()
        .map(|coverage| CoverageReport {
            file: coverage.file.to_string(),
            kind: coverage.kind.name().to_owned(),
            channel: coverage.channel.as_ref().map(|channel| channel.to_string()),
            host: coverage.host.as_ref().map(|host| host.to_string()),
            from: coverage.span.map(|(from, _)| rfc3339(from.0)),
            to: coverage.span.map(|(_, to)| rfc3339(to.0)),
            items: coverage.items,
            unreadable: coverage.unreadable,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        assert_eq!(base64(b"M"), "TQ==");
        assert_eq!(base64(b"Ma"), "TWE=");
        assert_eq!(base64(b"Man"), "TWFu");
    }

    #[test]
    fn the_community_id_of_the_specification_comes_out() {
        // From the specification's own baseline, TCP over IPv4, seed 0.
        let end = |text: &str| crate::base::parse_endpoint(text).unwrap();
        let id = community_id(end("128.232.110.120:34855"), end("66.35.250.204:80"));
        assert_eq!(id, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
