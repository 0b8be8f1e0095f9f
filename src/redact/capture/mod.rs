//! Captures with pseudonyms: every frame stays in its place, with its time and its length.
//!
//! Two passes. The first puts the beginnings of the connections that are followed in order and
//! rewrites them; the second writes the frames.

mod checksum;
mod clear;
mod der;
mod dns;
mod frame;
mod handshake;
mod pcapng;
mod side;
mod stream;
mod strings;

pub(super) use clear::token;

use super::pseudonym::Pseudonyms;
use crate::base::Endpoint;
use crate::capture::{Frame, read_frames};
use crate::intake::EvidenceFile;
use crate::wire::layers::headers;
use crate::wire::packet::{Packet, Segment, parse};
use der::Renamed;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use stream::Streams;

/// Addresses whose pseudonyms are remembered.
const MAX_ADDRESSES: usize = 1 << 20;

/// Pseudonyms of addresses, remembered: each takes up to 128 hashes.
#[derive(Debug)]
pub(super) struct Addresses<'p> {
    pub(super) pseudonyms: &'p Pseudonyms,
    v4: HashMap<[u8; 4], [u8; 4]>,
    v6: HashMap<[u8; 16], [u8; 16]>,
}

impl<'p> Addresses<'p> {
    pub(super) fn new(pseudonyms: &'p Pseudonyms) -> Self {
        Self { pseudonyms, v4: HashMap::new(), v6: HashMap::new() }
    }

    fn v4(&mut self, original: [u8; 4]) -> [u8; 4] {
        if self.v4.len() >= MAX_ADDRESSES {
            self.v4.clear();
        }
        let made = || self.pseudonyms.address_v4(Ipv4Addr::from(original)).octets();
        *self.v4.entry(original).or_insert_with(made)
    }

    fn v6(&mut self, original: [u8; 16]) -> [u8; 16] {
        if self.v6.len() >= MAX_ADDRESSES {
            self.v6.clear();
        }
        let made = || self.pseudonyms.address_v6(Ipv6Addr::from(original)).octets();
        *self.v6.entry(original).or_insert_with(made)
    }

    fn hardware(&self, original: [u8; 6]) -> [u8; 6] {
        self.pseudonyms.hardware(original)
    }
}

/// Connections that are followed, by their ends in either order.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) ends: BTreeSet<(Endpoint, Endpoint)>,
    /// Ports of the UDP side channel.
    pub(super) ports: Vec<u16>,
}

impl Followed {
    fn has(&self, segment: &Segment<'_>) -> bool {
        let (a, b) = (Endpoint::from(segment.source), Endpoint::from(segment.destination));
        self.ends.contains(&(a, b)) || self.ends.contains(&(b, a))
    }
}

/// What becomes of payloads in the second pass.
struct Payloads<'a> {
    followed: &'a Followed,
    streams: &'a mut Streams,
}

impl Payloads<'_> {
    fn tcp(&mut self, segment: &Segment<'_>, payload: &mut [u8], made: &mut Addresses<'_>) {
        let dns = segment.source.port() == 53 || segment.destination.port() == 53;
        if self.followed.has(segment) {
            self.streams.lay(segment, payload);
        } else if dns {
            dns::stream(payload, made);
        } else {
            payload.fill(0);
        }
    }

    fn udp(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &mut [u8],
        made: &mut Addresses<'_>,
    ) {
        let ports = [source.port(), destination.port()];
        if ports.iter().any(|port| matches!(port, 53 | 5353 | 5355)) {
            dns::message(payload, made);
        } else if ports.iter().any(|port| self.followed.ports.contains(port)) {
            side::datagram(payload);
        } else {
            payload.fill(0);
        }
    }
}

/// A capture whose connections have been read.
pub(super) struct Redaction<'a> {
    followed: &'a Followed,
    streams: Streams,
}

/// What became of one file of a capture.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) frames: u64,
    /// Frames of which Windows said that it dropped them: a copy cannot say so.
    pub(super) drops: u64,
}

impl<'a> Redaction<'a> {
    /// First pass over all parts of a capture; gives what its certificates are called now.
    pub(super) fn read(
        parts: &[EvidenceFile],
        followed: &'a Followed,
        made: &mut Addresses<'_>,
    ) -> (Self, Vec<Renamed>) {
        let mut streams = Streams::default();
        for part in parts {
            // Gaps are told where the capture is read for its facts.
            let _ = read_frames(part, &mut |frame| {
                if let Packet::Tcp(segment) = parse(frame.link, frame.data)
                    && followed.has(&segment)
                {
                    streams.take(&segment);
                }
            });
        }
        let renamed = streams.rewrite(made);
        (Self { followed, streams }, renamed)
    }

    /// Segments whose beginnings there was no room for: they are overwritten.
    pub(super) fn left_out(&self) -> u64 {
        self.streams.left_out
    }

    /// Second pass over one part, in the order of the first.
    ///
    /// # Errors
    /// What the operating system says of the copy.
    pub(super) fn write(
        &mut self,
        part: &EvidenceFile,
        made: &mut Addresses<'_>,
        out: impl Write,
    ) -> io::Result<Written> {
        let mut writer = pcapng::Writer::new(out)?;
        let mut written = Written::default();
        let mut failed = None;
        let mut data = Vec::new();
        let _ = read_frames(part, &mut |frame| {
            if failed.is_some() {
                return;
            }
            if let Some(drop) = frame.drop {
                written.drops += 1;
                if drop.again {
                    return;
                }
            }
            data.clear();
            data.extend_from_slice(frame.data);
            let mut payloads = Payloads { followed: self.followed, streams: &mut self.streams };
            frame::rewrite(frame.link, &mut data, made, &mut payloads);
            written.frames += 1;
            failed = writer.frame(&frame, &data, wire_len(&frame)).err();
        });
        match failed {
            Some(error) => Err(error),
            None => writer.finish().map(|()| written),
        }
    }
}

/// Bytes that a frame had on the wire, as its outermost IP header says: what is read of a
/// capture does not tell.
fn wire_len(frame: &Frame<'_>) -> usize {
    let captured = frame.data.len();
    let first = headers(frame.link, frame.data).internet.first().map(|first| first.at);
    let Some(at) = first else { return captured };
    let word = |at: usize| {
        let pair = frame.data.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes(*pair)))
    };
    let announced = match frame.data.get(at).map(|first| first >> 4) {
        Some(4) => word(at + 2),
        Some(6) => word(at + 4).filter(|length| *length > 0).map(|length| length + 40),
        _ => None,
    };
    announced.map_or(captured, |length| captured.max(at + length))
}

#[cfg(test)]
mod tests;
