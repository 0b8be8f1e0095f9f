//! One timeline of logs and packets: `rdp-triage timeline`.

use crate::support::{analyse, folders, name, root, run, text};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::report::Style;
use rdp_triage::report::timeline::{
    Happening, Timeline, write_csv, write_ecs, write_jsonl, write_table,
};
use rdp_triage::triage::{Config, timeline};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Logs and a capture whose clocks differ; a name that leads nowhere; a text and drops.
const SHOWN: [&str; 3] = ["tls-no-shared-cipher", "dns-name-not-resolved", "firewall-host-block"];

fn of(path: &Path) -> Timeline {
    let knowledge = Knowledge::embedded().unwrap();
    let config = Config { paths: vec![path.to_path_buf()], ..Config::default() };
    timeline(&config, &knowledge, &std::sync::Arc::default()).unwrap()
}

fn sample(id: &str) -> Timeline {
    of(&root().join("samples").join(id))
}

fn written(
    timeline: &Timeline,
    write: impl Fn(&Timeline, &mut dyn Write) -> io::Result<()>,
) -> String {
    let mut out = Vec::new();
    write(timeline, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots/timeline"));
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_format_keeps_its_snapshot() {
    let style = Style { width: 100, color: false };
    for id in SHOWN {
        let timeline = sample(id);
        settings().bind(|| {
            let table = written(&timeline, |timeline, out| write_table(timeline, style, out));
            insta::assert_snapshot!(format!("{id}-table"), table);
            insta::assert_snapshot!(format!("{id}-csv"), written(&timeline, write_csv));
            insta::assert_snapshot!(format!("{id}-jsonl"), written(&timeline, write_jsonl));
            insta::assert_snapshot!(format!("{id}-ecs"), written(&timeline, write_ecs));
        });
    }
}

#[test]
fn every_line_has_what_timesketch_asks_for_and_times_ascend() {
    for path in folders(&root().join("samples")) {
        let timeline = of(&path);
        let jsonl = written(&timeline, write_jsonl);
        let mut last = i64::MIN;
        for line in jsonl.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            for key in ["message", "datetime", "timestamp_desc", "data_type", "case_time"] {
                let given = row[key].as_str().is_some_and(|text| !text.is_empty());
                assert!(given, "{}: no {key} in {line}", name(&path));
            }
            let timestamp = row["timestamp"].as_i64().unwrap();
            let shown = row["datetime"].as_str().unwrap();
            assert!(shown.ends_with("+00:00") && shown.len() == 32, "{shown}");
            let time: jiff::Timestamp = shown.parse().unwrap();
            assert_eq!(time.as_microsecond(), timestamp, "{line}");
            assert!(timestamp >= last, "{}: {line}", name(&path));
            last = timestamp;
        }
        assert_eq!(jsonl.lines().count(), timeline.entries.len());
    }
}

#[test]
fn every_detail_of_an_entry_is_a_key_of_its_line() {
    for path in folders(&root().join("samples")) {
        let timeline = of(&path);
        let jsonl = written(&timeline, write_jsonl);
        for (entry, line) in timeline.entries.iter().zip(jsonl.lines()) {
            let row: Value = serde_json::from_str(line).unwrap();
            for (name, value) in &entry.details {
                assert_eq!(row[name.replace('.', "_")], **value, "{line}");
            }
        }
    }
}

/// Fields of a CSV text by RFC 4180.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty());
    rows
}

#[test]
fn csv_has_the_same_rows_and_no_formula() {
    for path in folders(&root().join("samples")) {
        let timeline = of(&path);
        let rows = rows(&written(&timeline, write_csv));
        let jsonl = written(&timeline, write_jsonl);
        assert_eq!(rows[0][..3], ["datetime", "timestamp_desc", "message"]);
        assert_eq!(rows.len(), timeline.entries.len() + 1);
        for (row, line) in rows[1..].iter().zip(jsonl.lines()) {
            assert_eq!(row.len(), rows[0].len());
            let object: Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["datetime"], row[0], "{line}");
            assert!(row.iter().all(|cell| cell == "-" || !cell.starts_with(['=', '+', '-', '@'])));
        }
    }
}

