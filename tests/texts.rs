//! Texts that people attach, alone and beside other evidence.

use crate::support::{analyse, analyse_all, root};
use rdp_triage::diagnose::{Certainty, Verdict};
use rdp_triage::intake::FileKind;
use rdp_triage::report::Report;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A sample's evidence with a text beside it.
fn with_text(sample: &str, text: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attached.txt");
    fs::write(&file, text).unwrap();
    analyse_all(&[root().join("samples").join(sample), file])
}

fn alone(text: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("attached.txt"), text).unwrap();
    analyse(folder.path())
}

const KEY: &str = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_c5d2b969-b61a-4159-8f78-6391a1c805db";

fn icacls(entries: &str) -> String {
    format!("{KEY} {entries}\n\nSuccessfully processed 1 files; Failed processing 0 files\n")
}

fn unreadable() -> String {
    icacls("NT AUTHORITY\\SYSTEM:(F)\n          BUILTIN\\Administrators:(F)")
}

#[test]
fn permissions_of_the_key_alone_name_the_unreadable_key() {
    let sample = "samples/cert-private-key-unreadable/server/key-permissions.txt";
    let sample = analyse(&root().join(Path::new(sample)));
    for report in [alone(&unreadable()), sample] {
        assert_eq!(report.verdict, Verdict::Diagnosed, "{}", report.summary);
        let first = &report.diagnoses[0];
        assert_eq!(first.cause, "cert-private-key-unreadable");
        // No connection was seen to fail.
        assert_eq!(first.certainty, Certainty::Strong, "{}", first.probability);
        assert_eq!(first.evidence[0].time, None);
        assert!(first.evidence[0].source.line.is_some());
        assert_eq!(report.coverage[0].kind, "acl");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn permissions_that_are_well_or_unknown_name_nothing() {
    for entries in [
        "NT AUTHORITY\\NETWORK SERVICE:(R)\n          BUILTIN\\Administrators:(F)",
        "NT-AUTORITÄT\\Netzwerkdienst:(R)\n          NT-AUTORITÄT\\SYSTEM:(F)",
    ] {
        let report = alone(&icacls(entries));
        assert!(report.diagnoses.is_empty(), "{}", report.summary);
    }
}

#[test]
fn an_unreadable_key_explains_no_try_that_never_came_to_tls() {
    for sample in ["tcp-port-refused", "tcp-port-filtered", "dns-name-not-resolved"] {
        let report = with_text(sample, &unreadable());
        assert_eq!(report.diagnoses[0].cause, sample, "{}", report.summary);
    }
    // Of a connection that works nothing is wrong.
    let report = with_text("no-fault-found", &unreadable());
    assert_eq!(report.verdict, Verdict::NoFailureFound, "{}", report.summary);
}

#[test]
fn a_readable_key_speaks_against_the_unreadable_one() {
    let readable = icacls("NT AUTHORITY\\NETWORK SERVICE:(R)");
    let against = |report: &Report| {
        let key = report.diagnoses.iter().find(|d| d.cause == "cert-private-key-unreadable");
        key.map(|d| d.against.iter().any(|e| e.source.file.ends_with("attached.txt")))
    };
    let report = with_text("cert-private-key-missing", &readable);
    assert_ne!(against(&report), Some(false), "{}", report.summary);
}

#[test]
fn every_form_of_text_stands_in_a_sample() {
    let mut forms: BTreeSet<String> = [
        "acl",
        "certificates",
        "cipher_suites",
        "clock",
        "dialog",
        "netstat",
        "policy",
        "rdp_file",
        "registry",
        "scan",
        "sessions",
        "system",
    ]
    .map(str::to_owned)
    .into();
    let texts: Vec<PathBuf> = crate::support::files(&root().join("samples"))
        .into_iter()
        .filter(|file| {
            let mut head = Vec::new();
            fs::File::open(file).unwrap().take(512).read_to_end(&mut head).unwrap();
            rdp_triage::intake::sniff(&head) == FileKind::Text
        })
        .collect();
    for coverage in analyse_all(&texts).coverage {
        forms.remove(&coverage.kind);
    }
    assert!(forms.is_empty(), "in no sample: {forms:?}");
}

#[test]
fn texts_that_show_no_connection_are_no_clean_bill_of_health() {
    let listing = "\n  Proto  Local Address          Foreign Address        State           PID\n  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       912\n  TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING       1040\n";
    let report = alone(listing);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);
    assert!(report.summary.contains("nothing shows that anybody connected"), "{}", report.summary);
}

#[test]
fn a_report_of_this_program_is_no_evidence() {
    let sample = analyse(&root().join("samples/tls-no-shared-cipher"));
    for pretty in [true, false] {
        let mut report = Vec::new();
        match pretty {
            true => rdp_triage::report::write_json(&sample, &mut report).unwrap(),
            false => rdp_triage::report::write_jsonl(&sample, &mut report).unwrap(),
        }
        let report = alone(&String::from_utf8(report).unwrap());
        assert_eq!(report.verdict, Verdict::NoEvidence, "{}", report.summary);
        assert!(report.problems[0].message.contains("this program wrote"));
    }
}
