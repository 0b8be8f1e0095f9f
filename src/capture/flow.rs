//! Which segments belong together, and which connections are RDP?
//!
//! State is kept for connections to the RDP ports and for those whose first
//! bytes are an X.224 Connection Request or name an RD Gateway. On other ports only the few segments of
//! the TCP handshake wait, until the first payload decides.

use super::FlowKey;
use super::conversation::Live;
use super::service::{self, Recognised};
use crate::base::limits::{MAX_FLOWS, MAX_UNDECIDED_FLOWS};
use crate::base::{Endpoint, FrameNumber, Gap, HostTime, millis_between};
use crate::observe::{Conversation, Service};
use crate::wire::decrypt::KeyLog;
use crate::wire::icmp::IcmpError;
use crate::wire::packet::Segment;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Segments of a TCP handshake that wait for the first payload.
const EARLY_SEGMENTS: usize = 6;

/// A closed connection that is silent for this long gets no more segments, in ms.
const LINGER_MS: f64 = 120_000.0;

/// A connection to a port of Remote Desktop, whatever it says.
const BY_PORT: Recognised = Recognised { service: Service::RemoteDesktop, needs_proof: false };

type Early = Vec<(FrameNumber, HostTime, Segment<'static>)>;

/// All connections of one capture.
#[derive(Debug)]
pub(super) struct FlowTable {
    file: Arc<str>,
    ports: Vec<u16>,
    live: HashMap<FlowKey, Live>,
    undecided: HashMap<FlowKey, Early>,
    done: Vec<Conversation>,
    gaps: Vec<Gap>,
    secrets: Option<Arc<KeyLog>>,
}

impl FlowTable {
    /// `secrets` open TLS records of the connections that they belong to.
    pub(super) fn new(file: &Arc<str>, ports: &[u16], secrets: Option<Arc<KeyLog>>) -> Self {
        Self {
            file: Arc::clone(file),
            ports: ports.to_vec(),
            live: HashMap::new(),
            undecided: HashMap::new(),
            done: Vec::new(),
            gaps: Vec::new(),
            secrets,
        }
    }

    /// Takes one segment of any connection.
    pub(super) fn segment(&mut self, number: u64, time: HostTime, segment: &Segment<'_>) {
        let frame = FrameNumber(number);
        let (source, destination) =
            (Endpoint::from(segment.source), Endpoint::from(segment.destination));
        let key = FlowKey::of(source, destination);
        if let Some(live) = self.live.get_mut(&key) {
            if !live.is_new_connection(segment) {
                live.segment(frame, time, segment);
                return;
            }
            if let Some(old) = self.live.remove(&key) {
                self.done.extend(old.finish(&self.file));
            }
        }
        let to_rdp = self.is_rdp(destination);
        let from_rdp = self.is_rdp(source);
        if to_rdp || from_rdp {
            let client = if to_rdp && !(from_rdp && segment.flags.syn && segment.flags.ack) {
                (source, destination)
            } else {
                (destination, source)
            };
            self.start(key, client, BY_PORT, frame, time).segment(frame, time, segment);
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
        }
        let secrets = &self.secrets;
        self.live
            .entry(key)
            .or_insert_with(|| Live::new(ends, recognised, secrets.clone(), frame, time))
    }

    /// Finishes what has been silent for long; when nothing has, all of it.
    fn make_room(&mut self, now: HostTime) {
        let idle = |live: &Live| millis_between(live.last_time().0, now.0) > LINGER_MS;
        let mut keys: Vec<FlowKey> =
            self.live.iter().filter(|(_, live)| idle(live)).map(|(key, _)| *key).collect();
        if keys.is_empty() {
            self.gaps.push(Gap::file(
                &self.file,
                format!("more than {MAX_FLOWS} connections at a time: they are cut in two here"),
            ));
            keys = self.live.keys().copied().collect();
        }
        for key in keys {
            if let Some(live) = self.live.remove(&key) {
                self.done.extend(live.finish(&self.file));
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
            let early = self.undecided.remove(&key);
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
            }
            return;
        }
        if segment.flags.rst || segment.flags.fin {
            self.undecided.remove(&key);
            return;
        }
        let waits = segment.flags.syn || self.undecided.contains_key(&key);
        if !waits {
            return;
        }
        if self.undecided.len() >= MAX_UNDECIDED_FLOWS {
            // Handshakes that wait this long in such traffic are a scan.
            self.undecided.clear();
        }
        let early = self.undecided.entry(key).or_default();
        if early.len() < EARLY_SEGMENTS {
            early.push((frame, time, segment.without_payload()));
        }
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
        let file = Arc::clone(&self.file);
        self.done.extend(self.live.into_values().filter_map(|live| live.finish(&file)));
        (self.done, self.gaps)
    }
}
