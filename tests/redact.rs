//! Copies with pseudonyms: nothing of the originals is in them, and the diagnosis stays.

use crate::support::{analyse, files, folders, name, root};
use rdp_triage::base::Meter;
use rdp_triage::intake::take_in;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::redact::{Job, Pseudonyms, Redaction, Words, redact};
use rdp_triage::report::Report;
use rdp_triage::triage::Config;
use rdp_triage::{capture, eventlog};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn redacted(paths: &[PathBuf], output: &Path) -> (Report, Redaction) {
    let knowledge = Knowledge::embedded().unwrap();
    let config = Config { paths: paths.to_vec(), ..Config::default() };
    let pseudonyms = Pseudonyms::new(&[0x5a; 32], Words::embedded().unwrap());
    let meter = Arc::new(Meter::default());
    let job = Job {
        config: &config,
        knowledge: &knowledge,
        meter: &meter,
        pseudonyms: &pseudonyms,
        output,
        mapping: None,
    };
    redact(&job).unwrap()
}

/// What identifies somebody, found without the code under test: addresses of the captures, and
/// of the records the hosts, the users, the SIDs and the servers' names.
fn identifiers(sample: &Path) -> BTreeSet<String> {
    let knowledge = Knowledge::embedded().unwrap();
    let mut found = BTreeSet::new();
    for file in take_in(&[sample.to_path_buf()]).unwrap().files {
        if file.kind.is_capture() {
            let facts = capture::read(&file, &[3389], None);
            for conversation in facts.conversations {
                found.extend(
                    [conversation.client, conversation.server].map(|e| e.address.to_string()),
                );
                let request = conversation.x224.request.map(|request| request.value);
                found.extend(request.and_then(|request| request.cookie));
                let hello = conversation.tls.client_hello.as_ref();
                found.extend(hello.and_then(|hello| hello.value.server_name()));
                for certificate in conversation.tls.certificates.iter().flat_map(|c| &c.value) {
                    found.extend([certificate.sha1.clone(), certificate.serial.clone()]);
                    found.extend(certificate.names.clone());
                }
            }
            for observation in facts.observations {
                found.extend(observation.subject.server_name);
                found.extend(observation.subject.client.map(|address| address.to_string()));
            }
        } else if file.kind.is_log() {
            let facts = eventlog::read(&file, &knowledge);
            found.extend(facts.coverage.iter().filter_map(|c| Some(c.host.as_ref()?.to_string())));
            for observation in facts.observations {
                let subject = observation.subject;
                found.extend(subject.client.map(|address| address.to_string()));
                found.extend(subject.server_name);
                found.extend(subject.user);
                let sid =
                    observation.fields.iter().filter(|(_, value)| value.starts_with("S-1-5-21-"));
                found.extend(sid.map(|(_, value)| value.clone()));
            }
        }
    }
    let words = Words::embedded().unwrap();
    let kept = Pseudonyms::new(&[1; 32], words);
    found.retain(|text| {
        let nobody = ["0.0.0.0", "127.0.0.1", "::1"].contains(&text.as_str());
        text.len() > 3 && !nobody && (kept.names(text) != *text || text.contains(':'))
    });
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let lower: Vec<u8> = bytes.to_ascii_lowercase();
    let text = text.to_ascii_lowercase();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    [text.as_bytes(), &wide, &big].iter().any(|needle| contains(&lower, needle))
}

/// Whether the bytes are there with no letter or digit at either end: `10.0.0.1` is not in
/// `10.0.0.12`.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = memchr_find(&bytes[from..], needle) {
        let (start, end) = (from + at, from + at + needle.len());
        let alone = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if alone(start.checked_sub(1).and_then(|at| bytes.get(at))) && alone(bytes.get(end)) {
            return true;
        }
        from = start + 1;
    }
    false
}

fn memchr_find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn leading(report: &Report) -> Option<(String, String, f64)> {
    let first = report.diagnoses.first()?;
    Some((first.cause.clone(), format!("{:?}", first.certainty), first.probability))
}

