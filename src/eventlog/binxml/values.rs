//! The substitution array of a template instance.

use crate::base::{u16_at, u32_at};
/// Value types, [MS-EVEN6] 2.2.12 and, for the numbers there left out, what real
/// logs hold.
pub(super) mod kind {
    pub(in super::super) const NULL: u8 = 0x00;
    pub(in super::super) const STRING: u8 = 0x01;
    pub(in super::super) const ANSI_STRING: u8 = 0x02;
    pub(in super::super) const INT8: u8 = 0x03;
    pub(in super::super) const UINT8: u8 = 0x04;
    pub(in super::super) const INT16: u8 = 0x05;
    pub(in super::super) const UINT16: u8 = 0x06;
    pub(in super::super) const INT32: u8 = 0x07;
    pub(in super::super) const UINT32: u8 = 0x08;
    pub(in super::super) const INT64: u8 = 0x09;
    pub(in super::super) const UINT64: u8 = 0x0a;
    pub(in super::super) const BOOL: u8 = 0x0d;
    pub(in super::super) const BINARY: u8 = 0x0e;
    pub(in super::super) const GUID: u8 = 0x0f;
    pub(in super::super) const SIZE_T: u8 = 0x10;
    pub(in super::super) const FILETIME: u8 = 0x11;
    pub(in super::super) const SID: u8 = 0x13;
    pub(in super::super) const HEX_INT32: u8 = 0x14;
    pub(in super::super) const HEX_INT64: u8 = 0x15;
    pub(in super::super) const BIN_XML: u8 = 0x21;
}

/// One value: its type and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventlog) struct Value<'a> {
    pub(in crate::eventlog) kind: u8,
    pub(in crate::eventlog) bytes: &'a [u8],
    /// Offset of the bytes.
    pub(super) at: usize,
}

/// Count (4 bytes), then size (2), type (1) and a zero of each value, then the
/// values themselves.
#[derive(Debug, Clone, Copy)]
pub(in crate::eventlog) struct Values<'a> {
    chunk: &'a [u8],
    descriptors: &'a [u8],
    /// Offset of the first value.
    first: usize,
}

impl<'a> Values<'a> {
    /// The array at an offset; `None` where it is longer than what is left of the
    /// record, which ends at `end`.
    pub(in crate::eventlog) fn new(chunk: &'a [u8], at: usize, end: usize) -> Option<Self> {
        let count = usize::try_from(u32_at(chunk, at)?).ok()?;
        let start = at.checked_add(4)?;
        let first = start.checked_add(count.checked_mul(4)?)?;
        if first > end {
            return None;
        }
        Some(Self { chunk: chunk.get(..end)?, descriptors: chunk.get(start..first)?, first })
    }

    /// The array, if all its values end inside its record and nothing stands behind
    /// them, or the token that ends a stream.
    pub(super) fn whole(self, chunk: &[u8], end: usize) -> Option<Self> {
        let sizes = self.descriptors.chunks_exact(4).filter_map(|d| u16_at(d, 0));
        let behind = self.first + sizes.map(usize::from).sum::<usize>();
        let ends = behind == end || behind < end && chunk.get(behind) == Some(&0);
        ends.then_some(self)
    }

    /// The value of an index; `None` where there is none or it ends outside its record.
    pub(in crate::eventlog) fn get(&self, index: usize) -> Option<Value<'a>> {
        let before = self.descriptors.get(..index.checked_mul(4)?)?;
        let sizes = before.chunks_exact(4).filter_map(|descriptor| u16_at(descriptor, 0));
        let start = self.first + sizes.map(usize::from).sum::<usize>();
        let descriptor = self.descriptors.get(index * 4..)?;
        let size = usize::from(u16_at(descriptor, 0)?);
        let bytes = self.chunk.get(start..start + size)?;
        Some(Value { kind: *descriptor.get(2)?, bytes, at: start })
    }

    /// All values, in order; ends at the first that ends outside its record.
    pub(super) fn all(&self, into: &mut Vec<Value<'a>>) {
        into.clear();
        let mut start = self.first;
        for descriptor in self.descriptors.chunks_exact(4) {
            let Some(size) = u16_at(descriptor, 0).map(usize::from) else { return };
            let (Some(bytes), Some(kind)) =
                (self.chunk.get(start..start + size), descriptor.get(2))
            else {
                return;
            };
            into.push(Value { kind: *kind, bytes, at: start });
            start += size;
        }
    }
}
