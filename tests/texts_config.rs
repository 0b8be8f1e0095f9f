//! Texts about the configuration of the server and its client, alone and beside other
//! evidence.

use crate::support::{analyse_all, root};
use rdp_triage::diagnose::{Certainty, Verdict};
use rdp_triage::report::Report;
use std::fs;

fn texts(attached: &[&str], samples: &[&str]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in attached.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.txt")), text).unwrap();
    }
    let samples = samples.iter().map(|sample| root().join("samples").join(sample));
    analyse_all(&[folder.path().to_path_buf()].into_iter().chain(samples).collect::<Vec<_>>())
}

/// What the report says of a cause: evidence for and against it out of attached texts.
fn told(report: &Report, cause: &str) -> (Vec<String>, Vec<String>) {
    let diagnosis = report.diagnoses.iter().find(|d| d.cause == cause);
    let of = |list: &[rdp_triage::report::EvidenceReport]| -> Vec<String> {
        let texts = list.iter().filter(|e| e.source.file.ends_with(".txt"));
        texts.map(|e| e.statement.clone()).collect()
    };
    diagnosis.map(|d| (of(&d.evidence), of(&d.against))).unwrap_or_default()
}

fn first(report: &Report) -> &str {
    report.diagnoses.first().map_or("none", |first| &first.cause)
}

const CONTROL: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control";
const POLICY: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

/// An export with one key.
fn key(path: &str, values: &str) -> String {
    format!("Windows Registry Editor Version 5.00\n\n[{path}]\n{values}\n")
}

fn terminal_server(values: &str) -> String {
    key(&format!("{CONTROL}\\Terminal Server"), values)
}

fn listener(values: &str) -> String {
    key(&format!("{CONTROL}\\Terminal Server\\WinStations\\RDP-Tcp"), values)
}

fn protocol(version: &str, side: &str, on: u8) -> String {
    let path = format!("{CONTROL}\\SecurityProviders\\SCHANNEL\\Protocols\\{version}\\{side}");
    key(&path, &format!("\"Enabled\"=dword:{on}\n"))
}

const DENIED: &str = "\"fDenyTSConnections\"=dword:00000001";
const ALLOWED: &str = "\"fDenyTSConnections\"=dword:00000000";

#[test]
fn remote_desktop_switched_off_alone_is_strong_at_most() {
    let report = texts(&[&terminal_server(DENIED)], &[]);
    assert_eq!(report.verdict, Verdict::Diagnosed, "{}", report.summary);
    assert_eq!(first(&report), "service-rdp-disabled");
    assert_eq!(report.diagnoses[0].certainty, Certainty::Strong);
    assert_eq!(report.coverage[0].kind, "registry");
    assert!(report.diagnoses[0].evidence[0].source.line.is_some());
    for text in [terminal_server(ALLOWED), listener("\"PortNumber\"=dword:00000d3f")] {
        let report = texts(&[&text], &[]);
        assert!(report.diagnoses.is_empty(), "{}", report.summary);
    }
}

#[test]
fn policy_wins_over_the_setting_of_the_listener() {
    let report = texts(&[&terminal_server(ALLOWED), &key(POLICY, DENIED)], &[]);
    assert_eq!(first(&report), "service-rdp-disabled", "{}", report.summary);
    let report = texts(&[&terminal_server(DENIED), &key(POLICY, ALLOWED)], &[]);
    assert!(report.diagnoses.is_empty(), "{}", report.summary);
}

#[test]
fn settings_that_contradict_each_other_are_no_strong_reason() {
    let report = texts(&[&terminal_server(DENIED), &terminal_server(ALLOWED)], &[]);
    assert!(report.diagnoses.iter().all(|d| d.certainty < Certainty::Strong), "{}", report.summary);
}

#[test]
fn a_registry_of_the_client_says_nothing_of_the_server() {
    let computer = |name: &str| {
        let path = format!("{CONTROL}\\ComputerName\\ComputerName");
        terminal_server(DENIED) + &key(&path, &format!("\"ComputerName\"=\"{name}\""))
    };
    // What the logs tell of the service is less certain beside a setting that says why.
    let sure = |attached: &[&str]| {
        let report = texts(attached, &["service-termservice-down"]);
        assert_eq!(first(&report), "service-termservice-down", "{}", report.summary);
        report.diagnoses[0].probability
    };
    let alone = sure(&[]);
    assert_eq!(sure(&[&computer("CL-0042")]).to_bits(), alone.to_bits());
    assert!(sure(&[&computer("TS-PROD-01")]) < alone);
    // Whose it is nobody knows: then it is not the reason for certain.
    let report = texts(&[&terminal_server(DENIED)], &["tcp-port-refused"]);
    assert!(report.diagnoses[0].certainty < Certainty::Conclusive, "{}", report.summary);
}

