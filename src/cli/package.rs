//! What package maintainers and scripts expect: the schema of the report, completions, and
//! man pages, each made from what the program itself is made of.

use super::Exit;
use super::args::Cli;
use super::output::Output;
use crate::report::{BatchReport, Report};
use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage schema > report.schema.json\n  rdp-triage schema --batch > batch.schema.json"
)]
pub(super) struct SchemaArgs {
    /// The schema of what `batch --format json` prints instead
    #[arg(long)]
    batch: bool,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints a JSON Schema (draft 2020-12).
pub(super) fn schema(arguments: &SchemaArgs) -> Result<Exit> {
    let schema = match arguments.batch {
        true => schemars::schema_for!(BatchReport),
        false => schemars::schema_for!(Report),
    };
    let mut text = serde_json::to_string_pretty(&schema).context("writing the schema")?;
    text.push('\n');
    write(arguments.output.as_deref(), text.as_bytes())
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage completions bash > /etc/bash_completion.d/rdp-triage\n  rdp-triage completions powershell >> $PROFILE"
)]
pub(super) struct CompletionsArgs {
    /// The shell that completes
    #[arg(value_enum)]
    shell: Shell,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints the completion script of a shell.
pub(super) fn completions(arguments: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rdp-triage", &mut script);
    write(arguments.output.as_deref(), &script)
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage man | man -l -\n  rdp-triage man --output /usr/local/share/man/man1"
)]
pub(super) struct ManArgs {
    /// Write one page for the program and one for each command into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints the man page of the program, or writes all pages into a folder.
pub(super) fn man(arguments: &ManArgs) -> Result<Exit> {
    let command = Cli::command();
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page).context("writing the man page")?;
        return write(None, &page);
    };
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("writing man pages to {}", folder.display()))?;
    Ok(Exit::Done)
}

fn write(path: Option<&Path>, bytes: &[u8]) -> Result<Exit> {
    let mut output = Output::open(path)?;
    let written = output.write_all(bytes).and_then(|()| output.close());
    written.with_context(|| format!("writing to {}", output.target()))?;
    Ok(Exit::Done)
}
