//! The pcapng format: blocks with their length at both ends
//! (<https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>).
//!
//! A block is believed when its two lengths agree. Where they do not, the reader
//! looks for the next block whose lengths do, and takes what lies between as one
//! block if only one of its lengths is damaged.

use super::ahead::{self, Stretch};
use super::input::{Input, Order};
use super::known::Known;
use super::section::{Section, kind};
use super::{Frame, Gaps, Sink};
use crate::base::counted;
use crate::base::limits::{MAX_BLOCK, MAX_PACKET, MAX_SECRETS};
use std::io::Read;

/// Type, two lengths: the smallest block.
pub(super) const BLOCK_MIN_LEN: usize = 12;

/// Largest block that is searched for, in bytes: one packet with its options.
const MAX_SOUGHT: usize = MAX_PACKET + (64 << 10);

/// TLS key log, as `SSLKEYLOGFILE` is written.
const SECRETS_TLS: u32 = 0x544c_534b;

/// Reads a capture in the pcapng format.
pub(super) fn read<R: Read>(input: &mut Input<R>, gaps: &mut Gaps, sink: Sink<'_>) {
    let mut walk = Walk::default();
    while walk.step(input, gaps, sink) {}
    walk.finish(gaps);
}

/// One pass over the blocks.
#[derive(Default)]
pub(super) struct Walk {
    section: Section,
    /// Frames read so far.
    number: u64,
}

impl ahead::Walker for Walk {
    type Scout = Known;

    fn scout(&self) -> Known {
        let Section { order, base, ref interfaces, .. } = self.section;
        Known { order, base, interfaces: interfaces.clone() }
    }

    fn version(&self) -> u32 {
        self.section.version
    }

    fn step(&mut self, input: &mut Input<ahead::Opened>, gaps: &mut Gaps, sink: Sink<'_>) -> bool {
        Self::step(self, input, gaps, sink)
    }

    fn adopt(&mut self, stretch: &Stretch) -> Option<u64> {
        let before = self.number;
        if stretch.version != self.section.version {
            return None;
        }
        if let Some((_, last)) = stretch.times {
            self.section.last_time = Some(last);
        }
        self.number += stretch.frames;
        Some(before)
    }
}

impl Walk {
    /// Tells what is known only at the end.
    pub(super) fn finish(mut self, gaps: &mut Gaps) {
        self.section.finish(gaps);
    }

    /// Takes the next block, or what is there in its place. `false` at the end.
    fn step<R: Read>(&mut self, input: &mut Input<R>, gaps: &mut Gaps, sink: Sink<'_>) -> bool {
        let head = input.peek(BLOCK_MIN_LEN);
        let have = head.len();
        if have == 0 {
            return false;
        }
        if have < BLOCK_MIN_LEN {
            let message =
                format!("the file ends inside a block header ({} left)", counted(have, "byte"));
            gaps.unreadable += 1;
            gaps.push(input.offset, message);
            return false;
        }
        let length = match self.block_length(head) {
            Ok(length) => length,
            Err(why) => return self.skip_hole(input, gaps, sink, &why),
        };
        let offset = input.offset;
        let window = input.peek(length);
        let Some(bytes) = window.get(..length) else {
            return self.end_inside(input, gaps, sink, length);
        };
        let order = self.section.order;
        let trailer = order.u32(bytes, length - 4).unwrap_or_default();
        if trailer as usize == length {
            self.block(bytes, offset, gaps, sink);
        } else if block_by_trailer(input.peek(MAX_SOUGHT * 2), order).is_none()
            && self.is_followed(input, length)
        {
            let message = format!(
                "a block after frame {} says it is {length} bytes long at its head and {trailer} \
                 at its end; it was read, as the next block follows after {length}",
                self.number
            );
            gaps.push(offset, message);
            let bytes = input.window().get(..length).unwrap_or_default();
            self.block(bytes, offset, gaps, sink);
        } else {
            let why = format!("a block whose two lengths differ ({length} and {trailer})");
            return self.skip_hole(input, gaps, sink, &why);
        }
        input.consume(length);
        true
    }

    /// Length of the block at the head of the window; a section header also sets the
    /// byte order.
    fn block_length(&mut self, head: &[u8]) -> Result<usize, String> {
        if Order::LITTLE.u32(head, 0) == Some(kind::SECTION) {
            let magic = Order::LITTLE.u32(head, 8).unwrap_or_default();
            self.section.order = byte_order(magic).ok_or_else(|| {
                format!("a section with the unknown byte-order magic 0x{magic:08x}")
            })?;
        }
        let length = self.section.order.u32(head, 4).unwrap_or_default();
        let size = length as usize;
        if size < BLOCK_MIN_LEN || !size.is_multiple_of(4) || size > MAX_BLOCK {
            return Err(format!("a block with the impossible length {length}"));
        }
        Ok(size)
    }

