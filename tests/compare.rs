//! What differs between two cases: `rdp-triage compare`.

use crate::support::{analyse, folders, name, root, run, text};
use rdp_triage::report::compare::{
    Chosen, CompareReport, DifferenceReport, compare, write_compare_json, write_compare_markdown,
    write_compare_table,
};
use rdp_triage::report::{Report, Style, write_json};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

fn sample(id: &str) -> Report {
    analyse(&root().join("samples").join(id))
}

fn compared(good: &str, bad: &str) -> CompareReport {
    compare(&sample(good), &sample(bad), Chosen::default()).unwrap()
}

fn as_text(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(report: &CompareReport, width: u16) -> String {
    as_text(|out| write_compare_table(report, Style { width, color: false }, out))
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots/compare"));
    settings.set_omit_expression(true);
    settings
}

/// A healthy case against one that fails in each layer.
const PAIRS: [(&str, &str); 4] = [
    ("no-fault-found", "tls-no-shared-cipher"),
    ("no-fault-found", "cert-expired"),
    ("healthy-fallback", "nego-nla-required"),
    ("healthy-tls13", "nla-prelogon-timeout"),
];

#[test]
fn every_pair_keeps_its_snapshots() {
    for (good, bad) in PAIRS {
        let mut report = compared(good, bad);
        report.tool.version = "[version]".to_owned();
        settings().bind(|| {
            insta::assert_snapshot!(format!("{bad}-table"), table(&report, 100));
            let markdown = as_text(|out| write_compare_markdown(&report, out));
            insta::assert_snapshot!(format!("{bad}-markdown"), markdown);
            let json = as_text(|out| write_compare_json(&report, true, out));
            insta::assert_snapshot!(format!("{bad}-json"), json);
        });
    }
}

#[test]
fn a_case_does_not_differ_from_itself() {
    for path in folders(&root().join("samples")) {
        let report = analyse(&path);
        for attempt in report.attempts.iter().map(|attempt| Some(attempt.id)) {
            let chosen = Chosen { good: attempt, bad: attempt };
            let same = compare(&report, &report, chosen).unwrap();
            assert!(same.is_alike(), "{}: {:#?}", name(&path), same.differences);
            assert!(same.summary == "No difference." || report.coverage.is_empty());
        }
    }
}

fn row<'r>(report: &'r CompareReport, what: &str) -> &'r DifferenceReport {
    let mut rows = report.differences.iter().flat_map(|section| &section.rows);
    rows.find(|row| row.what == what).unwrap_or_else(|| panic!("no row {what}"))
}

#[test]
fn what_differs_is_named_with_both_places() {
    let report = compared("no-fault-found", "tls-no-shared-cipher");
    let suites = row(&report, "cipher suites");
    let change = suites.change.as_ref().unwrap();
    assert!(change.added.is_empty() && change.moved.is_empty(), "{change:?}");
    assert!(change.removed.iter().any(|suite| suite.starts_with("TLS_ECDHE_RSA")));
    assert_eq!(suites.bad.values.len(), 2);
    assert!(suites.good.source.as_ref().unwrap().frame.is_some());
    assert_eq!(suites.bad.source.as_ref().unwrap().file, "server.pcapng");
    let alerts = row(&report, "alerts");
    assert_eq!(alerts.bad.values, ["server fatal handshake_failure"]);
    let schannel = row(&report, "Schannel/36874");
    assert!(schannel.bad.source.as_ref().unwrap().record_id.is_some());
    assert_eq!(schannel.good.values, ["none"]);
    assert!(report.only_good.contains(&"cipher suite".to_owned()), "{:?}", report.only_good);
}

#[test]
fn every_place_is_a_file_of_its_own_side() {
    for (good, bad) in PAIRS {
        let (good, bad) = (sample(good), sample(bad));
        let files = |report: &Report| -> HashMap<String, u64> {
            report.coverage.iter().map(|c| (c.file.clone(), c.items)).collect()
        };
        let (of_good, of_bad) = (files(&good), files(&bad));
        let report = compare(&good, &bad, Chosen::default()).unwrap();
        for row in report.differences.iter().flat_map(|section| &section.rows) {
            for (value, files) in [(&row.good, &of_good), (&row.bad, &of_bad)] {
                let Some(source) = &value.source else { continue };
                let items = files[&source.file];
                assert!(source.frame.is_none_or(|frame| (1..=items).contains(&frame)), "{row:?}");
            }
        }
        for timing in &report.timing {
            assert!(of_good.contains_key(&timing.good_source.file));
            assert!(of_bad.contains_key(&timing.bad_source.file));
        }
    }
}

