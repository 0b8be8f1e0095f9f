//! Captures of Microsoft Network Monitor 2 (`GMBU`): a header, frames anywhere in
//! the file, and a table of their offsets, mostly at its end. The format is in the
//! help of Network Monitor 3.4, "Capture File Format"; all numbers are little-endian.

use super::input::{Input, Order};
use super::{Frame, Gaps, Sink};
use crate::base::is_zero;
use crate::base::limits::{MAX_NETMON_JUMPS, MAX_PACKET};
use crate::wire::packet::LinkType;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use std::io::{self, Read, Seek, SeekFrom};

const FILE_HEADER_LEN: usize = 128;

/// Time, original length, captured length.
const FRAME_HEADER_LEN: usize = 16;

/// Offsets that are read from the table at a time.
const TABLE_BATCH: u64 = 1 << 16;

/// 802.11 without a radio header, as pcap numbers it.
const IEEE802_11: LinkType = LinkType(105);

/// A link type that no capture has, for media that are not read.
const fn unknown_medium(medium: u16) -> LinkType {
    LinkType(0x1_0000 | medium as i32)
}

/// The file header.
struct Header {
    minor: u8,
    medium: u16,
    /// Wall clock of the capturing computer, in a zone that the file does not tell.
    start: Option<Timestamp>,
    table: u64,
    /// Entries of the table.
    frames: u64,
}

impl Header {
    fn parse(head: &[u8]) -> Option<Self> {
        let head = head.get(..FILE_HEADER_LEN)?;
        let half = |at| Order::LITTLE.u16(head, at);
        let word = |at| Order::LITTLE.u32(head, at).map(u64::from);
        // SYSTEMTIME: year, month, day of the week, day, hour, minute, second, ms.
        let small = |at| half(at).and_then(|value| i8::try_from(value).ok());
        let start = || {
            let year = i16::try_from(half(8)?).ok()?;
            let nanos = i32::from(half(22)?).checked_mul(1_000_000)?;
            let (month, day) = (small(10)?, small(14)?);
            DateTime::new(year, month, day, small(16)?, small(18)?, small(20)?, nanos)
                .and_then(|wall| Offset::UTC.to_timestamp(wall))
                .ok()
        };
        Some(Self {
            minor: *head.get(4)?,
            medium: half(6)?,
            start: start(),
            table: word(24)?,
            frames: word(28)? / 4,
        })
    }

    /// Bytes behind each frame: medium; from 2.2 on the process; from 2.3 on UTC time
    /// and zone.
    fn trailer_len(&self) -> usize {
        match self.minor {
            0 => 0,
            1 => 2,
            2 => 6,
            _ => 15,
        }
    }
}

/// Reads a capture of Network Monitor.
///
/// # Errors
/// What the operating system says when the file is sought in.
pub(super) fn read<R: Read + Seek>(
    mut reader: R,
    gaps: &mut Gaps,
    sink: Sink<'_>,
) -> io::Result<()> {
    let size = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    let mut input = Input::new(reader);
    let Some(header) = Header::parse(input.peek(FILE_HEADER_LEN)) else {
        gaps.push(0, format!("the file header is cut: {size} of {FILE_HEADER_LEN} bytes"));
        return Ok(());
    };
    if header.minor < 3 {
        gaps.push_for_file(format!(
            "Network Monitor format 2.{} does not tell the time zone: times are read as UTC \
             and may be off by hours",
            header.minor
        ));
    }
    let (end, budget) = (FILE_HEADER_LEN as u64, size);
    let mut walk = Walk { header, size, number: 0, end, budget, jumps: 0 };
    walk.by_table(&mut input, gaps, sink)?;
    gaps.push_failure(&input);
    Ok(())
}

/// What a place of the file turned out to be.
enum Taken {
    Frame,
    /// No frame, and what is wrong.
    Bad(String),
}

/// One pass over the frames.
struct Walk {
    header: Header,
    size: u64,
    /// Frames so far, those included that Wireshark numbers and that hold no packet.
    number: u64,
    /// End of the last frame.
    end: u64,
    /// Bytes of frames that may still come: frames that do not overlap are no larger
    /// than the file.
    budget: u64,
    jumps: u32,
}

impl Walk {
    /// Takes the frames in the order of the table; where the table ends too early, all
    /// that follow each other behind the last.
    fn by_table<R: Read + Seek>(
        &mut self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        sink: Sink<'_>,
    ) -> io::Result<()> {
        let mut entry = 0;
        while entry < self.header.frames {
            let place = self.header.table + entry * 4;
            let offsets = read_table(input, place, self.header.frames - entry)?;
            for offset in &offsets {
                if !self.entry(input, u64::from(*offset), gaps, sink)? {
                    return Ok(());
                }
            }
            entry += offsets.len() as u64;
            if offsets.is_empty() {
                break;
            }
        }
        if entry < self.header.frames || entry == 0 {
            let (there, all) = (entry, self.header.frames);
            let message = format!(
                "the frame table is cut: {there} of {all} offsets are there; frames were read \
                 one behind the other from byte {}",
                self.end
            );
            gaps.push(self.header.table.min(self.size), message);
            self.in_a_row(input, gaps, sink)?;
        }
        Ok(())
    }

