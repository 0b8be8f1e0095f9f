//! The pcap format: a file header of 24 bytes, then records without any mark of
//! their own (<https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/>).
//!
//! A record's header is believed while the one behind it looks like a header too.
//! Where it does not, the reader looks for the next place from which several
//! records follow each other, inside the doubtful record and behind it.

use super::ahead::{self, Scout, Stretch};
use super::input::{Input, Order};
use super::{Frame, Gaps, Sink};
use crate::base::counted;
use crate::base::limits::MAX_PACKET;
use crate::wire::packet::LinkType;
use jiff::{SignedDuration, Timestamp};
use std::io::Read;

const FILE_HEADER_LEN: usize = 24;

/// Records that must follow each other before reading goes on from a place that
/// was searched for.
const CHAIN: usize = 3;

/// The same for a place whose time is far from that of the last good record.
const LONG_CHAIN: usize = 8;

/// Oddities that no record header has.
const BAD: u8 = 2;

/// Bytes that a chain may take.
const LOOK_AHEAD: usize = (MAX_PACKET + 24) * LONG_CHAIN / 2;

/// Seconds that two records of one file are apart at most before it seems odd.
const FAR: i64 = 366 * 86_400;

/// The file header.
#[derive(Clone, Copy)]
pub(super) struct Format {
    order: Order,
    /// Fractions of a second per second.
    fractions: u32,
    /// Seconds that the times are ahead of UTC: old captures hold local time.
    zone: i32,
    snaplen: u32,
    link: LinkType,
    record_header_len: usize,
}

impl Format {
    fn parse(head: &[u8]) -> Option<Self> {
        let (_, header) = pcap_parser::parse_pcap_header(head).ok()?;
        Some(Self {
            order: if header.is_bigendian() { Order::BIG } else { Order::LITTLE },
            fractions: if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 },
            zone: header.thiszone,
            snaplen: header.snaplen,
            // The upper bits hold the length of the frame check sequence.
            link: LinkType(header.network.0 & 0x0fff_ffff),
            // The "modified" format of Alexey Kuznetsov has 8 bytes more.
            record_header_len: if header.is_modified_format() { 24 } else { 16 },
        })
    }

    #[inline]
    fn record(&self, bytes: &[u8]) -> Option<Record> {
        bytes.get(..self.record_header_len)?;
        Some(Record {
            seconds: self.order.u32(bytes, 0)?,
            fraction: self.order.u32(bytes, 4)?,
            caplen: self.order.u32(bytes, 8)?,
            origlen: self.order.u32(bytes, 12)?,
        })
    }

    #[inline]
    fn time(&self, record: &Record) -> Option<Timestamp> {
        let nanos = u64::from(record.fraction) * u64::from(1_000_000_000 / self.fractions);
        let seconds = i64::from(record.seconds) - i64::from(self.zone);
        match i32::try_from(nanos) {
            Ok(nanos @ 0..1_000_000_000) => Timestamp::new(seconds, nanos).ok(),
            _ => Timestamp::from_second(seconds)
                .ok()?
                .checked_add(SignedDuration::from_nanos(i64::try_from(nanos).ok()?))
                .ok(),
        }
    }

    /// The seconds of a record with this time.
    fn seconds(&self, time: Timestamp) -> Option<u32> {
        u32::try_from(time.as_second() + i64::from(self.zone)).ok()
    }

    /// How much speaks against a record header. One oddity alone is met in real files:
    /// nanoseconds in a file of microseconds, a captured length above the original,
    /// years between two records. From [`BAD`] on it is none.
    #[inline]
    fn oddities(&self, record: &Record, near: Option<u32>) -> u8 {
        let impossible = if record.caplen as usize > MAX_PACKET { BAD } else { 0 };
        impossible
            + u8::from(record.fraction >= self.fractions)
            + u8::from(record.is_far_from(near))
            + u8::from(record.caplen > record.origlen)
            + u8::from(record.origlen == 0)
            + u8::from(record.origlen as usize > MAX_PACKET)
    }

    /// Whether a record header has nothing against it.
    fn is_clean(&self, record: &Record) -> bool {
        record.caplen <= record.origlen
            && record.caplen <= self.snaplen.max(262_144)
            && record.origlen > 0
            && record.origlen as usize <= MAX_PACKET
            && record.fraction < self.fractions
    }

    /// Whether records follow each other without a fault from the start of `bytes` up
    /// to one that begins at `until` or behind it, and enough of them to make a chain.
    /// Returns the records looked at beside it.
    fn chained(&self, bytes: &[u8], until: usize, ends: End, near: Option<u32>) -> (bool, usize) {
        let (mut at, mut count, mut last, mut wanted) = (0, 0, near, CHAIN);
        loop {
            let Some(record) = self.record(bytes.get(at..).unwrap_or_default()) else {
                let is_enough = match ends {
                    End::Elsewhere => false,
                    End::Anyhow => count > 1 || (count == 1 && wanted == CHAIN),
                    End::Exactly => count > 1 && at == bytes.len(),
                };
                return (is_enough, count);
            };
            if count == 0 && record.is_far_from(near) {
                (wanted, last) = (LONG_CHAIN, None);
            }
            count += 1;
            if !self.is_clean(&record) || record.is_far_from(last) {
                return (false, count);
            }
            if count >= wanted && at >= until {
                return (true, count);
            }
            at += self.record_header_len + record.caplen as usize;
            last = Some(record.seconds);
            if ends == End::Anyhow && count == 1 && at > bytes.len() {
                return (until == 0 && self.is_cut_here(&record, near), count);
            }
        }
    }

    /// Whether the two lengths of a record bear each other out.
    fn is_agreed(&self, record: &Record) -> bool {
        record.caplen == record.origlen.min(self.snaplen)
    }

    /// Whether a header that only the end of the file follows is one: it must be that
    /// of a whole packet captured within a day of the last.
    fn is_cut_here(&self, record: &Record, near: Option<u32>) -> bool {
        self.is_agreed(record) && near.is_some_and(|near| near.abs_diff(record.seconds) <= 86_400)
    }

    /// The first place inside a doubtful record from which records follow each other
    /// across its end: its length is a lie then. A capture that was sent over the
    /// wire does not do that.
    fn hidden(&self, bytes: &[u8], end: usize, ends: End, near: Option<u32>) -> Option<usize> {
        // In proportion to the bytes, so that hostile files cost no more than their size.
        let mut steps = 64 + end / 4;
        for at in self.record_header_len..end.min(bytes.len()) {
            let rest = bytes.get(at..)?;
            let Some(record) = self.record(rest) else { break };
            if !self.is_clean(&record) || record.is_far_from(near) {
                continue;
            }
            let (found, looked) = self.chained(rest, end - at, ends, near);
            if found {
                return Some(at);
            }
            steps = steps.saturating_sub(looked);
            if steps == 0 {
                break;
            }
        }
        None
    }
}

