//! Files that are none, cannot be read, or claim to be enormous.

use super::report_of;
use crate::support::root;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Whether a problem of a file says this.
fn tells(report: &Value, file: &str, what: &str) -> bool {
    report["problems"].as_array().unwrap().iter().any(|problem| {
        let message = problem["message"].as_str().unwrap();
        problem["file"] == file && message.contains(what)
    })
}

#[cfg(unix)]
#[test]
fn pipes_links_in_circles_and_unreadable_files_are_listed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(path("pipe.pcap")).status();
    let has_pipe = made.is_ok_and(|status| status.success());
    fs::create_dir(path("deep")).unwrap();
    symlink("..", path("deep/up")).unwrap();
    symlink("deep", path("in")).unwrap();
    symlink("itself", path("itself")).unwrap();
    fs::write(path("nothing.evtx"), b"").unwrap();
    let sample = root().join("samples/cert-expired/client.pcapng");
    fs::copy(&sample, path("there.pcapng")).unwrap();
    fs::copy(&sample, path("locked.pcapng")).unwrap();
    fs::set_permissions(path("locked.pcapng"), fs::Permissions::from_mode(0o000)).unwrap();
    let report = report_of(&["."], folder.path());
    assert_eq!(report["diagnoses"][0]["cause"], "cert-expired");
    for link in ["deep/up", "in", "itself"] {
        assert!(tells(&report, link, "not followed"), "{link}: {}", report["problems"]);
    }
    assert!(tells(&report, "nothing.evtx", ""), "{}", report["problems"]);
    if has_pipe {
        assert!(tells(&report, "pipe.pcap", "special file"), "{}", report["problems"]);
    } else {
        eprintln!("SKIPPED: mkfifo made no pipe");
    }
    if File::open(path("locked.pcapng")).is_ok() {
        eprintln!("SKIPPED: nothing is unreadable to this user");
    } else {
        assert!(tells(&report, "locked.pcapng", "cannot be read"), "{}", report["problems"]);
    }
}

const ENORMOUS: u64 = 100 << 30;

/// A file that begins with some bytes and claims 100 GB; none where the file system
/// would write them.
fn sparse(folder: &Path, name: &str, head: &[u8]) -> bool {
    let mut file = File::create(folder.join(name)).unwrap();
    file.write_all(head).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let small = file.set_len(64 << 20).is_ok() && file.metadata().unwrap().blocks() < 1024;
        small && file.set_len(ENORMOUS).is_ok()
    }
    #[cfg(not(unix))]
    false
}

fn pcap() -> Vec<u8> {
    fs::read(root().join("samples/tls-version-mismatch/client.pcap")).unwrap()
}

fn log() -> Vec<u8> {
    let folder = root().join("samples/account-disabled/server");
    fs::read(folder.join("Security.evtx")).unwrap()
}

fn pcapng() -> Vec<u8> {
    fs::read(root().join("samples/cert-expired/client.pcapng")).unwrap()
}

fn etl() -> Vec<u8> {
    let files = crate::support::files(&root().join("samples"));
    let trace = files.iter().find(|path| path.extension().is_some_and(|e| e == "etl")).unwrap();
    fs::read(trace).unwrap()
}

/// What 100 GB may begin with, and a part of what is said of the rest; nothing where all
/// of it is space that was never used.
fn enormous() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let zeros = "more than 4 GiB of zeros";
    let counted = [&log()[..42], &u16::MAX.to_le_bytes(), &log()[44..]].concat();
    let netmon = [b"GMBU\x03\x02\x01\x00", &[0; 24][..]].concat();
    let zip = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    vec![
        ("no-signature.bin", Vec::new(), "neither an event log nor a capture"),
        ("bare.evtx", b"ElfFile\0".to_vec(), zeros),
        ("full.evtx", counted, zeros),
        ("bare.pcap", pcap()[..24].to_vec(), zeros),
        ("full.pcap", pcap(), zeros),
        ("bare.pcapng", pcapng()[..28].to_vec(), zeros),
        ("full.pcapng", pcapng(), zeros),
        ("netmon.cap", netmon, "zeros where a frame should be"),
        ("full.etl", etl(), "more than 1048576 buffers"),
        ("bare.etl", etl()[..72].to_vec(), ""),
        ("half.zip", zip, zeros),
        ("half.tar", tar, ""),
    ]
}

/// Reading 4 GiB of zeros takes a debug build many seconds: that it ends is tried with
/// each within the time of a case.
#[test]
fn an_enormous_file_of_nothing_ends_in_time_and_says_what_was_left_out() {
    use rayon::prelude::*;
    let folder = tempfile::tempdir().unwrap();
    enormous().par_iter().for_each(|(name, head, says)| {
        if !sparse(folder.path(), name, head) {
            eprintln!("SKIPPED: no file with holes can be made for {name}");
            return;
        }
        let started = Instant::now();
        let report = report_of(&["--max-time", "5", name], folder.path());
        let took = started.elapsed();
        eprintln!("{name}: {took:?}");
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
        let told = tells(&report, name, says) || tells(&report, name, "--max-time");
        assert!(told, "{name}: {}", report["problems"]);
    });
}

#[test]
fn what_stands_before_the_zeros_is_read() {
    let folder = tempfile::tempdir().unwrap();
    if !sparse(folder.path(), "c.pcap", &pcap()) {
        eprintln!("SKIPPED: no file with holes can be made");
        return;
    }
    let whole = {
        fs::write(folder.path().join("whole.pcap"), pcap()).unwrap();
        report_of(&["whole.pcap"], folder.path())
    };
    let report = report_of(&["--max-time", "3", "c.pcap"], folder.path());
    assert_eq!(report["coverage"][0]["items"], whole["coverage"][0]["items"]);
    assert_eq!(report["diagnoses"][0]["cause"], whole["diagnoses"][0]["cause"]);
}
