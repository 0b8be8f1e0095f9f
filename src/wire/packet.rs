//! One captured frame, from the link layer to TCP, UDP, ICMP or ARP.
//!
//! The layers are taken apart by `etherparse`, leniently: a frame that the
//! capture cut short keeps what is there.

use super::icmp::{self, Unreachable};
use etherparse::{
    ArpOperation, EtherType, LaxNetSlice, LaxSlicedPacket, TcpOptionElement, TcpSlice,
    TransportSlice, ether_type, ip_number,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Link-layer type of a capture, the LINKTYPE_ registry of tcpdump.org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkType(pub i32);

impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const RAW_BSD: Self = Self(12);
    pub const RAW_OPENBSD: Self = Self(14);
    pub const RAW: Self = Self(101);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const LINUX_SLL2: Self = Self(276);

    /// Whether frames of this type are read.
    pub fn is_known(self) -> bool {
        matches!(
            self,
            Self::NULL
                | Self::ETHERNET
                | Self::RAW_BSD
                | Self::RAW_OPENBSD
                | Self::RAW
                | Self::LOOP
                | Self::LINUX_SLL
                | Self::IPV4
                | Self::IPV6
                | Self::LINUX_SLL2
        )
    }
}

/// Control bits of a TCP header, RFC 9293 3.1 (ECN bits are no part of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
}

/// One TCP segment as it was captured.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub ip_id: Option<u16>,
    pub seq: u32,
    pub ack: u32,
    pub flags: Flags,
    /// As on the wire, before scaling.
    pub window: u16,
    /// Maximum segment size option, on SYNs.
    pub mss: Option<u16>,
    /// First block of a SACK option: bytes received behind a hole, RFC 2018.
    pub sack: Option<(u32, u32)>,
    /// The payload that was captured; shorter than [`Self::payload_len`] when the
    /// snap length cut it.
    pub payload: &'a [u8],
    /// Payload bytes that the IP header announces.
    pub payload_len: u32,
}

/// What a frame holds, as far as this program reads it.
#[derive(Debug, Clone, Copy)]
pub enum Packet<'a> {
    Tcp(Segment<'a>),
    Udp { source: SocketAddr, destination: SocketAddr, payload: &'a [u8] },
    Unreachable { from: IpAddr, message: Unreachable },
    Arp { request: bool, sender: Ipv4Addr, target: Ipv4Addr },
    Other,
}

/// Reads one frame.
pub fn parse<'a>(link: LinkType, frame: &'a [u8]) -> Packet<'a> {
    sliced(link, frame).map_or(Packet::Other, |packet| classify(&packet))
}

fn sliced(link: LinkType, frame: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    match link {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(frame).ok(),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => LaxSlicedPacket::from_ip(frame).ok(),
        // Four bytes of address family, in the byte order of whoever captured (NULL)
        // or of the network (LOOP). The IP version says the same more reliably.
        LinkType::NULL | LinkType::LOOP => LaxSlicedPacket::from_ip(frame.get(4..)?).ok(),
        // Linux cooked: the ether type is the last field of 16 bytes, or the first of 20.
        LinkType::LINUX_SLL => from_ether_type(frame.get(14..16)?, frame.get(16..)?),
        LinkType::LINUX_SLL2 => from_ether_type(frame.get(0..2)?, frame.get(20..)?),
        _ => None,
    }
}

fn from_ether_type<'a>(ether_type: &[u8], payload: &'a [u8]) -> Option<LaxSlicedPacket<'a>> {
    let number = u16::from_be_bytes(ether_type.try_into().ok()?);
    Some(LaxSlicedPacket::from_ether_type(EtherType(number), payload))
}

/// What the IP header contributes.
struct Internet {
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    ip_id: Option<u16>,
    /// Bytes after the IP header, as the header announces them; `None` when it
    /// announces nothing (segmentation offload writes 0).
    announced: Option<u32>,
}

fn classify<'a>(packet: &LaxSlicedPacket<'a>) -> Packet<'a> {
    let internet = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let headers = u32::from(header.ihl()) * 4;
            Internet {
                source: header.source_addr().into(),
                destination: header.destination_addr().into(),
                ttl: header.ttl(),
                ip_id: Some(header.identification()),
                announced: u32::from(header.total_len()).checked_sub(headers),
            }
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let extensions = u32::try_from(ip.extensions().slice().len()).unwrap_or_default();
            Internet {
                source: header.source_addr().into(),
                destination: header.destination_addr().into(),
                ttl: header.hop_limit(),
                ip_id: None,
                announced: u32::from(header.payload_length()).checked_sub(extensions),
            }
        }
        Some(LaxNetSlice::Arp(arp)) => return classify_arp(arp),
        None => return Packet::Other,
    };
    match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => Packet::Tcp(segment(&internet, tcp)),
        Some(TransportSlice::Udp(udp)) => Packet::Udp {
            source: SocketAddr::new(internet.source, udp.source_port()),
            destination: SocketAddr::new(internet.destination, udp.destination_port()),
            payload: udp.payload(),
        },
        Some(TransportSlice::Icmpv4(icmp)) => {
            unreachable(internet.source, icmp::parse_v4(icmp.slice()))
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            unreachable(internet.source, icmp::parse_v6(icmp.slice()))
        }
        Some(TransportSlice::Igmp(_)) => Packet::Other,
        None => cut_tcp(packet, &internet),
    }
}

fn unreachable<'a>(from: IpAddr, message: Option<Unreachable>) -> Packet<'a> {
    message.map_or(Packet::Other, |message| Packet::Unreachable { from, message })
}

