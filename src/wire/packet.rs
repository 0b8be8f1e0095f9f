//! One captured frame, from the link layer to TCP, UDP, ICMP errors, ARP and
//! neighbour discovery.
//!
//! Lenient: a frame that the capture cut short keeps what is there. Tunnels are
//! followed; the innermost packet counts, unless it cannot be read.

use super::icmp::{self, IcmpError};
use super::ip::{self, Datagram, Length};
use super::link::{self, Layer, Network, Way};
use super::{tcp, tunnel};
use etherparse::{ArpOperation, ArpPacketSlice, ether_type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use super::ip::Internet;
pub use super::link::LinkType;
pub use super::tcp::{Flags, Segment, TcpOptions};

/// What a frame holds, as far as this program reads it.
#[derive(Debug, Clone, Copy)]
pub enum Packet<'a> {
    Tcp(Segment<'a>),
    Udp {
        source: SocketAddr,
        destination: SocketAddr,
        payload: &'a [u8],
    },
    IcmpError {
        from: IpAddr,
        error: IcmpError,
    },
    /// ARP, or ICMPv6 neighbour discovery. A request asks for `target`; `sender` is
    /// who is there, and unspecified in probes for an address that nobody has yet;
    /// `hardware` is its link address, where ARP over Ethernet names it.
    Neighbour {
        request: bool,
        sender: IpAddr,
        target: IpAddr,
        hardware: Option<[u8; 6]>,
    },
    /// A part of a datagram, to be put together with the others.
    Fragment(Fragment<'a>),
    Other,
}

/// A part of an IP datagram, RFC 791 3.2 and RFC 8200 4.5.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    pub internet: Internet,
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Number of the protocol that the datagram carries.
    pub protocol: u8,
    /// Where the part belongs, in bytes.
    pub offset: u32,
    /// More parts follow behind this one.
    pub more: bool,
    /// What was captured; shorter than [`Self::len`] when the snap length cut it.
    pub payload: &'a [u8],
    /// Bytes of this part.
    pub len: u32,
}

/// Reads one frame.
pub fn parse(link: LinkType, frame: &[u8]) -> Packet<'_> {
    link::start(link, frame).map_or(Packet::Other, |layer| below(layer, Way::new(None)))
}

/// Reads the payload of a datagram that was put together from fragments.
pub fn from_transport<'a>(internet: &Internet, protocol: u8, payload: &'a [u8]) -> Packet<'a> {
    let announced = u32::try_from(payload.len()).ok();
    let internet = Internet { announced, ..*internet };
    let datagram = Datagram { internet, protocol, part: None, payload };
    // Extension headers behind the fragment header wait inside.
    let whole = ip::below_extensions(datagram, internet.source.is_ipv4());
    whole.and_then(|whole| transport(&whole, Way::new(internet.vlan))).unwrap_or(Packet::Other)
}

pub(super) fn below<'a>(layer: Layer<'a>, mut way: Way) -> Packet<'a> {
    let found = match link::descend(layer, &mut way) {
        Some(Network::Ip(bytes)) => internet(bytes, way),
        Some(Network::Arp(bytes)) => arp(bytes),
        None => None,
    };
    found.unwrap_or(Packet::Other)
}

fn internet<'a>(bytes: &'a [u8], way: Way) -> Option<Packet<'a>> {
    let datagram = ip::read(bytes, Length::Announced, way.vlan)?;
    let Some(part) = datagram.part else { return transport(&datagram, way) };
    let captured = u32::try_from(datagram.payload.len()).ok()?;
    Some(Packet::Fragment(Fragment {
        internet: datagram.internet,
        id: part.id,
        protocol: datagram.protocol,
        offset: part.offset,
        more: part.more,
        payload: datagram.payload,
        len: datagram.internet.announced.unwrap_or(captured).max(captured),
    }))
}

