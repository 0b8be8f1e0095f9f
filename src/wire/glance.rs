//! The ports of a frame at a glance, for the many frames that nobody wants.
//!
//! Only the plainest frames are told: whole IPv4 and IPv6 packets with TCP or UDP on
//! Ethernet, perhaps with one VLAN tag. For all others [`packet::parse`] must say what
//! they are; where both say something, it is the same.
//!
//! [`packet::parse`]: super::packet::parse

use super::ip::Internet;
use super::link::{LinkType, be16};
use super::tcp::{self, Segment};
use super::tunnel;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What stands in the headers of a plain frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'a> {
    pub transport: Transport<'a>,
    source: Address<'a>,
    destination: Address<'a>,
    pub source_port: u16,
    pub destination_port: u16,
}

/// What of the transport layer matters at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    Tcp {
        syn: bool,
        payload: &'a [u8],
    },
    /// A datagram that is no tunnel.
    Udp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address<'a> {
    V4(&'a [u8; 4]),
    V6(&'a [u8; 16]),
}

impl Address<'_> {
    fn ip(&self) -> IpAddr {
        match self {
            Self::V4(bytes) => Ipv4Addr::from(**bytes).into(),
            Self::V6(bytes) => Ipv6Addr::from(**bytes).into(),
        }
    }
}

impl Glance<'_> {
    pub fn source(&self) -> SocketAddr {
        SocketAddr::new(self.source.ip(), self.source_port)
    }

    pub fn destination(&self) -> SocketAddr {
        SocketAddr::new(self.destination.ip(), self.destination_port)
    }
}

/// Looks at a frame; `None` for all that are not plain.
#[inline]
pub fn glance(link: LinkType, frame: &[u8]) -> Option<Glance<'_>> {
    if link != LinkType::ETHERNET {
        return None;
    }
    let (ether_type, bytes) = match be16(frame, 12)? {
        0x8100 => (be16(frame, 16)?, frame.get(18..)?),
        plain => (plain, frame.get(14..)?),
    };
    match ether_type {
        0x0800 => v4(bytes),
        0x86dd => v6(bytes),
        _ => None,
    }
}

/// The segment in a frame, where it is the plainest of all: TCP in IPv4 on untagged
/// Ethernet. What [`packet::parse`] would say, without its detours.
///
/// [`packet::parse`]: super::packet::parse
#[inline]
pub fn segment(link: LinkType, frame: &[u8]) -> Option<Segment<'_>> {
    if link != LinkType::ETHERNET || be16(frame, 12)? != 0x0800 {
        return None;
    }
    let (header, payload) = plain_v4(frame.get(14..)?)?;
    let &[_, _, _, _, id0, id1, flags, _, ttl, 6, _, _, a, b, c, d, e, f, g, h] = header else {
        return None;
    };
    let internet = Internet {
        source: Ipv4Addr::new(a, b, c, d).into(),
        destination: Ipv4Addr::new(e, f, g, h).into(),
        ttl,
        ip_id: Some(u16::from_be_bytes([id0, id1])),
        df: flags & 0x40 != 0,
        vlan: None,
        announced: u32::try_from(payload.len()).ok(),
    };
    tcp::read(&internet, payload)
}

/// The header of a whole packet without options, and what it carries, all of it captured.
#[inline]
fn plain_v4(bytes: &[u8]) -> Option<(&[u8; 20], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<20>()?;
    let &[0x45, _, l0, l1, _, _, flags, offset, ..] = header else { return None };
    // A part of a datagram waits for the others; the don't-fragment bit says nothing.
    if (flags & 0x3f) | offset != 0 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(20)?;
    Some((header, rest.get(..length)?))
}

#[inline]
fn v4(bytes: &[u8]) -> Option<Glance<'_>> {
    let (header, payload) = plain_v4(bytes)?;
    let &[.., protocol, _, _, _, _, _, _, _, _, _, _] = header;
    let (_, addresses) = header.split_last_chunk::<8>()?;
    let source = Address::V4(addresses.first_chunk()?);
    let destination = Address::V4(addresses.last_chunk()?);
    transport(protocol, payload, source, destination)
}

#[inline]
fn v6(bytes: &[u8]) -> Option<Glance<'_>> {
    let (header, rest) = bytes.split_first_chunk::<40>()?;
    let &[version, _, _, _, l0, l1, next, ..] = header;
    // A length of zero stands for more than it can say.
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if version >> 4 != 6 || length == 0 {
        return None;
    }
    let (_, addresses) = header.split_last_chunk::<32>()?;
    let source = Address::V6(addresses.first_chunk()?);
    let destination = Address::V6(addresses.last_chunk()?);
    transport(next, rest.get(..length)?, source, destination)
}

