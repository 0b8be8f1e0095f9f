//! Packets that carry other packets: GRE, ERSPAN, VXLAN and GENEVE.

use super::link::{Layer, Way, be16};

/// The tunnel in a UDP payload, by its destination port.
pub(super) fn of_udp<'a>(port: u16, payload: &'a [u8]) -> Option<Layer<'a>> {
    match port {
        // IANA's port and the one that Linux used before.
        4789 | 8472 => vxlan(payload),
        4790 => vxlan_gpe(payload),
        6081 => geneve(payload),
        _ => None,
    }
}

/// VXLAN, RFC 7348 5: the I flag, and Ethernet after eight bytes.
fn vxlan(payload: &[u8]) -> Option<Layer<'_>> {
    let (header, frame) = payload.split_first_chunk::<8>()?;
    (header[0] & 0x08 != 0).then_some(Layer::Ethernet(frame))
}

/// VXLAN's generic protocol extension (draft-ietf-nvo3-vxlan-gpe): version 0, the I
/// and P flags, and the protocol in the fourth byte.
fn vxlan_gpe(payload: &[u8]) -> Option<Layer<'_>> {
    let (&[flags, _, _, next, ..], inner) = payload.split_first_chunk::<8>()?;
    match next {
        _ if flags & 0x3c != 0x0c => None,
        1 | 2 => Some(Layer::Ip(inner)),
        3 => Some(Layer::Ethernet(inner)),
        _ => None,
    }
}

/// GENEVE, RFC 8926 3.4: version 0, the length of its options in words, a protocol.
fn geneve(payload: &[u8]) -> Option<Layer<'_>> {
    let first = *payload.first()?;
    let length = 8 + usize::from(first & 0x3f) * 4;
    (first >> 6 == 0).then_some(Layer::Typed(be16(payload, 2)?, payload.get(length..)?))
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Version 1 only: an acknowledgement number follows.
const ACKNOWLEDGEMENT: u16 = 0x0080;

/// GRE: version 0 of RFC 2784 and 2890, version 1 of PPTP (RFC 2637 4.1).
pub(super) fn gre<'a>(payload: &'a [u8], way: &mut Way) -> Option<Layer<'a>> {
    let flags = be16(payload, 0)?;
    let protocol = be16(payload, 2)?;
    let optional = |bit| if flags & bit == 0 { 0 } else { 4 };
    if flags & ROUTING != 0 {
        // Source routes of RFC 1701, which RFC 2784 took away.
        return None;
    }
    match flags & 0x0007 {
        0 => {
            let length = 4 + optional(CHECKSUM) + optional(KEY) + optional(SEQUENCE);
            let inner = payload.get(length..)?;
            match protocol {
                // ERSPAN type I has neither a sequence number nor a header.
                0x88be if flags & SEQUENCE == 0 => Some(Layer::Ethernet(inner)),
                0x88be | 0x22eb => erspan(inner, way),
                _ => Some(Layer::Typed(protocol, inner)),
            }
        }
        1 if protocol == 0x880b => {
            let length = 8 + optional(SEQUENCE) + optional(ACKNOWLEDGEMENT);
            let announced = usize::from(be16(payload, 4)?);
            let inner = payload.get(length..)?;
            Some(Layer::Ppp(inner.get(..announced).unwrap_or(inner)))
        }
        _ => None,
    }
}

