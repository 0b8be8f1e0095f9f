//! The first look at a frame, by any thread: does anybody want it?
//!
//! Most frames are of no interest and leave nothing. A segment of a connection that is
//! not followed leaves a mark of a few bytes, because only the [`FlowTable`] knows
//! whether it is.
//!
//! [`FlowTable`]: super::flow::FlowTable

use super::flow::may_begin;
use super::mark::Mark;
use super::names;
use super::reader::{Frame, Sift};
use crate::wire::glance::{self, Transport, glance};
use crate::wire::packet::{self, LinkType, Packet, Segment};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Frames of a block, about.
const FRAMES: usize = 1024;

/// Knows the ports on which RDP is expected.
#[derive(Debug, Clone)]
pub(super) struct Sieve {
    ports: Arc<[u16]>,
}

/// What is kept of the frames of a block.
#[derive(Debug, Default)]
pub(super) struct Sifted {
    pub(super) frames: u64,
    /// The earliest and the latest time.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) unknown_links: BTreeMap<i32, u64>,
    pub(super) kept: Vec<Kept>,
    /// Of those, the segments without their payloads, and where these stand.
    pub(super) segments: Vec<(Segment<'static>, u32, u32)>,
}

impl Sifted {
    /// Keeps a segment of a frame whose data stand at this place of the block.
    #[inline]
    fn keep(&mut self, frame: &Frame<'_>, at: usize, segment: &Segment<'_>) {
        let inside = segment.payload.as_ptr().addr().wrapping_sub(frame.data.as_ptr().addr());
        let begins = u32::try_from(at.saturating_add(inside)).unwrap_or(u32::MAX);
        let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        if self.segments.is_empty() {
            self.segments.reserve(FRAMES);
        }
        self.segments.push((segment.without_payload(), begins, length));
    }
}

/// A frame that somebody may want.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) what: What,
    /// Counted from 1 in its block.
    pub(super) number: u32,
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    /// Where its data begin in the block, and their length in bytes.
    at: u32,
    length: u32,
}

#[derive(Debug)]
pub(super) enum What {
    /// The next of the segments.
    Segment,
    /// A segment that counts only for a connection with this mark.
    Stray(Mark),
    /// A packet of any other kind.
    Packet,
}

impl Kept {
    /// The frame's bytes.
    pub(super) fn data<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        part(block, self.at, self.length)
    }
}

/// So many bytes of a block from a place on.
pub(super) fn part(block: &[u8], at: u32, length: u32) -> &[u8] {
    let at = at as usize;
    block.get(at..at.saturating_add(length as usize)).unwrap_or_default()
}

impl Sieve {
    pub(super) fn new(ports: &[u16]) -> Self {
        Self { ports: ports.into() }
    }

    /// Whether a port is one of those whose packets are looked at in full.
    fn is_of_note(&self, port: u16) -> bool {
        self.ports.contains(&port) || names::is_port(port)
    }

    /// What a plain frame is to be kept as, unless only a look in full can tell.
    #[inline]
    fn at_a_glance(&self, link: LinkType, data: &[u8]) -> Option<Option<What>> {
        let seen = glance(link, data)?;
        if self.is_of_note(seen.source_port) || self.is_of_note(seen.destination_port) {
            return None;
        }
        match seen.transport {
            Transport::Tcp { syn, payload } => {
                let is_stray = !may_begin(syn, seen.destination_port, payload);
                let mark = || Mark::of(seen.source(), seen.destination());
                is_stray.then(|| Some(What::Stray(mark())))
            }
            Transport::Udp => Some(None),
        }
    }

    fn in_full(&self, frame: &Frame<'_>, at: usize, sifted: &mut Sifted) -> Option<What> {
        let segment = match glance::segment(frame.link, frame.data) {
            Some(plain) => plain,
            None => match packet::parse(frame.link, frame.data) {
                Packet::Tcp(segment) => segment,
                other => return self.is_wanted(&other).then_some(What::Packet),
            },
        };
        let what = self.what(&segment);
        if matches!(what, What::Segment) {
            sifted.keep(frame, at, &segment);
        }
        Some(what)
    }

    #[inline]
    fn what(&self, segment: &Segment<'_>) -> What {
        let (from, to) = (segment.source.port(), segment.destination.port());
        if self.ports.contains(&from) || self.ports.contains(&to) {
            What::Segment
        } else if may_begin(segment.flags.syn, to, segment.payload)
            || names::is_port(from)
            || names::is_port(to)
        {
            What::Packet
        } else {
            What::Stray(Mark::of(segment.source, segment.destination))
        }
    }

    /// Whether anybody wants a packet that is no segment.
    fn is_wanted(&self, packet: &Packet<'_>) -> bool {
        match packet {
            Packet::Udp { source, destination, .. } => {
                self.is_of_note(source.port()) || self.is_of_note(destination.port())
            }
            Packet::Other => false,
            _ => true,
        }
    }
}

impl Sift for Sieve {
    type Sifted = Sifted;

    #[inline]
    fn frame(&self, frame: &Frame<'_>, at: usize, sifted: &mut Sifted) {
        let time = frame.time;
        sifted.frames += 1;
        sifted.span = Some(match sifted.span {
            Some((first, last)) => (first.min(time), last.max(time)),
            None => (time, time),
        });
        if !frame.link.is_known() {
            *sifted.unknown_links.entry(frame.link.0).or_default() += 1;
            return;
        }
        let what = match self.at_a_glance(frame.link, frame.data) {
            Some(what) => what,
            None => self.in_full(frame, at, sifted),
        };
        let Some(what) = what else { return };
        if sifted.kept.is_empty() {
            sifted.kept.reserve(FRAMES);
        }
        sifted.kept.push(Kept {
            what,
            number: u32::try_from(frame.number).unwrap_or(u32::MAX),
            time,
            link: frame.link,
            at: u32::try_from(at).unwrap_or(u32::MAX),
            length: u32::try_from(frame.data.len()).unwrap_or(u32::MAX),
        });
    }
}
