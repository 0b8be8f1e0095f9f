//! Which segments belong together, and which connections are RDP?
//!
//! State is kept for connections to the RDP ports and for those whose first
//! bytes are an X.224 Connection Request or name an RD Gateway. On other ports only the few segments of
//! the TCP handshake wait, until the first payload decides.

use super::FlowKey;
use super::conversation::Live;
use super::mark::{Mark, Marks};
use super::service::{self, Recognised};
use crate::base::limits::{
    MAX_CONVERSATIONS, MAX_FLOWS, MAX_UNDECIDED_FLOWS, MAX_WAITING, SWEEP_FLOWS,
};
use crate::base::{Endpoint, FrameNumber, Gap, HostTime, Meter, millis_between};
use crate::intake::EvidenceFile;
use crate::observe::{Conversation, Service};
use crate::wire::decrypt::KeyLog;
use crate::wire::icmp::IcmpError;
use crate::wire::packet::Segment;
use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Segments of a TCP handshake that wait for the first payload.
const EARLY_SEGMENTS: usize = 6;

/// A closed connection that is silent for this long gets no more segments, in ms.
const LINGER_MS: f64 = 120_000.0;

/// Bytes of memory that a connection takes until it is in the report, about: one in which
/// nobody said anything, and any other.
const ROOM_MUTE: u64 = 4 << 10;
const ROOM_TALKING: u64 = 12 << 10;

/// A connection to a port of Remote Desktop, whatever it says.
const BY_PORT: Recognised = Recognised { service: Service::RemoteDesktop, needs_proof: false };

/// Whether a segment on other ports may be the first of a connection that counts: one that
/// opens it, or says what it is. All others count only for connections that are known.
#[inline]
pub(super) fn may_begin(syn: bool, to_port: u16, payload: &[u8]) -> bool {
    match payload {
        [] => syn,
        _ => service::may_be_first_payload(to_port, payload),
    }
}

