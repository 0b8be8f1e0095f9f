//! `redact`: copies of a case with pseudonyms.

use super::args::ReadingArgs;
use super::{Exit, harmless, knowledge, progress};
use crate::base::{Allowance, Meter, counted};
use crate::diagnose::Verdict;
use crate::redact::{Job, Pseudonyms, Redaction, Words, key_of_file, random_key, redact};
use crate::report::Report;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const EXAMPLES: &str = "Examples:
  rdp-triage redact ticket/ --output shown/
  rdp-triage redact System.evtx server.pcapng --output shown/ --mapping originals.json
  rdp-triage redact ticket/ --output shown/ --key our.key     the same pseudonyms in every ticket
  rdp-triage analyze shown/                                   the same diagnosis

Exit status: 0 copies were written; 2 wrong usage, output that could not be written, or an original
name that is still in a copy; 3 nothing could be analysed";

/// Names still in the copies that are named.
const MOST_LEFT: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RedactArgs {
    /// Files, folders and archives of one case
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder for the copies: empty, or of an earlier redaction, which is replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// File whose bytes are the key (at least 16), for the same pseudonyms every time; by default a
    /// random key that is written nowhere
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write originals and their pseudonyms to this file, as JSON; for yourself only
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// No warnings and no progress
    #[arg(long)]
    quiet: bool,
    /// No progress
    #[arg(long)]
    no_progress: bool,
}

/// Pseudonyms under the key of a file, or under a random one.
pub(super) fn pseudonyms(key: Option<&Path>) -> Result<Pseudonyms> {
    let key = match key {
        Some(path) => key_of_file(path).with_context(|| format!("--key {}", path.display()))?,
        None => random_key().context("making a key")?,
    };
    Ok(Pseudonyms::new(&key, Words::embedded().context("reading the lists of words")?))
}

pub(super) fn run(arguments: &RedactArgs) -> Result<Exit> {
    let reading = &arguments.reading;
    let config = reading.config(arguments.paths.clone())?;
    refuse_mapping(arguments)?;
    let knowledge = knowledge(reading.rules.as_deref())?;
    let meter = Arc::new(Meter::new(reading.allowance(Allowance::default())));
    let pseudonyms = pseudonyms(arguments.key.as_deref())?;
    let bar = progress::Bar::follow(&meter, !arguments.quiet && !arguments.no_progress);
    let job = Job {
        config: &config,
        knowledge: &knowledge,
        meter: &meter,
        pseudonyms: &pseudonyms,
        output: &arguments.output,
        mapping: arguments.mapping.as_deref(),
    };
    let done = redact(&job);
    drop(bar);
    let (report, done) = done?;
    if !arguments.quiet {
        let mut stderr = io::stderr().lock();
        for note in done.notes.iter().chain(&done.not_copied) {
            writeln!(stderr, "rdp-triage: {}", harmless(note))?;
        }
        for (word, copy) in done.left.iter().take(MOST_LEFT) {
            writeln!(
                stderr,
                "rdp-triage: {}",
                harmless(&format!("{copy}: {word} is still in it"))
            )?;
        }
    }
    tell(&report, &done, &arguments.output, &mut io::stdout().lock())?;
    if done.names_left > 0 {
        let names = counted(done.names_left, "original name");
        bail!(
            "{names} still in the copies: do not pass them on; another key may help, or the names are \
             words of texts"
        );
    }
    Ok(match report.verdict {
        Verdict::NoEvidence => Exit::NoEvidence,
        _ => Exit::Done,
    })
}

/// The mapping undoes the copies: it does not lie beside them.
fn refuse_mapping(arguments: &RedactArgs) -> Result<()> {
    let Some(mapping) = &arguments.mapping else { return Ok(()) };
    let folder = mapping.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    if folder.is_ok_and(|folder| arguments.output.canonicalize().is_ok_and(|out| out == folder))
        || mapping.parent() == Some(&arguments.output)
    {
        bail!("--mapping {}: it would lie beside the copies", mapping.display());
    }
    let folder = mapping.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        bail!("--mapping {}: there is no such folder", mapping.display());
    }
    if mapping.exists() {
        bail!("--mapping {}: it is there already", mapping.display());
    }
    Ok(())
}

fn tell(report: &Report, done: &Redaction, folder: &Path, out: &mut dyn Write) -> Result<()> {
    let files = counted(done.files.len() as u64, "file");
    writeln!(out, "{files} and the report written to {}", harmless(&folder.display().to_string()))?;
    for copy in &done.files {
        let items = match copy.kind {
            "capture" => counted(copy.items, "frame"),
            "log" => {
                format!("{}, {} in full", counted(copy.items, "record"), copy.items - copy.bare)
            }
            _ => "line by line".to_owned(),
        };
        writeln!(out, "  {}: {items}", copy.file)?;
    }
    writeln!(out, "{}", harmless(&report.summary))?;
    writeln!(out, "What the copies still tell: {}", folder.join("redaction.json").display())?;
    Ok(())
}
