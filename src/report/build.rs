//! From the types of the reasoning rooms to the report.

use super::attempts::listed;
use super::background;
use super::client_codes;
use super::collectors;
use super::coverage;
use super::events::event_reports;
use super::hosts;
use super::model::*;
use super::parts;
use super::proof;
use super::refutation::refuted_by;
use super::summary::summary;
use super::wire::wire_report;
use super::wire_model::WireReport;
use crate::base::{Endpoint, Gap, Place, millis_between, rfc3339};
use crate::correlate::{Attempt, Case};
use crate::diagnose::{Check, Complaint, Diagnosis, Evidence, Findings};
use crate::knowledge::Knowledge;
use crate::observe::{Observation, Place as SourcePlace, Source};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Version of the report's meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Makes the report.
pub fn build(
    name: &str,
    inputs: Vec<String>,
    case: &Case,
    findings: &Findings,
    gaps: &[Gap],
    knowledge: &Knowledge,
) -> Report {
    let asked: BTreeSet<u32> = findings.attempts.iter().copied().collect();
    let (attempts, attempts_left_out) = listed(case, &asked);
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        tool: ToolReport::this(),
        case: CaseReport { name: name.to_owned(), inputs, unfinished: None },
        verdict: findings.verdict,
        summary: String::new(),
        client_codes: client_codes::reports(case, findings, knowledge),
        diagnoses: (1..)
            .zip(&findings.diagnoses)
            .map(|(rank, diagnosis)| diagnosis_report(rank, diagnosis, knowledge))
            .collect(),
        checks: findings.checks.iter().map(check_report).collect(),
        attempts: attempts
            .into_par_iter()
            .map(|attempt| {
                let told = asked.contains(&attempt.id).then(|| findings.complaints.first());
                let told = told.flatten().filter(|told| told.concerns_an_attempt);
                attempt_report(case, knowledge, attempt, told.map(|told| &told.complaint))
            })
            .collect(),
        attempts_left_out,
        background: background::report(case, findings, knowledge),
        hosts: hosts::reports(case),
        coverage: coverage::reports(case),
        collectors: collectors::reports(findings, knowledge),
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
    parts::name_parts(&mut report, case);
    proof::add_commands(&mut report);
    report
}

pub(super) fn problem(gap: &Gap) -> ProblemReport {
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
pub(super) fn rounded(value: f64, digits: i32) -> f64 {
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
        part: diagnosis.part,
        stage: diagnosis.stage,
        fault_domain: diagnosis.fault_domain,
        attempts: diagnosis.attempts.clone(),
        evidence: diagnosis.evidence.iter().map(evidence_report).collect(),
        against: diagnosis.against.iter().map(evidence_report).collect(),
        refuted_by: cause.map(|cause| refuted_by(cause, diagnosis)).unwrap_or_default(),
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
        channel: evidence.channel.as_ref().map(|channel| channel.to_string()),
        show_with: None,
    }
}

fn check_report(check: &Check) -> CheckReport {
    let steps = check.steps.iter().map(|step| StepReport {
        what: step.what.clone(),
        outcome: step.outcome,
        statement: step.statement.clone(),
        source: step.source.as_ref().map(source_report),
        open_with: step.open_with.clone(),
        channel: step.channel.as_ref().map(|channel| channel.to_string()),
        show_with: None,
        fix: step.fix.clone(),
    });
    CheckReport {
        id: check.id.clone(),
        title: check.title.clone(),
        attempt: check.attempt,
        steps: steps.collect(),
    }
}

pub(super) fn source_report(source: &Source) -> SourceReport {
    let (record_id, line, frame) = match source.place {
        SourcePlace::Record(record) => (Some(record), None, None),
        SourcePlace::Line(line) => (None, Some(line), None),
        SourcePlace::Frame(frame) => (None, None, Some(frame)),
        SourcePlace::Whole => (None, None, None),
    };
    SourceReport { file: source.file.to_string(), record_id, line, frame }
}

fn attempt_report(
    case: &Case,
    knowledge: &Knowledge,
    attempt: &Attempt,
    told: Option<&Complaint>,
) -> AttemptReport {
    let shown = |endpoint: Option<Endpoint>, host: Option<&std::sync::Arc<str>>| {
        endpoint.map(|e| e.to_string()).or_else(|| host.map(|host| host.to_string()))
    };
    let mut wires: Vec<WireReport> =
        attempt.views().map(|view| wire_report(view, knowledge)).collect();
    let several = wires.len() > 1;
    let connections = if several { wires.clone() } else { Vec::new() };
    let (events, events_left_out) = event_reports(case, knowledge, attempt);
    AttemptReport {
        id: attempt.id,
        client: shown(attempt.client, attempt.client_host.as_ref()),
        client_seen_as: attempt
            .connections
            .iter()
            .find_map(|connection| connection.seen_as)
            .map(|seen| seen.to_string()),
        server: shown(attempt.server, attempt.server_host.as_ref()),
        server_name: attempt.server_name.clone().or_else(|| {
            case.resolution(attempt).and_then(|answer| answer.subject.server_name.clone())
        }),
        start: rfc3339(attempt.start.0),
        end: rfc3339(attempt.end.0),
        outcome: attempt.outcome,
        stage_reached: attempt.stage,
        client_error: client_error(attempt, told),
        wire: telling(&mut wires),
        connections,
        udp: udp_reports(case, attempt),
        events,
        events_left_out,
    }
}

/// The code of the client's log, or else what the user saw; the extended one only the
/// dialog shows.
fn client_error(attempt: &Attempt, told: Option<&Complaint>) -> Option<ClientError> {
    let told = told.filter(|told| attempt.client_error.is_none_or(|own| own == told.reason));
    let reason = attempt.client_error.or(told.map(|told| told.reason))?;
    let extended = told.and_then(|told| told.extended).map(|code| format!("0x{code:x}"));
    Some(ClientError { reason: format!("0x{reason:x}"), extended })
}

/// How far from an attempt its UDP channels may begin: mstsc tries them once the TCP
/// connection is up.
pub(super) const UDP_SLACK_MS: f64 = 5_000.0;

fn udp_reports(case: &Case, attempt: &Attempt) -> Vec<UdpReport> {
    let (Some(client), Some(server)) = (attempt.client, attempt.server) else { return Vec::new() };
    let in_time = |o: &Observation| {
        let time = case.time(o).0;
        millis_between(attempt.start.0, time) >= -UDP_SLACK_MS
            && millis_between(time, attempt.end.0) >= -UDP_SLACK_MS
    };
    case.udp_channels(client.address, server.address)
        .filter(|o| in_time(o))
        .filter_map(|o| {
            let SourcePlace::Frame(frame) = o.source.place else { return None };
            let field = |name: &str| o.field(name).map(str::to_owned);
            Some(UdpReport {
                client: field("client").unwrap_or_default(),
                server: field("server").unwrap_or_default(),
                outcome: o.kind.rsplit('.').next().unwrap_or_default().to_owned(),
                file: o.source.file.to_string(),
                frame,
                syns: o.field("syns").and_then(|n| n.parse().ok()).unwrap_or_default(),
                offered_version: field("offered_version"),
                version: field("version"),
                mode: field("mode").unwrap_or_default(),
                hello: field("hello"),
            })
        })
        .collect()
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