    /// Takes the frame that an entry of the table points to. `false` when a budget is
    /// spent.
    fn entry<R: Read + Seek>(
        &mut self,
        input: &mut Input<R>,
        offset: u64,
        gaps: &mut Gaps,
        sink: Sink<'_>,
    ) -> io::Result<bool> {
        if input.go_to(offset)? {
            self.jumps += 1;
        }
        if self.jumps > MAX_NETMON_JUMPS {
            let message = "the frame table is out of order: the rest of it was not followed";
            gaps.push(offset, message);
            return Ok(false);
        }
        if let Taken::Bad(why) = self.frame(input, gaps, sink) {
            gaps.unreadable += 1;
            gaps.push(offset, format!("{why}, after frame {}", self.number));
        }
        if self.budget == 0 {
            gaps.push(offset, "frames overlap: the rest of the table was not followed");
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes frames one behind the other, up to the table or the first place that
    /// holds none.
    fn in_a_row<R: Read + Seek>(
        &mut self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        sink: Sink<'_>,
    ) -> io::Result<()> {
        // A table in front of the frames does not end them.
        let stop = if self.header.table >= self.end { self.header.table } else { u64::MAX };
        let stop = stop.min(self.size);
        input.go_to(self.end)?;
        while self.end < stop && self.budget > 0 {
            let offset = self.end;
            if let Taken::Bad(why) = self.frame(input, gaps, sink) {
                let message = format!("{why}, after frame {}: reading stopped", self.number);
                gaps.push(offset, message);
                break;
            }
            let behind = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
            input.consume(behind);
        }
        Ok(())
    }

    /// Takes the frame at which the input stands.
    fn frame<R: Read>(&mut self, input: &mut Input<R>, gaps: &mut Gaps, sink: Sink<'_>) -> Taken {
        let offset = input.offset;
        // The table points at frames behind the header and inside the file.
        let head = input.peek(FRAME_HEADER_LEN);
        let length = Order::LITTLE.u32(head, 12).map(|length| length as usize);
        let (Some(delta), Some(caplen)) = (Order::LITTLE.u64(head, 0), length) else {
            return Taken::Bad("a frame is cut, or outside the file".to_owned());
        };
        if caplen > MAX_PACKET {
            return Taken::Bad(format!("a frame with the impossible length {caplen}"));
        }
        if is_zero(head.get(..FRAME_HEADER_LEN).unwrap_or_default()) {
            return Taken::Bad("zeros where a frame should be".to_owned());
        }
        let (data_end, trailer_len) = (FRAME_HEADER_LEN + caplen, self.header.trailer_len());
        let window = input.peek(data_end + trailer_len);
        let Some(data) = window.get(FRAME_HEADER_LEN..data_end) else {
            return Taken::Bad("a frame is cut".to_owned());
        };
        let trailer = window.get(data_end..data_end + trailer_len).unwrap_or_default();
        if trailer.len() < trailer_len {
            return Taken::Bad("a frame is cut".to_owned());
        }
        let total = (data_end + trailer_len) as u64;
        self.end = offset + total;
        self.budget = self.budget.saturating_sub(total);
        let medium = Order::LITTLE.u16(trailer, 0).unwrap_or(self.header.medium);
        let Some((link, data)) = medium_of(medium, data) else {
            // Wireshark shows events, adapters and filters as frames, other notes not.
            self.number += u64::from(!matches!(medium, 0xfffc..=0xfffe));
            return Taken::Frame;
        };
        let Some(time) = self.time(delta, trailer) else {
            gaps.unreadable += 1;
            gaps.push(offset, format!("frame {} has a time that does not exist", self.number + 1));
            return Taken::Frame;
        };
        self.number += 1;
        sink(Frame { number: self.number, time, link, interface: 0, data, drop: None });
        Taken::Frame
    }

    /// From 2.3 on UTC, as FILETIME; before, microseconds since the start, which may be
    /// negative once they are taken times ten.
    fn time(&self, delta: u64, trailer: &[u8]) -> Option<Timestamp> {
        if let Some(filetime) = Order::LITTLE.u64(trailer, 6) {
            let ticks = i128::from(filetime) - 116_444_736_000_000_000;
            return Timestamp::from_nanosecond(ticks * 100).ok();
        }
        let ticks = delta.wrapping_mul(10).cast_signed();
        let since = SignedDuration::try_from_nanos_i128(i128::from(ticks) * 100)?;
        self.header.start?.checked_add(since).ok()
    }
}

/// Up to a batch of offsets from the table; fewer where the file ends.
fn read_table<R: Read + Seek>(
    input: &mut Input<R>,
    place: u64,
    entries: u64,
) -> io::Result<Vec<u32>> {
    input.go_to(place)?;
    let wanted = usize::try_from(entries.min(TABLE_BATCH) * 4).unwrap_or(usize::MAX);
    let window = input.peek(wanted);
    let bytes = window.get(..wanted.min(window.len())).unwrap_or_default();
    Ok(bytes.as_chunks().0.iter().map(|raw| u32::from_le_bytes(*raw)).collect())
}

/// The link type of a medium, and the packet. `None` for notes that are no packet.
fn medium_of(medium: u16, data: &[u8]) -> Option<(LinkType, &[u8])> {
    match medium {
        // VPN adapters say 0 and give Ethernet.
        0 | 1 => Some((LinkType::ETHERNET, data)),
        6 => {
            // A radio header: version, then its length.
            let length = Order::LITTLE.u16(data, 1).map_or(0, usize::from);
            Some((IEEE802_11, data.get(length..).unwrap_or_default()))
        }
        // Tunnel, wireless WAN, raw IP.
        7..=9 => Some((LinkType::RAW, data)),
        0xe080 => Some((IEEE802_11, data)),
        0xe081..=0xe08a => Some((unknown_medium(medium), data)),
        // Converted from pcap: its link type.
        0xe000..=0xefff => Some((LinkType(i32::from(medium & 0x0fff)), data)),
        0xffe0 | 0xfffb..=0xffff => None,
        _ => Some((unknown_medium(medium), data)),
    }
}

#[cfg(test)]
#[path = "netmon_tests.rs"]
mod tests;
