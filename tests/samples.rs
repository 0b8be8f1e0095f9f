//! Every sample ticket: its diagnosis, its snapshot, and where it comes from.

use crate::evaluate::case::HEALTHY;
use crate::make_samples;
use crate::support::{analyse, files, folders, name, root};
use rdp_triage::diagnose::Verdict;
use rdp_triage::intake::{FileKind, sniff};
use rdp_triage::report::{ProblemReport, Report, Style, write_json, write_table};
use std::fs;
use std::path::Path;

fn samples() -> Vec<std::path::PathBuf> {
    folders(&root().join("samples"))
}

/// The report without what changes from machine to machine.
fn stable(mut report: Report) -> Report {
    report.tool.version = "[version]".to_owned();
    report.case.inputs = vec!["[inputs]".to_owned()];
    report
}

fn as_json(report: &Report) -> String {
    let mut out = Vec::new();
    write_json(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_omit_expression(true);
    settings
}

#[test]
fn each_sample_gives_its_cause_and_its_snapshot() {
    for sample in samples() {
        let id = name(&sample);
        let report = analyse(&sample);
        if HEALTHY.contains(&id.as_str()) {
            assert_eq!(report.verdict, Verdict::NoFailureFound, "{id}: {}", report.summary);
        } else {
            let first = report.diagnoses.first().map(|d| d.cause.as_str());
            assert_eq!(first, Some(id.as_str()), "{id}: {}", report.summary);
            assert_eq!(report.verdict, Verdict::Diagnosed, "{id}");
        }
        settings().bind(|| insta::assert_snapshot!(id.clone(), as_json(&stable(report))));
    }
}

#[test]
fn every_statement_cites_a_file_of_the_ticket() {
    for sample in samples() {
        let report = analyse(&sample);
        let known: Vec<String> = report.coverage.iter().map(|c| c.file.clone()).collect();
        for diagnosis in &report.diagnoses {
            assert!(
                !diagnosis.evidence.is_empty(),
                "{}: {} without evidence",
                name(&sample),
                diagnosis.cause
            );
            for evidence in diagnosis.evidence.iter().chain(&diagnosis.against) {
                assert!(known.contains(&evidence.source.file), "{}: {evidence:?}", name(&sample));
                assert!(
                    !evidence.statement.contains('?'),
                    "{}: {}",
                    name(&sample),
                    evidence.statement
                );
            }
        }
        let sum: f64 = report.diagnoses.iter().map(|d| d.probability).sum();
        assert!(sum <= 1.001, "{}: probabilities add up to {sum}", name(&sample));
    }
}

#[test]
fn the_generators_make_the_checked_in_samples_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    make_samples::generate(folder.path()).unwrap();
    let relative = |base: &Path| -> Vec<(String, Vec<u8>)> {
        files(base)
            .into_iter()
            .map(|file| {
                let name = file.strip_prefix(base).unwrap().to_string_lossy().into_owned();
                (name, fs::read(file).unwrap())
            })
            .filter(|(name, _)| name != "README.md")
            .collect()
    };
    let (made, kept) = (relative(folder.path()), relative(&root().join("samples")));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "run `cargo run --example make_samples`");
    for (made, kept) in made.iter().zip(&kept) {
        assert!(made.1 == kept.1, "{} differs: run `cargo run --example make_samples`", made.0);
    }
}

/// The forms in which tickets are packed: how their names end, and what they are.
const PACKED: [(&str, FileKind); 8] = [
    (".zip", FileKind::Zip),
    (".7z", FileKind::SevenZip),
    (".cab", FileKind::Cab),
    (".tar", FileKind::Tar),
    (".gz", FileKind::Gzip),
    (".xz", FileKind::Xz),
    (".zst", FileKind::Zstd),
    (".bz2", FileKind::Bzip2),
];

