//! Fixes: alone, and below their cause.

use super::blocks::Block;
use super::layout::{fact, ink};
use super::model::FixPage;

/// A fix on a page of its own.
pub(super) fn fix(page: &FixPage, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title { name: page.id.clone(), title: page.title.clone() });
    blocks.push(Block::Mark(ink(page.risk), format!("risk: {}", page.risk.name())));
    fact("run on", &page.run_on, blocks);
    fact("note", &page.note, blocks);
    for (heading, lines) in [("Commands", &page.commands), ("The way back", &page.rollback)] {
        if !lines.is_empty() {
            blocks.push(Block::Heading(heading.to_owned()));
            blocks.push(Block::Commands(lines.clone()));
        }
    }
    if !page.verify.is_empty() {
        blocks.push(Block::Heading("It worked when".to_owned()));
        blocks.extend(page.verify.iter().cloned().map(Block::Item));
    }
    if !page.causes.is_empty() {
        blocks.push(Block::Heading("Causes that call for it".to_owned()));
        let causes = page.causes.iter().map(|cause| format!("{}: {}", cause.term, cause.title));
        blocks.extend(causes.map(Block::Item));
    }
}

/// A fix among those of a cause.
pub(super) fn fix_of_cause(page: &FixPage, blocks: &mut Vec<Block>) {
    let (title, risk) = (&page.title, page.risk.name());
    blocks.push(Block::Item(format!("{title} ({risk}, on: {}, {})", page.run_on, page.id)));
    if !page.note.is_empty() {
        blocks.push(Block::Note(page.note.clone()));
    }
    blocks.push(Block::Commands(page.commands.clone()));
    if !page.rollback.is_empty() {
        blocks.push(Block::Note("The way back:".to_owned()));
        blocks.push(Block::Commands(page.rollback.clone()));
    }
    for verify in &page.verify {
        blocks.push(Block::Note(format!("It worked when: {verify}")));
    }
}
