//! What was asked for? Arguments become a configuration, the report becomes
//! bytes, and the outcome becomes an exit status.

mod args;
mod batch;
mod budget;
mod collect;
mod compare;
mod explain;
mod output;
mod package;
mod progress;
mod redact;
mod sigma;
mod timeline;
mod timesketch;

use crate::base::{Allowance, Meter, counted};
use crate::knowledge::Knowledge;
use crate::redact::redacted_report;
use crate::report::timeline::Timeline;
use crate::report::{self, ProblemReport, Report, Style};
use crate::triage::{Config, triage, triage_and_timeline, unused_offsets};
use anyhow::{Context as _, Result};
use args::{AnalyzeArgs, Cli, Color, Command, Format, TellingArgs};
use clap::Parser as _;
use output::Output;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use timesketch::Target;

/// Exit status, as `CONTRACT.md` fixes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The analysis was made, whatever it found.
    Done,
    /// `--fail-on`: a diagnosis of that certainty was made.
    FailOn,
    /// Wrong usage, or output that could not be written.
    Usage,
    /// Nothing could be analysed.
    NoEvidence,
    /// `--strict`: some of the input could not be read.
    Unreadable,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::FailOn => 1,
            Self::Usage => 2,
            Self::NoEvidence => 3,
            Self::Unreadable => 4,
        }
    }
}

/// Runs the program with these arguments, the first being its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results, on standard output.
            let written = error.print();
            let ok = !error.use_stderr() && written.is_ok();
            return if ok { Exit::Done } else { Exit::Usage };
        }
    };
    let done = match cli.command {
        Command::Analyze(arguments) => analyze(&arguments),
        Command::Batch(arguments) => batch::batch(&arguments),
        Command::Timeline(arguments) => timeline::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Schema(arguments) => package::schema(&arguments),
        Command::Completions(arguments) => package::completions(&arguments),
        Command::Man(arguments) => package::man(&arguments),
        Command::CollectScript(arguments) => collect::collect(&arguments),
        Command::Redact(arguments) => redact::run(&arguments),
    };
    match done {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            // Standard error may be closed too; there is nobody left to tell then.
            let _ = writeln!(io::stderr(), "rdp-triage: {}", harmless(&format!("{error:#}")));
            Exit::Usage
        }
    }
}

