//! A batch as Markdown.

use super::model::{BatchReport, CaseLine, ClusterBy};
use super::table::certainties;
use crate::base::counted;
use crate::report::markdown::escape::{plain, table};
use std::io::{self, Write};

/// Writes what came out of a batch as Markdown: totals, causes, clusters, and a line for
/// each case.
///
/// # Errors
/// When the writer fails.
pub fn write_batch_markdown(report: &BatchReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = report.totals;
    writeln!(out, "## {}\n", counted(totals.cases, "case"))?;
    writeln!(
        out,
        "{} diagnosed, {} without a failure, {} inconclusive, {} without evidence; {} with input that could not be read.",
        totals.diagnosed,
        totals.no_failure_found,
        totals.inconclusive,
        totals.no_evidence,
        totals.with_problems,
    )?;
    causes(report, out)?;
    clusters(report, out)?;
    unanswered(report, out)?;
    heading("Cases", !report.cases.is_empty(), out)?;
    if report.cases.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<String>> = report.cases.iter().map(case_row).collect();
    table(&["case", "verdict", "cause", "certainty", "fault on", "summary"], &rows, out)
}

fn heading(text: &str, wanted: bool, out: &mut dyn Write) -> io::Result<()> {
    if wanted { writeln!(out, "\n### {text}\n") } else { Ok(()) }
}

fn causes(report: &BatchReport, out: &mut dyn Write) -> io::Result<()> {
    heading("Causes", !report.causes.is_empty(), out)?;
    for total in &report.causes {
        writeln!(
            out,
            "- {} `{}`: {} ({}; fault on: {})",
            total.cases,
            total.cause,
            plain(&total.title),
            certainties(total),
            total.fault_domain.name(),
        )?;
    }
    Ok(())
}

fn clusters(report: &BatchReport, out: &mut dyn Write) -> io::Result<()> {
    heading("Like cases: one cause, one machine", !report.clusters.is_empty(), out)?;
    for cluster in &report.clusters {
        let by = match cluster.by {
            ClusterBy::Server => "server",
            ClusterBy::Client => "client",
        };
        writeln!(
            out,
            "- {} `{}`: {by} {}: {}",
            cluster.cases.len(),
            cluster.cause,
            plain(&cluster.of),
            plain(&cluster.cases.join(", ")),
        )?;
    }
    Ok(())
}

fn unanswered(report: &BatchReport, out: &mut dyn Write) -> io::Result<()> {
    let asked = !report.missing_evidence.is_empty();
    heading("To ask for, where the evidence does not decide", asked, out)?;
    let missing = report.missing_evidence.iter();
    missing.into_iter().try_for_each(|m| writeln!(out, "- {} {}", m.cases, plain(&m.what)))
}

fn case_row(case: &CaseLine) -> Vec<String> {
    let leading = case.leading.as_ref();
    vec![
        plain(&case.name),
        case.verdict.name().to_owned(),
        leading.map_or(String::new(), |leading| format!("`{}`", leading.cause)),
        leading.map_or("", |leading| leading.certainty.name()).to_owned(),
        leading.map_or("", |leading| leading.fault_domain.name()).to_owned(),
        plain(&case.summary),
    ]
}