fn transport<'a>(datagram: &Datagram<'a>, way: Way) -> Option<Packet<'a>> {
    let Datagram { internet, payload, .. } = datagram;
    match datagram.protocol {
        6 => tcp::read(internet, payload).map(Packet::Tcp),
        17 => udp(internet, payload, way),
        1 => error(internet.source, icmp::parse_v4(payload)),
        58 => icmp_v6(internet.source, payload),
        // IP in IP (RFC 2003), IPv6 in IP (RFC 4213, RFC 2473).
        4 | 41 => Some(below(Layer::Ip(payload), way.below()?)),
        47 => {
            let mut way = way.below()?;
            Some(below(tunnel::gre(payload, &mut way)?, way))
        }
        // EtherIP (RFC 3378): two bytes, version 3 in the first four bits.
        97 => Some(below(Layer::Ethernet(payload.get(2..)?), way.below()?)),
        // MPLS in IP, RFC 4023.
        137 => Some(below(Layer::Mpls(payload), way.below()?)),
        _ => None,
    }
}

fn udp<'a>(internet: &Internet, bytes: &'a [u8], way: Way) -> Option<Packet<'a>> {
    let (&[s0, s1, d0, d1, l0, l1, _, _], rest) = bytes.split_first_chunk::<8>()?;
    let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    // Zero stands for jumbograms and for offloaded segments: all that is there.
    let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(8);
    let payload = length.and_then(|length| rest.get(..length)).unwrap_or(rest);
    if let (Some(layer), Some(way)) = (tunnel::of_udp(destination, payload), way.below()) {
        let inner = below(layer, way);
        if !matches!(inner, Packet::Other) {
            return Some(inner);
        }
    }
    Some(Packet::Udp {
        source: SocketAddr::new(internet.source, source),
        destination: SocketAddr::new(internet.destination, destination),
        payload,
    })
}

fn error<'a>(from: IpAddr, error: Option<IcmpError>) -> Option<Packet<'a>> {
    error.map(|error| Packet::IcmpError { from, error })
}

/// ICMPv6: neighbour discovery (RFC 4861 4.3 and 4.4), or an error.
fn icmp_v6<'a>(from: IpAddr, message: &[u8]) -> Option<Packet<'a>> {
    let kind @ (135 | 136) = *message.first()? else { return error(from, icmp::parse_v6(message)) };
    let target = Ipv6Addr::from(*message.get(8..)?.first_chunk::<16>()?).into();
    // An advertisement's target is the address that is there; its source may be
    // another one of the same host.
    let (request, sender) = if kind == 135 { (true, from) } else { (false, target) };
    Some(Packet::Neighbour { request, sender, target, hardware: None })
}

