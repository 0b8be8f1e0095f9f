//! Everything that can be asked for.

use super::blocks::Block;
use super::layout::count;
use crate::knowledge::Knowledge;
use crate::knowledge::lookup::Entry;
use serde::Serialize;

/// The causes, events, code tables and fixes that are known.
#[derive(Debug)]
pub struct Contents {
    pub lines: Vec<ContentLine>,
}

/// One thing that can be asked for.
#[derive(Debug, Serialize)]
pub struct ContentLine {
    /// `cause`, `event`, `table` or `fix`.
    pub kind: &'static str,
    /// What to type.
    pub term: String,
    pub title: String,
    /// The provider of an event; empty for other kinds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// How many codes a table has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<usize>,
}

impl ContentLine {
    fn new(kind: &'static str, term: String, title: &str) -> Self {
        Self { kind, term, title: title.to_owned(), provider: String::new(), codes: None }
    }
}

/// The list of everything that is known.
pub fn contents(knowledge: &Knowledge) -> Contents {
    let causes = knowledge.causes.values();
    let mut lines: Vec<ContentLine> =
        causes.map(|cause| ContentLine::new("cause", cause.id.clone(), &cause.title)).collect();
    for provider in knowledge.providers() {
        lines.extend(provider.events.iter().map(|event| ContentLine {
            provider: provider.provider.clone(),
            ..ContentLine::new("event", Entry::Event(provider, event).term(), &event.title)
        }));
    }
    lines.extend(knowledge.codes.values().map(|table| ContentLine {
        codes: Some(table.codes.len()),
        ..ContentLine::new("table", table.table.clone(), &table.title)
    }));
    let fixes = knowledge.fixes.values();
    lines.extend(fixes.map(|fix| ContentLine::new("fix", fix.id.clone(), &fix.title)));
    Contents { lines }
}

impl Contents {
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (kind, heading) in
            [("cause", "Causes"), ("event", "Events"), ("table", "Code tables"), ("fix", "Fixes")]
        {
            let lines = || self.lines.iter().filter(|line| line.kind == kind);
            let title = lines().count().to_string();
            blocks.push(Block::Title { name: heading.to_owned(), title });
            let mut provider = "";
            for line in lines() {
                if line.provider != provider {
                    provider = &line.provider;
                    blocks.push(Block::Heading(provider.to_owned()));
                }
                let codes =
                    line.codes.map(|n| format!(" ({})", count(n, "code"))).unwrap_or_default();
                blocks.push(Block::Item(format!("{}: {}{codes}", line.term, line.title)));
            }
        }
        blocks
    }
}
