//! Whatever is in a capture, reading ahead gives what the walk alone gives.

use super::ahead::BLOCK;
use super::{Frame, ReadOutcome, Sift, Take, read_frames, sift_frames};
use crate::intake::EvidenceFile;
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

/// Number, seconds, nanoseconds, link type, interface, and a checksum of the data.
type Seen = (u64, i64, i32, i32, u32, u32);

fn seen(number: u64, frame: &Frame<'_>, data: &[u8]) -> Seen {
    let (seconds, nanos) = (frame.time.as_second(), frame.time.subsec_nanosecond());
    (number, seconds, nanos, frame.link.0, frame.interface, crc32fast::hash(data))
}

/// Keeps every frame, and where its data stand.
struct All;

impl Sift for All {
    type Sifted = Vec<(Seen, usize, usize)>;

    fn frame(&self, frame: &Frame<'_>, at: usize, sifted: &mut Self::Sifted) {
        sifted.push((seen(frame.number, frame, frame.data), at, frame.data.len()));
    }
}

#[derive(Default)]
struct Taken {
    frames: Vec<Seen>,
    ahead: usize,
}

impl Take<Vec<(Seen, usize, usize)>> for Taken {
    fn frame(&mut self, frame: Frame<'_>) {
        self.frames.push(seen(frame.number, &frame, frame.data));
    }

    fn sifted(&mut self, before: u64, block: &[u8], sifted: Vec<(Seen, usize, usize)>) {
        self.ahead += sifted.len();
        for (mut seen, at, length) in sifted {
            assert_eq!(crc32fast::hash(&block[at..at + length]), seen.5);
            seen.0 += before;
            self.frames.push(seen);
        }
    }
}

/// Reads a capture with and without reading ahead; gives the frames, and how many were
/// read ahead.
fn both_ways(bytes: &[u8]) -> (usize, usize) {
    let file = EvidenceFile::from_bytes("c.pcap", bytes.to_vec());
    let mut alone = Vec::new();
    let outcome = read_frames(&file, &mut |frame| {
        alone.push(seen(frame.number, &frame, frame.data));
    });
    let mut most = 0;
    for threads in [1, 3] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut taken = Taken::default();
        let with_others = pool.install(|| sift_frames(&file, &All, &mut taken));
        assert!(taken.frames == alone, "other frames with {threads} threads");
        assert_eq!(told(&with_others), told(&outcome));
        most = taken.ahead;
    }
    (alone.len(), most)
}

fn told(outcome: &ReadOutcome) -> (Vec<String>, u64, Vec<u8>) {
    let gaps = outcome.gaps.iter().map(|gap| format!("{gap:?}")).collect();
    (gaps, outcome.unreadable, outcome.secrets.clone())
}

/// A stream of numbers (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below).unwrap()
    }

    /// A packet; one in a few is longer than what is read behind a block.
    fn packet(&mut self) -> Vec<u8> {
        let most = if self.next(20) == 0 { 60_000 } else { 1_500 };
        let length = 60 + self.next(most);
        let first = self.next(256);
        (first..first + length).map(|byte| u8::try_from(byte % 251).unwrap()).collect()
    }
}

/// About so many blocks of a pcap file.
fn pcap(blocks: u64, big_endian: bool, noise: &mut Noise) -> Vec<u8> {
    let word = |word: u32| if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
    let mut out: Vec<u8> =
        [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1].into_iter().flat_map(word).collect();
    let mut number = 0;
    while (out.len() as u64) < blocks * BLOCK {
        let packet = noise.packet();
        let length = u32::try_from(packet.len()).unwrap();
        for value in [1_700_000_000 + number / 100, number % 100 * 9_000, length, length] {
            out.extend(word(value));
        }
        out.extend(packet);
        number += 1;
    }
    out
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap().to_le_bytes();
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(length);
    out.extend(body);
    out.resize(8 + padded, 0);
    out.extend(length);
    out
}

fn section() -> Vec<u8> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 8]);
    block(0x0a0d_0d0a, &body)
}

fn interface(link: u8) -> Vec<u8> {
    block(1, &[link, 0, 0, 0, 0, 0, 4, 0])
}

