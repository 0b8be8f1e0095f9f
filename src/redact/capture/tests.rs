use super::super::pseudonym::KEY_LEN;
use super::super::words::Words;
use super::checksum::sum;
use super::frame::rewrite;
use super::*;
use crate::wire::packet::LinkType;
use crate::wire::tls::{Handshake, parse_handshake};
use etherparse::PacketBuilder;
use proptest::prelude::*;

fn pseudonyms() -> Pseudonyms {
    Pseudonyms::new(&[6; KEY_LEN], Words::embedded().unwrap())
}

/// One frame, of a connection that is followed or not.
fn rewritten(link: LinkType, frame: &[u8], followed: bool) -> Vec<u8> {
    let made = pseudonyms();
    let mut addresses = Addresses::new(&made);
    let mut ends = BTreeSet::new();
    if let (true, Packet::Tcp(segment)) = (followed, parse(link, frame)) {
        ends.insert((Endpoint::from(segment.source), Endpoint::from(segment.destination)));
    }
    let known = Followed { ends, ports: vec![3389] };
    let mut streams = Streams::default();
    if let Packet::Tcp(segment) = parse(link, frame) {
        streams.take(&segment);
    }
    streams.rewrite(&mut addresses);
    let mut data = frame.to_vec();
    let mut payloads = Payloads { followed: &known, streams: &mut streams };
    rewrite(link, &mut data, &mut addresses, &mut payloads);
    data
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2, 1, 2, 3, 4, 5], [2, 9, 8, 7, 6, 5])
        .ipv4([10, 1, 2, 3], [203, 0, 113, 9], 64)
        .tcp(50123, 3389, 77, 1024)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// Whether all checksums of an Ethernet frame with IPv4 and TCP or UDP hold: by adding up what
/// they are made of.
fn checksums_hold(frame: &[u8]) -> bool {
    let ip = &frame[14..];
    let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let transport = &ip[20..length];
    let mut pseudo = ip[12..20].to_vec();
    pseudo.extend([0, ip[9]]);
    pseudo.extend(u16::try_from(transport.len()).unwrap().to_be_bytes());
    pseudo.extend(transport);
    sum(&ip[..20]) == 0xffff && sum(&pseudo) == 0xffff
}

#[test]
fn addresses_change_and_checksums_hold() {
    for payload in [&b"GET / HTTP/1.1\r\nHost: ts1"[..], b"", b"odd"] {
        let frame = tcp(payload);
        let made = rewritten(LinkType::ETHERNET, &frame, true);
        assert_eq!(made.len(), frame.len());
        assert!(checksums_hold(&frame) && checksums_hold(&made));
        assert_ne!(made[26..34], frame[26..34]);
        assert_ne!(made[..6], frame[..6]);
        assert_eq!(made[34..38], frame[34..38], "ports stay");
    }
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    let mut frame = tcp(b"abc");
    frame[50] ^= 0x55;
    assert!(!checksums_hold(&frame));
    assert!(!checksums_hold(&rewritten(LinkType::ETHERNET, &frame, true)));
}

#[test]
fn of_foreign_protocols_only_what_they_are_stays() {
    let made = rewritten(LinkType::ETHERNET, &tcp(b"GET /srv7 HTTP/1.1"), true);
    assert_eq!(&made[54..], b"GET \0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let made = rewritten(LinkType::ETHERNET, &tcp(b"USER meyer"), false);
    assert!(made[54..].iter().all(|byte| *byte == 0));
}

#[test]
fn cookies_are_overwritten_and_offers_stay() {
    let mut request = b"\x03\0\0\0\0\xe0\0\0\0\0\0Cookie: mstshash=meyer\r\n".to_vec();
    request.extend_from_slice(b"\x01\0\x08\0\x0b\0\0\0");
    request[3] = u8::try_from(request.len()).unwrap();
    request[4] = request[3] - 5;
    let made = rewritten(LinkType::ETHERNET, &tcp(&request), true);
    let shown = String::from_utf8_lossy(&made[54..]).into_owned();
    assert!(shown.contains("mstshash=xxxxx\r\n"), "{shown}");
    assert!(made.ends_with(b"\x01\0\x08\0\x0b\0\0\0"));
}

#[test]
fn the_name_in_a_hello_is_replaced_even_where_segments_cut_it() {
    let name = b"ts-prod-01.corp.test";
    let length = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let mut list = vec![0];
    list.extend(length(name.len()));
    list.extend(name);
    let mut extension = vec![0, 0];
    extension.extend(length(list.len() + 2));
    extension.extend(length(list.len()));
    extension.extend(list);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(length(extension.len()));
    body.extend(extension);
    let mut record = vec![22, 3, 1];
    record.extend(length(body.len() + 4));
    record.extend([1, 0]);
    record.extend(length(body.len()));
    record.extend(&body);
    let made = pseudonyms();
    let mut addresses = Addresses::new(&made);
    let mut streams = Streams::default();
    let cut = record.len() - 9;
    let frames = [(0, &record[..cut]), (cut, &record[cut..])];
    let segment = |(at, payload): (usize, &[u8])| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 1, 2, 3], [10, 1, 2, 4], 64)
            .tcp(50123, 3389, 77 + u32::try_from(at).unwrap(), 1024)
            .write(&mut frame, payload)
            .unwrap();
        frame
    };
    let frames = frames.map(segment);
    for frame in &frames {
        let Packet::Tcp(segment) = parse(LinkType::ETHERNET, frame) else { panic!() };
        streams.take(&segment);
    }
    streams.rewrite(&mut addresses);
    let mut whole = Vec::new();
    for frame in &frames {
        let Packet::Tcp(segment) = parse(LinkType::ETHERNET, frame) else { panic!() };
        let mut payload = segment.payload.to_vec();
        streams.lay(&segment, &mut payload);
        whole.extend(payload);
    }
    assert_eq!(whole.len(), record.len());
    let Handshake::ClientHello(hello) = parse_handshake(&whole[5..]) else { panic!() };
    let told = hello.server_name().unwrap();
    assert_eq!(told, made.names("ts-prod-01.corp.test"));
    assert!(told.ends_with(".test") && !told.contains("prod"));
}