/// Whether the end of the file may stand for the rest of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The bytes at hand do not reach to it.
    Elsewhere,
    /// It may, inside a record too.
    Anyhow,
    /// Only behind a whole record.
    Exactly,
}

/// The header of a record.
struct Record {
    seconds: u32,
    fraction: u32,
    caplen: u32,
    origlen: u32,
}

impl Record {
    /// Whether more than a year lies between this record and a time; without one,
    /// whether it is from before captures were made.
    #[inline]
    fn is_far_from(&self, near: Option<u32>) -> bool {
        match near {
            Some(near) => (i64::from(self.seconds) - i64::from(near)).abs() > FAR,
            None => self.seconds == 0,
        }
    }
}

/// Records as one sees them who came from nowhere: those that nothing speaks against.
impl Scout for Format {
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut places = 0..bytes.len();
        places.find(|at| {
            let rest = bytes.get(*at..).unwrap_or_default();
            self.chained(rest, 0, End::Elsewhere, None).0
        })
    }

    #[inline]
    fn step<'a>(&self, bytes: &'a [u8], at: usize, last: Option<Timestamp>) -> ahead::Step<'a> {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(record) = self.record(rest) else {
            return ahead::Step::Cut { need: self.record_header_len };
        };
        let near = last.and_then(|last| self.seconds(last));
        if self.oddities(&record, near) > 0 {
            return ahead::Step::Odd;
        }
        let end = self.record_header_len + record.caplen as usize;
        // The header behind speaks for this one.
        let behind = rest.get(end..).and_then(|behind| self.record(behind));
        let Some(next) = behind else {
            return ahead::Step::Cut { need: end + self.record_header_len };
        };
        if self.oddities(&next, Some(record.seconds)) >= BAD {
            return ahead::Step::Odd;
        }
        let data = rest.get(self.record_header_len..end);
        let (Some(data), Some(time)) = (data, self.time(&record)) else {
            return ahead::Step::Odd;
        };
        let (number, link) = (0, self.link);
        let frame = Frame { number, time, link, interface: 0, data, drop: None };
        ahead::Step::Frame { frame, at: at + self.record_header_len, next: at + end }
    }
}

/// Reads the file header.
pub(super) fn begin<R: Read>(input: &mut Input<R>, gaps: &mut Gaps) -> Option<Walk> {
    let head = input.peek(FILE_HEADER_LEN);
    let have = head.len();
    let Some(format) = Format::parse(head).filter(|_| have >= FILE_HEADER_LEN) else {
        gaps.push(0, format!("the file header is cut: {have} of {FILE_HEADER_LEN} bytes"));
        return None;
    };
    input.consume(FILE_HEADER_LEN);
    Some(Walk { format, number: 0, last: None })
}

/// Reads a capture in the pcap format.
pub(super) fn read<R: Read>(input: &mut Input<R>, gaps: &mut Gaps, sink: Sink<'_>) {
    if let Some(mut walk) = begin(input, gaps) {
        while walk.step(input, gaps, sink) {}
    }
}

/// One pass over the records.
pub(super) struct Walk {
    format: Format,
    /// Frames read so far.
    number: u64,
    /// Seconds of the last good record.
    last: Option<u32>,
}

