//! Packets inside events. Two providers of Windows write them:
//! Microsoft-Windows-NDIS-PacketCapture (`netsh trace`) and Microsoft-Windows-PktMon
//! (`pktmon`); fields and keywords are those of their manifests, as etl2pcapng of
//! Microsoft uses them.

use super::super::Dropped;
use super::super::input::Order;
use super::event::Event;
use crate::wire::packet::LinkType;
use std::ops::Range;

/// {2ED6006E-4729-4609-B423-3EE7BCD678EF}
const NDIS: [u8; 16] =
    [0x6e, 0, 0xd6, 0x2e, 0x29, 0x47, 9, 0x46, 0xb4, 0x23, 0x3e, 0xe7, 0xbc, 0xd6, 0x78, 0xef];

/// {4D4F80D9-C8BD-4D73-BB5B-19C90402C5AC}
const PKTMON: [u8; 16] =
    [0xd9, 0x80, 0x4f, 0x4d, 0xbd, 0xc8, 0x73, 0x4d, 0xbb, 0x5b, 0x19, 0xc9, 4, 2, 0xc5, 0xac];

/// Providers whose packets are read.
pub(super) const PROVIDERS: [[u8; 16]; 2] = [NDIS, PKTMON];

/// Providers whose packets are not read: of the filtering platform
/// {C22D1B14-C242-49DE-9F17-1D76B8B9C458} and of dial-up and VPN
/// {D84521F7-2235-4237-A7C0-14E3A9676286}, with the ids of the events that hold them.
const UNREAD: [([u8; 16], &[u16]); 2] = [
    (
        [
            0x14, 0x1b, 0x2d, 0xc2, 0x42, 0xc2, 0xde, 0x49, 0x9f, 0x17, 0x1d, 0x76, 0xb8, 0xb9,
            0xc4, 0x58,
        ],
        &[2000, 60011, 60012, 60021, 60022],
    ),
    (
        [
            0xf7, 0x21, 0x45, 0xd8, 0x35, 0x22, 0x37, 0x42, 0xa7, 0xc0, 0x14, 0xe3, 0xa9, 0x67,
            0x62, 0x86,
        ],
        &[5001, 5002],
    ),
];

/// Keywords of NDIS-PacketCapture.
mod keyword {
    pub(super) const WIRELESS_WAN: u64 = 0x200;
    pub(super) const NATIVE_802_11: u64 = 0x1_0000;
    pub(super) const START: u64 = 0x4000_0000;
    pub(super) const END: u64 = 0x8000_0000;
}

/// What one event holds of a packet.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// On the clock of the trace.
    pub(super) stamp: u64,
    /// `LowerIfIndex` of NDIS, the component of PktMon.
    pub(super) interface: u32,
    pub(super) link: LinkType,
    pub(super) kind: Kind,
    /// Where the bytes are, from the start of the event.
    pub(super) bytes: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A packet, or the next part of it. Before Windows 8.1 NDIS wrote the parts of a
    /// packet in several events, one behind the other in one thread.
    Part { process: u32, thread: u32, first: bool, last: bool },
    /// A packet as one component saw it. Group and number stay the same on its way.
    Appearance { group: u64, number: u16, drop: Option<Dropped> },
}

/// What an event is.
#[derive(Debug)]
pub(super) enum Found {
    Piece(Piece),
    /// No packet.
    Other,
    /// A packet of a provider that is not read.
    Unread,
    /// A packet whose fields do not fit into its event.
    Bad,
}

pub(super) fn read(event: &Event<'_>) -> Found {
    let piece = match (event.provider, event.id) {
        (NDIS, 1001) => fragment(event, 8),
        (NDIS, 1003) => vm_switch(event.data).and_then(|at| fragment(event, at)),
        (PKTMON, 160) => appearance(event, false),
        (PKTMON, 170) => appearance(event, true),
        (provider, id) => {
            let unread = UNREAD.iter().any(|(other, ids)| *other == provider && ids.contains(&id));
            return if unread { Found::Unread } else { Found::Other };
        }
    };
    piece.map_or(Found::Bad, Found::Piece)
}

/// MiniportIfIndex, LowerIfIndex, then `FragmentSize` at an offset of the data and the
/// fragment behind it.
fn fragment(event: &Event<'_>, size_at: usize) -> Option<Piece> {
    let word = |at| Order::LITTLE.u32(event.data, at);
    let bytes = inside(event, size_at + 4, word(size_at)?)?;
    let has = |bit| event.keywords & bit != 0;
    let link = if has(keyword::NATIVE_802_11) {
        LinkType::IEEE802_11
    } else if has(keyword::WIRELESS_WAN) {
        LinkType::RAW
    } else {
        LinkType::ETHERNET
    };
    let (first, last) = (has(keyword::START), has(keyword::END));
    let kind = Kind::Part { process: event.process, thread: event.thread, first, last };
    Some(Piece { stamp: event.stamp, interface: word(4)?, link, kind, bytes })
}

/// Where `FragmentSize` is in an event of the virtual switch: behind the source (port,
/// names of port and NIC, type) and as many destinations of the same form. What follows
/// the fragment, data of a length of its own, must end with the event.
fn vm_switch(data: &[u8]) -> Option<usize> {
    let word = |at| Order::LITTLE.u32(data, at);
    let port = |at: usize| (0..3).try_fold(at + 4, |at, _| behind_text(data, at));
    let count = port(8)?;
    let mut at = count + 4;
    for _ in 0..word(count)? {
        at = port(at)?;
    }
    let rest = at.checked_add(4)?.checked_add(usize::try_from(word(at)?).ok()?)?;
    let end = rest.checked_add(4)?.checked_add(usize::try_from(word(rest)?).ok()?)?;
    (end == data.len()).then_some(at)
}

