//! Archives that are broken, or made to do harm.

use super::make::*;
use super::{contents, log, names, said, taken};
use rdp_triage::intake::{Budget, take_in_bytes};
use std::io::Read as _;

/// What comes of reading a file to its end.
fn read(file: &rdp_triage::intake::EvidenceFile) -> (u64, String) {
    let mut stream = file.stream().unwrap();
    let mut count = 0;
    let mut piece = vec![0; 1 << 16];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (count, String::new()),
            Ok(got) => count += got as u64,
            Err(error) => return (count, error.to_string()),
        }
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = log("");
    bytes.extend(crate::make_samples::Noise::new(7).bytes(length));
    bytes
}

/// What can be compressed, though not much.
fn words(length: usize) -> Vec<u8> {
    let hex: String = noise(length / 2).iter().map(|byte| format!("{byte:02x}")).collect();
    log(&hex)
}

#[test]
fn names_are_labels_and_never_lead_anywhere() {
    let bad: [&[u8]; 8] = [
        b"../../../../tmp/rdp-triage-escaped.evtx",
        b"/tmp/rdp-triage-escaped.evtx",
        b"C:\\Windows\\x.evtx",
        b"\\\\.\\C:\\CON",
        b"nul\0byte.evtx",
        b"esc\x1b[2J.evtx",
        b"..",
        b"\xff\xfe.evtx",
    ];
    let entries: Vec<ZipEntry> = bad
        .iter()
        .map(|name| ZipEntry { name: name.to_vec(), ..ZipEntry::stored("", &log("1")) })
        .collect();
    let intake = taken(&zip_by_hand(&entries));
    assert_eq!(
        names(&intake),
        [
            "t/(no name)",
            "t/C:/CON",
            "t/C:/Windows/x.evtx",
            "t/esc\\u{1b}[2J.evtx",
            "t/nul\\u{0}byte.evtx",
            "t/tmp/rdp-triage-escaped.evtx",
            "t/tmp/rdp-triage-escaped.evtx (2)",
            "t/\u{a0}■.evtx",
        ]
    );
    contents(&intake);
    assert!(!std::path::Path::new("/tmp/rdp-triage-escaped.evtx").exists());
}

#[test]
fn entries_of_one_name_are_told_apart() {
    let files: [(&str, &[u8]); 3] = [("a", &log("1")), ("a", &log("2")), ("a (2)", &log("3"))];
    let by_hand: Vec<ZipEntry> =
        files.iter().map(|(name, content)| ZipEntry::stored(name, content)).collect();
    for bytes in [zip_by_hand(&by_hand), tar(&files), gzip(&tar(&files)), seven(&files, true, None)]
    {
        let found = contents(&taken(&bytes));
        let found: Vec<(&str, &[u8])> =
            found.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let expect: [(&str, &[u8]); 3] =
            [("t/a", &log("1")), ("t/a (2)", &log("2")), ("t/a (2) (2)", &log("3"))];
        assert_eq!(found, expect);
    }
}

#[test]
fn links_and_special_entries_are_told() {
    let link = ZipEntry { mode: 0o120_777, ..ZipEntry::stored("link", b"/etc/passwd") };
    let intake = taken(&zip_by_hand(&[link, ZipEntry::stored("a", &log("1"))]));
    assert_eq!(names(&intake), ["t/a"]);
    assert!(said(&intake).starts_with("t/link: a link or special file"), "{}", said(&intake));
    let mut builder = tar::Builder::new(Vec::new());
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, "link", "/etc/passwd").unwrap();
    }
    let intake = taken(&builder.into_inner().unwrap());
    assert_eq!((intake.files.len(), intake.gaps.len()), (0, 3), "{}", said(&intake));
    assert!(said(&intake).contains("t/link (3): a link or special entry"));
}

#[test]
fn what_is_encrypted_is_named_and_the_rest_is_read() {
    let secret = ZipEntry { flags: 1, ..ZipEntry::stored("secret", &log("1")) };
    let intake = taken(&zip_by_hand(&[secret, ZipEntry::stored("plain", &log("2"))]));
    assert_eq!(names(&intake), ["t/plain"]);
    assert!(said(&intake).contains("t/secret: is encrypted: unpack it with its password"));
    let files: [(&str, &[u8]); 1] = [("secret", &log("1"))];
    let intake = taken(&seven(&files, false, Some(false)));
    assert_eq!(
        said(&intake),
        "t/secret: is encrypted: unpack it with its password and give the folder\n"
    );
    let intake = taken(&seven(&files, false, Some(true)));
    assert_eq!(said(&intake), "t: is encrypted: unpack it with its password and give the folder\n");
}

