//! One connection while it is being read.

use super::attribution::Attribution;
use super::copies::Copies;
use super::dissect::{Dissector, Layers, Moment};
use super::health::Tracker;
use super::reassembly::{Piece, Reassembler};
use super::service::{Recognised, is_gateway_request};
use crate::base::{Endpoint, FrameNumber, HostTime, millis_between};
use crate::observe::{
    At, Close, CloseKind, Conversation, CredsspTrace, GapKind, RdpTrace, Service, Side, StreamGap,
    TcpTrace, TlsTrace,
};
use crate::wire::decrypt::KeyLog;
use crate::wire::icmp::IcmpError;
use crate::wire::packet::Segment;
use jiff::SignedDuration;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// ICMP errors that are remembered of one connection.
const MAX_UNREACHABLES: usize = 16;

/// A connection that is being followed.
#[derive(Debug)]
pub(super) struct Live {
    client: Endpoint,
    server: Endpoint,
    recognised: Recognised,
    first: (FrameNumber, HostTime),
    last: (FrameNumber, HostTime),
    frames: u64,
    tcp: TcpTrace,
    syn_seq: Option<u32>,
    dissector: Lazy,
    streams: [Reassembler; 2],
    trackers: [Tracker; 2],
    copies: [Copies; 2],
    attribution: Attribution,
    gap: Option<StreamGap>,
    /// Bytes of memory that wait in the dissector.
    dissecting: usize,
}

/// A dissector from the first byte on: the many connections of a scan have none.
#[derive(Debug)]
struct Lazy {
    secrets: Option<Arc<KeyLog>>,
    begun: Option<Box<Dissector>>,
}

impl Lazy {
    fn begin(&mut self) -> &mut Dissector {
        self.begun.get_or_insert_with(|| Box::new(Dissector::with_secrets(self.secrets.clone())))
    }

    fn finish(self) -> Layers {
        let begun = self.begun.map(|begun| *begun);
        begun.unwrap_or_else(|| Dissector::with_secrets(self.secrets)).finish()
    }
}

impl Live {
    pub(super) fn new(
        (client, server): (Endpoint, Endpoint),
        recognised: Recognised,
        secrets: Option<Arc<KeyLog>>,
        frame: FrameNumber,
        time: HostTime,
    ) -> Self {
        Self {
            client,
            server,
            recognised,
            first: (frame, time),
            last: (frame, time),
            frames: 0,
            tcp: TcpTrace::default(),
            syn_seq: None,
            dissector: Lazy { secrets, begun: None },
            streams: Default::default(),
            trackers: Default::default(),
            copies: Default::default(),
            attribution: Attribution::default(),
            gap: None,
            dissecting: 0,
        }
    }

    /// Bytes of memory in which something waits for what comes, about.
    pub(super) fn held(&self) -> usize {
        let streams = self.streams.iter().map(Reassembler::held).sum::<usize>();
        streams + self.trackers.iter().map(Tracker::held).sum::<usize>() + self.dissecting
    }

    /// There is no room for what waits: it is read on with a hole.
    pub(super) fn let_go(&mut self) {
        let frame = self.last.0;
        let [client, server] = &mut self.streams;
        for (side, stream) in [(Side::Client, client), (Side::Server, server)] {
            let mut sink = |piece: Piece<'_>| take(&mut self.dissector, &mut self.gap, side, piece);
            stream.let_go(&mut sink);
            if let Some(dissector) = &mut self.dissector.begun {
                dissector.let_go(side);
            }
            let offset = stream.offset();
            self.gap.get_or_insert(StreamGap { side, offset, frame, kind: GapKind::Budget });
        }
        self.trackers.iter_mut().for_each(Tracker::let_go);
        self.dissecting = 0;
    }

    pub(super) fn first_frame(&self) -> FrameNumber {
        self.first.0
    }

    /// Whether nothing is to be expected of it: it was closed, or never came to be.
    pub(super) fn is_over(&self) -> bool {
        let unanswered = self.tcp.syn.is_some() && self.tcp.syn_ack.is_none();
        self.tcp.close.is_some() || self.tcp.refused.is_some() || unanswered
    }

    pub(super) fn last_time(&self) -> HostTime {
        self.last.1
    }

