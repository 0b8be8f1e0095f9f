//! What was read, what was not, and what to ask for.

use super::escape::{fenced, plain, table};
use super::heading;
use crate::base::counted;
use crate::report::collectors;
use crate::report::coverage::in_short;
use crate::report::model::Report;
use crate::report::words::{clocks, files, span, speaker, systems};
use std::io::{self, Write};

const MOST_PROBLEMS: usize = 20;

pub(super) fn missing(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.missing_evidence.is_empty() {
        return Ok(());
    }
    heading("Ask for next", out)?;
    for missing in &report.missing_evidence {
        writeln!(out, "- {}", plain(&missing.what))?;
        if !missing.how.is_empty() {
            fenced(&missing.how, "  ", out)?;
        }
    }
    Ok(())
}

pub(super) fn coverage(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.coverage.is_empty() && report.collectors.is_empty() {
        return Ok(());
    }
    heading("Evidence read", out)?;
    let rows: Vec<Vec<String>> = report
        .coverage
        .iter()
        .map(|coverage| {
            vec![
                plain(&files(coverage).replace('\n', ", ")),
                plain(&speaker(coverage)),
                span(coverage),
                coverage.items.to_string(),
                coverage.unreadable.to_string(),
                plain(&in_short(coverage)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let header =
            ["file", "speaks for", "time (its own clock, UTC)", "items", "lost", "does not speak"];
        table(&header, &rows, out)?;
        writeln!(out)?;
    }
    let by =
        report.collectors.iter().map(|collector| format!("By {}", collectors::in_short(collector)));
    let clocks =
        clocks(&report.hosts, &report.coverage).into_iter().map(|line| format!("Clock: {line}"));
    let systems = systems(report).into_iter().map(|line| format!("System: {line}"));
    by.chain(clocks).chain(systems).try_for_each(|line| writeln!(out, "- {}", plain(&line)))
}

pub(super) fn problems(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.problems.is_empty() {
        return Ok(());
    }
    heading("What could not be read", out)?;
    for problem in report.problems.iter().take(MOST_PROBLEMS) {
        let place = problem.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
        writeln!(out, "- {}{place}: {}", plain(&problem.file), plain(&problem.message))?;
    }
    let left = report.problems.len().saturating_sub(MOST_PROBLEMS);
    if left > 0 {
        writeln!(out, "- In the JSON report: {}.", counted(left, "more problem"))?;
    }
    Ok(())
}
