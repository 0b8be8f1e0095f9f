//! How long each step took on both sides.

use super::model::TimingReport;
use super::rows::Side;
use crate::report::build::rounded;
use crate::report::wire_model::{RungReport, RungState};
use std::collections::BTreeMap;

/// What differs less says nothing: networks and machines vary so much.
const TIMES: f64 = 3.0;
const LEAST_MS: f64 = 50.0;

/// A step by who took it and its name.
type Step<'a> = (&'a str, &'a str);

/// The steps that both take in one order, each with the time since the one before.
pub(super) fn compare(good: &Side<'_>, bad: &Side<'_>) -> Vec<TimingReport> {
    let (of_good, of_bad) = (steps(good), steps(bad));
    let mut found = Vec::new();
    let mut before: Option<(&RungReport, &RungReport)> = None;
    for (step, first) in &of_good {
        let Some(second) = find(&of_bad, *step) else { continue };
        let Some(last) = before.replace((first, second)) else { continue };
        found.extend(timing(good, bad, last, (first, second)));
    }
    found
}

/// First steps of each kind, in the order of time.
fn steps<'a>(side: &Side<'a>) -> Vec<(Step<'a>, &'a RungReport)> {
    let rungs = side.wire().map(|wire| wire.ladder.as_slice()).unwrap_or_default();
    let mut seen: BTreeMap<Step<'_>, ()> = BTreeMap::new();
    rungs
        .iter()
        .filter(|rung| matches!(rung.state, RungState::Seen | RungState::Ended))
        // When data is sent last is up to the user.
        .filter(|rung| rung.step != "last_application_data" && rung.ms.is_some())
        .map(|rung| ((rung.by.as_str(), rung.step.as_str()), rung))
        .filter(|(step, _)| seen.insert(*step, ()).is_none())
        .collect()
}

fn find<'a>(steps: &[(Step<'_>, &'a RungReport)], wanted: Step<'_>) -> Option<&'a RungReport> {
    steps.iter().find(|(step, _)| *step == wanted).map(|(_, rung)| *rung)
}

fn timing(
    good: &Side<'_>,
    bad: &Side<'_>,
    before: (&RungReport, &RungReport),
    now: (&RungReport, &RungReport),
) -> Option<TimingReport> {
    let good_ms = rounded(now.0.ms? - before.0.ms?, 3);
    let bad_ms = rounded(now.1.ms? - before.1.ms?, 3);
    // In another order the times say nothing.
    if good_ms < 0.0 || bad_ms < 0.0 {
        return None;
    }
    let (short, long) = (good_ms.min(bad_ms), good_ms.max(bad_ms));
    Some(TimingReport {
        step: now.0.step.clone(),
        by: now.0.by.clone(),
        after: before.0.step.clone(),
        good_ms,
        bad_ms,
        ratio: (good_ms > 0.0).then(|| rounded(bad_ms / good_ms, 2)),
        differs: long > TIMES * short && long - short > LEAST_MS && ends_alike(now),
        good_source: good.at_frame(now.0.frame?)?,
        bad_source: bad.at_frame(now.1.frame?)?,
    })
}

/// How long a session lasted until it was closed is up to the user.
fn ends_alike(now: (&RungReport, &RungReport)) -> bool {
    !matches!(now.0.step.as_str(), "fin" | "rst" | "disconnect")
}
