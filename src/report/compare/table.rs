//! The comparison for a terminal: what differs first, what is the same in one line.

use super::super::table::{Ink, Page, Style};
use super::super::text::short_name;
use super::model::{CompareReport, DifferenceReport, SideReport, SideValueReport};
use super::told;
use std::io::{self, Write};

/// Writes the comparison as sections and tables.
///
/// # Errors
/// When the writer fails.
pub fn write_compare_table(
    report: &CompareReport,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let mut page = Page { style, out };
    let (ink, word) = match report.is_alike() {
        true => (Ink::Good, "ALIKE"),
        false => (Ink::Bad, "DIFFERENT"),
    };
    let word = page.ink(ink, word);
    writeln!(page.out, "{word}")?;
    page.paragraph("", "", &report.summary)?;
    for (name, side) in [("GOOD", &report.good), ("BAD ", &report.bad)] {
        page.paragraph(&format!("{name}  "), "      ", &told_side(side))?;
    }
    for section in &report.differences {
        page.heading(&section.title)?;
        page.table(&["what", "GOOD", "BAD"], section.rows.iter().map(row).collect())?;
    }
    timing(report, &mut page)?;
    rest(report, &mut page)
}

/// A case in a line.
pub(super) fn told_side(side: &SideReport) -> String {
    let attempt = side.attempt.map_or_else(
        || "no attempt".to_owned(),
        |id| {
            let from = side.client.as_deref().unwrap_or("unknown client");
            let to = side.server.as_deref().unwrap_or("unknown server");
            let outcome = side.outcome.map(told::outcome).unwrap_or_default();
            format!("attempt {id} of {}, {from} to {to}, {outcome}", side.attempts)
        },
    );
    format!("{}: {}, {attempt}", side.name, told::verdict(side.verdict))
}

fn row(row: &DifferenceReport) -> Vec<String> {
    let [good, bad] = told::cells(row);
    vec![short_name(&row.what).to_owned(), cell(&good, &row.good), cell(&bad, &row.bad)]
}

/// A value with its place below it. Line feeds are this program's own: a value has none.
fn cell(text: &str, value: &SideValueReport) -> String {
    let text = text.replace('\n', " ");
    match told::place(value) {
        Some(place) => format!("{text}\n[{}]", place.replace('\n', " ")),
        None => text,
    }
}

fn timing(report: &CompareReport, page: &mut Page<'_>) -> io::Result<()> {
    if report.timing.iter().any(|timing| timing.differs) {
        page.heading("Timing")?;
        let rows = report.timing.iter().map(|timing| told::timing(timing).to_vec()).collect();
        page.table(&["from step to step", "GOOD", "BAD", "ratio"], rows)?;
    }
    Ok(())
}

/// What is the same, and what could not be compared.
fn rest(report: &CompareReport, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page.out)?;
    for (first, text) in told_rest(report) {
        let indent = " ".repeat(first.chars().count() + 2);
        page.paragraph(&format!("{first}: "), &indent, &text)?;
    }
    Ok(())
}

/// The lines behind the differences.
pub(super) fn told_rest(report: &CompareReport) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(told_same(report).map(|same| ("The same", same)));
    for (first, list) in
        [("Only GOOD shows", &report.only_good), ("Only BAD shows", &report.only_bad)]
    {
        if !list.is_empty() {
            lines.push((first, format!("{}.", list.join(", "))));
        }
    }
    lines.extend(report.notes.iter().map(|note| ("Note", note.clone())));
    lines
}

/// Sections of which nothing differs, and those of which the rest is the same.
fn told_same(report: &CompareReport) -> Option<String> {
    let differs = |title: &str| report.differences.iter().any(|section| section.title == title);
    let titles = report.same.iter().map(|same| same.section.as_str());
    let (rest, mut whole): (Vec<&str>, Vec<&str>) = titles.partition(|title| differs(title));
    if !report.timing.is_empty() && !report.timing.iter().any(|timing| timing.differs) {
        whole.push("Timing");
    }
    let rest = rest.join(", ");
    let whole = whole.join(", ");
    match (whole.is_empty(), rest.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{whole}.")),
        (true, false) => Some(format!("everything else of {rest}.")),
        (false, false) => Some(format!("{whole}; everything else of {rest}.")),
    }
}
