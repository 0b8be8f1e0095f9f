//! One frame, rewritten in place: headers are kept with other addresses, what is understood of
//! the payload is rewritten, all else is overwritten with zeros. No length changes.

use super::checksum::{changed, sum};
use super::{Addresses, Payloads};
use crate::wire::layers::{Headers, InternetAt, headers};
use crate::wire::packet::{LinkType, Packet, parse};
use std::ops::Range;

/// Rewrites a frame. `payloads` knows what becomes of the innermost payload.
pub(super) fn rewrite(
    link: LinkType,
    frame: &mut [u8],
    addresses: &mut Addresses<'_>,
    payloads: &mut Payloads<'_>,
) {
    let original = frame.to_vec();
    let found = headers(link, &original);
    let layer = Link { link, found: &found };
    layer.rewrite(&original, frame, addresses);
    if let Some(at) = found.arp {
        arp(frame, at, addresses);
    }
    for internet in &found.internet {
        addresses_of(frame, internet, addresses);
    }
    if let Some(inner) = found.internet.last() {
        zero(frame, inner.end..usize::MAX);
        transport(link, &original, frame, inner, addresses, payloads);
    }
    for internet in found.internet.iter().rev() {
        checksums(&original, frame, internet);
    }
}

/// Overwrites a part, as far as it is there.
pub(super) fn zero(bytes: &mut [u8], range: Range<usize>) {
    let end = range.end.min(bytes.len());
    if let Some(part) = bytes.get_mut(range.start.min(end)..end) {
        part.fill(0);
    }
}

/// Overwrites a part with other bytes, as far as it is there.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    let end = at.saturating_add(new.len()).min(bytes.len());
    if let Some(part) = bytes.get_mut(at.min(end)..end) {
        part.iter_mut().zip(new).for_each(|(place, byte)| *place = *byte);
    }
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

struct Link<'a> {
    link: LinkType,
    found: &'a Headers,
}

impl Link<'_> {
    /// The headers below IP: link addresses are replaced, what is no way to IP or ARP is
    /// overwritten.
    fn rewrite(&self, original: &[u8], frame: &mut [u8], addresses: &Addresses<'_>) {
        let inner = self.found.internet.first().map(|first| first.at).or(self.found.arp);
        if inner.is_none() {
            // Type and length of a frame of another protocol still say what it was.
            let kept = if self.link == LinkType::ETHERNET { 14 } else { 0 };
            zero(frame, kept..usize::MAX);
        }
        let mut places: Vec<usize> = Vec::new();
        for at in &self.found.ethernet {
            places.extend([*at, at + 6]);
        }
        match self.link {
            LinkType::LINUX_SLL if inner.is_some() => places.push(6),
            LinkType::LINUX_SLL2 if inner.is_some() => places.push(12),
            _ if inner.is_some() => places.extend(self.wireless(original)),
            _ => {}
        }
        for at in places {
            if let Some(hardware) = chunk::<6>(original, at) {
                put(frame, at, &addresses.hardware(hardware));
            }
        }
    }

    /// Places of the addresses of an 802.11 header, IEEE 802.11 9.3.2.
    fn wireless(&self, frame: &[u8]) -> Vec<usize> {
        let begins = match self.link {
            LinkType::IEEE802_11 => Some(0),
            LinkType::IEEE802_11_RADIOTAP => {
                chunk(frame, 2).map(u16::from_le_bytes).map(usize::from)
            }
            LinkType::IEEE802_11_PRISM => Some(144),
            LinkType::IEEE802_11_AVS => Some(64),
            _ => None,
        };
        let Some(at) = begins else { return Vec::new() };
        // To and from a distribution system: a fourth address.
        let four = frame.get(at + 1).is_some_and(|flags| flags & 3 == 3);
        let mut places = vec![at + 4, at + 10, at + 16];
        places.extend(four.then_some(at + 24));
        places
    }
}

/// ARP for IPv4 over Ethernet (RFC 826): both addresses of both hosts.
fn arp(frame: &mut [u8], at: usize, addresses: &mut Addresses<'_>) {
    let usual = chunk::<6>(frame, at).is_some_and(|head| matches!(head, [_, _, 0x08, 0x00, 6, 4]));
    if !usual {
        zero(frame, at + 8..usize::MAX);
        return;
    }
    for (hardware, address) in [(at + 8, at + 14), (at + 18, at + 24)] {
        if let Some(original) = chunk::<6>(frame, hardware) {
            put(frame, hardware, &addresses.hardware(original));
        }
        address_at(frame, address, true, addresses);
    }
    zero(frame, at + 28..usize::MAX);
}

