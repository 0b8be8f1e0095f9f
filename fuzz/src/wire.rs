//! Every parser of `wire`.

use super::files;
use super::script::{Pcap, Script};
use rdp_triage::wire::callers::caller;
use rdp_triage::wire::certificate::Certificate;
use rdp_triage::wire::gcc::{GccClient, GccServer};
use rdp_triage::wire::glance::glance;
use rdp_triage::wire::mcs::{self, Mcs};
use rdp_triage::wire::nego::Negotiation;
use rdp_triage::wire::packet::{self, LinkType, Packet};
use rdp_triage::wire::spnego::{self, Token};
use rdp_triage::wire::x224::{self, Tpdu};
use rdp_triage::wire::{
    credssp, dns, dtls, icmp, ja, kerberos, ntlm, rdpeudp, redirection, security, share, sslv2,
    tls, tpkt,
};

/// Frames of the link type that the first two bytes name, each with its length in two
/// bytes: one by one, and as a capture, so that name resolution, neighbours, the UDP
/// transport, fragments and ICMP errors are followed.
pub fn packet(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(link) = script.array().map(u16::from_be_bytes) else { return };
    let mut pcap = Pcap::new(u32::from(link));
    while !script.is_empty() {
        let frame = script.counted();
        let packet = packet::parse(LinkType(i32::from(link)), frame);
        if let Packet::Fragment(part) = packet {
            let _ = packet::from_transport(&part.internet, part.protocol, part.payload);
        }
        if let Some(seen) = glance(LinkType(i32::from(link)), frame) {
            let ends = match packet {
                Packet::Tcp(segment) => Some((segment.source, segment.destination)),
                Packet::Udp { source, destination, .. } => Some((source, destination)),
                _ => None,
            };
            assert_eq!(ends, Some((seen.source(), seen.destination())));
        }
        let _ = (icmp::parse_v4(frame), icmp::parse_v6(frame));
        pcap.frame(frame, 0);
    }
    files::capture_file(&pcap.bytes);
}

/// Records, handshake messages and what is told of them.
pub fn tls(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(header) = tls::RecordHeader::parse(rest) {
        let _ = (header.content_type, header.version.name());
        let length = header.length;
        let behind = rest.get(5..).unwrap_or_default();
        let (fragment, next) = behind.split_at(length.min(behind.len()));
        handshake(fragment);
        alert(fragment);
        rest = next;
    }
    handshake(bytes);
    alert(bytes);
    let _ = tls::certificates_13(bytes);
    if let Some(length) = sslv2::client_hello_len(bytes) {
        let _ = sslv2::parse_client_hello(bytes.get(..length).unwrap_or(bytes)).map(hello);
    }
    let _ = sslv2::parse_client_hello(bytes).map(hello);
}

fn alert(bytes: &[u8]) {
    let _ = tls::Alert::parse(bytes).map(|alert| (alert.level_name(), alert.description.name()));
}

fn handshake(bytes: &[u8]) {
    let _ = tls::handshake_len(bytes);
    match tls::parse_handshake(bytes) {
        tls::Handshake::ClientHello(parsed) => hello(parsed),
        tls::Handshake::ServerHello(hello) => {
            let _ = (hello.version(), hello.has_pre_shared_key(), ja::ja3s(&hello));
            let _ = (hello.encrypt_then_mac(), hello.extended_master_secret());
            let _ = tls::cipher_suite_name(hello.cipher_suite);
        }
        tls::Handshake::Certificate(chain) => chain.iter().for_each(|der| certificate(der)),
        _ => {}
    }
}

fn hello(hello: tls::ClientHello) {
    let _ = (hello.server_name(), hello.versions(), hello.first_alpn(), hello.point_formats());
    let _ = (hello.supported_groups(), hello.signature_algorithms());
    let _ = (ja::ja3(&hello), ja::ja4(&hello));
}

/// The layers of RDP, each on the same bytes, and from the outermost inwards.
pub fn rdp(bytes: &[u8]) {
    let _ = (tpkt::looks_like(bytes), x224::is_connection_request(bytes));
    let _ = Negotiation::parse(bytes);
    let _ = (GccClient::parse(bytes), GccServer::parse(bytes));
    let _ = redirection::parse(bytes);
    send_data(bytes);
    domain(bytes);
    tpdu(bytes);
    let mut rest = bytes;
    while let Ok(length) = tpkt::payload_len(rest) {
        let behind = rest.get(tpkt::HEADER_LEN..).unwrap_or_default();
        let (payload, next) = behind.split_at(length.min(behind.len()));
        tpdu(payload);
        rest = next;
    }
}

fn tpdu(bytes: &[u8]) {
    if let Ok(Tpdu::Data(_)) = x224::parse(bytes) {
        domain(bytes.get(mcs::X224_DATA_HEADER_LEN..).unwrap_or_default());
    }
}

fn domain(bytes: &[u8]) {
    match mcs::parse(bytes) {
        Ok(Mcs::SendDataRequest { data, .. } | Mcs::SendDataIndication { data, .. }) => {
            send_data(data);
        }
        Ok(Mcs::DisconnectProviderUltimatum(reason)) => drop(reason.name()),
        _ => {}
    }
}

fn send_data(data: &[u8]) {
    let _ = (security::parse(data), share::looks_like(data), share::parse(data));
}

/// CredSSP and the security tokens in it, each also on the bare bytes.
pub fn credssp(bytes: &[u8]) {
    let _ = (credssp::len(bytes), credssp::EarlyUserAuth::parse(bytes));
    if let Ok(request) = credssp::parse(bytes) {
        request.nego_tokens.iter().for_each(|token| security_token(token));
    }
    security_token(bytes);
    let _ = ntlm::parse(bytes);
    let _ = (kerberos::tcp_len(bytes), kerberos::parse_tcp(bytes), kerberos::parse(bytes));
}

fn security_token(bytes: &[u8]) {
    let _ = spnego::parse(bytes);
    if let Some(Token::Ntlm(message)) = spnego::innermost(bytes)
        && let Ok(ntlm::Ntlm::Authenticate(message)) = ntlm::parse(message)
    {
        let _ = (message.response_kind(), message.is_anonymous());
    }
}

/// What comes in datagrams.
pub fn udp(bytes: &[u8]) {
    let _ = (rdpeudp::is_syn(bytes), rdpeudp::parse(bytes));
    for record in dtls::records(bytes) {
        let _ = record.version.name();
    }
    let message = dns::Message::parse(bytes);
    let _ = message.is_some_and(|message| message.asks_for_address());
    let _ = dns::Message::parse_stream(bytes);
}

/// A certificate, and the names that it is for.
pub fn certificate(bytes: &[u8]) {
    if let Some(parsed) = Certificate::parse(bytes) {
        let _ = parsed.weakness();
        for name in &parsed.names {
            let _ = parsed.covers(name);
        }
        let _ = (parsed.covers(""), parsed.covers("."), parsed.covers("*.a.example"));
    }
}

/// Who speaks first.
pub fn callers(bytes: &[u8]) {
    let _ = caller(bytes).name();
}
