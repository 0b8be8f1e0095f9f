//! What the cases say as a whole: verdicts, causes, checks, hosts.

use super::model::{DifferenceReport, SideValueReport};
use super::rows::{NONE, Placed, Rows, Side};
use super::told;
use crate::correlate::HostRole;
use crate::knowledge::StepOutcome;
use crate::report::model::{Report, StepReport};
use std::collections::BTreeMap;

pub(super) fn verdicts(rows: &mut Rows<'_>) {
    rows.section("Verdict");
    rows.text("verdict", |side| {
        let value = told::verdict(side.report.verdict).to_owned();
        Some(Placed { value, source: None })
    });
    rows.text("leading cause", |side| {
        let first = side.report.diagnoses.first();
        let value = first.map_or_else(|| NONE.to_owned(), |first| first.cause.clone());
        let proof = first.and_then(|first| first.evidence.first());
        Some(Placed { value, source: proof.map(|proof| proof.source.clone()) })
    });
    checks(rows);
}

/// Steps of a health check that are known to be well on one side and not on the other.
fn checks(rows: &mut Rows<'_>) {
    let (of_good, of_bad) = (steps(rows.good.report), steps(rows.bad.report));
    for (name, good) in of_good {
        let Some(bad) = of_bad.get(&name).filter(|bad| bad.outcome != good.outcome) else {
            continue;
        };
        let (check, what) = name;
        rows.difference(DifferenceReport {
            what: format!("check {check}: {what}"),
            good: step_value(good),
            bad: step_value(bad),
            change: None,
        });
    }
}

/// What is known of each step of a check: the row that failed, else the first that is well.
fn steps(report: &Report) -> BTreeMap<(&str, &str), &StepReport> {
    let mut known: BTreeMap<(&str, &str), &StepReport> = BTreeMap::new();
    for check in &report.checks {
        for step in check.steps.iter().filter(|step| step.outcome != StepOutcome::Unknown) {
            let first = known.entry((&check.id, &step.what)).or_insert(step);
            if step.outcome == StepOutcome::Failed && first.outcome != StepOutcome::Failed {
                *first = step;
            }
        }
    }
    known
}

fn step_value(step: &StepReport) -> SideValueReport {
    SideValueReport { values: vec![step.statement.clone()], source: step.source.clone() }
}

pub(super) fn hosts(rows: &mut Rows<'_>) {
    rows.section("Hosts");
    for (what, role) in [
        ("build of the server", HostRole::Server),
        ("build of the client's host", HostRole::Client),
    ] {
        rows.text(what, |side| system(side, role));
    }
    rows.text("clock of the server against the capture", |side| {
        let host = side.report.hosts.iter().find(|host| host.role == HostRole::Server)?;
        let ahead = host.clock_offset_ms?;
        // What Kerberos still tolerates, and what people notice.
        let state = match ahead.abs() {
            ms if ms > 300_000.0 => "off by more than five minutes",
            ms if ms > 60_000.0 => "off by more than a minute",
            _ => "within a minute",
        };
        Some(Placed { value: state.to_owned(), source: None })
    });
}

fn system(side: &Side<'_>, role: HostRole) -> Option<Placed<String>> {
    let mut hosts = side.report.hosts.iter().filter(|host| host.role == role);
    let system = hosts.find_map(|host| host.system.as_ref())?;
    Some(Placed { value: system.version.clone(), source: Some(system.source.clone()) })
}
