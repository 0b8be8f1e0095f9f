//! The report in its formats: each sample's Markdown and table, the schema, and whether what
//! they print leads to the proof.

use crate::support::{analyse, folders, name, root};
use rayon::prelude::*;
use rdp_triage::intake::{FileKind, take_in};
use rdp_triage::report::{
    BatchReport, CaseLine, Report, Style, write_batch_html, write_batch_markdown, write_html,
    write_json, write_markdown, write_table,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn samples() -> Vec<PathBuf> {
    folders(&root().join("samples"))
}

fn settings(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots").join(folder));
    settings.set_omit_expression(true);
    settings
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn markdown(report: &Report) -> String {
    written(|out| write_markdown(report, out))
}

fn table(report: &Report) -> String {
    written(|out| write_table(report, Style { width: 100, color: false }, out))
}

#[test]
fn each_sample_has_its_markdown_and_its_table() {
    for sample in samples() {
        let mut report = analyse(&sample);
        report.tool.version = "[version]".to_owned();
        let id = name(&sample);
        settings("markdown").bind(|| insta::assert_snapshot!(id.clone(), markdown(&report)));
        settings("table").bind(|| insta::assert_snapshot!(id.clone(), table(&report)));
    }
}

#[test]
fn every_report_keeps_to_its_schema() {
    let output = Command::new(env!("CARGO_BIN_EXE_rdp-triage")).arg("schema").output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for sample in samples() {
        let report = written(|out| write_json(&analyse(&sample), out));
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", name(&sample));
        let mut broken = report;
        broken["diagnoses"] = "none".into();
        assert!(!validator.is_valid(&broken), "the schema says something");
    }
}

/// What a report prints: a place and the display filter that shows it.
fn printed_filters(report: &Report) -> BTreeSet<(String, u64, String)> {
    let plain = |text: &str| text.replace('\\', "");
    let mut printed = BTreeSet::new();
    let mut take = |place: &str, filter: &str| {
        let Some((file, frame)) = place.split_once(" frame ") else { return };
        let frame = frame.split(' ').next().unwrap().parse().unwrap();
        printed.insert((file.to_owned(), frame, filter.to_owned()));
    };
    for line in markdown(report).lines() {
        let Some((before, filter)) = line.split_once("\\]: `").or(line.split_once(": `ip")) else {
            continue;
        };
        let place = before.rsplit_once("\\[").unwrap().1.replace("\\]", "");
        let filter = filter.split('`').next().unwrap();
        let filter = if line.contains(": `ip") { format!("ip{filter}") } else { plain(filter) };
        take(&plain(&place), &filter);
    }
    let table = table(report);
    let mut lines = table.lines().skip_while(|line| !line.starts_with("See for yourself")).skip(1);
    let mut place = String::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        match line.strip_prefix("      ") {
            Some(filter) => {
                let place = std::mem::take(&mut place);
                let place = place.trim_end_matches(':');
                let place = place.split_once(", ").map_or(place, |(_, place)| place);
                take(place, filter);
            }
            None => place = format!("{place} {}", line.trim()).trim().to_owned(),
        }
    }
    printed
}

/// The frames of a file that a filter selects, by tshark.
fn selected(file: &Path, filter: &str) -> BTreeSet<u64> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-n", "-Y", filter, "-T", "fields", "-e", "frame.number"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect()
}

#[test]
fn every_printed_display_filter_shows_its_frame_in_wireshark() {
    if !Command::new("tshark").arg("-v").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    }
    let checked: Vec<usize> = samples().par_iter().map(|sample| check_filters(sample)).collect();
    assert!(checked.iter().sum::<usize>() > 100, "{checked:?}");
}

/// Looks each printed filter of a sample up; gives how many there were.
fn check_filters(sample: &Path) -> usize {
    let mut by_file: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for (file, frame, filter) in printed_filters(&analyse(sample)) {
        by_file.entry(file).or_default().push((frame, filter));
    }
    let evidence = take_in(&[sample.to_path_buf()]).unwrap().files;
    let mut checked = 0;
    for (file, filters) in by_file {
        // A name that is longer than a line of the table is broken.
        let whole = |name: &str| name.replace(' ', "");
        let found = evidence.iter().find(|one| whole(&one.name) == whole(&file));
        let found = found.unwrap_or_else(|| panic!("{}: {file}", sample.display()));
        // tshark reads no event trace.
        if found.kind == FileKind::Etl {
            continue;
        }
        // What is packed is unpacked, as a reader has to do.
        let unpacked = tempfile::NamedTempFile::new().unwrap();
        let path = unpacked.path().to_path_buf();
        std::io::copy(&mut found.stream().unwrap(), &mut unpacked.as_file()).unwrap();
        let (single, others): (Vec<_>, Vec<_>) = filters
            .into_iter()
            .partition(|(frame, filter)| *filter == format!("frame.number == {frame}"));
        checked += single.len() + others.len();
        // Filters for one frame each are asked for together: what comes back must be just these.
        let wanted: BTreeSet<u64> = single.iter().map(|(frame, _)| *frame).collect();
        if !wanted.is_empty() {
            let all: Vec<&str> = single.iter().map(|(_, filter)| filter.as_str()).collect();
            assert_eq!(selected(&path, &all.join(" || ")), wanted, "{file}");
        }
        for (frame, filter) in others {
            let found = selected(&path, &filter);
            assert!(
                found.contains(&frame),
                "{}: {filter}: {frame} not in {found:?}",
                path.display()
            );
        }
    }
    checked
}

