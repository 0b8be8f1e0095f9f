//! The program as a user runs it.

use crate::support::{files, root, run, shared, text};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

const TICKET: &str = "samples/tls-no-shared-cipher";

#[test]
fn an_analysis_exits_with_0_whatever_it_found() {
    for ticket in [TICKET, "samples/no-fault-found"] {
        let output = run(&["analyze", ticket]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

#[test]
fn the_table_starts_with_the_answer() {
    let output = run(&["analyze", TICKET]);
    let first = text(&output.stdout).lines().next().unwrap().to_owned();
    assert_eq!(first, "DIAGNOSED  tls-no-shared-cipher");
    assert!(!text(&output.stdout).contains('\u{1b}'), "no colour into a pipe");
}

#[test]
fn fail_on_exits_with_1_only_from_that_certainty() {
    assert_eq!(run(&["analyze", TICKET, "--fail-on", "conclusive"]).status.code(), Some(1));
    assert_eq!(
        run(&["analyze", "samples/client-cancelled", "--fail-on", "conclusive"]).status.code(),
        Some(0)
    );
    assert_eq!(
        run(&["analyze", "samples/no-fault-found", "--fail-on", "weak"]).status.code(),
        Some(0)
    );
}

#[test]
fn wrong_usage_exits_with_2_and_says_the_way_out() {
    for (arguments, words) in [
        (&["analyze"][..], "PATH"),
        (&["analyze", "/no/such/ticket"], "no such file or folder: /no/such/ticket"),
        (&["analyze", TICKET, "--error", "904x"], "904x: not an error code"),
        (&["analyze", TICKET, "--client", "pc1"], "--client pc1: not an IP address"),
        (&["analyze", TICKET, "--since", "yesterday"], "yesterday: not a time in RFC 3339"),
        (&["analyze", TICKET, "--clock-offset", "SRV"], "write HOST=SECONDS"),
        (
            &["analyze", TICKET, "--output", "/no/such/folder/report.json"],
            "creating /no/such/folder/report.json",
        ),
        (&["analyze", TICKET, "--rules", "/no/such/rules"], "/no/such/rules"),
        (&["analize"], "analyze"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn nothing_to_analyse_exits_with_3_and_still_writes_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let empty = run(&["analyze", "--format", "json", folder.path().to_str().unwrap()]);
    assert_eq!(empty.status.code(), Some(3));
    assert_eq!(json(&empty)["verdict"], "no_evidence");
    fs::write(folder.path().join("mail.txt"), "RDP does not work").unwrap();
    let no_evidence = run(&["analyze", "--format", "json", folder.path().to_str().unwrap()]);
    assert_eq!(no_evidence.status.code(), Some(3));
    assert_eq!(json(&no_evidence)["problems"][0]["file"], "mail.txt");
}

#[test]
fn strict_exits_with_4_when_something_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let capture = fs::read(root().join("samples/cert-expired/client.pcapng")).unwrap();
    fs::write(folder.path().join("cut.pcapng"), &capture[..capture.len() - 30]).unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["analyze", "--quiet", path]).status.code(), Some(0));
    let strict = run(&["analyze", "--strict", "--format", "json", path]);
    assert_eq!(strict.status.code(), Some(4));
    assert!(text(&strict.stderr).contains("cut.pcapng"), "{}", text(&strict.stderr));
}

#[test]
fn json_goes_to_a_file_and_jsonl_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let output = run(&["analyze", TICKET, "--format", "json", "-o", file.to_str().unwrap()]);
    assert!(output.stdout.is_empty());
    let report: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(report["schema_version"], 1);
    let line = run(&["analyze", TICKET, "--format", "jsonl"]);
    assert_eq!(text(&line.stdout).lines().count(), 1);
    assert_eq!(
        serde_json::from_slice::<Value>(&line.stdout).unwrap()["diagnoses"],
        report["diagnoses"]
    );
}

#[test]
fn standard_input_is_one_stream_of_evidence() {
    let capture = fs::read(root().join("samples/cert-expired/client.pcapng")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["analyze", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&capture).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(json(&output)["diagnoses"][0]["cause"], "cert-expired");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["analyze", "--format", "json", "samples/bruteforce-pressure"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn the_same_bytes_come_out_whatever_the_number_of_threads() {
    let one = run(&["analyze", "--format", "json", "--jobs", "1", "samples/bruteforce-pressure"]);
    let four = run(&["analyze", "--format", "json", "--jobs", "4", "samples/bruteforce-pressure"]);
    assert_eq!(text(&one.stdout), text(&four.stdout));
}

#[test]
fn the_question_narrows_the_answer() {
    let guesser = run(&[
        "analyze",
        "--format",
        "json",
        "--client",
        "203.0.113.12",
        "samples/bruteforce-pressure",
    ]);
    let report = json(&guesser);
    let asked = report["diagnoses"][0]["attempts"].as_array().unwrap().clone();
    assert_eq!(asked.len(), 3, "three guesses of that address: {asked:?}");
    let later = run(&["analyze", "--format", "json", "--since", "2030-01-01T00:00:00Z", TICKET]);
    assert_eq!(json(&later)["verdict"], "inconclusive", "no clean bill of health");
    assert!(json(&later)["summary"].as_str().unwrap().contains("left out: "));
    let never = run(&[
        "analyze",
        "--since",
        "2030-01-01T00:00:00Z",
        "--until",
        "2029-01-01T00:00:00Z",
        TICKET,
    ]);
    assert_eq!(never.status.code(), Some(2));
}

#[test]
fn a_report_never_replaces_a_log_or_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("Security.evtx");
    let bytes = b"ElfFile\0 and the rest".as_slice();
    fs::write(&log, bytes).unwrap();
    let output = run(&["analyze", "-o", log.to_str().unwrap(), TICKET]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(fs::read(&log).unwrap(), bytes, "untouched");
}

#[test]
fn a_stated_clock_offset_is_used() {
    let output = run(&["analyze", "--format", "json", "--clock-offset", "TS-PROD-01=1.2", TICKET]);
    assert_eq!(json(&output)["hosts"][0]["clock_offset_ms"], 1200.0);
}

#[test]
fn help_gives_examples_and_exit_codes() {
    let help = text(&run(&["--help"]).stdout);
    assert!(help.contains("rdp-triage analyze ticket/"), "{help}");
    let help = text(&run(&["analyze", "--help"]).stdout);
    for words in ["Exit status", "--fail-on", "--clock-offset", "--extended"] {
        assert!(help.contains(words), "{words} is not in {help}");
    }
}

/// The labelled tickets of the lab, when they are beside the project.
#[test]
fn labelled_tickets_are_answered_and_healthy_ones_raise_no_alarm() {
    let Some(cases) = shared("cases") else { return };
    let (mut total, mut points, mut alarms) = (0u32, 0.0, Vec::new());
    for case in crate::support::folders(&cases) {
        let label: Value =
            serde_json::from_slice(&fs::read(case.join("label.json")).unwrap()).unwrap();
        let output = run(&[
            "analyze",
            "--format",
            "json",
            "--quiet",
            case.join("evidence").to_str().unwrap(),
        ]);
        let report = json(&output);
        let listed = |key: &str, cause: &Value| {
            label[key].as_array().is_some_and(|causes| causes.contains(cause))
        };
        let first = &report["diagnoses"][0]["cause"];
        total += 1;
        if label["verdict"] == serde_json::json!(["no_failure_found"]) {
            let sure = report["diagnoses"]
                .as_array()
                .unwrap()
                .iter()
                .any(|d| d["certainty"] == "strong" || d["certainty"] == "conclusive");
            if sure || report["verdict"] != "no_failure_found" {
                alarms.push(crate::support::name(&case));
            } else {
                points += 1.0;
            }
        } else if listed("causes", first) {
            points += 1.0;
        } else if listed("also", first) {
            points += 0.5;
        }
    }
    assert!(alarms.is_empty(), "false alarms: {alarms:?}");
    assert!(points / f64::from(total) >= 0.9, "{points} points of {total}");
}

/// A folder with a sample's evidence and a dialog as somebody pasted it.
fn with_dialog(sample: &str, dialog: &str) -> tempfile::TempDir {
    let ticket = tempfile::tempdir().unwrap();
    for file in files(&root().join("samples").join(sample)) {
        let name = file.to_string_lossy().replace('/', "_");
        fs::copy(&file, ticket.path().join(name)).unwrap();
    }
    fs::write(ticket.path().join("ticket.txt"), dialog).unwrap();
    ticket
}

fn report_of(arguments: &[&str]) -> Value {
    json(&run(&[&["analyze", "--format", "json"], arguments].concat()))
}

#[test]
fn a_pasted_dialog_is_told_and_narrows_but_never_names_a_cause_alone() {
    let dialog = "Error code: 0x904\r\nExtended error code: 0x7\r\nTimestamp (UTC): 06/03/25 08:15:05 AM\r\n";
    let alone = tempfile::tempdir().unwrap();
    fs::write(alone.path().join("dialog.txt"), dialog).unwrap();
    let report = report_of(&[alone.path().to_str().unwrap()]);
    assert_eq!(
        (&report["verdict"], &report["diagnoses"]),
        (&"inconclusive".into(), &serde_json::json!([]))
    );
    assert_eq!(report["client_codes"][0]["concerns_an_attempt"], false);
    assert!(report["missing_evidence"].as_array().unwrap().len() >= 3);

    let ticket = with_dialog("tls-no-shared-cipher", dialog);
    let report = report_of(&[ticket.path().to_str().unwrap()]);
    assert_eq!(report["diagnoses"][0]["cause"], "tls-no-shared-cipher");
    assert_eq!(report["client_codes"][0]["source"]["file"], "ticket.txt");
    let evidence = report["diagnoses"][0]["evidence"].as_array().unwrap();
    let told = evidence.iter().find(|e| e["source"]["file"] == "ticket.txt").unwrap();
    assert_eq!(told["source"]["line"], 1);
    assert!(told["weight_db"].as_f64().unwrap() <= 3.0);
}

#[test]
fn a_dialog_of_another_day_is_about_none_of_the_attempts() {
    let dialog =
        "Error code: 0x204\nExtended error code: 0x0\nTimestamp (UTC): 01/02/25 08:15:05 AM\n";
    let ticket = with_dialog("tls-no-shared-cipher", dialog);
    let report = report_of(&[ticket.path().to_str().unwrap()]);
    assert_eq!(report["diagnoses"][0]["cause"], "tls-no-shared-cipher");
    assert_eq!(report["client_codes"][0]["concerns_an_attempt"], false);
}

#[test]
fn one_reading_writes_the_report_in_several_forms_under_a_name_of_choice() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let also =
        ["json", "jsonl", "md", "html"].map(|ending| format!("--also={}", file("a.") + ending));
    let also: Vec<&str> = also.iter().map(String::as_str).collect();
    let named = ["analyze", TICKET, "--name", "ticket 7"];
    assert_eq!(run(&[&named[..], &also].concat()).status.code(), Some(0));
    for (ending, format) in
        [("json", "json"), ("jsonl", "jsonl"), ("md", "markdown"), ("html", "html")]
    {
        let alone = run(&[&named[..], &["--format", format]].concat());
        assert!(fs::read(file("a.") + ending).unwrap() == alone.stdout, "{format}");
    }
    let report: Value = serde_json::from_slice(&fs::read(file("a.json")).unwrap()).unwrap();
    assert_eq!(report["case"]["name"], "ticket 7");
    let text = file("evidence.md");
    fs::write(&text, "evidence").unwrap();
    for twice in [["--also", &text], ["-o", &text], ["--timesketch", &file("t.jsonl")]] {
        let also = file("t.jsonl");
        let output = run(&[&["analyze", &text, "--also", &also][..], &twice].concat());
        assert_eq!(output.status.code(), Some(2), "{twice:?}");
    }
    assert_eq!(fs::read_to_string(&text).unwrap(), "evidence");
    let wrong = run(&["analyze", TICKET, "--also", "report.txt"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains(".json, .jsonl, .md or .html"));
}

#[test]
fn a_case_that_ran_out_of_time_says_so() {
    let ticket = ["analyze", TICKET, "--max-time", "0.000001"];
    let json = run(&[&ticket[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    let why = report["case"]["unfinished"].as_str().unwrap();
    assert!(why.contains("--max-time"), "{why}");
    let table = run(&ticket);
    assert!(String::from_utf8_lossy(&table.stdout).contains("Not analysed to its end: "));
}

#[cfg(unix)]
#[test]
fn a_link_that_is_named_itself_is_followed_without_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("ticket");
    std::os::unix::fs::symlink(root().join(TICKET), &link).unwrap();
    let output = run(&["analyze", link.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    assert_eq!(report["verdict"], "diagnosed");
}