    /// Whether a believable block, or the end of the file, is at this distance.
    fn is_followed<R: Read>(&self, input: &mut Input<R>, length: usize) -> bool {
        let need = length + MAX_SOUGHT;
        let window = input.peek(need);
        let rest = window.get(length..).unwrap_or_default();
        // At the end of the file only the type can speak for the block.
        rest.is_empty() && is_known(window, self.section.order)
            || is_block(rest, self.section.order)
    }

    /// The file ends inside a block; or the block only claims to be so long.
    fn end_inside<R: Read>(
        &mut self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        sink: Sink<'_>,
        length: usize,
    ) -> bool {
        let order = self.section.order;
        let window = input.window();
        let have = window.len();
        let places = 1..have.min(MAX_BLOCK);
        let goes_on =
            places.clone().any(|at| is_block(window.get(at..).unwrap_or_default(), order));
        if goes_on || is_one_block(window, have, order) {
            let why = format!("a block with the wrong length {length}");
            return self.skip_hole(input, gaps, sink, &why);
        }
        gaps.unreadable += 1;
        gaps.push(
            input.offset,
            format!(
                "the file ends inside a block after frame {}: {have} of {length} bytes are there",
                self.number
            ),
        );
        false
    }

    /// Skips bytes that are no block, up to the next place that is one. When only the
    /// first length of a block was damaged, it is read.
    fn skip_hole<R: Read>(
        &mut self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        sink: Sink<'_>,
        why: &str,
    ) -> bool {
        let (start, number, order) = (input.offset, self.number, self.section.order);
        if let Some(length) = block_by_trailer(input.peek(MAX_SOUGHT * 2), order) {
            let message = format!("{why} after frame {number}: by its end it is {length} bytes");
            gaps.push(start, message);
            let bytes = input.window().get(..length).unwrap_or_default();
            self.block(bytes, start, gaps, sink);
            input.consume(length);
            return true;
        }
        let other = Order { big_endian: !order.big_endian };
        let found = input.find(MAX_SOUGHT, |bytes, _| {
            [order, other].into_iter().find(|order| is_block(bytes, *order))
        });
        if let Some(found) = found.filter(|found| found.big_endian != order.big_endian) {
            // The header of another section was in the hole.
            self.section.begin(found, gaps);
        }
        gaps.unreadable += 1;
        let goes_on = found.map(|_| input.offset);
        gaps.hole(start, why, number, input.offset - start, goes_on);
        found.is_some()
    }

    /// Takes one whole block at `offset`.
    fn block(&mut self, bytes: &[u8], offset: u64, gaps: &mut Gaps, sink: Sink<'_>) {
        let order = self.section.order;
        match order.u32(bytes, 0).unwrap_or_default() {
            kind::ENHANCED_PACKET | kind::PACKET => self.packet(bytes, offset, gaps, sink),
            kind::SIMPLE_PACKET => self.simple_packet(bytes, offset, gaps, sink),
            kind::INTERFACE => self.section.describe(bytes, offset, gaps),
            kind::SECTION => {
                self.section.begin(order, gaps);
                let major = order.u16(bytes, 12).unwrap_or_default();
                if major != 1 {
                    let message =
                        format!("a section of version {major}, read as if it were version 1");
                    gaps.push(offset, message);
                }
            }
            kind::SECRETS => keep_secrets(bytes, order, offset, gaps),
            _ => {}
        }
    }

    /// An enhanced packet, or the obsolete packet block, whose fields are at the same
    /// places; its interface has 16 bits only.
    fn packet(&mut self, bytes: &[u8], offset: u64, gaps: &mut Gaps, sink: Sink<'_>) {
        let order = self.section.order;
        let word = |at| order.u32(bytes, at).unwrap_or_default();
        let (number, caplen) = (self.number + 1, word(20) as usize);
        let room = bytes.len() - 4;
        let body = bytes.get(28..room).unwrap_or_default();
        let Some(data) = body.get(..caplen).filter(|_| room >= 28) else {
            gaps.unreadable += 1;
            gaps.push(
                offset,
                format!(
                    "a packet after frame {} claims {caplen} captured bytes in a block of {}",
                    self.number,
                    bytes.len()
                ),
            );
            return;
        };
        let id = match word(0) {
            kind::PACKET => u32::from(order.u16(bytes, 8).unwrap_or_default()),
            _ => word(8),
        };
        let Some((index, interface)) = self.section.interface(id, offset) else {
            gaps.unreadable += 1;
            return;
        };
        let Some(time) = interface.time(word(12), word(16)) else {
            gaps.unreadable += 1;
            let message = format!("a packet after frame {} has an impossible time", self.number);
            gaps.push(offset, message);
            return;
        };
        let link = interface.link;
        self.number = number;
        self.section.last_time = Some(time);
        sink(Frame { number, time, link, interface: index, data, drop: None });
        let options = body.get(caplen.next_multiple_of(4)..).unwrap_or_default();
        if !options.is_empty() && !options_are_sound(options, order) {
            gaps.push(offset, format!("the options of frame {number} are damaged"));
        }
    }

