//! A page as a row of parts, before it is set for a terminal or as Markdown.

use super::super::table::Ink;

/// One part of a page.
#[derive(Debug)]
pub(super) enum Block {
    /// Begins an entry: what it is called and what it is.
    Title {
        name: String,
        title: String,
    },
    Heading(String),
    Text(String),
    /// A labelled value.
    Fact(&'static str, String),
    Item(String),
    /// What belongs to the item above.
    Note(String),
    /// A row of evidence: a sign and decibans, then a text.
    Weight {
        supports: bool,
        weight_db: f64,
        text: String,
    },
    /// A warning or a promise, in colour where there is colour.
    Mark(Ink, String),
    /// What to type on a host. Not wrapped: it is there to be copied.
    Commands(Vec<String>),
}
