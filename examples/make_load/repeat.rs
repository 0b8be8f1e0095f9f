//! A real log, repeated until it is large: its records are numbered on, and every round
//! is ten minutes later.

use crate::make_samples::evtx::file_header;
use crate::{CHUNK_LEN, FILE_HEADER_LEN};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};

const CHUNK_HEADER_LEN: usize = 512;
/// 100 ns.
const ROUND: u64 = 600 * 10_000_000;

pub(crate) fn repeat(log: &str, size: u64, file: &str) -> io::Result<()> {
    let bytes = fs::read(log)?;
    let chunks: Vec<&[u8]> = bytes
        .get(FILE_HEADER_LEN..)
        .unwrap_or_default()
        .chunks_exact(CHUNK_LEN)
        .filter(|chunk| chunk.starts_with(b"ElfChnk\0"))
        .collect();
    if chunks.is_empty() {
        return Err(io::Error::other(format!("{log} holds no whole chunk of an event log")));
    }
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(&[0; FILE_HEADER_LEN])?;
    let (mut record, mut written, mut later) = (1, 0, 0);
    while ((written * CHUNK_LEN) as u64) < size {
        for chunk in &chunks {
            let mut chunk = chunk.to_vec();
            record = renumber(&mut chunk, record, later);
            out.write_all(&chunk)?;
            written += 1;
        }
        later += ROUND;
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&file_header(written.min(0xffff), record))?;
    out.flush()
}

/// Gives the records of a chunk other numbers and times; returns the next number.
fn renumber(chunk: &mut [u8], first: u64, later: u64) -> u64 {
    let free = number(chunk, 48, 4);
    let end = usize::try_from(free).unwrap_or_default().min(CHUNK_LEN);
    let (mut at, mut id) = (CHUNK_HEADER_LEN, first);
    while at + 24 <= end && chunk[at..].starts_with(b"**\0\0") {
        let length = usize::try_from(number(chunk, at + 4, 4)).unwrap_or_default().max(28);
        let until = (at + length).min(end);
        let time = number(chunk, at + 16, 8);
        for (place, new) in [(at + 8, id), (at + 16, time.wrapping_add(later))] {
            let old: [u8; 8] = chunk[place..place + 8].try_into().expect("eight bytes");
            chunk[place..place + 8].copy_from_slice(&new.to_le_bytes());
            // The same number is a value of the record.
            let body = &mut chunk[at + 24..until];
            if let Some(copy) = body.windows(8).position(|window| window == old) {
                body[copy..copy + 8].copy_from_slice(&new.to_le_bytes());
            }
        }
        id += 1;
        at = until;
    }
    for (place, new) in [(8, first), (16, id - 1), (24, first), (32, id - 1)] {
        chunk[place..place + 8].copy_from_slice(&u64::to_le_bytes(new));
    }
    let records = crc32fast::hash(&chunk[CHUNK_HEADER_LEN..end]);
    chunk[52..56].copy_from_slice(&records.to_le_bytes());
    let mut header = crc32fast::Hasher::new();
    header.update(&chunk[..120]);
    header.update(&chunk[128..512]);
    chunk[124..128].copy_from_slice(&header.finalize().to_le_bytes());
    id
}

/// A little-endian number of that many bytes.
fn number(chunk: &[u8], at: usize, bytes: usize) -> u64 {
    chunk[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
