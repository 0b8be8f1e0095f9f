//! 7z: blocks of entries that are compressed together, so each block is read once, from
//! start to end. The format is in 7zFormat.txt of the LZMA SDK; sevenz-rust2 reads it.

use super::super::budget::Guard;
use super::super::read_at::{Cursor, ReadAt};
use super::collect::Collector;
use crate::base::Metered;
use crate::base::limits::MAX_DICTIONARY;
use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, EncoderMethod, Error, Password};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ENCRYPTED: &str = "is encrypted: unpack it with its password and give the folder";

/// Takes the entries of a 7z archive.
pub(super) fn read(bytes: &ReadAt, collector: &mut Collector<'_>) {
    let mut cursor = Cursor::new(bytes.clone());
    let archive = match Archive::read(&mut cursor, &Password::empty()) {
        Ok(archive) => archive,
        Err(error) => return collector.gap(why_unreadable(&error)),
    };
    let meter = Count {
        packed: Arc::new(AtomicU64::new(bytes.length())),
        given: Arc::default(),
        limit: collector.purse.left(),
    };
    for index in 0..archive.blocks.len() {
        block(&archive, index, &mut cursor, &meter, collector);
    }
    collector.purse.pay(meter.given.load(Ordering::Relaxed));
    // Entries without data are in no block.
    let blocks = &archive.stream_map.file_block_index;
    for (entry, block) in archive.files.iter().zip(blocks) {
        if block.is_none() && !collector.is_full() {
            pass(entry, &mut io::empty(), collector);
        }
    }
}

/// What is read of one archive, all blocks together.
struct Count {
    packed: Arc<AtomicU64>,
    given: Arc<AtomicU64>,
    limit: u64,
}

fn why_unreadable(error: &Error) -> String {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => ENCRYPTED.to_owned(),
        Error::UnsupportedCompressionMethod(name) if name.starts_with("AES") => {
            ENCRYPTED.to_owned()
        }
        error => format!("its directory cannot be read: {error}"),
    }
}

/// Takes the entries of one block.
fn block(
    archive: &Archive,
    index: usize,
    cursor: &mut Cursor,
    count: &Count,
    collector: &mut Collector<'_>,
) {
    let password = Password::empty();
    let decoder = BlockDecoder::new(1, index, archive, &password, cursor);
    let start = archive.stream_map.block_first_file_index.get(index).copied().unwrap_or_default();
    let entries = archive.files.get(start..start + decoder.entry_count()).unwrap_or_default();
    let refused = archive.blocks.get(index).and_then(why_refused);
    let mut seen = 0;
    let mut problem = refused;
    if problem.is_none() {
        let read = decoder.for_each_entries(&mut |entry: &ArchiveEntry, bytes: &mut dyn Read| {
            seen += 1;
            if collector.is_full() {
                return Ok(false);
            }
            let mut broken = None;
            let inner = Watched { bytes, broken: &mut broken };
            let bytes = Metered::new(inner, &collector.purse.meter);
            let mut bytes = Guard::shared(
                bytes,
                Arc::clone(&count.packed),
                Arc::clone(&count.given),
                count.limit,
                collector.purse.budget,
            );
            pass(entry, &mut bytes, collector);
            let rest = io::copy(&mut bytes, &mut io::sink());
            problem = broken.or(rest.err().map(|error| lost(&error)));
            Ok(problem.is_none())
        });
        problem = problem.or(read.err().map(|error| lost(&error)));
    }
    if let Some(problem) = problem {
        for entry in entries.iter().skip(seen).filter(|entry| !entry.is_directory()) {
            collector.refuse(entry.name(), problem.as_str());
        }
    }
}

/// Ends where reading fails. A wrong checksum is the entry's own; behind broken data
/// nothing follows, and the decoder is not asked again.
struct Watched<'b> {
    bytes: &'b mut dyn Read,
    broken: &'b mut Option<String>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.broken.is_some() {
            return Ok(0);
        }
        self.bytes.read(buffer).inspect_err(|error| {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            if !matches!(cause, Some(Error::ChecksumVerificationFailed)) {
                *self.broken = Some(lost(error));
            }
        })
    }
}

fn lost(error: &dyn std::fmt::Display) -> String {
    format!("cannot be unpacked, nor what is compressed together with it: {error}")
}

fn pass(entry: &ArchiveEntry, bytes: &mut dyn Read, collector: &mut Collector<'_>) {
    // p7zip keeps the Unix mode in the upper half, and says so with this bit.
    let attributes = entry.windows_attributes();
    let mode = if attributes & 0x8000 != 0 { attributes >> 28 } else { 0 };
    // FILE_ATTRIBUTE_REPARSE_POINT: a link of Windows.
    if !matches!(mode, 0 | 4 | 8) || attributes & 0x400 != 0 {
        collector.refuse(entry.name(), "a link or special file, not followed");
    } else if !entry.is_directory() && !entry.is_anti_item() {
        collector.pass(entry.name(), bytes);
    }
}

/// Why no entry of a block can be read.
fn why_refused(block: &Block) -> Option<String> {
    block.coders.iter().find_map(|coder| {
        let (id, properties) = (coder.encoder_method_id(), coder.properties());
        if id == EncoderMethod::ID_AES256_SHA256 {
            return Some(ENCRYPTED.to_owned());
        }
        let needs = memory(id, properties)?;
        (needs > u64::from(MAX_DICTIONARY))
            .then(|| format!("needs {needs} bytes of memory to be unpacked: unpack it"))
    })
}

/// Bytes that a decoder needs to look back.
fn memory(id: &[u8], properties: &[u8]) -> Option<u64> {
    match id {
        // One byte, and a number of 32 bits.
        EncoderMethod::ID_LZMA | EncoderMethod::ID_PPMD => {
            let (_, rest) = properties.split_first()?;
            Some(u32::from_le_bytes(*rest.first_chunk()?).into())
        }
        // 2 or 3, shifted.
        EncoderMethod::ID_LZMA2 => {
            let bits = u32::from(*properties.first()?);
            Some(u64::from(2 | bits & 1) << (bits / 2 + 11).min(40))
        }
        _ => None,
    }
}
