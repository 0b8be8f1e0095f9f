//! Many cases, as a user runs them.

use crate::support::root;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn batch(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .arg("batch")
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Copies sample tickets into a folder, each under a name of its own.
fn tickets(folder: &Path, cases: &[(&str, &str)]) {
    for (name, sample) in cases {
        let to = folder.join(name);
        let sample = root().join("samples").join(sample);
        for file in crate::support::files(&sample) {
            let target = to.join(file.strip_prefix(&sample).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(&file, target).unwrap();
        }
    }
}

/// A folder with five cases: three alike, one healthy, one that holds nothing.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let tickets_folder = desk.path().join("tickets");
    let cases = [
        ("a", "cert-expired"),
        ("b", "tls-no-shared-cipher"),
        ("c", "no-fault-found"),
        ("d", "cert-expired"),
        ("e", "cert-expired"),
    ];
    tickets(&tickets_folder, &cases);
    fs::write(tickets_folder.join("f.bin"), b"\0nothing that is known").unwrap();
    desk
}

#[test]
fn each_case_has_a_line_and_like_ones_are_told_together() {
    let output = batch(&["tickets"], desk().path());
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
    assert!(text(&output.stderr).contains("6 cases in "), "{}", text(&output.stderr));
}

#[test]
fn the_summary_for_machines_has_totals_causes_and_clusters() {
    let output = batch(&["tickets", "--format", "json", "--quiet"], desk().path());
    assert!(output.stderr.is_empty());
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!(summary, { ".tool.version" => "[version]" });
}

#[test]
fn each_line_of_jsonl_is_the_report_that_analyze_gives() {
    let desk = desk();
    let output = batch(&["tickets", "--format", "jsonl"], desk.path());
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    for (line, name) in lines.iter().zip(["a", "b", "c", "d", "e"]) {
        let alone = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
            .args(["analyze", "--format", "json", &format!("tickets/{name}")])
            .current_dir(desk.path())
            .output()
            .unwrap();
        let alone: Value = serde_json::from_slice(&alone.stdout).unwrap();
        assert_eq!(line, &alone, "{name}");
    }
    assert_eq!(lines[5]["verdict"], "no_evidence");
}

#[test]
fn reports_are_written_and_used_again() {
    let desk = desk();
    let first = batch(&["tickets", "--output", "tickets/reports"], desk.path());
    let reports = desk.path().join("tickets/reports");
    let mut names: Vec<String> = crate::support::files(&reports)
        .iter()
        .map(|file| crate::support::name(file).to_owned())
        .collect();
    names.sort();
    let options = ".rdp-triage-options";
    assert_eq!(names, [options, "a.json", "b.json", "c.json", "d.json", "e.json", "f.bin.json"]);
    // One is lost, one was cut short, one is of another version, and one stands for
    // evidence that is gone: only that one shows that it was used again.
    let bytes = fs::read(reports.join("a.json")).unwrap();
    fs::remove_file(reports.join("a.json")).unwrap();
    fs::write(reports.join("b.json"), &bytes[..bytes.len() / 2]).unwrap();
    let old = fs::read_to_string(reports.join("c.json")).unwrap();
    let old = old.replacen(env!("CARGO_PKG_VERSION"), "0.0.1", 1).replace("no_failure", "an_old");
    fs::write(reports.join("c.json"), old).unwrap();
    for file in crate::support::files(&desk.path().join("tickets/d")) {
        fs::write(file, b"").unwrap();
    }
    let again = batch(&["tickets", "--output", "tickets/reports", "--resume"], desk.path());
    assert_eq!(text(&again.stdout), text(&first.stdout));
    assert_eq!(fs::read(reports.join("a.json")).unwrap(), bytes);
    let anew = batch(&["tickets", "--output", "tickets/reports"], desk.path());
    assert_ne!(text(&anew.stdout), text(&first.stdout), "without --resume all is read");
}

#[test]
fn reports_that_answer_another_question_are_not_used_again() {
    let desk = desk();
    let plain = batch(&["tickets", "--output", "reports"], desk.path());
    let asked = ["tickets", "--output", "reports", "--resume", "--client", "192.0.2.9"];
    let other = batch(&asked, desk.path());
    assert!(text(&other.stderr).contains("other options"), "{}", text(&other.stderr));
    assert_ne!(text(&other.stdout), text(&plain.stdout));
    let again = batch(&asked, desk.path());
    assert!(text(&again.stderr).contains("(6 by their reports)"), "{}", text(&again.stderr));
    // Another folder has a case of the same name.
    fs::create_dir(desk.path().join("others")).unwrap();
    fs::write(desk.path().join("others/a"), b"nothing that is known").unwrap();
    let others = batch(&["others", "--output", "reports", "--resume"], desk.path());
    assert_eq!(others.status.code(), Some(3), "{}", text(&others.stdout));
}

#[test]
fn reports_do_not_go_into_a_case() {
    let output = batch(&["tickets", "--output", "tickets/a"], desk().path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("it may be a case"), "{}", text(&output.stderr));
}

#[test]
fn logs_and_captures_that_lie_loose_are_perhaps_one_ticket() {
    let output = batch(&["tickets/b/server"], desk().path());
    assert!(text(&output.stderr).contains("rdp-triage analyze"), "{}", text(&output.stderr));
    let output = batch(&["tickets"], desk().path());
    assert!(!text(&output.stderr).contains("rdp-triage analyze"), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn an_interrupted_batch_leaves_whole_reports_and_ends_the_same_when_resumed() {
    let desk = tempfile::tempdir().unwrap();
    let folder = desk.path().join("tickets");
    let samples: Vec<String> = crate::support::folders(&root().join("samples"))
        .iter()
        .map(|sample| crate::support::name(sample).to_owned())
        .collect();
    let cases: Vec<(&str, &str)> =
        samples.iter().map(|name| (name.as_str(), name.as_str())).collect();
    tickets(&folder, &cases);
    let whole = batch(&["tickets", "--output", "whole"], desk.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["batch", "tickets", "--output", "cut", "--jobs", "1"])
        .current_dir(desk.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cut = desk.path().join("cut");
    let reports = || if cut.is_dir() { crate::support::files(&cut).len() } else { 0 };
    while reports() < cases.len() / 4 {
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = crate::support::files(&cut);
    assert!(before.len() < cases.len());
    for report in before.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
        let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        assert_eq!(report["schema_version"], 1);
    }
    let resumed = batch(&["tickets", "--output", "cut", "--resume"], desk.path());
    assert_eq!(text(&resumed.stdout), text(&whole.stdout));
    for case in &samples {
        let name = format!("{case}.json");
        let (a, b) = (desk.path().join("whole").join(&name), cut.join(&name));
        assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap(), "{case}");
    }
    assert_eq!(crate::support::files(&cut).len(), cases.len() + 1, "nothing unfinished is left");
}

#[test]
fn a_case_beyond_its_time_is_told_and_the_others_go_on() {
    let desk = desk();
    let output =
        batch(&["tickets", "--max-time", "0.00001", "--format", "jsonl", "--strict"], desk.path());
    let lines = text(&output.stdout);
    assert_eq!(lines.lines().count(), 6);
    let stopped = lines.lines().filter(|line| line.contains("--max-time")).count();
    // A fast machine reads a small case within a millisecond.
    assert!(stopped >= 1, "{stopped}");
}

#[test]
fn a_case_beyond_its_memory_counts_what_it_cannot_keep() {
    let desk = desk();
    let output = batch(&["tickets", "--max-memory", "1KiB", "--format", "jsonl"], desk.path());
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let problems = lines[0]["problems"].to_string();
    assert!(problems.contains("were not read") || problems.contains("only counted"), "{problems}");
    for line in &lines {
        assert_ne!(line["verdict"], "no_failure_found", "{line}");
    }
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let desk = desk();
    let code = |arguments: &[&str]| batch(arguments, desk.path()).status.code();
    assert_eq!(code(&["tickets", "--fail-on", "conclusive"]), Some(1));
    assert_eq!(code(&["tickets", "--strict"]), Some(4));
    assert_eq!(code(&["no-such-folder"]), Some(2));
    assert_eq!(code(&["tickets", "--resume"]), Some(2));
    assert_eq!(code(&["tickets", "--output", "tickets"]), Some(2));
    fs::create_dir(desk.path().join("empty")).unwrap();
    assert_eq!(code(&["empty"]), Some(3));
}

#[test]
fn a_file_is_sent_to_analyze() {
    let output = batch(&["tickets/f.bin"], desk().path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("rdp-triage analyze"));
}

#[test]
fn merged_reports_give_the_summary_of_the_batch_to_the_byte() {
    let desk = desk();
    for format in ["table", "json", "markdown"] {
        let whole = batch(&["tickets", "--output", "reports", "--format", format], desk.path());
        let merged = batch(&["--merge", "reports", "--format", format], desk.path());
        assert_eq!(text(&merged.stdout), text(&whole.stdout), "{format}");
        assert_eq!(merged.status.code(), Some(0));
    }
    // Without names of files, as where reports come one behind the other.
    let lines = batch(&["tickets", "--format", "jsonl"], desk.path());
    fs::write(desk.path().join("all.jsonl"), lines.stdout).unwrap();
    let whole = batch(&["tickets", "--format", "json"], desk.path());
    let merged = batch(&["--merge", "all.jsonl", "--format", "json"], desk.path());
    assert_eq!(text(&merged.stdout), text(&whole.stdout));
    let twice = batch(&["--merge", "all.jsonl", "all.jsonl", "--format", "json"], desk.path());
    assert_eq!(text(&twice.stdout), text(&whole.stdout));
    assert!(text(&twice.stderr).contains("6 reports that came twice"));
}

#[test]
fn a_result_that_is_no_report_is_a_case_that_is_not_finished() {
    let desk = desk();
    batch(&["tickets", "--output", "reports"], desk.path());
    fs::write(desk.path().join("reports/a.json"), b"{\"verdict\":").unwrap();
    let merged = batch(&["--merge", "reports", "--strict"], desk.path());
    assert_eq!(merged.status.code(), Some(4));
    let told = text(&merged.stdout);
    assert!(told.contains("6 cases: ") && told.contains("a.json: not a whole report"), "{told}");
}

#[test]
fn merging_reads_reports_only_and_refuses_what_reads_evidence() {
    let desk = desk();
    for with in [["--resume", "--output"], ["--error", "0x904"], ["--max-time", "3"]] {
        let output = batch(&[&["--merge", "tickets"], &with[..]].concat(), desk.path());
        assert_eq!(output.status.code(), Some(2), "{with:?}");
    }
    for (wrong, said) in [("nowhere", "no such file"), ("tickets", "no reports in tickets")] {
        let output = batch(&["--merge", wrong], desk.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
}
