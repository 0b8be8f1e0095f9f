//! The UDP side channel of RDP, [MS-RDPEUDP]: was it tried, was it answered, and what
//! was agreed? A session works without it, so its failure alone is no failure.

use super::FlowKey;
use crate::base::limits::MAX_UDP_CHANNELS;
use crate::base::{Endpoint, Gap, HostTime, counted, millis_between};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use crate::wire::rdpeudp::{self, Syn, UdpFlags};
use crate::wire::{dtls, icmp::IcmpError};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// First bytes of a datagram payload that are a TLS handshake record: the reliable
/// channel carries TLS inside its own framing.
const TLS_HANDSHAKE: [u8; 2] = [22, 3];

#[derive(Debug)]
struct Channel {
    client: Endpoint,
    server: Endpoint,
    first: (u64, HostTime),
    last: HostTime,
    /// SYNs of the client, repetitions included.
    syns: u32,
    offer: Option<Syn>,
    lossy: bool,
    answer: Option<(u64, HostTime, Syn)>,
    /// ICMP said that nobody listens, or that the way is closed.
    refused: Option<(u64, &'static str)>,
    /// A TLS or DTLS hello inside: the channel is being secured.
    hello: Option<(u64, &'static str)>,
    datagrams: [u64; 2],
    bytes: [u64; 2],
}

/// The UDP channels of one capture.
#[derive(Debug)]
pub(super) struct UdpChannels {
    file: Arc<str>,
    ports: Vec<u16>,
    channels: BTreeMap<FlowKey, Channel>,
    /// Datagrams that begin a channel beyond the budget.
    left_out: u64,
}

impl UdpChannels {
    pub(super) fn new(file: &Arc<str>, ports: &[u16]) -> Self {
        Self {
            file: Arc::clone(file),
            ports: ports.to_vec(),
            channels: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// Takes one datagram; anything that is no RDP over UDP is ignored.
    pub(super) fn datagram(
        &mut self,
        frame: u64,
        time: HostTime,
        (source, destination): (SocketAddr, SocketAddr),
        payload: &[u8],
    ) {
        let known_port =
            self.ports.contains(&source.port()) || self.ports.contains(&destination.port());
        if !known_port {
            return;
        }
        let (source, destination) = (Endpoint::from(source), Endpoint::from(destination));
        let key = FlowKey::of(source, destination);
        let syn = rdpeudp::is_syn(payload);
        if !self.channels.contains_key(&key) {
            if !syn && !is_hello(payload) {
                return;
            }
            if self.channels.len() >= MAX_UDP_CHANNELS {
                self.left_out += 1;
                return;
            }
        }
        let to_server = destination.port.is_some_and(|port| self.ports.contains(&port));
        let (client, server) =
            if to_server { (source, destination) } else { (destination, source) };
        let channel = self.channels.entry(key).or_insert_with(|| Channel {
            client,
            server,
            first: (frame, time),
            last: time,
            syns: 0,
            offer: None,
            lossy: false,
            answer: None,
            refused: None,
            hello: None,
            datagrams: [0; 2],
            bytes: [0; 2],
        });
        channel.take(frame, time, source == channel.client, payload, syn);
    }

    /// Ties an ICMP error to the channel that it quotes.
    pub(super) fn refused(&mut self, frame: u64, error: &IcmpError) {
        let end = |(address, port): (IpAddr, u16)| Endpoint::new(address, port);
        let key = FlowKey::of(end(error.source), end(error.destination));
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.refused.get_or_insert((frame, error.reason.name()));
        }
    }

    /// One observation a channel, and what was left out.
    pub(super) fn finish(self) -> (Vec<Observation>, Option<Gap>) {
        let file = self.file;
        let gap = (self.left_out > 0).then(|| {
            let datagrams = counted(self.left_out, "first datagram");
            let message =
                format!("{datagrams} of UDP channels beyond {MAX_UDP_CHANNELS} were left out");
            Gap::file(&file, message)
        });
        let channels = self.channels.into_values();
        (channels.map(|channel| channel.observation(&file)).collect(), gap)
    }
}

/// DTLS right at the start, as the lossy channel of some clients begins.
fn is_hello(payload: &[u8]) -> bool {
    dtls::records(payload).first().is_some_and(|record| record.handshake.is_some())
}

impl Channel {
    fn take(&mut self, frame: u64, time: HostTime, from_client: bool, payload: &[u8], syn: bool) {
        self.last = time;
        let [client, server] = &mut self.datagrams;
        *(if from_client { client } else { server }) += 1;
        let [client, server] = &mut self.bytes;
        *(if from_client { client } else { server }) += payload.len() as u64;
        if syn {
            self.syn(frame, time, from_client, payload);
        } else if self.hello.is_none() {
            self.secured(frame, payload);
        }
    }

    fn syn(&mut self, frame: u64, time: HostTime, from_client: bool, payload: &[u8]) {
        let Ok(datagram) = rdpeudp::parse(payload) else { return };
        let Some(syn) = datagram.syn else { return };
        if from_client {
            self.syns += 1;
            self.lossy |= datagram.flags.contains(UdpFlags::SYNLOSSY);
            self.offer.get_or_insert(syn);
        } else {
            self.answer.get_or_insert((frame, time, syn));
        }
    }

    fn secured(&mut self, frame: u64, payload: &[u8]) {
        if is_hello(payload) {
            self.hello = Some((frame, "DTLS"));
            return;
        }
        let data = rdpeudp::parse(payload).ok().and_then(|datagram| datagram.data);
        if data.is_some_and(|data| data.starts_with(&TLS_HANDSHAKE)) {
            self.hello = Some((frame, "TLS"));
        }
    }

    fn observation(self, file: &Arc<str>) -> Observation {
        let kind = match (&self.answer, &self.refused, self.syns) {
            (Some(_), _, _) => "wire.udp.answered",
            (None, Some(_), _) => "wire.udp.refused",
            (None, None, 0) => "wire.udp.seen",
            (None, None, _) => "wire.udp.unanswered",
        };
        let mut fields: Vec<(Arc<str>, String)> = Vec::new();
        let mut add = |name: &str, value: String| fields.push((name.into(), value));
        add("client", self.client.to_string());
        add("server", self.server.to_string());
        add("syns", self.syns.to_string());
        let mode = if self.lossy { "lossy" } else { "reliable" };
        add("mode", mode.to_owned());
        let version =
            |syn: &Syn| syn.synex.as_ref().map(|synex| format!("0x{:04x}", synex.version.0));
        if let Some(version) = self.offer.as_ref().and_then(version) {
            add("offered_version", version);
        }
        if let Some((frame, time, answer)) = &self.answer {
            let waited = millis_between(self.first.1.0, time.0);
            add("answer_frame", frame.to_string());
            add("answered_ms", format!("{waited:.1}"));
            if let Some(version) = version(answer) {
                add("version", version);
            }
        }
        if let Some((frame, reason)) = self.refused {
            add("refused_frame", frame.to_string());
            add("reason", reason.to_owned());
        }
        if let Some((frame, protocol)) = self.hello {
            add("hello_frame", frame.to_string());
            add("hello", protocol.to_owned());
        }
        let [from_client, from_server] = self.datagrams;
        add("datagrams", format!("{from_client} {from_server}"));
        let waited = millis_between(self.first.1.0, self.last.0);
        add("waited_ms", format!("{waited:.0}"));
        Observation {
            kind: kind.into(),
            time: self.first.1,
            vantage: Vantage::Capture { file: Arc::clone(file) },
            subject: Subject {
                client: Some(self.client.address),
                client_port: self.client.port,
                server: Some(self.server.address),
                server_port: self.server.port,
                ..Subject::default()
            },
            fields,
            source: Source { file: Arc::clone(file), place: Place::Frame(self.first.0) },
            repeats: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    /// A SYN that offers version 2, as mstsc pads it.
    fn syn() -> Vec<u8> {
        let mut bytes = vec![0xff; 4];
        bytes.extend_from_slice(&[0, 64, 0x18, 0x01]);
        bytes.extend_from_slice(&[0, 0, 0, 9, 4, 0xd0, 4, 0xd0]);
        bytes.extend_from_slice(&[7; 32]);
        bytes.extend_from_slice(&[0, 1, 0, 2]);
        bytes.resize(1232, 0);
        bytes
    }

    fn run(payloads: &[(bool, &[u8])]) -> Vec<Observation> {
        let mut udp = UdpChannels::new(&Arc::from("a.pcap"), &[3389]);
        let client: SocketAddr = "10.0.0.5:50000".parse().unwrap();
        let server: SocketAddr = "10.0.0.9:3389".parse().unwrap();
        for (index, (from_client, payload)) in (1..).zip(payloads) {
            let ends = if *from_client { (client, server) } else { (server, client) };
            let time = HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(index));
            udp.datagram(index.unsigned_abs(), time, ends, payload);
        }
        udp.finish().0
    }

    #[test]
    fn a_syn_without_answer_is_told_with_its_repetitions() {
        let syn = syn();
        let found = run(&[(true, &syn), (true, &syn), (true, &syn)]);
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].kind, "wire.udp.unanswered");
        assert_eq!(
            (found[0].field("syns"), found[0].field("offered_version")),
            (Some("3"), Some("0x0002"))
        );
    }

    #[test]
    fn other_traffic_on_the_port_is_no_channel() {
        assert!(run(&[(true, b"hello"), (false, b"\x00\x01")]).is_empty());
    }

    proptest! {
        #[test]
        fn no_datagram_panics(
            payloads in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..20),
        ) {
            let views: Vec<(bool, &[u8])> =
                payloads.iter().map(|(client, bytes)| (*client, bytes.as_slice())).collect();
            let _ = run(&views);
        }
    }
}
