//! Frames out of pcap and pcapng files, streamed through one buffer that is
//! reused. Blocks and records are taken apart by `pcap-parser`; its known edges
//! (slice iterators that loop on an error, a fixed byte order, interfaces that
//! are never checked, buffers that must grow) stay behind this file.

use crate::base::Gap;
use crate::base::limits::{MAX_BLOCK, MAX_GAPS_PER_FILE, MAX_PACKET};
use crate::intake::{EvidenceFile, FileKind};
use crate::wire::packet::LinkType;
use jiff::{SignedDuration, Timestamp};
use pcap_parser::pcapng::{Block, parse_block_be, parse_block_le};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{PcapHeader, parse_pcap_header};
use std::io::{self, Read};
use std::sync::Arc;

/// One captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Counted from 1, as Wireshark counts.
    pub number: u64,
    pub time: Timestamp,
    pub link: LinkType,
    pub data: &'a [u8],
}

/// What was not read.
#[derive(Debug, Default)]
pub struct ReadOutcome {
    pub gaps: Vec<Gap>,
    /// Frames that are known to be there and could not be read.
    pub unreadable: u64,
}

/// Calls `sink` for every frame of a capture, in file order.
pub fn read_frames(file: &EvidenceFile, sink: &mut dyn FnMut(Frame<'_>)) -> ReadOutcome {
    let mut gaps =
        Gaps { file: Arc::clone(&file.name), gaps: Vec::new(), suppressed: 0, unreadable: 0 };
    match file.open() {
        Ok(reader) => {
            let mut input = Input::new(reader);
            let result = match file.kind {
                FileKind::Pcap => read_pcap(&mut input, &mut gaps, sink),
                _ => read_pcapng(&mut input, &mut gaps, sink),
            };
            if let Err(error) = result {
                gaps.push(input.offset, format!("reading stopped: {error}"));
            }
        }
        Err(error) => gaps.push(0, format!("cannot be opened: {error}")),
    }
    gaps.into_outcome()
}

/// Collects gaps up to the budget and counts the rest.
struct Gaps {
    file: Arc<str>,
    gaps: Vec<Gap>,
    suppressed: u64,
    unreadable: u64,
}

impl Gaps {
    fn push(&mut self, offset: u64, message: impl Into<String>) {
        if self.gaps.len() < MAX_GAPS_PER_FILE {
            self.gaps.push(Gap::at(&self.file, offset, message));
        } else {
            self.suppressed += 1;
        }
    }

    fn into_outcome(mut self) -> ReadOutcome {
        if self.suppressed > 0 {
            let message = format!("{} more problems in this file", self.suppressed);
            self.gaps.push(Gap::file(&self.file, message));
        }
        ReadOutcome { gaps: self.gaps, unreadable: self.unreadable }
    }
}

/// A window over the file: `peek` makes bytes available, `consume` moves on.
struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    /// File offset of the first byte of the window.
    offset: u64,
    end_of_file: bool,
}

/// Bytes that are read at a time.
const READ_SIZE: usize = 1 << 20;

impl<R: Read> Input<R> {
    fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, offset: 0, end_of_file: false }
    }

    fn window(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The window, grown to at least `need` bytes unless the file ends before.
    fn peek(&mut self, need: usize) -> io::Result<&[u8]> {
        while self.window().len() < need && !self.end_of_file {
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let missing = need.saturating_sub(self.buffer.len()).max(READ_SIZE);
            let limit = u64::try_from(missing).unwrap_or(u64::MAX);
            let got = self.reader.by_ref().take(limit).read_to_end(&mut self.buffer)?;
            self.end_of_file = got < missing;
        }
        Ok(self.window())
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.window().len());
        self.start += count;
        self.offset += count as u64;
    }
}

const PCAP_HEADER_LEN: usize = 24;
const PCAP_RECORD_HEADER_LEN: usize = 16;

