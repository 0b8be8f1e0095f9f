//! Packets: Ethernet, IP, TCP, UDP, ICMP and ARP frames in pcap or pcapng files,
//! and two TCP ends that talk.

use etherparse::{
    IpHeaders, IpNumber, Ipv4Header, PacketBuilder, TcpHeader, TcpOptionElement, UdpHeader,
};
use std::net::Ipv4Addr;

/// Where a capture is taken: TTLs arrive diminished by the routers between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Client,
    Server,
    /// On the network that both share.
    Lan,
}

/// Routers between client and server in these samples.
const HOPS: u8 = 3;

/// Frames with their times, in nanoseconds since 1970.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames(pub(crate) Vec<(i64, Vec<u8>)>);

impl Frames {
    /// A pcap file with microseconds, little-endian.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for (time, frame) in self.in_order() {
            let length = u32::try_from(frame.len()).expect("frames are short");
            let seconds = u32::try_from(time / 1_000_000_000).expect("until 2106");
            let micros = u32::try_from(time % 1_000_000_000 / 1000).expect("below a million");
            for word in [seconds, micros, length, length] {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.extend_from_slice(frame);
        }
        out
    }

    /// A pcapng file with nanoseconds.
    pub(crate) fn pcapng(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut section = 0x1a2b_3c4du32.to_le_bytes().to_vec();
        section.extend_from_slice(&[1, 0, 0, 0]);
        section.extend_from_slice(&[0xff; 8]);
        block(0x0a0d_0d0a, &section, &mut out);
        // Ethernet, snap length, if_tsresol 9, end of options
        let mut interface = vec![1, 0, 0, 0];
        interface.extend_from_slice(&262_144u32.to_le_bytes());
        interface.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        block(1, &interface, &mut out);
        for (time, frame) in self.in_order() {
            let ticks = u64::try_from(*time).expect("after 1970");
            let length = u32::try_from(frame.len()).expect("frames are short");
            let high = u32::try_from(ticks >> 32).expect("32 bits");
            let low = u32::try_from(ticks & 0xffff_ffff).expect("32 bits");
            let mut packet = Vec::new();
            for word in [0, high, low, length, length] {
                packet.extend_from_slice(&word.to_le_bytes());
            }
            packet.extend_from_slice(frame);
            packet.resize(packet.len().next_multiple_of(4), 0);
            block(6, &packet, &mut out);
        }
        out
    }

    pub(crate) fn in_order(&self) -> Vec<&(i64, Vec<u8>)> {
        let mut frames: Vec<_> = self.0.iter().collect();
        frames.sort_by_key(|(time, _)| *time);
        frames
    }
}

fn block(kind: u32, body: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(body.len() + 12).expect("blocks are short").to_le_bytes();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&length);
    out.extend_from_slice(body);
    out.extend_from_slice(&length);
}

/// One end of a TCP connection.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) ip_id: u16,
    pub(crate) seq: u32,
}

/// Which end sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What a segment says beside its payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// TTL of a device between that answers in the sender's name.
    pub(crate) forged_ttl: Option<u8>,
    pub(crate) sack: Option<(u32, u32)>,
}

pub(crate) const ACK: Bits =
    Bits { syn: false, ack: true, fin: false, rst: false, forged_ttl: None, sack: None };
pub(crate) const SYN: Bits = Bits { syn: true, ack: false, ..ACK };
pub(crate) const SYN_ACK: Bits = Bits { syn: true, ..ACK };
pub(crate) const FIN: Bits = Bits { fin: true, ..ACK };
pub(crate) const RST: Bits = Bits { rst: true, ..ACK };

/// A client and a server that talk, and the clock of the capture.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) at: At,
    /// Nanoseconds since 1970.
    pub(crate) now: i64,
    /// Between the two, half a round trip, in microseconds.
    pub(crate) delay_us: i64,
    pub(crate) frames: Frames,
}

