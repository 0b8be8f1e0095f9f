//! The comparison as Markdown, for a ticket or a wiki.

use super::model::{CompareReport, SideValueReport};
use super::table::{told_rest, told_side};
use super::told;
use crate::report::markdown::escape::plain;
use std::io::{self, Write};

/// Writes the comparison as Markdown.
///
/// # Errors
/// When the writer fails.
pub fn write_compare_markdown(report: &CompareReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Comparison\n\n{}\n", plain(&report.summary))?;
    writeln!(out, "- **GOOD**: {}", plain(&told_side(&report.good)))?;
    writeln!(out, "- **BAD**: {}", plain(&told_side(&report.bad)))?;
    for section in &report.differences {
        writeln!(out, "\n## {}\n\n| what | GOOD | BAD |", plain(&section.title))?;
        writeln!(out, "| --- | --- | --- |")?;
        for row in &section.rows {
            let [good, bad] = told::cells(row);
            let (good, bad) = (cell(&good, &row.good), cell(&bad, &row.bad));
            writeln!(out, "| {} | {good} | {bad} |", plain(&row.what))?;
        }
    }
    if report.timing.iter().any(|timing| timing.differs) {
        writeln!(out, "\n## Timing\n\n| from step to step | GOOD | BAD | ratio |")?;
        writeln!(out, "| --- | ---: | ---: | --- |")?;
        for timing in &report.timing {
            let cells = told::timing(timing).map(|cell| plain(&cell));
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    for (first, text) in told_rest(report) {
        writeln!(out, "\n**{first}**: {}", plain(&text))?;
    }
    Ok(())
}

fn cell(text: &str, value: &SideValueReport) -> String {
    match told::place(value) {
        Some(place) => format!("{} ({})", plain(text), plain(&place)),
        None => plain(text),
    }
}
