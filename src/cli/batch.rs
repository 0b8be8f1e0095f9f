//! `batch`: many cases, one line for each.

use super::args::{Format, HidingArgs, ReadingArgs, TellingArgs};
use super::output::Output;
use super::{Exit, knowledge, progress, use_threads};
use crate::base::{Allowance, Gap, counted, for_terminal};
use crate::batch::{
    Analyse, Batch, Case, Empty, Merged, Running, Sink, Store, cases, keep_panics_quiet, merge,
    page_name, run, write_whole,
};
use crate::diagnose::Verdict;
use crate::intake::sniff;
use crate::knowledge::Knowledge;
use crate::redact::{Pseudonyms, redacted_report};
use crate::report::{
    BatchReport, CaseLine, Lines, Style, write_batch_html, write_batch_json, write_batch_markdown,
    write_batch_table,
};
use crate::triage::{Config, analyse, triage};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a case may take where nothing else is asked for.
const USUAL: Allowance =
    Allowance { time: Some(Duration::from_secs(120)), memory: Some(256 << 20) };

/// The page that leads to all others.
const INDEX: &str = "index.html";

/// A case that takes longer is named while it is in work.
const REMARKABLE: Duration = Duration::from_secs(2);

const TEMPLATE: &str = "{bar:24} {pos} of {len} cases, {per_sec}, {eta} left{wide_msg}";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage batch tickets/\n  rdp-triage batch tickets/ --output reports/\n  rdp-triage batch tickets/ --output reports/ --resume\n  rdp-triage batch tickets/ --format jsonl > reports.jsonl\n  rdp-triage batch tickets/ --format html --output reports/   # then open reports/index.html\n  rdp-triage batch --merge reports/ more.jsonl                # the same summary, of reports made elsewhere\n\nExit status: 0 all cases were run; 1 --fail-on; 2 wrong usage, or output that could not be written;\n3 no case had evidence; 4 --strict, when some of the input could not be read"
)]
pub(super) struct BatchArgs {
    /// Folders of cases: each file, archive or folder in them is one
    #[arg(required_unless_present = "merge", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Add up reports that other runs wrote: folders of them, files with one or many, `-`
    #[arg(
        long,
        num_args = 1..,
        value_name = "RESULTS",
        conflicts_with_all = ["folders", "output", "resume", "HidingArgs", "ReadingArgs", "BudgetArgs"]
    )]
    merge: Vec<PathBuf>,
    /// Write the report of each case into this folder, as JSON; with `--format html` as a page too, and an index
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Use the reports that are in the folder already, whole and of this version
    #[arg(long, requires = "output", conflicts_with = "redact")]
    resume: bool,
    #[command(flatten)]
    hiding: HidingArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    telling: TellingArgs,
}

pub(super) fn batch(arguments: &BatchArgs) -> Result<Exit> {
    let (reading, telling) = (&arguments.reading, &arguments.telling);
    if !arguments.merge.is_empty() {
        return merge_reports(&arguments.merge, telling);
    }
    let knowledge = Arc::new(knowledge(reading.rules.as_deref())?);
    if let Some(folder) = &arguments.output {
        refuse_inputs(folder, &arguments.folders)?;
    }
    let mut cases = cases(&arguments.folders, arguments.output.as_deref())?;
    let pseudonyms = arguments.hiding.pseudonyms()?.map(Arc::new);
    if pseudonyms.is_some() {
        number(&mut cases);
    }
    let store = match &arguments.output {
        Some(folder) => {
            let store = Store::open(folder, &cases, arguments.resume, &reading.fingerprint())
                .with_context(|| format!("opening {} for the reports", folder.display()))?;
            Some(if telling.format == Format::Html { store.with_pages() } else { store })
        }
        None => None,
    };
    if store.as_ref().is_some_and(Store::has_other_options) && !telling.running.quiet {
        let why = "the reports were made with other options: every case is read again";
        writeln!(io::stderr(), "rdp-triage: --resume: {why}")?;
    }
    if !telling.running.quiet {
        hint_at_one_ticket(&cases)?;
    }
    let mut teller = Teller::new(
        telling,
        cases.iter().map(|case| case.name.as_str()),
        arguments.output.as_deref(),
    )?;
    keep_panics_quiet();
    let started = Instant::now();
    let batch = Batch {
        analyse: match pseudonyms.clone() {
            Some(pseudonyms) => redacted_analysis(reading, &knowledge, pseudonyms)?,
            None => analysis(reading, &knowledge)?,
        },
        empty: empty(&knowledge, pseudonyms.is_some()),
        allowance: reading.allowance(USUAL),
        store,
        wants_json: telling.format == Format::Jsonl,
        jobs: jobs(telling),
        cases,
    };
    let lines = run(batch, &mut teller)?;
    let report = BatchReport::of(lines);
    teller.finish(&report, started.elapsed())?;
    Ok(exit(&report, telling))
}

