//! Hostile and broken input: nothing that can be read is lost, everything else is
//! listed with file and offset.

use crate::fuzz::{TARGETS, Target};
use crate::support::{analyse, files, root};
use rdp_triage::diagnose::Verdict;
use rdp_triage::report::Report;
use std::fs;
use std::path::PathBuf;

const CHUNK: usize = 65_536;
const HEADER: usize = 4_096;

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).unwrap()
}

fn analyse_bytes(name: &str, bytes: &[u8]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    analyse(folder.path())
}

/// A log of several chunks.
fn long_log() -> Vec<u8> {
    let folder = root().join("samples/bruteforce-pressure/server");
    let log = files(&folder).into_iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    fs::read(log).unwrap()
}

fn said(report: &Report) -> String {
    report.problems.iter().map(|p| format!("{}@{:?}: {}\n", p.file, p.offset, p.message)).collect()
}

#[test]
fn a_capture_cut_inside_a_packet_gives_all_packets_before() {
    let whole = sample("cert-expired/client.pcapng");
    let full = analyse_bytes("c.pcapng", &whole).coverage[0].items;
    let cut = analyse_bytes("c.pcapng", &whole[..whole.len() - 10]);
    assert_eq!(cut.coverage[0].items, full - 1);
    assert!(said(&cut).contains("the file ends inside a block"), "{}", said(&cut));
    assert_eq!(cut.diagnoses[0].cause, "cert-expired");
}

#[test]
fn what_is_left_of_the_last_packet_of_a_pcap_is_still_read() {
    let whole = sample("tls-version-mismatch/client.pcap");
    let full = analyse_bytes("c.pcap", &whole).coverage[0].items;
    let cut = analyse_bytes("c.pcap", &whole[..whole.len() - 10]);
    assert_eq!(cut.coverage[0].items, full);
    assert!(said(&cut).contains("the file ends inside frame"), "{}", said(&cut));
}

#[test]
fn a_packet_that_lies_about_its_size_costs_only_itself() {
    let mut bytes = sample("tls-version-mismatch/client.pcap");
    let whole = analyse_bytes("c.pcap", &bytes);
    let second =
        24 + 16 + usize::try_from(u32::from_le_bytes(bytes[32..36].try_into().unwrap())).unwrap();
    bytes[second + 8..second + 12].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    let report = analyse_bytes("c.pcap", &bytes);
    assert_eq!(report.coverage[0].items, whole.coverage[0].items - 1);
    assert_eq!(report.coverage[0].unreadable, 1);
    assert_eq!(report.problems[0].offset, Some(second as u64));
    assert!(said(&report).contains("reading goes on at byte"), "{}", said(&report));
    assert_eq!(report.diagnoses[0].cause, whole.diagnoses[0].cause);
}

#[test]
fn a_zeroed_chunk_is_a_gap_and_the_others_are_read() {
    let mut bytes = long_log();
    let whole = analyse_bytes("Log.evtx", &bytes).coverage[0].items;
    bytes[HEADER..HEADER + CHUNK].fill(0);
    let report = analyse_bytes("Log.evtx", &bytes);
    assert!(report.coverage[0].items > 0 && report.coverage[0].items < whole);
    assert_eq!(report.problems[0].offset, Some(HEADER as u64), "{}", said(&report));
}

#[test]
fn a_wrong_checksum_is_told_and_loses_nothing() {
    let mut bytes = long_log();
    let whole = analyse_bytes("Log.evtx", &bytes);
    bytes[HEADER + 52] ^= 0xff;
    let report = analyse_bytes("Log.evtx", &bytes);
    assert_eq!(report.coverage[0].items, whole.coverage[0].items);
    assert_eq!(report.attempts.len(), whole.attempts.len());
    assert!(said(&report).contains("checksum"), "{}", said(&report));
}

#[test]
fn a_log_without_its_file_header_is_read() {
    let bytes = long_log();
    let whole = analyse_bytes("Log.evtx", &bytes).coverage[0].items;
    let report = analyse_bytes("Log.evtx", &bytes[HEADER..]);
    assert_eq!(report.coverage[0].items, whole);
    assert!(said(&report).contains("header is missing"), "{}", said(&report));
}

#[test]
fn a_log_cut_anywhere_gives_what_is_there() {
    let bytes = long_log();
    for cut in
        [10, 100, HEADER - 1, HEADER, HEADER + 100, HEADER + 513, HEADER + 30_000, bytes.len() - 9]
    {
        let report = analyse_bytes("Log.evtx", &bytes[..cut]);
        assert!(cut == HEADER || !report.problems.is_empty(), "cut at {cut} is not told");
    }
}

#[test]
fn a_damaged_record_does_not_take_its_neighbours_with_it() {
    let mut bytes = long_log();
    let whole = analyse_bytes("Log.evtx", &bytes);
    let first = HEADER + 512;
    let length =
        usize::try_from(u32::from_le_bytes(bytes[first + 4..first + 8].try_into().unwrap()))
            .unwrap();
    let second = first + length;
    bytes[second..second + 8].fill(0);
    let report = analyse_bytes("Log.evtx", &bytes);
    assert!(report.coverage[0].items + 2 >= whole.coverage[0].items, "{}", said(&report));
    assert!(!report.problems.is_empty());
}

