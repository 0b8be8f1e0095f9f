//! The buffers of a trace: `WMI_BUFFER_HEADER` (ntetw.h of the Windows headers) and
//! what was in use behind it. Every processor fills buffers of its own; the file has
//! them in the order in which they became full, and a circular file begins anywhere.

use super::super::Gaps;
use super::super::input::Order;
use crate::base::counted;
use crate::base::limits::{MAX_ETL_BUFFERS, MAX_ETL_PROCESSORS};
use crate::intake::ReadAt;
use std::collections::BTreeMap;
use std::io;

pub(super) const HEADER_LEN: usize = 72;

/// Sizes of buffers that are believed, in bytes: Windows allows 1 KiB to 16 MiB.
const SIZES: std::ops::RangeInclusive<u32> = 1 << 10..=1 << 25;

/// `ETW_BUFFER_FLAG_COMPRESSED`.
const COMPRESSED: u16 = 0x40;

/// The header of a buffer.
#[derive(Debug, Clone, Copy)]
struct Header {
    size: u32,
    /// Where the part in use ends, from the start of the buffer: Offset, which is set
    /// when a buffer is written; then SavedOffset, CurrentOffset.
    ends: [u32; 3],
    sequence: u64,
    processor: u32,
    compressed: bool,
}

impl Header {
    fn parse(head: &[u8; HEADER_LEN]) -> Option<Self> {
        let word = |at| Order::LITTLE.u32(head, at);
        let size = word(0).filter(|size| SIZES.contains(size) && size.is_multiple_of(1024))?;
        Some(Self {
            size,
            ends: [word(48)?, word(4)?, word(8)?],
            sequence: Order::LITTLE.u64(head, 24)?,
            // ClientContext: processor and session, which in a merged trace are several.
            processor: word(40)?,
            compressed: Order::LITTLE.u16(head, 52)? & COMPRESSED != 0,
        })
    }
}

/// A buffer that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    /// Where its events begin, from the start of the file.
    pub(super) start: u64,
    /// Where they end.
    pub(super) end: u64,
    /// Grows with every buffer that the session wrote.
    sequence: u64,
}

/// The buffers of a trace, by processor and in the order in which they were written.
pub(super) type Processors = BTreeMap<u32, Vec<Buffer>>;

/// Looks at the headers of all buffers. `usual` is the size that the trace says they
/// have, in bytes.
///
/// # Errors
/// What the operating system says.
pub(super) fn survey(input: &ReadAt, usual: u32, gaps: &mut Gaps) -> io::Result<Processors> {
    let usual = u64::from(usual.clamp(*SIZES.start(), *SIZES.end()));
    let mut survey = Survey { input, usual, gaps, processors: BTreeMap::new(), left_out: 0 };
    survey.walk()?;
    let Survey { mut processors, left_out, .. } = survey;
    if left_out > 0 {
        let buffers = counted(left_out, "buffer");
        gaps.push_for_file(format!(
            "more than {MAX_ETL_PROCESSORS} processors: {buffers} of the others were left out"
        ));
    }
    for buffers in processors.values_mut() {
        buffers.sort_by_key(|buffer| buffer.sequence);
    }
    Ok(processors)
}

struct Survey<'a> {
    input: &'a ReadAt,
    usual: u64,
    gaps: &'a mut Gaps,
    processors: Processors,
    /// Buffers of processors beyond the budget.
    left_out: u64,
}

impl Survey<'_> {
    fn walk(&mut self) -> io::Result<()> {
        let length = self.input.length();
        let (mut at, mut unwritten, mut hole) = (0, 0, None);
        for _ in 0..MAX_ETL_BUFFERS {
            if at >= length {
                break;
            }
            let head = self.head(at)?;
            let Some(header) = head.as_ref().and_then(Header::parse) else {
                // A circular file may have its full size before it is full.
                if head.is_some_and(|head| head.iter().all(|byte| *byte == 0)) {
                    unwritten += 1;
                } else {
                    hole.get_or_insert(at);
                }
                at += self.usual;
                continue;
            };
            self.end_hole(hole.take(), at);
            let size = self.size(at, header)?;
            self.take(at, size, header);
            at += size;
        }
        self.end_hole(hole, at.min(length));
        if at < length {
            let message = format!("more than {MAX_ETL_BUFFERS} buffers: the rest was left out");
            self.gaps.push(at, message);
        }
        if unwritten > 0 {
            let buffers = counted(unwritten, "buffer");
            self.gaps.push_for_file(format!("{buffers} of the trace were never written"));
        }
        Ok(())
    }

    /// The bytes of a header; `None` where the file ends before.
    fn head(&self, at: u64) -> io::Result<Option<[u8; HEADER_LEN]>> {
        let mut head = [0; HEADER_LEN];
        let got = self.input.read(at, &mut head)?;
        Ok((got == HEADER_LEN).then_some(head))
    }

    fn end_hole(&mut self, start: Option<u64>, end: u64) {
        let Some(start) = start else { return };
        let bytes = counted(end - start, "byte");
        self.gaps.push(start, format!("no buffer begins here: {bytes} skipped"));
    }

    /// How far the next buffer is: all have one size, unless another one leads to a
    /// header and the usual one does not.
    fn size(&self, at: u64, header: Header) -> io::Result<u64> {
        let (usual, own) = (self.usual, u64::from(header.size));
        let length = self.input.length();
        let leads = |size| -> io::Result<bool> {
            let head = self.head(at + size)?;
            Ok(at + size == length || head.as_ref().and_then(Header::parse).is_some())
        };
        let is_last = at + usual >= length;
        let usual_holds = own == usual || is_last || leads(usual)? || !leads(own)?;
        Ok(if usual_holds { usual } else { own })
    }

    /// Takes the buffer at `at`.
    fn take(&mut self, at: u64, size: u64, header: Header) {
        let full = self.processors.len() >= MAX_ETL_PROCESSORS;
        if full && !self.processors.contains_key(&header.processor) {
            self.left_out += 1;
            return;
        }
        if header.compressed {
            let message = format!("a compressed buffer of {size} bytes, which is not read");
            self.gaps.push(at, message);
            return;
        }
        let length = self.input.length();
        let possible = |end: &u64| (HEADER_LEN as u64..=size).contains(end);
        let used = header.ends.into_iter().map(u64::from).find(possible);
        let mut end = at + used.unwrap_or(size);
        if used.is_none() {
            self.gaps.push(at, "a buffer does not say where its events end");
            end = end.min(length);
        }
        if end > length {
            let (there, all) = (length - at, end - at);
            self.gaps.push(at, format!("the buffer is cut: {there} of {all} bytes are there"));
            end = length;
        }
        let buffer = Buffer { start: at + HEADER_LEN as u64, end, sequence: header.sequence };
        self.processors.entry(header.processor).or_default().push(buffer);
    }
}
