//! From weights to probabilities.

use super::trouble::{Facts, Trouble};
use super::weigh::{Weighed, weigh};
use crate::base::CaseTime;
use crate::correlate::Case;
use crate::knowledge::{Cause, FaultDomain, Knowledge, Stage};
use crate::observe::Source;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How sure a diagnosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Weak,
    /// Probability of at least 0.5.
    Moderate,
    /// At least 0.8.
    Strong,
    /// At least 0.95, with a fact that names the reason.
    Conclusive,
}

impl Certainty {
    pub fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Moderate => "moderate",
            Self::Strong => "strong",
            Self::Conclusive => "conclusive",
        }
    }

    fn of(probability: f64, reason_named: bool) -> Self {
        match probability {
            p if p >= 0.95 && reason_named => Self::Conclusive,
            p if p >= 0.8 => Self::Strong,
            p if p >= 0.5 => Self::Moderate,
            _ => Self::Weak,
        }
    }
}

/// One statement of the report, with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Decibans; negative where it speaks against the cause.
    pub weight_db: f64,
    pub statement: String,
    pub time: Option<CaseTime>,
    pub host: Option<Arc<str>>,
    pub source: Source,
    /// A Wireshark display filter or an event XPath query that shows it.
    pub open_with: String,
}

/// A cause with its probability in this case.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    pub cause: String,
    pub probability: f64,
    pub certainty: Certainty,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    pub attempts: Vec<u32>,
    pub evidence: Vec<Evidence>,
    pub against: Vec<Evidence>,
}

/// The causes of one trouble, best first.
#[derive(Debug)]
pub(super) struct Ranking {
    pub(super) diagnoses: Vec<Diagnosis>,
}

/// A cause that nobody has written down yet is as likely as one with this weight
/// of evidence, in decibans.
const NOT_LISTED_DB: f64 = 4.0;

/// The cause that stands for "nothing is wrong": it takes part in the sum but is
/// never a diagnosis.
pub(super) const NONE: &str = "no-fault-found";

/// Causes below this probability are not reported.
const LEAST_PROBABILITY: f64 = 0.01;
const MOST_DIAGNOSES: usize = 12;

pub(super) fn rank(
    case: &Case,
    trouble: &Trouble,
    facts: &Facts,
    knowledge: &Knowledge,
) -> Ranking {
    let weighed: Vec<(&Cause, Weighed)> = knowledge
        .causes
        .values()
        .map(|cause| (cause, weigh(case, trouble, facts, cause)))
        // No cause without evidence.
        .filter(|(_, weighed)| weighed.support_db > 0.0)
        .collect();
    let score =
        |cause: &Cause, weighed: &Weighed| cause.prior_db + weighed.support_db - weighed.against_db;
    let total: f64 =
        weighed.iter().map(|(cause, w)| odds(score(cause, w))).sum::<f64>() + odds(NOT_LISTED_DB);
    let attempts = trouble.attempt_ids(case);
    let mut diagnoses: Vec<Diagnosis> = weighed
        .into_iter()
        .filter(|(cause, _)| cause.id != NONE)
        .map(|(cause, weighed)| {
            let probability = odds(score(cause, &weighed)) / total;
            Diagnosis {
                cause: cause.id.clone(),
                probability,
                certainty: Certainty::of(probability, weighed.reason_named),
                stage: cause.stage,
                fault_domain: cause.fault_domain,
                attempts: attempts.clone(),
                evidence: weighed.evidence,
                against: weighed.against,
            }
        })
        .filter(|diagnosis| diagnosis.probability >= LEAST_PROBABILITY)
        .collect();
    diagnoses.sort_by(|a, b| {
        b.probability.total_cmp(&a.probability).then_with(|| a.cause.cmp(&b.cause))
    });
    diagnoses.truncate(MOST_DIAGNOSES);
    Ranking { diagnoses }
}

/// Decibans to odds.
fn odds(decibans: f64) -> f64 {
    10f64.powf(decibans / 10.0)
}