/// Where a text of UTF-16 that ends with a zero is over.
fn behind_text(data: &[u8], at: usize) -> Option<usize> {
    let (units, _) = data.get(at..)?.as_chunks::<2>();
    Some(at + 2 * (units.iter().position(|unit| *unit == [0, 0])? + 1))
}

/// PktGroupId, PktNumber, AppearanceCount, DirTag, PacketType, ComponentId, EdgeId,
/// FilterId, DropReason, DropLocation, OriginalPayloadSize, LoggedPayloadSize, Payload.
fn appearance(event: &Event<'_>, dropped: bool) -> Option<Piece> {
    let half = |at| Order::LITTLE.u16(event.data, at);
    let word = |at| Order::LITTLE.u32(event.data, at);
    let bytes = inside(event, 34, half(32)?.into())?;
    let component = half(16)?;
    // PKTMON_DIRECTION_TAG: in, out, Rx, Tx, ingress, egress.
    let inbound = match half(12)? {
        1 | 3 | 5 => Some(true),
        2 | 4 | 6 => Some(false),
        _ => None,
    };
    let (reason, location) = (word(22)?, word(26)?);
    let drop = Dropped { reason, location, component, inbound, again: false };
    Some(Piece {
        stamp: event.stamp,
        interface: component.into(),
        link: match half(14)? {
            1 => LinkType::ETHERNET,
            2 => LinkType::IEEE802_11,
            3 => LinkType::RAW,
            other => unknown_type(other),
        },
        kind: Kind::Appearance {
            group: Order::LITTLE.u64(event.data, 0)?,
            number: half(8)?,
            drop: dropped.then_some(drop),
        },
        bytes,
    })
}

/// A link type that no capture has, for packets that begin above IP.
fn unknown_type(packet_type: u16) -> LinkType {
    LinkType(0x2_0000 | i32::from(packet_type))
}

/// The range of `length` bytes at an offset of the data, from the start of the event.
fn inside(event: &Event<'_>, at: usize, length: u32) -> Option<Range<usize>> {
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let start = event.data_at + at;
    (end <= event.data.len()).then_some(start..event.data_at + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(provider: [u8; 16], id: u16, keywords: u64, data: &[u8]) -> Event<'_> {
        Event { stamp: 1, process: 4, thread: 5, provider, id, keywords, data, data_at: 80 }
    }

    fn found(event: &Event<'_>) -> Option<(LinkType, u32, Vec<u8>)> {
        let Found::Piece(piece) = read(event) else { return None };
        let bytes = event.data[piece.bytes.start - 80..piece.bytes.end - 80].to_vec();
        Some((piece.link, piece.interface, bytes))
    }

    #[test]
    fn ndis_fragments_are_taken_by_their_size_and_medium() {
        let data = [&[3, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0][..], b"data", &[0; 16]].concat();
        for (keywords, link) in
            [(1, LinkType::ETHERNET), (0x1_0000, LinkType::IEEE802_11), (0x200, LinkType::RAW)]
        {
            let taken = found(&event(NDIS, 1001, keywords, &data));
            assert_eq!(taken, Some((link, 9, b"data".to_vec())));
        }
        assert!(matches!(read(&event(NDIS, 1001, 1, &data[..15])), Found::Bad));
        assert!(matches!(read(&event(NDIS, 1002, 1, &data)), Found::Other));
        assert!(matches!(read(&event([0; 16], 1001, 1, &data)), Found::Other));
        assert!(matches!(read(&event(UNREAD[1].0, 5001, 1, &data)), Found::Unread));
    }

    #[test]
    fn a_fragment_of_the_virtual_switch_stands_behind_the_ports() {
        let text = |text: &str| -> Vec<u8> {
            text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
        };
        let port = [&[1, 0, 0, 0][..], &text("port"), &text("a NIC"), &text("")].concat();
        let mut data = [&[3, 0, 0, 0, 9, 0, 0, 0][..], &port, &[2, 0, 0, 0], &port, &port].concat();
        data.extend([&[4, 0, 0, 0][..], b"data", &[2, 0, 0, 0], b"xx"].concat());
        let taken = found(&event(NDIS, 1003, 1, &data));
        assert_eq!(taken, Some((LinkType::ETHERNET, 9, b"data".to_vec())));
        data.pop();
        assert!(matches!(read(&event(NDIS, 1003, 1, &data)), Found::Bad));
    }

    #[test]
    fn pktmon_tells_the_type_of_a_packet_and_why_it_was_dropped() {
        let mut data = vec![0; 34];
        for (at, value) in [(0, 7), (8, 2), (12, 4), (14, 3), (16, 12), (32, 4)] {
            data[at] = value;
        }
        data[22..26].copy_from_slice(&1204_u32.to_le_bytes());
        data.extend(b"data");
        let dropped = event(PKTMON, 170, 0, &data);
        assert_eq!(found(&dropped), Some((LinkType::RAW, 12, b"data".to_vec())));
        let Found::Piece(piece) = read(&dropped) else { panic!("a piece") };
        let inbound = Some(false);
        let drop = Dropped { reason: 1204, location: 0, component: 12, inbound, again: false };
        assert_eq!(piece.kind, Kind::Appearance { group: 7, number: 2, drop: Some(drop) });
        data[14] = 5;
        assert!(!found(&event(PKTMON, 160, 0, &data)).unwrap().0.is_known());
        data[32] = 5;
        assert!(matches!(read(&event(PKTMON, 160, 0, &data)), Found::Bad));
    }
}