#[test]
fn a_step_that_takes_much_longer_is_marked() {
    let (good, mut bad) = (sample("no-fault-found"), sample("no-fault-found"));
    let ladder = &mut bad.attempts[0].wire.as_mut().unwrap().ladder;
    let from = ladder.iter().position(|rung| rung.step == "server_hello").unwrap();
    for rung in &mut ladder[from..] {
        rung.ms = rung.ms.map(|ms| ms + 900.0);
    }
    let report = compare(&good, &bad, Chosen::default()).unwrap();
    let slow: Vec<&str> =
        report.timing.iter().filter(|t| t.differs).map(|t| t.step.as_str()).collect();
    assert_eq!(slow, ["server_hello"]);
    assert!(!report.is_alike() && report.differences.is_empty());
    assert!(table(&report, 100).contains("DIFFERS"));
}

#[test]
fn lines_of_the_table_fit_every_width() {
    for (good, bad) in PAIRS {
        let report = compared(good, bad);
        for width in [60, 80, 160] {
            for line in table(&report, width).lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
        }
    }
}

const GOOD: &str = "samples/no-fault-found";
const BAD: &str = "samples/cert-expired";

fn save(report: &Report, path: &Path) {
    let mut out = Vec::new();
    write_json(report, &mut out).unwrap();
    fs::write(path, out).unwrap();
}

#[test]
fn reports_and_evidence_compare_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.json"), folder.path().join("bad.json"));
    save(&sample("no-fault-found"), &good);
    save(&sample("cert-expired"), &bad);
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let format = ["--format", "json", "--quiet"];
    let of_evidence = run(&[&["compare", GOOD, BAD][..], &format].concat());
    assert_eq!(of_evidence.status.code(), Some(0), "{}", text(&of_evidence.stderr));
    for sides in [[good, bad], [GOOD, bad], [good, BAD]] {
        let output = run(&[&["compare"], &sides[..], &format].concat());
        assert_eq!(text(&output.stdout), text(&of_evidence.stdout), "{sides:?}");
    }
    let value: Value = serde_json::from_slice(&of_evidence.stdout).unwrap();
    assert_eq!(value["schema_version"], 1);
    let lines = run(&["compare", good, bad, "--format", "jsonl"]);
    assert_eq!(text(&lines.stdout).lines().count(), 1);
}

#[test]
fn without_evidence_the_exit_status_is_3_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    for (arguments, side) in [(["compare", empty, BAD], "GOOD"), (["compare", GOOD, empty], "BAD")]
    {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains(&format!("{side} (")), "{:?}", text(&output.stderr));
        assert!(text(&output.stdout).contains("no evidence"), "{}", text(&output.stdout));
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("report.json");
    let head = format!(
        "{{\"schema_version\": 1, \"tool\": {{\"name\": \"{}\", \"version\": \"0\"}}, \"case\": 3}}",
        env!("CARGO_PKG_NAME")
    );
    fs::write(&broken, head).unwrap();
    for (arguments, words) in [
        (&["compare", GOOD][..], "BAD"),
        (&["compar", GOOD, BAD], "compare"),
        (
            &["compare", GOOD, BAD, "--bad-attempt", "7"],
            "--bad-attempt 7: cert-expired lists 1 attempt",
        ),
        (&["compare", GOOD, "/no/such/ticket"], "no such file or folder"),
        (&["compare", "-", "-"], "standard input"),
        (&["compare", GOOD, broken.to_str().unwrap()], "report.json"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stdout));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn the_same_twice_is_no_difference() {
    let output = run(&["compare", GOOD, GOOD]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("ALIKE\nNo difference.\n"));
}

#[test]
fn of_an_attempt_that_worked_the_refusals_before_are_not_compared() {
    let report = compared("healthy-fallback", "nego-nla-required");
    let answer = row(&report, "answer");
    assert_eq!(answer.bad.values, ["refused: HYBRID_REQUIRED_BY_SERVER"]);
    assert!(!answer.good.values[0].starts_with("refused"), "{answer:?}");
    let offered = row(&report, "protocols asked for").change.as_ref().unwrap();
    assert_eq!(offered.removed, ["hybrid", "hybrid_ex"]);
}
