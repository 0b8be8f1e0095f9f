//! What crossed the wire?
//!
//! Frames are streamed, connections of RDP are followed, and everything else is
//! dropped at its header. Out come [`Conversation`]s, name resolution, ICMP and
//! ARP observations, the coverage and the gaps.

mod attribution;
mod conversation;
mod dissect;
mod flow;
mod health;
mod names;
mod neighbours;
mod reader;
mod reassembly;

pub use reader::{Frame, ReadOutcome, read_frames};

use crate::base::{Endpoint, Gap, HostTime};
use crate::intake::{EvidenceFile, FileKind};
use crate::observe::{Conversation, Coverage, EvidenceKind, Observation};
use crate::wire::packet::{self, Packet};
use flow::FlowTable;
use names::Names;
use neighbours::Neighbours;
use std::sync::Arc;

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
pub fn read(file: &EvidenceFile, ports: &[u16]) -> CaptureFacts {
    let mut walk = Walk::new(file, ports);
    let outcome = read_frames(file, &mut |frame| walk.frame(frame));
    walk.finish(outcome.gaps, outcome.unreadable)
}

/// The state of one pass over a capture.
struct Walk {
    file: Arc<str>,
    kind: EvidenceKind,
    flows: FlowTable,
    names: Names,
    neighbours: Neighbours,
    frames: u64,
    span: Option<(HostTime, HostTime)>,
    unknown_links: Vec<(i32, u64)>,
}

impl Walk {
    fn new(file: &EvidenceFile, ports: &[u16]) -> Self {
        Self {
            file: Arc::clone(&file.name),
            kind: match file.kind {
                FileKind::Pcap => EvidenceKind::Pcap,
                FileKind::NetMon => EvidenceKind::NetMon,
                _ => EvidenceKind::Pcapng,
            },
            flows: FlowTable::new(&file.name, ports),
            names: Names::new(&file.name),
            neighbours: Neighbours::new(&file.name),
            frames: 0,
            span: None,
            unknown_links: Vec::new(),
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        self.frames += 1;
        let time = HostTime(frame.time);
        self.span = Some(match self.span {
            Some((first, last)) => (first.min(time), last.max(time)),
            None => (time, time),
        });
        if !frame.link.is_known() {
            match self.unknown_links.iter_mut().find(|(link, _)| *link == frame.link.0) {
                Some((_, count)) => *count += 1,
                None => self.unknown_links.push((frame.link.0, 1)),
            }
            return;
        }
        match packet::parse(frame.link, frame.data) {
            Packet::Tcp(segment) => self.flows.segment(frame.number, time, &segment),
            Packet::Udp { source, destination, payload } => {
                self.names.datagram(frame.number, time, source, destination, payload);
            }
            Packet::Unreachable { from, message } => {
                self.flows.unreachable(frame.number, time, from, message);
            }
            Packet::Arp { request, sender, target } => {
                self.neighbours.arp(frame.number, time, request, sender, target);
            }
            Packet::Other => {}
        }
    }

    fn finish(self, mut gaps: Vec<Gap>, unreadable: u64) -> CaptureFacts {
        for (link, count) in &self.unknown_links {
            gaps.push(Gap::file(
                &self.file,
                format!("{count} frames of link type {link}, which this version does not read"),
            ));
        }
        let end = self.span.map(|(_, last)| last);
        let (mut conversations, flow_gaps) = self.flows.finish();
        gaps.extend(flow_gaps);
        conversations.sort_by_key(|c| c.first_frame);
        let mut observations = self.names.finish(end);
        observations.extend(self.neighbours.finish());
        observations.sort_by(|a, b| a.source.cmp(&b.source).then_with(|| a.kind.cmp(&b.kind)));
        let unknown: u64 = self.unknown_links.iter().map(|(_, count)| count).sum();
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
            },
            gaps,
        }
    }
}

/// The key of a connection, independent of direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct FlowKey(Endpoint, Endpoint);

impl FlowKey {
    fn of(a: Endpoint, b: Endpoint) -> Self {
        if a <= b { Self(a, b) } else { Self(b, a) }
    }
}
