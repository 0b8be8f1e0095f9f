//! What crossed the wire?
//!
//! Frames are streamed, connections of RDP are followed, and everything else is
//! dropped at its header. Out come [`Conversation`]s, name resolution, ICMP and
//! ARP observations, the coverage and the gaps.

mod attribution;
mod conversation;
mod copies;
mod dissect;
mod drops;
mod flow;
mod fragments;
mod health;
mod mark;
mod names;
mod neighbours;
mod owners;
mod reader;
mod reassembly;
mod service;
mod sieve;
mod split;
mod udp;
mod window;

pub use reader::{Dropped, Frame, ReadOutcome, Sift, Take, read_frames, sift_frames};
pub use split::streams;

use crate::base::limits::MAX_NESTING;
use crate::base::{Endpoint, Gap, GapList, HostTime, counted};
use crate::intake::{EvidenceFile, FileKind};
use crate::observe::{CapturePart, Conversation, Coverage, EvidenceKind, Observation};
use crate::wire::decrypt::KeyLog;
use crate::wire::packet::{self, Packet, Segment};
use drops::Drops;
use flow::FlowTable;
use fragments::Fragments;
use names::Names;
use neighbours::Neighbours;
use owners::Owners;
use sieve::{Sieve, Sifted, What};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use udp::UdpChannels;

/// What one capture says.
#[derive(Debug)]
pub struct CaptureFacts {
    pub conversations: Vec<Conversation>,
    pub observations: Vec<Observation>,
    pub coverage: Coverage,
    pub gaps: Vec<Gap>,
}

/// Reads one capture. `ports` are those on which RDP is expected; RDP on any
/// other port is recognised by its first bytes.
/// `secrets` are those of the user's key logs.
pub fn read(file: &EvidenceFile, ports: &[u16], secrets: Option<Arc<KeyLog>>) -> CaptureFacts {
    read_stream(file, &[], ports, secrets)
}

/// Reads a capture that was split into files: its first part and the others, in the order
/// of time. Frames are numbered over all parts.
pub fn read_stream(
    file: &EvidenceFile,
    others: &[EvidenceFile],
    ports: &[u16],
    secrets: Option<Arc<KeyLog>>,
) -> CaptureFacts {
    let mut walk = Walk::new(file, ports, secrets.clone());
    let outcome = walk.read(file, others);
    let brought = KeyLog::parse(&outcome.secrets);
    if brought.is_empty() {
        return walk.finish(outcome);
    }
    // The capture brings secrets of its own, perhaps behind the records that they
    // open: it is read once more.
    let mut all = secrets.map(|given| KeyLog::clone(&given)).unwrap_or_default();
    all.merge(brought);
    let mut walk = Walk::new(file, ports, Some(Arc::new(all)));
    let outcome = walk.read(file, others);
    walk.finish(outcome)
}

/// The state of one pass over a capture.
struct Walk {
    file: Arc<str>,
    kind: EvidenceKind,
    flows: FlowTable,
    names: Names,
    neighbours: Neighbours,
    owners: Owners,
    udp: UdpChannels,
    fragments: Fragments,
    drops: Drops,
    /// Number of the last frame of the parts before, of a split capture.
    before: u64,
    /// Of the last frame so far.
    last_number: u64,
    sieve: Sieve,
    frames: u64,
    span: Option<(HostTime, HostTime)>,
    /// Frames of each link type that is not read.
    unknown_links: BTreeMap<i32, u64>,
    /// Of a split capture.
    parts: Vec<CapturePart>,
}

