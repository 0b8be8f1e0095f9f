//! From weights to probabilities.

use super::diagnosis::{Certainty, Diagnosis};
use super::trouble::{Facts, Trouble};
use super::weigh::{Weighed, weigh};
use crate::correlate::Case;
use crate::knowledge::{Cause, Knowledge};

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
