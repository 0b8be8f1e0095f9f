//! The arguments as they are typed, and what they mean.

use super::batch::BatchArgs;
use super::budget::BudgetArgs;
use super::collect::CollectArgs;
use super::compare::CompareArgs;
use super::explain::ExplainArgs;
use super::output::place_of;
use super::package::{CompletionsArgs, ManArgs, SchemaArgs};
use super::redact::RedactArgs;
use super::timeline::TimelineArgs;
use super::timesketch::Target;
use crate::base::{Allowance, CaseTime, Endpoint, hex, parse_address, parse_endpoint};
use crate::diagnose::{Certainty, Question};
use crate::redact::Pseudonyms;
use crate::triage::Config;
use crate::wire::decrypt::KeyLog;
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Says why a Remote Desktop connection failed, from Windows event logs and
/// packet captures, offline.
#[derive(Debug, Parser)]
#[command(name = "rdp-triage", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  rdp-triage analyze ticket/\n  rdp-triage analyze System.evtx server.pcapng --error 0x904 --extended 0x7\n  rdp-triage analyze --format json ticket/ > report.json\n  rdp-triage batch tickets/ --output reports/\n  rdp-triage explain 0x904 0x7\n  rdp-triage collect-script -o collect.ps1"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read all evidence under the paths as one case and print the ranked diagnosis
    Analyze(Box<AnalyzeArgs>),
    /// Triage many cases: each direct child of the folders is one
    Batch(Box<BatchArgs>),
    /// Merge logs and packets into one timeline, on one clock
    Timeline(Box<TimelineArgs>),
    /// Say what differs between a case that works and one that does not
    Compare(Box<CompareArgs>),
    /// Look up codes, events, causes and fixes, offline
    Explain(ExplainArgs),
    /// Print the JSON Schema of the report
    Schema(SchemaArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the man page, or write all man pages into a folder
    Man(ManArgs),
    /// Print a PowerShell script that gathers, read-only, what this program can read
    CollectScript(CollectArgs),
    /// Copy a case with pseudonyms in the place of names and addresses
    ///
    /// Captures become pcapng with every frame in its place; logs become JSON lines; texts are copied
    /// line by line. Prefixes of addresses, domains of names and lengths stay, so that the copies give
    /// the same diagnosis. Passwords, cookies, TLS secrets, comments and everything that is not
    /// understood are left out. The folder also gets `report.json`, and `redaction.json`, which says
    /// what was done and what the copies still tell. Read it before you pass them on.
    Redact(Box<RedactArgs>),
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Sections and tables for a terminal
    Table,
    /// Markdown, for a ticket or a wiki
    Markdown,
    /// One page for a browser, with ladders, bars and a timeline; no network
    Html,
    /// One indented JSON object
    Json,
    /// One JSON object on one line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// A further file for the report.
#[derive(Debug, Clone)]
pub(super) struct Also {
    pub(super) path: PathBuf,
    pub(super) format: Format,
}

fn parse_also(text: &str) -> Result<Also> {
    let path = PathBuf::from(text);
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let format = match ending.to_str() {
        Some("json") => Format::Json,
        Some("jsonl") => Format::Jsonl,
        Some("md") => Format::Markdown,
        Some("html") => Format::Html,
        _ => bail!("its ending says how it is written: .json, .jsonl, .md or .html"),
    };
    Ok(Also { path, format })
}

/// Certainty from which `--fail-on` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Limit {
    Weak,
    Moderate,
    Strong,
    Conclusive,
}

impl From<Limit> for Certainty {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Weak => Self::Weak,
            Limit::Moderate => Self::Moderate,
            Limit::Strong => Self::Strong,
            Limit::Conclusive => Self::Conclusive,
        }
    }
}

pub(super) const EXIT_STATUS: &str = "Exit status:
  0  the analysis was made, whatever it found
  1  --fail-on: a diagnosis of that certainty or above was made
  2  wrong usage, or output that could not be written
  3  nothing could be analysed
  4  --strict: some of the input could not be read";

