//! Every parser of `wire`, on the same bytes: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rdp_triage::wire::packet::LinkType;
use rdp_triage::wire::{certificate::Certificate, dns, icmp, nego::Negotiation, packet, tls, tpkt, x224};

fuzz_target!(|bytes: &[u8]| {
    let _ = tpkt::payload_len(bytes);
    let _ = x224::parse(bytes);
    let _ = Negotiation::parse(bytes);
    let _ = tls::RecordHeader::parse(bytes);
    if let tls::Handshake::ClientHello(hello) = tls::parse_handshake(bytes) {
        let _ = (hello.server_name(), hello.versions(), rdp_triage::wire::ja::ja4(&hello));
    }
    let _ = Certificate::parse(bytes);
    let _ = dns::Message::parse(bytes);
    let _ = (icmp::parse_v4(bytes), icmp::parse_v6(bytes));
    for link in [
        LinkType::ETHERNET,
        LinkType::LINUX_SLL2,
        LinkType::RAW,
        LinkType::NULL,
        LinkType::PPP,
        LinkType::IEEE802_11_RADIOTAP,
        LinkType::IEEE802_11_PRISM,
    ] {
        let _ = packet::parse(link, bytes);
    }
});
