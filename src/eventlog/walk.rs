//! The records of a chunk, found by their headers.

use crate::base::{is_zero, u32_at, u64_at};
use std::ops::Range;

/// Bytes of a chunk header; the first record follows.
pub(super) const CHUNK_HEADER_LEN: usize = 512;
/// Bytes of a chunk.
pub(super) const CHUNK_LEN: usize = 65_536;
/// Signature (4 bytes), size (4), record id (8), FILETIME (8).
pub(super) const RECORD_HEADER_LEN: usize = 24;
/// Header, one token, and the copy of the size that ends a record.
const SMALLEST_RECORD: usize = RECORD_HEADER_LEN + 4;

pub(super) const CHUNK_SIGNATURE: &[u8] = b"ElfChnk\0";
const RECORD_SIGNATURE: &[u8] = b"**\0\0";

/// A record as its header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawRecord {
    /// Offset in the chunk.
    pub(super) offset: usize,
    /// Bytes, header and trailing size included.
    pub(super) length: usize,
    pub(super) id: u64,
    /// 100 ns since 1601, UTC.
    pub(super) filetime: u64,
}

impl RawRecord {
    /// Where the tokens begin.
    pub(super) fn body(&self) -> usize {
        self.offset + RECORD_HEADER_LEN
    }

    /// Where the tokens end.
    pub(super) fn end(&self) -> usize {
        self.offset + self.length - 4
    }
}

/// Whether the trailing copy of the size must agree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The record stands where one must.
    Place,
    /// It was found by its signature.
    Copy,
}

fn record_at(chunk: &[u8], offset: usize, proof: Proof) -> Option<RawRecord> {
    let header = chunk.get(offset..offset + RECORD_HEADER_LEN)?;
    if !header.starts_with(RECORD_SIGNATURE) {
        return None;
    }
    let length = usize::try_from(u32_at(header, 4)?).ok()?;
    if length < SMALLEST_RECORD || chunk.len() - offset < length {
        return None;
    }
    let sound = proof == Proof::Place || u32_at(chunk, offset + length - 4) == u32_at(header, 4);
    let record =
        RawRecord { offset, length, id: u64_at(header, 8)?, filetime: u64_at(header, 16)? };
    sound.then_some(record)
}

/// The next record at or behind `from` whose size is written at both its ends.
fn find_record(chunk: &[u8], mut from: usize, until: usize) -> Option<RawRecord> {
    let until = until.min(chunk.len());
    while let Some(hit) = memchr::memmem::find(chunk.get(from..until)?, RECORD_SIGNATURE) {
        if let Some(record) = record_at(chunk, from + hit, Proof::Copy) {
            return Some(record);
        }
        from += hit + 1;
    }
    None
}

/// What a chunk consists of.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The records that are the log's, in their order.
    pub(super) live: Vec<RawRecord>,
    /// Records that stand in the space behind them: of an earlier use of the chunk.
    pub(super) slack: Vec<RawRecord>,
    /// Parts of the log's area that are no record.
    pub(super) torn: Vec<Range<usize>>,
    /// Live records that the chunk header does not know of yet.
    pub(super) unannounced: u64,
}

/// Walks a chunk from record to record. Behind a part that is no record the walk
/// goes on at the next one.
pub(super) fn walk(chunk: &[u8]) -> Walk {
    let expected = announced_records(chunk).and_then(|count| usize::try_from(count).ok());
    let live = Vec::with_capacity(expected.unwrap_or_default());
    let mut walk = Walk { live, ..Walk::default() };
    let announced = announced_end(chunk);
    let end = announced.unwrap_or(chunk.len());
    let mut at = CHUNK_HEADER_LEN;
    while at < end {
        if let Some(record) = record_at(chunk, at, Proof::Place) {
            at += record.length;
            walk.live.push(record);
            continue;
        }
        let next = find_record(chunk, at, end);
        let stop = next.map_or(end, |record| record.offset);
        // Zeros up to the end are space that was never written.
        let blank = next.is_none() && chunk.get(at..stop).is_some_and(is_zero);
        if !blank && announced.is_some() || next.is_some() {
            walk.torn.push(at..stop);
        }
        at = stop;
    }
    behind(chunk, at.max(CHUNK_HEADER_LEN), &mut walk);
    walk
}

/// What stands behind the end that the header knows: first records that follow in
/// number, which the header of a log in use does not count yet; then what is left of
/// an earlier use.
fn behind(chunk: &[u8], mut at: usize, walk: &mut Walk) {
    while let (Some(last), Some(record)) = (walk.live.last(), record_at(chunk, at, Proof::Copy)) {
        if Some(record.id) != last.id.checked_add(1) || record.filetime < last.filetime {
            break;
        }
        at += record.length;
        walk.unannounced += 1;
        walk.live.push(record);
    }
    while let Some(record) = find_record(chunk, at, chunk.len()) {
        at = record.offset + record.length;
        walk.slack.push(record);
    }
}

/// Whether the bytes begin like a chunk, or hold a record where a chunk's first one
/// stands or anywhere behind it.
pub(super) fn holds_records(cell: &[u8]) -> bool {
    record_at(cell, CHUNK_HEADER_LEN, Proof::Copy).is_some()
        || find_record(cell, CHUNK_HEADER_LEN, cell.len()).is_some()
}