/// Prints the summary of reports that are there, as if their cases had been run here.
fn merge_reports(results: &[PathBuf], telling: &TellingArgs) -> Result<Exit> {
    if telling.format == Format::Jsonl {
        bail!("--merge adds reports up: with --format jsonl nothing would be left to add");
    }
    use_threads(telling.running.jobs);
    let started = Instant::now();
    let Merged { lines, repeated, other_versions } = merge(results)?;
    let names = lines.iter().map(|line| line.name.as_str());
    let mut teller = Teller::new(telling, names, None)?;
    for line in &lines {
        teller.case(line, &[]).context("writing the result")?;
    }
    if !telling.running.quiet {
        let say = |count: usize, what: &str| match count {
            0 => Ok(()),
            _ => writeln!(io::stderr(), "rdp-triage: {} {what}", counted(count, "report")),
        };
        say(repeated, "that came twice, word for word, and count once")?;
        say(other_versions, "of another version of this program")?;
    }
    let report = BatchReport::of(lines);
    teller.finish(&report, started.elapsed())?;
    Ok(exit(&report, telling))
}

/// Reports must never replace evidence.
fn refuse_inputs(reports: &Path, folders: &[PathBuf]) -> Result<()> {
    let Ok(reports) = reports.canonicalize() else { return Ok(()) };
    if folders.iter().any(|folder| folder.canonicalize().is_ok_and(|folder| folder == reports)) {
        bail!("--output {}: the cases are in it; choose another folder", reports.display());
    }
    let holds = |folder: &PathBuf| {
        folder.canonicalize().is_ok_and(|folder| reports.parent() == Some(folder.as_path()))
    };
    if folders.iter().any(holds) && Store::is_foreign(&reports) {
        bail!("--output {}: it may be a case; choose an empty folder", reports.display());
    }
    Ok(())
}

/// A folder of logs and captures is one ticket rather than many.
fn hint_at_one_ticket(cases: &[Case]) -> Result<()> {
    let is_loose = |case: &&Case| {
        let mut head = Vec::new();
        let file = case.path.is_file().then(|| File::open(&case.path).ok()).flatten();
        let _ = file.map(|file| file.take(512).read_to_end(&mut head));
        let kind = sniff(&head);
        kind.is_log() || kind.is_capture()
    };
    let loose = cases.iter().take(64).filter(is_loose).count();
    if loose > 1 && loose * 2 > cases.len() {
        let hint = "most cases are single logs and captures: if they belong to one ticket, \
                    use `rdp-triage analyze`, which joins them";
        writeln!(io::stderr(), "rdp-triage: {hint}")?;
    }
    Ok(())
}

fn jobs(telling: &TellingArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    telling.running.jobs.map_or_else(all, usize::from)
}

fn analysis(reading: &ReadingArgs, knowledge: &Arc<Knowledge>) -> Result<Box<Analyse>> {
    let config = reading.config(Vec::new())?;
    let knowledge = Arc::clone(knowledge);
    Ok(Box::new(move |case, meter| {
        let config = Config {
            paths: vec![case.path.clone()],
            name: Some(case.name.clone()),
            ..config.clone()
        };
        triage(&config, &knowledge, meter).map_err(|error| error.to_string())
    }))
}

/// Names of cases say whose they are: numbers, in the order of the names, do not.
fn number(cases: &mut [Case]) {
    for (number, case) in (1..).zip(cases) {
        case.name = format!("case-{number:05}");
    }
}

fn redacted_analysis(
    reading: &ReadingArgs,
    knowledge: &Arc<Knowledge>,
    pseudonyms: Arc<Pseudonyms>,
) -> Result<Box<Analyse>> {
    let config = reading.config(Vec::new())?;
    let knowledge = Arc::clone(knowledge);
    Ok(Box::new(move |case, meter| {
        let (paths, name) = (vec![case.path.clone()], Some(case.name.clone()));
        let config = Config { paths, name, ..config.clone() };
        // What went wrong may name the path.
        redacted_report(&config, &knowledge, meter, &pseudonyms)
            .map_err(|_| "it cannot be read".to_owned())
    }))
}

/// The report of a case of which nothing was read.
fn empty(knowledge: &Arc<Knowledge>, is_redacted: bool) -> Box<Empty> {
    let knowledge = Arc::clone(knowledge);
    Box::new(move |case, why| {
        let paths = if is_redacted { Vec::new() } else { vec![case.path.clone()] };
        let name = Some(case.name.clone());
        let config = Config { paths, name, ..Config::default() };
        let gap = Gap::file(&case.name.as_str().into(), why);
        analyse(&config, Vec::new(), vec![gap], &knowledge, &Default::default())
    })
}