fn classify_arp<'a>(arp: &etherparse::ArpPacketSlice<'_>) -> Packet<'a> {
    let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from);
    let is_ip = arp.proto_addr_type() == ether_type::IPV4;
    match (address(arp.sender_protocol_addr()), address(arp.target_protocol_addr())) {
        (Some(sender), Some(target)) if is_ip => {
            Packet::Arp { request: arp.operation() == ArpOperation::REQUEST, sender, target }
        }
        _ => Packet::Other,
    }
}

fn segment<'a>(internet: &Internet, tcp: &TcpSlice<'a>) -> Segment<'a> {
    let header_len = u32::from(tcp.data_offset()) * 4;
    let captured = u32::try_from(tcp.payload().len()).unwrap_or(u32::MAX);
    let announced = internet.announced.and_then(|bytes| bytes.checked_sub(header_len));
    let mss = tcp.syn().then(|| {
        tcp.options_iterator().find_map(|option| match option {
            Ok(TcpOptionElement::MaximumSegmentSize(mss)) => Some(mss),
            _ => None,
        })
    });
    Segment {
        source: SocketAddr::new(internet.source, tcp.source_port()),
        destination: SocketAddr::new(internet.destination, tcp.destination_port()),
        ttl: internet.ttl,
        ip_id: internet.ip_id,
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags: Flags { syn: tcp.syn(), ack: tcp.ack(), fin: tcp.fin(), rst: tcp.rst() },
        window: tcp.window_size(),
        mss: mss.flatten(),
        sack: first_sack(tcp),
        payload: tcp.payload(),
        payload_len: announced.unwrap_or(captured).max(captured),
    }
}

fn first_sack(tcp: &TcpSlice<'_>) -> Option<(u32, u32)> {
    // Only bare acknowledgements are worth the look at their options.
    if tcp.data_offset() <= 5 || tcp.syn() || !tcp.payload().is_empty() {
        return None;
    }
    tcp.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::SelectiveAcknowledgement(first, _)) => Some(first),
        _ => None,
    })
}

/// A TCP header whose options the snap length cut off: ports, numbers and flags
/// are still there, and are what counts.
fn cut_tcp<'a>(packet: &LaxSlicedPacket<'a>, internet: &Internet) -> Packet<'a> {
    let Some(payload) = packet.ip_payload() else { return Packet::Other };
    if payload.ip_number != ip_number::TCP || payload.fragmented {
        return Packet::Other;
    }
    let Some(&[sp0, sp1, dp0, dp1, s0, s1, s2, s3, a0, a1, a2, a3, offset, bits, w0, w1]) =
        payload.payload.first_chunk::<16>()
    else {
        return Packet::Other;
    };
    let header_len = u32::from(offset >> 4) * 4;
    Packet::Tcp(Segment {
        source: SocketAddr::new(internet.source, u16::from_be_bytes([sp0, sp1])),
        destination: SocketAddr::new(internet.destination, u16::from_be_bytes([dp0, dp1])),
        ttl: internet.ttl,
        ip_id: internet.ip_id,
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: Flags {
            fin: bits & 1 != 0,
            syn: bits & 2 != 0,
            rst: bits & 4 != 0,
            ack: bits & 16 != 0,
        },
        window: u16::from_be_bytes([w0, w1]),
        mss: None,
        sack: None,
        payload: &[],
        payload_len: internet
            .announced
            .and_then(|bytes| bytes.checked_sub(header_len))
            .unwrap_or_default(),
    })
}

impl Segment<'_> {
    /// Sequence space that the segment takes: payload, SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload_len + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn tcp_frame(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 5], [10, 0, 0, 9], 64)
            .tcp(50123, 3389, 77, 1024)
            .syn();
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }

    #[test]
    fn a_segment_cut_by_the_snap_length_keeps_its_announced_length() {
        let mut frame = tcp_frame(&[7; 100]);
        frame.truncate(60);
        let Packet::Tcp(segment) = parse(LinkType::ETHERNET, &frame) else { panic!("no segment") };
        assert_eq!((segment.payload.len(), segment.payload_len), (6, 100));
        assert_eq!(segment.seq_len(), 101);
    }

    #[test]
    fn a_cut_tcp_header_still_tells_ports_and_flags() {
        let mut frame = tcp_frame(&[]);
        frame.truncate(14 + 20 + 17);
        let Packet::Tcp(segment) = parse(LinkType::ETHERNET, &frame) else { panic!("no segment") };
        assert_eq!(segment.destination.port(), 3389);
        assert!(segment.flags.syn);
    }

    #[test]
    fn null_and_cooked_link_layers_lead_to_the_same_segment() {
        let frame = tcp_frame(b"x");
        let ip = &frame[14..];
        let mut null = vec![2, 0, 0, 0];
        null.extend_from_slice(ip);
        let mut cooked = vec![0; 16];
        cooked[14] = 8;
        cooked.extend_from_slice(ip);
        let mut cooked2 = vec![0; 20];
        cooked2[0] = 8;
        cooked2.extend_from_slice(ip);
        for (link, bytes) in [
            (LinkType::NULL, null),
            (LinkType::LINUX_SLL, cooked),
            (LinkType::LINUX_SLL2, cooked2),
            (LinkType::RAW, ip.to_vec()),
        ] {
            assert!(matches!(parse(link, &bytes), Packet::Tcp(s) if s.seq == 77), "{link:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_frame_panics(link in 0i32..300, bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = parse(LinkType(link), &bytes);
        }
    }
}
