//! Codes, tables of them, and the pair of the error dialog.

use super::blocks::Block;
use super::layout::{count, fact, uses, weight};
use super::model::*;
use crate::observe::Stage;
use crate::report::table::Ink;

/// Events that are named with a code; a table of statuses belongs to dozens.
const MOST_EVENTS: usize = 8;

/// A code with everything that has to do with it.
pub(super) fn code(page: &CodePage, blocks: &mut Vec<Block>) {
    head(&page.code, blocks);
    fact("noticed by", &page.family, blocks);
    fact("shown for", listed(page.shown_for.iter().map(|cause| cause.term.as_str())), blocks);
    fact("events", events(&page.events, &page.uses), blocks);
    uses(&page.uses, blocks);
}

/// A code among others: the causes by their ids only.
pub(super) fn code_in_brief(page: &CodePage, blocks: &mut Vec<Block>) {
    head(&page.code, blocks);
    fact("noticed by", &page.family, blocks);
    let shown = page.shown_for.iter().map(|cause| cause.term.as_str());
    let used = page.uses.iter().map(|used| used.cause.as_str());
    fact("events", events(&page.events, &page.uses), blocks);
    fact("causes", listed(shown.chain(used)), blocks);
}

fn head(code: &CodeLine, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title { name: number(code), title: code.symbol.clone() });
    fact("table", format!("{} ({})", code.table_title, code.table), blocks);
    fact("meaning", &code.meaning, blocks);
    fact("note", &code.note, blocks);
    fact("known from", known_from(code), blocks);
}

/// `0x904 (2308)`, a small number as it is, or the key.
fn number(code: &CodeLine) -> String {
    match (code.value, &code.hex) {
        (Some(value @ 0..=9), _) => value.to_string(),
        (Some(value), Some(hex)) => format!("{hex} ({value})"),
        _ => code.key.clone(),
    }
}

fn known_from(code: &CodeLine) -> String {
    let parts = [code.verification.as_str(), code.source.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The events, first those in which causes look for the code.
fn events(events: &[FieldReport], uses: &[UseReport]) -> String {
    let looked_at = |event: &FieldReport| {
        let kind = format!("event.{}", event.event.replace('/', "."));
        uses.iter().any(|used| used.rule.facts.contains(&kind))
    };
    let (first, rest): (Vec<_>, Vec<_>) = events.iter().partition(|event| looked_at(event));
    let left = events.len().saturating_sub(MOST_EVENTS);
    let each = first.into_iter().chain(rest).take(MOST_EVENTS);
    let each = each.map(|event| format!("{} ({})", event.event, event.fields.join(", ")));
    let more = (left > 0).then(|| format!("and {left} more"));
    each.chain(more).collect::<Vec<_>>().join(", ")
}

/// The words, each once.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = Vec::new();
    for word in words {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all.join(", ")
}

/// All codes of a table.
pub(super) fn table(page: &TablePage, blocks: &mut Vec<Block>) {
    let title = format!("{}: {}", page.title, count(page.codes.len(), "code"));
    blocks.push(Block::Title { name: page.table.clone(), title });
    fact("events", events(&page.events, &[]), blocks);
    blocks.push(Block::Heading("Codes".to_owned()));
    blocks.extend(page.codes.iter().map(|code| Block::Item(in_a_line(code))));
}

/// Number, symbol and meaning.
pub(super) fn in_a_line(code: &CodeLine) -> String {
    let symbol = if code.symbol.is_empty() { String::new() } else { format!(" {}", code.symbol) };
    format!("{}{symbol}: {}", number(code), code.meaning)
}

/// A disconnect reason with its extended reason.
pub(super) fn pair(page: &PairPage, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title {
        name: format!("{} / {}", page.reason, page.extended),
        title: "disconnect reason and extended reason of the RDP client".to_owned(),
    });
    blocks.push(Block::Mark(Ink::Doubtful, page.caution.clone()));
    for (heading, codes) in
        [("The disconnect reason", &page.reasons), ("The extended reason", &page.extended_reasons)]
    {
        blocks.push(Block::Heading(heading.to_owned()));
        for code in codes {
            blocks.push(Block::Item(in_a_line(code)));
            if !code.note.is_empty() {
                blocks.push(Block::Note(code.note.clone()));
            }
            blocks.push(Block::Note(format!("[{}; {}]", code.table_title, known_from(code))));
        }
    }
    if !page.family.is_empty() || !page.stages.is_empty() {
        blocks.push(Block::Heading("Where it arises".to_owned()));
    }
    fact("noticed by", &page.family, blocks);
    if !page.stages.is_empty() {
        let stages: Vec<&str> = page.stages.iter().map(|stage| Stage::name(*stage)).collect();
        blocks.push(Block::Text(format!(
            "The causes that are known to show it act at these stages: {}.",
            stages.join(", ")
        )));
    }
    pair_causes(page, blocks);
}

fn pair_causes(page: &PairPage, blocks: &mut Vec<Block>) {
    for (shows, heading) in [
        ("both", "Causes that show both numbers, by stage, and what tells them apart"),
        ("reason", "Causes that show the disconnect reason; their extended reason is not known"),
        ("extended", "Causes that show the extended reason, whatever the first number"),
    ] {
        let causes: Vec<&PairCauseReport> =
            page.causes.iter().filter(|cause| cause.shows == shows).collect();
        if !causes.is_empty() {
            blocks.push(Block::Heading(heading.to_owned()));
        }
        for cause in causes {
            pair_cause(cause, blocks);
        }
    }
    if page.causes.is_empty() {
        blocks.push(Block::Text("No cause is known to show these numbers.".to_owned()));
    } else {
        blocks.push(Block::Text(
            "explain with the id of a cause gives the commands and the fixes.".to_owned(),
        ));
    }
}

fn pair_cause(cause: &PairCauseReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Item(format!(
        "{}: {} (stage {}, fault on: {})",
        cause.cause,
        cause.title,
        cause.stage.name(),
        cause.fault_domain.name()
    )));
    blocks.extend(cause.proof.iter().map(|rule| weight(rule, true)));
    let settle: Vec<&str> = cause.settle.iter().map(|settle| settle.what.as_str()).collect();
    if !settle.is_empty() {
        blocks.push(Block::Note(format!("ask for: {}", settle.join("; "))));
    }
}
