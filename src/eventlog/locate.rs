//! Where the chunks of a log are: by their signature, whatever the file header says.

use super::walk::{CHUNK_LEN, CHUNK_SIGNATURE, holds_records};
use crate::base::limits::MAX_ZEROS;
use crate::base::{Gap, is_zero, u16_at};
use crate::intake::ReadAt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

const FILE_HEADER_LEN: usize = 4096;
const FILE_SIGNATURE: &[u8] = b"ElfFile\0";

/// A chunk, or what is left of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// Byte offset in the file.
    pub(super) offset: u64,
    /// Bytes up to its end or to the next chunk, at most those of a chunk.
    pub(super) length: usize,
    /// Its header begins as that of a chunk does.
    pub(super) signed: bool,
}

/// What a log's file consists of.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// In the order of their offsets.
    pub(super) chunks: Vec<ChunkPlace>,
    pub(super) gaps: Vec<Gap>,
    /// Chunks that should be there and are not.
    pub(super) lost: u64,
}

/// What the file header says.
#[derive(Debug, Default)]
pub(super) struct FileHeader {
    /// Where the chunks begin.
    pub(super) chunks: u64,
    /// Where those end that it counts.
    announced: u64,
    pub(super) gaps: Vec<Gap>,
}

impl FileHeader {
    /// Chunks that the header counts and that the file, `length` bytes long, is too short
    /// for. One that is there in part tells itself.
    pub(super) fn missing(&self, file: &Arc<str>, length: u64) -> Option<(u64, Gap)> {
        let lost = self.announced.saturating_sub(length) / CHUNK_LEN as u64;
        let counted = (self.announced.saturating_sub(self.chunks)) / CHUNK_LEN as u64;
        let message = format!(
            "the file is cut: the last {lost} of the {counted} chunks that its header counts are \
             not there"
        );
        (lost > 0).then(|| (lost, Gap::at(file, length, message)))
    }
}

/// Reads the file header. A log without one begins with its first chunk.
pub(super) fn file_header(file: &Arc<str>, input: &ReadAt) -> io::Result<FileHeader> {
    let mut head = vec![0; FILE_HEADER_LEN];
    let got = input.read(0, &mut head)?;
    head.truncate(got);
    let mut header = FileHeader { chunks: FILE_HEADER_LEN as u64, ..FileHeader::default() };
    if head.starts_with(FILE_SIGNATURE) {
        if got < FILE_HEADER_LEN {
            let message =
                format!("the file ends inside its header: {got} of {FILE_HEADER_LEN} bytes");
            header.gaps.push(Gap::at(file, got as u64, message));
        }
        let chunks = u64::from(u16_at(&head, 42).unwrap_or_default());
        header.announced = header.chunks + chunks * CHUNK_LEN as u64;
        return Ok(header);
    }
    let message = "the file header is missing; chunks were read all the same";
    header.gaps.push(Gap::at(file, 0, message));
    // Overwritten, or cut off?
    if !is_signed(input, header.chunks) {
        header.chunks = 0;
    }
    Ok(header)
}

fn is_signed(input: &ReadAt, at: u64) -> bool {
    let mut signature = [0; CHUNK_SIGNATURE.len()];
    let got = input.read(at, &mut signature);
    got.is_ok_and(|got| signature.get(..got) == Some(CHUNK_SIGNATURE))
}

/// The places from an offset on where chunks stand in a log that nothing happened to.
pub(super) fn grid(from: u64, input: &ReadAt) -> impl Iterator<Item = ChunkPlace> {
    let length = input.length();
    (from..length).step_by(CHUNK_LEN).map(|offset| ChunkPlace {
        offset,
        length: CHUNK_LEN,
        signed: true,
    })
}

/// Finds the chunks from an offset on. Where none begins on the grid of 64 KiB, the
/// next one is searched by its signature at any offset.
pub(super) fn locate(
    file: &Arc<str>,
    input: &ReadAt,
    header: &FileHeader,
    from: u64,
) -> io::Result<Layout> {
    let mut search = Search {
        file,
        input,
        layout: Layout::default(),
        skipped: None,
        cell: Vec::new(),
        announced: header.announced,
    };
    let mut at = from;
    while at < input.length() {
        at = search.step(at)?;
        if search.zeros() > MAX_ZEROS {
            search.give_up(at);
            break;
        }
    }
    search.report_skipped();
    Ok(search.layout)
}

struct Search<'a> {
    file: &'a Arc<str>,
    input: &'a ReadAt,
    layout: Layout,
    /// Bytes that are no chunk, and whether all of them are zero.
    skipped: Option<(Range<u64>, bool)>,
    cell: Vec<u8>,
    /// Where the chunks end that the file header announces.
    announced: u64,
}

