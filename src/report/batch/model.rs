//! The summary of a batch as types: what `--format json` prints.

use super::clusters::clusters;
use crate::diagnose::{Certainty, Verdict};
use crate::knowledge::{FaultDomain, Stage};
use crate::report::build::SCHEMA_VERSION;
use crate::report::model::{AttemptReport, DiagnosisReport, Report, ToolReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What came out of many cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchReport {
    pub schema_version: u32,
    pub tool: ToolReport,
    pub totals: Totals,
    /// The causes of the diagnosed cases, the most frequent one first.
    pub causes: Vec<CauseTotal>,
    /// Cases of one cause that have more in common, the largest cluster first.
    pub clusters: Vec<Cluster>,
    /// What to ask for in the cases without an answer, the most frequent first.
    pub missing_evidence: Vec<UnansweredTotal>,
    /// In the order in which they were given.
    pub cases: Vec<CaseLine>,
}

/// How the cases ended; the four verdicts add up to `cases`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    pub cases: usize,
    pub diagnosed: usize,
    pub no_failure_found: usize,
    pub inconclusive: usize,
    pub no_evidence: usize,
    /// Of all, those that were not analysed to their end.
    pub unfinished: usize,
    /// Of all, those of which some input could not be read.
    pub with_problems: usize,
}

/// One case in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLine {
    pub name: String,
    /// File of its report, in the folder of `--output`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<String>,
    pub verdict: Verdict,
    pub summary: String,
    /// The most likely cause, where there is one.
    pub leading: Option<Leading>,
    /// Inputs that could not be read, or only in part.
    pub problems: usize,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unfinished: Option<String>,
    /// What would help most, where the verdict is `inconclusive`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ask_for: Option<String>,
}

/// The leading diagnosis of a case, and what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leading {
    pub cause: String,
    pub title: String,
    pub certainty: Certainty,
    pub probability: f64,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    /// Of the first of its attempts.
    pub client: Option<String>,
    pub server: Option<String>,
    pub server_name: Option<String>,
    /// RFC 3339, UTC.
    pub start: Option<String>,
    /// Title of the first fix.
    pub first_fix: Option<String>,
}

/// How many cases have one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CauseTotal {
    pub cause: String,
    pub title: String,
    pub cases: usize,
    pub conclusive: usize,
    pub strong: usize,
    pub moderate: usize,
    pub weak: usize,
    pub fault_domain: FaultDomain,
    pub first_fix: Option<String>,
}

/// Cases of one cause with one server or one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    pub cause: String,
    pub title: String,
    pub by: ClusterBy,
    /// Name, or address and port, of that server or client.
    pub of: String,
    /// RFC 3339, UTC: of the first and the last failure.
    pub first: Option<String>,
    pub last: Option<String>,
    /// Names of the cases, in their order.
    pub cases: Vec<String>,
}

/// What the cases of a cluster have in common beside their cause.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClusterBy {
    Server,
    Client,
}

/// How many cases without an answer need the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnansweredTotal {
    pub what: String,
    pub cases: usize,
}

impl BatchReport {
    /// Adds up cases.
    pub fn of(cases: Vec<CaseLine>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tool: ToolReport::this(),
            totals: Totals::of(&cases),
            causes: causes(&cases),
            clusters: clusters(&cases),
            missing_evidence: missing(&cases),
            cases,
        }
    }
}

impl Totals {
    fn of(cases: &[CaseLine]) -> Self {
        let count = |verdict| cases.iter().filter(|case| case.verdict == verdict).count();
        Self {
            cases: cases.len(),
            diagnosed: count(Verdict::Diagnosed),
            no_failure_found: count(Verdict::NoFailureFound),
            inconclusive: count(Verdict::Inconclusive),
            no_evidence: count(Verdict::NoEvidence),
            unfinished: cases.iter().filter(|case| case.unfinished.is_some()).count(),
            with_problems: cases.iter().filter(|case| case.problems > 0).count(),
        }
    }
}

impl CaseLine {
    /// What a batch keeps of a report.
    pub fn of(report: &Report) -> Self {
        let asked = report.missing_evidence.first().map(|missing| missing.what.clone());
        Self {
            name: report.case.name.clone(),
            report: None,
            verdict: report.verdict,
            summary: report.summary.clone(),
            leading: report.diagnoses.first().map(|diagnosis| Leading::of(report, diagnosis)),
            problems: report.problems.len(),
            unfinished: report.case.unfinished.clone(),
            ask_for: asked.filter(|_| report.verdict == Verdict::Inconclusive),
        }
    }

    /// A case of which there is no report, and why.
    pub fn unread(name: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            report: None,
            verdict: Verdict::NoEvidence,
            summary: format!("Not analysed: {why}"),
            leading: None,
            problems: 1,
            unfinished: Some(why),
            ask_for: None,
        }
    }

    /// The cause, where the case is diagnosed.
    pub fn diagnosed(&self) -> Option<&Leading> {
        self.leading.as_ref().filter(|_| self.verdict == Verdict::Diagnosed)
    }
}

impl Leading {
    fn of(report: &Report, diagnosis: &DiagnosisReport) -> Self {
        let attempt: Option<&AttemptReport> = diagnosis
            .attempts
            .iter()
            .find_map(|id| report.attempts.iter().find(|attempt| attempt.id == *id));
        Self {
            cause: diagnosis.cause.clone(),
            title: diagnosis.title.clone(),
            certainty: diagnosis.certainty,
            probability: diagnosis.probability,
            stage: diagnosis.stage,
            fault_domain: diagnosis.fault_domain,
            client: attempt.and_then(|attempt| attempt.client.clone()),
            server: attempt.and_then(|attempt| attempt.server.clone()),
            server_name: attempt.and_then(|attempt| attempt.server_name.clone()),
            start: attempt.map(|attempt| attempt.start.clone()),
            first_fix: diagnosis.fixes.first().map(|fix| fix.title.clone()),
        }
    }
}

fn causes(cases: &[CaseLine]) -> Vec<CauseTotal> {
    let mut totals: BTreeMap<&str, CauseTotal> = BTreeMap::new();
    for leading in cases.iter().filter_map(CaseLine::diagnosed) {
        let total = totals.entry(&leading.cause).or_insert_with(|| CauseTotal {
            cause: leading.cause.clone(),
            title: leading.title.clone(),
            cases: 0,
            conclusive: 0,
            strong: 0,
            moderate: 0,
            weak: 0,
            fault_domain: leading.fault_domain,
            first_fix: leading.first_fix.clone(),
        });
        total.cases += 1;
        *match leading.certainty {
            Certainty::Conclusive => &mut total.conclusive,
            Certainty::Strong => &mut total.strong,
            Certainty::Moderate => &mut total.moderate,
            Certainty::Weak => &mut total.weak,
        } += 1;
    }
    let mut totals: Vec<CauseTotal> = totals.into_values().collect();
    totals.sort_by_key(|total| std::cmp::Reverse(total.cases));
    totals
}

fn missing(cases: &[CaseLine]) -> Vec<UnansweredTotal> {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for what in cases.iter().filter_map(|case| case.ask_for.as_deref()) {
        *totals.entry(what).or_default() += 1;
    }
    let mut totals: Vec<UnansweredTotal> = totals
        .into_iter()
        .map(|(what, cases)| UnansweredTotal { what: what.to_owned(), cases })
        .collect();
    totals.sort_by_key(|total| std::cmp::Reverse(total.cases));
    totals
}