#[test]
fn a_setting_says_why_the_port_is_refused() {
    let report = texts(&[], &["tcp-port-refused"]);
    assert_eq!(first(&report), "tcp-port-refused");
    let report = texts(&[&terminal_server(DENIED)], &["tcp-port-refused"]);
    assert_eq!(first(&report), "service-rdp-disabled", "{}", report.summary);
    let moved = listener("\"PortNumber\"=dword:00000d3f");
    let report = texts(&[&moved], &["tcp-port-refused"]);
    assert_eq!(first(&report), "wrong-port", "{}", report.summary);
    // A port that is set is not one on which anybody listens.
    let same = listener("\"PortNumber\"=dword:00000d3d");
    let report = texts(&[&same], &["tcp-port-refused"]);
    assert_eq!(first(&report), "tcp-port-refused", "{}", report.summary);
    assert!(told(&report, "tcp-port-refused").1.is_empty());
    // It does not say why a connection fails that was accepted.
    for text in [terminal_server(DENIED), moved] {
        let report = texts(&[&text], &["tls-no-shared-cipher"]);
        assert_eq!(first(&report), "tls-no-shared-cipher", "{}", report.summary);
        let report = texts(&[&text], &["no-fault-found"]);
        assert_eq!(report.verdict, Verdict::NoFailureFound, "{}", report.summary);
    }
}

#[test]
fn versions_that_are_switched_off_are_held_against_the_hello() {
    let off: String = ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]
        .map(|version| protocol(version, "Server", 0))
        .concat();
    let report = texts(&[&off], &["tls-disabled-on-server"]);
    assert_eq!(first(&report), "tls-disabled-on-server");
    assert_eq!(told(&report, "tls-disabled-on-server").0.len(), 1);
    // The keys of clients say nothing of what the server accepts.
    let report = texts(&[&off.replace("\\Server", "\\Client")], &["tls-disabled-on-server"]);
    assert!(told(&report, "tls-disabled-on-server").0.is_empty());
    let on = protocol("TLS 1.2", "Server", 1);
    let report = texts(&[&on], &["tls-version-mismatch"]);
    assert_eq!(first(&report), "tls-version-mismatch", "{}", report.summary);
    let report = texts(&[&off], &[]);
    assert_eq!(first(&report), "tls-disabled-on-server", "{}", report.summary);
}

#[test]
fn the_order_of_suites_is_held_against_the_hello() {
    let order = |suites: &str| {
        let path = format!("{CONTROL}\\Cryptography\\Configuration\\Local\\SSL\\00010002");
        format!("\n{path}\n    Functions    REG_MULTI_SZ    {suites}\n")
    };
    let none = order(r"TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA\0TLS_RSA_WITH_NULL_MD5");
    let report = texts(&[&none], &["tls-no-shared-cipher"]);
    let (support, against) = told(&report, "tls-no-shared-cipher");
    // The sample has another list of suites beside.
    let of_registry = support.iter().filter(|says| says.contains("of the server's list")).count();
    assert_eq!((of_registry, against.len()), (1, 0), "{support:?} {against:?}");
    assert_eq!(first(&report), "tls-no-shared-cipher");
}

const NETSTAT: &str = "
  Proto  Lokale Adresse         Remoteadresse          Status          PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         912
  TCP    0.0.0.0:445            0.0.0.0:0              ABHÖREN         4
  TCP    127.0.0.1:5357         0.0.0.0:0              ABHÖREN         1100
  TCP    [::]:135               [::]:0                 ABHÖREN         912
";

