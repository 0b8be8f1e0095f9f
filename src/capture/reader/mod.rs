//! Frames out of captures, streamed through one buffer that is reused.
//!
//! A damaged record costs itself, not the rest of the file: the reader looks for
//! the next place that holds a record and goes on there, and the hole is a gap.

mod ahead;
#[cfg(test)]
mod ahead_tests;
mod etl;
mod input;
mod known;
mod netmon;
mod pcap;
mod pcapng;
mod section;

pub use ahead::{Sift, Take};

use crate::base::{Gap, GapList, counted};
use crate::intake::{EvidenceFile, FileKind, ReadAt};
use crate::wire::packet::LinkType;
use input::Input;
use jiff::Timestamp;
use std::io::{self, Read};
use std::sync::Arc;

/// One captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Counted from 1, as Wireshark counts, while the file is whole. Only frames that
    /// were read are counted: behind a hole the numbers go on without one.
    pub number: u64,
    pub time: Timestamp,
    pub link: LinkType,
    /// The interface it came from: counted over all sections of a pcapng file; the
    /// index of the interface or the component in an event trace; 0 in the other formats.
    pub interface: u32,
    pub data: &'a [u8],
    /// That Windows itself dropped the packet, where the capture says so.
    pub drop: Option<Dropped>,
}

/// Why and where Windows dropped a packet, as Packet Monitor reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// `PKTMON_DROP_REASON`, pktmonnpik.h.
    pub reason: u32,
    /// `PKTMON_DROP_LOCATION`.
    pub location: u32,
    pub component: u16,
    /// Whether it was on its way in, where that is told.
    pub inbound: Option<bool>,
    /// The packet is that of a frame before, whose number this one has: it is told once
    /// more only because of the drop.
    pub again: bool,
}

/// Who takes the frames.
type Sink<'a> = &'a mut dyn FnMut(Frame<'_>);

/// What was not read, and what was found beside the frames.
#[derive(Debug, Default)]
pub struct ReadOutcome {
    pub gaps: Vec<Gap>,
    /// Frames that are known to be there and could not be read.
    pub unreadable: u64,
    /// The text of all TLS key logs in decryption secrets blocks (pcapng).
    pub secrets: Vec<u8>,
}

/// Calls `sink` for every frame of a capture, in file order; of an event trace in the
/// order of time.
pub fn read_frames(file: &EvidenceFile, sink: &mut dyn FnMut(Frame<'_>)) -> ReadOutcome {
    outcome_of(file, |gaps| read(file, gaps, sink))
}

/// As [`read_frames`], but where a capture is large and lies unpacked, all threads look at
/// its frames first, and `taker` gets what they kept. The outcome is the same.
pub fn sift_frames<S: Sift>(
    file: &EvidenceFile,
    sift: &S,
    taker: &mut dyn Take<S::Sifted>,
) -> ReadOutcome {
    outcome_of(file, |gaps| match file.kind {
        FileKind::Pcap | FileKind::Pcapng => match ahead::plain(file)? {
            Some(bytes) => read_ahead(file, &bytes, gaps, sift, taker),
            None => read(file, gaps, &mut |frame| taker.frame(frame)),
        },
        _ => read(file, gaps, &mut |frame| taker.frame(frame)),
    })
}

fn outcome_of(file: &EvidenceFile, read: impl FnOnce(&mut Gaps) -> io::Result<()>) -> ReadOutcome {
    let mut gaps = Gaps::new(&file.name);
    if let Err(error) = read(&mut gaps) {
        gaps.push_for_file(format!("cannot be opened: {error}"));
    }
    let mut outcome = gaps.into_outcome();
    file.explain_offsets(&mut outcome.gaps);
    outcome
}

fn read_ahead<S: Sift>(
    file: &EvidenceFile,
    bytes: &ReadAt,
    gaps: &mut Gaps,
    sift: &S,
    taker: &mut dyn Take<S::Sifted>,
) -> io::Result<()> {
    let mut opened = Vec::new();
    let mut input = Input::new(file.open(&mut opened)?);
    gaps.gaps.extend(opened);
    if file.kind == FileKind::Pcap {
        let Some(walk) = pcap::begin(&mut input, gaps) else { return Ok(()) };
        if let Some((input, _)) = ahead::read(bytes, input, walk, gaps, sift, taker) {
            gaps.push_failure(&input);
        }
        return Ok(());
    }
    let walk = pcapng::Walk::default();
    if let Some((input, walk)) = ahead::read(bytes, input, walk, gaps, sift, taker) {
        walk.finish(gaps);
        gaps.push_failure(&input);
    }
    Ok(())
}

fn read(file: &EvidenceFile, gaps: &mut Gaps, sink: Sink<'_>) -> io::Result<()> {
    if file.kind == FileKind::NetMon {
        let mut opened = Vec::new();
        let reader = file.open(&mut opened)?;
        gaps.gaps.extend(opened);
        return netmon::read(reader, gaps, sink);
    }
    if file.kind == FileKind::Etl {
        let mut opened = Vec::new();
        let input = file.open_at(&mut opened)?;
        gaps.gaps.extend(opened);
        return etl::read(&input, gaps, sink);
    }
    let mut input = Input::new(file.stream()?);
    match file.kind {
        FileKind::Pcap => pcap::read(&mut input, gaps, sink),
        _ => pcapng::read(&mut input, gaps, sink),
    }
    gaps.push_failure(&input);
    Ok(())
}

/// Collects gaps up to the budget and counts the rest.
struct Gaps {
    file: Arc<str>,
    gaps: GapList,
    unreadable: u64,
    secrets: Vec<u8>,
}

impl Gaps {
    fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            gaps: GapList::default(),
            unreadable: 0,
            secrets: Vec::new(),
        }
    }

    fn push(&mut self, offset: u64, message: impl Into<String>) {
        self.gaps.push(Gap::at(&self.file, offset, message));
    }

    fn push_for_file(&mut self, message: impl Into<String>) {
        self.gaps.push(Gap::file(&self.file, message));
    }

    /// Tells that the stream broke off, if it did.
    fn push_failure<R: Read>(&mut self, input: &Input<R>) {
        if let Some(error) = &input.failure {
            let end = input.offset + input.window().len() as u64;
            self.push(end, format!("reading stopped: {error}"));
        }
    }

    /// A hole: why, behind which frame, how many bytes, and where reading goes on.
    fn hole(&mut self, start: u64, why: &str, frame: u64, bytes: u64, goes_on: Option<u64>) {
        let message = match goes_on {
            Some(offset) => format!(
                "{why} after frame {frame}: {} skipped, reading goes on at byte {offset}",
                counted(bytes, "byte"),
            ),
            None => format!(
                "{why} after frame {frame}: not read to the end of the file: {}",
                counted(bytes, "byte"),
            ),
        };
        self.push(start, message);
    }

    fn into_outcome(self) -> ReadOutcome {
        let gaps = self.gaps.finish(&self.file, &[]);
        ReadOutcome { gaps, unreadable: self.unreadable, secrets: self.secrets }
    }
}