impl Walk {
    fn new(file: &EvidenceFile, ports: &[u16], secrets: Option<Arc<KeyLog>>) -> Self {
        Self {
            file: Arc::clone(&file.name),
            kind: match file.kind {
                FileKind::Pcap => EvidenceKind::Pcap,
                FileKind::NetMon => EvidenceKind::NetMon,
                FileKind::Etl => EvidenceKind::Etl,
                _ => EvidenceKind::Pcapng,
            },
            flows: FlowTable::new(file, ports, secrets),
            names: Names::new(&file.name),
            neighbours: Neighbours::new(&file.name),
            owners: Owners::new(&file.name),
            udp: UdpChannels::new(&file.name, ports),
            fragments: Fragments::new(&file.name, ports),
            drops: Drops::new(&file.name, ports),
            before: 0,
            last_number: 0,
            sieve: Sieve::new(ports),
            frames: 0,
            span: None,
            unknown_links: BTreeMap::new(),
            parts: Vec::new(),
        }
    }

    fn read(&mut self, file: &EvidenceFile, others: &[EvidenceFile]) -> ReadOutcome {
        if others.is_empty() {
            return self.sift(file);
        }
        let mut whole = ReadOutcome::default();
        let names: Vec<&str> =
            std::iter::once(file).chain(others).map(|part| &*part.name).collect();
        for number in split::missing_between(&names) {
            let message = format!("part {number} of this split capture is not there");
            whole.gaps.push(Gap::file(&file.name, message));
            whole.unreadable += 1;
        }
        for part in std::iter::once(file).chain(others) {
            let before = self.before;
            let outcome = self.sift(part);
            let frames = self.last_number - before;
            self.parts.push(CapturePart { file: Arc::clone(&part.name), before, frames });
            self.before = self.last_number;
            whole.gaps.extend(outcome.gaps);
            whole.unreadable += outcome.unreadable;
            whole.secrets.extend(outcome.secrets);
        }
        whole
    }

    fn sift(&mut self, file: &EvidenceFile) -> ReadOutcome {
        let sieve = self.sieve.clone();
        sift_frames(file, &sieve, self)
    }

    fn reaches(&mut self, first: HostTime, last: HostTime) {
        self.span = Some(match self.span {
            Some((from, to)) => (from.min(first), to.max(last)),
            None => (first, last),
        });
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let time = HostTime(frame.time);
        self.last_number = self.last_number.max(frame.number);
        if let Some(drop) = frame.drop {
            let packet = packet::parse(frame.link, frame.data);
            self.drops.seen(frame.number, time, &packet, drop);
            if drop.again {
                return;
            }
        }
        self.frames += 1;
        self.reaches(time, time);
        if !frame.link.is_known() {
            *self.unknown_links.entry(frame.link.0).or_default() += 1;
            return;
        }
        self.packet(frame.number, time, packet::parse(frame.link, frame.data), MAX_NESTING);
    }

    /// Hands a packet to whoever follows its kind. A datagram that was put together
    /// may carry parts of another one: `left` says how often.
    fn packet(&mut self, number: u64, time: HostTime, packet: Packet<'_>, left: u8) {
        match packet {
            Packet::Tcp(segment) => self.segment(number, time, &segment),
            Packet::Udp { source, destination, payload } => {
                self.names.datagram(number, time, source, destination, payload);
                self.udp.datagram(number, time, (source, destination), payload);
            }
            Packet::IcmpError { from, error } if error.protocol == 6 => {
                self.flows.unreachable(number, time, from, error);
            }
            Packet::IcmpError { error, .. } => self.udp.refused(number, &error),
            Packet::Neighbour { request, sender, target, hardware } => {
                self.neighbours.seen(number, time, request, sender, target);
                if let Some(hardware) = hardware {
                    self.owners.seen(number, time, sender, hardware);
                }
            }
            Packet::Fragment(part) => {
                let whole = self.fragments.part(time, &part);
                if let (Some(whole), Some(left)) = (whole, left.checked_sub(1)) {
                    let payload = &whole.payload;
                    let packet = packet::from_transport(&whole.internet, whole.protocol, payload);
                    self.packet(number, time, packet, left);
                }
            }
            Packet::Other => {}
        }
    }

    fn segment(&mut self, number: u64, time: HostTime, segment: &Segment<'_>) {
        self.names.segment(number, time, segment);
        self.flows.segment(number, time, segment);
    }