#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  rdp-triage analyze ticket/\n  rdp-triage analyze System.evtx server.pcapng --error 0x904 --extended 0x7\n  rdp-triage analyze ticket/ --format html -o report.html\n  rdp-triage analyze ticket/ --format json -o report.json --timesketch case.jsonl\n\n{EXIT_STATUS}")
)]
pub(super) struct AnalyzeArgs {
    /// Files, folders and archives of one case; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// What the case is called in the report; by default like the first path
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Write the report to this file too, as its ending says: .json, .jsonl, .md, .html (repeatable)
    #[arg(long, value_name = "FILE", value_parser = parse_also)]
    pub(super) also: Vec<Also>,
    /// Also write the timeline of the case to this file, for Timesketch: NAME.jsonl or NAME.csv
    ///
    /// The evidence is read once for both. The file is what `rdp-triage timeline --format jsonl`
    /// (or csv) writes of the same paths and options. Not with --redact.
    #[arg(long, value_name = "FILE")]
    timesketch: Option<PathBuf>,
    #[command(flatten)]
    pub(super) hiding: HidingArgs,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    #[command(flatten)]
    pub(super) telling: TellingArgs,
}

impl AnalyzeArgs {
    /// Where the timeline goes, if one is wanted beside the report.
    pub(super) fn timesketch(&self) -> Result<Option<Target>> {
        let Some(path) = &self.timesketch else { return Ok(None) };
        if self.hiding.redact {
            bail!(
                "--timesketch cannot be used with --redact: the timeline would keep the names; \
                 run `rdp-triage redact PATH… --output DIR` and analyze that folder"
            );
        }
        Target::of(path).map(Some)
    }

    /// Refuses a file that would be read and written, or written twice.
    pub(super) fn refuse_one_for_two(&self) -> Result<()> {
        let mut taken: Vec<_> = self.paths.iter().filter_map(|path| place_of(path)).collect();
        let also = self.also.iter().map(|also| ("--also", &also.path));
        let output = self.output.iter().map(|path| ("--output", path));
        let timesketch = self.timesketch.iter().map(|path| ("--timesketch", path));
        for (flag, path) in also.chain(output).chain(timesketch) {
            let Some(place) = place_of(path) else { continue };
            if taken.contains(&place) {
                let shown = path.display();
                bail!("{flag} {shown}: is read or written already; name another file");
            }
            taken.push(place);
        }
        Ok(())
    }
}

/// Whether a report says whose case it is.
#[derive(Debug, Args)]
pub(super) struct HidingArgs {
    /// Keyed pseudonyms in the place of addresses, names, SIDs and files
    #[arg(long)]
    pub(super) redact: bool,
    /// File whose bytes are the key of the pseudonyms; by default a random key
    #[arg(long, value_name = "FILE", requires = "redact")]
    redact_key: Option<PathBuf>,
}

impl HidingArgs {
    /// The pseudonyms, where any are wanted.
    pub(super) fn pseudonyms(&self) -> Result<Option<Pseudonyms>> {
        self.redact.then(|| super::redact::pseudonyms(self.redact_key.as_deref())).transpose()
    }
}

/// How a case is read, and what is asked of it.
#[derive(Debug, Args)]
pub(super) struct ReadingArgs {
    /// Only attempts that end at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only attempts that start at or before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only attempts to this server
    #[arg(long, value_name = "ADDR[:PORT]")]
    server: Option<String>,
    /// Only attempts of this client
    #[arg(long, value_name = "ADDR")]
    client: Option<String>,
    /// Another port on which RDP listens (repeatable); RDP is recognised on any port by its first bytes
    #[arg(long = "port", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,
    /// Error code that the user saw, as in mstsc's dialog (0x904 or 2308)
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// Extended error code that the user saw (0x7)
    #[arg(long, value_name = "CODE", requires = "error")]
    extended: Option<String>,
    /// Folder with extra or overriding knowledge files
    #[arg(long, value_name = "DIR")]
    pub(super) rules: Option<PathBuf>,
    /// A host's clock is this many seconds ahead of the capture's (repeatable)
    #[arg(long = "clock-offset", value_name = "HOST=SECONDS", allow_hyphen_values = true)]
    clock_offsets: Vec<String>,
    /// TLS secrets in the NSS key log format, to read what captures hold encrypted (repeatable)
    #[arg(long = "keylog", value_name = "FILE")]
    keylogs: Vec<PathBuf>,
    #[command(flatten)]
    budget: BudgetArgs,
}

/// How the result is told.
#[derive(Debug, Args)]
pub(super) struct TellingArgs {
    /// How the result is written
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Exit with 1 when a diagnosis of this certainty or above was made
    #[arg(long, value_enum, value_name = "CERTAINTY")]
    pub(super) fail_on: Option<Limit>,
    #[command(flatten)]
    pub(super) running: RunningArgs,
}

/// What is shown while a command runs, and what it takes.
#[derive(Debug, Args)]
pub(super) struct RunningArgs {
    /// Exit with 4 when some of the input could not be read
    #[arg(long)]
    pub(super) strict: bool,
    /// Threads to use; all cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// No warnings and no progress
    #[arg(long)]
    pub(super) quiet: bool,
    /// No progress
    #[arg(long)]
    pub(super) no_progress: bool,
    /// Colour on the terminal
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) color: Color,
}