/// Whoever plays in the samples, as their generators spell them.
const CAST: [&str; 16] = [
    "ts-prod-01",
    "ts-prod-02",
    "ts-prod-99",
    "ts-farm",
    "dc-01",
    "dc01.example",
    "lic-01",
    "build-07",
    "build-11",
    "cl-0042",
    "cl-0099",
    "pc07",
    "a.meyer",
    "a.mayer",
    "b.kern",
    "b.ott",
];

#[test]
fn nobody_of_the_cast_is_in_a_copy() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for sample in folders(&root().join("samples")) {
        let folder = tempfile::tempdir().unwrap();
        redacted(std::slice::from_ref(&sample), folder.path());
        for file in files(folder.path()) {
            let bytes = fs::read(&file).unwrap();
            let left = CAST.iter().find(|name| holds(&bytes, name));
            assert_eq!(left, None, "{}: {}", name(&sample), file.display());
        }
        let plain = files(&sample).into_iter().map(|file| fs::read(file).unwrap());
        let plain: Vec<Vec<u8>> = plain.collect();
        seen.extend(CAST.iter().filter(|name| plain.iter().any(|bytes| holds(bytes, name))));
    }
    assert!(seen.len() > CAST.len() / 2, "they play in the samples: {seen:?}");
}

#[test]
fn samples_keep_their_diagnosis_and_lose_their_names() {
    let mut wrong = Vec::new();
    for sample in folders(&root().join("samples")) {
        let id = name(&sample);
        let folder = tempfile::tempdir().unwrap();
        let before = analyse(&sample);
        let (report, done) = redacted(std::slice::from_ref(&sample), folder.path());
        let after = analyse(folder.path());
        if leading(&report) != leading(&before) {
            wrong.push(format!("{id}: the rewritten report says something else"));
        }
        if done.names_left > 0 {
            wrong.push(format!("{id}: left: {:?}", done.left));
        }
        let close = match (leading(&before), leading(&after)) {
            (Some(a), Some(b)) => a.0 == b.0 && a.1 == b.1 && (a.2 - b.2).abs() < 0.05,
            (a, b) => a.is_none() && b.is_none(),
        };
        if before.verdict != after.verdict || !close {
            let told = |r: &Report| format!("{:?} {:?}", r.verdict, leading(r));
            wrong.push(format!("{id}: {} became {}", told(&before), told(&after)));
        }
        let originals = identifiers(&sample);
        // Of a small block nearly all addresses may be there: one's pseudonym is another's original.
        let pseudonyms = Pseudonyms::new(&[0x5a; 32], Words::embedded().unwrap());
        let address =
            |text: &String| text.parse().ok().map(|ip| pseudonyms.address(ip).to_string());
        let made: BTreeSet<String> = originals.iter().filter_map(address).collect();
        for original in originals.iter().filter(|original| !made.contains(*original)) {
            for file in files(folder.path()) {
                if holds(&fs::read(&file).unwrap(), original) {
                    wrong.push(format!("{id}: {original} is in {}", name(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn wireshark_finds_no_damage_in_copies_that_was_not_there() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    }
    let bad = |path: &Path| -> usize {
        let filter = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0";
        let options = [
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
        ];
        let out = Command::new("tshark")
            .arg("-r")
            .arg(path)
            .args(options)
            .args(["-Y", filter])
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).lines().count()
    };
    for id in [
        "cert-expired",
        "no-fault-found",
        "path-mtu-blackhole",
        "udp-transport-broken",
        "dns-stale-wrong-host",
        "ip-conflict",
        "legacy-encryption-failure",
        "nat-lb-wrong-backend",
    ] {
        let sample = root().join("samples").join(id);
        let captures = |path: &Path| -> Vec<PathBuf> {
            let is_capture = |path: &PathBuf| path.to_string_lossy().ends_with(".pcapng");
            files(path).into_iter().filter(is_capture).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        redacted(std::slice::from_ref(&sample), folder.path());
        let (before, after) = (captures(&sample), captures(folder.path()));
        let sum = |paths: &[PathBuf]| paths.iter().map(|path| bad(path)).sum::<usize>();
        assert!(sum(&after) <= sum(&before), "{id}: {} became {}", sum(&before), sum(&after));
    }
}

fn run(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

const TICKET: &str = "samples/tls-no-shared-cipher";

#[test]
fn one_key_gives_one_set_of_pseudonyms_and_none_gives_another_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "a key that is long enough\n").unwrap();
    let copies = |below: &str, key: Option<&Path>| {
        let out = folder.path().join(below);
        let mut arguments = vec!["redact", TICKET, "--quiet", "--output", out.to_str().unwrap()];
        arguments.extend(key.map(|key| ["--key", key.to_str().unwrap()]).into_iter().flatten());
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |path: PathBuf| (name(&path), fs::read(path).unwrap());
        files(&out).into_iter().map(read).collect::<Vec<_>>()
    };
    assert!(copies("a", Some(&key)) == copies("b", Some(&key)));
    assert!(copies("c", None) != copies("d", None));
    // An earlier redaction is replaced.
    assert!(copies("a", None).len() == copies("a", Some(&key)).len());
}

#[test]
fn copies_never_come_to_lie_among_originals_and_mappings_never_among_copies() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let foreign = folder.path().to_str().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let mapping = format!("{out}/mapping.json");
    for arguments in [
        vec!["redact", TICKET, "--output", TICKET],
        vec!["redact", TICKET, "--output", foreign],
        vec!["redact", TICKET, "--output", out, "--mapping", &mapping],
        vec!["redact", TICKET, "--output", out, "--key", "Cargo.toml.not.there"],
    ] {
        assert_eq!(run(&arguments).status.code(), Some(2), "{arguments:?}");
    }
    let mapping = folder.path().join("mapping.json");
    let done = run(&["redact", TICKET, "--output", out, "--mapping", mapping.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0));
    let told: serde_json::Value = serde_json::from_slice(&fs::read(mapping).unwrap()).unwrap();
    assert!(told["names"]["ts-prod-01"].is_string(), "{told}");
}

#[test]
fn the_report_alone_can_have_pseudonyms_in_every_format() {
    for format in ["table", "json", "jsonl"] {
        let plain = run(&["analyze", TICKET, "--quiet", "--format", format]);
        let made = run(&["analyze", TICKET, "--quiet", "--format", format, "--redact"]);
        assert_eq!(made.status.code(), Some(0));
        assert!(holds(&plain.stdout, "ts-prod-01") && !holds(&made.stdout, "ts-prod-01"));
        assert!(holds(&made.stdout, "tls-no-shared-cipher"));
    }
}

/// A file with this text, redacted; gives the copies' text.
fn redacted_text(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (case, out) = (folder.path().join("case"), folder.path().join("out"));
    fs::create_dir(&case).unwrap();
    fs::write(case.join(name), text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["redact", "--quiet", "--output"])
        .args([&out, &case])
        .status()
        .unwrap();
    assert!(status.success());
    fs::read_to_string(out.join("001-text.txt")).unwrap()
}

#[test]
fn settings_of_the_registry_stay_settings() {
    let key = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control";
    let text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[{key}\\ComputerName\\ComputerName]\r\n\"ComputerName\"=\"SRV77\"\r\n\r\n[{key}\\Terminal Server]\r\n\"fDenyTSConnections\"=dword:00000001\r\n\"fSingleSessionPerUser\"=dword:00000001\r\n"
    );
    let made = redacted_text("a.reg", &text);
    assert!(!made.contains("SRV77"), "{made}");
    for kept in ["fDenyTSConnections\"=dword:00000001", "fSingleSessionPerUser\"=dword:00000001"] {
        assert!(made.contains(kept), "{made}");
    }
}
