//! Where the headers of a frame stand, for those who rewrite them in place.
//!
//! The same way down as [`super::packet::parse`], with offsets instead of
//! meanings.

use super::ip::{self, Length};
use super::link::{self, Below, Layer, LinkType, Network, Way};
use super::packet::{self, Packet};
use super::tunnel;

/// An IP header and what it carries. Offsets count bytes of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternetAt {
    /// Where the header begins.
    pub at: usize,
    /// Where the payload begins, behind options and extension headers.
    pub payload: usize,
    /// Where it ends; what follows is padding.
    pub end: usize,
    /// Protocol of the payload, by IANA's numbers.
    pub protocol: u8,
    /// The payload is a part of a datagram.
    pub fragment: bool,
}

/// The headers of a frame, from the outermost to the innermost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Where Ethernet headers begin.
    pub ethernet: Vec<usize>,
    pub internet: Vec<InternetAt>,
    /// Where an ARP message begins.
    pub arp: Option<usize>,
}

/// Finds the headers of a frame. What cannot be read has none.
pub fn headers(link: LinkType, frame: &[u8]) -> Headers {
    let mut found = Headers::default();
    if let Some(layer) = link::start(link, frame) {
        below(frame, layer, Way::new(None), &mut found);
    }
    found
}

/// Where a part of the frame begins.
fn offset(frame: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(frame.as_ptr().addr())
}

fn below(frame: &[u8], mut layer: Layer<'_>, mut way: Way, found: &mut Headers) -> Option<()> {
    loop {
        if let Layer::Ethernet(bytes) = layer {
            found.ethernet.push(offset(frame, bytes));
        }
        layer = match link::step(layer, &mut way)? {
            Below::Layer(next) => next,
            Below::Network(Network::Ip(bytes)) => return internet(frame, bytes, way, found),
            Below::Network(Network::Arp(bytes)) => {
                found.arp = Some(offset(frame, bytes));
                return Some(());
            }
        };
    }
}

fn internet(frame: &[u8], bytes: &[u8], way: Way, found: &mut Headers) -> Option<()> {
    let datagram = ip::read(bytes, Length::Announced, way.vlan)?;
    let payload = datagram.payload;
    let start = offset(frame, payload);
    found.internet.push(InternetAt {
        at: offset(frame, bytes),
        payload: start,
        end: start + payload.len(),
        protocol: datagram.protocol,
        fragment: datagram.part.is_some(),
    });
    if datagram.part.is_some() {
        return Some(());
    }
    match datagram.protocol {
        4 | 41 => below(frame, Layer::Ip(payload), way.below()?, found),
        47 => {
            let mut way = way.below()?;
            below(frame, tunnel::gre(payload, &mut way)?, way, found)
        }
        97 => below(frame, Layer::Ethernet(payload.get(2..)?), way.below()?, found),
        137 => below(frame, Layer::Mpls(payload), way.below()?, found),
        17 => {
            let (&[_, _, d0, d1, l0, l1, _, _], rest) = payload.split_first_chunk::<8>()?;
            let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(8);
            let inner = length.and_then(|length| rest.get(..length)).unwrap_or(rest);
            let layer = tunnel::of_udp(u16::from_be_bytes([d0, d1]), inner)?;
            let way = way.below()?;
            // As when it is read: what holds no packet is no tunnel.
            if matches!(packet::below(layer, way), Packet::Other) {
                return None;
            }
            below(frame, layer, way, found)
        }
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::{carrying, tcp_frame};
    use super::*;

    #[test]
    fn headers_are_found_where_they_stand() {
        let frame = tcp_frame(b"abc");
        let found = headers(LinkType::ETHERNET, &frame);
        assert_eq!(found.ethernet, [0]);
        let only = InternetAt { at: 14, payload: 34, end: 57, protocol: 6, fragment: false };
        assert_eq!(found.internet, [only]);
    }

    #[test]
    fn tunnels_are_followed_to_the_innermost() {
        let inner = tcp_frame(b"abc");
        let vxlan = [&[0x12, 0xb5, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0], &inner[..]];
        let frame = carrying(17, &vxlan.concat());
        let found = headers(LinkType::ETHERNET, &frame);
        assert_eq!(found.ethernet, [0, 14 + 20 + 8 + 8]);
        assert_eq!(found.internet.iter().map(|at| at.at).collect::<Vec<_>>(), [14, 64]);
    }

    proptest::proptest! {
        #[test]
        fn no_frame_panics_and_all_stands_inside(
            link in 0i32..300,
            bytes in proptest::collection::vec(0u8.., 0..200),
        ) {
            let found = headers(LinkType(link), &bytes);
            for at in found.internet {
                assert!(at.at <= at.payload && at.payload <= at.end && at.end <= bytes.len());
            }
        }
    }
}
