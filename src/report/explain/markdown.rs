//! Pages as Markdown, for tickets and wikis.

use super::blocks::Block;
use crate::base::for_terminal;
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

/// A code block whose fence no line of it can close.
fn fenced(commands: &[String], indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let longest = commands.iter().map(|line| backticks(line)).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    let blank = if indent.is_empty() { "" } else { "\n" };
    writeln!(out, "{blank}{indent}{fence}text")?;
    for command in commands {
        writeln!(out, "{indent}{}", for_terminal(command))?;
    }
    writeln!(out, "{indent}{fence}")
}

/// The longest run of backticks.
fn backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Text that Markdown takes as text.
fn plain(text: &str) -> String {
    let text = for_terminal(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // An underscore inside a word marks nothing, and symbols are full of them.
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric());
        let first = out.is_empty() && matches!(c, '#' | '-' | '+');
        if matches!(c, '\\' | '`' | '*' | '<' | '>' | '[' | ']' | '|' | '&')
            || (c == '_' && !inside)
            || first
        {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_texts_stay_texts() {
        assert_eq!(plain("a_b *c* <d> [e](f)"), "a_b \\*c\\* \\<d\\> \\[e\\](f)");
        assert_eq!(plain("# no heading"), "\\# no heading");
    }

    #[test]
    fn no_line_closes_its_fence() {
        let mut out = Vec::new();
        fenced(&["echo ```".to_owned()], "", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "````text\necho ```\n````\n");
    }
}
