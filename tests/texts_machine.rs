//! What texts say of the machine that was connected to, beside other evidence.

use crate::support::{analyse_all, root};
use rdp_triage::diagnose::Verdict;
use rdp_triage::report::{DiagnosisReport, Report};
use std::fs;

/// Some evidence of the samples with a text beside it.
fn with_text(evidence: &str, text: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attached.txt");
    fs::write(&file, text).unwrap();
    analyse_all(&[root().join("samples").join(evidence), file])
}

fn alone(text: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("attached.txt"), text).unwrap();
    analyse_all(&[folder.path().to_path_buf()])
}

fn cause<'a>(report: &'a Report, id: &str) -> Option<&'a DiagnosisReport> {
    report.diagnoses.iter().find(|diagnosis| diagnosis.cause == id)
}

/// What the text says for a cause, and what against it.
fn said(report: &Report, id: &str) -> (Vec<String>, Vec<String>) {
    let Some(diagnosis) = cause(report, id) else { return (Vec::new(), Vec::new()) };
    let of_text = |all: &[rdp_triage::report::EvidenceReport]| {
        let told = all.iter().filter(|e| e.source.file.ends_with("attached.txt"));
        told.map(|e| e.statement.clone()).collect()
    };
    (of_text(&diagnosis.evidence), of_text(&diagnosis.against))
}

fn probability(report: &Report, id: &str) -> f64 {
    cause(report, id).map_or(0.0, |diagnosis| diagnosis.probability)
}

/// A scan of the samples' server.
fn nmap(state: &str, scripts: &str) -> String {
    format!(
        "Nmap scan report for 10.20.5.11\nHost is up (0.0010s latency).\n\nPORT     STATE SERVICE\n3389/tcp {state} ms-wbt-server\n{scripts}\nNmap done: 1 IP address (1 host up) scanned in 0.61 seconds\n"
    )
}

fn suites(version: &str, suite: &str) -> String {
    let listed = format!(
        "| ssl-enum-ciphers: \n|   {version}: \n|     ciphers: \n|       {suite} (rsa 2048) - A\n|_  least strength: A"
    );
    nmap("open", &listed)
}

#[test]
fn suites_that_a_scanner_found_are_compared_with_the_offer() {
    let wire = "tls-no-shared-cipher/server.pcapng";
    let id = "tls-no-shared-cipher";
    let before = with_text(wire, "nothing");
    let other = with_text(wire, &suites("TLSv1.2", "TLS_RSA_WITH_NULL_SHA256"));
    let (for_it, _) = said(&other, id);
    assert!(
        for_it[0].starts_with("No cipher suite is common: nmap found 10.20.5.11:3389 to take 1"),
        "{for_it:?}"
    );
    assert!(probability(&other, id) > probability(&before, id));
    let same = with_text(wire, &suites("TLSv1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384"));
    let (_, against) = said(&same, id);
    assert!(against[0].contains("TLS_RSA_WITH_AES_256_GCM_SHA384"), "{against:?}");
    assert!(probability(&same, id) < probability(&before, id));
}

#[test]
fn versions_that_a_scanner_found_are_compared_with_the_offer() {
    let newer = suites("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
    let (for_it, _) =
        said(&with_text("tls-version-mismatch/client.pcap", &newer), "tls-version-mismatch");
    assert!(
        for_it[0].contains("TLS 1.2 only; the newest that the client offers is TLS 1.0"),
        "{for_it:?}"
    );
    let same = suites("TLSv1.0", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
    let (_, against) =
        said(&with_text("tls-version-mismatch/client.pcap", &same), "tls-version-mismatch");
    assert!(!against.is_empty());
}

#[test]
fn a_scan_of_another_host_says_nothing() {
    let scan = nmap("closed", "").replace("10.20.5.11", "10.20.5.12");
    let report = with_text("tcp-port-refused", &scan);
    assert_eq!(said(&report, "tcp-port-refused"), (Vec::new(), Vec::new()));
    let (for_it, _) = said(&with_text("tcp-port-refused", &nmap("closed", "")), "tcp-port-refused");
    assert_eq!(for_it, ["nmap found 10.20.5.11:3389 closed"]);
}

#[test]
fn suites_that_are_enabled_are_compared_with_the_offer() {
    let (wire, id) = ("tls-no-shared-cipher/server.pcapng", "tls-no-shared-cipher");
    let list = |suite: &str| format!("KeyType : 0\nName    : {suite}\nCipher  : AES\n");
    let (for_it, _) = said(&with_text(wire, &list("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")), id);
    assert!(for_it[0].contains("enabled suites has 1, the client offered 2"), "{for_it:?}");
    let (_, against) = said(&with_text(wire, &list("TLS_RSA_WITH_AES_128_GCM_SHA256")), id);
    assert!(against[0].contains("TLS_RSA_WITH_AES_128_GCM_SHA256"), "{against:?}");
}

/// What `w32tm /stripchart /dataonly` prints of an offset.
fn stripchart(offset: &str) -> String {
    format!("Tracking dc01 [10.20.5.2:123].\nCollecting 1 samples.\n10:12:01, {offset}\n")
}

#[test]
fn clocks_that_w32tm_compared_count_where_they_differ_too_much() {
    let (for_it, _) =
        said(&with_text("clock-skew/client", &stripchart("-402.1234567s")), "clock-skew");
    assert_eq!(for_it, ["w32tm found a clock of the case 402.1 s ahead of that of 10.20.5.2"]);
    let (for_it, against) =
        said(&with_text("clock-skew/client", &stripchart("+00.0123456s")), "clock-skew");
    assert!(for_it.is_empty() && against[0].contains("only 0.0 s behind"), "{against:?}");
}

#[test]
fn a_text_of_a_machine_alone_names_no_cause() {
    for text in [
        nmap("closed", ""),
        nmap("filtered", ""),
        suites("TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        stripchart("-402.1234567s"),
    ] {
        let report = alone(&text);
        assert_ne!(report.verdict, Verdict::Diagnosed, "{}", report.summary);
        assert!(report.diagnoses.is_empty(), "{}", report.summary);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