fn arp<'a>(bytes: &[u8]) -> Option<Packet<'a>> {
    let arp = ArpPacketSlice::from_slice(bytes).ok()?;
    let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from);
    let sender = address(arp.sender_protocol_addr())?.into();
    let target = address(arp.target_protocol_addr())?.into();
    let is_ip = arp.proto_addr_type() == ether_type::IPV4;
    let request = arp.operation() == ArpOperation::REQUEST;
    let hardware = arp.sender_hw_addr().try_into().ok();
    is_ip.then_some(Packet::Neighbour { request, sender, target, hardware })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    /// An Ethernet frame with a SYN to 3389, sequence number 77.
    pub(crate) fn tcp_frame(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 5], [10, 0, 0, 9], 64)
            .tcp(50123, 3389, 77, 1024)
            .syn();
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        frame
    }

    /// An Ethernet frame with an IP packet of that protocol.
    pub(crate) fn carrying(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .write(&mut frame, protocol.into(), payload)
            .unwrap();
        frame
    }

    /// Whether it is the segment of [`tcp_frame`].
    pub(crate) fn is_that_segment(packet: &Packet<'_>) -> bool {
        matches!(packet, Packet::Tcp(s) if s.seq == 77 && s.source.ip() == Ipv4Addr::new(10, 0, 0, 5))
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
    fn padding_of_the_link_layer_is_no_payload() {
        let mut frame = tcp_frame(&[]);
        frame.resize(64, 0);
        let Packet::Tcp(segment) = parse(LinkType::ETHERNET, &frame) else { panic!("no segment") };
        assert_eq!(segment.payload_len, 0);
    }

    #[test]
    fn ipv6_extension_headers_are_followed_to_the_segment() {
        let mut frame = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 57)
            .tcp(50123, 3389, 77, 1024)
            .write(&mut frame, b"abc")
            .unwrap();
        // Hop-by-hop, routing, authentication header of 12 bytes.
        frame[6] = 0;
        frame[5] += 8 + 8 + 12;
        let extensions =
            [43, 0, 1, 4, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        frame.splice(40..40, extensions);
        let Packet::Tcp(segment) = parse(LinkType::RAW, &frame) else { panic!("no segment") };
        assert_eq!((segment.payload, segment.payload_len, segment.df), (&b"abc"[..], 3, true));
    }

    #[test]
    fn fragments_lead_to_the_same_segment_as_the_whole() {
        let frame = tcp_frame(&[9; 60]);
        let (ip, data) = frame[14..].split_at(20);
        let piece = |range: std::ops::Range<usize>, flags: u8| {
            let mut bytes = ip.to_vec();
            bytes[3] = u8::try_from(20 + range.len()).unwrap();
            bytes[6] = flags;
            bytes[7] = u8::try_from(range.start / 8).unwrap();
            bytes.extend_from_slice(&data[range]);
            bytes
        };
        let (first, last) = (piece(0..24, 0x20), piece(24..80, 0));
        let mut whole = Vec::new();
        for (bytes, expected) in [(&first, (0, true)), (&last, (24, false))] {
            let Packet::Fragment(part) = parse(LinkType::RAW, bytes) else { panic!("no part") };
            assert_eq!((part.offset, part.more), expected);
            whole.extend_from_slice(part.payload);
            if !part.more {
                let packet = from_transport(&part.internet, part.protocol, &whole);
                assert!(is_that_segment(&packet));
                assert!(matches!(packet, Packet::Tcp(s) if s.payload_len == 60));
            }
        }
    }

    #[test]
    fn arp_asks_and_answers_on_every_link() {
        let mut cooked = vec![0; 14];
        for (operation, request) in [(1, true), (2, false)] {
            let mut message = vec![0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, operation];
            message
                .extend_from_slice(&[2, 2, 2, 2, 2, 2, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9]);
            cooked.truncate(14);
            cooked.extend_from_slice(&message);
            let ethernet = [&[2; 12][..], &message].concat();
            for (link, frame) in [(LinkType::ETHERNET, &ethernet), (LinkType::LINUX_SLL, &cooked)] {
                let packet = parse(link, frame);
                assert!(
                    matches!(packet, Packet::Neighbour { request: r, sender, target, hardware }
                    if r == request
                        && hardware == Some([2; 6])
                        && sender == Ipv4Addr::new(10, 0, 0, 5)
                        && target == Ipv4Addr::new(10, 0, 0, 9))
                );
            }
        }
    }

    #[test]
    fn neighbour_discovery_asks_and_answers() {
        let ask = |source: [u8; 16], kind: u8| {
            let mut frame = Vec::new();
            let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
            message.extend_from_slice(&[7; 16]);
            PacketBuilder::ipv6(source, [2; 16], 255)
                .write(&mut frame, 58.into(), &message)
                .unwrap();
            let packet = parse(LinkType::RAW, &frame);
            let Packet::Neighbour { request, sender, target, hardware: None } = packet else {
                panic!("no neighbour")
            };
            (request, sender == IpAddr::from(source), target == IpAddr::from([7; 16]))
        };
        assert_eq!(ask([1; 16], 135), (true, true, true));
        // The answer is the target's, whatever address it comes from.
        assert_eq!(ask([1; 16], 136), (false, false, true));
    }

    proptest::proptest! {
        #[test]
        fn no_frame_panics(link in 0i32..300, bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = parse(LinkType(link), &bytes);
        }

        #[test]
        fn no_payload_of_any_protocol_panics(
            protocol in 0u8..,
            port in proptest::sample::select(vec![53u16, 3389, 4789, 4790, 6081, 8472]),
            bytes in proptest::collection::vec(0u8.., 0..200),
        ) {
            let _ = parse(LinkType::ETHERNET, &carrying(protocol, &bytes));
            let [high, low] = port.to_be_bytes();
            let udp = [&[1, 1, high, low, 0, 0, 0, 0], &bytes[..]].concat();
            let _ = parse(LinkType::ETHERNET, &carrying(17, &udp));
        }

        #[test]
        fn no_ether_type_panics(
            ether_type in proptest::sample::select(vec![
                0x0800u16, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x8864, 0x6558, 100,
            ]),
            bytes in proptest::collection::vec(0u8.., 0..200),
        ) {
            let head = [[2; 12].as_slice(), &ether_type.to_be_bytes()].concat();
            let _ = parse(LinkType::ETHERNET, &[head, bytes].concat());
        }
    }
}