#[test]
fn every_entry_of_a_packet_names_a_frame_that_exists() {
    let mut seen = 0;
    for path in folders(&root().join("samples")) {
        let mut frames: HashMap<String, u64> = HashMap::new();
        for coverage in analyse(&path).coverage {
            match coverage.parts.is_empty() {
                true => _ = frames.insert(coverage.file, coverage.items),
                false => frames.extend(coverage.parts.into_iter().map(|p| (p.file, p.frames))),
            }
        }
        for entry in of(&path).entries {
            if matches!(entry.happening, Happening::Event | Happening::Text) {
                assert!(entry.source.record_id.or(entry.source.line).is_some(), "{entry:?}");
                continue;
            }
            let frame = entry.source.frame.unwrap();
            assert!((1..=frames[&entry.source.file]).contains(&frame), "{entry:?}");
            assert_eq!(entry.open_with, format!("frame.number == {frame}"));
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn logs_and_packets_stand_on_one_clock() {
    let timeline = sample("tls-no-shared-cipher");
    let place = |what: &str| timeline.entries.iter().position(|entry| entry.what.ends_with(what));
    // The server logs the connection after its handshake, and by its own clock 1.2 s later.
    let (established, accepted) = (place("ACK").unwrap(), place("RdpCoreTS/131").unwrap());
    let refused = timeline.entries.iter().rposition(|entry| entry.what.ends_with("/131")).unwrap();
    assert!(accepted < established && established < refused);
    let record = &timeline.entries[refused];
    assert!(record.source_time.unwrap().0 > record.time.0);
    let hello = timeline.entries.iter().find(|entry| entry.what == "ClientHello").unwrap();
    assert_eq!(record.community_id, hello.community_id);
    assert_eq!(record.attempts, hello.attempts);
}

#[test]
fn ecs_names_are_nested_and_say_their_version() {
    let ecs = written(&sample("tls-no-shared-cipher"), write_ecs);
    let rows: Vec<Value> = ecs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.iter().all(|row| row["ecs"]["version"].is_string()));
    assert!(rows.iter().all(|row| row["@timestamp"].is_string() && row["message"].is_string()));
    let record = rows.iter().find(|row| row["event"]["code"] == "36874").unwrap();
    assert_eq!(record["event"]["provider"], "Schannel");
    assert_eq!(record["winlog"]["channel"], "System");
    assert!(record["host"]["name"].is_string());
    let hello = rows.iter().find(|row| row["event"]["action"] == "ClientHello").unwrap();
    assert_eq!(hello["destination"]["port"], 3389);
    assert!(hello["tls"]["client"]["ja3"].is_string());
    assert!(hello["network"]["community_id"].as_str().unwrap().starts_with("1:"));
}

const TICKET: &str = "samples/tls-no-shared-cipher";

#[test]
fn the_command_writes_the_same_bytes_with_any_number_of_threads() {
    for format in ["table", "csv", "jsonl"] {
        let one = run(&["timeline", TICKET, "--format", format, "--jobs", "1"]);
        let many = run(&["timeline", TICKET, "--format", format, "--jobs", "4"]);
        assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));
        assert!(!one.stdout.is_empty() && one.stdout == many.stdout, "{format}");
    }
}

#[test]
fn the_command_writes_to_a_file_and_tells_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.jsonl");
    let output = run(&["timeline", TICKET, "--format", "jsonl", "-o", file.to_str().unwrap()]);
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("say no time: 1 statement"), "{:?}", output.stderr);
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 34);
    let quiet = run(&["timeline", TICKET, "--format", "jsonl", "--quiet"]);
    assert!(quiet.stderr.is_empty());
}

#[test]
fn the_question_narrows_the_entries() {
    let count = |more: &[&str]| {
        let mut arguments = vec!["timeline", TICKET, "--format", "jsonl", "--quiet"];
        arguments.extend(more);
        text(&run(&arguments).stdout).lines().count()
    };
    let all = count(&[]);
    let since = count(&["--since", "2025-06-03T08:15:00Z"]);
    let until = count(&["--until", "2025-06-03T08:14:59.999999999Z"]);
    assert!(since > 0 && until > 0);
    assert_eq!(since + until, all);
    // The server's own log stays; of another server nothing is there.
    assert_eq!(count(&["--server", "10.20.5.11"]), all);
    assert_eq!(count(&["--server", "10.20.5.12"]), 0);
    let client = count(&["--client", "10.20.1.42"]);
    assert!(client > 10 && client < all, "{client}");
}

#[test]
fn exit_status_and_usage_are_those_of_analyze() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["timeline", path]).status.code(), Some(3));
    let capture = fs::read(root().join("samples/cert-expired/client.pcapng")).unwrap();
    fs::write(folder.path().join("cut.pcapng"), &capture[..capture.len() - 30]).unwrap();
    assert_eq!(run(&["timeline", path]).status.code(), Some(0));
    let strict = run(&["timeline", path, "--strict"]);
    assert_eq!(strict.status.code(), Some(4));
    assert!(text(&strict.stdout).contains("What could not be read"));
    for (arguments, words) in [
        (&["timeline"][..], "PATH"),
        (&["timeline", TICKET, "--ecs"], "--format jsonl"),
        (&["timeline", TICKET, "--format", "cvs"], "csv"),
        (&["timelin", TICKET], "timeline"),
        (&["timeline", "/no/such/ticket"], "no such file or folder"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn lines_of_the_table_fit_every_width() {
    let timeline = sample("tls-no-shared-cipher");
    for width in [40, 60, 80, 160] {
        let style = Style { width, color: false };
        let table = written(&timeline, |timeline, out| write_table(timeline, style, out));
        for line in table.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
        }
    }
}
