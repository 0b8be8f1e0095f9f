//! Which of the troubles is the user's?

use super::complaint::Nearness;
use super::diagnosis::{Certainty, Evidence};
use super::rank::Ranking;
use super::trouble::Trouble;
use crate::base::{CaseTime, millis_between};
use crate::correlate::{Attempt, Case, Outcome};
use std::collections::HashMap;

/// Puts the trouble first that the user most likely means: one that the user's dialog
/// is about, one of a client's own log, then one that failed at all, then one for whose
/// cause the client shows the user's codes, then one whose reason is known, then the
/// rarest (a scanner's failures are all alike), then the latest.
pub(super) fn most_relevant_first(case: &Case, judged: &mut [(Trouble, Ranking)]) {
    let mut clients_per_cause: HashMap<String, usize> = HashMap::new();
    for (_, ranking) in judged.iter() {
        if let Some(first) = ranking.diagnoses.first() {
            *clients_per_cause.entry(first.cause.clone()).or_default() += 1;
        }
    }
    judged.sort_by_cached_key(|(trouble, ranking)| {
        let first = ranking.diagnoses.first();
        let known = first.is_some_and(|d| d.certainty >= Certainty::Moderate);
        let crowd =
            first.and_then(|d| clients_per_cause.get(&d.cause)).copied().unwrap_or(usize::MAX);
        let latest = trouble.attempts(case).map(|attempt| attempt.end).max();
        let epoch = CaseTime(jiff::Timestamp::UNIX_EPOCH);
        let age = latest.map_or(0.0, |latest| millis_between(latest.0, epoch.0));
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any date fit")]
        let age = age as i64;
        // A name that did not resolve has no attempts, and failed.
        let mut attempts = trouble.attempts(case).peekable();
        let works = attempts.peek().is_some() && attempts.all(succeeded);
        let meant = trouble.told.iter().map(|told| told.nearness).min();
        let fits = meant.is_some()
            && first.is_some_and(|first| first.evidence.iter().any(|e| is_told(trouble, e)));
        let meant = meant.unwrap_or(Nearness::Denied);
        (meant, !trouble.in_client_log, works, !fits, !known, crowd, age)
    });
}

/// Whether a statement is about what the user saw.
fn is_told(trouble: &Trouble, evidence: &Evidence) -> bool {
    trouble.told.iter().any(|told| told.complaint.source == evidence.source)
}

fn succeeded(attempt: &Attempt) -> bool {
    attempt.outcome == Outcome::Succeeded
}