#[test]
fn a_zip_without_its_directory_gives_what_the_entries_say_themselves() {
    let entries = [
        ZipEntry::deflated("a", &log("first")),
        ZipEntry { streamed: true, ..ZipEntry::deflated("b", &log("second")) },
        ZipEntry::stored("c", &noise(5000)),
        ZipEntry::deflated("d", &noise(5000)),
    ];
    let whole = zip_by_hand(&entries);
    let directory = memchr::memmem::find(&whole, b"PK\x01\x02").unwrap();
    let intake = taken(&whole[..directory]);
    assert_eq!(contents(&intake), contents(&taken(&whole)));
    assert_eq!(intake.gaps.len(), 1);
    assert!(said(&intake).contains("central directory is missing"), "{}", said(&intake));
    let intake = taken(&whole[..directory - 1000]);
    assert_eq!(names(&intake), ["t/a", "t/b", "t/c", "t/d"]);
    let (got, error) = read(&intake.files[3]);
    assert!((3000..5008).contains(&got) && error.contains("damaged"), "{got} {error}");
}

#[test]
fn a_damaged_directory_costs_nothing() {
    let entries: Vec<ZipEntry> =
        (0..4).map(|n| ZipEntry::deflated(&format!("{n}"), &log("x"))).collect();
    let mut bytes = zip_by_hand(&entries);
    let second = memchr::memmem::find_iter(&bytes, b"PK\x01\x02").nth(1).unwrap();
    bytes[second] = b'?';
    let intake = taken(&bytes);
    assert_eq!(names(&intake), ["t/0", "t/1", "t/2", "t/3"]);
    let at = format!("t at byte {second}: the central directory is damaged: 1 of 4 entries");
    assert!(said(&intake).contains(&at), "{}", said(&intake));
}

#[test]
fn one_bad_entry_does_not_stop_the_others() {
    let good = ZipEntry::deflated("good", &log("1"));
    let mut noisy = ZipEntry::deflated("bad data", &words(100_000));
    noisy.packed[30_000..30_100].fill(0xff);
    let crc = ZipEntry { crc: 1, ..ZipEntry::deflated("bad crc", &log("2")) };
    let long = ZipEntry { size: 10, ..ZipEntry::deflated("goes on", &log("3456")) };
    let short = ZipEntry { size: 1000, ..ZipEntry::deflated("ends", &log("4")) };
    let lost = ZipEntry { at: Some(77_777), ..ZipEntry::stored("lost", &log("5")) };
    let intake = taken(&zip_by_hand(&[noisy, crc, long, short, lost, good]));
    let results: Vec<(&str, u64, String)> = intake
        .files
        .iter()
        .map(|file| {
            let (got, error) = read(file);
            (&*file.name, got, error)
        })
        .collect();
    let [crc, data, ends, goes_on, good] = &results[..] else { panic!("{results:?}") };
    assert!(data.1 > 10_000 && !data.2.is_empty(), "{data:?}");
    assert!(crc.1 == 9 && crc.2.contains("checksum does not match"), "{crc:?}");
    assert!(ends.1 == 9 && ends.2.contains("ends after 9 of 1000 bytes"), "{ends:?}");
    assert!(goes_on.1 == 10 && goes_on.2.contains("goes on behind the 10 bytes"), "{goes_on:?}");
    assert_eq!((good.0, good.1, good.2.as_str()), ("t/good", 9, ""));
    assert_eq!(
        said(&intake),
        "t/lost: no entry is at byte 77777 of the archive, where its directory has it\n"
    );
}

#[test]
fn a_damaged_log_in_an_archive_is_opened_as_far_as_it_goes() {
    let mut entry = ZipEntry::deflated("a", &words(100_000));
    entry.packed[30_000..30_100].fill(0xff);
    let intake = taken(&zip_by_hand(&[entry]));
    let mut gaps = Vec::new();
    let opened = intake.files[0].open_at(&mut gaps).unwrap();
    assert!(opened.length() > 10_000);
    assert!(gaps[0].to_string().starts_with("t/a at byte "), "{gaps:?}");
}