    /// Whether a SYN with this number starts another connection on the same ports.
    pub(super) fn is_new_connection(&self, segment: &Segment<'_>) -> bool {
        segment.flags.syn
            && !segment.flags.ack
            && self.is_from_client(segment)
            && (self.tcp.close.is_some()
                || self.tcp.established.is_some()
                || self.syn_seq.is_none())
            && self.syn_seq != Some(segment.seq)
            && !self.is_late_syn(segment)
    }

    fn is_from_client(&self, segment: &Segment<'_>) -> bool {
        // The address is compared only where the port does not tell.
        self.client.port == Some(segment.source.port())
            && (self.client.port != self.server.port
                || Endpoint::from(segment.source) == self.client)
    }

    /// Whether the capture shows the SYN behind the SYN-ACK that answers it.
    fn is_late_syn(&self, segment: &Segment<'_>) -> bool {
        let [client, _] = &self.streams;
        self.syn_seq.is_none()
            && self.tcp.syn_ack.is_some()
            && client.next() == Some(segment.seq.wrapping_add(1))
    }

    /// Takes one segment of this connection.
    pub(super) fn segment(&mut self, frame: FrameNumber, time: HostTime, segment: &Segment<'_>) {
        let side = if self.is_from_client(segment) { Side::Client } else { Side::Server };
        self.frames += 1;
        self.last = (frame, time);
        let [client, server] = &mut self.trackers;
        let [client_copies, server_copies] = &mut self.copies;
        let (own, other, copies) = match side {
            Side::Client => (client, server, client_copies),
            Side::Server => (server, client, server_copies),
        };
        if copies.is_copy(segment, time) {
            self.tcp.duplicate_frames += 1;
            return;
        }
        own.sent(segment, other.has_closed_window(), frame, time);
        other.acknowledged_by(segment, frame, time);
        self.attribution.saw(side, segment, frame, time);
        self.handshake(side, frame, time, segment);
        self.payload(side, frame, time, segment);
        self.close(side, frame, time, segment);
    }

    pub(super) fn unreachable(
        &mut self,
        frame: FrameNumber,
        time: HostTime,
        from: IpAddr,
        message: IcmpError,
    ) {
        if self.tcp.unreachables.len() < MAX_UNREACHABLES {
            self.tcp.unreachables.push(At { frame, time, value: (from, message) });
        }
    }

    /// Ports of an unreachable's quoted segment belong to this connection.
    fn handshake(&mut self, side: Side, frame: FrameNumber, time: HostTime, segment: &Segment<'_>) {
        let at = At { frame, time, value: () };
        let tcp = &mut self.tcp;
        match (side, segment.flags.syn, segment.flags.ack) {
            (Side::Client, true, false) => {
                tcp.syns += 1;
                self.syn_seq.get_or_insert(segment.seq);
                tcp.last_syn = Some(at.clone());
                tcp.syn.get_or_insert(at);
            }
            (Side::Server, true, true) => {
                let [_, server] = &mut self.streams;
                server.begin_anew(segment.seq.wrapping_add(1));
                let [client, _] = &mut self.streams;
                client.begin(segment.ack);
                tcp.syn_ack.get_or_insert(at);
            }
            (Side::Client, false, true)
                if tcp.established.is_none() && tcp.syn_ack.is_some() && !segment.flags.rst =>
            {
                if let (Some(syn), 1) = (&tcp.syn, tcp.syns) {
                    tcp.handshake_rtt_ms = Some(millis_between(syn.time.0, time.0));
                }
                tcp.established = Some(at);
            }
            (Side::Server, false, _)
                if segment.flags.rst
                    && tcp.syn.is_some()
                    && tcp.syn_ack.is_none()
                    && tcp.established.is_none() =>
            {
                tcp.refused.get_or_insert(at);
            }
            _ => {}
        }
        if side == Side::Client && segment.flags.syn {
            let [client, _] = &mut self.streams;
            client.begin(segment.seq.wrapping_add(1));
        }
    }

    fn payload(&mut self, side: Side, frame: FrameNumber, time: HostTime, segment: &Segment<'_>) {
        let [client, server] = &mut self.streams;
        let (own, other) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        if segment.flags.ack && !segment.flags.rst && !other.has_begun() {
            // The first acknowledgement tells where the other side's bytes begin.
            other.begin(segment.ack);
        }
        let dissector = &mut self.dissector;
        let gap = &mut self.gap;
        if segment.payload_len > 0 && !segment.flags.rst {
            if !own.has_begun() {
                gap.get_or_insert(StreamGap { side, offset: 0, frame, kind: GapKind::LateStart });
            }
            let mut sink = |piece: Piece<'_>| take(dissector, gap, side, piece);
            own.segment(segment.seq, segment.payload, segment.payload_len, frame, time, &mut sink);
        }
        if segment.flags.ack {
            let mut sink = |piece: Piece<'_>| take(dissector, gap, side.other(), piece);
            other.acknowledged(segment.ack, frame, &mut sink);
        }
        if segment.payload_len > 0 {
            self.dissecting = self.dissector.begun.as_ref().map_or(0, |begun| begun.held());
        }
    }

