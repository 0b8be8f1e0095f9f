//! `rdp-triage explain`: what is known of a code, an event, a cause, a fix.

use super::args::Color;
use super::output::Output;
use super::{Exit, knowledge};
use crate::base::for_terminal;
use crate::knowledge::lookup::look_up;
use crate::report::Style;
use crate::report::explain::{
    contents, pages, write_contents, write_contents_json, write_contents_markdown, write_pages,
    write_pages_json, write_pages_markdown,
};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, ValueEnum};
use std::io;
use std::path::PathBuf;

/// How the pages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PageFormat {
    /// Pages for a terminal
    Table,
    /// A JSON array of entries, each with its kind
    Json,
    /// Markdown, for a ticket or a wiki
    Markdown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rdp-triage explain 0x904 0x7                # the two numbers of the error dialog\n  rdp-triage explain 2308                     # a number, in every table that has it\n  rdp-triage explain Schannel/36874           # an event; 36874 alone will do\n  rdp-triage explain 4625 0xC000006A          # several terms narrow each other\n  rdp-triage explain HYBRID_REQUIRED_BY_SERVER\n  rdp-triage explain tls-no-shared-cipher     # a cause\n  rdp-triage explain expired certificate      # or words\n  rdp-triage explain --sigma rules/           # the records it looks for, as Sigma rules\n\nExit status:\n  0  every term was found, or all rules were written\n  2  a term leads nowhere, wrong usage, or output that could not be written"
)]
pub(super) struct ExplainArgs {
    /// Code, symbol, event (Provider/ID), cause, fix, provider, code table, or words; several narrow each other
    #[arg(value_name = "TERM", required_unless_present_any = ["list", "sigma"], allow_negative_numbers = true)]
    terms: Vec<String>,
    /// List everything that can be asked for
    #[arg(long, conflicts_with = "terms")]
    list: bool,
    /// Write the single records that the diagnosis looks for as Sigma rules into this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["terms", "list", "format", "output"])]
    sigma: Option<PathBuf>,
    /// How the pages are written
    #[arg(long, value_enum, default_value = "table")]
    format: PageFormat,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder with extra or overriding knowledge files
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Colour on the terminal
    #[arg(long, value_enum, default_value = "auto")]
    color: Color,
}

pub(super) fn explain(arguments: &ExplainArgs) -> Result<Exit> {
    let knowledge = knowledge(arguments.rules.as_deref())?;
    if let Some(folder) = &arguments.sigma {
        return super::sigma::write(&knowledge, folder);
    }
    if arguments.list {
        let contents = contents(&knowledge);
        write(arguments, |format, style, out| match format {
            PageFormat::Table => write_contents(&contents, style, out),
            PageFormat::Json => write_contents_json(&contents, out),
            PageFormat::Markdown => write_contents_markdown(&contents, out),
        })?;
        return Ok(Exit::Done);
    }
    // The answer comes before the file is created: nothing found, nothing replaced.
    let answer = look_up(&knowledge, &arguments.terms).map_err(|error| {
        let said = for_terminal(&error.to_string()).into_owned();
        anyhow!("{said}\nrdp-triage explain --list shows what can be asked for")
    })?;
    let pages = pages(&knowledge, &answer);
    write(arguments, |format, style, out| match format {
        PageFormat::Table => write_pages(&pages, style, out),
        PageFormat::Json => write_pages_json(&pages, out),
        PageFormat::Markdown => write_pages_markdown(&pages, out),
    })?;
    Ok(Exit::Done)
}

fn write(
    arguments: &ExplainArgs,
    pages: impl FnOnce(PageFormat, Style, &mut Output) -> io::Result<()>,
) -> Result<()> {
    let mut output = Output::open(arguments.output.as_deref())?;
    let style = Style { width: output.width(), color: output.color(arguments.color) };
    let written = pages(arguments.format, style, &mut output).and_then(|()| output.close());
    written.with_context(|| format!("writing the pages to {}", output.target()))
}
