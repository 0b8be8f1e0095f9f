//! Archives made to do harm, as the program reports them: each problem names the flag
//! that would let it through. The formats themselves are tried in `archives::hostile`.

use super::report_of;
use std::fs;
use std::io::{Cursor, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The problems of one file.
fn problems(name: &str, bytes: &[u8], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    report_of(&[arguments, &[name]].concat(), folder.path())["problems"].to_string()
}

#[track_caller]
fn names_flag(flag: &str, said: &str) {
    assert!(said.contains(flag), "{flag}: {said}");
}

/// A log of zeros.
fn bomb() -> Vec<u8> {
    let mut bytes = b"ElfFile\0".to_vec();
    bytes.resize(96 << 20, 0);
    bytes
}

#[test]
fn bombs_end_with_a_problem_that_names_the_flag() {
    let bomb = bomb();
    names_flag("--max-ratio", &problems("bomb.evtx.gz", &gzip(&bomb), &[]));
    let zipped = zip(&[("bomb.evtx".to_owned(), bomb.clone())]);
    names_flag("--max-ratio", &problems("bomb.zip", &zipped, &[]));
    let limited = ["--max-unpacked", "1MiB", "--max-ratio", "100000"];
    names_flag("--max-unpacked", &problems("bomb.zip", &zipped, &limited));
    let many: Vec<_> = (0..50).map(|n| (format!("{n}.evtx"), b"ElfFile\0".to_vec())).collect();
    names_flag("--max-entries", &problems("many.zip", &zip(&many), &["--max-entries", "10"]));
    let mut nested = b"ElfFile\0".to_vec();
    for depth in 0..10 {
        nested = zip(&[(format!("{depth}.zip"), nested)]);
    }
    names_flag("--max-depth", &problems("nested.zip", &nested, &[]));
}

/// A gzip file may have any number of members, and each may be empty.
#[test]
fn empty_members_without_number_end() {
    let member = gzip(b"");
    let members: Vec<u8> = member.repeat(400_000);
    let started = Instant::now();
    let said = problems("empty.gz", &members, &[]);
    assert!(said.contains("empty.gz"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    // With something behind them it is found.
    let behind = [gzip(b"").repeat(1000), gzip(b"ElfFile\0")].concat();
    assert!(problems("late.gz", &behind, &[]).contains("header"));
}

/// What comes is written until nobody reads any more.
fn endless(piece: &[u8]) -> (Duration, serde_json::Value) {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["analyze", "-", "--max-time", "1", "--format", "json", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let until = started + Duration::from_secs(30);
    while stdin.write_all(piece).is_ok() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    (started.elapsed(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_stream_without_end_is_left_when_the_time_is_over() {
    for piece in [gzip(b""), b"ElfFile\0".to_vec(), b"some text\n".to_vec()] {
        let (took, report) = endless(&piece);
        assert!(took < Duration::from_secs(15), "{took:?}");
        names_flag("--max-time", &report["problems"].to_string());
    }
}
