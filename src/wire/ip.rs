//! IPv4 and IPv6 headers, extension headers included.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use std::net::IpAddr;

/// What the IP header, and the layers below it, contribute to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Internet {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub ip_id: Option<u16>,
    /// Routers must not fragment: IPv4's bit, and always true for IPv6.
    pub df: bool,
    /// VLAN of the innermost tag.
    pub vlan: Option<u16>,
    /// Bytes after the IP headers, as they announce them; `None` when they announce
    /// nothing (segmentation offload writes 0).
    pub announced: Option<u32>,
}

/// Which part of a datagram a fragment is, RFC 791 3.1 and RFC 8200 4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: u32,
    /// In bytes.
    pub(super) offset: u32,
    pub(super) more: bool,
}

/// An IP packet without its headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) internet: Internet,
    /// Number of the protocol of the payload.
    pub(super) protocol: u8,
    /// `None` for a whole datagram.
    pub(super) part: Option<Part>,
    pub(super) payload: &'a [u8],
}

/// Whether the length in the header is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// The payload ends where the header says; link layers pad.
    Announced,
    /// The payload is what is there: ICMP quotes the beginning of a packet, and
    /// some systems change the length in the quote.
    Captured,
}

/// Reads the headers of one packet.
pub(super) fn read(bytes: &[u8], length: Length, vlan: Option<u16>) -> Option<Datagram<'_>> {
    match bytes.first()? >> 4 {
        4 => read_v4(bytes, length, vlan),
        6 => read_v6(bytes, length, vlan),
        _ => None,
    }
}

fn read_v4(bytes: &[u8], length: Length, vlan: Option<u16>) -> Option<Datagram<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let rest = bytes.get(header.slice().len()..)?;
    let headers = u32::from(header.ihl()) * 4;
    let announced = u32::from(header.total_len()).checked_sub(headers);
    let internet = Internet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        ttl: header.ttl(),
        ip_id: Some(header.identification()),
        df: header.dont_fragment(),
        vlan,
        announced,
    };
    let part = header.is_fragmenting_payload().then(|| Part {
        id: header.identification().into(),
        offset: u32::from(header.fragments_offset().value()) * 8,
        more: header.more_fragments(),
    });
    let payload = trimmed(rest, announced, length);
    let datagram = Datagram { internet, protocol: header.protocol().0, part, payload };
    below_extensions(datagram, true)
}

fn read_v6(bytes: &[u8], length: Length, vlan: Option<u16>) -> Option<Datagram<'_>> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    let rest = bytes.get(header.slice().len()..)?;
    let announced = Some(u32::from(header.payload_length())).filter(|bytes| *bytes != 0);
    let internet = Internet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        ttl: header.hop_limit(),
        ip_id: None,
        df: true,
        vlan,
        announced,
    };
    let payload = trimmed(rest, announced, length);
    let datagram = Datagram { internet, protocol: header.next_header().0, part: None, payload };
    below_extensions(datagram, false)
}

fn trimmed(rest: &[u8], announced: Option<u32>, length: Length) -> &[u8] {
    let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
    match (length, announced) {
        (Length::Announced, Some(bytes)) => rest.get(..bytes).unwrap_or(rest),
        _ => rest,
    }
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;

/// Follows IPv6 extension headers (RFC 8200 4) and the authentication header, which
/// IPv4 has too (RFC 4302), to what they stand before. Every one takes eight bytes
/// at least.
pub(super) fn below_extensions(mut datagram: Datagram<'_>, is_v4: bool) -> Option<Datagram<'_>> {
    loop {
        // What follows inside a fragment waits until the datagram is whole.
        let extension = match datagram.protocol {
            AUTHENTICATION => true,
            HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS | MOBILITY => !is_v4,
            _ => false,
        };
        if !extension || datagram.part.is_some() {
            return Some(datagram);
        }
        let header = datagram.payload.first_chunk::<8>()?;
        let &[next, words, high, low, a, b, c, d] = header;
        let length = match datagram.protocol {
            AUTHENTICATION => (usize::from(words) + 2) * 4,
            FRAGMENT => {
                let field = u16::from_be_bytes([high, low]);
                let (offset, more) = (u32::from(field & 0xfff8), field & 1 == 1);
                // An atomic fragment is whole, RFC 6946.
                if offset != 0 || more {
                    let id = u32::from_be_bytes([a, b, c, d]);
                    datagram.part = Some(Part { id, offset, more });
                }
                8
            }
            _ => (usize::from(words) + 1) * 8,
        };
        datagram.protocol = next;
        datagram.payload = datagram.payload.get(length..)?;
        let taken = u32::try_from(length).unwrap_or(u32::MAX);
        let announced = &mut datagram.internet.announced;
        *announced = announced.and_then(|bytes| bytes.checked_sub(taken));
    }
}