impl Talk {
    /// Two ends; `seed` gives ports and sequence numbers.
    pub(crate) fn new(client: [u8; 4], server: [u8; 4], seed: u64, start_ms: i64, at: At) -> Self {
        let mut noise = super::Noise::new(seed);
        let mut end = |address: [u8; 4], port: u16| End {
            address: address.into(),
            port,
            ip_id: u16::try_from(noise.next() & 0x3fff).expect("14 bits") + 1,
            seq: u32::try_from(noise.next() & 0x0fff_ffff).expect("28 bits"),
        };
        let client = end(client, 0);
        let server = end(server, 3389);
        let port = 49_200 + u16::try_from(seed * 37 % 15_000).expect("below 15000");
        Self {
            client: End { port, ..client },
            server,
            at,
            now: start_ms * 1_000_000,
            delay_us: 4_000,
            frames: Frames::default(),
        }
    }

    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now += ms * 1_000_000;
    }

    fn ends(&self, side: Side) -> (&End, &End) {
        match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        }
    }

    fn ttl(&self, side: Side) -> u8 {
        match (self.at, side) {
            (At::Lan, _) | (At::Client, Side::Client) | (At::Server, Side::Server) => 128,
            _ => 128 - HOPS,
        }
    }

    /// The frame of a segment; the sender's numbers are not moved.
    pub(crate) fn frame(&mut self, side: Side, bits: Bits, payload: &[u8]) {
        let ttl = bits.forged_ttl.unwrap_or_else(|| self.ttl(side));
        let (from, to) = self.ends(side);
        let mut tcp =
            TcpHeader::new(from.port, to.port, from.seq, if bits.rst { 0 } else { 64_240 });
        tcp.acknowledgment_number = if bits.ack { to.seq } else { 0 };
        (tcp.syn, tcp.ack, tcp.fin, tcp.rst) = (bits.syn, bits.ack, bits.fin, bits.rst);
        tcp.psh = !payload.is_empty();
        if bits.syn {
            let options = [
                TcpOptionElement::MaximumSegmentSize(1460),
                TcpOptionElement::Noop,
                TcpOptionElement::WindowScale(8),
                TcpOptionElement::Noop,
                TcpOptionElement::Noop,
                TcpOptionElement::SelectiveAcknowledgementPermitted,
            ];
            tcp.set_options(&options).expect("options fit");
        } else if let Some(sack) = bits.sack {
            let options = [
                TcpOptionElement::Noop,
                TcpOptionElement::Noop,
                TcpOptionElement::SelectiveAcknowledgement(sack, [None; 3]),
            ];
            tcp.set_options(&options).expect("options fit");
        }
        let id = if bits.forged_ttl.is_some() { 1 } else { from.ip_id };
        let ip = ipv4(from.address, to.address, ttl, id, IpNumber::TCP);
        let builder = PacketBuilder::ethernet2(mac(from.address), mac(to.address))
            .ip(IpHeaders::Ipv4(ip, Default::default()))
            .tcp_header(tcp);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).expect("writing to memory");
        self.frames.0.push((self.now, frame));
        if bits.forged_ttl.is_none() {
            match side {
                Side::Client => self.client.ip_id = self.client.ip_id.wrapping_add(1),
                Side::Server => self.server.ip_id = self.server.ip_id.wrapping_add(1),
            }
        }
    }

    /// Moves a side's sequence number.
    pub(crate) fn advance(&mut self, side: Side, by: usize) {
        let by = u32::try_from(by).expect("short");
        match side {
            Side::Client => self.client.seq = self.client.seq.wrapping_add(by),
            Side::Server => self.server.seq = self.server.seq.wrapping_add(by),
        }
    }

    fn travel(&mut self) {
        self.now += self.delay_us * 1000;
    }

    /// A segment that is sent and arrives; time passes.
    pub(crate) fn send(&mut self, side: Side, bits: Bits, payload: &[u8]) {
        self.frame(side, bits, payload);
        self.advance(side, payload.len() + usize::from(bits.syn) + usize::from(bits.fin));
        self.travel();
    }

    /// SYN, SYN-ACK, ACK.
    pub(crate) fn handshake(&mut self) {
        self.send(Side::Client, SYN, &[]);
        self.send(Side::Server, SYN_ACK, &[]);
        self.send(Side::Client, ACK, &[]);
    }

    /// A message in as many segments as it needs, acknowledged by the other side.
    pub(crate) fn say(&mut self, side: Side, message: &[u8]) {
        for part in message.chunks(1460) {
            self.frame(side, ACK, part);
            self.advance(side, part.len());
            self.now += 30_000;
        }
        self.travel();
        let other = if side == Side::Client { Side::Server } else { Side::Client };
        self.send(other, ACK, &[]);
    }

    /// FIN of one side and of the other.
    pub(crate) fn close(&mut self, first: Side) {
        let second = if first == Side::Client { Side::Server } else { Side::Client };
        self.send(first, FIN, &[]);
        self.send(second, FIN, &[]);
        self.send(first, ACK, &[]);
    }
}

