//! Archives: what is in them is read as if it lay in a folder, and nothing in them does
//! harm.

mod hostile;
mod make;

use crate::support::{analyse, files, root};
use make::*;
use rdp_triage::intake::{Budget, EvidenceFile, Intake, take_in_bytes};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

/// What is enough for a log as long as nobody reads it as one.
fn log(text: &str) -> Vec<u8> {
    [b"ElfFile\0", text.as_bytes()].concat()
}

fn taken(bytes: &[u8]) -> Intake {
    take_in_bytes("t", bytes.to_vec(), Budget::default())
}

fn content(file: &EvidenceFile) -> Vec<u8> {
    let mut streamed = Vec::new();
    file.stream().unwrap().read_to_end(&mut streamed).unwrap();
    let mut gaps = Vec::new();
    let opened = file.open_at(&mut gaps).unwrap();
    let mut read = vec![0; usize::try_from(opened.length()).unwrap()];
    opened.read(0, &mut read).unwrap();
    assert!(gaps.is_empty() && read == streamed, "{}: {gaps:?}", file.name);
    streamed
}

fn contents(intake: &Intake) -> BTreeMap<String, Vec<u8>> {
    intake.files.iter().map(|file| (file.name.to_string(), content(file))).collect()
}

fn names(intake: &Intake) -> Vec<&str> {
    intake.files.iter().map(|file| &*file.name).collect()
}

fn said(intake: &Intake) -> String {
    intake.gaps.iter().map(|gap| format!("{gap}\n")).collect()
}

/// Every form of archive of the same files.
fn forms(files: &Files<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let tar = tar(files);
    vec![
        ("zip", zip(files)),
        ("7z", seven(files, false, None)),
        ("solid.7z", seven(files, true, None)),
        ("stored.cab", cab(files, cab::CompressionType::None)),
        ("cab", cab(files, cab::CompressionType::MsZip)),
        ("tar.gz", gzip(&tar)),
        ("tar.bz2", bzip2(&tar)),
        ("tar.xz", xz(&tar)),
        ("tar.zst", zstd(&tar)),
        ("tar", tar),
    ]
}

#[test]
fn every_form_gives_the_same_entries() {
    let large = log(&"a line of a log\n".repeat(20_000));
    let files: [(&str, &[u8]); 4] =
        [("a/S.evtx", &large), ("notes.txt", b"\x01 no text"), ("b.bin", &log("2")), ("e", b"")];
    for (form, bytes) in forms(&files) {
        let intake = taken(&bytes);
        let found = contents(&intake);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["t/a/S.evtx", "t/b.bin"], "{form}: {}", said(&intake));
        assert!(found["t/a/S.evtx"] == large && found["t/b.bin"] == log("2"), "{form}");
        let told: Vec<String> = intake.gaps.iter().map(|gap| gap.file.to_string()).collect();
        let told: std::collections::BTreeSet<&str> = told.iter().map(String::as_str).collect();
        let expect = std::collections::BTreeSet::from(["t/e", "t/notes.txt"]);
        assert_eq!(told, expect, "{form}: {}", said(&intake));
    }
}

#[test]
fn every_method_of_zip_is_read() {
    let whole = log(&"some words ".repeat(5000));
    let lzma = {
        let options = lzma_rust2::LzmaOptions::with_preset(1);
        let mut packed = vec![9, 20, 5, 0, options.get_props()];
        packed.extend(options.dict_size.to_le_bytes());
        let size = Some(whole.len() as u64);
        let mut writer =
            lzma_rust2::LzmaWriter::new_no_header(packed, &options, size.is_none()).unwrap();
        std::io::Write::write_all(&mut writer, &whole).unwrap();
        writer.finish().unwrap()
    };
    let entries = [
        ZipEntry::stored("0", &whole),
        ZipEntry::deflated("8", &whole),
        // A deflate stream of literals and near matches is also one of Deflate64.
        ZipEntry::new("9", 9, &log("near"), deflate(&log("near"))),
        ZipEntry::new("12", 12, &whole, bzip2(&whole)),
        ZipEntry::new("14", 14, &whole, lzma),
        ZipEntry::new("93", 93, &whole, zstd(&whole)),
        ZipEntry::new("95", 95, &whole, xz(&whole)),
        ZipEntry::new("98", 98, &whole, whole.clone()),
    ];
    let intake = taken(&zip_by_hand(&entries));
    let found = contents(&intake);
    assert_eq!(names(&intake), ["t/0", "t/12", "t/14", "t/8", "t/9", "t/93", "t/95"]);
    assert!(found.iter().all(|(name, content)| name == "t/9" || *content == whole));
    assert_eq!(intake.gaps.len(), 1);
    assert!(said(&intake).contains("t/98: compression method 98"), "{}", said(&intake));
}

/// The uncompressed block of [MS-PATCH] 2.3.1.1 and 2.4.1: a bit for E8, the type, the
/// size, and three offsets.
#[test]
fn a_cabinet_with_lzx_is_read() {
    let whole = log("an even number of bytes.");
    let size = u32::try_from(whole.len()).unwrap();
    assert!(size.is_multiple_of(2));
    // Bits from the highest one of words of 16: 0, 011, 24 bits of size, 4 of padding.
    let bits = 0b0011 << 28 | size << 4;
    let mut block = u16::try_from(bits >> 16).unwrap().to_le_bytes().to_vec();
    block.extend(u16::try_from(bits & 0xffff).unwrap().to_le_bytes());
    block.extend([1, 0, 0, 0].repeat(3));
    block.extend(&whole);
    let mut bytes = cab(&[("a", &block)], cab::CompressionType::None);
    // In the folder: the method. In the block: what it becomes, and no checksum.
    bytes[36 + 6..36 + 8].copy_from_slice(&[3, 15]);
    let data = usize::try_from(u32::from_le_bytes(bytes[36..40].try_into().unwrap())).unwrap();
    bytes[data..data + 4].fill(0);
    bytes[data + 6..data + 8].copy_from_slice(&u16::try_from(size).unwrap().to_le_bytes());
    bytes[44..48].copy_from_slice(&size.to_le_bytes());
    let intake = taken(&bytes);
    assert_eq!(contents(&intake)["t/a"], whole, "{}", said(&intake));
}

