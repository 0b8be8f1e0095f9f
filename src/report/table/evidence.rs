//! What was read, what was not, and what to ask for.

use super::Page;
use crate::base::{counted, for_terminal};
use crate::report::collectors;
use crate::report::coverage::in_short;
use crate::report::model::{ProblemReport, Report};
use crate::report::words::{clocks, files, span, speaker, systems};
use std::io;

const MOST_PROBLEMS: usize = 20;

impl Page<'_> {
    pub(super) fn missing(&mut self, report: &Report) -> io::Result<()> {
        if report.missing_evidence.is_empty() {
            return Ok(());
        }
        self.heading("Ask for next")?;
        for missing in &report.missing_evidence {
            self.paragraph("  * ", "    ", &missing.what)?;
            for how in &missing.how {
                writeln!(self.out, "      {}", for_terminal(how))?;
            }
        }
        Ok(())
    }

    pub(super) fn coverage(&mut self, report: &Report) -> io::Result<()> {
        if report.coverage.is_empty() && report.collectors.is_empty() {
            return Ok(());
        }
        self.heading("Evidence read")?;
        for collector in &report.collectors {
            self.paragraph("By ", "   ", &collectors::in_short(collector))?;
        }
        if report.coverage.is_empty() {
            return Ok(());
        }
        let mut header = vec!["file", "speaks for", "time (its own clock, UTC)", "items", "lost"];
        let holes = report.coverage.iter().any(|coverage| !coverage.holes.is_empty());
        header.extend(holes.then_some("does not speak"));
        let rows = report
            .coverage
            .iter()
            .map(|coverage| {
                let mut row = vec![
                    files(coverage),
                    speaker(coverage),
                    span(coverage),
                    coverage.items.to_string(),
                    match coverage.unreadable {
                        0 => String::new(),
                        lost => lost.to_string(),
                    },
                ];
                row.extend(holes.then(|| in_short(coverage)));
                row
            })
            .collect();
        self.table(&header, rows)?;
        for offset in clocks(&report.hosts, &report.coverage) {
            self.paragraph("Clock: ", "       ", &offset)?;
        }
        for system in systems(report) {
            self.paragraph("System: ", "        ", &system)?;
        }
        Ok(())
    }

    pub(super) fn problems(&mut self, report: &Report) -> io::Result<()> {
        self.unread(&report.problems)
    }

    pub(in crate::report) fn unread(&mut self, problems: &[ProblemReport]) -> io::Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        self.heading("What could not be read")?;
        for problem in problems.iter().take(MOST_PROBLEMS) {
            let place =
                problem.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            self.paragraph(
                "  * ",
                "    ",
                &format!("{}{place}: {}", problem.file, problem.message),
            )?;
        }
        let left = problems.len().saturating_sub(MOST_PROBLEMS);
        if left > 0 {
            let left = counted(left, "more problem");
            writeln!(self.out, "  * In the JSON report: {left}.")?;
        }
        Ok(())
    }
}
