//! From a captured frame to the IP packet or the ARP message in it.
//!
//! Every step takes bytes away from the front. Headers that wrap others (VLAN
//! tags, label stacks, sessions, tunnels) are counted against [`MAX_NESTING`].

use super::wifi;
use crate::base::limits::MAX_NESTING;

/// Link-layer type of a capture, the LINKTYPE_ registry of tcpdump.org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkType(pub i32);

impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const RAW_BSD: Self = Self(12);
    pub const RAW_OPENBSD: Self = Self(14);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const RAW: Self = Self(101);
    pub const C_HDLC: Self = Self(104);
    pub const IEEE802_11: Self = Self(105);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const IEEE802_11_PRISM: Self = Self(119);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    pub const IEEE802_11_AVS: Self = Self(163);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const LINUX_SLL2: Self = Self(276);

    /// Whether frames of this type are read.
    pub fn is_known(self) -> bool {
        matches!(
            self,
            Self::NULL
                | Self::ETHERNET
                | Self::PPP
                | Self::RAW_BSD
                | Self::RAW_OPENBSD
                | Self::PPP_HDLC
                | Self::PPP_ETHER
                | Self::RAW
                | Self::C_HDLC
                | Self::IEEE802_11
                | Self::LOOP
                | Self::LINUX_SLL
                | Self::IEEE802_11_PRISM
                | Self::IEEE802_11_RADIOTAP
                | Self::IEEE802_11_AVS
                | Self::IPV4
                | Self::IPV6
                | Self::LINUX_SLL2
        )
    }
}

/// What has been passed on the way down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Id of the VLAN tag that was passed last; priority tags (id 0) name none.
    pub(super) vlan: Option<u16>,
    /// Headers that may still wrap others.
    left: u8,
}

impl Way {
    pub(super) fn new(vlan: Option<u16>) -> Self {
        Self { vlan, left: MAX_NESTING }
    }

    /// The way below one more wrapping header; `None` when there were too many.
    pub(super) fn below(self) -> Option<Self> {
        Some(Self { left: self.left.checked_sub(1)?, ..self })
    }

    pub(super) fn on_vlan(self, tag: u16) -> Self {
        let id = tag & 0x0fff;
        Self { vlan: if id == 0 { self.vlan } else { Some(id) }, ..self }
    }
}

/// Bytes, and what they start with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layer<'a> {
    Ethernet(&'a [u8]),
    /// What an ether type announces; numbers below 0x600 are lengths, and the
    /// bytes start with LLC.
    Typed(u16, &'a [u8]),
    /// The IP version is in the first four bits.
    Ip(&'a [u8]),
    Ppp(&'a [u8]),
    Mpls(&'a [u8]),
}

/// Where the link layers end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Network<'a> {
    Ip(&'a [u8]),
    Arp(&'a [u8]),
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
/// Transparent Ethernet bridging, RFC 1701; NVGRE and GENEVE use it as well.
const BRIDGED_ETHERNET: u16 = 0x6558;

/// Takes the link type's own header off a frame.
pub(super) fn start(link: LinkType, frame: &[u8]) -> Option<Layer<'_>> {
    Some(match link {
        LinkType::ETHERNET => Layer::Ethernet(frame),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => Layer::Ip(frame),
        // Four bytes of address family, in the byte order of whoever captured (NULL)
        // or of the network (LOOP). The IP version says the same more reliably.
        LinkType::NULL | LinkType::LOOP => Layer::Ip(frame.get(4..)?),
        // Linux cooked: the ether type is the last field of 16 bytes, or the first of 20.
        LinkType::LINUX_SLL => Layer::Typed(be16(frame, 14)?, frame.get(16..)?),
        LinkType::LINUX_SLL2 => Layer::Typed(be16(frame, 0)?, frame.get(20..)?),
        LinkType::PPP | LinkType::PPP_HDLC | LinkType::C_HDLC => hdlc(frame)?,
        LinkType::PPP_ETHER => pppoe(frame)?,
        LinkType::IEEE802_11 => llc(wifi::body(frame)?)?,
        LinkType::IEEE802_11_RADIOTAP => llc(wifi::below_radiotap(frame)?)?,
        LinkType::IEEE802_11_PRISM | LinkType::IEEE802_11_AVS => {
            llc(wifi::below_monitor_header(frame)?)?
        }
        _ => return None,
    })
}

/// What stands below a layer.
pub(super) enum Below<'a> {
    Layer(Layer<'a>),
    Network(Network<'a>),
}

/// Follows the layers down to IP or ARP.
pub(super) fn descend<'a>(layer: Layer<'a>, way: &mut Way) -> Option<Network<'a>> {
    let mut layer = layer;
    loop {
        layer = match step(layer, way)? {
            Below::Layer(below) => below,
            Below::Network(network) => return Some(network),
        };
    }
}

/// Goes one layer down.
pub(super) fn step<'a>(layer: Layer<'a>, way: &mut Way) -> Option<Below<'a>> {
    let below = match layer {
        Layer::Ip(bytes) | Layer::Typed(IPV4 | IPV6, bytes) => {
            return Some(Below::Network(Network::Ip(bytes)));
        }
        Layer::Typed(ARP, bytes) => return Some(Below::Network(Network::Arp(bytes))),
        Layer::Ethernet(bytes) => Layer::Typed(be16(bytes, 12)?, bytes.get(14..)?),
        // IEEE 802.1Q, 802.1ad, and the older numbers of stacked tags.
        Layer::Typed(0x8100 | 0x88a8 | 0x9100 | 0x9200, bytes) => {
            *way = way.below()?.on_vlan(be16(bytes, 0)?);
            Layer::Typed(be16(bytes, 2)?, bytes.get(4..)?)
        }
        Layer::Typed(0x8847 | 0x8848, bytes) => Layer::Mpls(bytes),
        Layer::Typed(0x8864, bytes) => {
            *way = way.below()?;
            pppoe(bytes)?
        }
        Layer::Typed(0x88e5, bytes) => {
            *way = way.below()?;
            macsec(bytes)?
        }
        // IEEE 802.1ah: four bytes of service tag before the customer's frame.
        Layer::Typed(0x88e7, bytes) => {
            *way = way.below()?;
            Layer::Ethernet(bytes.get(4..)?)
        }
        Layer::Typed(BRIDGED_ETHERNET, bytes) => {
            *way = way.below()?;
            Layer::Ethernet(bytes)
        }
        Layer::Typed(length, bytes) if length < 0x0600 => llc(bytes)?,
        Layer::Typed(..) => return None,
        Layer::Ppp(bytes) => ppp(bytes)?,
        Layer::Mpls(bytes) => {
            *way = way.below()?;
            below_labels(bytes)?
        }
    };
    Some(Below::Layer(below))
}

/// IEEE 802.2 LLC with SNAP (RFC 1042) or with the SAP of IP.
fn llc(bytes: &[u8]) -> Option<Layer<'_>> {
    match bytes {
        // RFC 1042 and, for bridged tunnels, IEEE 802.1H.
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, rest @ ..] => {
            let ether_type = u16::from_be_bytes([*high, *low]);
            (ether_type >= 0x0600).then_some(Layer::Typed(ether_type, rest))
        }
        [0x06, 0x06, 0x03, rest @ ..] => Some(Layer::Ip(rest)),
        _ => None,
    }
}

