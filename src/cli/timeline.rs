//! `timeline`: what happened, in the order of time.

use super::args::{ReadingArgs, RunningArgs};
use super::output::Output;
use super::{Exit, knowledge, progress, use_threads, warn_about, warn_of_offsets};
use crate::base::{Allowance, Meter};
use crate::report::Style;
use crate::report::timeline::{Timeline, write_csv, write_ecs, write_jsonl, write_table};
use crate::triage::timeline;
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

/// How the timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimelineFormat {
    /// Lines for a terminal
    Table,
    /// CSV for Timesketch or a spreadsheet
    Csv,
    /// One flat JSON object a line, for Timesketch
    Jsonl,
}

const EXIT: &str = "Exit status:
  0  the timeline was made
  2  wrong usage, or output that could not be written
  3  nothing could be read
  4  --strict: some of the input could not be read";

#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  rdp-triage timeline ticket/\n  rdp-triage timeline ticket/ --since 2024-05-01T10:00:00Z --until 2024-05-01T10:05:00Z\n  rdp-triage timeline ticket/ --format jsonl -o case.jsonl        # Timesketch wants this ending\n  rdp-triage timeline ticket/ --format csv -o case.csv\n  rdp-triage timeline ticket/ --format jsonl --ecs | curl …       # names of the Elastic Common Schema\n\n--since, --until, --server and --client narrow the entries.\n\n{EXIT}")
)]
pub(super) struct TimelineArgs {
    /// Files, folders and archives of one case; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the timeline is written
    #[arg(long, value_enum, default_value = "table")]
    format: TimelineFormat,
    /// Names of the Elastic Common Schema; only with --format jsonl
    #[arg(long)]
    ecs: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    running: RunningArgs,
}

pub(super) fn run(arguments: &TimelineArgs) -> Result<Exit> {
    if arguments.ecs && arguments.format != TimelineFormat::Jsonl {
        bail!("--ecs names the keys of JSON: use it with --format jsonl");
    }
    let reading = &arguments.reading;
    let config = reading.config(arguments.paths.clone())?;
    use_threads(arguments.running.jobs);
    let knowledge = knowledge(reading.rules.as_deref())?;
    let meter = Arc::new(Meter::new(reading.allowance(Allowance::default())));
    let wants_progress = arguments.running.wants_progress();
    let bar = progress::Bar::follow(&meter, wants_progress);
    let found = timeline(&config, &knowledge, &meter)?;
    drop(bar);
    if !arguments.running.quiet {
        if arguments.format != TimelineFormat::Table {
            warn_about(&found.problems, "more of them with --format table")?;
            for note in found.notes() {
                writeln!(io::stderr(), "rdp-triage: {note}")?;
            }
        }
        let hosts: Vec<&str> = found.hosts.iter().map(|host| host.name.as_str()).collect();
        warn_of_offsets(&config, &hosts)?;
    }
    let mut output = Output::open(arguments.output.as_deref())?;
    let written = write(&found, arguments, &mut output).and_then(|()| output.close());
    written.with_context(|| format!("writing the timeline to {}", output.target()))?;
    Ok(match (found.holds_evidence, arguments.running.strict && !found.problems.is_empty()) {
        (false, _) => Exit::NoEvidence,
        (true, true) => Exit::Unreadable,
        (true, false) => Exit::Done,
    })
}

fn write(found: &Timeline, arguments: &TimelineArgs, output: &mut Output) -> io::Result<()> {
    match (arguments.format, arguments.ecs) {
        (TimelineFormat::Csv, _) => write_csv(found, output),
        (TimelineFormat::Jsonl, false) => write_jsonl(found, output),
        (TimelineFormat::Jsonl, true) => write_ecs(found, output),
        (TimelineFormat::Table, _) => {
            let style =
                Style { width: output.width(), color: output.color(arguments.running.color) };
            write_table(found, style, output)
        }
    }
}