impl Walk {
    /// Takes the next record, or what is there in its place. `false` at the end.
    fn step<R: Read>(&mut self, input: &mut Input<R>, gaps: &mut Gaps, sink: Sink<'_>) -> bool {
        let header_len = self.format.record_header_len;
        let head = input.peek(header_len);
        let have = head.len();
        if have == 0 {
            return false;
        }
        let Some(record) = self.format.record(head) else {
            let message = format!(
                "the file ends inside a record header, after frame {}: {} left",
                self.number,
                counted(have, "byte"),
            );
            gaps.unreadable += 1;
            gaps.push(input.offset, message);
            return false;
        };
        let oddities = self.format.oddities(&record, self.last);
        if oddities >= BAD {
            self.skip_hole(input, gaps, &record);
            return true;
        }
        let end = header_len + record.caplen as usize;
        let window = input.peek(end + header_len);
        let near = Some(record.seconds);
        let (is_followed, is_doubtful) =
            match self.format.record(window.get(end..).unwrap_or_default()) {
                Some(next) => {
                    let is_next_good = self.format.oddities(&next, near) < BAD;
                    (is_next_good, !is_next_good)
                }
                // The end of the file is no witness.
                None => {
                    let is_cut = window.len() < end;
                    (window.len() == end, is_cut || !self.format.is_agreed(&record))
                }
            };
        let is_doubtful = is_doubtful || record.caplen > record.origlen;
        if is_doubtful && self.skip_lie(input, gaps, end, &record) {
            return true;
        }
        if oddities > 0 && !is_followed {
            self.skip_hole(input, gaps, &record);
            return true;
        }
        self.take(input, gaps, sink, &record, end)
    }

    /// Hands on a record that is believed.
    fn take<R: Read>(
        &mut self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        sink: Sink<'_>,
        record: &Record,
        end: usize,
    ) -> bool {
        let (link, window) = (self.format.link, input.window());
        let body = window.get(self.format.record_header_len..end.min(window.len()));
        let (whole, have) = (window.len() >= end, body.map_or(0, <[u8]>::len));
        let number = self.number + 1;
        match (body, self.format.time(record)) {
            // What is left of the last packet is still a packet.
            (Some(data), Some(time)) => {
                self.number = number;
                self.last = Some(record.seconds);
                sink(Frame { number, time, link, interface: 0, data, drop: None });
            }
            _ => {
                gaps.unreadable += 1;
                gaps.push(input.offset, format!("frame {number} has a time that does not exist"));
            }
        }
        if !whole {
            let caplen = record.caplen;
            gaps.unreadable += 1;
            gaps.push(
                input.offset,
                format!("the file ends inside frame {number}: {have} of {caplen} bytes are there"),
            );
        }
        input.consume(end);
        whole
    }

    /// Skips a record when other records hide in the bytes that it claims.
    fn skip_lie<R: Read>(
        &self,
        input: &mut Input<R>,
        gaps: &mut Gaps,
        end: usize,
        record: &Record,
    ) -> bool {
        let need = end + LOOK_AHEAD;
        let window = input.peek(need);
        let ends = match window.len() {
            have if have >= need => End::Elsewhere,
            // A capture that was sent over the wire may be in the last packet, cut too.
            have if have < end && self.format.is_agreed(record) => End::Exactly,
            _ => End::Anyhow,
        };
        let Some(at) = self.format.hidden(window, end.min(window.len()), ends, self.last) else {
            return false;
        };
        let start = input.offset;
        input.consume(at);
        gaps.unreadable += 1;
        let why = format!("a record with the wrong length {}", record.caplen);
        gaps.hole(start, &why, self.number, at as u64, Some(input.offset));
        true
    }

    /// Skips bytes that are no record, up to the next place that is one.
    fn skip_hole<R: Read>(&self, input: &mut Input<R>, gaps: &mut Gaps, record: &Record) {
        let why = if record.caplen as usize > MAX_PACKET {
            format!("a record with the impossible length {}", record.caplen)
        } else {
            "bytes that are no record".to_owned()
        };
        let (format, start) = (&self.format, input.offset);
        let found = input.find(LOOK_AHEAD, |bytes, ends| {
            let ends = if ends { End::Anyhow } else { End::Elsewhere };
            format.chained(bytes, 0, ends, self.last).0.then_some(())
        });
        gaps.unreadable += 1;
        let goes_on = found.map(|()| input.offset);
        gaps.hole(start, &why, self.number, input.offset - start, goes_on);
    }
}

impl ahead::Walker for Walk {
    type Scout = Format;

    fn scout(&self) -> Format {
        self.format
    }

    fn step(&mut self, input: &mut Input<ahead::Opened>, gaps: &mut Gaps, sink: Sink<'_>) -> bool {
        Self::step(self, input, gaps, sink)
    }

    fn adopt(&mut self, stretch: &Stretch) -> Option<u64> {
        let before = self.number;
        if let Some((first, last)) = stretch.times {
            let seconds = self.format.seconds(first)?;
            let first = Record { seconds, fraction: 0, caplen: 0, origlen: 0 };
            if first.is_far_from(self.last) {
                return None;
            }
            self.last = self.format.seconds(last);
        }
        self.number += stretch.frames;
        Some(before)
    }
}