impl Search<'_> {
    /// Looks at one place and says where to look next.
    fn step(&mut self, at: u64) -> io::Result<u64> {
        if is_signed(self.input, at) {
            self.found(at, CHUNK_LEN, true);
            return Ok(at + CHUNK_LEN as u64);
        }
        // Seven bytes more, so that no signature hides on the border.
        let mut cell = std::mem::take(&mut self.cell);
        cell.resize(CHUNK_LEN + CHUNK_SIGNATURE.len() - 1, 0);
        let got = self.input.read(at, &mut cell)?;
        cell.truncate(got);
        let next = self.unsigned(at, &cell);
        self.cell = cell;
        Ok(next)
    }

    fn unsigned(&mut self, at: u64, cell: &[u8]) -> u64 {
        let length = cell.len().min(CHUNK_LEN);
        let next = memchr::memmem::find(cell, CHUNK_SIGNATURE);
        let own = cell.get(..next.unwrap_or(length).min(length)).unwrap_or_default();
        let end = at + own.len() as u64;
        if holds_records(own) {
            self.found(at, own.len(), false);
        } else {
            let zero = is_zero(own);
            match &mut self.skipped {
                Some((range, was_zero)) if range.end == at && *was_zero == zero => range.end = end,
                _ => {
                    self.report_skipped();
                    self.skipped = Some((at..end, zero));
                }
            }
        }
        end.max(at + 1)
    }

    fn found(&mut self, offset: u64, length: usize, signed: bool) {
        self.report_skipped();
        self.layout.chunks.push(ChunkPlace { offset, length, signed });
    }

    /// Zeros that were skipped one after the other.
    fn zeros(&self) -> u64 {
        match &self.skipped {
            Some((range, true)) => range.end - range.start,
            _ => 0,
        }
    }

    /// Tells that nobody looked behind so many zeros.
    fn give_up(&mut self, at: u64) {
        let (left, gib) = (self.input.length().saturating_sub(at), MAX_ZEROS >> 30);
        let message = format!(
            "more than {gib} GiB of zeros follow each other: the {left} bytes behind them were \
             not looked at"
        );
        self.layout.gaps.push(Gap::at(self.file, at, message));
    }

    /// Skipped bytes are a gap, but for the zeros of space that logs are created with.
    fn report_skipped(&mut self) {
        let Some((range, zero)) = self.skipped.take() else { return };
        let length = range.end - range.start;
        let message = if !zero {
            format!("{length} bytes that are no part of a chunk were skipped")
        } else if range.start < self.announced {
            format!("{length} bytes that the log should hold are all zeros")
        } else {
            return;
        };
        self.layout.lost += length.div_ceil(CHUNK_LEN as u64);
        self.layout.gaps.push(Gap::at(self.file, range.start, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Vec<u8> {
        let mut chunk = vec![0x11; CHUNK_LEN];
        chunk[..8].copy_from_slice(CHUNK_SIGNATURE);
        chunk
    }

    fn file(chunks: u16) -> Vec<u8> {
        let mut head = vec![0; FILE_HEADER_LEN];
        head[..8].copy_from_slice(FILE_SIGNATURE);
        head[42..44].copy_from_slice(&chunks.to_le_bytes());
        head
    }

    #[track_caller]
    fn check(bytes: Vec<u8>, offsets: &[u64], gaps: &[&str]) {
        let (file, input) = ("f".into(), ReadAt::Memory(bytes.into()));
        let header = file_header(&file, &input).unwrap();
        let mut layout = locate(&file, &input, &header, header.chunks).unwrap();
        layout.gaps.splice(0..0, header.gaps);
        let found: Vec<u64> = layout.chunks.iter().map(|place| place.offset).collect();
        assert_eq!(found, offsets);
        let told: Vec<String> = layout.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(told, gaps);
    }

    #[test]
    fn chunks_stand_on_a_grid_and_unused_space_is_no_gap() {
        check([file(2), chunk(), chunk(), vec![0; 100_000]].concat(), &[4096, 69_632], &[]);
    }

    #[test]
    fn a_file_header_may_be_zeroed_or_cut_off() {
        let gap = "f at byte 0: the file header is missing; chunks were read all the same";
        check([vec![0; 4096], chunk(), chunk()].concat(), &[4096, 69_632], &[gap]);
        check([chunk(), chunk()].concat(), &[0, 65_536], &[gap]);
    }

    #[test]
    fn behind_a_damage_the_next_chunk_is_found_at_any_offset() {
        check(
            [file(3), chunk(), vec![7; 1000], chunk()].concat(),
            &[4096, 70_632],
            &["f at byte 69632: 1000 bytes that are no part of a chunk were skipped"],
        );
        check(
            [file(3), chunk(), vec![0; CHUNK_LEN], chunk()].concat(),
            &[4096, 135_168],
            &["f at byte 69632: 65536 bytes that the log should hold are all zeros"],
        );
    }
}
