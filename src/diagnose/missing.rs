//! What would decide, and is not there?

use super::diagnosis::Diagnosis;
use super::trouble::Trouble;
use crate::base::{HostTime, rfc3339};
use crate::correlate::{Case, covers, silent};
use crate::knowledge::Knowledge;
use crate::observe::Hole;
use std::collections::BTreeMap;

/// Evidence to ask the customer for.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    pub what: String,
    pub would_separate: Vec<String>,
    pub how: Vec<String>,
}

impl Missing {
    fn add_causes(&mut self, causes: Vec<String>) {
        for cause in causes {
            if !self.would_separate.contains(&cause) {
                self.would_separate.push(cause);
            }
        }
    }
}

/// Requests that are listed: a person asks for few things at a time.
const MOST_REQUESTS: usize = 5;

/// Causes below this share of the leader's probability need no separating.
const WORTH_SEPARATING: f64 = 0.05;

/// What would separate the leading causes, most useful first.
pub(super) fn missing(
    case: &Case,
    trouble: &Trouble,
    diagnoses: &[Diagnosis],
    knowledge: &Knowledge,
) -> Vec<Missing> {
    let leader = diagnoses.first().map_or(0.0, |d| d.probability);
    let mut wanted: BTreeMap<String, (f64, Missing)> = BTreeMap::new();
    for diagnosis in diagnoses.iter().filter(|d| d.probability >= leader * WORTH_SEPARATING) {
        let Some(cause) = knowledge.causes.get(&diagnosis.cause) else { continue };
        for settle in &cause.settle {
            let there = !settle.unless.is_empty()
                && trouble.attempts(case).any(|attempt| covers(case, attempt, &settle.unless));
            if there {
                continue;
            }
            let entry = wanted.entry(settle.what.clone()).or_insert_with(|| {
                let missing = Missing {
                    what: settle.what.clone(),
                    would_separate: Vec::new(),
                    how: settle.how.clone(),
                };
                (0.0, missing)
            });
            // A cause that is certain, or impossible, gains nothing.
            entry.0 += diagnosis.probability * (1.0 - diagnosis.probability);
            entry.1.would_separate.push(diagnosis.cause.clone());
        }
    }
    let mut wanted: Vec<(f64, Missing)> = wanted.into_values().collect();
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.what.cmp(&b.1.what)));
    let mut requests: Vec<Missing> = Vec::new();
    for (_, missing) in wanted {
        // Two causes may ask for the same thing in other words: once is enough.
        match requests.iter_mut().find(|known| known.how == missing.how) {
            Some(known) => known.add_causes(missing.would_separate),
            None => requests.push(missing),
        }
    }
    requests.truncate(MOST_REQUESTS);
    requests.extend(holes(case, trouble));
    requests
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
