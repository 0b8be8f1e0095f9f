//! The health checks, one line a step.

use super::{Ink, Page};
use crate::base::for_terminal;
use crate::knowledge::StepOutcome;
use crate::report::model::{CheckReport, Report, StepReport};
use crate::report::text::wrap;
use crate::report::words::place;
use std::io;

impl Page<'_> {
    pub(super) fn checks(&mut self, report: &Report) -> io::Result<()> {
        if report.checks.is_empty() {
            return Ok(());
        }
        self.heading("Health checks")?;
        report.checks.iter().try_for_each(|check| self.check(check))
    }

    fn check(&mut self, check: &CheckReport) -> io::Result<()> {
        let about = check.attempt.map(|id| format!(" (attempt {id})")).unwrap_or_default();
        self.paragraph("  ", "  ", &format!("{}{about}", check.title))?;
        check.steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &StepReport) -> io::Result<()> {
        let source = step.source.as_ref().map(|source| format!(" [{}]", place(source)));
        let fix = step.fix.as_ref().map(|fix| format!(" -> {fix}"));
        let text = format!(
            "{}: {}{}{}",
            step.what,
            step.statement,
            fix.unwrap_or_default(),
            source.unwrap_or_default()
        );
        let (ink, mark) = match step.outcome {
            StepOutcome::Ok => (Ink::Good, "ok"),
            StepOutcome::Failed => (Ink::Bad, "FAILED"),
            StepOutcome::Unknown => (Ink::Faint, "-"),
        };
        // Paint takes no columns: it comes after the lines are broken.
        let first = format!("    {mark:<6}  ");
        let width = usize::from(self.style.width);
        let mut lines = wrap(&for_terminal(&text), &first, "            ", width).into_iter();
        if let Some(line) = lines.next() {
            let painted = line.replacen(mark, &self.ink(ink, mark), 1);
            writeln!(self.out, "{painted}")?;
        }
        lines.try_for_each(|line| writeln!(self.out, "{line}"))
    }
}
