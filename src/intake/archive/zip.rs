//! Zip (PKWARE's APPNOTE.TXT 6.3.10): entries anywhere in the file, and a central
//! directory of them at its end. Entries are unpacked when they are read.

use super::super::read_at::ReadAt;
use super::collect::Collector;
use super::salvage::salvage;
use super::zip_entry::{CENTRAL_LEN, Entry, LOCAL, LOCAL_LEN, take};
use crate::base::{u16_at, u32_at, u64_at};
use std::collections::BTreeSet;

/// End of central directory record (4.3.16), without its comment.
const END_LEN: u64 = 22;

/// Zip64 end of central directory record (4.3.14) and its locator (4.3.15).
const END64_LEN: usize = 56;
const LOCATOR_LEN: u64 = 20;

const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";

/// Where the central directory is.
#[derive(Debug, Clone, Copy)]
struct Directory {
    start: u64,
    end: u64,
    /// Bytes before the archive: offsets count from behind them.
    before: u64,
    entries: u64,
}

/// Takes the entries of a zip archive.
pub(super) fn read(bytes: &ReadAt, collector: &mut Collector<'_>) {
    let (entries, whole) = match directory(bytes) {
        Some(directory) => central(bytes, directory, collector),
        None => {
            collector.gap(
                "its central directory is missing: the file is cut short or damaged; entries were looked for one by one",
            );
            (Vec::new(), false)
        }
    };
    let known: BTreeSet<u64> = entries.iter().map(|entry| entry.at).collect();
    let mut placed = Vec::new();
    for entry in entries {
        if collector.is_full() {
            return;
        }
        match data_start(bytes, &entry) {
            Ok(data) => placed.push((entry, data)),
            Err(why) => collector.refuse(&entry.name, why),
        }
    }
    for (entry, data) in without_overlaps(placed, collector) {
        if collector.is_full() {
            return;
        }
        take(&entry, data, bytes.length(), collector);
    }
    if !whole {
        salvage(bytes, &known, collector);
    }
}

/// Finds the central directory by the record at the end of the file, which may have a
/// comment of up to 64 KiB behind it.
fn directory(bytes: &ReadAt) -> Option<Directory> {
    let length = bytes.length();
    let tail_at = length.saturating_sub(END_LEN + u64::from(u16::MAX));
    let mut tail = vec![0; usize::try_from(length - tail_at).ok()?];
    let got = bytes.read(tail_at, &mut tail).ok()?;
    tail.truncate(got);
    let ends = memchr::memmem::rfind_iter(&tail, END);
    ends.filter_map(|at| {
        let end = tail.get(at..)?;
        // The comment fits, or something else looks like this record.
        let fits = end.len() as u64 >= END_LEN + u64::from(u16_at(end, 20)?);
        let at = tail_at + at as u64;
        fits.then(|| directory64(bytes, at).or_else(|| directory32(bytes, end, at))).flatten()
    })
    .next()
}

fn directory32(bytes: &ReadAt, end: &[u8], at: u64) -> Option<Directory> {
    let (size, offset) = (u32_at(end, 12)?.into(), u32_at(end, 16)?.into());
    place(bytes, at, size, offset, u16_at(end, 10)?.into())
}

fn directory64(bytes: &ReadAt, end: u64) -> Option<Directory> {
    let locator = read_exact(bytes, end.checked_sub(LOCATOR_LEN)?, 20)?;
    if !locator.starts_with(LOCATOR) {
        return None;
    }
    let told = u64_at(&locator, 8)?;
    // Something before the archive moves the record; it mostly stands before the locator.
    let near = end.checked_sub(LOCATOR_LEN + END64_LEN as u64)?;
    [told, near].into_iter().find_map(|at| {
        let record = read_exact(bytes, at, END64_LEN).filter(|record| record.starts_with(END64))?;
        place(bytes, at, u64_at(&record, 40)?, u64_at(&record, 48)?, u64_at(&record, 32)?)
    })
}

