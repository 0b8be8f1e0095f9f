//! `analyze --timesketch`: the report and a file for Timesketch, from one reading.

mod client;
mod rules;

use crate::support::{files, name, root, run, text};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Logs only, a capture only, both, an event trace, an error dialog that says when, names.
const CASES: [&str; 6] = [
    "logon-bad-password",
    "cert-expired",
    "tls-no-shared-cipher",
    "firewall-host-block",
    "tcp-port-filtered",
    "dns-name-not-resolved",
];

const ENDINGS: [&str; 2] = ["jsonl", "csv"];

const TICKET: &str = "samples/tls-no-shared-cipher";

fn sample(id: &str) -> String {
    format!("samples/{id}")
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What `analyze` writes for Timesketch, and its report.
fn analyze(paths: &[&str], file: &Path, more: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let arguments =
        [&["analyze", "--format", "json", "--quiet", "--timesketch", shown(file)], more, paths];
    let output = run(&arguments.concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    (fs::read(file).unwrap(), output.stdout)
}

/// What `timeline` writes.
fn timeline(paths: &[&str], ending: &str, more: &[&str]) -> Vec<u8> {
    let arguments = [&["timeline", "--format", ending, "--quiet"], more, paths];
    let output = run(&arguments.concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    output.stdout
}

/// The file of a case in a folder.
fn made(folder: &Path, id: &str, ending: &str) -> PathBuf {
    let file = folder.join(format!("{id}.{ending}"));
    analyze(&[&sample(id)], &file, &[]);
    file
}

#[test]
fn the_file_is_what_timeline_writes_and_the_report_is_as_without_it() {
    let folder = tempfile::tempdir().unwrap();
    for id in &CASES[..4] {
        let paths = [sample(id)];
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let alone = run(&[&["analyze", "--format", "json", "--quiet"], &paths[..]].concat());
        for ending in ENDINGS {
            let expected = timeline(&paths, ending, &[]);
            assert!(expected.len() > 1_000, "{id}");
            for jobs in ["1", "2"] {
                let file = folder.path().join(format!("{id}-{jobs}.{ending}"));
                let (written, report) = analyze(&paths, &file, &["--jobs", jobs]);
                assert!(written == expected, "{id}.{ending} with {jobs} threads");
                assert!(report == alone.stdout, "{id} with {jobs} threads");
            }
        }
    }
}

#[test]
fn every_row_is_one_that_timesketch_takes() {
    let folder = tempfile::tempdir().unwrap();
    for id in CASES {
        let read = |ending: &str| fs::read(made(folder.path(), id, ending)).unwrap();
        let jsonl = rules::jsonl(&read("jsonl")).unwrap_or_else(|why| panic!("{id}.jsonl: {why}"));
        let csv = rules::csv(&read("csv")).unwrap_or_else(|why| panic!("{id}.csv: {why}"));
        assert!(jsonl.len() > 2 && jsonl.len() == csv.len(), "{id}: {}", jsonl.len());
    }
}

#[test]
fn a_stream_that_can_be_read_only_once_gives_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["analyze", "-", "--timesketch", shown(&file)])
        .stdin(File::open(root().join("samples/cert-expired/client.pcapng")).unwrap())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("cert-expired"));
    assert!(rules::jsonl(&fs::read(file).unwrap()).unwrap().len() > 3);
}

#[test]
fn what_narrows_a_timeline_narrows_the_file_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.JSONL");
    let all = timeline(&[TICKET], "jsonl", &[]);
    for more in [
        &["--since", "2025-06-03T08:15:00Z"][..],
        &["--until", "2025-06-03T08:14:59Z"],
        &["--server", "10.20.5.12"],
        &["--client", "10.20.1.42"],
    ] {
        let (written, _) = analyze(&[TICKET], &file, more);
        assert_eq!(text(&written), text(&timeline(&[TICKET], "jsonl", more)), "{more:?}");
        assert!(written.len() < all.len(), "{more:?}");
    }
    let arguments = ["analyze", TICKET, "--client", "10.20.1.42", "--timesketch", shown(&file)];
    let told = text(&run(&arguments).stderr);
    for words in ["case.JSONL: Left out, because the attached texts say no time", "--client: "] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn what_cannot_be_the_file_is_said_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| shown(&folder.path().join(name)).to_owned();
    fs::create_dir(path("folder.csv")).unwrap();
    let log = root().join("samples/logon-bad-password/server");
    let log = files(&log).into_iter().find(|file| name(file).ends_with(".evtx")).unwrap();
    fs::copy(log, path("log.csv")).unwrap();
    let below = path("folder.csv/../case.jsonl");
    for (file, more, words) in [
        (path("case.json"), &[][..], "write case.jsonl or case.csv"),
        (path("case"), &[], "write case.jsonl or case.csv"),
        (path("none/case.csv"), &[], "there is no folder for it"),
        (path("folder.csv"), &[], "is there, and no file"),
        (path("log.csv"), &[], "is an event log or a capture"),
        (path("case.jsonl"), &["-o", &below], "is read or written already"),
        (path("case.jsonl"), &[&path("case.jsonl")], "is read or written already"),
        (path("case.jsonl"), &["--redact"], "rdp-triage redact PATH… --output DIR"),
    ] {
        let output = run(&[&["analyze", "/no/such/ticket", "--timesketch", &file], more].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{file} {more:?}: {said}");
        assert!(said.contains("--timesketch") || said.contains("log.csv"), "{said}");
        assert!(said.contains(words), "{file} {more:?}: {said}");
    }
}