fn read_pcap<R: Read>(
    input: &mut Input<R>,
    gaps: &mut Gaps,
    sink: &mut dyn FnMut(Frame<'_>),
) -> io::Result<()> {
    let head = input.peek(PCAP_HEADER_LEN)?;
    let Ok((_, header)) = parse_pcap_header(head) else {
        let have = head.len();
        gaps.push(0, format!("the file header is cut: {have} of {PCAP_HEADER_LEN} bytes"));
        return Ok(());
    };
    input.consume(PCAP_HEADER_LEN);
    // The upper bits of `network` hold the frame check sequence length.
    let link = LinkType(header.network.0 & 0x0fff_ffff);
    let extra = if header.is_modified_format() { 8 } else { 0 };
    let header_len = PCAP_RECORD_HEADER_LEN + extra;
    let mut number = 0;
    loop {
        let head = input.peek(header_len)?;
        if head.is_empty() {
            return Ok(());
        }
        let have = head.len();
        let Some(record) = RecordHeader::parse(&header, head).filter(|_| have >= header_len) else {
            gaps.push(
                input.offset,
                format!(
                    "the file ends inside a record header, after frame {number}: {have} bytes left"
                ),
            );
            return Ok(());
        };
        let caplen = record.caplen as usize;
        if caplen > MAX_PACKET {
            gaps.unreadable += 1;
            gaps.push(input.offset, format!("record {} claims {caplen} captured bytes, more than {MAX_PACKET}: the rest of the file was not read", number + 1));
            return Ok(());
        }
        let body = input.peek(header_len + caplen)?;
        number += 1;
        let Some(data) = body.get(header_len..header_len + caplen) else {
            let have = body.len().saturating_sub(header_len);
            // What is left of the last packet is still a packet.
            if let (Some(data), Some(time)) = (body.get(header_len..), record.time) {
                sink(Frame { number, time, link, data });
            }
            gaps.push(
                input.offset,
                format!("the file ends inside frame {number}: {have} of {caplen} bytes are there"),
            );
            return Ok(());
        };
        match record.time {
            Some(time) => sink(Frame { number, time, link, data }),
            None => {
                gaps.unreadable += 1;
                gaps.push(input.offset, format!("frame {number} has a time that does not exist"));
            }
        }
        input.consume(header_len + caplen);
    }
}

/// Record header of the pcap format.
struct RecordHeader {
    /// `None` when the stored time cannot be represented.
    time: Option<Timestamp>,
    caplen: u32,
}

impl RecordHeader {
    fn parse(header: &PcapHeader, bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let raw: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(if header.is_bigendian() {
                u32::from_be_bytes(raw)
            } else {
                u32::from_le_bytes(raw)
            })
        };
        let fraction = i64::from(word(4)?);
        let nanos = if header.is_nanosecond_precision() { fraction } else { fraction * 1000 };
        let time = Timestamp::from_second(i64::from(word(0)?))
            .ok()
            .and_then(|t| t.checked_add(SignedDuration::from_nanos(nanos)).ok())
            // Old captures give local time and say how far it is from UTC.
            .and_then(|t| {
                t.checked_sub(SignedDuration::from_secs(i64::from(header.thiszone))).ok()
            });
        Some(Self { time, caplen: word(8)? })
    }
}

/// An interface of a pcapng section.
struct Interface {
    link: LinkType,
    /// Ticks per second; `None` when the option holds an impossible value.
    resolution: Option<u64>,
    /// `if_tsoffset`, in seconds.
    offset: i64,
}

impl Interface {
    fn time(&self, high: u32, low: u32) -> Option<Timestamp> {
        let ticks = i128::from(high) << 32 | i128::from(low);
        let resolution = i128::from(self.resolution?);
        let nanos = ticks.checked_mul(1_000_000_000)?.checked_div(resolution)?;
        let shifted = nanos.checked_add(i128::from(self.offset).checked_mul(1_000_000_000)?)?;
        Timestamp::from_nanosecond(shifted).ok()
    }
}

/// Section header block type, the same in both byte orders.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BLOCK_MIN_LEN: usize = 12;

/// State of the current section.
struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
    number: u64,
    last_time: Option<Timestamp>,
}

