//! Several terms narrow each other.

use super::client_code::Pair;
use super::links::{Use, cause_has, related, rule_has};
use super::numbers::is_decimal;
use super::{Answer, Cause, Entry, Group, Knowledge};
use crate::knowledge::cause::number;

/// A cause in which all terms meet.
#[derive(Debug)]
pub struct SharedCause<'a> {
    pub cause: &'a Cause,
    /// The rows that look at the terms: at all of them where [`Together::in_one_row`].
    pub uses: Vec<Use<'a>>,
}

/// Where several terms meet.
#[derive(Debug)]
pub struct Together<'a> {
    /// The terms, as they were understood.
    pub terms: Vec<String>,
    /// Single rows look at all of the terms, so the terms mean more together.
    pub in_one_row: bool,
    pub causes: Vec<SharedCause<'a>>,
}

pub(super) fn answer<'a>(knowledge: &'a Knowledge, mut groups: Vec<Group<'a>>) -> Answer<'a> {
    let pair = take_pair(knowledge, &mut groups);
    let searched = groups.len() == 1 && groups.iter().all(|group| group.searched);
    let kept: Vec<Vec<Entry<'a>>> =
        (0..groups.len()).map(|at| narrowed(knowledge, &groups, at)).collect();
    let only_pair = pair.is_some() && groups.len() == 2;
    let together = (groups.len() > 1 && !only_pair).then(|| together(knowledge, &groups, &kept));
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for entry in kept.into_iter().flatten() {
        if !entries.iter().any(|known| known.is(entry)) {
            entries.push(entry);
        }
    }
    let all = entries.clone();
    entries.retain(|entry| !all.iter().any(|other| is_member(*other, *entry)));
    Answer { entries, pair, together, searched }
}

/// Finds two numbers that are reason and extended reason, and leaves those terms
/// no other meaning.
fn take_pair<'a>(knowledge: &'a Knowledge, groups: &mut [Group<'a>]) -> Option<Pair<'a>> {
    let value = |group: &Group<'_>| number(&group.text);
    let is_event = |group: &Group<'_>| {
        is_decimal(&group.text) && group.hits.iter().any(|hit| matches!(hit, Entry::Event(..)))
    };
    let (at, pair) = groups.windows(2).enumerate().find_map(|(at, two)| {
        let [first, second] = two else { return None };
        // `4625 0x7` asks for an event, even if a table had the number 4625 too.
        let pair = Pair::find(knowledge, value(first)?, value(second)?)?;
        (!is_event(first)).then_some((at, pair))
    })?;
    let entries = |codes: &[(&'a _, &'a _)]| {
        codes.iter().map(|(table, code)| Entry::Code(table, code)).collect::<Vec<_>>()
    };
    if let Some(group) = groups.get_mut(at) {
        group.hits = entries(&pair.reasons);
    }
    if let Some(group) = groups.get_mut(at + 1) {
        group.hits = entries(&pair.extended_reasons);
    }
    Some(pair)
}

/// The meanings of one term that have most to do with the other terms; all of
/// them when none has.
fn narrowed<'a>(knowledge: &Knowledge, groups: &[Group<'a>], at: usize) -> Vec<Entry<'a>> {
    let Some(own) = groups.get(at) else { return Vec::new() };
    let others: Vec<&Group<'_>> = groups
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != at)
        .map(|(_, group)| group)
        .collect();
    let links = |entry: Entry<'_>| {
        let meets =
            |group: &&&Group<'_>| group.hits.iter().any(|other| related(knowledge, entry, *other));
        others.iter().filter(meets).count()
    };
    let counted: Vec<(usize, Entry<'a>)> =
        own.hits.iter().map(|entry| (links(*entry), *entry)).collect();
    let most = counted.iter().map(|(count, _)| *count).max().unwrap_or_default();
    // Words narrow what is named; they add nothing that has no tie to it.
    if most == 0 && own.searched && !others.is_empty() {
        return Vec::new();
    }
    counted.into_iter().filter(|(count, _)| *count == most).map(|(_, entry)| entry).collect()
}

fn together<'a>(
    knowledge: &'a Knowledge,
    groups: &[Group<'a>],
    kept: &[Vec<Entry<'a>>],
) -> Together<'a> {
    let touches =
        |rule, hits: &Vec<Entry<'a>>| hits.iter().any(|entry| rule_has(knowledge, rule, *entry));
    let mut one_row = Vec::new();
    let mut several = Vec::new();
    for cause in knowledge.causes.values() {
        let all_meet =
            kept.iter().all(|hits| hits.iter().any(|entry| cause_has(knowledge, cause, *entry)));
        if !all_meet {
            continue;
        }
        let support = cause.support.iter().map(|rule| Use { cause, rule, supports: true });
        let against = cause.against.iter().map(|rule| Use { cause, rule, supports: false });
        let rows: Vec<Use<'a>> = support.chain(against).collect();
        let joint: Vec<Use<'a>> = rows
            .iter()
            .filter(|used| kept.iter().all(|hits| touches(used.rule, hits)))
            .copied()
            .collect();
        if !joint.is_empty() {
            one_row.push(SharedCause { cause, uses: joint });
        }
        let uses: Vec<Use<'a>> = rows
            .into_iter()
            .filter(|used| kept.iter().any(|hits| touches(used.rule, hits)))
            .collect();
        several.push(SharedCause { cause, uses });
    }
    let in_one_row = !one_row.is_empty();
    Together {
        terms: groups.iter().map(|group| group.text.clone()).collect(),
        in_one_row,
        causes: if in_one_row { one_row } else { several },
    }
}

/// Whether the one is part of the other, which then needs no telling.
fn is_member(member: Entry<'_>, whole: Entry<'_>) -> bool {
    match (member, whole) {
        (Entry::Event(own, _), Entry::Provider(provider)) => std::ptr::eq(own, provider),
        (Entry::Code(own, _), Entry::Table(table)) => std::ptr::eq(own, table),
        _ => false,
    }
}