/// A message of several lines: paths in it are foreign text.
fn harmless(message: &str) -> String {
    let lines: Vec<_> = message.lines().map(crate::base::for_terminal).collect();
    lines.join("\n")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json =
            cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// The built-in knowledge, with the files of `--rules`.
fn knowledge(rules: Option<&Path>) -> Result<Knowledge> {
    match rules {
        Some(folder) => Knowledge::with_rules(folder),
        None => Knowledge::embedded(),
    }
    .context("reading the knowledge files")
}

/// Reads with so many threads, where somebody says so.
fn use_threads(jobs: Option<u16>) {
    if let Some(jobs) = jobs {
        // Fails only when a pool exists already, which then is used.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(jobs.into()).build_global();
    }
}

fn analyze(arguments: &AnalyzeArgs) -> Result<Exit> {
    let (reading, telling) = (&arguments.reading, &arguments.telling);
    let config = reading.config(arguments.paths.clone())?;
    let config = Config { name: arguments.name.clone(), ..config };
    arguments.refuse_one_for_two()?;
    let target = arguments.timesketch()?;
    use_threads(telling.running.jobs);
    let knowledge = knowledge(reading.rules.as_deref())?;
    let meter = Arc::new(Meter::new(reading.allowance(Allowance::default())));
    let bar = progress::Bar::follow(&meter, telling.running.wants_progress());
    let (report, timeline) = match (arguments.hiding.pseudonyms()?, &target) {
        (Some(pseudonyms), _) => (redacted_report(&config, &knowledge, &meter, &pseudonyms)?, None),
        (None, None) => (triage(&config, &knowledge, &meter)?, None),
        (None, Some(_)) => {
            let (report, timeline) = triage_and_timeline(&config, &knowledge, &meter)?;
            (report, Some(timeline))
        }
    };
    drop(bar);
    let beside = target.as_ref().zip(timeline.as_ref());
    if !telling.running.quiet {
        warn(arguments, &config, &report, beside)?;
    }
    // One of them that cannot be written does not cost the others.
    let beside = beside.map_or(Ok(()), |(target, timeline)| target.write(timeline));
    let color = telling.running.color;
    let also = arguments.also.iter().map(|also| (Some(also.path.as_path()), also.format));
    let told = also
        .chain([(arguments.output.as_deref(), telling.format)])
        .map(|(path, format)| write_to(path, &report, format, color))
        .fold(Ok(()), Result::and);
    beside.and(told)?;
    let exit = exit(&report, telling);
    // The program ends here: to take apart what goes with it anyway would only take time.
    std::mem::forget((report, timeline, knowledge));
    Ok(exit)
}

/// Says on standard error what whoever reads the results should hear of at once.
fn warn(
    arguments: &AnalyzeArgs,
    config: &Config,
    report: &Report,
    timeline: Option<(&Target, &Timeline)>,
) -> Result<()> {
    if arguments.telling.format != Format::Table {
        warn_about(&report.problems, "in the report")?;
    }
    if let Some((target, timeline)) = timeline {
        target.tell(timeline)?;
    }
    // Of a redacted report the names are not those that were typed.
    if !arguments.hiding.redact {
        let hosts: Vec<&str> = report.hosts.iter().map(|host| host.name.as_str()).collect();
        warn_of_offsets(config, &hosts)?;
    }
    Ok(())
}

fn write_to(path: Option<&Path>, report: &Report, format: Format, color: Color) -> Result<()> {
    let mut output = Output::open(path)?;
    let written = write_report(report, format, color, &mut output).and_then(|()| output.close());
    written.with_context(|| format!("writing the report to {}", output.target()))
}

/// Problems are in the report; where the report is for machines, people still want
/// to hear of them.
fn warn_about(problems: &[ProblemReport], others: &str) -> Result<()> {
    let mut stderr = io::stderr().lock();
    for problem in problems.iter().take(5) {
        let place = problem.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
        let line = format!("rdp-triage: {}{place}: {}", problem.file, problem.message);
        writeln!(stderr, "{}", crate::base::for_terminal(&line))?;
    }
    if let Some(more) = problems.len().checked_sub(6) {
        let more = counted(more + 1, "more problem");
        writeln!(stderr, "rdp-triage: {others}: {more}")?;
    }
    Ok(())
}

/// An offset for a host that no log names corrects nothing: mostly a typing error.
fn warn_of_offsets(config: &Config, hosts: &[&str]) -> Result<()> {
    let known = match hosts {
        [] => "no log names any host".to_owned(),
        names => {
            let first: Vec<&str> = names.iter().copied().take(8).collect();
            let more = if names.len() > first.len() { ", …" } else { "" };
            format!("logs name {}{more}", first.join(", "))
        }
    };
    let mut stderr = io::stderr().lock();
    for host in unused_offsets(config, hosts) {
        let line = format!("rdp-triage: --clock-offset {host}: no log is of this host; {known}");
        writeln!(stderr, "{}", crate::base::for_terminal(&line))?;
    }
    Ok(())
}

fn write_report(
    report: &Report,
    format: Format,
    color: Color,
    output: &mut Output,
) -> io::Result<()> {
    match format {
        Format::Json => report::write_json(report, output),
        Format::Jsonl => report::write_jsonl(report, output),
        Format::Markdown => report::write_markdown(report, output),
        Format::Html => report::write_html(report, output),
        Format::Table => {
            let style = Style { width: output.width(), color: output.color(color) };
            report::write_table(report, style, output)
        }
    }
}

fn exit(report: &Report, telling: &TellingArgs) -> Exit {
    use crate::diagnose::Verdict;
    if report.verdict == Verdict::NoEvidence {
        return Exit::NoEvidence;
    }
    let certain_enough = telling.fail_on.is_some_and(|limit| {
        report.diagnoses.iter().any(|diagnosis| diagnosis.certainty >= limit.into())
    });
    if certain_enough {
        Exit::FailOn
    } else if telling.running.strict && !report.problems.is_empty() {
        Exit::Unreadable
    } else {
        Exit::Done
    }
}
