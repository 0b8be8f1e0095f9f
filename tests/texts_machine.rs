//! What texts say of the machine that was connected to, beside other evidence.

use crate::support::{analyse_all, root};
use rdp_triage::diagnose::Verdict;
use rdp_triage::report::{DiagnosisReport, EvidenceReport, Report, Style, write_table};
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
    let of_text = |all: &[EvidenceReport]| {
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

/// What `qwinsta` lists beside these sessions.
fn qwinsta(more: &str) -> String {
    format!(
        " SESSIONNAME   USERNAME   ID  STATE\n>services                  0  Disc\n console                   1  Conn\n{more}"
    )
}

/// What `gpresult /z` prints of a policy.
fn gpresult(name: &str, value: u8) -> String {
    let key = r"Software\Policies\Microsoft\Windows NT\Terminal Services";
    format!("  KeyName:     {key}\\{name}\n  Value:       {value}, 0, 0, 0\n  State:  Enabled\n")
}

#[test]
fn a_listener_that_is_or_is_not_there_counts_where_nothing_listened() {
    let id = "service-rdp-disabled";
    let untold = with_text("tcp-port-refused", "nothing");
    let gone = with_text("tcp-port-refused", &qwinsta(""));
    let (for_it, _) = said(&gone, id);
    assert_eq!(for_it, ["The attached list of sessions has no listener rdp-tcp"]);
    assert!(probability(&gone, id) > probability(&untold, id));
    let there = qwinsta(" rdp-tcp               65536  Listen\n");
    let there = with_text("tcp-port-refused", &there);
    assert!(probability(&there, id) < probability(&untold, id));
}

#[test]
fn a_policy_that_denies_connections_makes_the_switch_the_likely_reason() {
    let id = "service-rdp-disabled";
    let before = with_text("tcp-port-refused", "nothing");
    let after = with_text("tcp-port-refused", &gpresult("fDenyTSConnections", 1));
    assert!(probability(&after, id) > probability(&before, id));
    let (for_it, _) = said(&after, id);
    assert!(for_it[0].contains("fDenyTSConnections to 1"), "{for_it:?}");
}

#[test]
fn build_and_time_zone_stand_beside_the_host() {
    let text = "Host Name:  TS-PROD-01\nOS Name:  Microsoft Windows Server 2022 Standard\nOS Version:  10.0.20348 N/A Build 20348\nTime Zone:  (UTC+01:00) Amsterdam, Berlin\n";
    let report = with_text("clock-skew", text);
    let system = report.hosts.iter().find_map(|host| host.system.as_ref()).unwrap();
    assert_eq!(system.version, "10.0.20348");
    assert_eq!(system.time_zone.as_deref(), Some("(UTC+01:00) Amsterdam, Berlin"));
    assert_eq!(system.source.line, Some(3));
    let mut out = Vec::new();
    write_table(&report, Style { width: 100, color: false }, &mut out).unwrap();
    let table = String::from_utf8(out).unwrap();
    assert!(table.contains("System: TS-PROD-01"), "{table}");
}

#[test]
fn a_text_of_a_machine_alone_names_no_cause() {
    for text in [
        nmap("closed", ""),
        nmap("filtered", ""),
        suites("TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        stripchart("-402.1234567s"),
        qwinsta(""),
        gpresult("fDenyTSConnections", 1),
    ] {
        let report = alone(&text);
        assert_ne!(report.verdict, Verdict::Diagnosed, "{}", report.summary);
        assert!(report.diagnoses.is_empty(), "{}", report.summary);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