/// Where the chunk header says that the records end; `None` where it says nothing
/// sound.
pub(super) fn announced_end(chunk: &[u8]) -> Option<usize> {
    let end = usize::try_from(u32_at(chunk, 48)?).ok()?;
    let sound = chunk.starts_with(CHUNK_SIGNATURE) && (CHUNK_HEADER_LEN..=CHUNK_LEN).contains(&end);
    sound.then_some(end.min(chunk.len()))
}

/// How many records the chunk header announces, by its record numbers; `None` where
/// it says nothing sound.
pub(super) fn announced_records(chunk: &[u8]) -> Option<u64> {
    let count = u64_at(chunk, 16)?.checked_sub(u64_at(chunk, 8)?)?.checked_add(1)?;
    let fit = (CHUNK_LEN / SMALLEST_RECORD) as u64;
    (chunk.starts_with(CHUNK_SIGNATURE) && count <= fit).then_some(count)
}

/// Whether the checksums of the chunk header hold; logs may be written without any.
pub(super) fn checksums_hold(chunk: &[u8]) -> bool {
    const WITHOUT_CHECKSUMS: u32 = 4;
    if u32_at(chunk, 120).is_some_and(|flags| flags & WITHOUT_CHECKSUMS != 0) {
        return true;
    }
    let end = u32_at(chunk, 48).and_then(|end| usize::try_from(end).ok());
    let records = end.and_then(|end| chunk.get(CHUNK_HEADER_LEN..end));
    let of_header = || {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(chunk.get(..120)?);
        hasher.update(chunk.get(128..512)?);
        Some(hasher.finalize())
    };
    u32_at(chunk, 52) == records.map(crc32fast::hash) && u32_at(chunk, 124) == of_header()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(id: u64, length: u32) -> Vec<u8> {
        let mut bytes = RECORD_SIGNATURE.to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(id.to_le_bytes());
        bytes.extend(id.to_le_bytes());
        bytes.resize(length as usize - 4, 0x55);
        bytes.extend(length.to_le_bytes());
        bytes
    }

    /// A chunk whose header knows the first `known` of the records.
    fn chunk(records: &[Vec<u8>], known: usize) -> Vec<u8> {
        let mut bytes = vec![0; CHUNK_HEADER_LEN];
        bytes[..8].copy_from_slice(CHUNK_SIGNATURE);
        let end = CHUNK_HEADER_LEN + records[..known].concat().len();
        bytes[48..52].copy_from_slice(&u32::try_from(end).unwrap().to_le_bytes());
        bytes.extend(records.concat());
        bytes.resize(CHUNK_LEN, 0);
        bytes
    }

    fn ids(records: &[RawRecord]) -> Vec<u64> {
        records.iter().map(|record| record.id).collect()
    }

    #[test]
    fn records_behind_the_announced_end_are_live_while_they_follow_in_number() {
        let records = [1, 2, 3, 4, 90, 91].map(|id| record(id, 64));
        let walk = walk(&chunk(&records, 2));
        assert_eq!(ids(&walk.live), [1, 2, 3, 4]);
        assert_eq!((walk.unannounced, ids(&walk.slack)), (2, vec![90, 91]));
        assert!(walk.torn.is_empty());
    }

    #[test]
    fn behind_a_torn_record_the_walk_goes_on() {
        let mut bytes = chunk(&[1, 2, 3].map(|id| record(id, 64)), 3);
        // The second record's size is zeroed.
        bytes[CHUNK_HEADER_LEN + 64 + 4..][..4].fill(0);
        let walk = walk(&bytes);
        assert_eq!(ids(&walk.live), [1, 3]);
        assert_eq!(walk.torn.len(), 1);
        assert_eq!(walk.torn[0], CHUNK_HEADER_LEN + 64..CHUNK_HEADER_LEN + 128);
    }

    #[test]
    fn a_lost_header_does_not_lose_the_records() {
        let mut bytes = chunk(&[1, 2].map(|id| record(id, 64)), 2);
        bytes[..CHUNK_HEADER_LEN].fill(0);
        assert!(holds_records(&bytes));
        let walk = walk(&bytes);
        assert_eq!(ids(&walk.live), [1, 2]);
        assert!(walk.torn.is_empty());
    }

    proptest! {
        #[test]
        fn no_chunk_panics_and_no_two_records_overlap(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..3000),
            starts in proptest::collection::vec((0..2900_usize, 0..200_u32), 0..20),
        ) {
            for (start, length) in starts {
                if let Some(place) = bytes.get_mut(start..start + 8) {
                    place[..4].copy_from_slice(RECORD_SIGNATURE);
                    place[4..].copy_from_slice(&length.to_le_bytes());
                }
            }
            let walk = walk(&bytes);
            let mut end = 0;
            for record in walk.live.iter().chain(&walk.slack) {
                prop_assert!(record.offset >= end && record.length >= SMALLEST_RECORD);
                end = record.offset + record.length;
            }
            prop_assert!(end <= bytes.len());
            let _ = (holds_records(&bytes), checksums_hold(&bytes), announced_records(&bytes));
        }
    }
}
