//! Key logs and captures together, through the program: the recordings of OpenSSL
//! that the decryption module is tested with, put into TCP segments.

use crate::make_samples::net::{At, RST, Side, Talk};
use crate::make_samples::rdp;
use crate::support::root;
use rdp_triage::base::hex_bytes;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A ticket with one connection: negotiation, then the recorded TLS records. Returns
/// the key log's text.
fn ticket(recording: &str, folder: &Path) -> String {
    let path = root().join("src/wire/decrypt/testdata").join(recording);
    let text = fs::read_to_string(path).unwrap();
    let mut talk = Talk::new([10, 0, 0, 5], [10, 0, 0, 9], 7, 1_750_000_000_000, At::Client);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(3)));
    talk.say(Side::Server, &rdp::confirm(1));
    let mut keys = String::new();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("key", key)) => keys.push_str(&format!("{key}\n")),
            Some(("c", hex)) => talk.say(Side::Client, &hex_bytes(hex).unwrap()),
            Some(("s", hex)) => talk.say(Side::Server, &hex_bytes(hex).unwrap()),
            _ => {}
        }
    }
    talk.frame(Side::Client, RST, &[]);
    fs::write(folder.join("client.pcapng"), talk.frames.pcapng()).unwrap();
    keys
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage")).args(arguments).output().unwrap()
}

fn decryption(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["attempts"][0]["wire"]["decryption"].clone()
}

#[test]
fn a_key_log_opens_the_records_of_its_connection_and_no_other() {
    for recording in
        ["tls12-ecdhe-rsa-aes256-gcm.txt", "tls12-rsa-aes256-sha.txt", "tls13-aes128-gcm.txt"]
    {
        let folder = tempfile::tempdir().unwrap();
        let keys = ticket(recording, folder.path());
        let log = folder.path().join("keys.log");
        let pcap = folder.path().join("client.pcapng");
        let (log, pcap) = (log.to_str().unwrap(), pcap.to_str().unwrap());
        let arguments = ["analyze", "--format", "json", "--quiet", "--keylog", log, pcap];

        fs::write(log, &keys).unwrap();
        let opened = decryption(&run(&arguments));
        let records: u64 =
            opened["opened"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
        assert!(records >= 4, "{recording}: {opened}");
        assert_eq!(opened["failed"], serde_json::json!([0, 0]), "{recording}");

        fs::write(log, format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48))).unwrap();
        assert_eq!(decryption(&run(&arguments)), Value::Null, "{recording}");
    }
}

#[test]
fn a_key_log_that_cannot_serve_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("keys.log");
    fs::write(&empty, "# nothing yet\n").unwrap();
    let sample = root().join("samples/cert-expired");
    for (log, says) in
        [(empty.as_path(), "no TLS secret in it"), (Path::new("/no/such.log"), "cannot be read")]
    {
        let output = run(&["analyze", "--keylog", log.to_str().unwrap(), sample.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(says) && error.contains(log.to_str().unwrap()), "{error}");
    }
}

#[test]
fn no_secret_reaches_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ticket("tls12-ecdhe-rsa-aes256-gcm.txt", folder.path());
    let log = folder.path().join("keys.log");
    fs::write(&log, &keys).unwrap();
    let output = run(&[
        "analyze",
        "--format",
        "json",
        "--keylog",
        log.to_str().unwrap(),
        folder.path().join("client.pcapng").to_str().unwrap(),
    ]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for secret in keys.split_whitespace().filter(|word| word.len() == 96) {
        assert!(!shown.contains(secret));
    }
}
