//! Pages as Markdown, for tickets and wikis.

use super::blocks::Block;
use crate::report::markdown::escape::{fenced, plain};
use std::io::{self, Write};

pub(super) fn write(blocks: &[Block], out: &mut dyn Write) -> io::Result<()> {
    let (mut in_list, mut below_item) = (false, false);
    for (at, block) in blocks.iter().enumerate() {
        let row = matches!(block, Block::Fact(..) | Block::Item(_) | Block::Weight { .. });
        let part = matches!(block, Block::Note(_) | Block::Commands(_));
        let listed = row || (part && in_list);
        if at > 0 && !(listed && in_list) {
            writeln!(out)?;
        }
        let nested = part && in_list || matches!(block, Block::Weight { .. }) && below_item;
        write_block(block, if nested { "  " } else { "" }, out)?;
        in_list = listed;
        below_item = matches!(block, Block::Item(_)) || (listed && below_item);
    }
    Ok(())
}

fn write_block(block: &Block, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    match block {
        Block::Title { name, title } if title.is_empty() => writeln!(out, "## {}", plain(name)),
        Block::Title { name, title } => writeln!(out, "## {}: {}", plain(name), plain(title)),
        Block::Heading(text) => writeln!(out, "### {}", plain(text)),
        Block::Text(text) => writeln!(out, "{}", plain(text)),
        Block::Fact(label, value) => writeln!(out, "- **{label}:** {}", plain(value)),
        Block::Item(text) => writeln!(out, "- {}", plain(text)),
        // A line of its own inside the item.
        Block::Note(text) => writeln!(out, "\n{indent}{}", plain(text)),
        Block::Weight { supports, weight_db, text } => {
            let sign = if *supports { "+" } else { "-" };
            writeln!(out, "{indent}- **{sign}{weight_db:.1} dB** {}", plain(text))
        }
        Block::Mark(_, text) => writeln!(out, "**{}**", plain(text)),
        Block::Commands(commands) => fenced(commands, indent, out),
    }
}
