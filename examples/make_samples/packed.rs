//! Tickets as they arrive: packed, and laid out by the tool that collected them. The same
//! bytes come out every time: no times, one order.

#![allow(clippy::cast_possible_truncation, reason = "tickets are small")]

use super::TicketFile;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::{Cursor, Write};

const NAME: &str = "TS-PROD-01";

/// The files of a ticket as its sender packed them; most tickets are plain folders.
pub(crate) fn sent(ticket: &str, files: Vec<TicketFile>) -> Vec<TicketFile> {
    let one = |ending: &str, pack: fn(&[u8]) -> Vec<u8>| {
        let packed = |(name, bytes): &TicketFile| (format!("{name}.{ending}"), pack(bytes));
        files.iter().map(packed).collect()
    };
    match ticket {
        "cert-wrong-usage" => beside(files, "server/", msrd_collect),
        "workstation-restriction" => beside(files, "server/", kape),
        "logon-hours-restriction" => {
            beside(files, "server/", |files| vec![("server.7z".to_owned(), seven(&kape(files)))])
        }
        "authz-logon-right-denied" => beside(files, "server/", velociraptor),
        "ephemeral-port-exhaustion" => beside(files, "client/System", intune),
        "selective-auth-blocked" => beside(files, "server/", |files| {
            let entries = files.into_iter().map(Entry::from).collect::<Vec<_>>();
            vec![("server.zip".to_owned(), zip(&entries, true))]
        }),
        "service-termservice-crash" => beside(files, "server/", half_encrypted),
        "nego-inconsistent-flags" => vec![("capture.tar".to_owned(), tar(&files))],
        "setup-in-progress" => {
            beside(files, "server/", |files| vec![("server.tar.gz".to_owned(), gzip(&tar(&files)))])
        }
        "middlebox-drops-payload" => one("xz", xz),
        "dns-stale-wrong-host" => one("zst", zstd),
        "nego-user-auth-required" => one("bz2", bzip2),
        _ => files,
    }
}

/// Packs the files whose names begin so, and leaves the others as they are.
fn beside(
    files: Vec<TicketFile>,
    begin: &str,
    pack: impl Fn(Vec<TicketFile>) -> Vec<TicketFile>,
) -> Vec<TicketFile> {
    let (packed, mut plain): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(name, _)| name.starts_with(begin));
    plain.extend(pack(packed));
    plain
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// MSRD-Collect shortens the names of channels and does not write `%4`.
fn msrd_collect(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let folder = format!("MSRD-Results-{NAME}-20250603_082000");
    let entry = |(name, bytes): TicketFile| {
        let short = last_part(&name).replace("Microsoft-Windows-", "").replace("%4", "-");
        Entry::from((format!("{folder}/{NAME}_EventLogs/{NAME}_{short}"), bytes))
    };
    let entries: Vec<Entry> = files.into_iter().map(entry).collect();
    vec![(format!("{folder}.zip"), zip(&entries, false))]
}

/// KAPE keeps the tree of the drive.
fn kape(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let place = format!("{NAME}/C/Windows/System32/winevt/logs");
    let placed = |(name, bytes): TicketFile| (format!("{place}/{}", last_part(&name)), bytes);
    files.into_iter().map(placed).collect()
}

/// Velociraptor writes names with percent signs, those of `%4` included.
fn velociraptor(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let entry = |(name, bytes): TicketFile| {
        let name = last_part(&name).replace('%', "%25");
        Entry::from((format!("uploads/auto/C%3A/Windows/System32/winevt/Logs/{name}"), bytes))
    };
    let entries: Vec<Entry> = files.into_iter().map(entry).collect();
    vec![(format!("Collection-{NAME}-2025-06-03T08_20_00Z.zip"), zip(&entries, false))]
}

/// Intune puts cabinets into numbered folders.
fn intune(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let entry = |(name, bytes): TicketFile| {
        let cabinet = cab(last_part(&name), &bytes);
        let folder = "(71) FoldersFiles temp_MDMDiagnostics_mdmlogs-";
        Entry::from((format!("{folder}/mdmlogs-2025-06-03-08-20-00.cab"), cabinet))
    };
    let entries: Vec<Entry> = files.into_iter().map(entry).collect();
    vec![("DiagLogs-PC07-20250603T082000Z.zip".to_owned(), zip(&entries, false))]
}

/// An archive in which somebody protected one log.
fn half_encrypted(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let mut entries: Vec<Entry> = files.into_iter().map(Entry::from).collect();
    let closed = TicketFile::from(("server/Security.evtx".to_owned(), b"not to be read".to_vec()));
    entries.push(Entry { encrypted: true, ..Entry::from(closed) });
    vec![("logs.zip".to_owned(), zip(&entries, false))]
}

