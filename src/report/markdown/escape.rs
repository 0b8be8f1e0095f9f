//! Text that stays text in Markdown, whoever wrote it.

use crate::base::for_terminal;
use std::io::{self, Write};

/// A code block whose fence no line of it can close.
pub(in crate::report) fn fenced(
    commands: &[String],
    indent: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
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

/// Text as it stands, in a code span that it cannot close; a `|` is escaped, since the span
/// may stand in a table.
pub(in crate::report) fn code(text: &str) -> String {
    let fence = "`".repeat(backticks(text) + 1);
    let text = for_terminal(text).replace('|', "\\|");
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A table, with its cells already in Markdown.
pub(in crate::report) fn table(
    header: &[&str],
    rows: &[Vec<String>],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "| {} |", header.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(header.len()))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

/// Text that Markdown takes as text.
pub(in crate::report) fn plain(text: &str) -> String {
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
    fn no_backtick_closes_its_span_and_no_bar_its_cell() {
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn no_line_closes_its_fence() {
        let mut out = Vec::new();
        fenced(&["echo ```".to_owned()], "", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "````text\necho ```\n````\n");
    }
}
