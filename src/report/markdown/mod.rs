//! The report as Markdown that pastes well into a ticket: what failed and what proves it
//! first, what to do next, the rest behind.

pub(in crate::report) mod escape;
mod evidence;
mod story;

use super::model::{DiagnosisReport, EvidenceReport, FixReport, Report};
use super::words::{percent, place};
use crate::diagnose::Part;
use crate::knowledge::Risk;
use escape::{code, fenced, plain};
use std::io::{self, Write};

/// Diagnoses that are told with their evidence; the rest is one line each.
const IN_FULL: usize = 2;
const MOST_EVIDENCE: usize = 6;

/// Writes the report as Markdown.
///
/// # Errors
/// When the writer fails.
pub fn write_markdown(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    answer(report, out)?;
    story::client_codes(report, out)?;
    diagnoses(report, out)?;
    if let Some(first) = report.diagnoses.first() {
        fixes(first, out)?;
    }
    story::attempts(report, out)?;
    story::background(report, out)?;
    story::checks(report, out)?;
    evidence::missing(report, out)?;
    evidence::coverage(report, out)?;
    evidence::problems(report, out)?;
    let tool = format!("{} {}", report.tool.name, report.tool.version);
    writeln!(out, "\n*{}; times are UTC on the case's clock.*", plain(&tool))
}

fn heading(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n### {text}\n")
}

fn answer(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}: {}\n", plain(&report.case.name), report.verdict.name())?;
    writeln!(out, "{}", plain(&report.summary))?;
    if let Some(why) = &report.case.unfinished {
        writeln!(out, "\n**Not analysed to its end:** {}", plain(why))?;
    }
    Ok(())
}

fn diagnoses(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.diagnoses.is_empty() {
        return Ok(());
    }
    heading("Causes, most likely first", out)?;
    for diagnosis in &report.diagnoses {
        diagnosis_item(diagnosis, out)?;
    }
    Ok(())
}

fn diagnosis_item(diagnosis: &DiagnosisReport, out: &mut dyn Write) -> io::Result<()> {
    let also = if diagnosis.part == Part::AlsoHolds { ", also true" } else { "" };
    writeln!(
        out,
        "{}. **{} % {}** ({}{also}; stage {}, fault on: {}; `{}`)",
        diagnosis.rank,
        percent(diagnosis.probability).replace('>', "\\>"),
        plain(&diagnosis.title),
        diagnosis.certainty.name(),
        diagnosis.stage.name(),
        diagnosis.fault_domain.name(),
        diagnosis.cause,
    )?;
    if usize::try_from(diagnosis.rank).is_ok_and(|rank| rank > IN_FULL) {
        return Ok(());
    }
    if diagnosis.rank == 1 && !diagnosis.explanation.is_empty() {
        writeln!(out, "   - {}", plain(&diagnosis.explanation))?;
    }
    for evidence in diagnosis.evidence.iter().take(MOST_EVIDENCE) {
        evidence_item("+", evidence, out)?;
    }
    for evidence in diagnosis.against.iter().take(MOST_EVIDENCE) {
        evidence_item("-", evidence, out)?;
    }
    for sentence in &diagnosis.refuted_by {
        writeln!(out, "   - It would speak against this: {}", plain(sentence))?;
    }
    Ok(())
}

/// A statement with its place, and what shows it.
fn evidence_item(sign: &str, evidence: &EvidenceReport, out: &mut dyn Write) -> io::Result<()> {
    let weight = evidence.weight_db.abs();
    let statement = plain(&evidence.statement);
    let place = plain(&place(&evidence.source));
    write!(out, "   - **{sign}{weight:.1}** {statement} \\[{place}\\]")?;
    match (&evidence.show_with, evidence.source.record_id) {
        (Some(command), Some(_)) => writeln!(out, ": {}", code(command)),
        _ if !evidence.open_with.is_empty() => writeln!(out, ": {}", code(&evidence.open_with)),
        _ => writeln!(out),
    }
}

fn fixes(diagnosis: &DiagnosisReport, out: &mut dyn Write) -> io::Result<()> {
    if diagnosis.fixes.is_empty() {
        return Ok(());
    }
    heading("What to do, safest first", out)?;
    diagnosis.fixes.iter().try_for_each(|fix| fix_item(fix, out))
}

fn fix_item(fix: &FixReport, out: &mut dyn Write) -> io::Result<()> {
    let risk = match fix.risk {
        Risk::Safe => "safe",
        Risk::Caution => "**CAUTION**",
        Risk::LowersSecurity => "**LOWERS SECURITY**",
    };
    writeln!(out, "- {} ({risk}, on: {})", plain(&fix.title), plain(&fix.run_on))?;
    if !fix.note.is_empty() {
        writeln!(out, "\n  {}", plain(&fix.note))?;
    }
    let listed = [("", &fix.commands), ("Back", &fix.rollback), ("Check", &fix.verify)];
    for (label, lines) in listed.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        if !label.is_empty() {
            write!(out, "\n  {label}:\n")?;
        }
        fenced(lines, "  ", out)?;
    }
    Ok(())
}
