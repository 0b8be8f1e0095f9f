//! What the client's codes say, and that they do not name a cause.

use super::build::source_report;
use super::model::ClientCodesReport;
use crate::base::rfc3339;
use crate::correlate::Case;
use crate::diagnose::Findings;
use crate::knowledge::lookup::{extended_reasons, family, fit_of, reasons};
use crate::knowledge::{Code, Knowledge, Stage};
use std::collections::BTreeSet;

/// The codes that users saw and those that the client's log holds of the attempts that
/// the ranking is about.
pub(super) fn reports(
    case: &Case,
    findings: &Findings,
    knowledge: &Knowledge,
) -> Vec<ClientCodesReport> {
    let mut found: Vec<ClientCodesReport> = Vec::new();
    for seen in &findings.complaints {
        let told = &seen.complaint;
        let mut report = codes(knowledge, told.reason, told.extended);
        report.seen_at = told.at.map(|at| rfc3339(at.0));
        report.source = Some(source_report(&told.source));
        report.concerns_an_attempt = seen.concerns_an_attempt;
        found.push(report);
    }
    let asked = case.attempts.iter().filter(|attempt| findings.attempts.contains(&attempt.id));
    for (reason, attempt) in asked.filter_map(|attempt| Some((attempt.client_error?, attempt))) {
        let mut report = codes(knowledge, reason, None);
        if found.iter().any(|known| known.reason == report.reason) || report.reason_means.is_empty()
        {
            continue;
        }
        let logged = case.events(attempt).map(|(event, _)| event);
        let last = logged.filter(|event| &*event.kind == "event.rdpclient.1026").last();
        report.seen_at = last.map(|event| rfc3339(case.time(event).0));
        report.source = last.map(|event| source_report(&event.source));
        found.push(report);
    }
    found
}

fn codes(knowledge: &Knowledge, reason: u32, extended: Option<u32>) -> ClientCodesReport {
    let causes = knowledge.causes.values();
    let stages: Vec<Stage> = causes
        .filter(|cause| fit_of(cause, reason, extended).is_some())
        .map(|cause| cause.stage)
        .collect();
    let meanings = |codes: Vec<&Code>| codes.iter().map(|code| code.meaning.clone()).collect();
    ClientCodesReport {
        reason: format!("0x{reason:X}"),
        extended: extended.map(|code| format!("0x{code:X}")),
        seen_at: None,
        source: None,
        reason_means: meanings(reasons(knowledge, reason)),
        extended_means: extended
            .map_or_else(Vec::new, |code| meanings(extended_reasons(knowledge, code))),
        noticed_by: family(knowledge, i64::from(reason)).map(|code| code.meaning.clone()),
        known_causes: stages.len(),
        stages: stages.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
        concerns_an_attempt: true,
    }
}

impl ClientCodesReport {
    /// As people write it: `0x904/0x7`.
    pub(super) fn shown(&self) -> String {
        match &self.extended {
            Some(extended) => format!("{}/{extended}", self.reason),
            None => self.reason.clone(),
        }
    }
}