/// ERSPAN (draft-foschiano-erspan-03): version 1 is type II with eight bytes, version
/// 2 is type III with twelve and, when its last bit says so, eight more.
fn erspan<'a>(bytes: &'a [u8], way: &mut Way) -> Option<Layer<'a>> {
    let first = be16(bytes, 0)?;
    let length = match first >> 12 {
        1 => 8,
        2 => 12 + if bytes.get(11)? & 1 == 1 { 8 } else { 0 },
        _ => return None,
    };
    *way = way.on_vlan(first);
    Some(Layer::Ethernet(bytes.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::{carrying, is_that_segment, tcp_frame};
    use super::super::packet::{LinkType, Packet, parse};

    fn leads_to_the_segment(protocol: u8, header: &[u8], inner: &[u8]) -> bool {
        let frame = carrying(protocol, &[header, inner].concat());
        is_that_segment(&parse(LinkType::ETHERNET, &frame))
    }

    fn udp(port: u16, header: &[u8]) -> Vec<u8> {
        let [high, low] = port.to_be_bytes();
        [&[1, 1, high, low, 0, 0, 0, 0], header].concat()
    }

    #[test]
    fn gre_with_any_of_its_fields_is_passed() {
        let frame = tcp_frame(b"x");
        let ip = &frame[14..];
        let (key, sequence, checksum) = ([0, 0, 0, 1], [0, 0, 0, 2], [0; 4]);
        let all = [&[0xb0, 0, 8, 0], &checksum[..], &key, &sequence].concat();
        assert!(leads_to_the_segment(47, &[0, 0, 8, 0], ip));
        assert!(leads_to_the_segment(47, &all, ip));
        assert!(leads_to_the_segment(47, &[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &frame));
        // PPTP: key with length and call, sequence and acknowledgement.
        let pptp = [0x30, 0x81, 0x88, 0x0b, 0, 45, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21];
        assert!(leads_to_the_segment(47, &pptp, ip));
        assert!(!leads_to_the_segment(47, &[0x40, 0, 8, 0], ip), "source routes");
    }

    #[test]
    fn all_types_of_erspan_are_passed() {
        let frame = tcp_frame(b"x");
        assert!(leads_to_the_segment(47, &[0, 0, 0x88, 0xbe], &frame));
        let second =
            [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &[0x10, 7, 0, 0, 0, 0, 0, 0][..]].concat();
        assert!(leads_to_the_segment(47, &second, &frame));
        for (last, behind) in [(0, 0), (1, 8)] {
            let mut third = vec![0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7];
            third.resize(8 + 11, 0);
            third.push(last);
            third.resize(8 + 12 + behind, 0);
            assert!(leads_to_the_segment(47, &third, &frame));
        }
        let mirrored = carrying(47, &[second, frame].concat());
        let packet = parse(LinkType::ETHERNET, &mirrored);
        assert!(matches!(packet, Packet::Tcp(segment) if segment.vlan == Some(7)));
    }

    #[test]
    fn vxlan_and_geneve_are_told_from_other_datagrams() {
        let frame = tcp_frame(b"x");
        let vxlan = [8, 0, 0, 0, 0, 0, 5, 0];
        assert!(leads_to_the_segment(17, &udp(4789, &vxlan), &frame));
        assert!(leads_to_the_segment(17, &udp(8472, &vxlan), &frame));
        assert!(!leads_to_the_segment(17, &udp(4790, &vxlan), &frame));
        assert!(leads_to_the_segment(17, &udp(4790, &[12, 0, 0, 3, 0, 0, 5, 0]), &frame));
        assert!(leads_to_the_segment(17, &udp(4790, &[12, 0, 0, 1, 0, 0, 5, 0]), &frame[14..]));
        let geneve = [1, 0, 0x65, 0x58, 0, 0, 5, 0, 0, 0, 0, 0];
        assert!(leads_to_the_segment(17, &udp(6081, &geneve), &frame));
        let query = carrying(17, &udp(4789, b"something that is no tunnel at all"));
        assert!(matches!(parse(LinkType::ETHERNET, &query), Packet::Udp { destination, .. }
            if destination.port() == 4789));
    }

    #[test]
    fn ip_in_ip_is_passed_up_to_the_budget() {
        let mut inner = tcp_frame(b"x")[14..].to_vec();
        assert!(leads_to_the_segment(4, &[], &inner));
        for _ in 0..crate::base::limits::MAX_NESTING {
            inner = carrying(4, &inner)[14..].to_vec();
        }
        assert!(is_that_segment(&parse(LinkType::RAW, &inner)));
        assert!(!leads_to_the_segment(4, &[], &inner));
    }
}