/// A MACsec tag (IEEE 802.1AE 9.3) that protects integrity only: neither E nor C is
/// set. The SC bit announces eight bytes of SCI.
fn macsec(bytes: &[u8]) -> Option<Layer<'_>> {
    let control = *bytes.first()?;
    let length = if control & 0x20 == 0 { 6 } else { 14 };
    (control & 0x0c == 0).then_some(Layer::Typed(be16(bytes, length)?, bytes.get(length + 2..)?))
}

/// A PPPoE session header, RFC 2516 4: version and type 1, code 0, session, length.
fn pppoe(bytes: &[u8]) -> Option<Layer<'_>> {
    let (&[0x11, 0, _, _, high, low], rest) = bytes.split_first_chunk::<6>()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some(Layer::Ppp(rest.get(..length).unwrap_or(rest)))
}

/// PPP in HDLC-like framing (RFC 1662), or Cisco HDLC, whose address byte is 0x0f
/// or 0x8f and whose protocol is an ether type.
fn hdlc(bytes: &[u8]) -> Option<Layer<'_>> {
    match bytes {
        [0x0f | 0x8f, 0, high, low, rest @ ..] => {
            Some(Layer::Typed(u16::from_be_bytes([*high, *low]), rest))
        }
        _ => Some(Layer::Ppp(bytes)),
    }
}

/// PPP: address and control may be left out, and the protocol field may be
/// compressed to its odd low byte (RFC 1661 6.5 and 6.6).
fn ppp(bytes: &[u8]) -> Option<Layer<'_>> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    let (protocol, rest) = match bytes {
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return None,
    };
    match protocol {
        0x0021 | 0x0057 => Some(Layer::Ip(rest)),
        0x0281 | 0x0283 => Some(Layer::Mpls(rest)),
        _ => None,
    }
}

/// Below an MPLS label stack (RFC 3032) nothing names the protocol: the first four
/// bits tell IP from a pseudowire (RFC 4385 3).
fn below_labels(bytes: &[u8]) -> Option<Layer<'_>> {
    let mut rest = bytes;
    loop {
        let (label, below) = rest.split_first_chunk::<4>()?;
        rest = below;
        // The S bit marks the bottom of the stack.
        if label[2] & 1 == 1 {
            break;
        }
    }
    if matches!(rest.first()? >> 4, 4 | 6) {
        return Some(Layer::Ip(rest));
    }
    // Ethernet, behind a control word or without one: the ether type tells.
    [4, 0].into_iter().find_map(|skipped| {
        let frame = rest.get(skipped..)?;
        let known = matches!(be16(frame, 12)?, IPV4 | IPV6 | ARP | 0x8100 | 0x88a8 | 0x8847);
        known.then_some(Layer::Ethernet(frame))
    })
}

