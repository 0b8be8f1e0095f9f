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
    // Where a term is a cause, that is where the terms meet.
    let has_cause = groups.iter().zip(&kept).any(|(group, hits)| {
        !group.searched && hits.iter().all(|hit| matches!(hit, Entry::Cause(_)))
    });
    let together =
        (groups.len() > 1 && !only_pair && !has_cause).then(|| together(knowledge, &groups, &kept));
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for entry in kept.into_iter().flatten() {
        if !entries.iter().any(|known| known.is(entry)) {
            entries.push(entry);
        }
    }
    if groups.len() > 1 {
        let all = entries.clone();
        entries.retain(|entry| !all.iter().any(|other| is_member(*other, *entry)));
    }
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
    let hits = own.hits.iter().flat_map(|hit| with_events(*hit));
    let counted: Vec<(usize, Entry<'a>)> = hits.map(|entry| (links(entry), entry)).collect();
    // Alone, a provider is itself and not its events.
    if others.is_empty() {
        return own.hits.clone();
    }
    let most = counted.iter().map(|(count, _)| *count).max().unwrap_or_default();
    // Words narrow what is named; they add nothing that has no tie to it.
    if most == 0 && own.searched {
        return Vec::new();
    }
    if most == 0 {
        return own.hits.clone();
    }
    counted.into_iter().filter(|(count, _)| *count == most).map(|(_, entry)| entry).collect()
}

/// A provider and, since other terms may mean only some of them, its events.
fn with_events(entry: Entry<'_>) -> Vec<Entry<'_>> {
    match entry {
        Entry::Provider(provider) => {
            let events = provider.events.iter().map(|event| Entry::Event(provider, event));
            [entry].into_iter().chain(events).collect()
        }
        _ => vec![entry],
    }
}

fn together<'a>(
    knowledge: &'a Knowledge,
    groups: &[Group<'a>],
    kept: &[Vec<Entry<'a>>],
) -> Together<'a> {
    let touches =
        |rule, hits: &Vec<Entry<'a>>| hits.iter().any(|entry| rule_has(knowledge, rule, *entry));
    let can_join = can_join(groups, kept);
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
            .filter(|used| can_join && kept.iter().all(|hits| touches(used.rule, hits)))
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

/// Whether one row can be about all of the terms at once. The events of a row are
/// alternatives, and so are the codes of a condition: two of a kind mean no more
/// together than each alone.
fn can_join(groups: &[Group<'_>], kept: &[Vec<Entry<'_>>]) -> bool {
    let count = |is: fn(&Entry<'_>) -> bool| {
        let named = groups.iter().zip(kept).filter(|(group, _)| !group.searched);
        named.filter(|(_, hits)| hits.iter().any(is)).count()
    };
    count(|entry| matches!(entry, Entry::Event(..) | Entry::Provider(_))) <= 1
        && count(|entry| matches!(entry, Entry::Code(..))) <= 1
}

/// Whether the one is part of the other, which then needs no telling.
fn is_member(member: Entry<'_>, whole: Entry<'_>) -> bool {
    match (member, whole) {
        (Entry::Event(own, _), Entry::Provider(provider)) => std::ptr::eq(own, provider),
        (Entry::Code(own, _), Entry::Table(table)) => std::ptr::eq(own, table),
        _ => false,
    }
}
