//! Entries by the words of their texts, and names that are written nearly alike.

use super::names::{Folded, all_codes, names};
use super::{Entry, Knowledge};

/// Names that are suggested for a word that leads nowhere.
const MOST_SUGGESTIONS: usize = 3;
/// Weights of a text by what it is: a name or title, a meaning, an explanation.
const NAME: u32 = 8;
const MEANING: u32 = 4;
const TEXT: u32 = 1;

/// Whether the texts of one entry hold every word that is inside a term.
pub(super) fn leads_somewhere(knowledge: &Knowledge, term: &str) -> bool {
    let wanted = words_of(&[term]);
    !wanted.is_empty() && matches(knowledge, &wanted).first().is_some_and(|m| m.0 == wanted.len())
}

/// Everything whose texts hold all of the words, or most of them where nothing
/// holds all; best first.
pub(super) fn search<'a>(knowledge: &'a Knowledge, terms: &[&str]) -> Vec<Entry<'a>> {
    matches(knowledge, &words_of(terms)).into_iter().map(|(_, _, entry)| entry).collect()
}

fn words_of(terms: &[&str]) -> Vec<String> {
    let words = |term: &&str| Folded::new(term).words().map(str::to_owned).collect::<Vec<_>>();
    terms.iter().flat_map(words).collect()
}

/// How many of the words an entry holds, its score, and the entry: those that hold
/// the most.
fn matches<'a>(knowledge: &'a Knowledge, wanted: &[String]) -> Vec<(usize, u32, Entry<'a>)> {
    let mut found: Vec<(usize, u32, Entry<'a>)> = everything(knowledge)
        .into_iter()
        .filter_map(|entry| {
            let texts = texts(entry);
            let scores: Vec<u32> = wanted.iter().map(|word| score(&texts, word)).collect();
            let matched = scores.iter().filter(|score| **score > 0).count();
            (matched > 0).then_some((matched, scores.iter().sum(), entry))
        })
        .collect();
    let most = found.iter().map(|(matched, _, _)| *matched).max().unwrap_or_default();
    found.retain(|(matched, _, _)| *matched == most);
    // The sort is stable: what scores alike stays in the order of `everything`.
    found.sort_by_key(|(_, score, _)| std::cmp::Reverse(*score));
    found
}

/// All entries that have a page of their own text.
fn everything(knowledge: &Knowledge) -> Vec<Entry<'_>> {
    let mut all: Vec<Entry<'_>> = knowledge.causes.values().map(Entry::Cause).collect();
    for provider in knowledge.providers() {
        all.extend(provider.events.iter().map(|event| Entry::Event(provider, event)));
    }
    all.extend(all_codes(knowledge).map(|(table, code)| Entry::Code(table, code)));
    all.extend(knowledge.fixes.values().map(Entry::Fix));
    all
}

/// The texts of an entry with their weights.
fn texts(entry: Entry<'_>) -> Vec<(u32, Folded)> {
    let mut texts: Vec<(u32, &str)> = match entry {
        Entry::Cause(cause) => {
            vec![(NAME, &cause.id), (NAME, &cause.title), (TEXT, &cause.explanation)]
        }
        Entry::Event(provider, event) => names(provider)
            .map(|name| (MEANING, name))
            .chain([(NAME, event.title.as_str()), (TEXT, &event.says)])
            .collect(),
        Entry::Code(table, code) => vec![
            (NAME, code.symbol.as_str()),
            (NAME, &code.key),
            (MEANING, &code.meaning),
            (TEXT, &code.note),
            (TEXT, &table.title),
        ],
        Entry::Fix(fix) => vec![(NAME, fix.id.as_str()), (NAME, &fix.title), (TEXT, &fix.note)],
        Entry::Provider(provider) => names(provider).map(|name| (NAME, name)).collect(),
        Entry::Table(table) => vec![(NAME, table.table.as_str()), (NAME, &table.title)],
    };
    if let Entry::Fix(fix) = entry {
        texts.extend(fix.commands.iter().map(|command| (TEXT, command.as_str())));
    }
    texts.into_iter().map(|(weight, text)| (weight, Folded::new(text))).collect()
}

/// A whole word counts most, the start of a word less, the inside of a word least;
/// short words must be whole.
fn score(texts: &[(u32, Folded)], wanted: &str) -> u32 {
    let within = |text: &Folded| {
        let best = text.words().map(|word| match word {
            word if word == wanted => 4,
            word if wanted.len() >= 3 && word.starts_with(wanted) => 2,
            word if wanted.len() >= 4 && word.contains(wanted) => 1,
            _ => 0,
        });
        best.max().unwrap_or_default()
    };
    texts.iter().map(|(weight, text)| weight * within(text)).max().unwrap_or_default()
}

/// Names that are written nearly as the word is, nearest first.
pub(super) fn suggestions(knowledge: &Knowledge, word: &str) -> Vec<String> {
    // A provider that exists, with an id that does not: its page lists the ids.
    let provider = word.split(['/', ':', '\\']).next().unwrap_or_default();
    let known: Vec<String> = super::names::providers(knowledge, provider)
        .into_iter()
        .map(|provider| provider.slug.clone())
        .take(MOST_SUGGESTIONS)
        .collect();
    if !known.is_empty() {
        return known;
    }
    let near = nearly(knowledge, word);
    // The id may be right and only the provider's name wrong.
    if near.is_empty() && word.len() > provider.len() { nearly(knowledge, provider) } else { near }
}

fn nearly(knowledge: &Knowledge, word: &str) -> Vec<String> {
    let wanted: Vec<char> = Folded::new(word).text.chars().collect();
    let allowed = (wanted.len() / 3).clamp(1, 6);
    let mut near: Vec<(usize, String)> = candidates(knowledge)
        .into_iter()
        .filter_map(|name| {
            let other: Vec<char> = Folded::new(&name).text.chars().collect();
            (other.len().abs_diff(wanted.len()) <= allowed)
                .then(|| distance(&wanted, &other))
                .filter(|distance| *distance <= allowed && *distance < wanted.len())
                .map(|distance| (distance, name))
        })
        .collect();
    near.sort();
    let mut told: Vec<String> = Vec::new();
    for (_, name) in near {
        // `Schannel` and `schannel` are one suggestion.
        if !told.iter().any(|known| Folded::new(known).text == Folded::new(&name).text) {
            told.push(name);
        }
    }
    told.truncate(MOST_SUGGESTIONS);
    told
}

/// Everything that can be named, and the longer words of titles.
fn candidates(knowledge: &Knowledge) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for entry in everything(knowledge) {
        match entry {
            Entry::Code(_, code) => all.push(code.symbol.clone()),
            Entry::Cause(cause) => {
                all.extend([cause.id.clone()]);
                all.extend(Folded::new(&cause.title).words().map(str::to_owned));
            }
            Entry::Fix(fix) => all.push(fix.id.clone()),
            Entry::Event(_, event) => {
                all.extend(Folded::new(&event.title).words().map(str::to_owned));
            }
            Entry::Provider(_) | Entry::Table(_) => {}
        }
    }
    all.extend(knowledge.codes.keys().cloned());
    for provider in knowledge.providers() {
        all.extend(names(provider).map(str::to_owned));
    }
    all.retain(|name| name.len() >= 4);
    all.sort();
    all.dedup();
    all
}

/// Edits between two texts: insertions, deletions and replacements.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(at + 1);
        for ((to, diagonal), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = diagonal + usize::from(from != to);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("same", "same"), 0);
    }
}
