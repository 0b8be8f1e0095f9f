//! Broken captures: at least what the best of the peers reads, and every hole told.

use crate::make_samples::Noise;
use crate::support::{analyse, files, root, shared};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use rdp_triage::capture::{ReadOutcome, read_frames};
use rdp_triage::diagnose::Verdict;
use rdp_triage::intake::EvidenceFile;
use std::fs;
use std::io::{Cursor, Write};
use std::ops::Range;
use std::path::PathBuf;

/// Peers complain about these for want of a feature, not because they are damaged.
const WHOLE: [(&str, &str); 4] = [
    ("09-caplen-300000-present.pcap", "a large packet that is really there"),
    ("13-ns-be.pcap", "pcap-parser's slice reads little-endian only"),
    ("15-ok.pcap.gz", "only tshark reads gzip"),
    ("32-two-sections-mixed-endian.pcapng", "tcpdump keeps the first byte order"),
];

/// Frames that a peer gave, or 0. tshark counts the unknown block of file 21 as one.
fn frames_of(file: &str, peer: &str, column: &str) -> u64 {
    let numbers = column.match_indices("n=").map(|(at, _)| {
        let digits: String = column[at + 2..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap_or(0)
    });
    let frames = numbers.max().unwrap_or(0);
    if file.starts_with("21-") && peer == "tshark" { frames - 1 } else { frames }
}

/// Whether a peer said that something is wrong.
fn complains(column: &str) -> bool {
    ["appears to", "isn't", "doesn't", "tcpdump:", "error", "errs=4", "panicked", "open:"]
        .iter()
        .any(|word| column.contains(word))
}

#[test]
fn every_broken_file_gives_at_least_what_the_best_peer_reads() {
    let Some(folder) = shared("corpus/pcap-broken") else { return };
    let table = fs::read_to_string(folder.join("result.tsv")).unwrap();
    let mut lines = table.lines();
    let peers: Vec<&str> = lines.next().unwrap().split('\t').collect();
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let file = columns[0];
        let counted =
            peers.iter().zip(&columns).filter(|(peer, _)| !["file", "capinfos"].contains(peer));
        let best = counted.map(|(peer, column)| frames_of(file, peer, column)).max().unwrap();
        let report = analyse(&folder.join(file));
        let read = report.coverage.first().map_or(0, |coverage| coverage.items);
        let said: Vec<&str> = report.problems.iter().map(|p| p.message.as_str()).collect();
        eprintln!("{file}: best peer {best}, here {read} {said:?}");
        assert!(read >= best, "{file}: {read} of {best}, {said:?}");
        let whole = WHOLE.iter().any(|(name, _)| *name == file)
            || !columns[1..].iter().any(|column| complains(column));
        assert_eq!(said.is_empty(), whole, "{file}: {said:?}");
    }
}

/// The bytes of every packet as the `pcap-parser` crate reads them, one behind the
/// other, and how many there are. `None` where it stops at an error.
fn by_pcap_parser(bytes: Vec<u8>) -> Option<(u64, Vec<u8>)> {
    let mut reader = create_reader(4 << 20, Cursor::new(bytes)).ok()?;
    let (mut frames, mut all) = (0, Vec::new());
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                let data = match &block {
                    PcapBlockOwned::Legacy(packet) => Some(packet.data),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => Some(packet.packet_data()),
                    PcapBlockOwned::NG(Block::SimplePacket(packet)) => Some(packet.packet_data()),
                    _ => None,
                };
                frames += u64::from(data.is_some());
                all.extend(data.unwrap_or_default());
                reader.consume(offset);
            }
            Err(PcapError::Eof) => return Some((frames, all)),
            Err(PcapError::Incomplete(_)) => reader.refill().ok()?,
            Err(_) => return None,
        }
    }
}

#[test]
fn whole_captures_give_the_same_packets_as_pcap_parser_reads() {
    let corpus = shared("corpus/pcap");
    let folders = [Some(root().join("samples")), corpus].into_iter().flatten();
    let mut compared = 0;
    for path in folders.flat_map(|folder| files(&folder)) {
        let bytes = fs::read(&path).unwrap();
        let Some((frames, all)) = by_pcap_parser(bytes.clone()) else { continue };
        let file = EvidenceFile::from_bytes("c", bytes);
        let (mut here, mut count) = (Vec::<u8>::new(), 0);
        let outcome = read_frames(&file, &mut |frame| {
            here.extend(frame.data);
            count += 1;
        });
        assert_eq!(count, frames, "{}: {:?}", path.display(), outcome.gaps);
        assert!(here == all, "{}", path.display());
        assert!(outcome.gaps.is_empty(), "{}: {:?}", path.display(), outcome.gaps);
        compared += 1;
    }
    assert!(compared > 30, "only {compared} captures were compared");
}