#[test]
fn streams_that_break_off_give_what_came_before() {
    let files: [(&str, &[u8]); 3] =
        [("a", &log("1")), ("b", &noise(200_000)), ("c", &noise(200_000))];
    let tar = tar(&files);
    for (form, bytes) in [("gz", gzip(&tar)), ("bz2", bzip2(&tar)), ("xz", xz(&tar)), ("", tar)] {
        let intake = taken(&bytes[..bytes.len() / 2]);
        let (names, told) = (names(&intake), said(&intake));
        // A block of bzip2 is there as a whole or not at all.
        assert!(form == "bz2" || names.starts_with(&["t/a"]), "{form}: {names:?} {told}");
        let words = ["reading stopped", "ends inside", "cannot be unpacked", "end mark"];
        assert!(words.iter().any(|words| told.contains(words)), "{form}: {told}");
    }
    for bytes in [cab(&files, cab::CompressionType::MsZip), cab(&files, cab::CompressionType::None)]
    {
        let intake = taken(&bytes[..bytes.len() / 2]);
        assert_eq!(names(&intake), ["t/a", "t/b"], "{}", said(&intake));
        assert!(said(&intake).contains("cut short or damaged"), "{}", said(&intake));
        assert!(said(&intake).contains("t/c: "), "{}", said(&intake));
    }
    // Its directory is at the end.
    let bytes = seven(&files, true, None);
    let intake = taken(&bytes[..bytes.len() / 2]);
    assert!(said(&intake).contains("t: its directory cannot be read"), "{}", said(&intake));
}

#[test]
fn damage_in_a_tar_costs_one_entry() {
    let files: [(&str, &[u8]); 3] = [("a", &log("1")), ("b", &log("2")), ("c", &log("3"))];
    let mut bytes = tar(&files);
    bytes[1024 + 150] ^= 0xff;
    for bytes in [bytes.clone(), gzip(&bytes)] {
        let intake = taken(&bytes);
        assert_eq!(names(&intake), ["t/a", "t/c"]);
        assert!(
            said(&intake)
                .contains("t at byte 1024: no header of an entry: 1024 bytes were skipped"),
            "{}",
            said(&intake)
        );
    }
}

#[test]
fn damage_in_a_7z_costs_its_block() {
    let files: [(&str, &[u8]); 2] = [("a", &noise(50_000)), ("b", &log("2"))];
    let mut bytes = seven(&files, false, None);
    bytes[20_000..20_200].fill(0);
    let intake = taken(&bytes);
    assert_eq!(names(&intake), ["t/a", "t/b"]);
    assert!(said(&intake).contains("t/a: reading stopped"), "{}", said(&intake));
}

#[test]
fn a_bomb_of_many_layers_is_stopped_by_depth_and_entries() {
    let mut bytes = zip(&[("zeros", &vec![0; 1 << 20])]);
    for _ in 0..6 {
        let copies: Vec<(String, Vec<u8>)> =
            (0..10).map(|n| (format!("{n}.zip"), bytes.clone())).collect();
        let files: Vec<(&str, &[u8])> =
            copies.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        bytes = zip(&files);
    }
    let intake = take_in_bytes("t", bytes.clone(), Budget { entries: 500, ..Budget::default() });
    assert!(intake.files.is_empty() && intake.gaps.len() < 1000, "{}", intake.gaps.len());
    assert!(said(&intake).contains("more than 500 entries"), "{}", said(&intake));
    let intake = taken(&bytes);
    assert!(said(&intake).contains("packed more than 4 layers deep"));
    let small = Budget { unpacked: 10_000, ..Budget::default() };
    assert!(said(&take_in_bytes("t", bytes, small)).contains("--max-unpacked"));
}

#[test]
fn entries_that_overlap_are_refused() {
    let intake = taken(&overlapping(1000, &noise(1000)));
    assert_eq!(names(&intake), ["t/0.evtx"]);
    assert_eq!(intake.gaps.len(), 999);
    assert!(intake.gaps.iter().all(|gap| gap.message.contains("inside another entry")));
}