#[test]
fn dns_names_and_addresses_are_replaced() {
    let mut answer = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    answer.extend(b"\x06server\x04corp\x04test\0\0\x01\0\x01");
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03");
    let made = pseudonyms();
    let mut addresses = Addresses::new(&made);
    let mut bytes = answer.clone();
    dns::message(&mut bytes, &mut addresses);
    let read = crate::wire::dns::Message::parse(&bytes).unwrap();
    assert_eq!(read.name, made.names("server.corp.test"));
    assert_eq!(read.addresses, [made.address("10.1.2.3".parse().unwrap())]);
}

#[test]
fn what_errors_quote_is_replaced_too() {
    let quoted = &tcp(b"secret")[14..];
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(quoted);
    let check = !sum(&message);
    message[2..4].copy_from_slice(&check.to_be_bytes());
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 1], [10, 1, 2, 3], 64)
        .write(&mut frame, 1.into(), &message)
        .unwrap();
    let made = rewritten(LinkType::ETHERNET, &frame, false);
    assert_eq!(sum(&made[34..]), 0xffff);
    assert_eq!(sum(&made[42..62]), 0xffff, "the quoted header's own");
    let names = pseudonyms();
    let Packet::IcmpError { from, error } = parse(LinkType::ETHERNET, &made) else { panic!() };
    assert_eq!(from, names.address("10.0.0.1".parse().unwrap()));
    assert_eq!(error.source.0, names.address("10.1.2.3".parse().unwrap()));
    assert!(!made.windows(6).any(|window| window == b"secret"));
}

/// Licence servers write an authority as bare UTF-16 where a name in DER should stand.
#[test]
fn text_where_elements_should_be_is_overwritten() {
    let made = pseudonyms();
    let wide: Vec<u8> = "SERVR".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut bytes = [&[0xa4, 10][..], &wide].concat();
    der::elements(&mut bytes, &mut Addresses::new(&made), 9);
    assert_eq!(bytes, [&[0xa4, 10][..], &[0; 10]].concat());
}

proptest! {
    #[test]
    fn no_frame_panics_and_lengths_stay(
        link in proptest::sample::select(vec![0, 1, 9, 101, 105, 113, 127, 163, 228, 276, 999]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert_eq!(rewritten(LinkType(link), &bytes, true).len(), bytes.len());
    }

    #[test]
    fn no_payload_panics_and_checksums_hold(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        head in proptest::sample::select(vec![
            vec![], vec![22, 3, 1, 0, 90, 1], vec![22, 3, 3, 0, 90, 11, 0, 0], vec![3, 0, 0, 60, 2, 0xf0, 0x80],
            vec![3, 0, 0, 60, 2, 0xf0, 0x80, 0x7f, 0x65], vec![3, 0, 0, 40, 35, 0xe0],
        ]),
    ) {
        let frame = tcp(&[head, payload].concat());
        let made = rewritten(LinkType::ETHERNET, &frame, true);
        prop_assert_eq!(made.len(), frame.len());
        prop_assert!(checksums_hold(&made));
    }

    #[test]
    fn no_datagram_or_certificate_panics(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        port in proptest::sample::select(vec![53u16, 3389, 5353, 137, 4789]),
        head in proptest::sample::select(vec![vec![], vec![0x30, 0x82, 0, 90, 0x30, 0x40, 2, 9], vec![0xff, 0xff, 0xff, 0xff, 0, 64, 0x10, 1]]),
    ) {
        let payload = [head, payload].concat();
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 1, 2, 3], [10, 1, 2, 4], 64)
            .udp(40_000, port)
            .write(&mut frame, &payload)
            .unwrap();
        let made = rewritten(LinkType::ETHERNET, &frame, false);
        prop_assert_eq!(made.len(), frame.len());
        prop_assert!(checksums_hold(&made) || port == 4789);
        let made = pseudonyms();
        let mut bytes = payload.clone();
        der::certificate(&mut bytes, &mut Addresses::new(&made));
        prop_assert_eq!(bytes.len(), payload.len());
    }
}