#[inline]
fn transport<'a>(
    protocol: u8,
    bytes: &'a [u8],
    source: Address<'a>,
    destination: Address<'a>,
) -> Option<Glance<'a>> {
    let source_port = be16(bytes, 0)?;
    let destination_port = be16(bytes, 2)?;
    let transport = match protocol {
        6 => {
            let &[.., offset, flags, _, _, _, _, _, _] = bytes.first_chunk::<20>()?;
            let header = usize::from(offset >> 4) * 4;
            let payload = bytes.get(header..).filter(|_| header >= 20)?;
            Transport::Tcp { syn: flags & 0x02 != 0, payload }
        }
        17 if tunnel::of_udp(destination_port, bytes.get(8..)?).is_none() => Transport::Udp,
        _ => return None,
    };
    Some(Glance { transport, source, destination, source_port, destination_port })
}

#[cfg(test)]
mod tests {
    use super::super::packet::{Packet, parse};
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    /// Whether a frame is the same at a glance and in full, or not plain.
    fn agrees(frame: &[u8]) -> bool {
        if let Some(plain) = segment(LinkType::ETHERNET, frame) {
            let Packet::Tcp(full) = parse(LinkType::ETHERNET, frame) else { return false };
            assert_eq!(format!("{plain:?}"), format!("{full:?}"));
        }
        let Some(seen) = glance(LinkType::ETHERNET, frame) else { return true };
        let ends = (seen.source(), seen.destination());
        match (seen.transport, parse(LinkType::ETHERNET, frame)) {
            (Transport::Tcp { syn, payload }, Packet::Tcp(segment)) => {
                (syn, payload) == (segment.flags.syn, segment.payload)
                    && ends == (segment.source, segment.destination)
            }
            (Transport::Udp, Packet::Udp { source, destination, .. }) => {
                ends == (source, destination)
            }
            _ => false,
        }
    }

    fn tcp(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 5], [10, 0, 0, 9], 64)
            .tcp(50123, 3389, 77, 1024)
            .syn()
            .write(&mut frame, payload)
            .unwrap();
        frame
    }

    #[test]
    fn plain_frames_are_told_at_a_glance() {
        let frame = tcp(b"abc");
        assert_eq!(segment(LinkType::ETHERNET, &frame).map(|s| s.seq), Some(77));
        let seen = glance(LinkType::ETHERNET, &frame).unwrap();
        assert_eq!(seen.transport, Transport::Tcp { syn: true, payload: b"abc" });
        assert_eq!(seen.destination().to_string(), "10.0.0.9:3389");
        let mut tagged = frame;
        tagged.splice(12..12, [0x81, 0, 0, 7]);
        assert!(glance(LinkType::ETHERNET, &tagged).is_some());
        let mut padded = tcp(&[]);
        padded.resize(64, 0);
        let seen = glance(LinkType::ETHERNET, &padded).unwrap();
        assert_eq!(seen.transport, Transport::Tcp { syn: true, payload: b"" });
        assert_eq!(glance(LinkType::RAW, &padded), None);
    }

    #[test]
    fn tunnels_and_parts_are_not_plain() {
        for (port, first) in [(4789, 8), (8472, 8), (4790, 0x0c), (6081, 0)] {
            let mut payload = [0; 40];
            (payload[0], payload[3]) = (first, 3);
            let mut frame = Vec::new();
            PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv6([1; 16], [2; 16], 64)
                .udp(50000, port)
                .write(&mut frame, &payload)
                .unwrap();
            assert_eq!(glance(LinkType::ETHERNET, &frame), None);
        }
        let mut part = tcp(b"abc");
        part[20] = 0x20;
        assert_eq!(glance(LinkType::ETHERNET, &part), None);
    }

    proptest! {
        #[test]
        fn a_glance_and_a_look_agree(
            is_v6 in any::<bool>(),
            is_tcp in any::<bool>(),
            ports in any::<(u16, u16)>(),
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            cut in 0usize..120,
            flips in proptest::collection::vec((12usize..80, any::<u8>()), 0..3),
        ) {
            let start = PacketBuilder::ethernet2([2; 6], [4; 6]);
            let ip = if is_v6 {
                start.ipv6([1; 16], [2; 16], 64)
            } else {
                start.ipv4([10, 0, 0, 5], [10, 0, 0, 9], 64)
            };
            let mut frame = Vec::new();
            if is_tcp {
                ip.tcp(ports.0, ports.1, 1, 2).write(&mut frame, &payload).unwrap();
            } else {
                ip.udp(ports.0, ports.1).write(&mut frame, &payload).unwrap();
            }
            prop_assert!(agrees(&frame));
            for (at, byte) in flips {
                if let Some(slot) = frame.get_mut(at) {
                    *slot = byte;
                }
            }
            prop_assert!(agrees(&frame));
            frame.truncate(frame.len().saturating_sub(cut));
            prop_assert!(agrees(&frame));
        }
    }
}