/// A log takes at least 68 KiB, mostly zeros: without a time in the header, so that the
/// bytes never differ.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("a preset");
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn tar(files: &[TicketFile]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("memory takes everything");
    }
    builder.into_inner().expect("memory takes everything")
}

fn seven(files: &[TicketFile]) -> Vec<u8> {
    use sevenz_rust2::{ArchiveEntry, ArchiveWriter};
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).expect("memory takes everything");
    for (name, bytes) in files {
        let entry = ArchiveEntry::new_file(name);
        writer.push_archive_entry(entry, Some(bytes.as_slice())).expect("memory takes everything");
    }
    writer.finish().expect("memory takes everything").into_inner()
}

/// A cabinet of one file. Its writer puts the current time into the entry, which is set
/// back (\[MS-CAB\] 2.3, CFFILE: date and time behind 10 bytes).
fn cab(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    builder.add_folder(cab::CompressionType::MsZip).add_file(name);
    let mut writer = builder.build(Cursor::new(Vec::new())).expect("one file");
    let mut entry = writer.next_file().expect("memory takes everything").expect("one file");
    entry.write_all(bytes).expect("memory takes everything");
    let mut cabinet = writer.finish().expect("memory takes everything").into_inner();
    let entries = u32::from_le_bytes(cabinet[16..20].try_into().expect("four bytes")) as usize;
    let (date, time) = ((2025_u16 - 1980) << 9 | 6 << 5 | 3, 8_u16 << 11 | 20 << 5);
    cabinet[entries + 10..entries + 12].copy_from_slice(&date.to_le_bytes());
    cabinet[entries + 12..entries + 14].copy_from_slice(&time.to_le_bytes());
    cabinet
}

/// An entry of a zip archive.
struct Entry {
    name: String,
    bytes: Vec<u8>,
    /// Said to be so: its bytes are no one's secret.
    encrypted: bool,
}

impl From<TicketFile> for Entry {
    fn from((name, bytes): TicketFile) -> Self {
        Self { name, bytes, encrypted: false }
    }
}

/// A zip archive by APPNOTE.TXT 6.3.10. With `large`, sizes and places stand in zip64
/// records, as tools write them that do not know beforehand how large an archive becomes.
fn zip(entries: &[Entry], large: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let packed = deflate(&entry.bytes);
        let at = out.len() as u64;
        let sizes = [entry.bytes.len() as u64, packed.len() as u64];
        let head = zip_head(entry, sizes, large);
        let extra = zip64_extra(&sizes, large);
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(entry.name.as_bytes());
        out.extend(extra);
        out.extend(packed);
        let extra = zip64_extra(&[sizes[0], sizes[1], at], large);
        directory.extend(b"PK\x01\x02\x2d\0");
        directory.extend(head);
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(short(at, large));
        directory.extend(entry.name.as_bytes());
        directory.extend(extra);
    }
    let (start, size, count) = (out.len() as u64, directory.len() as u64, entries.len() as u64);
    out.extend(directory);
    if large {
        let end = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(44_u64.to_le_bytes());
        out.extend([0x2d, 0, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend([count, count, size, start].into_iter().flat_map(u64::to_le_bytes));
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(end.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = if large { u16::MAX } else { count as u16 };
    out.extend([count, count].into_iter().flat_map(u16::to_le_bytes));
    out.extend(short(size, large));
    out.extend(short(start, large));
    out.extend([0, 0]);
    out
}

/// What both headers of an entry have in common: version, flags, method, 2025-06-03 08:20,
/// checksum, sizes, length of the name.
fn zip_head(entry: &Entry, [size, packed]: [u64; 2], large: bool) -> Vec<u8> {
    let flags = u16::from(entry.encrypted);
    let mut head = [0x2d, flags, 8, 0x4280, 0x5ac3].map(u16::to_le_bytes).concat();
    head.extend(crc32fast::hash(&entry.bytes).to_le_bytes());
    head.extend(short(packed, large));
    head.extend(short(size, large));
    head.extend((entry.name.len() as u16).to_le_bytes());
    head
}

/// A number of 32 bits, or the mark that it stands in the zip64 field.
fn short(value: u64, large: bool) -> [u8; 4] {
    if large { u32::MAX.to_le_bytes() } else { (value as u32).to_le_bytes() }
}

fn zip64_extra(values: &[u64], large: bool) -> Vec<u8> {
    if !large {
        return Vec::new();
    }
    let mut extra = [1, 8 * values.len() as u16].map(u16::to_le_bytes).concat();
    extra.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    extra
}