#[test]
fn random_bytes_with_the_right_magic_are_survived() {
    let magics: [&[u8]; 5] = [
        b"ElfFile\0",
        b"ElfChnk\0",
        &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
        &[0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4],
        &[0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
    ];
    for (seed, magic) in (1..).zip(magics) {
        for length in [0, 30, 5_000, 200_000] {
            let mut bytes = magic.to_vec();
            bytes.extend(crate::make_samples::Noise::new(seed * 31 + length as u64).bytes(length));
            let report = analyse_bytes("noise.bin", &bytes);
            assert_ne!(report.verdict, Verdict::Diagnosed);
            assert!(!report.problems.is_empty(), "{magic:?} {length}");
        }
    }
}

/// Every sample with one byte in a hundred changed: no panic, no hang, and still a
/// report.
#[test]
fn samples_with_random_damage_are_survived() {
    let mut noise = crate::make_samples::Noise::new(99);
    let inputs: Vec<PathBuf> = files(&root().join("samples"));
    for input in inputs.iter().filter(|file| file.extension().is_some_and(|e| e != "md")) {
        let mut bytes = fs::read(input).unwrap();
        for _ in 0..bytes.len().min(40_000) / 100 {
            let random = noise.next();
            let at = usize::try_from(random % bytes.len() as u64).unwrap();
            if at >= 8 {
                bytes[at] = random.to_le_bytes()[4];
            }
        }
        let report = analyse_bytes("damaged", &bytes);
        assert_eq!(report.schema_version, 1);
    }
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        root().join("samples/cert-expired/client.pcapng"),
        folder.path().join("link.pcapng"),
    )
    .unwrap();
    let report = analyse(folder.path());
    assert_eq!(report.verdict, Verdict::NoEvidence);
    assert!(said(&report).contains("link.pcapng"), "{}", said(&report));
}

#[test]
fn attackers_text_cannot_steer_the_terminal() {
    use rdp_triage::report::{Style, write_table};
    let bytes = sample("cert-expired/client.pcapng");
    let mut report = analyse_bytes("\u{1b}]0;evil\u{7}.pcapng", &bytes);
    report.diagnoses[0].evidence[0].statement.push_str("\u{1b}[2J\u{202e}");
    let mut out = Vec::new();
    write_table(&report, Style { width: 100, color: false }, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

/// How PDUs begin: RDP's negotiation, an answer to it, a ClientHello with its record
/// and without, a certificate, CredSSP with NTLM, MCS, GCC, RDPEUDP, DTLS, DNS, SSL 2.0.
const HEADS: &[&[u8]] = &[
    &[],
    &[3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0],
    &[2, 0, 8, 0],
    &[22, 3, 1, 1, 0, 1, 0, 0, 200, 3, 3],
    &[1, 0, 0, 200, 3, 3],
    &[0x30, 0x82, 1, 0, 0x30, 0x81, 200],
    &[0x30, 0x81, 200, 0xa0, 3, 2, 1, 6, 0xa1, 0x81, 150, 0x30, 0x81, 147, 0x30, 0x81, 144],
    b"NTLMSSP\0\x03\0\0\0",
    &[0x7f, 0x65, 0x82, 1, 0x90, 4, 1, 1, 4, 1, 1, 1, 1, 0xff, 0x30],
    &[0, 5, 0, 0x14, 0x7c, 0, 1, 0x81, 0x58, 0, 8, 0, 0x10, 0, 1, 0xc0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0, 64, 0x18, 1],
    &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 1],
    &[0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0, 4, b't', b's', b'0', b'1', 0],
    &[0x80, 200, 1, 3, 1, 0, 60, 0, 0, 0, 16],
];

/// One file of `fuzz/seeds`: bytes for the target whose name its folder has.
#[derive(Debug, Clone)]
struct Seed {
    path: PathBuf,
    bytes: Vec<u8>,
}

fn seeds() -> Vec<(Target, Seed)> {
    let folder = root().join("fuzz/seeds");
    let mut all = Vec::new();
    for (name, target) in TARGETS {
        for path in files(&folder.join(name)) {
            let bytes = fs::read(&path).unwrap();
            all.push((target, Seed { path, bytes }));
        }
    }
    all
}

/// Findings of the fuzzer become seeds: this is where they stay fixed.
#[test]
fn every_seed_is_survived_whole_and_cut() {
    let all = seeds();
    assert_eq!(all.len(), files(&root().join("fuzz/seeds")).len(), "a folder without a target");
    for (target, Seed { path, bytes }) in all {
        assert!(!bytes.is_empty() && bytes.len() <= 4096, "{} is no small file", path.display());
        target(&bytes);
        for end in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
            target(&bytes[..end]);
        }
    }
}

/// `cargo fuzz` finds a program for each target.
#[test]
fn every_fuzz_target_has_its_program() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
        assert!(root().join(format!("fuzz/fuzz_targets/{name}.rs")).exists(), "{name}");
    }
}

proptest::proptest! {
    /// What every fuzz target does, on any bytes, and on bytes that begin like a PDU.
    #[test]
    fn no_parser_panics(
        head in proptest::sample::select(HEADS),
        mut bytes in proptest::collection::vec(0u8.., 0..400),
    ) {
        bytes.splice(..0, head.iter().copied());
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    /// What every fuzz target does, on its seeds with a few bytes changed.
    #[test]
    fn damaged_seeds_are_survived(
        (target, seed) in proptest::sample::select(seeds()),
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0u8..), 1..8),
        end in proptest::prelude::any::<proptest::sample::Index>(),
    ) {
        let mut bytes = seed.bytes;
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        target(&bytes);
        target(&bytes[..end.index(bytes.len())]);
    }
}