/// Prints lines and shows how far it has come.
struct Teller<'a> {
    telling: &'a TellingArgs,
    output: Output,
    style: Style,
    lines: Lines,
    bar: ProgressBar,
    /// Whether lines go where the bar is.
    shared: bool,
    /// Cases whose reports were there already.
    kept: usize,
    /// Where the reports go.
    folder: Option<&'a Path>,
}

impl<'a> Teller<'a> {
    fn new<'n>(
        telling: &'a TellingArgs,
        names: impl ExactSizeIterator<Item = &'n str>,
        folder: Option<&'a Path>,
    ) -> Result<Self> {
        let mut output = Output::open(None)?;
        let style = Style { width: output.width(), color: output.color(telling.running.color) };
        let cases = names.len();
        let lines = Lines::new(style, names);
        let shown = telling.running.wants_progress() && io::stderr().is_terminal();
        let bar = match shown {
            true => {
                let target = ProgressDrawTarget::stderr();
                ProgressBar::with_draw_target(Some(cases as u64), target)
            }
            false => ProgressBar::hidden(),
        };
        bar.set_style(progress::style(TEMPLATE));
        if telling.format == Format::Table && cases > 0 {
            lines.header(&mut output).context("writing the result")?;
        }
        let shared = shown && io::stdout().is_terminal();
        Ok(Self { telling, output, style, lines, bar, shared, kept: 0, folder })
    }

    fn finish(&mut self, report: &BatchReport, took: Duration) -> Result<()> {
        self.bar.finish_and_clear();
        let written = match self.telling.format {
            Format::Table => write_batch_table(report, self.style, &mut self.output),
            Format::Json => write_batch_json(report, &mut self.output),
            Format::Markdown => write_batch_markdown(report, &mut self.output),
            Format::Html => self.index(report),
            Format::Jsonl => Ok(()),
        };
        let written = written.and_then(|()| self.output.close());
        written.with_context(|| format!("writing the result to {}", self.output.target()))?;
        if !self.telling.running.quiet {
            let seconds = took.as_secs_f64();
            let cases = report.totals.cases;
            let rate = cases as f64 / seconds.max(1e-9);
            let cases = counted(cases, "case");
            let kept = match self.kept {
                0 => String::new(),
                kept => format!(" ({kept} by their reports)"),
            };
            let line = format!("{cases}{kept} in {seconds:.1} s, {rate:.0} a second");
            writeln!(io::stderr(), "rdp-triage: {line}")?;
        }
        Ok(())
    }
}

impl Teller<'_> {
    /// The index page: beside the pages of the cases, or on standard output, without links.
    fn index(&mut self, report: &BatchReport) -> io::Result<()> {
        let Some(folder) = self.folder else {
            return write_batch_html(report, &|_| None, &mut self.output);
        };
        let page = |case: &CaseLine| case.report.as_deref().map(page_name);
        write_whole(folder, INDEX, |out| write_batch_html(report, &page, out))?;
        if self.telling.running.quiet {
            return Ok(());
        }
        writeln!(io::stderr(), "rdp-triage: open {}", folder.join(INDEX).display())
    }
}

impl Sink for Teller<'_> {
    fn case(&mut self, line: &CaseLine, json: &[u8]) -> io::Result<()> {
        let Self { telling, output, lines, bar, shared, .. } = self;
        let mut tell = || match telling.format {
            Format::Table => {
                lines.case(line, output)?;
                // Somebody looks.
                if *shared { output.flush() } else { Ok(()) }
            }
            Format::Jsonl => output.write_all(json),
            Format::Json | Format::Markdown | Format::Html => Ok(()),
        };
        if *shared { bar.suspend(tell) } else { tell() }
    }

    fn running(&mut self, running: Running<'_>) {
        self.kept = running.kept;
        self.bar.set_position(running.done as u64);
        let slow = running.slowest.filter(|(_, time)| *time > REMARKABLE);
        let message =
            slow.map(|(name, time)| format!("; {} takes {} s", for_terminal(name), time.as_secs()));
        self.bar.set_message(message.unwrap_or_default());
        self.bar.tick();
    }
}

fn exit(report: &BatchReport, telling: &TellingArgs) -> Exit {
    if report.cases.iter().all(|case| case.verdict == Verdict::NoEvidence) {
        return Exit::NoEvidence;
    }
    let leading = || report.cases.iter().filter_map(|case| case.leading.as_ref());
    if telling.fail_on.is_some_and(|limit| leading().any(|l| l.certainty >= limit.into())) {
        Exit::FailOn
    } else if telling.running.strict && report.totals.with_problems > 0 {
        Exit::Unreadable
    } else {
        Exit::Done
    }
}
