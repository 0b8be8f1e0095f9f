//! What would decide, and is not there?

use super::collected;
use super::complaint::Complaint;
use super::diagnosis::Diagnosis;
use super::trouble::Trouble;
use crate::base::{HostTime, rfc3339};
use crate::correlate::{Case, covers, silent};
use crate::knowledge::lookup::fit_of;
use crate::knowledge::{Cause, Knowledge, Settle};
use crate::observe::Hole;
use std::collections::BTreeMap;

/// Evidence to ask the customer for.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    pub what: String,
    pub would_separate: Vec<String>,
    pub how: Vec<String>,
}

/// Requests that are listed: a person asks for few things at a time.
const MOST_REQUESTS: usize = 5;

/// Causes below this share of the leader's probability need no separating.
pub(super) const WORTH_SEPARATING: f64 = 0.05;

/// What is worth less than this is not asked for, in bits.
const LEAST_GAIN: f64 = 0.005;

/// What would separate the leading causes, most useful first.
pub(super) fn missing(
    case: &Case,
    trouble: &Trouble,
    diagnoses: &[Diagnosis],
    knowledge: &Knowledge,
) -> Vec<Missing> {
    let leader = diagnoses.first().map_or(0.0, |d| d.probability);
    let leaders: Vec<(&Cause, f64)> = diagnoses
        .iter()
        .filter(|d| d.probability >= leader * WORTH_SEPARATING)
        .filter_map(|d| Some((knowledge.causes.get(&d.cause)?, d.probability)))
        .collect();
    let is_there = |settle: &Settle| {
        !settle.unless.is_empty()
            && trouble.attempts(case).any(|attempt| covers(case, attempt, &settle.unless))
    };
    let mut requests = requests(&leaders, case, knowledge, is_there);
    requests.extend(holes(case, trouble));
    requests
}

/// What would tell of which cause the user's codes are, where nothing else is there.
pub(super) fn for_complaints(
    case: &Case,
    complaints: &[Complaint],
    knowledge: &Knowledge,
) -> Vec<Missing> {
    let fits = |cause: &&Cause| {
        complaints.iter().any(|told| fit_of(cause, told.reason, told.extended).is_some())
    };
    let odds = |cause: &Cause| 10f64.powf(cause.prior_db / 10.0);
    let all: f64 = knowledge.causes.values().filter(fits).map(odds).sum();
    let causes = knowledge.causes.values().filter(fits);
    let candidates: Vec<(&Cause, f64)> = causes.map(|cause| (cause, odds(cause) / all)).collect();
    requests(&candidates, case, knowledge, |_| false)
}

/// Asks for one thing after the other: each time for what tells most, given that the
/// ones before will be there. Where a collector of this case leaves it out, its own switch
/// comes first.
fn requests(
    candidates: &[(&Cause, f64)],
    case: &Case,
    knowledge: &Knowledge,
    is_there: impl Fn(&Settle) -> bool,
) -> Vec<Missing> {
    // Two causes may ask for the same thing in other words: once is enough.
    let mut wanted: BTreeMap<&[String], (&str, Missing)> = BTreeMap::new();
    for (cause, _) in candidates {
        for settle in cause.settle.iter().filter(|settle| !is_there(settle)) {
            let (_, request) = wanted.entry(settle.how.as_slice()).or_insert_with(|| {
                let (what, how) = (settle.what.clone(), settle.how.clone());
                (settle.unless.as_str(), Missing { what, would_separate: Vec::new(), how })
            });
            request.would_separate.push(cause.id.clone());
        }
    }
    let mut open: Vec<(&str, Missing)> = wanted.into_values().collect();
    let mut unsettled: BTreeMap<&str, f64> =
        candidates.iter().map(|(cause, probability)| (cause.id.as_str(), *probability)).collect();
    let mut requests = Vec::new();
    while requests.len() < MOST_REQUESTS {
        let gains = open.iter().map(|(_, request)| gain(&unsettled, &request.would_separate));
        let best = gains.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let Some((index, _)) = best.filter(|(_, gain)| *gain > LEAST_GAIN) else { break };
        let (wanted, mut request) = open.swap_remove(index);
        let switches = collected::switches(case, wanted, knowledge);
        request.how.splice(0..0, switches);
        for cause in &request.would_separate {
            unsettled.remove(cause.as_str());
        }
        requests.push(request);
    }
    requests
}

/// How much a request tells, in bits: which of its causes it is, or that it is none of
/// them. Causes that an earlier request settles are no longer in question.
fn gain(unsettled: &BTreeMap<&str, f64>, settles: &[String]) -> f64 {
    let told: Vec<f64> =
        settles.iter().filter_map(|cause| unsettled.get(cause.as_str())).copied().collect();
    let rest = (1.0 - told.iter().sum::<f64>()).max(0.0);
    told.into_iter().chain([rest]).filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum()
}

/// Notes of holes that are made: the first ones of the logs in their order.
const MOST_HOLES: usize = 3;

/// Attempts whose holes are looked for: the latest ones.
const MOST_ATTEMPTS: usize = 64;

/// Logs that are there and say nothing about the trouble, and why.
fn holes(case: &Case, trouble: &Trouble) -> Vec<Missing> {
    let mut told: Vec<String> = Vec::new();
    let attempts: Vec<_> = trouble.attempts(case).collect();
    for attempt in attempts.into_iter().rev().take(MOST_ATTEMPTS) {
        for (log, hole) in silent(case, attempt) {
            let mut what = format!("{} {}", log.file, over(hole));
            what.push_str(match hole.is_loss() {
                true => ". A copy of the log (an archive, a backup, forwarded events) may hold it",
                false => ". Nothing that is absent there counts",
            });
            if !told.contains(&what) && told.len() < MOST_HOLES {
                told.push(what);
            }
        }
    }
    told.into_iter()
        .map(|what| Missing { what, would_separate: Vec::new(), how: Vec::new() })
        .collect()
}

/// Over which time a hole is, and why.
fn over(hole: &Hole) -> String {
    let time = |time: HostTime| rfc3339(time.0);
    match (hole.from == Hole::EVER_BEFORE, hole.to == Hole::EVER_AFTER) {
        (true, true) => format!("does not show what else there was: {}", hole.why),
        (true, false) => format!("says nothing before {}: {}", time(hole.to), hole.why),
        (false, true) => format!("says nothing after {}: {}", time(hole.from), hole.why),
        (false, false) => {
            format!("says nothing from {} to {}: {}", time(hole.from), time(hole.to), hole.why)
        }
    }
}
