//! Tickets whose answer is in a capture.

use super::certificate::Certificate;
use super::net::{ACK, At, Bits, Frames, RST, SYN, Side, Talk, dns, unreachable};
use super::texts::{DIALOG, TESTSSL};
use super::{Noise, TicketFile, rdp, tls};

/// 2025-06-03 08:15:00 UTC, in ms.
pub(crate) const DAY: i64 = 1_748_938_500_000;
pub(crate) const CLIENT: [u8; 4] = [10, 20, 1, 42];
pub(crate) const SERVER: [u8; 4] = [10, 20, 5, 11];
const RESOLVER: [u8; 4] = [10, 20, 0, 53];
pub(crate) const NAME: &str = "ts-prod-01.example.test";

pub(crate) fn good() -> Certificate {
    Certificate::self_signed(NAME, "250101000000Z", "260101000000Z")
}

pub(crate) fn talk(seed: u64, at: At) -> Talk {
    Talk::new(CLIENT, SERVER, seed, DAY, at)
}

/// TCP handshake, X.224 request and what the server answers.
pub(crate) fn negotiate(talk: &mut Talk, offered: u32, answer: &[u8]) {
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(offered)));
    talk.wait_ms(2);
    talk.say(Side::Server, answer);
}

pub(crate) fn hello(talk: &mut Talk, newest: u16, suites: &[u16]) {
    let mut noise = Noise::new(1);
    talk.say(Side::Client, &tls::client_hello(Some(NAME), newest, suites, &mut noise));
}

pub(crate) fn flight(talk: &mut Talk, certificate: &Certificate) {
    let mut noise = Noise::new(2);
    talk.say(Side::Server, &tls::server_flight(certificate, 0, &mut noise));
}

/// The rest of a TLS 1.2 handshake, CredSSP, and a session that lasts.
pub(crate) fn session(talk: &mut Talk) {
    let mut noise = Noise::new(3);
    log_on(talk, &mut noise);
    desktop(talk, &mut noise);
}

/// The rest of a TLS 1.2 handshake, and CredSSP.
pub(crate) fn log_on(talk: &mut Talk, noise: &mut Noise) {
    talk.say(Side::Client, &tls::client_finished(noise));
    talk.say(Side::Server, &tls::server_finished(noise));
    for (client, server) in [(110, 300), (540, 100), (160, 28), (480, 130)] {
        talk.say(Side::Client, &tls::data(client, noise));
        talk.say(Side::Server, &tls::data(server, noise));
    }
}

/// Channel joins, and twenty seconds of a desktop.
fn desktop(talk: &mut Talk, noise: &mut Noise) {
    for _ in 0..6 {
        talk.say(Side::Client, &tls::data(40, noise));
        talk.say(Side::Server, &tls::data(43, noise));
    }
    for _ in 0..20 {
        talk.say(Side::Client, &tls::data(70, noise));
        talk.say(Side::Server, &tls::data(1_300, noise));
        talk.wait_ms(1_000);
    }
    // mstsc ends every session with a reset.
    talk.frame(Side::Client, RST, &[]);
}

pub(crate) fn capture(name: &str, talk: Talk) -> TicketFile {
    (name.to_owned(), talk.frames.pcapng())
}

fn refused_certificate(certificate: &Certificate, alert: u8) -> Vec<TicketFile> {
    let mut talk = talk(10 + u64::from(alert) + certificate.bits as u64, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, certificate);
    talk.say(Side::Client, &tls::alert(2, alert));
    talk.close(Side::Client);
    vec![capture("client.pcapng", talk)]
}

fn negotiation_failure(seed: u64, offered: u32, code: u32) -> Vec<TicketFile> {
    let mut talk = talk(seed, At::Server);
    negotiate(&mut talk, offered, &rdp::failure(code));
    talk.close(Side::Client);
    vec![capture("server.pcapng", talk)]
}

/// What `nmap -p 3389 --script ssl-enum-ciphers` finds of a hardened server.
const SCAN: &str = "\
Starting Nmap 7.95 ( https://nmap.org ) at 2025-06-03 10:31 CEST
Nmap scan report for 10.20.5.11
Host is up (0.0010s latency).

PORT     STATE SERVICE
3389/tcp open  ms-wbt-server
| ssl-enum-ciphers: 
|   TLSv1.2: 
|     ciphers: 
|       TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (secp384r1) - A
|       TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (secp256r1) - A
|     compressors: 
|       NULL
|     cipher preference: server
|_  least strength: A