/// A capture of Network Monitor that Microsoft published; figures are tshark's.
#[test]
fn a_real_capture_of_network_monitor_is_read() {
    let Some(corpus) = shared("corpus/pcap") else { return };
    let is_cap = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "cap");
    let Some(path) = files(&corpus).into_iter().find(is_cap) else { return };
    let file = EvidenceFile::from_bytes("c.cap", fs::read(path).unwrap());
    let mut frames = Vec::new();
    let outcome = read_frames(&file, &mut |f| frames.push((f.time.as_nanosecond(), f.data.len())));
    assert!(outcome.gaps.is_empty(), "{:?}", outcome.gaps);
    assert_eq!(frames.len(), 15);
    assert_eq!(frames[0], (1_470_649_439_059_683_900, 307));
    assert_eq!(frames[14].1, 54);
}

fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap()
}

/// A capture under construction, in one byte order.
struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
    ng: bool,
    /// Where each record or block of a frame lies.
    records: Vec<Range<usize>>,
}

impl Writer {
    fn new(ng: bool, big_endian: bool) -> Self {
        let mut writer = Self { bytes: Vec::new(), big_endian, ng, records: Vec::new() };
        if ng {
            writer.word(0x0a0d_0d0a).word(28).word(0x1a2b_3c4d).half(1).half(0);
            writer.word(u32::MAX).word(u32::MAX).word(28);
            writer.word(1).word(20).half(1).half(0).word(262_144).word(20);
        } else {
            writer.word(0xa1b2_c3d4).half(2).half(4).word(0).word(0).word(262_144).word(1);
        }
        writer
    }

    fn word(&mut self, value: u32) -> &mut Self {
        let raw = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(raw);
        self
    }

    fn half(&mut self, value: u16) -> &mut Self {
        let raw = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(raw);
        self
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = 12 + body.len().next_multiple_of(4);
        let length = size(length);
        self.word(kind).word(length);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.word(length);
    }

    fn frame(&mut self, second: u32, data: &[u8]) {
        let start = self.bytes.len();
        let length = size(data.len());
        if self.ng {
            let micros = u64::from(second) * 1_000_000;
            let low = u32::try_from(micros & 0xffff_ffff).unwrap();
            let total = 32 + length.next_multiple_of(4);
            self.word(6).word(total).word(0).word((micros >> 32) as u32).word(low);
            self.word(length).word(length);
            self.bytes.extend(data);
            self.bytes.resize(start + total as usize - 4, 0);
            self.word(total);
        } else {
            self.word(second).word(1_000).word(length).word(length);
            self.bytes.extend(data);
        }
        self.records.push(start..self.bytes.len());
    }

    /// A capture of so many frames of different lengths.
    fn capture(ng: bool, big_endian: bool, frames: u32, noise: &mut Noise) -> Self {
        let mut writer = Self::new(ng, big_endian);
        for number in 0..frames {
            let length = (noise.next() % 300) as usize;
            let mut data = noise.bytes(length + 14);
            // Zeros and small numbers are what real packets are made of.
            data.iter_mut().step_by(3).for_each(|byte| *byte = 0);
            writer.frame(1_700_000_000 + number, &data);
        }
        writer
    }
}

fn read(bytes: &[u8]) -> (u64, ReadOutcome) {
    let mut frames = 0;
    let file = EvidenceFile::from_bytes("capture", bytes.to_vec());
    let outcome = read_frames(&file, &mut |frame| {
        frames += 1;
        assert_eq!(frame.number, frames);
    });
    (frames, outcome)
}

