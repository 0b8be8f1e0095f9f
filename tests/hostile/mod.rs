//! Hostile input, whole cases at a time: whatever the evidence is, the program ends, says
//! what it could not read, and claims nothing that the evidence does not show.
//!
//! Single formats are held to that in `robustness`, `broken_captures`, `etl` and `archives`.

mod damage;
mod files;
mod memory;
mod names;
mod output;
mod packed;
mod texts;

use rdp_triage::report::Report;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The program, as a user runs it.
fn program(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The report of `analyze` as JSON.
fn report_of(arguments: &[&str], folder: &Path) -> Value {
    let all = [&["analyze", "--format", "json", "--quiet"], arguments].concat();
    let output = program(&all, folder);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// All problems of a report as one text.
fn said(report: &Report) -> String {
    report.problems.iter().map(|p| format!("{}@{:?}: {}\n", p.file, p.offset, p.message)).collect()
}