Nmap done: 1 IP address (1 host up) scanned in 0.83 seconds
";

fn version_mismatch() -> Vec<TicketFile> {
    let mut talk = talk(30, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0301, &[0xc014, 0xc013, 0x0035, 0x002f]);
    talk.say(Side::Server, &tls::alert(2, 70));
    talk.close(Side::Server);
    vec![
        ("client.pcap".to_owned(), talk.frames.pcap()),
        ("admin/scan.txt".to_owned(), SCAN.as_bytes().to_vec()),
        ("admin/testssl.json".to_owned(), TESTSSL.as_bytes().to_vec()),
    ]
}

fn refused_port() -> Vec<TicketFile> {
    let mut talk = talk(31, At::Client);
    resolved(&mut talk.frames, DAY - 40);
    refused(&mut talk);
    vec![capture("client.pcapng", talk)]
}

/// Three SYNs, each answered by a reset.
pub(crate) fn refused(talk: &mut Talk) {
    for _ in 0..3 {
        talk.frame(Side::Client, SYN, &[]);
        talk.advance(Side::Client, 1);
        talk.wait_ms(3);
        talk.frame(Side::Server, RST, &[]);
        talk.client.seq -= 1;
        talk.wait_ms(500);
    }
}

pub(crate) fn resolved(frames: &mut Frames, time_ms: i64) {
    dns(frames, time_ms, CLIENT, RESOLVER, 401, NAME, None);
    dns(frames, time_ms + 2, CLIENT, RESOLVER, 401, NAME, Some((0, Some(SERVER))));
}

/// SYNs at 0, 1, 3 and 7 s that nobody answers.
pub(crate) fn unanswered(talk: &mut Talk) {
    for pause in [1_000, 2_000, 4_000, 8_000] {
        talk.frame(Side::Client, SYN, &[]);
        talk.wait_ms(pause);
    }
}

fn filtered() -> Vec<TicketFile> {
    let mut talk = talk(32, At::Client);
    resolved(&mut talk.frames, DAY - 40);
    unanswered(&mut talk);
    vec![
        capture("client.pcapng", talk),
        ("ticket.txt".to_owned(), DIALOG.replace('\n', "\r\n").into_bytes()),
    ]
}

fn no_route() -> Vec<TicketFile> {
    let mut talk = talk(33, At::Client);
    for _ in 0..3 {
        talk.frame(Side::Client, SYN, &[]);
        let quoted = talk.frames.0.last().expect("just sent").1.clone();
        talk.wait_ms(9);
        let now = talk.now;
        unreachable(&mut talk.frames, now, [10, 20, 1, 1], 1, &quoted);
        talk.wait_ms(1_500);
    }
    vec![capture("client.pcapng", talk)]
}

fn device_reset() -> Vec<TicketFile> {
    let mut talk = talk(34, At::Client);
    for _ in 0..2 {
        talk.handshake();
        let request = rdp::request("a.meyer", Some(rdp::MODERN));
        talk.frame(Side::Client, ACK, &request);
        talk.advance(Side::Client, request.len());
        talk.wait_ms(3);
        talk.frame(Side::Server, Bits { forged_ttl: Some(61), ..RST }, &[]);
        talk.wait_ms(1_200);
        talk.client.port += 2;
    }
    vec![capture("client.pcapng", talk)]
}

fn payload_dropped() -> Vec<TicketFile> {
    let mut talk = talk(35, At::Client);
    talk.handshake();
    let request = rdp::request("a.meyer", Some(rdp::MODERN));
    for pause in [300, 600, 1_200, 2_400, 4_800] {
        talk.frame(Side::Client, ACK, &request);
        talk.wait_ms(pause);
    }
    vec![capture("client.pcapng", talk)]
}

fn never_confirmed() -> Vec<TicketFile> {
    let mut talk = talk(36, At::Client);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(rdp::MODERN)));
    talk.wait_ms(15_000);
    talk.close(Side::Client);
    vec![capture("client.pcapng", talk)]
}