/// A number in network byte order.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let &[high, low] = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::{is_that_segment, tcp_frame};
    use super::super::packet::{Packet, parse};
    use super::*;

    /// The frame of [`tcp_frame`] with these bytes in the place of its Ethernet
    /// header.
    fn below(header: &[u8]) -> Vec<u8> {
        [header, &tcp_frame(b"x")[14..]].concat()
    }

    /// Ethernet with these bytes between the addresses and the IP packet.
    fn tagged(tags: &[u8]) -> Vec<u8> {
        below(&[&[2; 12], tags].concat())
    }

    fn vlan(link: LinkType, frame: &[u8]) -> Option<u16> {
        let packet = parse(link, frame);
        assert!(is_that_segment(&packet), "{link:?} {packet:?}");
        match packet {
            Packet::Tcp(segment) => segment.vlan,
            _ => None,
        }
    }

    #[test]
    fn every_link_type_leads_to_the_same_segment() {
        let cooked = |length: usize, at: usize| {
            let mut header = vec![0; length];
            header[at] = 8;
            header
        };
        for (link, header) in [
            (LinkType::NULL, vec![2, 0, 0, 0]),
            (LinkType::NULL, vec![0, 0, 0, 2]),
            (LinkType::LOOP, vec![0, 0, 0, 2]),
            (LinkType::LINUX_SLL, cooked(16, 14)),
            (LinkType::LINUX_SLL2, cooked(20, 0)),
            (LinkType::RAW, vec![]),
            (LinkType::PPP, vec![0xff, 3, 0, 0x21]),
            (LinkType::PPP, vec![0, 0x21]),
            (LinkType::PPP, vec![0x21]),
            (LinkType::PPP_HDLC, vec![0xff, 3, 0x21]),
            (LinkType::PPP_HDLC, vec![0x0f, 0, 8, 0]),
            (LinkType::C_HDLC, vec![0x8f, 0, 8, 0]),
            (LinkType::PPP_ETHER, vec![0x11, 0, 0, 1, 0, 43, 0, 0x21]),
        ] {
            assert!(link.is_known());
            assert_eq!(vlan(link, &below(&header)), None);
        }
    }

    #[test]
    fn stacked_tags_are_passed_and_the_innermost_named() {
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&[0x81, 0, 0x20, 7, 8, 0])), Some(7));
        let stacked = [0x88, 0xa8, 0, 5, 0x91, 0, 0, 6, 0x81, 0, 0, 7, 0x81, 0, 0, 0, 8, 0];
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&stacked)), Some(7));
        let too_many = [[0x81, 0, 0, 7].repeat(usize::from(MAX_NESTING) + 1), vec![8, 0]].concat();
        let too_many = tagged(&too_many);
        assert!(matches!(parse(LinkType::ETHERNET, &too_many), Packet::Other));
    }

    #[test]
    fn a_tag_behind_a_cooked_header_is_passed() {
        let mut header = vec![0; 16];
        header[14..].copy_from_slice(&[0x81, 0]);
        header.extend_from_slice(&[0, 9, 8, 0]);
        assert_eq!(vlan(LinkType::LINUX_SLL, &below(&header)), Some(9));
    }

    #[test]
    fn labels_lead_to_ip_and_to_pseudowires() {
        let labels = [0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64];
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&labels)), None);
        let inner = tcp_frame(b"x");
        let bare = [&[2; 12], &labels[..], &inner].concat();
        assert_eq!(vlan(LinkType::ETHERNET, &bare), None);
        let control_word = [&[2; 12], &labels[..], &[0, 0, 0, 1], &inner].concat();
        assert_eq!(vlan(LinkType::ETHERNET, &control_word), None);
    }

    #[test]
    fn a_pppoe_session_on_a_vlan_is_read() {
        let tags = [0x81, 0, 0, 7, 0x88, 0x64, 0x11, 0, 0, 1, 0, 43, 0, 0x21];
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&tags)), Some(7));
    }

    #[test]
    fn provider_bridges_and_unencrypted_macsec_are_passed() {
        let customer = [&[2; 12][..], &[0x88, 0xe7, 0, 0, 0, 5], &tcp_frame(b"x")].concat();
        assert_eq!(vlan(LinkType::ETHERNET, &customer), None);
        let plain = [0x88, 0xe5, 0, 0, 0, 0, 0, 1, 8, 0];
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&plain)), None);
        let encrypted = tagged(&[0x88, 0xe5, 0x0c, 0, 0, 0, 0, 1, 8, 0]);
        assert!(matches!(parse(LinkType::ETHERNET, &encrypted), Packet::Other));
    }

    #[test]
    fn a_length_in_the_place_of_the_ether_type_means_llc() {
        let snap = [0, 49, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        assert_eq!(vlan(LinkType::ETHERNET, &tagged(&snap)), None);
        let spanning_tree = tagged(&[0, 38, 0x42, 0x42, 3]);
        assert!(matches!(parse(LinkType::ETHERNET, &spanning_tree), Packet::Other));
    }
}