proptest::proptest! {
    #[test]
    fn garbage_between_records_costs_at_most_two_frames(
        seed: u64, ng: bool, big_endian: bool, frames in 3u32..20, at in 0usize..19, length in 1usize..5000,
    ) {
        let mut noise = Noise::new(seed);
        let capture = Writer::capture(ng, big_endian, frames, &mut noise);
        let place = capture.records[at % capture.records.len()].start;
        let mut bytes = capture.bytes.clone();
        bytes.splice(place..place, noise.bytes(length));
        let (read, outcome) = read(&bytes);
        assert!(read + 2 >= u64::from(frames), "{read} of {frames}: {:?}", outcome.gaps);
        assert!(!outcome.gaps.is_empty());
    }

    #[test]
    fn a_length_that_lies_costs_at_most_two_frames(
        seed: u64, ng: bool, big_endian: bool, frames in 3u32..20, at in 0usize..19,
        lie in proptest::prop_oneof![0u32..5000, 0u32..2_000_000, 0u32..],
    ) {
        let mut noise = Noise::new(seed);
        let mut capture = Writer::capture(ng, big_endian, frames, &mut noise);
        let record = capture.records[at % capture.records.len()].clone();
        let place = record.start + if ng { 4 } else { 8 };
        let old = capture.bytes[place..place + 4].to_vec();
        let (end, mut raw) = (capture.bytes.len(), [0; 4]);
        capture.word(lie);
        raw.copy_from_slice(&capture.bytes[end..]);
        capture.bytes.truncate(end);
        capture.bytes[place..place + 4].copy_from_slice(&raw);
        proptest::prop_assume!(old != raw);
        let (read, outcome) = read(&capture.bytes);
        assert!(read + 2 >= u64::from(frames), "{read} of {frames}: {:?}", outcome.gaps);
        assert!(!outcome.gaps.is_empty(), "{lie} for {old:?}");
    }

    #[test]
    fn whole_captures_have_no_gap(seed: u64, ng: bool, big_endian: bool, frames in 0u32..20) {
        let capture = Writer::capture(ng, big_endian, frames, &mut Noise::new(seed));
        let (read, outcome) = read(&capture.bytes);
        assert_eq!((read, outcome.gaps.len()), (u64::from(frames), 0), "{:?}", outcome.gaps);
    }

    #[test]
    fn any_bytes_behind_a_magic_are_survived(
        head in 0usize..7, bytes in proptest::collection::vec(0u8.., 0..3000), cut in 0usize..200,
    ) {
        let mut netmon = b"GMBU\x03\x02\x01\x00".to_vec();
        netmon.extend([0xe0, 7, 8, 0, 1, 0, 8, 0, 1, 0, 1, 0, 1, 0, 1, 0, 128, 0, 0, 0, 0, 4, 0, 0]);
        netmon.resize(128, 0);
        let heads = [
            Writer::new(false, false).bytes,
            Writer::new(false, true).bytes,
            Writer::new(true, false).bytes,
            Writer::new(true, true).bytes,
            netmon,
            vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
            Writer::capture(true, true, 3, &mut Noise::new(1)).bytes,
        ];
        let mut input = heads[head].clone();
        input.truncate(input.len().saturating_sub(cut % 30));
        input.extend(bytes);
        let _ = read(&input);
    }
}

#[test]
fn damage_at_any_byte_costs_at_most_two_frames() {
    for (ng, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        let capture = Writer::capture(ng, big_endian, 6, &mut Noise::new(5));
        for at in 4..capture.bytes.len() {
            for flip in [0x01, 0x41, 0x80, 0xff] {
                let mut bytes = capture.bytes.clone();
                bytes[at] ^= flip;
                let (frames, outcome) = read(&bytes);
                let gaps = outcome.gaps;
                assert!(frames >= 4, "{ng} {big_endian} {at} ^ {flip}: {frames}, {gaps:?}");
            }
        }
    }
}

