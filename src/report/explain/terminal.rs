//! Pages for a terminal, fitted to its width, readable without colour.

use super::super::table::{Ink, Style};
use super::super::text::wrap;
use super::blocks::Block;
use crate::base::for_terminal;
use std::io::{self, Write};

/// Columns of a label with the spaces around it.
const LABEL: usize = 16;

pub(super) fn write(blocks: &[Block], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let mut page = Page { style, out, below_item: false };
    for (at, block) in blocks.iter().enumerate() {
        page.block(block, at == 0)?;
    }
    Ok(())
}

struct Page<'a> {
    style: Style,
    out: &'a mut dyn Write,
    /// An item went before, to which what follows belongs.
    below_item: bool,
}

impl Page<'_> {
    fn block(&mut self, block: &Block, first: bool) -> io::Result<()> {
        match block {
            Block::Item(_) => self.below_item = true,
            Block::Title { .. } | Block::Heading(_) | Block::Text(_) => self.below_item = false,
            _ => {}
        }
        match block {
            Block::Title { name, title } => {
                if !first {
                    writeln!(self.out)?;
                }
                let text = if title.is_empty() { name.clone() } else { format!("{name}: {title}") };
                self.inked(Ink::Bold, "", "  ", &text)
            }
            Block::Heading(text) => {
                if !first {
                    writeln!(self.out)?;
                }
                self.inked(Ink::Bold, "", "", text)
            }
            Block::Text(text) => self.lines("  ", "  ", text),
            Block::Fact(label, value) => {
                let label = format!("  {label:<width$}", width = LABEL - 2);
                self.lines(&label, &" ".repeat(LABEL), value)
            }
            Block::Item(text) => self.lines("  * ", "    ", text),
            Block::Note(text) => self.lines("    ", "    ", text),
            Block::Weight { supports, weight_db, text } => {
                let sign = if *supports { '+' } else { '-' };
                let indent = if self.below_item { "    " } else { "  " };
                let first = format!("{indent}{sign}{weight_db:>5.1}  ");
                self.lines(&first, &" ".repeat(first.len()), text)
            }
            Block::Mark(ink, text) => self.inked(*ink, "  ", "  ", text),
            Block::Commands(commands) => {
                for command in commands {
                    writeln!(self.out, "      {}", for_terminal(command))?;
                }
                Ok(())
            }
        }
    }

    fn lines(&mut self, first: &str, rest: &str, text: &str) -> io::Result<()> {
        for line in wrap(&for_terminal(text), first, rest, usize::from(self.style.width)) {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn inked(&mut self, ink: Ink, first: &str, rest: &str, text: &str) -> io::Result<()> {
        for line in wrap(&for_terminal(text), first, rest, usize::from(self.style.width)) {
            writeln!(self.out, "{}", self.style.ink(ink, line.trim_end()))?;
        }
        Ok(())
    }
}
