//! The causes and what to do.

use super::{Ink, Page};
use crate::base::for_terminal;
use crate::diagnose::{Certainty, Part};
use crate::knowledge::Risk;
use crate::report::model::{DiagnosisReport, EvidenceReport, Report};
use crate::report::text::wrap;
use crate::report::words::{percent, place};
use std::io;

/// Diagnoses that are told in full; the rest is one line each.
pub(super) const IN_FULL: usize = 2;
const MOST_EVIDENCE: usize = 6;

impl Page<'_> {
    pub(super) fn diagnoses(&mut self, report: &Report) -> io::Result<()> {
        if report.diagnoses.is_empty() {
            return Ok(());
        }
        self.heading("Causes, most likely first")?;
        for diagnosis in report.diagnoses.iter().take(IN_FULL) {
            self.diagnosis(diagnosis)?;
        }
        for diagnosis in report.diagnoses.iter().skip(IN_FULL) {
            let also = if diagnosis.part == Part::AlsoHolds { ", also true" } else { "" };
            let line = format!("{} ({}{also})", diagnosis.title, diagnosis.cause);
            self.painted(Ink::Faint, &rank(diagnosis), &line)?;
        }
        if let Some(first) = report.diagnoses.first() {
            self.fixes(first)?;
        }
        Ok(())
    }

    fn diagnosis(&mut self, diagnosis: &DiagnosisReport) -> io::Result<()> {
        let ink = match diagnosis.certainty {
            Certainty::Conclusive | Certainty::Strong => Ink::Bad,
            Certainty::Moderate => Ink::Doubtful,
            Certainty::Weak => Ink::Faint,
        };
        self.painted(ink, &rank(diagnosis), &diagnosis.title)?;
        let also = if diagnosis.part == Part::AlsoHolds { "also true | " } else { "" };
        let marks = format!(
            "{also}{} | stage {} | fault on: {} | {}",
            diagnosis.certainty.name(),
            diagnosis.stage.name(),
            diagnosis.fault_domain.name(),
            diagnosis.cause,
        );
        self.paragraph("            ", "            ", &marks)?;
        if diagnosis.rank == 1 {
            self.paragraph("            ", "            ", &diagnosis.explanation)?;
        }
        for evidence in diagnosis.evidence.iter().take(MOST_EVIDENCE) {
            self.evidence("+", evidence)?;
        }
        for evidence in diagnosis.against.iter().take(MOST_EVIDENCE) {
            self.evidence("-", evidence)?;
        }
        for sentence in diagnosis.refuted_by.iter().filter(|_| diagnosis.rank == 1) {
            let line = format!("It would speak against this: {sentence}");
            self.paragraph("            ", "            ", &line)?;
        }
        Ok(())
    }

    /// A paragraph behind the rank of a cause, in one ink.
    fn painted(&mut self, ink: Ink, first: &str, text: &str) -> io::Result<()> {
        let width = usize::from(self.style.width);
        for line in wrap(&for_terminal(text), first, "            ", width) {
            let line = self.ink(ink, &line);
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn evidence(&mut self, sign: &str, evidence: &EvidenceReport) -> io::Result<()> {
        let text = format!("{} [{}]", evidence.statement, place(&evidence.source));
        let first = format!("     {sign}{:>5.1}  ", evidence.weight_db.abs());
        self.paragraph(&first, "            ", &text)
    }

    fn fixes(&mut self, diagnosis: &DiagnosisReport) -> io::Result<()> {
        if diagnosis.fixes.is_empty() {
            return Ok(());
        }
        self.heading("What to do, safest first")?;
        for fix in &diagnosis.fixes {
            let (ink, risk) = match fix.risk {
                Risk::Safe => (Ink::Good, fix.risk.name()),
                Risk::Caution => (Ink::Doubtful, "CAUTION"),
                Risk::LowersSecurity => (Ink::Bad, "LOWERS SECURITY"),
            };
            let title = format!("{} ({risk}, on: {})", fix.title, fix.run_on);
            // Paint takes no columns: it comes after the lines are broken.
            for line in wrap(&for_terminal(&title), "  * ", "    ", usize::from(self.style.width)) {
                let painted = line.replacen(risk, &self.ink(ink, risk), 1);
                writeln!(self.out, "{painted}")?;
            }
            if !fix.note.is_empty() {
                self.paragraph("      ", "      ", &fix.note)?;
            }
            for command in &fix.commands {
                writeln!(self.out, "      {}", for_terminal(command))?;
            }
            // Commands are not wrapped: they are there to be copied.
            for line in &fix.rollback {
                writeln!(self.out, "      back:  {}", for_terminal(line))?;
            }
            for line in &fix.verify {
                self.paragraph("      check: ", "             ", line)?;
            }
        }
        Ok(())
    }
}

/// `  1. >99 %  `
fn rank(diagnosis: &DiagnosisReport) -> String {
    format!("{:>3}. {:>3} %  ", diagnosis.rank, percent(diagnosis.probability))
}