impl RunningArgs {
    /// Whether progress is shown, where somebody looks.
    pub(super) fn wants_progress(&self) -> bool {
        !self.quiet && !self.no_progress
    }
}

impl ReadingArgs {
    /// What was typed, understood, for a case of these paths.
    pub(super) fn config(&self, paths: Vec<PathBuf>) -> Result<Config> {
        let code = |text: &Option<String>| text.as_deref().map(parse_code).transpose();
        let time = |text: &Option<String>| text.as_deref().map(parse_time).transpose();
        let (since, until) = (time(&self.since)?, time(&self.until)?);
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            bail!("--since is later than --until: nothing lies between them");
        }
        Ok(Config {
            paths,
            name: None,
            ports: self.ports.clone(),
            question: Question {
                client: self.client.as_deref().map(parse_client).transpose()?,
                server: self.server.as_deref().map(parse_server).transpose()?,
                error: code(&self.error)?,
                extended: code(&self.extended)?,
                since,
                until,
            },
            clock_offsets: self
                .clock_offsets
                .iter()
                .map(|text| parse_clock_offset(text))
                .collect::<Result<_>>()?,
            secrets: read_keylogs(&self.keylogs)?,
            budget: self.budget.budget(),
        })
    }

    /// Stands for everything that changes what a report says.
    pub(super) fn fingerprint(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        hex(&Sha256::digest(format!("{version} {self:?}")))
    }

    /// What a case may take, with what is usual for this command.
    pub(super) fn allowance(&self, usual: Allowance) -> Allowance {
        self.budget.allowance(usual)
    }
}

/// Bytes of a key log that are read; a busy day's log has a few MiB.
const MAX_KEYLOG: u64 = 64 << 20;

fn read_keylogs(paths: &[PathBuf]) -> Result<Option<Arc<KeyLog>>> {
    let mut all = KeyLog::default();
    for path in paths {
        let shown = path.display();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_KEYLOG).read_to_end(&mut bytes))
            .with_context(|| format!("--keylog {shown}: cannot be read"))?;
        let log = KeyLog::parse(&bytes);
        if log.is_empty() {
            bail!(
                "--keylog {shown}: no TLS secret in it; lines look like CLIENT_RANDOM <hex> <hex>"
            );
        }
        all.merge(log);
    }
    Ok((!all.is_empty()).then(|| Arc::new(all)))
}

fn parse_client(text: &str) -> Result<IpAddr> {
    parse_address(text).ok_or_else(|| anyhow!("--client {text}: not an IP address"))
}

fn parse_server(text: &str) -> Result<Endpoint> {
    parse_endpoint(text)
        .ok_or_else(|| anyhow!("--server {text}: not an IP address, with or without a port"))
}

fn parse_code(text: &str) -> Result<u32> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        anyhow!("{text}: not an error code; write it as in the dialog (0x904) or in decimal (2308)")
    })
}

fn parse_time(text: &str) -> Result<CaseTime> {
    text.parse()
        .map(CaseTime)
        .map_err(|error| anyhow!("{text}: not a time in RFC 3339 (2024-05-01T10:00:00Z): {error}"))
}

fn parse_clock_offset(text: &str) -> Result<(String, SignedDuration)> {
    let Some((host, seconds)) = text.split_once('=') else {
        bail!("--clock-offset {text}: write HOST=SECONDS, for example SRV01=-1.5");
    };
    if host.trim().is_empty() {
        bail!("--clock-offset {text}: the name of the host is missing");
    }
    let seconds: f64 = seconds
        .parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite() && seconds.abs() < 1e9)
        .ok_or_else(|| anyhow!("--clock-offset {text}: {seconds} is not a number of seconds"))?;
    Ok((host.to_owned(), SignedDuration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_argument_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn codes_are_read_in_hex_and_decimal() {
        assert_eq!(parse_code("0x904").unwrap(), 2308);
        assert_eq!(parse_code("2308").unwrap(), 2308);
        assert!(parse_code("904x").is_err());
    }

    #[test]
    fn clock_offsets_may_be_negative() {
        let (host, offset) = parse_clock_offset("SRV01=-1.5").unwrap();
        assert_eq!((host.as_str(), offset.as_millis()), ("SRV01", -1500));
        assert!(parse_clock_offset("SRV01").is_err());
        assert!(parse_clock_offset("SRV01=soon").is_err());
    }
}
