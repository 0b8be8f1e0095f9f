//! From weights to probabilities.

use super::diagnosis::{Certainty, Diagnosis, Evidence, Part};
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
    let leading = weighed
        .iter()
        .filter(|(cause, _)| cause.id != NONE)
        .max_by(|(a, x), (b, y)| score(a, x).total_cmp(&score(b, y)).then_with(|| b.id.cmp(&a.id)));
    let leader = leading.map(|(cause, weighed)| (cause.id.clone(), weighed.evidence.clone()));
    let part = |cause: &Cause, weighed: &Weighed| match &leader {
        Some((id, _)) if *id == cause.id => Part::Leading,
        Some((_, evidence)) if also_holds(cause, weighed, evidence) => Part::AlsoHolds,
        _ => Part::Alternative,
    };
    let mut diagnoses: Vec<Diagnosis> = weighed
        .into_iter()
        .filter(|(cause, _)| cause.id != NONE)
        .map(|(cause, weighed)| {
            let probability = odds(score(cause, &weighed)) / total;
            Diagnosis {
                cause: cause.id.clone(),
                probability,
                certainty: Certainty::of(probability, weighed.reason_named),
                part: part(cause, &weighed),
                stage: cause.stage,
                fault_domain: cause.fault_domain,
                attempts: attempts.clone(),
                evidence: weighed.evidence,
                against: weighed.against,
            }
        })
        .filter(|diagnosis| {
            diagnosis.probability >= LEAST_PROBABILITY || diagnosis.part == Part::AlsoHolds
        })
        .collect();
    diagnoses.sort_by(|a, b| {
        b.probability.total_cmp(&a.probability).then_with(|| a.cause.cmp(&b.cause))
    });
    let mut alternatives = 0;
    diagnoses.retain(|diagnosis| {
        alternatives += usize::from(diagnosis.part == Part::Alternative);
        diagnosis.part != Part::Alternative || alternatives < MOST_DIAGNOSES
    });
    Ranking { diagnoses }
}

/// A cause that holds whatever stopped the attempt is at least this likely to be there.
const HOLDS: f64 = 0.9;
/// Evidence that is strong by itself, in decibans.
const OF_ITS_OWN_DB: f64 = 10.0;

/// Whether a cause holds beside the leading one: likely for itself, whatever ended the
/// attempt, by strong evidence that the leading one does not rest on.
fn also_holds(cause: &Cause, weighed: &Weighed, leading: &[Evidence]) -> bool {
    let against = weighed.against_db - weighed.ended_otherwise_db;
    let own = odds(cause.prior_db + weighed.support_db - against);
    let likely = own / (own + odds(NOT_LISTED_DB)) >= HOLDS;
    let of_its_own = |evidence: &&Evidence| {
        evidence.weight_db >= OF_ITS_OWN_DB
            && leading.iter().all(|other| other.source != evidence.source)
    };
    likely && weighed.evidence.iter().any(|evidence| of_its_own(&evidence))
}

/// Decibans to odds.
fn odds(decibans: f64) -> f64 {
    10f64.powf(decibans / 10.0)
}