#[test]
fn what_unpacks_to_too_much_is_stopped() {
    let bomb = [log(""), vec![0; 44 << 20]].concat();
    for (form, bytes) in [
        ("zip", zip_by_hand(&[ZipEntry::deflated("a", &bomb)])),
        ("gz", gzip(&bomb)),
        ("bz2", bzip2(&bomb)),
        ("xz", xz(&bomb)),
        ("zst", zstd(&bomb)),
    ] {
        let intake = taken(&bytes);
        let (got, error) = read(&intake.files[0]);
        assert!(got < 36 << 20 && error.contains("--max-ratio"), "{form}: {got} {error}");
        let small = Budget { unpacked: 1 << 20, ..Budget::default() };
        let intake = take_in_bytes("t", bytes, small);
        let (got, error) = read(&intake.files[0]);
        assert!(got == 1 << 20 && error.contains("--max-unpacked"), "{form}: {got} {error}");
    }
    let files: [(&str, &[u8]); 2] = [("a", &bomb), ("b", &log("1"))];
    for (form, bytes) in [
        ("tar.gz", gzip(&tar(&files))),
        ("7z", seven(&files, true, None)),
        ("7z", seven(&files, false, None)),
    ] {
        let intake = taken(&bytes);
        assert!(said(&intake).contains("--max-ratio"), "{form}: {}", said(&intake));
        assert!(read(&intake.files[0]).0 < 36 << 20, "{form}");
        let intake = take_in_bytes("t", bytes, Budget { unpacked: 1 << 20, ..Budget::default() });
        assert!(said(&intake).contains("--max-unpacked"), "{form}: {}", said(&intake));
        assert!(read(&intake.files[0]).0 <= 1 << 20, "{form}");
    }
}

/// All archives of a case have one budget, and a size that lies does not spend it.
#[test]
fn the_budget_is_that_of_all_entries_together() {
    let small = Budget { unpacked: 1000, ..Budget::default() };
    let entries: Vec<ZipEntry> =
        (0..3).map(|n| ZipEntry::deflated(&format!("{n}"), &noise(400))).collect();
    let intake = take_in_bytes("t", zip_by_hand(&entries), small);
    let read: Vec<(u64, String)> = intake.files.iter().map(read).collect();
    assert_eq!([read[0].0, read[1].0, read[2].0], [408, 408, 184]);
    assert!(read[2].1.contains("only 184 bytes are left of the 1000"), "{}", read[2].1);
    let liar = ZipEntry { size: u32::MAX, ..ZipEntry::deflated("liar", &log("1")) };
    let intake = taken(&zip_by_hand(&[vec![liar; 8], entries].concat()));
    assert!(
        intake.files.iter().filter(|file| !file.name.contains("liar")).all(|file| super::content(
            file
        )
        .len()
            == 408)
    );
}

/// A gzip file that holds itself (Cox, "Zip Files All The Way Down") has the form of any
/// gzip in gzip: layers end it.
#[test]
fn gzip_in_gzip_ends_at_the_depth() {
    let mut bytes = gzip(&log("1"));
    for _ in 0..3 {
        bytes = gzip(&bytes);
    }
    assert_eq!(super::content(&taken(&bytes).files[0]), log("1"));
    let intake = taken(&gzip(&bytes));
    assert!(said(&intake).contains("--max-depth"), "{}", said(&intake));
}

#[test]
fn a_stream_of_zeros_without_end_is_left() {
    // Members without end, each of zeros: as endless as a file can be.
    let member = gzip(&vec![0; 1 << 20]);
    let bytes = [gzip(&tar(&[("a", &log("1"))])), member.repeat(100)].concat();
    let intake = taken(&bytes);
    assert_eq!(names(&intake), ["t/a"]);
    assert!(said(&intake).contains("--max-ratio"), "{}", said(&intake));
}

const MAGICS: [&[u8]; 11] = [
    b"PK\x03\x04",
    b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
    b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0a",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"MSCF\0\0\0\0",
    b"\x1f\x8b\x08\0\0\0\0\0\0\0",
    b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46",
    b"\x28\xb5\x2f\xfd",
    b"BZh91AY&SY",
    b"ElfFile\0",
    b"\0",
];

proptest::proptest! {
    /// Any bytes behind the beginning of any format.
    #[test]
    fn arbitrary_archives_are_survived(
        magic in proptest::sample::select(&MAGICS[..]),
        bytes in proptest::collection::vec(0u8.., 0..2000),
    ) {
        crate::fuzz::archive(&[magic, &bytes].concat());
    }

    /// Archives of every form, with a few bytes changed and cut anywhere.
    #[test]
    fn damaged_archives_are_survived(
        form in 0..10_usize,
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0u8..), 0..6),
        end in proptest::prelude::any::<proptest::sample::Index>(),
    ) {
        let inner = zip(&[("in", &log("deep")), ("other", &noise(700))]);
        let files: [(&str, &[u8]); 3] = [("a", &log("1")), ("b.zip", &inner), ("c", &noise(900))];
        let mut bytes = super::forms(&files).swap_remove(form).1;
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        crate::fuzz::archive(&bytes);
        crate::fuzz::archive(&bytes[..end.index(bytes.len())]);
    }
}