    fn links_not_read(&self) -> Vec<Gap> {
        let mut gaps = GapList::default();
        for (link, count) in &self.unknown_links {
            let frames = counted(*count, "frame");
            let message = format!("{frames} of link type {link}, which this version does not read");
            gaps.push(Gap::file(&self.file, message));
        }
        gaps.finish(&self.file, &[])
    }

    fn finish(self, outcome: ReadOutcome) -> CaptureFacts {
        let ReadOutcome { mut gaps, unreadable, .. } = outcome;
        gaps.extend(self.links_not_read());
        let end = self.span.map(|(_, last)| last);
        let (mut conversations, flow_gaps) = self.flows.finish();
        gaps.extend(flow_gaps);
        gaps.extend(self.fragments.finish());
        conversations.sort_by_key(|c| c.first_frame);
        let (mut observations, left_out) = self.names.finish(end);
        gaps.extend(left_out);
        let left_out = self.neighbours.left_out + self.owners.left_out;
        if left_out > 0 {
            let messages = counted(left_out, "message");
            let message = format!(
                "{messages} of ARP and neighbour discovery about more addresses than are followed"
            );
            gaps.push(Gap::file(&self.file, message));
        }
        observations.extend(self.neighbours.finish());
        observations.extend(self.owners.finish());
        let (channels, left_out) = self.udp.finish();
        observations.extend(channels);
        gaps.extend(left_out);
        let (drops, left_out) = self.drops.finish();
        observations.extend(drops);
        gaps.extend(left_out);
        observations.sort_by(|a, b| a.source.cmp(&b.source).then_with(|| a.kind.cmp(&b.kind)));
        let unknown: u64 = self.unknown_links.values().sum();
        CaptureFacts {
            conversations,
            observations,
            coverage: Coverage {
                file: self.file,
                kind: self.kind,
                channel: None,
                host: None,
                span: self.span,
                items: self.frames,
                unreadable: unreadable + unknown,
                holes: Vec::new(),
                parts: self.parts,
            },
            gaps,
        }
    }
}

impl Take<Sifted> for Walk {
    fn frame(&mut self, frame: Frame<'_>) {
        let number = self.before + frame.number;
        Self::frame(self, Frame { number, ..frame });
    }

    fn sifted(&mut self, before: u64, block: &[u8], sifted: Sifted) {
        let before = self.before + before;
        self.last_number = before + sifted.frames;
        self.frames += sifted.frames;
        if let Some((first, last)) = sifted.span {
            self.reaches(HostTime(first), HostTime(last));
        }
        for (link, frames) in sifted.unknown_links {
            *self.unknown_links.entry(link).or_default() += frames;
        }
        // The segments get back the payloads that stand in the block.
        let mut segments: Vec<(Segment<'_>, u32, u32)> = sifted.segments;
        let mut segments = segments.iter_mut();
        for kept in &sifted.kept {
            let (number, time) = (before + u64::from(kept.number), HostTime(kept.time));
            let packet = match kept.what {
                What::Segment => {
                    let Some((segment, at, length)) = segments.next() else { break };
                    segment.payload = sieve::part(block, *at, *length);
                    self.segment(number, time, segment);
                    continue;
                }
                What::Stray(mark) if !self.flows.knows(mark) => continue,
                What::Stray(_) | What::Packet => packet::parse(kept.link, kept.data(block)),
            };
            self.packet(number, time, packet, MAX_NESTING);
        }
    }
}

/// The key of a connection, independent of direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FlowKey(Endpoint, Endpoint);

/// As few words as tell it.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [&self.0, &self.1] {
            let port = u64::from(end.port.unwrap_or_default());
            match end.address {
                IpAddr::V4(address) => state.write_u64(u64::from(address.to_bits()) << 16 | port),
                IpAddr::V6(address) => {
                    state.write_u128(address.to_bits());
                    state.write_u64(port);
                }
            }
        }
    }
}

impl FlowKey {
    fn of(a: Endpoint, b: Endpoint) -> Self {
        if a <= b { Self(a, b) } else { Self(b, a) }
    }
}