/// Every segment that matters is lost once or twice; the client gives up.
fn lossy() -> Vec<TicketFile> {
    let mut talk = talk(37, At::Client);
    talk.delay_us = 210_000;
    talk.handshake();
    let mut noise = Noise::new(4);
    let messages = [
        (Side::Client, rdp::request("a.meyer", Some(rdp::MODERN))),
        (Side::Server, rdp::confirm(2)),
        (Side::Client, tls::client_hello(Some(NAME), 0x0303, &tls::SUITES[2..], &mut noise)),
        (Side::Server, tls::server_flight(&good(), 0, &mut noise)),
        (Side::Client, tls::client_finished(&mut noise)),
        (Side::Server, tls::server_finished(&mut noise)),
        (Side::Client, tls::data(110, &mut noise)),
    ];
    for (side, message) in messages {
        for _ in 0..2 {
            talk.frame(side, ACK, message.get(..1460.min(message.len())).expect("not empty"));
            talk.wait_ms(700);
        }
        talk.say(side, &message);
    }
    talk.wait_ms(6_000);
    talk.close(Side::Client);
    vec![capture("client.pcapng", talk)]
}

fn black_hole() -> Vec<TicketFile> {
    let mut talk = talk(38, At::Server);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    let mut noise = Noise::new(5);
    let flight = tls::server_flight(&good(), 512, &mut noise);
    let (large, tail) = flight.split_at(flight.len() / 1460 * 1460);
    let begin = talk.server.seq;
    for part in large.chunks(1460) {
        talk.frame(Side::Server, ACK, part);
        talk.advance(Side::Server, part.len());
    }
    let hole_end = talk.server.seq;
    talk.send(Side::Server, ACK, tail);
    let end = talk.server.seq;
    talk.server.seq = begin;
    talk.frame(Side::Client, Bits { sack: Some((hole_end, end)), ..ACK }, &[]);
    for pause in [300, 600, 1_200, 2_400, 4_800, 9_600] {
        talk.frame(Side::Server, ACK, &large[..1460]);
        talk.wait_ms(pause);
    }
    talk.frame(Side::Client, super::net::FIN, &[]);
    vec![capture("server.pcapng", talk)]
}

fn name_unknown() -> Vec<TicketFile> {
    let mut frames = Frames::default();
    dns(&mut frames, DAY, CLIENT, RESOLVER, 410, "ts-prod-99.example.test", None);
    dns(&mut frames, DAY + 3, CLIENT, RESOLVER, 410, "ts-prod-99.example.test", Some((3, None)));
    let client = super::events::client_try(DAY - 60, "ts-prod-99.example.test", 260, 900, 41);
    vec![
        ("client.pcapng".to_owned(), frames.pcapng()),
        super::events::client_log("rdpclient", client),
    ]
}

fn resolver_silent() -> Vec<TicketFile> {
    let mut frames = Frames::default();
    for (step, pause) in [0, 1_000, 2_000, 4_000, 8_000].into_iter().enumerate() {
        let id = 420 + u16::try_from(step).expect("few");
        dns(&mut frames, DAY + pause, CLIENT, RESOLVER, id, NAME, None);
    }
    vec![("client.pcapng".to_owned(), frames.pcapng())]
}

/// The short name leads to an old address, the full one to the server.
fn stale_name() -> Vec<TicketFile> {
    let mut talk = talk(44, At::Client);
    let full = format!("{NAME}.corp.example");
    let frames = &mut talk.frames;
    dns(frames, DAY - 90, CLIENT, RESOLVER, 403, &full, None);
    dns(frames, DAY - 87, CLIENT, RESOLVER, 403, &full, Some((0, Some([10, 20, 0, 77]))));
    resolved(frames, DAY - 40);
    refused(&mut talk);
    vec![capture("client.pcapng", talk)]
}

/// A browser on the port of Remote Desktop.
fn browser() -> Vec<TicketFile> {
    let mut talk = talk(45, At::Server);
    talk.handshake();
    talk.say(Side::Client, b"GET / HTTP/1.1\r\nHost: 10.20.5.11:3389\r\nAccept: */*\r\n\r\n");
    talk.frame(Side::Server, RST, &[]);
    vec![capture("server.pcapng", talk)]
}

