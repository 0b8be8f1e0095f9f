//! Names that somebody chose to steer a terminal, and names that are no text.

#![cfg(unix)]

use super::program;
use crate::support::root;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What steers terminals, hides names, ends lines, and is no UTF-8.
const NAMES: [&[u8]; 6] = [
    b"esc\x1b]0;owned\x07\x1b[2J",
    b"two\nlines\rover",
    "\u{202e}gnp.exe".as_bytes(),
    "zero\u{200b}width".as_bytes(),
    b"latin-\xfc\xff",
    b"quote\"back\\slash",
];

/// A case by each of the names; none where the file system does not take them.
fn cases(folder: &Path) -> Option<usize> {
    for name in NAMES {
        let case = folder.join(OsStr::from_bytes(name));
        if let Err(error) = fs::create_dir_all(&case) {
            eprintln!("SKIPPED: {error}");
            return None;
        }
        let file = case.join(OsStr::from_bytes(name));
        fs::copy(root().join("samples/cert-expired/client.pcapng"), file).unwrap();
    }
    Some(NAMES.len())
}

#[track_caller]
fn harmless(bytes: &[u8]) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let bad = |c: char| c != '\n' && rdp_triage::base::steers(c);
    assert!(!text.chars().any(bad), "{text:?}");
}

#[test]
fn hostile_names_are_escaped_on_the_terminal_and_valid_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let Some(count) = cases(folder.path()) else { return };
    let table = program(&["analyze", "."], folder.path());
    assert_eq!(table.status.code(), Some(0));
    harmless(&table.stdout);
    let json = program(&["analyze", ".", "--format", "json"], folder.path());
    harmless(&json.stderr);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["coverage"].as_array().unwrap().len(), count);
    let none = program(&["analyze", "no\u{1b}[31m-such"], folder.path());
    assert_eq!(none.status.code(), Some(2));
    harmless(&none.stderr);
}

#[test]
fn hostile_names_of_cases_are_lines_and_files_like_others() {
    let desk = tempfile::tempdir().unwrap();
    let Some(count) = cases(&desk.path().join("tickets")) else { return };
    let table = program(&["batch", "tickets", "--output", "reports"], desk.path());
    assert_eq!(table.status.code(), Some(0));
    harmless(&table.stdout);
    harmless(&table.stderr);
    let mut reports = crate::support::files(&desk.path().join("reports"));
    reports.retain(|report| report.extension().is_some_and(|extension| extension == "json"));
    assert_eq!(reports.len(), count);
    for report in reports {
        harmless(report.file_name().unwrap().as_bytes());
        let _: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    }
    let lines = program(&["batch", "tickets", "--format", "jsonl"], desk.path());
    let text = String::from_utf8(lines.stdout).unwrap();
    assert_eq!(text.lines().count(), count);
    for line in text.lines() {
        let report: Value = serde_json::from_str(line).unwrap();
        assert_eq!(report["diagnoses"][0]["cause"], "cert-expired");
    }
}