    fn close(&mut self, side: Side, frame: FrameNumber, time: HostTime, segment: &Segment<'_>) {
        let kind = match (segment.flags.rst, segment.flags.fin) {
            (true, _) => CloseKind::Rst,
            (false, true) => CloseKind::Fin,
            (false, false) => return,
        };
        self.tcp.close.get_or_insert(Close { by: side, kind, frame, time });
    }

    /// The connection as it is known at its end; `None` when it turned out to be
    /// another service's.
    pub(super) fn finish(mut self, file: &Arc<str>) -> Option<Conversation> {
        let [mut client, mut server] = self.streams;
        for (side, stream) in [(Side::Client, &mut client), (Side::Server, &mut server)] {
            let mut sink = |piece: Piece<'_>| take(&mut self.dissector, &mut self.gap, side, piece);
            stream.finish(&mut sink);
        }
        let mut layers = self.dissector.finish();
        // Whoever came late, or lost the first bytes, does not know how it began.
        let lost = |seen: Option<FrameNumber>| {
            self.gap.is_some_and(|gap| seen.is_some_and(|frame| gap.frame <= frame))
        };
        let spoke_rdp = layers.x224.request.is_some() || layers.x224.confirm.is_some();
        let caller = layers.x224.foreign_caller.as_ref().map(|at| at.frame);
        let gateway = self.recognised.service == Service::Gateway;
        if self.tcp.syn.is_none() || spoke_rdp || gateway || lost(caller) {
            layers.x224.foreign_caller = None;
        }
        let answer = layers.x224.foreign_answer.as_ref().map(|at| at.frame);
        let begun = self.tcp.syn_ack.is_some() || layers.x224.request.is_some();
        if !begun || lost(answer) {
            layers.x224.foreign_answer = None;
        }
        let request = layers.decryption.http.as_ref();
        if self.recognised.needs_proof && !request.is_some_and(|at| is_gateway_request(&at.value)) {
            return None;
        }
        let [client_health, server_health] = self.trackers;
        self.tcp.health = [client_health.finish(self.last.1), server_health.finish(self.last.1)];
        self.tcp.foreign_resets = self.attribution.foreign_resets();
        self.tcp.ttl =
            [self.attribution.usual_ttl(Side::Client), self.attribution.usual_ttl(Side::Server)];
        Some(Conversation {
            file: Arc::clone(file),
            clock_ahead: SignedDuration::ZERO,
            client: self.client,
            server: self.server,
            service: self.recognised.service,
            start: self.first.1,
            end: self.last.1,
            first_frame: self.first.0,
            last_frame: self.last.0,
            frames: self.frames,
            tcp: self.tcp,
            x224: layers.x224,
            tls: shared(layers.tls, &NO_TLS),
            credssp: shared(layers.credssp, &NO_CREDSSP),
            rdp: shared(layers.rdp, &NO_RDP),
            decryption: layers.decryption,
            gap: self.gap,
        })
    }
}

static NO_TLS: LazyLock<Arc<TlsTrace>> = LazyLock::new(Arc::default);
static NO_CREDSSP: LazyLock<Arc<CredsspTrace>> = LazyLock::new(Arc::default);
static NO_RDP: LazyLock<Arc<RdpTrace>> = LazyLock::new(Arc::default);

/// A trace, or the one empty trace that all share.
fn shared<T: PartialEq>(trace: T, empty: &Arc<T>) -> Arc<T> {
    if trace == **empty { Arc::clone(empty) } else { Arc::new(trace) }
}

fn take(dissector: &mut Lazy, gap: &mut Option<StreamGap>, side: Side, piece: Piece<'_>) {
    match piece {
        Piece::Bytes { data, frame, time } => {
            dissector.begin().bytes(side, data, Moment { frame, time });
        }
        Piece::Hole { offset, length, frame, kind } => {
            dissector.begin().hole(side, length);
            gap.get_or_insert(StreamGap { side, offset, frame, kind });
        }
    }
}
