//! The report for a terminal: sections, tables that fit, readable without colour.

mod attempts;
mod checks;
mod context;
mod diagnoses;
mod evidence;
mod proofs;

use super::model::Report;
use super::text::wrap;
use crate::base::for_terminal;
use crate::diagnose::Verdict;
use comfy_table::{Cell, ContentArrangement, LineStyle, Table, TableStyle};
use std::io::{self, Write};

/// How the terminal wants it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns; at least 40 are used.
    pub width: u16,
    pub color: bool,
}

/// Writes the report as sections and tables.
///
/// # Errors
/// When the writer fails.
pub fn write_table(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let mut page = Page { style, out };
    page.answer(report)?;
    page.client_codes(report)?;
    page.diagnoses(report)?;
    page.background(report)?;
    page.attempts(report)?;
    page.checks(report)?;
    page.records(report)?;
    page.missing(report)?;
    page.proofs(report)?;
    page.coverage(report)?;
    page.problems(report)
}

pub(in crate::report) struct Page<'a> {
    pub(in crate::report) style: Style,
    pub(in crate::report) out: &'a mut dyn Write,
}

/// SGR codes by meaning.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) enum Ink {
    Bold,
    Good,
    Bad,
    Doubtful,
    Faint,
}

impl Style {
    /// The text in an ink, where colour is wanted.
    pub(in crate::report) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Doubtful => "1;33",
            Ink::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl Page<'_> {
    pub(in crate::report) fn ink(&self, ink: Ink, text: &str) -> String {
        self.style.ink(ink, text)
    }

    pub(in crate::report) fn heading(&mut self, text: &str) -> io::Result<()> {
        let heading = self.ink(Ink::Bold, text);
        writeln!(self.out, "\n{heading}")
    }

    /// A paragraph, wrapped, with its own first indent.
    pub(in crate::report) fn paragraph(
        &mut self,
        first: &str,
        rest: &str,
        text: &str,
    ) -> io::Result<()> {
        let text = for_terminal(text);
        for line in wrap(&text, first, rest, usize::from(self.style.width)) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    pub(in crate::report) fn table(
        &mut self,
        header: &[&str],
        rows: Vec<Vec<String>>,
    ) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(
                TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')),
            )
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.style.width)
            .set_header(header.iter().map(Cell::new));
        for row in rows {
            // Line feeds are this program's own; everything else in a cell is not.
            let shown = |cell: &String| {
                cell.split('\n')
                    .map(|line| for_terminal(line).into_owned())
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            table.add_row(row.iter().map(|cell| Cell::new(shown(cell))));
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn answer(&mut self, report: &Report) -> io::Result<()> {
        let ink = match report.verdict {
            Verdict::Diagnosed => Ink::Bad,
            Verdict::NoFailureFound => Ink::Good,
            Verdict::Inconclusive | Verdict::NoEvidence => Ink::Doubtful,
        };
        let verdict = self.ink(ink, &report.verdict.name().to_uppercase());
        writeln!(self.out, "{verdict}  {}", for_terminal(&report.case.name))?;
        self.paragraph("", "", &report.summary)?;
        match &report.case.unfinished {
            Some(why) => self.paragraph("", "", &format!("Not analysed to its end: {why}")),
            None => Ok(()),
        }
    }
}
