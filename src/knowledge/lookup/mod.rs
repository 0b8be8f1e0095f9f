//! Terms that a person types, and the entries of the knowledge that they mean.
//!
//! Pure: nothing is read, nothing is written, and the same terms give the same
//! entries in the same order.

mod client_code;
mod links;
mod names;
mod narrow;
mod numbers;
mod search;

pub use client_code::{ClientCode, Fit, Pair, PairCause, family_of, shown_for};
pub use links::{
    Use, causes_with_fix, event_fields_with, field_tables, uses_of_code, uses_of_event,
};
pub use narrow::{SharedCause, Together};

use super::{Cause, Code, CodeTable, Event, Fix, Knowledge, Provider};
use names::exact;

/// Words that are looked at; nobody types more by hand.
const MOST_WORDS: usize = 32;
/// Characters of a word that are looked at; the longest name that is known is
/// half as long.
const MOST_CHARS: usize = 200;

/// One thing that is known.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    Cause(&'a Cause),
    Event(&'a Provider, &'a Event),
    Code(&'a CodeTable, &'a Code),
    Fix(&'a Fix),
    /// All events of a provider.
    Provider(&'a Provider),
    /// All codes of a table.
    Table(&'a CodeTable),
}

impl Entry<'_> {
    /// Whether both are the same thing, not merely alike.
    pub fn is(self, other: Entry<'_>) -> bool {
        use std::ptr::eq;
        match (self, other) {
            (Self::Cause(a), Entry::Cause(b)) => eq(a, b),
            (Self::Event(_, a), Entry::Event(_, b)) => eq(a, b),
            (Self::Code(_, a), Entry::Code(_, b)) => eq(a, b),
            (Self::Fix(a), Entry::Fix(b)) => eq(a, b),
            (Self::Provider(a), Entry::Provider(b)) => eq(a, b),
            (Self::Table(a), Entry::Table(b)) => eq(a, b),
            _ => false,
        }
    }

    /// What to type to see this entry.
    pub fn term(self) -> String {
        match self {
            Self::Cause(cause) => cause.id.clone(),
            Self::Event(provider, event) => format!("{}/{}", provider.slug, event.id),
            Self::Code(table, code) => format!("{} {}", table.table, code.shown()),
            Self::Fix(fix) => fix.id.clone(),
            Self::Provider(provider) => provider.slug.clone(),
            Self::Table(table) => table.table.clone(),
        }
    }
}

/// What the terms mean.
#[derive(Debug)]
pub struct Answer<'a> {
    pub entries: Vec<Entry<'a>>,
    /// The two numbers of the error dialog, when two terms are such a pair.
    pub pair: Option<Pair<'a>>,
    /// Causes in which all terms meet, when there are several terms.
    pub together: Option<Together<'a>>,
    /// The entries were found by their words, best first, not by a name.
    pub searched: bool,
}

/// A term that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub term: String,
    /// Names that are written nearly so, nearest first.
    pub suggestions: Vec<String>,
}

/// What the terms mean; several terms narrow each other.
///
/// # Errors
/// The terms that lead nowhere. Terms without a word in them give an empty list.
pub fn look_up<'a>(knowledge: &'a Knowledge, terms: &[String]) -> Result<Answer<'a>, Vec<Unknown>> {
    let words = words_of(terms)?;
    let pieces = pieces(knowledge, &words);
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut plain: Vec<String> = Vec::new();
    for (text, hits) in pieces {
        match hits.is_empty() {
            true => plain.push(text),
            false => groups.push(Group { text, hits, searched: false }),
        }
    }
    let unknown: Vec<Unknown> = plain
        .iter()
        .filter(|word| search::search(knowledge, &[word]).is_empty())
        .map(|word| Unknown {
            term: word.clone(),
            suggestions: search::suggestions(knowledge, word),
        })
        .collect();
    if !unknown.is_empty() || (plain.is_empty() && groups.is_empty()) {
        return Err(unknown);
    }
    if !plain.is_empty() {
        let words: Vec<&str> = plain.iter().map(String::as_str).collect();
        let hits = search::search(knowledge, &words);
        groups.push(Group { text: plain.join(" "), hits, searched: true });
    }
    Ok(narrow::answer(knowledge, groups))
}

/// One term, or several that are one name, and everything that it can mean.
#[derive(Debug)]
struct Group<'a> {
    text: String,
    hits: Vec<Entry<'a>>,
    searched: bool,
}

/// The words of all terms. `0x904/0x7` are two.
fn words_of(terms: &[String]) -> Result<Vec<String>, Vec<Unknown>> {
    let mut words = Vec::new();
    for word in terms.iter().flat_map(|term| term.split_whitespace()) {
        let is_number = |text: &str| super::cause::number(text).is_some();
        match word.split_once('/') {
            Some((reason, extended)) if is_number(reason) && is_number(extended) => {
                words.extend([reason.to_owned(), extended.to_owned()]);
            }
            _ => words.push(word.to_owned()),
        }
    }
    let too_much = |word: &str| {
        let term: String = word.chars().take(40).chain("…".chars()).collect();
        Err(vec![Unknown { term, suggestions: Vec::new() }])
    };
    if let Some(word) = words.get(MOST_WORDS) {
        return too_much(word);
    }
    match words.iter().find(|word| word.chars().count() > MOST_CHARS) {
        Some(word) => too_much(word),
        None => Ok(words),
    }
}

/// The words, those put together that are one name, with what each means.
fn pieces<'a>(knowledge: &'a Knowledge, words: &[String]) -> Vec<(String, Vec<Entry<'a>>)> {
    let mut pieces = Vec::new();
    let mut rest = words;
    while let Some(first) = rest.first() {
        let joined = (2..=rest.len()).rev().find_map(|length| {
            let (name, after) = rest.split_at_checked(length)?;
            let name = name.join(" ");
            let hits = names::joined(knowledge, &name);
            (!hits.is_empty()).then_some((name, hits, after))
        });
        match joined {
            Some((name, hits, after)) => {
                pieces.push((name, hits));
                rest = after;
            }
            None => {
                pieces.push((first.clone(), exact(knowledge, first)));
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    pieces
}