#[test]
fn each_form_of_packing_is_in_a_sample_and_decides_its_diagnosis() {
    let mut cited = Vec::new();
    for sample in samples() {
        for path in files(&sample) {
            let packed = PACKED.iter().find(|(end, _)| name(&path).ends_with(end));
            if let Some((_, kind)) = packed {
                assert_eq!(*kind, sniff(&fs::read(&path).unwrap()), "{}", path.display());
            }
        }
        let report = analyse(&sample);
        let first = report.diagnoses.into_iter().take(1);
        cited.extend(first.flat_map(|d| d.evidence).map(|evidence| evidence.source.file));
    }
    for (end, kind) in PACKED {
        let inside = format!("{end}/");
        let decides = |file: &&String| file.contains(&inside) || file.ends_with(end);
        assert!(cited.iter().any(|file| decides(&file)), "{kind:?} decides no sample");
    }
    // In each other, a tar in a stream, and names with escapes that were undone once.
    for part in [".zip/(71)", ".cab/System.evtx", ".tar.gz/", "/auto/C:/Windows/", "%4Operational"]
    {
        assert!(cited.iter().any(|file| file.contains(part)), "{part} decides no sample");
    }
}

#[test]
fn a_protected_entry_is_named_beside_what_was_read() {
    let report = analyse(&root().join("samples/service-termservice-crash"));
    let told = |p: &ProblemReport| {
        p.file == "logs.zip/server/Security.evtx" && p.message.contains("encrypted")
    };
    assert!(report.problems.iter().any(told), "{:?}", report.problems);
    assert!(report.coverage.iter().any(|c| c.file == "logs.zip/server/System.evtx"));
}

#[test]
fn samples_of_collectors_are_known() {
    let collectors = |sample: &str| -> Vec<String> {
        let report = analyse(&root().join("samples").join(sample));
        report.collectors.into_iter().map(|collector| collector.id).collect()
    };
    for (sample, expect) in [
        ("cert-wrong-usage", "msrd-collect"),
        ("workstation-restriction", "kape"),
        ("logon-hours-restriction", "kape"),
        ("authz-logon-right-denied", "velociraptor"),
        ("ephemeral-port-exhaustion", "intune"),
    ] {
        assert_eq!(collectors(sample), [expect], "{sample}");
    }
    assert!(collectors("no-fault-found").is_empty());
}

#[test]
fn the_samples_stay_small() {
    let size: u64 =
        files(&root().join("samples")).iter().map(|f| f.metadata().unwrap().len()).sum();
    assert!(size < 15_000_000, "{size} bytes");
}

#[test]
fn the_table_of_a_ticket_fits_its_terminal() {
    let report = stable(analyse(&root().join("samples/tls-no-shared-cipher")));
    for width in [80, 120] {
        let mut out = Vec::new();
        write_table(&report, Style { width, color: false }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let commands = |line: &&str| line.starts_with("      ") && line.trim().contains(' ');
        for line in text.lines().filter(|line| !commands(line)) {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
        }
        settings().bind(|| insta::assert_snapshot!(format!("table-{width}"), text));
    }
}

#[test]
fn colour_is_only_paint() {
    let report = stable(analyse(&root().join("samples/cert-expired")));
    let text = |color| {
        let mut out = Vec::new();
        write_table(&report, Style { width: 100, color }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let painted = text(true);
    assert!(painted.contains("\u{1b}["));
    let mut bare = String::new();
    for part in painted.split("\u{1b}[") {
        bare.push_str(
            part.split_once('m')
                .filter(|(code, _)| code.chars().all(|c| c.is_ascii_digit() || c == ';'))
                .map_or(part, |(_, rest)| rest),
        );
    }
    assert_eq!(bare, text(false));
}

#[test]
fn a_report_reads_back_from_its_own_json() {
    let report = analyse(&root().join("samples/no-fault-found"));
    let back: Report = serde_json::from_str(&as_json(&report)).unwrap();
    assert_eq!(back, report);
}