/// About so many blocks of a pcapng file; `other` gives now and then a block that is no
/// packet.
fn pcapng(blocks: u64, noise: &mut Noise, other: fn(&mut Noise) -> Vec<u8>) -> Vec<u8> {
    let mut out = [section(), interface(1), interface(113)].concat();
    let mut number = 0_u32;
    while (out.len() as u64) < blocks * BLOCK {
        let packet = noise.packet();
        let length = u32::try_from(packet.len()).unwrap();
        let from = u32::try_from(noise.next(2)).unwrap();
        let words = [from, 0x5_0000, number * 1_000, length, length];
        let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        body.extend(packet);
        out.extend(block(6, &body));
        if noise.next(60) == 0 {
            out.extend(other(noise));
        }
        number += 1;
    }
    out
}

fn statistics(_: &mut Noise) -> Vec<u8> {
    block(5, &[0; 12])
}

fn news(noise: &mut Noise) -> Vec<u8> {
    match noise.next(5) {
        0 => [section(), interface(1), interface(1)].concat(),
        1 => interface(1),
        2 => block(3, &[[60, 0, 0, 0].as_slice(), &[7; 60]].concat()),
        3 => block(10, b"KSLT\x04\0\0\0ab\n\n"),
        _ => block(2, &[[0; 20].as_slice(), &[0; 8]].concat()),
    }
}

#[test]
fn a_whole_capture_is_read_ahead_but_for_its_first_block() {
    for bytes in [
        pcap(100, false, &mut Noise(1)),
        pcap(100, true, &mut Noise(2)),
        pcapng(100, &mut Noise(3), statistics),
    ] {
        let (frames, ahead) = both_ways(&bytes);
        assert!(frames > 500 && ahead * 10 > frames * 8, "{ahead} of {frames}");
    }
}

#[test]
fn what_a_section_says_later_counts_from_there() {
    for seed in 1..6 {
        let (frames, ahead) = both_ways(&pcapng(100, &mut Noise(seed), news));
        assert!(frames > 500 && ahead > 0, "{ahead} of {frames}");
    }
}

#[test]
fn a_record_that_is_larger_than_a_block_is_one() {
    let mut bytes = pcap(4, false, &mut Noise(4));
    let length = 900_000_u32.to_le_bytes();
    bytes.extend(1_700_000_100_u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend([length, length].concat());
    bytes.extend(vec![3; 900_000]);
    let more = pcap(8, false, &mut Noise(5));
    bytes.extend(&more[24..]);
    both_ways(&bytes);
}

#[test]
fn a_capture_that_was_sent_over_the_wire_is_not_taken_for_frames() {
    let inner = pcap(30, false, &mut Noise(6));
    let mut bytes = pcap(4, false, &mut Noise(7));
    for part in inner.chunks(60_000) {
        let length = u32::try_from(part.len()).unwrap().to_le_bytes();
        bytes.extend(1_700_000_200_u32.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend([length, length].concat());
        bytes.extend(part);
    }
    both_ways(&bytes);
}

#[test]
fn zeros_and_years_between_records_are_the_same_both_ways() {
    let mut bytes = pcap(9, false, &mut Noise(8));
    bytes.extend(vec![0; 1 << 20]);
    let mut later = pcap(9, false, &mut Noise(9)).split_off(24);
    // Twenty years, in the first record only.
    later[3] = 0x8b;
    bytes.extend(later);
    both_ways(&bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damage_is_the_same_both_ways(
        seed in 1u64..u64::MAX,
        is_pcapng in any::<bool>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        hole in any::<(proptest::sample::Index, u16)>(),
        cut in 0usize..2_000,
    ) {
        let mut noise = Noise(seed);
        let mut bytes =
            if is_pcapng { pcapng(20, &mut noise, news) } else { pcap(20, false, &mut noise) };
        for (at, byte) in flips {
            let at = at.index(bytes.len() - 64) + 64;
            bytes[at] = byte;
        }
        let from = hole.0.index(bytes.len() - 64) + 64;
        let until = (from + usize::from(hole.1) / 8).min(bytes.len());
        bytes.drain(from..until);
        bytes.truncate(bytes.len() - cut);
        both_ways(&bytes);
    }
}
