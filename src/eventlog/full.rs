//! Full decoding of chosen records by the `evtx` crate.
//!
//! The crate builds every record on its way, wanted or not. So it is given a copy of
//! the chunk in which the records between the chosen ones are bridged: each run of
//! them has become one empty record. Their definitions and names, to which chosen
//! records may refer, stay where they are.

use super::walk::{CHUNK_HEADER_LEN, CHUNK_LEN, CHUNK_SIGNATURE, RawRecord};
use evtx::{EvtxChunkData, ParserSettings};
use serde_json::Value;
use std::sync::Arc;

/// Offsets of the tables of names and definitions in the chunk header. They speed up
/// look-ups; names are found without them.
const TABLES: std::ops::Range<usize> = 128..CHUNK_HEADER_LEN;
/// A bridge is a record header, one token and the copy of the size. Definitions begin
/// further behind the start of a record than that.
const SMALLEST_BRIDGE: usize = 29;

/// The JSON of each chosen record of a chunk, or why there is none; in their order,
/// which is that of their offsets.
pub(super) fn decode(chunk: &[u8], chosen: &[RawRecord]) -> Vec<Result<Value, String>> {
    let decoded = decode_with_tables(chunk, chosen, true);
    // A damaged name table makes the crate refuse the chunk.
    decoded
        .or_else(|_| decode_with_tables(chunk, chosen, false))
        .unwrap_or_else(|error| chosen.iter().map(|_| Err(error.clone())).collect())
}

fn decode_with_tables(
    chunk: &[u8],
    chosen: &[RawRecord],
    tables: bool,
) -> Result<Vec<Result<Value, String>>, String> {
    let mut bytes = chunk.to_vec();
    bytes.resize(CHUNK_LEN.max(chunk.len()), 0);
    let bridges = bridge(&mut bytes, chosen);
    if !tables {
        bytes.get_mut(TABLES).unwrap_or_default().fill(0);
    }
    let mut data = EvtxChunkData::new(bytes, false).map_err(|error| error.to_string())?;
    let mut chunk =
        data.parse(Arc::new(ParserSettings::default())).map_err(|error| error.to_string())?;
    let mut records = chunk.iter();
    let mut decoded = Vec::with_capacity(chosen.len());
    for bridged in bridges {
        if bridged {
            let _ = records.next();
        }
        decoded.push(match records.next() {
            Some(Ok(record)) => {
                record.into_json_value().map(|json| json.data).map_err(|error| why(&error))
            }
            Some(Err(error)) => Err(why(&error)),
            None => Err("the record cannot be found".to_owned()),
        });
    }
    Ok(decoded)
}

/// The innermost reason.
fn why(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Bridges what lies between the chosen records, and says of each whether something
/// comes before it. The header is made to agree. Torn bytes that are too few for a
/// bridge are an error of the crate, which goes on at the next record.
fn bridge(chunk: &mut [u8], chosen: &[RawRecord]) -> Vec<bool> {
    let mut at = CHUNK_HEADER_LEN;
    let mut bridges = Vec::with_capacity(chosen.len());
    for record in chosen {
        let gap = record.offset.saturating_sub(at);
        if gap >= SMALLEST_BRIDGE {
            let length = u32::try_from(gap).unwrap_or(u32::MAX).to_le_bytes();
            put(chunk, at, b"**\0\0");
            put(chunk, at + 4, &length);
            // Number and time, then EndOfStream: the record holds nothing.
            put(chunk, at + 8, &[0; 17]);
            put(chunk, record.offset - 4, &length);
        }
        bridges.push(gap > 0);
        at = record.offset + record.length;
    }
    put(chunk, 0, CHUNK_SIGNATURE);
    put(chunk, 48, &u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
    // The walk ends at the free space, and every record number is the chunk's.
    put(chunk, 24, &0_u64.to_le_bytes());
    put(chunk, 32, &u64::MAX.to_le_bytes());
    put(chunk, 44, &u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
    bridges
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}
