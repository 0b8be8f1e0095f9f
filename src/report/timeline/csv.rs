//! The same columns as CSV (RFC 4180), safe to open in a spreadsheet.

use super::jsonl::{Cell, Column, columns};
use super::model::{Entry, Timeline};
use crate::base::for_terminal;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes a header and one row an entry.
///
/// # Errors
/// When the writer fails.
pub fn write_csv(timeline: &Timeline, out: &mut dyn Write) -> io::Result<()> {
    let names = columns(&Entry::nothing());
    write_row(names.iter().map(|(name, _)| Cow::Borrowed(*name)), out)?;
    for entry in &timeline.entries {
        write_row(columns(entry).iter().map(shown), out)?;
    }
    Ok(())
}

fn write_row<'c>(cells: impl Iterator<Item = Cow<'c, str>>, out: &mut dyn Write) -> io::Result<()> {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        match cell.contains(['"', ',', '\r', '\n']) {
            true => write!(out, "\"{}\"", cell.replace('"', "\"\""))?,
            false => out.write_all(cell.as_bytes())?,
        }
    }
    out.write_all(b"\r\n")
}

fn shown((name, cell): &Column) -> Cow<'_, str> {
    match cell {
        // Timesketch makes a tag "nan" of an empty cell, and none of a dash.
        None if *name == "tag" => Cow::Borrowed("-"),
        None => Cow::Borrowed(""),
        Some(Cell::Micros(number)) => Cow::Owned(number.to_string()),
        Some(Cell::Count(number)) => Cow::Owned(number.to_string()),
        Some(Cell::List(values)) => Cow::Owned(values.join(",")),
        Some(Cell::Text(text)) => harmless(text),
    }
}

/// What a spreadsheet would take for a formula gets an apostrophe, and control characters
/// are escaped, so that a row is a line.
fn harmless(text: &str) -> Cow<'_, str> {
    let shown = for_terminal(text);
    match shown.starts_with(['=', '+', '-', '@']) {
        true => Cow::Owned(format!("'{shown}")),
        false => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_no_row_breaks() {
        let mut out = Vec::new();
        let cells = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "a\nb", "say \"x\", y", "plain"];
        write_row(cells.iter().map(|cell| harmless(cell)), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "'=cmd|' /C calc'!A0,'+1,'-1,'@SUM(A1),a\\u{a}b,\"say \"\"x\"\", y\",plain\r\n"
        );
    }
}