/// The client takes the certificate and refuses the key exchange.
fn weak_key_exchange() -> Vec<TicketFile> {
    let mut talk = talk(46, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    talk.say(Side::Client, &tls::alert(2, 71));
    talk.close(Side::Client);
    vec![capture("client.pcapng", talk)]
}

fn cancelled() -> Vec<TicketFile> {
    let mut talk = talk(39, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    talk.wait_ms(9_400);
    talk.close(Side::Client);
    vec![capture("client.pcapng", talk)]
}

fn healthy_13() -> Vec<TicketFile> {
    let mut talk = talk(40, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(8));
    hello(&mut talk, 0x0304, &tls::SUITES);
    let mut noise = Noise::new(6);
    talk.say(Side::Server, &tls::server_flight_13(&mut noise));
    talk.say(Side::Client, &tls::client_finished_13(&mut noise));
    for (client, server) in [(120, 250), (560, 110), (170, 38), (480, 140)] {
        talk.say(Side::Client, &tls::data(client, &mut noise));
        talk.say(Side::Server, &tls::data(server, &mut noise));
    }
    desktop(&mut talk, &mut noise);
    vec![capture("client.pcapng", talk)]
}

/// The first connection is refused, the second goes through: one attempt.
fn healthy_fallback() -> Vec<TicketFile> {
    let mut talk = talk(43, At::Client);
    negotiate(&mut talk, 1, &rdp::failure(5));
    talk.close(Side::Client);
    talk.wait_ms(2_500);
    talk.client.port += 2;
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    session(&mut talk);
    vec![capture("client.pcapng", talk)]
}

/// A whole good session, for the ticket that also has logs.
pub(crate) fn good_session(seed: u64, at: At) -> Talk {
    let mut talk = talk(seed, at);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    session(&mut talk);
    talk
}

/// A handshake that the server ends right after the ClientHello.
pub(crate) fn dropped_after_hello(seed: u64, at: At) -> Talk {
    let mut talk = talk(seed, at);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    talk.wait_ms(12);
    talk.frame(Side::Server, RST, &[]);
    talk
}

/// A handshake that the server refuses with an alert.
pub(crate) fn alerted(seed: u64, at: At, alert: u8) -> Talk {
    let mut talk = talk(seed, at);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &[0x009d, 0x009c]);
    talk.say(Side::Server, &tls::alert(2, alert));
    talk.close(Side::Server);
    talk
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    let expired = Certificate::self_signed(NAME, "240401000000Z", "250401000000Z");
    let early = Certificate::self_signed(NAME, "260301000000Z", "270301000000Z");
    let foreign = Certificate { issuer: "Example Private CA", ..good() };
    let other_name = Certificate {
        issuer: "Example Private CA",
        ..Certificate::self_signed("old-name.example.test", "250101000000Z", "260101000000Z")
    };
    let weak = Certificate { bits: 1024, sha1: true, ..good() };
    vec![
        ("cert-expired", refused_certificate(&expired, 45)),
        ("cert-not-yet-valid", refused_certificate(&early, 42)),
        ("cert-untrusted", refused_certificate(&foreign, 48)),
        ("cert-name-mismatch", refused_certificate(&other_name, 42)),
        ("cert-weak-hash-or-key", refused_certificate(&weak, 42)),
        ("tls-version-mismatch", version_mismatch()),
        ("nego-cert-missing-on-server", negotiation_failure(51, rdp::MODERN, 3)),
        ("nego-nla-required", negotiation_failure(52, 1, 5)),
        ("nego-tls-required", negotiation_failure(53, 0, 1)),
        ("nego-rdp-security-only", negotiation_failure(54, rdp::MODERN, 2)),
        ("nego-inconsistent-flags", negotiation_failure(55, rdp::MODERN, 4)),
        ("nego-user-auth-required", negotiation_failure(56, rdp::MODERN, 6)),
        ("nego-no-reply", never_confirmed()),
        ("tcp-port-refused", refused_port()),
        ("tcp-port-filtered", filtered()),
        ("host-unreachable", no_route()),
        ("middlebox-rst", device_reset()),
        ("middlebox-drops-payload", payload_dropped()),
        ("path-loss-latency", lossy()),
        ("path-mtu-blackhole", black_hole()),
        ("dns-name-not-resolved", name_unknown()),
        ("dns-timeout", resolver_silent()),
        ("dns-stale-wrong-host", stale_name()),
        ("client-cancelled", cancelled()),
        ("non-rdp-client", browser()),
        ("tls-client-refuses-server-hello", weak_key_exchange()),
        ("healthy-tls13", healthy_13()),
        ("healthy-fallback", healthy_fallback()),
    ]
}