    /// A simple packet has no time of its own: it came no earlier than the one before.
    fn simple_packet(&mut self, bytes: &[u8], offset: u64, gaps: &mut Gaps, sink: Sink<'_>) {
        let body = bytes.get(12..bytes.len() - 4).unwrap_or_default();
        let origlen = self.section.order.u32(bytes, 8).unwrap_or_default();
        let described = (bytes.len() >= 16).then(|| self.section.interface(0, offset));
        let Some((index, interface)) = described.flatten() else {
            gaps.unreadable += 1;
            return;
        };
        let caplen = if interface.snaplen == 0 { origlen } else { origlen.min(interface.snaplen) };
        let link = interface.link;
        self.number += 1;
        sink(Frame {
            number: self.number,
            time: self.section.last_time.unwrap_or_default(),
            link,
            interface: index,
            data: body.get(..caplen as usize).unwrap_or(body),
            drop: None,
        });
    }
}

/// The byte order that a section header's magic, read as little-endian, says.
fn byte_order(magic: u32) -> Option<Order> {
    match magic {
        0x1a2b_3c4d => Some(Order::LITTLE),
        0x4d3c_2b1a => Some(Order::BIG),
        _ => None,
    }
}

pub(super) fn is_known(bytes: &[u8], order: Order) -> bool {
    order.u32(bytes, 0).is_some_and(|kind| kind::KNOWN.contains(&kind))
}

/// Whether a block of a known kind begins here: both lengths agree, and a packet fits.
pub(super) fn is_block(bytes: &[u8], order: Order) -> bool {
    if !is_known(bytes, order) {
        return false;
    }
    let Some(length) = order.u32(bytes, 4).map(|length| length as usize) else { return false };
    if !(BLOCK_MIN_LEN..=MAX_SOUGHT).contains(&length) || !length.is_multiple_of(4) {
        return false;
    }
    order.u32(bytes, length - 4).is_some_and(|trailer| trailer as usize == length)
        && match order.u32(bytes, 0) {
            Some(kind::ENHANCED_PACKET | kind::PACKET) => {
                let room = length.saturating_sub(32);
                order.u32(bytes, 20).is_some_and(|caplen| caplen as usize <= room)
            }
            Some(kind::SECTION) => {
                let magic = Order::LITTLE.u32(bytes, 8).unwrap_or_default();
                byte_order(magic).is_some_and(|found| found.big_endian == order.big_endian)
            }
            _ => true,
        }
}

/// Whether the first `length` bytes are a block of a known kind by its end.
fn is_one_block(bytes: &[u8], length: usize, order: Order) -> bool {
    length >= BLOCK_MIN_LEN
        && length.is_multiple_of(4)
        && is_known(bytes, order)
        && order.u32(bytes, length - 4).is_some_and(|trailer| trailer as usize == length)
}

/// The length of the block at the head of the window as its end tells it: where the
/// next block begins, the last four bytes before are the distance. Such a window is
/// at its end, or another block follows.
fn block_by_trailer(window: &[u8], order: Order) -> Option<usize> {
    if !is_known(window, order) {
        return None;
    }
    // Not beyond the first block that is found: the way is walked again from there.
    let next = (BLOCK_MIN_LEN..window.len().min(MAX_SOUGHT))
        .step_by(4)
        .find(|at| is_block(window.get(*at..).unwrap_or_default(), order))
        .or_else(|| Some(window.len()).filter(|whole| *whole < MAX_SOUGHT));
    next.filter(|length| is_one_block(window, *length, order))
}

/// Whether a list of options ends with the room it has.
pub(super) fn options_are_sound(mut options: &[u8], order: Order) -> bool {
    while let (Some(code), Some(length)) = (order.u16(options, 0), order.u16(options, 2)) {
        if code == 0 {
            return length == 0;
        }
        match options.get(4 + usize::from(length).next_multiple_of(4)..) {
            Some(rest) => options = rest,
            None => return false,
        }
    }
    options.is_empty()
}

fn keep_secrets(bytes: &[u8], order: Order, offset: u64, gaps: &mut Gaps) {
    if order.u32(bytes, 8) != Some(SECRETS_TLS) {
        return;
    }
    let length = order.u32(bytes, 12).unwrap_or_default() as usize;
    let body = bytes.get(16..bytes.len() - 4).unwrap_or_default();
    let Some(text) = body.get(..length) else {
        gaps.push(offset, format!("{length} bytes of secrets are claimed and not there"));
        return;
    };
    if gaps.secrets.len() + text.len() > MAX_SECRETS {
        gaps.push(offset, format!("more than {MAX_SECRETS} bytes of secrets: these were left out"));
        return;
    }
    gaps.secrets.extend_from_slice(text);
    gaps.secrets.push(b'\n');
}