type Early = Vec<(FrameNumber, HostTime, Segment<'static>)>;

/// All connections of one capture.
#[derive(Debug)]
pub(super) struct FlowTable {
    file: Arc<str>,
    ports: Vec<u16>,
    live: HashMap<FlowKey, Live, RandomState>,
    /// Bytes that wait in all of them together, and how many may.
    held: usize,
    room: usize,
    /// Connections that went on without what waited in them.
    relieved: u64,
    undecided: HashMap<FlowKey, Early, RandomState>,
    /// Of what is undecided, and of connections on other ports.
    marks: Marks,
    done: Done,
    /// Flows at which the next look is due for some that are over.
    sweep_at: usize,
    /// How often all connections were cut in two.
    cuts: u32,
    gaps: Vec<Gap>,
    secrets: Option<Arc<KeyLog>>,
}

impl FlowTable {
    /// `secrets` open TLS records of the connections that they belong to.
    pub(super) fn new(file: &EvidenceFile, ports: &[u16], secrets: Option<Arc<KeyLog>>) -> Self {
        Self {
            file: Arc::clone(&file.name),
            ports: ports.to_vec(),
            live: HashMap::default(),
            held: 0,
            room: MAX_WAITING,
            relieved: 0,
            undecided: HashMap::default(),
            marks: Marks::none(),
            done: Done::new(file.meter()),
            sweep_at: SWEEP_FLOWS,
            cuts: 0,
            gaps: Vec::new(),
            secrets,
        }
    }

    /// Whether a segment with this mark may belong to a connection that is followed on
    /// other ports, or to one that is undecided.
    #[inline]
    pub(super) fn knows(&self, mark: Mark) -> bool {
        self.marks.has(mark)
    }

    /// Takes one segment of any connection.
    pub(super) fn segment(&mut self, number: u64, time: HostTime, segment: &Segment<'_>) {
        let frame = FrameNumber(number);
        let (source, destination) =
            (Endpoint::from(segment.source), Endpoint::from(segment.destination));
        let (to_rdp, from_rdp) = (self.is_rdp(destination), self.is_rdp(source));
        let is_stray = || {
            let mark = Mark::of(segment.source, segment.destination);
            !may_begin(segment.flags.syn, segment.destination.port(), segment.payload)
                && !self.knows(mark)
        };
        if !to_rdp && !from_rdp && is_stray() {
            return;
        }
        let key = FlowKey::of(source, destination);
        if let Some(live) = self.live.get_mut(&key) {
            if !live.is_new_connection(segment) {
                let before = live.held();
                live.segment(frame, time, segment);
                let now = live.held();
                self.held = self.held.saturating_sub(before) + now;
                if self.held > self.room {
                    self.relieve();
                }
                return;
            }
            self.end(key);
        }
        if to_rdp || from_rdp {
            let client = if to_rdp && !(from_rdp && segment.flags.syn && segment.flags.ack) {
                (source, destination)
            } else {
                (destination, source)
            };
            let live = self.start(key, client, BY_PORT, frame, time);
            live.segment(frame, time, segment);
            self.held += live.held();
        } else {
            self.undecided(key, frame, time, segment);
        }
    }

    fn is_rdp(&self, endpoint: Endpoint) -> bool {
        endpoint.port.is_some_and(|port| self.ports.contains(&port))
    }

    fn start(
        &mut self,
        key: FlowKey,
        ends: (Endpoint, Endpoint),
        recognised: Recognised,
        frame: FrameNumber,
        time: HostTime,
    ) -> &mut Live {
        if self.live.len() >= MAX_FLOWS {
            self.make_room(time);
        } else if self.live.len() >= self.sweep_at {
            self.put_away(|live| live.is_over() && is_silent(live, time));
            self.sweep_at = (self.live.len() * 2).max(SWEEP_FLOWS);
        }
        let (secrets, marks) = (&self.secrets, &mut self.marks);
        let elsewhere = !is_expected(&self.ports, &key);
        self.live.entry(key).or_insert_with(|| {
            if elsewhere {
                marks.add(Mark::of_key(&key));
            }
            Live::new(ends, recognised, secrets.clone(), frame, time)
        })
    }

    /// Finishes what has been silent for long; when too little has, what nobody answered
    /// yet, and at last all of it.
    fn make_room(&mut self, now: HostTime) {
        self.put_away(|live| is_silent(live, now));
        if self.live.len() > MAX_FLOWS / 2 {
            self.put_away(Live::is_over);
        }
        if self.live.len() <= MAX_FLOWS / 2 {
            return;
        }
        if self.cuts == 0 {
            self.gaps.push(Gap::file(
                &self.file,
                format!("more than {MAX_FLOWS} connections at a time: they are cut in two here"),
            ));
        }
        self.cuts += 1;
        self.put_away(|_| true);
    }

    /// Finishes some connections, in the order of their first frames: what is kept of too
    /// many does not depend on chance.
    fn put_away(&mut self, which: impl Fn(&Live) -> bool) {
        let over = self.live.iter().filter(|(_, live)| which(live));
        let mut keys: Vec<(FrameNumber, FlowKey)> =
            over.map(|(key, live)| (live.first_frame(), *key)).collect();
        keys.sort_unstable_by_key(|(frame, _)| *frame);
        for (_, key) in keys {
            self.end(key);
        }
    }

    fn end(&mut self, key: FlowKey) {
        if let Some(live) = self.live.remove(&key) {
            self.held = self.held.saturating_sub(live.held());
            if !is_expected(&self.ports, &key) {
                self.marks.remove(Mark::of_key(&key));
            }
            self.done.put(live.finish(&self.file));
        }
    }

    /// Lets go of half of what waits, where most does. So the work is in proportion to
    /// what came since the last time.
    fn relieve(&mut self) {
        let holders = self.live.iter().filter(|(_, live)| live.held() > 0);
        let mut holders: Vec<_> =
            holders.map(|(key, live)| (Reverse(live.held()), live.first_frame(), *key)).collect();
        holders.sort_unstable();
        for (held, _, key) in holders {
            if self.held <= self.room / 2 {
                return;
            }
            if let Some(live) = self.live.get_mut(&key) {
                live.let_go();
                self.held = self.held.saturating_sub(held.0);
                self.relieved += 1;
            }
        }
    }

    fn undecided(
        &mut self,
        key: FlowKey,
        frame: FrameNumber,
        time: HostTime,
        segment: &Segment<'_>,
    ) {
        if !segment.payload.is_empty() {
            let early = self.decided(&key);
            if let Some(recognised) = service::of_first_payload(segment, self.secrets.as_deref()) {
                let ends = (Endpoint::from(segment.source), Endpoint::from(segment.destination));
                let secrets = self.secrets.clone();
                let live = self.start(key, ends, recognised, frame, time);
                if let Some(early) = early {
                    let (first_frame, first_time, _) =
                        early.first().map_or((frame, time, None), |e| (e.0, e.1, Some(())));
                    *live = Live::new(ends, recognised, secrets, first_frame, first_time);
                    for (frame, time, segment) in &early {
                        live.segment(*frame, *time, segment);
                    }
                }
                live.segment(frame, time, segment);
                self.held += live.held();
            }
            return;
        }
        if segment.flags.rst || segment.flags.fin {
            self.decided(&key);
            return;
        }
        let waits = segment.flags.syn || self.undecided.contains_key(&key);
        if !waits {
            return;
        }
        if self.undecided.len() >= MAX_UNDECIDED_FLOWS {
            // Handshakes that wait this long in such traffic are a scan.
            self.undecided.clear();
            self.marks = Marks::none();
            let elsewhere = self.live.keys().filter(|key| !is_expected(&self.ports, key));
            elsewhere.for_each(|key| self.marks.add(Mark::of_key(key)));
        }
        let marks = &mut self.marks;
        let early = self.undecided.entry(key).or_insert_with(|| {
            marks.add(Mark::of_key(&key));
            Early::new()
        });
        if early.len() < EARLY_SEGMENTS {
            early.push((frame, time, segment.without_payload()));
        }
    }

    /// A connection waits no longer: what it was waiting with.
    fn decided(&mut self, key: &FlowKey) -> Option<Early> {
        let early = self.undecided.remove(key)?;
        self.marks.remove(Mark::of_key(key));
        Some(early)
    }

    /// Ties an ICMP error to the connection whose segment it quotes.
    pub(super) fn unreachable(
        &mut self,
        number: u64,
        time: HostTime,
        from: IpAddr,
        message: IcmpError,
    ) {
        let endpoint = |(address, port)| Endpoint::new(address, port);
        let key = FlowKey::of(endpoint(message.source), endpoint(message.destination));
        if let Some(live) = self.live.get_mut(&key) {
            live.unreachable(FrameNumber(number), time, from, message);
        } else if self.is_rdp(endpoint(message.destination)) {
            // The error is in the capture although the segment is not.
            let ends = (endpoint(message.source), endpoint(message.destination));
            self.start(key, ends, BY_PORT, FrameNumber(number), time).unreachable(
                FrameNumber(number),
                time,
                from,
                message,
            );
        }
    }

    /// All connections, in no particular order, and what could not be followed.
    pub(super) fn finish(mut self) -> (Vec<Conversation>, Vec<Gap>) {
        self.put_away(|_| true);
        let Done { conversations, left_out, .. } = self.done;
        if left_out > 0 {
            let message = format!("{left_out} more connections were only counted");
            self.gaps.push(Gap::file(&self.file, message));
        }
        if self.relieved > 0 {
            let (room, times) = (self.room >> 20, self.relieved);
            let message = format!(
                "more than {room} MiB waited for missing segments and messages: connections that \
                 held most were read on with holes, {times} times"
            );
            self.gaps.push(Gap::file(&self.file, message));
        }
        (conversations, self.gaps)
    }
}

/// Whether an end of the connection has one of these ports.
fn is_expected(ports: &[u16], FlowKey(a, b): &FlowKey) -> bool {
    [a, b].iter().any(|end| end.port.is_some_and(|port| ports.contains(&port)))
}

fn is_silent(live: &Live, now: HostTime) -> bool {
    millis_between(live.last_time().0, now.0) > LINGER_MS
}

/// Connections that are over.
#[derive(Debug)]
struct Done {
    meter: Arc<Meter>,
    conversations: Vec<Conversation>,
    /// Of those, how many in which nobody said anything.
    mute: usize,
    left_out: u64,
}

impl Done {
    fn new(meter: &Arc<Meter>) -> Self {
        Self { meter: Arc::clone(meter), conversations: Vec::new(), mute: 0, left_out: 0 }
    }

    fn put(&mut self, conversation: Option<Conversation>) {
        let Some(conversation) = conversation else { return };
        let mute = conversation.tcp.health.iter().all(|health| health.data_segments == 0);
        let kept = if mute { self.mute } else { self.conversations.len() - self.mute };
        let room = if mute { ROOM_MUTE } else { ROOM_TALKING };
        if kept >= MAX_CONVERSATIONS || !self.meter.take(room) {
            self.left_out += 1;
            return;
        }
        self.mute += usize::from(mute);
        self.conversations.push(conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Flags;
    use jiff::Timestamp;

    const TIME: HostTime = HostTime(Timestamp::UNIX_EPOCH);

    /// A segment from a client of this port.
    fn segment(port: u16, seq: u32, payload: &[u8]) -> Segment<'_> {
        Segment {
            source: (IpAddr::from([10, 0, 0, 5]), port).into(),
            destination: "10.0.0.9:3389".parse().unwrap(),
            seq,
            payload,
            payload_len: payload.len().try_into().unwrap(),
            flags: Flags { ack: true, ..Flags::default() },
            ..Segment::example()
        }
    }

    fn held(table: &FlowTable) -> usize {
        table.live.values().map(Live::held).sum()
    }

    /// Connections of which each sends a byte, leaves a hole and goes on behind it.
    #[test]
    fn all_connections_together_hold_no_more_than_there_is_room_for() {
        let file = EvidenceFile::from_bytes("c.pcap", Vec::new());
        let mut table = FlowTable::new(&file, &[3389], None);
        table.room = 256 << 10;
        let data = vec![0x17; 1400];
        let (mut number, mut most) = (0, 0);
        for round in 0..20u32 {
            for port in 1000..1100 {
                number += 1;
                let seq = if round == 0 { 0 } else { 100_000 + round * 1400 };
                let payload = if round == 0 { &data[..1] } else { &data[..] };
                table.segment(number, TIME, &segment(port, seq, payload));
                assert_eq!(table.held, held(&table));
                assert!(table.held <= table.room);
                most = most.max(table.held);
            }
        }
        assert!(most > table.room / 2);
        let (conversations, gaps) = table.finish();
        assert_eq!(conversations.len(), 100);
        assert!(conversations.iter().all(|c| c.gap.is_some()));
        let said: Vec<String> = gaps.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|gap| gap.contains("waited for missing segments")), "{said:?}");
    }

    /// Messages that are never whole.
    #[test]
    fn handshakes_that_are_never_whole_make_room() {
        let file = EvidenceFile::from_bytes("c.pcap", Vec::new());
        let mut table = FlowTable::new(&file, &[3389], None);
        table.room = 256 << 10;
        // A handshake record of 1400 bytes that begins a message of 64 KiB.
        let mut first = vec![22, 3, 3, 5, 115, 1, 0, 255, 255];
        first.resize(1400, 0);
        let mut next = vec![22, 3, 3, 5, 115];
        next.resize(1400, 0);
        for round in 0..20u32 {
            for port in 1000..1100 {
                let payload = if round == 0 { &first } else { &next };
                table.segment(1, TIME, &segment(port, round * 1400, payload));
                assert_eq!(table.held, held(&table));
                assert!(table.held <= table.room);
            }
        }
        assert!(table.relieved > 0);
    }

    #[test]
    fn room_is_given_back_when_connections_end() {
        let file = EvidenceFile::from_bytes("c.pcap", Vec::new());
        let mut table = FlowTable::new(&file, &[3389], None);
        table.segment(1, TIME, &segment(1000, 1, &[1]));
        table.segment(2, TIME, &segment(1000, 5000, &[1; 1000]));
        assert!(table.held > 1000);
        table.put_away(|_| true);
        assert_eq!(table.held, 0);
    }
}