#[test]
fn a_redacted_copy_gives_a_timeline_without_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("shown");
    let output = run(&["redact", TICKET, "--output", shown(&copy)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let file = folder.path().join("case.jsonl");
    let output = run(&["analyze", shown(&copy), "--quiet", "--timesketch", shown(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read(file).unwrap();
    assert!(rules::jsonl(&written).unwrap().len() > 20);
    let written = text(&written).to_lowercase();
    for original in ["ts-prod", "10.20.5.11", "10.20.1.42"] {
        assert!(!written.contains(original), "{original}");
    }
}

#[test]
fn without_evidence_the_file_has_no_row_and_the_exit_status_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("ticket");
    fs::create_dir(&empty).unwrap();
    for (ending, lines) in [("jsonl", 0), ("csv", 1)] {
        let file = folder.path().join(format!("case.{ending}"));
        let output = run(&["analyze", shown(&empty), "--timesketch", shown(&file)]);
        assert_eq!(output.status.code(), Some(3));
        let written = fs::read(&file).unwrap();
        let expected = run(&["timeline", shown(&empty), "--format", ending]).stdout;
        assert_eq!(text(&written), text(&expected));
        assert_eq!(text(&written).lines().count(), lines);
    }
}

#[test]
fn a_file_of_an_earlier_run_is_replaced_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ENDINGS {
        let file = folder.path().join(format!("case.{ending}"));
        let (first, _) = analyze(&[TICKET], &file, &[]);
        let (second, _) = analyze(&[&sample("cert-expired")], &file, &[]);
        assert!(first != second);
    }
    let left: Vec<String> = files(folder.path()).iter().map(|file| name(file)).collect();
    assert_eq!(left, ["case.csv", "case.jsonl"]);
}

/// A file may have 1 KiB at most: a disk that fills up, without one.
#[cfg(unix)]
#[test]
fn a_file_that_does_not_fit_is_named_and_costs_neither_the_earlier_one_nor_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.csv");
    fs::write(&file, "earlier\r\n").unwrap();
    let line = format!(
        "trap '' XFSZ; ulimit -f 1 && exec '{}' analyze {TICKET} --timesketch '{}'",
        env!("CARGO_BIN_EXE_rdp-triage"),
        shown(&file)
    );
    let output = Command::new("sh").args(["-c", &line]).current_dir(root()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("writing the timeline to {}", shown(&file))), "{said}");
    assert!(text(&output.stdout).contains("tls-no-shared-cipher"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "earlier\r\n");
    assert_eq!(files(folder.path()), [file]);
}

/// A log whose user name has every character that ends a line for somebody.
fn hostile(folder: &Path) -> PathBuf {
    let file = folder.join("Security.xml");
    let user = "a\u{2028}b\u{85}c\u{2029}d\u{feff},\"=e";
    let event = format!(
        "<Events><Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
         <Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4625</EventID>\
         <TimeCreated SystemTime='2025-06-03T08:15:01.0000001Z'/><EventRecordID>7</EventRecordID>\
         <Channel>Security</Channel><Computer>H</Computer></System><EventData>\
         <Data Name='TargetUserName'>{user}</Data><Data Name='Status'>0xc000006d</Data>\
         <Data Name='SubStatus'>0xc0000064</Data><Data Name='LogonType'>3</Data>\
         <Data Name='IpAddress'>10.0.0.5</Data></EventData></Event></Events>"
    );
    fs::write(&file, event).unwrap();
    file
}

#[test]
fn no_character_of_a_name_hides_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let log = hostile(folder.path());
    type Check = fn(&[u8]) -> Result<Vec<rules::Row>, String>;
    for (ending, check) in [("jsonl", rules::jsonl as Check), ("csv", rules::csv as Check)] {
        let file = folder.path().join(format!("case.{ending}"));
        let (written, _) = analyze(&[shown(&log)], &file, &[]);
        let rows = check(&written).unwrap();
        assert_eq!(rows.len(), 1, "{}", text(&written));
        let user = rows[0].0.iter().find(|(name, _)| name == "username");
        assert!(user.unwrap().1.as_str().unwrap().contains('b'));
    }
}

#[test]
fn the_lines_in_the_documentation_are_what_is_written() {
    let page = fs::read_to_string(root().join("docs/timesketch.md")).unwrap();
    let block = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let written = text(&timeline(&[TICKET], "jsonl", &[]));
    let mut written = written.lines();
    assert_eq!(block.lines().count(), 3);
    for line in block.lines() {
        // In this order.
        assert!(written.any(|other| other == line), "not written: {line}");
    }
}

#[test]
fn the_help_shows_how_to_get_both() {
    let help = text(&run(&["analyze", "--help"]).stdout);
    for words in ["-o report.json --timesketch case.jsonl", "Also write the timeline"] {
        assert!(help.contains(words), "{words} is not in {help}");
    }
}