fn address_at(frame: &mut [u8], at: usize, is_v4: bool, addresses: &mut Addresses<'_>) {
    if is_v4 {
        if let Some(original) = chunk::<4>(frame, at) {
            put(frame, at, &addresses.v4(original));
        }
    } else if let Some(original) = chunk::<16>(frame, at) {
        put(frame, at, &addresses.v6(original));
    }
}

fn is_v4(frame: &[u8], at: usize) -> bool {
    frame.get(at).is_some_and(|first| first >> 4 == 4)
}

fn header_len(frame: &[u8], at: usize) -> usize {
    let words = frame.get(at).map_or(0, |first| usize::from(first & 0x0f));
    if is_v4(frame, at) { words * 4 } else { 40 }
}

/// Addresses of an IP header. Options and routing headers may hold more of them: the options
/// are overwritten by no-operations, the addresses by zeros.
fn addresses_of(frame: &mut [u8], internet: &InternetAt, addresses: &mut Addresses<'_>) {
    let at = internet.at;
    if is_v4(frame, at) {
        address_at(frame, at + 12, true, addresses);
        address_at(frame, at + 16, true, addresses);
        let options = at + 20..at + header_len(frame, at);
        if let Some(options) = frame.get_mut(options) {
            options.fill(1);
        }
        return;
    }
    address_at(frame, at + 8, false, addresses);
    address_at(frame, at + 24, false, addresses);
    let mut next = frame.get(at + 6).copied().unwrap_or(59);
    let mut header = at + 40;
    // Every extension header has eight bytes at least.
    while header + 8 <= internet.payload {
        let Some([following, words]) = chunk::<2>(frame, header) else { return };
        let length = match next {
            44 => 8,
            51 => (usize::from(words) + 2) * 4,
            _ => (usize::from(words) + 1) * 8,
        };
        if next == 43 {
            zero(frame, header + 4..(header + length).min(internet.payload));
        }
        (next, header) = (following, header + length);
    }
}

/// Bytes of a TCP header, options included.
fn tcp_header(bytes: &[u8], at: usize) -> usize {
    bytes.get(at + 12).map_or(20, |offset| usize::from(offset >> 4) * 4).max(20)
}

fn transport(
    link: LinkType,
    original: &[u8],
    frame: &mut [u8],
    inner: &InternetAt,
    addresses: &mut Addresses<'_>,
    payloads: &mut Payloads<'_>,
) {
    let at = inner.payload;
    if inner.fragment {
        // Only the first part of a datagram begins with a header; what was cut apart is
        // not put together here.
        let first = match parse(link, original) {
            Packet::Fragment(part) => part.offset == 0,
            _ => false,
        };
        let kept = match inner.protocol {
            6 if first => tcp_header(original, at),
            17 if first => 8,
            _ => 0,
        };
        zero(frame, at + kept..inner.end);
        return;
    }
    match (inner.protocol, parse(link, original)) {
        (6, Packet::Tcp(segment)) => {
            let start = (at + tcp_header(original, at)).min(inner.end);
            if let Some(payload) = frame.get_mut(start..inner.end) {
                payloads.tcp(&segment, payload, addresses);
            }
        }
        (17, Packet::Udp { source, destination, .. }) => {
            let start = (at + 8).min(inner.end);
            if let Some(payload) = frame.get_mut(start..inner.end) {
                payloads.udp(source, destination, payload, addresses);
            }
        }
        (1, _) => icmp_v4(frame, inner, addresses),
        (58, _) => icmp_v6(frame, inner, addresses),
        (6, _) => zero(frame, at + 20..inner.end),
        (17, _) => zero(frame, at + 8..inner.end),
        _ => zero(frame, at..inner.end),
    }
}

fn icmp_v4(frame: &mut [u8], inner: &InternetAt, addresses: &mut Addresses<'_>) {
    let at = inner.payload;
    match frame.get(at) {
        Some(3 | 4 | 11 | 12) => quoted(frame, at + 8, inner.end, addresses),
        Some(5) => {
            address_at(frame, at + 4, true, addresses);
            quoted(frame, at + 8, inner.end, addresses);
        }
        _ => zero(frame, at + 8..inner.end),
    }
}

fn icmp_v6(frame: &mut [u8], inner: &InternetAt, addresses: &mut Addresses<'_>) {
    let at = inner.payload;
    match frame.get(at) {
        Some(1..=4) => quoted(frame, at + 8, inner.end, addresses),
        Some(135 | 136) => {
            address_at(frame, at + 8, false, addresses);
            neighbour_options(frame, at + 24..inner.end, addresses);
        }
        _ => zero(frame, at + 8..inner.end),
    }
}

