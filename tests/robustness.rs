//! Hostile and broken input: nothing that can be read is lost, everything else is
//! listed with file and offset.

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

proptest::proptest! {
    /// Every parser of `wire` on any bytes, and on bytes that begin like its PDU.
    #[test]
    fn no_wire_parser_panics(
        head in 0usize..6,
        mut bytes in proptest::collection::vec(0u8.., 0..400),
    ) {
        use rdp_triage::wire::{certificate, dns, icmp, ja, nego, tls, tpkt, x224};
        let heads: [&[u8]; 6] = [
            &[],
            &[3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0],
            &[2, 0, 8, 0],
            &[22, 3, 1, 1, 0, 1, 0, 0, 200, 3, 3],
            &[1, 0, 0, 200, 3, 3],
            &[0x30, 0x82, 1, 0, 0x30, 0x81, 200],
        ];
        bytes.splice(..0, heads[head].iter().copied());
        let _ = (tpkt::payload_len(&bytes), x224::parse(&bytes), nego::Negotiation::parse(&bytes));
        let _ = (tls::RecordHeader::parse(&bytes), tls::Alert::parse(&bytes));
        if let tls::Handshake::ClientHello(hello) = tls::parse_handshake(&bytes) {
            let _ = (hello.server_name(), hello.versions(), ja::ja3(&hello), ja::ja4(&hello));
        }
        let _ = certificate::Certificate::parse(&bytes);
        let _ = (dns::Message::parse(&bytes), icmp::parse_v4(&bytes), icmp::parse_v6(&bytes));
    }
}
