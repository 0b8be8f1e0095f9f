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

pub use client_code::{
    ClientCode, Fit, Pair, PairCause, extended_reasons, family, family_of, fit_of,
    is_extended_reason, is_reason, reasons, shown_for,
};
pub use links::{
    Use, causes_with_fix, event_fields_with, field_tables, uses_of_code, uses_of_event,
};
pub use narrow::{SharedCause, Together};

use super::{Cause, Code, CodeTable, Event, Fix, Knowledge, Provider};
use names::exact;
use std::fmt;

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

/// Why terms have no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// There is no word in them.
    Empty,
    /// More than 32 words, or a word of more than 200 characters.
    TooMuch,
    /// These terms lead nowhere.
    Unknown(Vec<Unknown>),
}

impl std::error::Error for LookupError {}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = match self {
            Self::Empty => return f.write_str("there is no term to look up"),
            Self::TooMuch => {
                return write!(
                    f,
                    "at most {MOST_WORDS} words of at most {MOST_CHARS} characters are looked up"
                );
            }
            Self::Unknown(unknown) => unknown,
        };
        for (at, Unknown { term, suggestions }) in unknown.iter().enumerate() {
            let next = if at > 0 { "; " } else { "" };
            match suggestions.is_empty() {
                true => write!(f, "{next}{term}: no number, name or word that is known")?,
                false => {
                    let names = suggestions.join(" or ");
                    write!(f, "{next}{term}: not known; did you mean {names}?")?;
                }
            }
        }
        Ok(())
    }
}

/// What the terms mean; several terms narrow each other.
///
/// # Errors
/// When a term leads nowhere, or the terms hold no word or far too many.
pub fn look_up<'a>(knowledge: &'a Knowledge, terms: &[String]) -> Result<Answer<'a>, LookupError> {
    let words = words_of(terms)?;
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut plain: Vec<String> = Vec::new();
    for (text, hits) in pieces(knowledge, &words) {
        match hits.is_empty() {
            true => plain.push(text),
            false => groups.push(Group { text, hits, searched: false }),
        }
    }
    let unknown: Vec<Unknown> = plain
        .iter()
        .filter(|word| !search::leads_somewhere(knowledge, word))
        .map(|word| Unknown {
            term: word.clone(),
            suggestions: search::suggestions(knowledge, word),
        })
        .collect();
    if !unknown.is_empty() {
        return Err(LookupError::Unknown(unknown));
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
fn words_of(terms: &[String]) -> Result<Vec<String>, LookupError> {
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
    let too_long = words.iter().any(|word| word.chars().count() > MOST_CHARS);
    match words.len() {
        0 => Err(LookupError::Empty),
        n if n > MOST_WORDS || too_long => Err(LookupError::TooMuch),
        _ => Ok(words),
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