/// The directory that ends at a record, or stands where the record says.
fn place(bytes: &ReadAt, record: u64, size: u64, offset: u64, entries: u64) -> Option<Directory> {
    let behind = record.checked_sub(size).filter(|start| *start >= offset);
    let found = |start: &u64| {
        entries == 0 || read_exact(bytes, *start, 4).is_some_and(|magic| magic == CENTRAL)
    };
    let start = behind.filter(found).or(Some(offset).filter(found))?;
    let end = start.checked_add(size)?.min(record.max(start));
    Some(Directory { start, end, before: start - offset, entries })
}

/// The entries of the central directory, and whether that is all of them.
fn central(
    bytes: &ReadAt,
    directory: Directory,
    collector: &mut Collector<'_>,
) -> (Vec<Entry>, bool) {
    let mut entries = Vec::new();
    let mut at = directory.start;
    // Each turn consumes at least a header.
    while at < directory.end {
        let header = read_exact(bytes, at, CENTRAL_LEN).filter(|head| head.starts_with(CENTRAL));
        let entry = header.and_then(|header| Entry::central(bytes, at, &header));
        let Some((mut entry, next)) = entry else { break };
        entry.at = entry.at.saturating_add(directory.before);
        entries.push(entry);
        at = next;
        if entries.len() as u64 > collector.purse.budget.entries {
            break;
        }
    }
    // The record has 16 bits for the number where there is none of 64.
    let (listed, told) = (entries.len() as u64, directory.entries);
    let whole = listed == told || (listed & 0xffff == told && at >= directory.end);
    if !whole && listed <= collector.purse.budget.entries {
        collector.gap_at(
            at,
            format!("the central directory is damaged: {listed} of {told} entries are listed; others were looked for one by one"),
        );
    }
    (entries, whole || listed > collector.purse.budget.entries)
}

/// Where the data of an entry begin: behind its local header, whose name and extra
/// fields may differ in length from those of the directory.
fn data_start(bytes: &ReadAt, entry: &Entry) -> Result<u64, String> {
    let place = entry.at;
    if entry.other_disk {
        return Err("it is in another part of a split archive: give all parts as one file".into());
    }
    let header = read_exact(bytes, place, LOCAL_LEN).filter(|header| header.starts_with(LOCAL));
    let behind = header.as_deref().and_then(|header| {
        Some(LOCAL_LEN as u64 + u64::from(u16_at(header, 26)?) + u64::from(u16_at(header, 28)?))
    });
    let data = behind.and_then(|behind| place.checked_add(behind));
    data.filter(|data| *data <= bytes.length()).ok_or_else(|| {
        format!("no entry is at byte {place} of the archive, where its directory has it")
    })
}

/// The entries, in the order of the directory, that do not lie in each other. Only a bomb
/// has others: they are refused.
fn without_overlaps(placed: Vec<(Entry, u64)>, collector: &mut Collector<'_>) -> Vec<(Entry, u64)> {
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by_key(|index| placed.get(*index).map(|(entry, _)| entry.at));
    let mut overlapping = BTreeSet::new();
    let mut end = 0;
    for index in order {
        let Some((entry, data)) = placed.get(index) else { continue };
        if entry.at < end {
            overlapping.insert(index);
        } else {
            end = data.saturating_add(entry.packed);
        }
    }
    let mut apart = Vec::new();
    for (index, (entry, data)) in placed.into_iter().enumerate() {
        if overlapping.contains(&index) {
            let place = entry.at;
            collector.refuse(&entry.name, format!("it lies inside another entry, as only a bomb's do (at byte {place} of the archive)"));
        } else {
            apart.push((entry, data));
        }
    }
    apart
}

/// So many bytes from an offset on.
pub(super) fn read_exact(bytes: &ReadAt, at: u64, length: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; length];
    (bytes.read(at, &mut buffer).ok()? == length).then_some(buffer)
}
