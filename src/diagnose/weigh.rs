//! One cause against the facts of a trouble.

use super::Fact;
use super::diagnosis::Evidence;
use super::trouble::{Facts, Trouble};
use crate::base::millis_between;
use crate::correlate::{Attempt, Case, covering, covers};
use crate::knowledge::{Cause, Condition, Rule, Scope};
use crate::observe::{Place, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the facts say about one cause.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// Sum of what speaks for it, in decibans.
    pub(super) support_db: f64,
    /// Sum of what speaks against it, positive.
    pub(super) against_db: f64,
    pub(super) evidence: Vec<Evidence>,
    pub(super) against: Vec<Evidence>,
    /// Of that, what only says that the attempt ended by something else.
    pub(super) ended_otherwise_db: f64,
    /// A fact that belongs to the attempt for certain names the reason.
    pub(super) reason_named: bool,
}

/// Weighs a cause. Of the rows of one group only the strongest counts; a row that
/// several facts meet counts once, with the fact that belongs here most surely.
pub(super) fn weigh(case: &Case, trouble: &Trouble, facts: &Facts, cause: &Cause) -> Weighed {
    let mut weighed = Weighed::default();
    for met in strongest(case, trouble, facts, &cause.support) {
        weighed.support_db += met.evidence.weight_db;
        weighed.reason_named |= met.names_reason;
        weighed.evidence.push(met.evidence);
    }
    for mut met in strongest(case, trouble, facts, &cause.against) {
        weighed.against_db += met.evidence.weight_db;
        if met.only_the_end {
            weighed.ended_otherwise_db += met.evidence.weight_db;
        }
        met.evidence.weight_db = -met.evidence.weight_db;
        weighed.against.push(met.evidence);
    }
    // What the user saw counts only where something else speaks for the cause.
    if weighed.support_db > 0.0
        && let Some(told) = trouble.told.iter().find_map(|told| told.weigh(cause))
    {
        match told.weight_db > 0.0 {
            true => {
                weighed.support_db += told.weight_db;
                weighed.evidence.push(told);
            }
            false => {
                weighed.against_db -= told.weight_db;
                weighed.against.push(told);
            }
        }
    }
    weighed.evidence.sort_by(|a, b| b.weight_db.total_cmp(&a.weight_db));
    weighed.against.sort_by(|a, b| a.weight_db.total_cmp(&b.weight_db));
    weighed
}

/// A row that a fact meets.
struct Met {
    evidence: Evidence,
    names_reason: bool,
    only_the_end: bool,
}

fn strongest(case: &Case, trouble: &Trouble, facts: &Facts, rules: &[Rule]) -> Vec<Met> {
    let mut groups: BTreeMap<String, Met> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        let Some(found) = apply(case, trouble, facts, rule) else { continue };
        let group =
            if rule.group.is_empty() { format!("#{number:03}") } else { rule.group.clone() };
        match groups.get_mut(&group) {
            Some(best) => {
                best.names_reason |= found.names_reason;
                if found.evidence.weight_db > best.evidence.weight_db {
                    best.evidence = found.evidence;
                    best.only_the_end = found.only_the_end;
                }
            }
            None => {
                groups.insert(group, found);
            }
        }
    }
    groups.into_values().collect()
}

fn apply(case: &Case, trouble: &Trouble, facts: &Facts, rule: &Rule) -> Option<Met> {
    let best = rule
        .fact
        .iter()
        .flat_map(|kind| match rule.scope {
            Scope::Attempt => facts.attempt(kind),
            Scope::Host => facts.host(kind),
        })
        .filter(|fact| meets(rule, fact) && in_time(case, trouble, rule, fact))
        // Of equally sure facts the later one is nearer to the failure.
        .max_by(|a, b| a.share.total_cmp(&b.share).then_with(|| a.time.cmp(&b.time)));
    let only_the_end = rule.only_the_end;
    if rule.absent {
        let evidence = best.is_none().then(|| absence(case, trouble, rule)).flatten()?;
        return Some(Met { evidence, names_reason: false, only_the_end });
    }
    let fact = best?;
    let evidence = Evidence {
        weight_db: rule.weight_db * fact.share,
        statement: fill(&rule.says, fact),
        time: fact.dated(),
        host: fact.host.clone(),
        channel: fact.channel.clone(),
        source: fact.source.clone(),
        open_with: fact.open_with(),
    };
    let names_reason = rule.names_reason && fact.share > 0.99;
    Some(Met { evidence, names_reason, only_the_end })
}

fn meets(rule: &Rule, fact: &Fact) -> bool {
    let number = |field: &str| fact.field(field).and_then(|value| value.trim().parse::<f64>().ok());
    let high = rule.max.iter().all(|(field, limit)| number(field).is_some_and(|v| v <= *limit));
    high && fulfils(fact, &rule.conditions, &rule.unless, &rule.min)
}

/// Whether the fields of a fact are as a row of the knowledge wants them.
pub(super) fn fulfils(
    fact: &Fact,
    conditions: &BTreeMap<String, Condition>,
    unless: &BTreeMap<String, Condition>,
    min: &BTreeMap<String, f64>,
) -> bool {
    let holds = |(field, condition): (&String, &Condition)| {
        fact.field(field).is_some_and(|value| condition.meets(value))
    };
    let number = |field: &str| fact.field(field).and_then(|value| value.trim().parse::<f64>().ok());
    conditions.iter().all(holds)
        && !unless.iter().any(holds)
        && min.iter().all(|(field, limit)| number(field).is_some_and(|v| v >= *limit))
}

fn in_time(case: &Case, trouble: &Trouble, rule: &Rule, fact: &Fact) -> bool {
    if rule.scope == Scope::Attempt {
        return true;
    }
    let window = f64::from(rule.within_s) * 1000.0;
    trouble.attempts(case).any(|attempt| {
        let before = millis_between(fact.time.0, attempt.start.0);
        (-60_000.0..=window).contains(&before)
    })
}

/// Absence counts only where the evidence covers every attempt of the trouble; the
/// provenance is the file that would have held it.
fn absence(case: &Case, trouble: &Trouble, rule: &Rule) -> Option<Evidence> {
    let mut attempts = trouble.attempts(case).peekable();
    let first = *attempts.peek()?;
    if !attempts.all(|attempt| covers(case, attempt, &rule.coverage)) {
        return None;
    }
    let source = covering_source(case, first, &rule.coverage)?;
    Some(Evidence {
        weight_db: rule.weight_db,
        statement: rule.says.clone(),
        time: Some(first.start),
        host: None,
        channel: None,
        open_with: String::new(),
        source,
    })
}

/// A file that covers an attempt in the sense of a rule: the provenance of absence.
fn covering_source(case: &Case, attempt: &Attempt, wanted: &str) -> Option<Source> {
    let what = wanted.split_once(':').map_or(wanted, |(_, what)| what);
    if what == "capture" {
        let view = attempt.views().next()?;
        return Some(Source { file: Arc::clone(&view.file), place: Place::Whole });
    }
    let coverage = covering(case, attempt, wanted)?;
    Some(Source { file: Arc::clone(&coverage.file), place: Place::Whole })
}

/// Puts the fact's values into the sentence; an unknown name is left as it stands.
pub(super) fn fill(sentence: &str, fact: &Fact) -> String {
    let mut out = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) => {
                out.push_str(fact.field(name).unwrap_or("?"));
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