#[test]
fn archives_in_archives_are_opened_to_the_depth_of_the_budget() {
    let inner = zip(&[("in.evtx", &log("deep"))]);
    let middle = gzip(&tar(&[("c/inner.zip", &inner), ("mid.evtx", &log("mid"))]));
    let outer = zip(&[("b.tar.gz", &middle), ("top.evtx", &log("top"))]);
    let intake = taken(&outer);
    assert_eq!(
        names(&intake),
        ["t/b.tar.gz/c/inner.zip/in.evtx", "t/b.tar.gz/mid.evtx", "t/top.evtx"]
    );
    assert!(contents(&intake).values().all(|content| content.starts_with(b"ElfFile\0")));
    assert!(intake.gaps.is_empty(), "{}", said(&intake));
    let shallow = Budget { depth: 2, ..Budget::default() };
    let intake = take_in_bytes("t", outer, shallow);
    assert_eq!(names(&intake), ["t/b.tar.gz/mid.evtx", "t/top.evtx"]);
    assert!(said(&intake).contains("t/b.tar.gz/c/inner.zip: packed more than 2 layers deep"));
    assert!(said(&intake).contains("--max-depth"));
}

#[test]
fn compressed_files_in_archives_keep_their_name() {
    let intake = taken(&zip(&[("a.evtx.gz", &gzip(&log("x"))), ("b.txt.xz", &xz(b"\x01 words"))]));
    assert_eq!(contents(&intake), BTreeMap::from([("t/a.evtx.gz".to_owned(), log("x"))]));
    assert_eq!(
        said(&intake),
        "t/b.txt.xz: compressed with xz; in it: neither an event log nor a capture\n"
    );
}

#[test]
fn every_compressor_is_read_and_all_its_parts() {
    let (first, second) = (log("first "), b"second".to_vec());
    for packer in [gzip, bzip2, xz, zstd] {
        let mut bytes = packer(&first);
        bytes.extend(packer(&second));
        let file = EvidenceFile::from_bytes("t", bytes);
        assert_eq!(content(&file), [first.clone(), second.clone()].concat());
    }
    // A frame of zstd that decoders skip (RFC 8878 3.1.2), between two that count.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let bytes = [zstd(&first), skipped.to_vec(), zstd(&second)].concat();
    let file = EvidenceFile::from_bytes("t", bytes);
    assert_eq!(content(&file), [first, second].concat());
}

#[test]
fn names_of_a_velociraptor_collection_are_decoded_once() {
    let name = "uploads/auto/C%3A/Windows/System32/winevt/Logs/RCM%254Operational.evtx";
    let plain = "t/uploads/auto/C:/Windows/System32/winevt/Logs/RCM%4Operational.evtx";
    for files in
        [vec![(name, &log("1")[..])], vec![("client_info.json", &b"\x01{}"[..]), (name, &log("1"))]]
    {
        for (form, bytes) in forms(&files) {
            assert_eq!(names(&taken(&bytes)), [plain], "{form}");
        }
    }
    assert_eq!(names(&taken(&zip(&[("100%25.evtx", &log("1"))]))), ["t/100%25.evtx"]);
}

#[test]
fn long_names_are_kept_in_tar() {
    let name = format!("{}/System.evtx", "folder/".repeat(40).trim_end_matches('/'));
    let gnu = tar(&[(&name, &log("1"))]);
    assert_eq!(names(&taken(&gnu)), [format!("t/{name}")]);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", name.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(9);
    builder.append_data(&mut header, "short", &log("1")[..]).unwrap();
    let pax = builder.into_inner().unwrap();
    assert_eq!(names(&taken(&pax)), [format!("t/{name}")]);
}

#[test]
fn an_office_document_is_one_line() {
    let intake = taken(&zip(&[
        ("[Content_Types].xml", b"<?xml version='1.0'?><Types/>"),
        ("word/document.xml", b"<?xml version='1.0'?><w:document/>"),
    ]));
    assert_eq!(said(&intake), "t: an Office document, not read by this version\n");
}

#[test]
fn an_archive_without_entries_is_told() {
    for bytes in [zip(&[]), seven(&[], false, None), tar(&[])] {
        let intake = taken(&bytes);
        assert!(intake.files.is_empty() && intake.gaps.len() == 1, "{}", said(&intake));
    }
}

/// The program on a ticket as a folder, and on each archive of it.
#[test]
fn a_ticket_gives_the_same_report_as_a_folder_and_as_an_archive() {
    let ticket = root().join("samples/tls-no-shared-cipher");
    let paths = files(&ticket);
    let read: Vec<(String, Vec<u8>)> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&ticket).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read(path).unwrap())
        })
        .collect();
    let entries: Vec<(&str, &[u8])> =
        read.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let place = tempfile::tempdir().unwrap();
    let plain = |path: &std::path::Path, prefix: &str| {
        let mut report = serde_json::to_value(analyse(path)).unwrap();
        report["case"] = serde_json::Value::Null;
        report.to_string().replace(prefix, "")
    };
    let expect = plain(&ticket, "/nothing/");
    for (form, bytes) in forms(&entries) {
        let name = format!("ticket.{form}");
        let path = place.path().join(&name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(plain(&path, &format!("{name}/")), expect, "{form}");
    }
}
