//! One sentence that a ticket can quote.

use super::model::Report;
use super::words::percent;
use crate::correlate::Outcome;
use crate::diagnose::{Certainty, Findings, Part, Verdict};

pub(super) fn summary(report: &Report, findings: &Findings) -> String {
    match report.verdict {
        Verdict::NoEvidence => {
            "Nothing could be analysed: no event log and no capture could be read.".to_owned()
        }
        Verdict::NoFailureFound => no_failure(report),
        Verdict::Diagnosed => found(report),
        Verdict::Inconclusive if report.diagnoses.is_empty() => undecided(report, findings),
        Verdict::Inconclusive => found(report),
    }
}

fn no_failure(report: &Report) -> String {
    let listed = report.attempts.iter().filter(|a| a.outcome == Outcome::Succeeded).count();
    let succeeded = listed + report.attempts_left_out.succeeded;
    match succeeded {
        0 if report.attempts.is_empty() => {
            "No RDP connection was found in this evidence: neither a failed nor a successful one."
                .to_owned()
        }
        0 => "No failed RDP connection was found in this evidence, and no successful one either."
            .to_owned(),
        1 => "No failure found: the RDP connection in this evidence worked.".to_owned(),
        n => format!("No failure found: {n} RDP connections in this evidence worked."),
    }
}

/// Why nothing can be said although something was read.
fn undecided(report: &Report, findings: &Findings) -> String {
    let left_out = findings.left_out;
    if left_out > 0 && findings.attempts.is_empty() {
        return format!(
            "Nothing matches what was asked for (--client, --server, --since, --until); failed attempts left out: {left_out}."
        );
    }
    if findings.incomplete {
        return "What was read shows no failure, and not everything was read: see the problems."
            .to_owned();
    }
    if let Some(codes) = report.client_codes.first() {
        let shown = codes.shown();
        return format!(
            "The user saw {shown}, which names no cause alone, and nothing in this evidence shows the connection that failed."
        );
    }
    // Texts have no time.
    if report.coverage.iter().all(|coverage| coverage.from.is_none()) {
        return "The attached texts say how machines are set up, and nothing shows that anybody connected: event logs or a capture would."
            .to_owned();
    }
    if findings.attempts.is_empty() && !report.attempts.is_empty() {
        return "No connection was seen from its beginning to its end, so nothing says whether one failed."
            .to_owned();
    }
    if report.attempts.is_empty() {
        return "No RDP connection was found, but most of this evidence could not be read: see the problems."
            .to_owned();
    }
    found(report)
}

fn found(report: &Report) -> String {
    let Some(first) = report.diagnoses.first() else {
        return "A connection failed, and nothing in this evidence says why.".to_owned();
    };
    let attempt = first
        .attempts
        .last()
        .and_then(|id| report.attempts.iter().find(|attempt| attempt.id == *id));
    let who = match attempt.map(|a| (a.client.as_deref(), a.server.as_deref())) {
        Some((Some(client), Some(server))) => format!(" ({client} to {server})"),
        Some((None, Some(server))) => format!(" (to {server})"),
        _ => String::new(),
    };
    let percent = percent(first.probability);
    let proof = first.evidence.first().map(|evidence| evidence.statement.as_str());
    let because = proof.map(|proof| format!(": {proof}")).unwrap_or_default();
    if report.verdict == Verdict::Inconclusive || first.certainty == Certainty::Weak {
        return format!(
            "A connection failed at the {} stage{who}, and the evidence does not decide why; most likely ({percent} %): {}{because}.",
            first.stage.name(),
            first.title,
        );
    }
    let also: Vec<&str> = report
        .diagnoses
        .iter()
        .filter(|diagnosis| diagnosis.part == Part::AlsoHolds)
        .map(|diagnosis| diagnosis.title.as_str())
        .collect();
    let also = match also.is_empty() {
        true => String::new(),
        false => format!(" Also true: {}.", also.join("; ")),
    };
    format!(
        "{}{who}: {} at the {} stage, on the {} side, {percent} %{because}.{also}",
        first.title,
        first.certainty.name(),
        first.stage.name(),
        first.fault_domain.name(),
    )
}
