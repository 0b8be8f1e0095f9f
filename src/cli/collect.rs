//! `rdp-triage collect-script`: a script that gathers what this program can read.

use super::output::Output;
use super::{Exit, knowledge};
use crate::base::RDP_PORT;
use crate::collect::{HostRole, Options, Role, script};
use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;

/// What the host is that the script runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// The script looks what it is and says so
    Auto,
    /// Where the session shall be
    Server,
    /// Where the user sits
    Client,
    /// An RD Gateway
    Gateway,
    /// Everything, whatever it is
    All,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Every option is a parameter of the script too, and here only its default.\n\nExamples:\n  rdp-triage collect-script -o collect.ps1\n  rdp-triage collect-script --hours 4 --capture 60 -o collect.ps1\n  powershell.exe -NoProfile -ExecutionPolicy Bypass -File collect.ps1    # on the host, elevated\n  rdp-triage analyze rdp-triage-collection-SRV01-20250603081500.zip\n\nExit status:\n  0  the script was written\n  2  wrong usage, or output that could not be written"
)]
pub(super) struct CollectArgs {
    /// What the host is that the script runs on
    #[arg(long, value_enum, default_value = "auto")]
    role: RoleName,
    /// How many hours back events are gathered
    #[arg(long, value_name = "N", default_value = "24", value_parser = clap::value_parser!(u16).range(1..=8760))]
    hours: u16,
    /// Port to capture (repeatable; 3389 by default); that of the host's listener is captured as well
    #[arg(long = "port", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,
    /// Capture for so long, by Packet Monitor, which is started and stopped for it; 0 for no capture
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = clap::value_parser!(u16).range(0..=3600))]
    capture: u16,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder with extra or overriding knowledge files: the channels of their events are gathered too
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Auto => Self::Auto,
            RoleName::Server => Self::Only(HostRole::Server),
            RoleName::Client => Self::Only(HostRole::Client),
            RoleName::Gateway => Self::Only(HostRole::Gateway),
            RoleName::All => Self::All,
        }
    }
}

pub(super) fn collect(arguments: &CollectArgs) -> Result<Exit> {
    let mut ports = arguments.ports.clone();
    if ports.is_empty() {
        ports.push(RDP_PORT);
    }
    let options = Options {
        role: arguments.role.into(),
        hours: arguments.hours,
        ports,
        capture: arguments.capture,
    };
    // The script comes before the file is created: nothing made, nothing replaced.
    let script = script(&knowledge(arguments.rules.as_deref())?, &options)?;
    let mut output = Output::open(arguments.output.as_deref())?;
    let written = output.write_all(script.as_bytes()).and_then(|()| output.close());
    written.with_context(|| format!("writing the script to {}", output.target()))?;
    Ok(Exit::Done)
}