/// Options of neighbour discovery, RFC 4861 4.6: link addresses are replaced.
fn neighbour_options(frame: &mut [u8], range: Range<usize>, addresses: &Addresses<'_>) {
    let mut at = range.start;
    while at + 8 <= range.end {
        let Some([kind, words]) = chunk::<2>(frame, at) else { return };
        let length = usize::from(words).max(1) * 8;
        match (kind, chunk::<6>(frame, at + 2)) {
            (1 | 2, Some(hardware)) if length == 8 => {
                put(frame, at + 2, &addresses.hardware(hardware))
            }
            _ => zero(frame, at + 2..(at + length).min(range.end)),
        }
        at += length;
    }
    zero(frame, at.min(range.end)..range.end);
}

/// The packet that an ICMP error quotes: addresses, ports and, of TCP, the fixed header.
fn quoted(frame: &mut [u8], at: usize, end: usize, addresses: &mut Addresses<'_>) {
    let header = header_len(frame, at).max(20);
    let v4 = is_v4(frame, at);
    let protocol = frame.get(at + if v4 { 9 } else { 6 }).copied().unwrap_or_default();
    let Some(before) = frame.get(at..end).map(<[u8]>::to_vec) else { return };
    let whole = InternetAt { at, payload: (at + header).min(end), end, protocol, fragment: false };
    addresses_of(frame, &whole, addresses);
    let kept = match protocol {
        6 => 20,
        17 => 8,
        _ => 0,
    };
    zero(frame, at + header + kept..end);
    let after = frame.get(at..end).unwrap_or_default();
    let places = if v4 { 12..20 } else { 8..40 };
    let moved = |bytes: &[u8]| sum(bytes.get(places.clone()).unwrap_or_default());
    let (old, new) = (moved(&before), moved(after));
    if v4 {
        let (old, new) = (header_sum(&before, header), header_sum(after, header));
        correct(frame, at + 10, old, new);
    }
    let field = match protocol {
        6 => 16,
        17 => 6,
        _ => return,
    };
    // Of the payload only a part is quoted: its checksum follows the addresses.
    if at + header + field + 2 <= end {
        correct(frame, at + header + field, old, new);
    }
}

fn header_sum(bytes: &[u8], length: usize) -> u16 {
    sum(bytes.get(..length.min(bytes.len())).unwrap_or_default())
}

/// Moves the checksum at a place by the difference of two sums.
fn correct(frame: &mut [u8], at: usize, before: u16, after: u16) {
    if let Some(checksum) = chunk::<2>(frame, at) {
        let made = changed(u16::from_be_bytes(checksum), before, after);
        put(frame, at, &made.to_be_bytes());
    }
}

/// The checksums of an IP header and of what it carries.
fn checksums(original: &[u8], frame: &mut [u8], internet: &InternetAt) {
    let at = internet.at;
    let v4 = is_v4(frame, at);
    if v4 {
        let length = header_len(frame, at);
        let part = |bytes: &[u8]| header_sum(bytes.get(at..).unwrap_or_default(), length);
        let (before, after) = (part(original), part(frame));
        correct(frame, at + 10, before, after);
    }
    if internet.fragment {
        return;
    }
    let field = match internet.protocol {
        6 => 16,
        17 => 6,
        1 | 58 => 2,
        _ => return,
    };
    let place = internet.payload + field;
    if place + 2 > internet.end {
        return;
    }
    let sum_of = |bytes: &[u8]| {
        let pseudo = match (internet.protocol, v4) {
            (1, _) => 0..0,
            (_, true) => at + 12..at + 20,
            (_, false) => at + 8..at + 40,
        };
        let addresses = u32::from(sum(bytes.get(pseudo).unwrap_or_default()));
        let payload = u32::from(sum(bytes.get(internet.payload..internet.end).unwrap_or_default()));
        sum(&(addresses + payload).to_be_bytes())
    };
    let (before, after) = (sum_of(original), sum_of(frame));
    let none = internet.protocol == 17 && chunk::<2>(frame, place) == Some([0, 0]);
    if none {
        return;
    }
    correct(frame, place, before, after);
    if internet.protocol == 17 && chunk::<2>(frame, place) == Some([0, 0]) {
        // Zero would say that there is none, RFC 768.
        put(frame, place, &[0xff, 0xff]);
    }
}
