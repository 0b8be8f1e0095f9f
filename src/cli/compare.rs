//! `compare`: what differs between two cases.

use super::args::{ReadingArgs, RunningArgs};
use super::output::Output;
use super::{Exit, knowledge, progress, use_threads, warn_about, warn_of_offsets};
use crate::base::{Allowance, Meter, for_terminal};
use crate::diagnose::Verdict;
use crate::document::is_own_report;
use crate::knowledge::Knowledge;
use crate::report::compare::{
    Chosen, CompareReport, compare, write_compare_json, write_compare_markdown, write_compare_table,
};
use crate::report::{Report, Style};
use crate::triage::triage;
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a report that are read: a thousand attempts with all their records take a
/// tenth of it.
const MAX_REPORT: u64 = 1 << 30;

/// How the comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CompareFormat {
    /// Sections and tables for a terminal
    Table,
    /// Markdown, for a ticket or a wiki
    Markdown,
    /// One indented JSON object
    Json,
    /// One JSON object on one line
    Jsonl,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage compare works.pcapng fails.pcapng\n  rdp-triage compare ticket-before/ ticket-after/\n  rdp-triage compare srv09.json srv10.json                     # reports of analyze or batch\n  rdp-triage compare ticket/ ticket/ --good-attempt 1 --bad-attempt 4\n\nOf GOOD the attempt is compared that worked and got furthest, of BAD the one that its leading\ndiagnosis is about. Options about reading concern captures and logs, not reports.\n\nExit status:\n  0  the comparison was made, whatever it found\n  2  wrong usage, or output that could not be written\n  3  one of the two has no evidence\n  4  --strict: some of the input could not be read"
)]
pub(super) struct CompareArgs {
    /// The case that works: a file, folder or archive, or a JSON report of this program
    #[arg(value_name = "GOOD")]
    good: PathBuf,
    /// The case that does not
    #[arg(value_name = "BAD")]
    bad: PathBuf,
    /// Compare this attempt of GOOD, by its number in the report
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    good_attempt: Option<u32>,
    /// Compare this attempt of BAD, by its number in the report
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    bad_attempt: Option<u32>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the comparison is written
    #[arg(long, value_enum, default_value = "table")]
    format: CompareFormat,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    running: RunningArgs,
}

pub(super) fn run(arguments: &CompareArgs) -> Result<Exit> {
    use_threads(arguments.running.jobs);
    if is_stdin(&arguments.good) && is_stdin(&arguments.bad) {
        bail!("standard input can be GOOD or BAD, not both");
    }
    let knowledge = knowledge(arguments.reading.rules.as_deref())?;
    let good = side(&arguments.good, arguments, &knowledge)?;
    let bad = side(&arguments.bad, arguments, &knowledge)?;
    let chosen = Chosen { good: arguments.good_attempt, bad: arguments.bad_attempt };
    // Names of cases are foreign text.
    let found = compare(&good, &bad, chosen)
        .map_err(|error| anyhow!("{}", for_terminal(&error).into_owned()))?;
    let empty = tell_of_empty(arguments, &good, &bad)?;
    let mut output = Output::open(arguments.output.as_deref())?;
    let written = write(&found, arguments, &mut output).and_then(|()| output.close());
    written.with_context(|| format!("writing the comparison to {}", output.target()))?;
    let unread = !good.problems.is_empty() || !bad.problems.is_empty();
    Ok(match (empty, arguments.running.strict && unread) {
        (true, _) => Exit::NoEvidence,
        (false, true) => Exit::Unreadable,
        (false, false) => Exit::Done,
    })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether one side has no evidence; says which.
fn tell_of_empty(arguments: &CompareArgs, good: &Report, bad: &Report) -> Result<bool> {
    let mut empty = false;
    let sides = [("GOOD", &arguments.good, good), ("BAD", &arguments.bad, bad)];
    for (side, path, report) in sides {
        if report.verdict == Verdict::NoEvidence {
            empty = true;
            if !arguments.running.quiet {
                let line = format!("rdp-triage: {side} ({}) has no evidence", path.display());
                writeln!(io::stderr(), "{}", for_terminal(&line))?;
            }
        }
    }
    Ok(empty)
}

/// The report of one side: read as it is, or made of the evidence.
fn side(path: &Path, arguments: &CompareArgs, knowledge: &Knowledge) -> Result<Report> {
    if let Some(report) = saved(path)? {
        return Ok(report);
    }
    let config = arguments.reading.config(vec![path.to_path_buf()])?;
    let allowance = arguments.reading.allowance(Allowance::default());
    let meter = Arc::new(Meter::new(allowance));
    let wants_progress = arguments.running.wants_progress();
    let bar = progress::Bar::follow(&meter, wants_progress);
    let report = triage(&config, knowledge, &meter)?;
    drop(bar);
    if !arguments.running.quiet {
        warn_about(&report.problems, "in the report of analyze")?;
        let hosts: Vec<&str> = report.hosts.iter().map(|host| host.name.as_str()).collect();
        warn_of_offsets(&config, &hosts)?;
    }
    Ok(report)
}

/// A report of this program that was saved as JSON; `None` for everything else.
fn saved(path: &Path) -> Result<Option<Report>> {
    // What cannot be opened, reading the case says better.
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut bytes = Vec::new();
    let shown = || format!("reading the report {}", path.display());
    (&mut file).take(1024).read_to_end(&mut bytes).with_context(shown)?;
    if !is_own_report(&String::from_utf8_lossy(&bytes)) {
        return Ok(None);
    }
    file.take(MAX_REPORT).read_to_end(&mut bytes).with_context(shown)?;
    let report: Report = serde_json::from_slice(&bytes).with_context(shown)?;
    if report.schema_version != 1 {
        bail!("{}: schema version {}, and this program knows 1", shown(), report.schema_version);
    }
    Ok(Some(report))
}

fn write(found: &CompareReport, arguments: &CompareArgs, output: &mut Output) -> io::Result<()> {
    match arguments.format {
        CompareFormat::Json => write_compare_json(found, true, output),
        CompareFormat::Jsonl => write_compare_json(found, false, output),
        CompareFormat::Markdown => write_compare_markdown(found, output),
        CompareFormat::Table => {
            let style =
                Style { width: output.width(), color: output.color(arguments.running.color) };
            write_compare_table(found, style, output)
        }
    }
}
