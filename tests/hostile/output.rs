//! Where there is no room for the result: exit status 2, and what could not be written.

#![cfg(target_os = "linux")]

use super::program;
use crate::support::root;
use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

const FULL: &str = "/dev/full";

#[track_caller]
fn refused(output: &Output, names: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(names), "{said}");
}

/// The program with its standard output on a full device.
fn onto_full(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(arguments)
        .current_dir(root().join("samples"))
        .stdout(File::create(FULL).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

#[test]
fn a_full_device_is_named() {
    if File::create(FULL).is_err() {
        eprintln!("SKIPPED: there is no {FULL}");
        return;
    }
    let samples = root().join("samples");
    for format in ["table", "json", "jsonl"] {
        let analyze = ["analyze", "cert-expired", "--quiet", "--format", format];
        refused(&onto_full(&analyze), "standard output: No space left");
        refused(&program(&[&analyze[..], &["-o", FULL]].concat(), &samples), FULL);
    }
    refused(&onto_full(&["explain", "2308"]), "standard output: No space left");
    refused(&program(&["explain", "2308", "-o", FULL], &samples), FULL);
    refused(&program(&["batch", "cert-expired", "--output", FULL], &samples), FULL);
    for format in ["table", "json", "jsonl"] {
        let batch = ["batch", "cert-expired", "--format", format];
        refused(&onto_full(&batch), "standard output");
    }
}

/// A file may have 1 KiB at most: a disk that fills up, without one.
#[test]
fn a_report_that_does_not_fit_is_named_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tickets")).unwrap();
    let sample = root().join("samples/cert-expired/client.pcapng");
    fs::copy(sample, folder.path().join("tickets/a.pcapng")).unwrap();
    let line = format!(
        "trap '' XFSZ; ulimit -f 1 && exec '{}' batch tickets --output reports",
        env!("CARGO_BIN_EXE_rdp-triage")
    );
    let output =
        Command::new("sh").args(["-c", &line]).current_dir(folder.path()).output().unwrap();
    refused(&output, "writing the report of a.pcapng");
    let left = crate::support::files(&folder.path().join("reports"));
    let names: Vec<String> = left.iter().map(|file| crate::support::name(file)).collect();
    assert_eq!(names, [".rdp-triage-options"]);
}