fn read_pcapng<R: Read>(
    input: &mut Input<R>,
    gaps: &mut Gaps,
    sink: &mut dyn FnMut(Frame<'_>),
) -> io::Result<()> {
    let mut section =
        Section { big_endian: false, interfaces: Vec::new(), number: 0, last_time: None };
    loop {
        let head = input.peek(BLOCK_MIN_LEN)?;
        if head.is_empty() {
            return Ok(());
        }
        let length = match block_length(head, &mut section) {
            Ok(length) => length,
            Err(why) => {
                gaps.push(
                    input.offset,
                    format!(
                        "{why} after frame {}: the rest of the file was not read",
                        section.number
                    ),
                );
                return Ok(());
            }
        };
        let bytes = input.peek(length)?;
        let Some(bytes) = bytes.get(..length) else {
            let have = bytes.len();
            gaps.push(input.offset, format!("the file ends inside a block after frame {}: {have} of {length} bytes are there", section.number));
            return Ok(());
        };
        let parsed = if section.big_endian { parse_block_be(bytes) } else { parse_block_le(bytes) };
        match parsed {
            Ok((_, block)) => {
                if let Err(why) = take_block(&block, &mut section, sink) {
                    gaps.unreadable += 1;
                    gaps.push(input.offset, why);
                }
            }
            Err(_) => {
                gaps.unreadable += 1;
                gaps.push(
                    input.offset,
                    format!(
                        "a block of {length} bytes after frame {} cannot be read and was skipped",
                        section.number
                    ),
                );
            }
        }
        input.consume(length);
    }
}

/// Length of the block at the head of the window; a section header also sets the
/// byte order.
fn block_length(head: &[u8], section: &mut Section) -> Result<usize, String> {
    let word = |at: usize| head.get(at..at + 4).and_then(|raw| <[u8; 4]>::try_from(raw).ok());
    let (Some(kind), Some(length), Some(third)) = (word(0), word(4), word(8)) else {
        return Err(format!("the file ends inside a block header ({} bytes left)", head.len()));
    };
    if u32::from_le_bytes(kind) == SECTION_HEADER {
        section.big_endian = match u32::from_le_bytes(third) {
            0x1a2b_3c4d => false,
            0x4d3c_2b1a => true,
            other => {
                return Err(format!("a section with the unknown byte-order magic 0x{other:08x}"));
            }
        };
    }
    let length =
        if section.big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
    let size = length as usize;
    if size < BLOCK_MIN_LEN || !size.is_multiple_of(4) || size > MAX_BLOCK {
        return Err(format!("a block with the impossible length {length}"));
    }
    Ok(size)
}

fn take_block(
    block: &Block<'_>,
    section: &mut Section,
    sink: &mut dyn FnMut(Frame<'_>),
) -> Result<(), String> {
    match block {
        Block::SectionHeader(_) => section.interfaces.clear(),
        Block::InterfaceDescription(interface) => section.interfaces.push(Interface {
            link: LinkType(interface.linktype.0),
            resolution: interface.ts_resolution(),
            offset: interface.if_tsoffset,
        }),
        Block::EnhancedPacket(packet) => {
            section.number += 1;
            let number = section.number;
            let interface = usize::try_from(packet.if_id)
                .ok()
                .and_then(|id| section.interfaces.get(id))
                .ok_or_else(|| {
                    format!(
                        "frame {number} is from interface {}, which the file does not describe",
                        packet.if_id
                    )
                })?;
            let time = interface
                .time(packet.ts_high, packet.ts_low)
                .ok_or_else(|| format!("frame {number} has a time that does not exist"))?;
            section.last_time = Some(time);
            sink(Frame { number, time, link: interface.link, data: packet.packet_data() });
        }
        Block::SimplePacket(packet) => {
            section.number += 1;
            let number = section.number;
            let interface = section
                .interfaces
                .first()
                .ok_or_else(|| format!("frame {number} comes before any interface description"))?;
            // A simple packet has no time of its own: it came no earlier than the one before.
            let time = section.last_time.unwrap_or(Timestamp::UNIX_EPOCH);
            sink(Frame { number, time, link: interface.link, data: packet.packet_data() });
        }
        _ => {}
    }
    Ok(())
}
