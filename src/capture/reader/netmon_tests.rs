use super::super::Gaps;
use super::*;
use std::io::Cursor;
use std::sync::Arc;

fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

/// Number, link type, data and time.
type Seen = (u64, LinkType, Vec<u8>, String);

const SECOND: u64 = 10_000_000;

/// A capture of version 2.`minor`: frames of (medium, data), one second apart.
fn capture(minor: u8, frames: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; FILE_HEADER_LEN];
    bytes[..8].copy_from_slice(&[b'G', b'M', b'B', b'U', minor, 2, 1, 0]);
    // 2016-08-01 08:01:43.059
    for (at, value) in
        [(8, 2016_u16), (10, 8), (12, 1), (14, 1), (16, 8), (18, 1), (20, 43), (22, 59)]
    {
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let mut table = Vec::new();
    for (number, (medium, data)) in (0_u64..).zip(frames) {
        table.extend(word(bytes.len()));
        bytes.extend((number * 1_000_000).to_le_bytes());
        bytes.extend([word(data.len()); 2].concat());
        bytes.extend(*data);
        let filetime = 116_444_736_000_000_000 + (1_000 + number) * SECOND;
        let mut trailer = medium.to_le_bytes().to_vec();
        trailer.extend([0; 4]);
        trailer.extend(filetime.to_le_bytes());
        trailer.push(0);
        trailer.truncate(match minor {
            0 => 0,
            1 => 2,
            2 => 6,
            _ => 15,
        });
        bytes.extend(trailer);
    }
    let place = word(bytes.len());
    bytes[24..28].copy_from_slice(&place);
    bytes[28..32].copy_from_slice(&word(table.len()));
    bytes.extend(table);
    bytes
}

fn frames_of(bytes: &[u8]) -> (Vec<Seen>, Vec<String>) {
    let mut gaps = Gaps::new(&Arc::from("c.cap"));
    let mut frames = Vec::new();
    read(Cursor::new(bytes), &mut gaps, &mut |frame| {
        frames.push((frame.number, frame.link, frame.data.to_vec(), frame.time.to_string()));
    })
    .unwrap();
    (frames, gaps.into_outcome().gaps.into_iter().map(|gap| gap.message).collect())
}

const TWO: &[(u16, &[u8])] = &[(1, b"first"), (1, b"second")];

#[test]
fn version_3_tells_utc_and_the_versions_before_the_wall_clock() {
    let (frames, gaps) = frames_of(&capture(3, TWO));
    assert_eq!(
        frames[1],
        (2, LinkType::ETHERNET, b"second".to_vec(), "1970-01-01T00:16:41Z".into())
    );
    assert!(gaps.is_empty());
    for minor in 0..3 {
        let (frames, gaps) = frames_of(&capture(minor, TWO));
        assert_eq!(frames[1].2, b"second");
        assert_eq!(frames[1].3, "2016-08-01T08:01:44.059Z");
        assert!(gaps.len() == 1 && gaps[0].contains("time zone"), "{gaps:?}");
    }
}

/// Found by the fuzzer: the milliseconds of SYSTEMTIME are below 1000.
#[test]
fn a_start_that_is_no_time_costs_only_frames_that_count_from_it() {
    for milliseconds in [1000, u16::MAX] {
        let damaged = |minor| {
            let mut bytes = capture(minor, TWO);
            bytes[22..24].copy_from_slice(&milliseconds.to_le_bytes());
            frames_of(&bytes)
        };
        assert_eq!(damaged(3), frames_of(&capture(3, TWO)));
        let (frames, gaps) = damaged(0);
        assert!(frames.is_empty() && !gaps.is_empty(), "{gaps:?}");
    }
}

#[test]
fn media_become_link_types_and_notes_are_left_out() {
    let radio = [&[2_u8, 32, 0][..], &[0; 29], b"wlan"].concat();
    let (frames, gaps) = frames_of(&capture(
        3,
        &[
            (0xfffd, b"adapters"),
            (0, b"vpn"),
            (6, &radio),
            (0xffff, b"filter"),
            (9, b"ip"),
            (0xe071, b"cooked"),
            (2, b"token ring"),
        ],
    ));
    let seen: Vec<_> =
        frames.iter().map(|(n, link, data, _)| (*n, *link, data.as_slice())).collect();
    assert_eq!(
        seen,
        [
            (1, LinkType::ETHERNET, &b"vpn"[..]),
            (2, IEEE802_11, b"wlan"),
            (4, LinkType::RAW, b"ip"),
            (5, LinkType::LINUX_SLL, b"cooked"),
            (6, unknown_medium(2), b"token ring"),
        ]
    );
    assert!(gaps.is_empty());
}

#[test]
fn without_its_table_a_capture_is_read_frame_behind_frame() {
    let mut bytes = capture(3, TWO);
    let whole = bytes.len();
    bytes.truncate(whole - 8);
    let (frames, gaps) = frames_of(&bytes);
    assert_eq!(frames.len(), 2);
    assert!(gaps.len() == 1 && gaps[0].contains("0 of 2 offsets"), "{gaps:?}");
    // Half a table.
    let (frames, gaps) = frames_of(&capture(3, TWO)[..whole - 4]);
    assert_eq!((frames.len(), gaps.len()), (2, 1), "{gaps:?}");
    // Cut inside the last frame.
    let (frames, gaps) = frames_of(&bytes[..bytes.len() - 4]);
    assert_eq!((frames.len(), gaps.len()), (1, 2), "{gaps:?}");
}

#[test]
fn a_bad_entry_of_the_table_costs_one_frame() {
    let mut bytes = capture(3, &[(1, b"a"), (1, b"b"), (1, b"c")]);
    let entry = bytes.len() - 8;
    bytes[entry..entry + 4].fill(0xff);
    let (frames, gaps) = frames_of(&bytes);
    assert_eq!((frames.len(), gaps.len()), (2, 1), "{gaps:?}");
}

#[test]
fn hostile_tables_are_left() {
    // All entries point to the same frame.
    let mut bytes = capture(3, TWO);
    let table = u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
    bytes.truncate(table);
    for _ in 0..100_000 {
        bytes.extend(128_u32.to_le_bytes());
    }
    bytes[28..32].copy_from_slice(&400_000_u32.to_le_bytes());
    let (frames, gaps) = frames_of(&bytes);
    assert!(frames.len() < 20_000 && gaps.iter().any(|gap| gap.contains("overlap")), "{gaps:?}");
    // The table is said to be everywhere.
    bytes[24..32].fill(0xff);
    let (frames, _) = frames_of(&bytes);
    assert!(frames.len() >= 2);
}