#[test]
fn a_listing_tells_whether_anybody_listens() {
    let report = texts(&[NETSTAT], &["tcp-port-refused"]);
    assert_eq!(told(&report, "service-termservice-down").0.len(), 1, "{}", report.summary);
    let listens = NETSTAT.replace(":445 ", ":3389");
    let report = texts(&[&listens], &["tcp-port-refused"]);
    assert!(told(&report, "service-termservice-down").0.is_empty());
    // A part of a listing proves nothing.
    let part =
        NETSTAT.lines().filter(|line| !line.contains(":135 ")).collect::<Vec<_>>().join("\n");
    let report = texts(&[&part], &["tcp-port-refused"]);
    assert!(told(&report, "service-termservice-down").0.is_empty());
    assert!(texts(&[NETSTAT], &[]).diagnoses.is_empty());
}

#[test]
fn a_listing_of_the_client_says_nothing_of_the_server() {
    let report = texts(&[], &["tcp-port-refused"]);
    let client = report.attempts[0].client.clone().unwrap();
    let client = client.rsplit_once(':').unwrap().0;
    let row = format!("  TCP    {client}:139         0.0.0.0:0              ABHÖREN         4\n");
    let report =
        texts(&[&NETSTAT.replace("  TCP    127", &(row + "  TCP    127"))], &["tcp-port-refused"]);
    assert!(told(&report, "service-termservice-down").0.is_empty(), "{}", report.summary);
}

const FILE: &str = "full address:s:ts-prod-01\nenablecredsspsupport:i:0\npassword 51:b:01000000D08C9DDF0115D111\nusername:s:CORP\\a.meyer\n";

#[test]
fn an_rdp_file_is_held_against_the_servers_settings() {
    let moved = listener("\"PortNumber\"=dword:00000d3f\n");
    let report = texts(&[FILE, &moved], &[]);
    assert_eq!(first(&report), "wrong-port", "{}", report.summary);
    let nla = listener("\"UserAuthentication\"=dword:00000001\n");
    let report = texts(&[FILE, &nla], &[]);
    assert_eq!(first(&report), "nego-nla-required", "{}", report.summary);
    assert!(texts(&[FILE], &[]).diagnoses.is_empty());
}

#[test]
fn the_password_of_an_rdp_file_is_in_no_report() {
    for report in [
        texts(&[FILE], &["tcp-port-refused"]),
        texts(&[FILE, &listener("\"PortNumber\"=dword:00000d3f\n")], &[]),
    ] {
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("D08C9DDF") && !json.contains("password 51"), "{json}");
    }
}

#[test]
fn a_text_that_changes_settings_is_not_taken_for_them() {
    let text = terminal_server(DENIED) + "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Other]\n";
    let report = texts(&[&text], &[]);
    assert!(report.diagnoses.is_empty(), "{}", report.summary);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

#[test]
fn a_store_tells_of_the_certificate_that_the_server_shows() {
    let report = texts(&[], &["cert-expired"]);
    let wire = report.attempts.iter().find_map(|attempt| attempt.wire.as_ref()).unwrap();
    let sha1 = wire.certificates[0].sha1.clone();
    let store = |sha1: &str| {
        format!(
            "================ Zertifikat 0 ================\nZertifikathash(sha1): {sha1}\n0x800b0101 (-2146762495 CERT_E_EXPIRED)\n"
        )
    };
    let told_of = |sha1| told(&texts(&[&store(sha1)], &["cert-expired"]), "cert-expired").0;
    // The capture shows the same, so only what it does not show is told beside it.
    assert!(told_of("0000000000000000000000000000000000000001").is_empty());
    let report = texts(&[&store(&sha1)], &["cert-expired"]);
    assert_eq!(first(&report), "cert-expired");
    assert!(report.coverage.iter().any(|coverage| coverage.kind == "certificates"));
}

#[test]
fn a_certificate_without_its_key_is_the_one_that_the_listener_is_set_to() {
    // The sample brings both: what the listener is set to, and the stores.
    let report = texts(&[], &["cert-private-key-missing"]);
    let (support, _) = told(&report, "cert-private-key-missing");
    assert_eq!(support.len(), 1, "{support:?}");
    assert!(support[0].contains("6fc0a8d2b2e3774d1a90c1e5f8426b3d97a1540e"), "{support:?}");
    // Of a certificate that nobody uses nothing is said.
    let list = "HasPrivateKey : False\nThumbprint    : A909502DD82AE41433E6F83886B00D4277A32A7B\n";
    let report = texts(&[list], &["tcp-port-refused"]);
    assert!(told(&report, "cert-private-key-missing").0.is_empty(), "{}", report.summary);
}
