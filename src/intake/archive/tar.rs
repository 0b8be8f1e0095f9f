//! Tar: headers of 512 bytes with the data of an entry behind each (POSIX.1-2001 ustar
//! and pax, and what GNU tar adds). Entries of a tar on disk stay there; of a compressed
//! one they are kept on the way.

use super::super::budget::Guard;
use super::super::codec::{Bytes, Codec};
use super::super::origin::Packed;
use super::super::read_at::{Cursor, ReadAt};
use super::collect::Collector;
use super::tar_header::{BLOCK, Header, Kind, Next};
use crate::base::limits::MAX_ENTRY_NAME;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a tar archive is read from.
enum Tape {
    Disk(Cursor),
    /// With the number of bytes that were read.
    Stream(Guard, Arc<AtomicU64>),
}

impl Tape {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Disk(cursor) => cursor,
            Self::Stream(guard, _) => guard,
        }
    }

    fn at(&self) -> u64 {
        match self {
            Self::Disk(cursor) => cursor.at,
            Self::Stream(_, given) => given.load(Ordering::Relaxed),
        }
    }

    /// Goes to an offset that lies ahead; false when the archive ends before it.
    fn go(&mut self, to: u64) -> io::Result<bool> {
        match self {
            Self::Disk(cursor) => {
                cursor.seek(SeekFrom::Start(to))?;
                Ok(to <= cursor.bytes.length())
            }
            Self::Stream(guard, given) => {
                let ahead = to.saturating_sub(given.load(Ordering::Relaxed));
                Ok(io::copy(&mut guard.take(ahead), &mut io::sink())? == ahead)
            }
        }
    }

    /// The next block, or less at the end.
    fn block(&mut self) -> io::Result<Vec<u8>> {
        let mut block = Vec::with_capacity(BLOCK);
        self.reader().take(BLOCK as u64).read_to_end(&mut block)?;
        Ok(block)
    }
}

/// Takes the entries of a tar archive that can be read from anywhere.
pub(super) fn read(bytes: &ReadAt, collector: &mut Collector<'_>) {
    walk(Tape::Disk(Cursor::new(bytes.clone())), collector);
}

/// Takes the entries of a tar archive that is unpacked on the way, up to so many bytes;
/// gives the count of bytes that were read.
pub(super) fn read_stream(
    bytes: Bytes,
    limit: u64,
    collector: &mut Collector<'_>,
) -> Arc<AtomicU64> {
    // How fast it grows is watched where it is decompressed.
    let packed = Arc::new(AtomicU64::new(u64::MAX));
    let guard = Guard::new(bytes, packed, limit, collector.purse.budget);
    let given = guard.given();
    walk(Tape::Stream(guard, Arc::clone(&given)), collector);
    given
}

fn walk(mut tape: Tape, collector: &mut Collector<'_>) {
    match entries(&mut tape, collector) {
        Ok(()) => {}
        Err(error) => collector
            .gap_at(tape.at(), format!("reading stopped: {error}; the entries behind it are lost")),
    }
}

/// Reads header after header. Behind damage, the next block that is a header counts.
fn entries(tape: &mut Tape, collector: &mut Collector<'_>) -> io::Result<()> {
    let mut next = Next::default();
    let mut ended = false;
    let mut damage: Option<u64> = None;
    // Each turn consumes a block.
    while !collector.is_full() {
        let at = tape.at();
        let block = tape.block()?;
        if block.len() < BLOCK {
            break;
        }
        if block.iter().all(|byte| *byte == 0) {
            ended = true;
            continue;
        }
        let Some(header) = Header::parse(&block) else {
            damage.get_or_insert(at);
            continue;
        };
        if let Some(start) = damage.take() {
            skipped(start, at, collector);
        }
        ended = false;
        if !entry(tape, &header, &mut next, collector)? {
            return Ok(());
        }
    }
    if let Some(start) = damage {
        skipped(start, tape.at(), collector);
    } else if !ended && !collector.is_full() {
        collector
            .gap_at(tape.at(), "the archive ends without its end mark: entries may be missing");
    }
    Ok(())
}

fn skipped(start: u64, end: u64, collector: &mut Collector<'_>) {
    let message = format!("no header of an entry: {} bytes were skipped", end - start);
    collector.gap_at(start, message);
}

/// Reads one entry and goes behind it; false when nothing follows.
fn entry(
    tape: &mut Tape,
    header: &Header,
    next: &mut Next,
    collector: &mut Collector<'_>,
) -> io::Result<bool> {
    let data = tape.at();
    if header.kind == Kind::Description {
        let mut text = Vec::new();
        tape.reader().take(header.size.min(MAX_ENTRY_NAME)).read_to_end(&mut text)?;
        next.learn(header, &text);
    } else {
        let (name, size, kind) = next.take(header);
        member(tape, kind, &name, size, collector);
        return behind(tape, data, size, &name, collector);
    }
    behind(tape, data, header.size, &header.name, collector)
}

fn member(tape: &mut Tape, kind: Kind, name: &str, size: u64, collector: &mut Collector<'_>) {
    match kind {
        Kind::Folder | Kind::Description => {}
        Kind::Special => collector.refuse(name, "a link or special entry, not followed"),
        Kind::Sparse => collector.refuse(name, "a sparse entry, not read: unpack it"),
        Kind::File => match tape {
            Tape::Disk(cursor) => {
                let budget = collector.purse.budget;
                // What an archive that was cut short does not have is not paid for.
                let size = size.min(cursor.bytes.length().saturating_sub(cursor.at));
                let packed = Packed {
                    of: collector.archive.clone(),
                    from: cursor.at,
                    length: size,
                    codec: Codec::Stored,
                    expect: None,
                    limit: budget.unpacked,
                    budget,
                };
                collector.lazy(name, packed, size);
            }
            Tape::Stream(guard, _) => {
                collector.pass(name, &mut guard.take(size));
            }
        },
    }
}

/// Goes behind the data of an entry, which fill whole blocks.
fn behind(
    tape: &mut Tape,
    data: u64,
    size: u64,
    name: &str,
    collector: &mut Collector<'_>,
) -> io::Result<bool> {
    let end = size.checked_next_multiple_of(BLOCK as u64).and_then(|size| data.checked_add(size));
    let whole = match end {
        Some(end) => tape.go(end)?,
        None => false,
    };
    if !whole {
        let message = format!("the archive ends inside {}", super::label::clean(name));
        collector.gap_at(tape.at(), message);
    }
    Ok(whole)
}
