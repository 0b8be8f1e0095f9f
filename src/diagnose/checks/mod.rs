//! The health checks: what of the way from the client to the desktop is seen to be
//! well, what is not, and what nobody can say.
//!
//! Facts are established in Rust, here and in the rest of this room; what a fact means
//! at which step of which check is data (`knowledge/data/checks.toml`).

mod certificate;
mod path;
mod reach;
mod security_layer;
mod subject;

use super::Fact;
use super::weigh::{fill, fulfils};
use crate::correlate::{Attempt, Case};
use crate::knowledge::{CheckRow, HealthCheck, Knowledge, StepOutcome};
use crate::observe::Source;
use std::collections::BTreeSet;
use std::sync::Arc;
use subject::Subject;

/// Steps that one kind of fact can make.
const MOST_STEPS: usize = 16;
/// A fact counts when it belongs to the attempt at least this likely.
const LEAST_SHARE: f64 = 0.5;

/// A check with what it found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub id: String,
    pub title: String,
    /// Number of the attempt that it is about; `None` where there was no connection.
    pub attempt: Option<u32>,
    pub steps: Vec<Step>,
}

/// One step of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub what: String,
    pub outcome: StepOutcome,
    /// What was seen; foreign text may be in it.
    pub statement: String,
    /// `None` where nothing was seen.
    pub source: Option<Source>,
    /// The channel of the record that shows it.
    pub channel: Option<Arc<str>>,
    /// A Wireshark display filter or an event XPath query that shows it.
    pub open_with: String,
    /// Id of the fix that does it.
    pub fix: Option<String>,
}

/// All checks that have something to say. Of `attempts`, in their order, one of the last
/// is looked at; `names` are questions that nobody answered.
pub(super) fn checks(
    case: &Case,
    attempts: &[&Attempt],
    names: Vec<Fact>,
    knowledge: &Knowledge,
) -> Vec<Check> {
    let subject = Subject::of(attempts);
    let mut facts = names;
    facts.extend(reach::facts(case, &subject, knowledge));
    facts.extend(certificate::facts(case, &subject, knowledge));
    facts.extend(path::facts(&subject));
    facts.extend(security_layer::facts(case, &subject));
    facts.retain(|fact| fact.share >= LEAST_SHARE);
    let made = knowledge.checks.iter().map(|check| Check {
        id: check.id.clone(),
        title: check.title.clone(),
        attempt: subject.attempt.map(|attempt| attempt.id),
        steps: steps(check, &facts),
    });
    let says = |step: &Step| step.outcome != StepOutcome::Unknown;
    made.filter(|check| check.steps.iter().any(says)).collect()
}

fn steps(check: &HealthCheck, facts: &[Fact]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = check.steps.as_slice();
    // Rows of one `what` follow each other.
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|row| row.what == first.what).count();
        let (rows, others) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = others;
        let found = found(rows, facts);
        let told = found.is_empty();
        steps.extend(found);
        if told {
            let failed = steps.iter().any(|step| step.outcome == StepOutcome::Failed);
            let why = if failed { &check.not_reached } else { &check.not_seen };
            steps.extend((!why.is_empty()).then(|| blank(&first.what, why)));
        }
    }
    steps
}

/// What the facts say about one step.
fn found(rows: &[CheckRow], facts: &[Fact]) -> Vec<Step> {
    if rows.iter().any(|row| row.each) {
        let told = facts
            .iter()
            .filter_map(|fact| rows.iter().find(|row| meets(row, fact)).map(|row| step(row, fact)));
        let mut steps: Vec<Step> = told.take(MOST_STEPS).collect();
        // Two captures of one connection may show the very same.
        let mut told: BTreeSet<(String, String)> = BTreeSet::new();
        steps.retain(|step| told.insert((step.what.clone(), step.statement.clone())));
        return steps;
    }
    let best = rows.iter().find_map(|row| {
        let met = facts.iter().filter(|fact| meets(row, fact));
        // Of equally sure facts the later one is nearer to the end.
        met.max_by(|a, b| a.share.total_cmp(&b.share).then_with(|| a.time.cmp(&b.time)))
            .map(|fact| step(row, fact))
    });
    best.into_iter().collect()
}

fn meets(row: &CheckRow, fact: &Fact) -> bool {
    row.fact.iter().any(|kind| kind == &*fact.kind)
        && fulfils(fact, &row.conditions, &row.unless, &row.min)
}

fn step(row: &CheckRow, fact: &Fact) -> Step {
    Step {
        what: fill(&row.what, fact),
        outcome: row.outcome,
        statement: fill(&row.says, fact),
        source: Some(fact.source.clone()),
        channel: fact.channel.clone(),
        open_with: match fact.field(subject::FILTER) {
            Some(filter) => filter.to_owned(),
            None => fact.open_with(),
        },
        fix: row.fix.clone(),
    }
}

fn blank(what: &str, why: &str) -> Step {
    Step {
        what: what.to_owned(),
        outcome: StepOutcome::Unknown,
        statement: why.to_owned(),
        source: None,
        channel: None,
        open_with: String::new(),
        fix: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{case_of, record};

    const LADDER: &str = r#"
id = "x"
title = "X"
not_reached = "not reached"
not_seen = "not seen"
[[step]]
what = "one"
fact = "event.rcm.258"
outcome = "ok"
says = "a"
[[step]]
what = "two"
fact = "event.rcm.259"
where = { why = "bad" }
outcome = "failed"
says = "{why}"
[[step]]
what = "two"
fact = "event.rcm.259"
outcome = "ok"
says = "b"
[[step]]
what = "three"
each = true
fact = "event.rcm.261"
outcome = "ok"
says = "{n}"
"#;

    #[track_caller]
    fn check(facts: &[(&str, &str, &str)], expect: &str) {
        let check: HealthCheck = toml::from_str(LADDER).unwrap();
        let case = case_of(Vec::new());
        let facts: Vec<Fact> = facts
            .iter()
            .zip(1..)
            .map(|((kind, field, value), second)| {
                let mut record = record(kind, second);
                record.fields.push(((*field).into(), (*value).to_owned()));
                Fact::of_observation(&case, &record, 1.0)
            })
            .collect();
        let told: Vec<String> = steps(&check, &facts)
            .into_iter()
            .map(|step| format!("{} {:?} {}", step.what, step.outcome, step.statement))
            .collect();
        assert_eq!(told.join("; "), expect);
    }

    #[test]
    fn a_step_without_evidence_is_unknown_and_never_well() {
        check(&[], "one Unknown not seen; two Unknown not seen; three Unknown not seen");
    }

    #[test]
    fn behind_a_failed_step_nothing_is_reached_unless_it_is_seen() {
        check(
            &[("rcm.259", "why", "bad")],
            "one Unknown not seen; two Failed bad; three Unknown not reached",
        );
        check(
            &[("rcm.259", "why", "bad"), ("rcm.261", "n", "1")],
            "one Unknown not seen; two Failed bad; three Ok 1",
        );
    }

    #[test]
    fn the_first_row_that_is_met_speaks_and_every_fact_where_each_counts() {
        check(
            &[("rcm.259", "why", "good"), ("rcm.261", "n", "1"), ("rcm.261", "n", "2")],
            "one Unknown not seen; two Ok b; three Ok 1; three Ok 2",
        );
    }
}