#[test]
fn hostile_captures_take_no_longer_than_their_size_allows() {
    // Headers that are nearly believable at every place, each claiming much.
    let mut pcap = Writer::new(false, false);
    for _ in 0..200_000 {
        pcap.word(1_700_000_000).word(1).word(1 << 18).word(1 << 18);
    }
    let mut zeros = Writer::new(false, false);
    zeros.bytes.resize(8 << 20, 0);
    let mut blocks = Writer::new(true, false);
    for _ in 0..200_000 {
        blocks.word(6).word(1 << 20).word(6).word(64);
    }
    let mut tiny = Writer::new(true, false);
    for _ in 0..200_000 {
        tiny.word(6).word(9).word(5).word(12).word(12);
    }
    for hostile in [pcap, zeros, blocks, tiny] {
        let start = std::time::Instant::now();
        let (_, outcome) = read(&hostile.bytes);
        assert!(!outcome.gaps.is_empty() && outcome.gaps.len() < 80);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}

#[test]
fn a_capture_inside_a_packet_is_not_taken_for_records() {
    let inner = Writer::capture(false, false, 5, &mut Noise::new(3));
    let mut outer = Writer::new(false, false);
    for _ in 0..4 {
        outer.frame(1_700_000_000, &inner.bytes);
    }
    let cut = outer.bytes.len() - 40;
    outer.bytes.extend(Noise::new(4).bytes(200));
    for bytes in [&outer.bytes[..], &outer.bytes[..cut]] {
        let (frames, outcome) = read(bytes);
        assert_eq!((frames, outcome.gaps.len()), (4, 1), "{:?}", outcome.gaps);
    }
}

#[test]
fn odd_records_in_a_row_are_read() {
    // Nanoseconds in a file of microseconds, and years between two files that were
    // put together.
    let mut capture = Writer::new(false, false);
    for number in 0..5 {
        capture.word(1_700_000_000).word(999_999_999).word(20).word(20);
        capture.bytes.extend([number; 20]);
    }
    for number in 0..5 {
        capture.frame(1_500_000_000 + number, &[7; 20]);
    }
    let (frames, outcome) = read(&capture.bytes);
    assert_eq!((frames, outcome.gaps.len()), (10, 0), "{:?}", outcome.gaps);
}

#[test]
fn the_obsolete_packet_block_is_read_and_interfaces_are_counted_over_sections() {
    let mut capture = Writer::new(true, false);
    let mut body = vec![0, 0, 1, 0];
    for word in [0x0006_0a24_u32, 0, 3, 3] {
        body.extend(word.to_le_bytes());
    }
    body.extend(b"abc");
    capture.block(2, &body);
    let second = Writer::capture(true, true, 1, &mut Noise::new(9));
    capture.bytes.extend(second.bytes);
    let mut seen = Vec::new();
    let file = EvidenceFile::from_bytes("c", capture.bytes);
    let outcome = read_frames(&file, &mut |f| seen.push((f.interface, f.data.len())));
    assert!(outcome.gaps.is_empty(), "{:?}", outcome.gaps);
    assert_eq!(seen[0], (0, 3));
    assert_eq!(seen[1].0, 1);
}

#[test]
fn tls_secrets_of_a_capture_are_collected() {
    let mut capture = Writer::new(true, false);
    for (kind, text) in
        [(0x544c_534b_u32, "CLIENT_RANDOM 00 11"), (0x5747_4b4c, "wireguard"), (0x544c_534b, "B")]
    {
        let mut body = kind.to_le_bytes().to_vec();
        body.extend(size(text.len()).to_le_bytes());
        body.extend(text.as_bytes());
        capture.block(10, &body);
    }
    let (_, outcome) = read(&capture.bytes);
    assert_eq!(outcome.secrets, b"CLIENT_RANDOM 00 11\nB\n");
    assert!(outcome.gaps.is_empty());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_compressed_capture_is_read_like_the_plain_one_and_named_by_its_own_kind() {
    let folder = tempfile::tempdir().unwrap();
    let capture = Writer::capture(true, false, 9, &mut Noise::new(2)).bytes;
    fs::write(folder.path().join("c.bin"), gzip(&capture)).unwrap();
    let report = analyse(folder.path());
    assert_eq!((report.coverage[0].items, report.coverage[0].kind.as_str()), (9, "pcapng"));
    assert!(report.problems.is_empty());
}

#[test]
fn a_cut_compressed_capture_gives_what_came_before_the_cut() {
    let capture = Writer::capture(false, true, 200, &mut Noise::new(2)).bytes;
    let packed = gzip(&capture);
    let (frames, outcome) = read(&packed[..packed.len() / 2]);
    assert!((50..200).contains(&frames), "{frames}");
    let said: Vec<&str> = outcome.gaps.iter().map(|gap| gap.message.as_str()).collect();
    assert!(said.iter().any(|gap| gap.contains("gzip data are damaged")), "{said:?}");
    assert!(said.iter().all(|gap| gap.contains("decompressed bytes")), "{said:?}");
}

#[test]
fn a_compressed_log_is_read_and_other_compressed_files_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let logs = root().join("samples/bruteforce-pressure/server");
    let log = files(&logs).pop().unwrap();
    fs::write(folder.path().join("a.gz"), gzip(&fs::read(&log).unwrap())).unwrap();
    let whole = analyse(&log);
    let report = analyse(folder.path());
    assert_eq!(report.coverage[0].items, whole.coverage[0].items);
    fs::write(folder.path().join("b.gz"), gzip(b"\x01 no log")).unwrap();
    let report = analyse(folder.path());
    assert!(
        report.problems[0].message.contains("compressed with gzip; in it: neither"),
        "{:?}",
        report.problems
    );
}

#[test]
fn a_capture_that_ends_inside_the_handshake_is_no_clean_bill_of_health() {
    let sample = root().join("samples/tls-version-mismatch/client.pcap");
    let bytes = fs::read(sample).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cut.pcap"), &bytes[..bytes.len() * 3 / 5]).unwrap();
    let report = analyse(folder.path());
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{}", report.summary);
    assert!(report.summary.contains("to its end"), "{}", report.summary);
}