/// A locally administered address for each host.
pub(crate) fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [2, 0, a, b, c, d]
}

pub(crate) fn ipv4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    ttl: u8,
    id: u16,
    protocol: IpNumber,
) -> Ipv4Header {
    let mut ip =
        Ipv4Header::new(0, ttl, protocol, from.octets(), to.octets()).expect("no payload yet");
    ip.identification = id;
    ip.dont_fragment = true;
    ip
}

/// A DNS query of a client, or the answer to it. `answer` is `None` for a query, the
/// response code and perhaps an address for an answer.
pub(crate) fn dns(
    frames: &mut Frames,
    time_ms: i64,
    client: [u8; 4],
    resolver: [u8; 4],
    id: u16,
    name: &str,
    answer: Option<(u8, Option<[u8; 4]>)>,
) {
    let mut message = id.to_be_bytes().to_vec();
    let found = answer.and_then(|(_, address)| address);
    let code = answer.map_or(0, |(code, _)| code);
    message.extend_from_slice(if answer.is_some() { &[0x81, 0x80] } else { &[1, 0] });
    message[3] |= code;
    message.extend_from_slice(&[0, 1, 0, u8::from(found.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("labels are short"));
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    if let Some(address) = found {
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
        message.extend_from_slice(&address);
    }
    let (client, resolver) = (Ipv4Addr::from(client), Ipv4Addr::from(resolver));
    let source_port = 50_000 + id % 5_000;
    let (from, to, ports) = match answer {
        Some(_) => (resolver, client, (53, source_port)),
        None => (client, resolver, (source_port, 53)),
    };
    let mut udp = UdpHeader::default();
    (udp.source_port, udp.destination_port) = ports;
    let ip = ipv4(from, to, 128, id, IpNumber::UDP);
    let builder = PacketBuilder::ethernet2(mac(from), mac(to))
        .ip(IpHeaders::Ipv4(ip, Default::default()))
        .udp(udp.source_port, udp.destination_port);
    let mut frame = Vec::new();
    builder.write(&mut frame, &message).expect("writing to memory");
    frames.0.push((time_ms * 1_000_000, frame));
}

/// An ICMP destination unreachable that quotes a frame's IP and TCP header.
pub(crate) fn unreachable(
    frames: &mut Frames,
    time: i64,
    router: [u8; 4],
    code: u8,
    quoted: &[u8],
) {
    let inner = &quoted[14..14 + 28];
    let to = Ipv4Addr::new(inner[12], inner[13], inner[14], inner[15]);
    let router = Ipv4Addr::from(router);
    let ip = ipv4(router, to, 62, 77, IpNumber::ICMP);
    let builder = PacketBuilder::ethernet2(mac(router), mac(to))
        .ip(IpHeaders::Ipv4(ip, Default::default()))
        .icmpv4_raw(3, code, [0; 4]);
    let mut frame = Vec::new();
    builder.write(&mut frame, inner).expect("writing to memory");
    frames.0.push((time, frame));
}