#[test]
fn every_claim_about_a_record_has_its_query() {
    for sample in samples() {
        for diagnosis in analyse(&sample).diagnoses {
            for evidence in diagnosis.evidence.iter().chain(&diagnosis.against) {
                let Some(record) = evidence.source.record_id else { continue };
                assert_eq!(evidence.open_with, format!("*[System[EventRecordID={record}]]"));
                assert!(evidence.channel.is_some(), "{}: {evidence:?}", name(&sample));
                let command = evidence.show_with.as_deref().unwrap_or_default();
                assert!(command.starts_with("wevtutil qe \""), "{}: {evidence:?}", name(&sample));
                assert!(command.ends_with(&format!("/q:\"{}\"", evidence.open_with)));
            }
        }
    }
}

#[test]
fn a_report_read_back_from_its_json_tells_the_same_in_every_format() {
    for sample in samples().iter().step_by(7) {
        let report = analyse(sample);
        let json = written(|out| write_json(&report, out));
        let again: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(markdown(&again), markdown(&report));
        assert_eq!(table(&again), table(&report));
        let html = |report: &Report| written(|out| write_html(report, out));
        assert_eq!(html(&again), html(&report));
    }
}

#[test]
fn foreign_text_stays_text_in_every_format() {
    let evil = "<script>alert(1)</script>\u{202e}\u{1b}[31m`|**x**](http://e)\"'";
    let json =
        written(|out| write_json(&analyse(&root().join("samples/tls-no-shared-cipher")), out));
    let mut report: serde_json::Value = serde_json::from_str(&json).unwrap();
    poison(&mut report, evil);
    let report: Report = serde_json::from_value(report).unwrap();
    let page = written(|out| write_html(&report, out));
    assert!(!page.contains("<script>alert"), "nothing that a log brings along is a tag");
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("\"'\""), "nor ends an attribute");
    for text in [&page, &markdown(&report), &table(&report)] {
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
    }
    assert!(!markdown(&report).replace("\\]", "").contains("](http"), "no link");
}

/// Puts a text behind every statement, message and name.
fn poison(value: &mut serde_json::Value, evil: &str) {
    const FREE: [&str; 12] = [
        "statement",
        "message",
        "name",
        "title",
        "summary",
        "subject",
        "file",
        "what",
        "note",
        "client",
        "rdp_cookie",
        "sni",
    ];
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    serde_json::Value::String(text) if FREE.contains(&key.as_str()) => {
                        text.push_str(evil);
                    }
                    other => poison(other, evil),
                }
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|value| poison(value, evil)),
        _ => {}
    }
}

/// A page without its style and script, and without what changes from version to version.
fn page_for_people(page: &str) -> String {
    let mut out = page.to_owned();
    for (open, close) in [("<style>", "</style>"), ("<script>", "</script>"), ("sha256-", "'")] {
        let from = out.find(open).unwrap() + open.len();
        let to = from + out[from..].find(close).unwrap();
        out.replace_range(from..to, "");
    }
    out.replace(env!("CARGO_PKG_VERSION"), "[version]").replace("><", ">\n<")
}

#[test]
fn pages_are_as_they_were() {
    for id in ["tls-no-shared-cipher", "no-fault-found", "tcp-port-filtered"] {
        let report = analyse(&root().join("samples").join(id));
        let page = page_for_people(&written(|out| write_html(&report, out)));
        settings("html").bind(|| insta::assert_snapshot!(id, page));
    }
}

#[test]
fn a_batch_is_told_in_every_format() {
    let ids = ["cert-expired", "logon-bad-password", "no-fault-found", "tcp-port-filtered"];
    let lines = ids.map(|id| CaseLine::of(&analyse(&root().join("samples").join(id))));
    let mut again = lines[0].clone();
    again.name = "a | second <one>".to_owned();
    let report = BatchReport::of(lines.into_iter().chain([again]).collect());
    let page_of = |case: &CaseLine| Some(format!("{}.html", case.name));
    let page = page_for_people(&written(|out| write_batch_html(&report, &page_of, out)));
    settings("html").bind(|| insta::assert_snapshot!("batch", page));
    let markdown = written(|out| write_batch_markdown(&report, out));
    settings("markdown").bind(|| insta::assert_snapshot!("batch", markdown));
}
