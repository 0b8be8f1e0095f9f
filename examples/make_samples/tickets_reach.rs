//! Tickets in which the server is not reached, or not the right one.

use super::certificate::Certificate;
use super::etl::{STYLE, Style};
use super::events::{
    accepted, chatter, client_log, client_try, dropped_5152, ended, rcm_classic, security_error,
    server_log, session,
};
use super::evtx::Event;
use super::lan::arp;
use super::net::{ACK, At, RST, Side, Talk};
use super::records::{
    NETWORK_PROFILE, asked_for, channel, eventlog, listening, network, tcpip, windows_started,
};
use super::texts::{CONNECTION, LISTENERS, utf16};
use super::tickets_logs::{
    ADDRESS, AHEAD, SERVER_ADDRESS, earlier_success, endpoint, security, system,
};
use super::tickets_wire::{
    DAY, NAME, SERVER, capture, hello, negotiate, refused, resolved, talk, unanswered,
};
use super::{Noise, TicketFile, rdp, tls};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// What every System log is full of, without the time from `from` to `to`.
fn chatter_outside(from: i64, to: i64) -> Vec<Event> {
    chatter(DAY).into_iter().filter(|event| event.time_ms < from || event.time_ms > to).collect()
}

fn host_off() -> Vec<TicketFile> {
    let mut talk = talk(101, At::Client);
    resolved(&mut talk.frames, DAY - 40);
    unanswered(&mut talk);
    let (down, up) = (DAY - 24 * MINUTE, DAY + 31 * MINUTE);
    let mut records = chatter_outside(down, up);
    records.extend([
        asked_for(down - 41_000, "power off", "EXAMPLE\\k.brandt"),
        eventlog(6006, down),
        windows_started(up - 14_000),
        eventlog(6005, up),
    ]);
    let mut core = earlier_success();
    core.extend(listening(up + 9_000, 3389));
    vec![
        capture("client.pcapng", talk),
        server_log("system", records),
        server_log("core", core),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 516, 21_300, 101)),
    ]
}

fn network_public() -> Vec<TicketFile> {
    let mut talk = talk(102, At::Server);
    unanswered(&mut talk);
    let port = talk.client.port;
    let drops = [0, 1_000, 3_000, 7_000]
        .map(|after| dropped_5152(DAY + AHEAD + after, ADDRESS, port, SERVER_ADDRESS));
    let networks = vec![
        network(10_000, DAY - 400 * HOUR, "example.test", 1, 2),
        network(10_001, DAY - 3 * HOUR - 8_000, "example.test", 1, 2),
        network(10_000, DAY - 3 * HOUR, "example.test", 1, 0),
        network(10_000, DAY + 5 * HOUR, "Storage", 2, 1),
    ];
    let style = Style { buffer: 1024, twice: true, ..STYLE };
    vec![
        ("server.etl".to_owned(), talk.frames.netsh(style)),
        security(drops.to_vec()),
        channel("server", NETWORK_PROFILE, networks),
    ]
}

fn wrong_port() -> Vec<TicketFile> {
    let mut talk = talk(103, At::Client);
    resolved(&mut talk.frames, DAY - 40);
    refused(&mut talk);
    let mut core = listening(DAY - 52 * HOUR, 3390);
    let [colleague, _, _] = session(DAY + HOUR, 910, "10.20.1.77:50001", "10.20.1.77", "b.ott");
    core.extend(colleague);
    core.extend(earlier_success());
    vec![
        capture("client.pcapng", talk),
        server_log("core", core),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 516, 2_200, 103)),
        ("server/netstat.txt".to_owned(), utf16(LISTENERS)),
        ("client/ts-prod-01.rdp".to_owned(), utf16(CONNECTION)),
    ]
}

/// A second device took the server's address: it answers ARP too, and resets what it
/// knows nothing of.
fn conflict() -> Vec<TicketFile> {
    let near = [10, 20, 5, 42];
    let mut talk = Talk::new(near, SERVER, 104, DAY, At::Lan);
    let (own, other) = ([2, 0, 10, 20, 5, 11], [0x3c, 0x52, 0x82, 0x0a, 0x4f, 0x19]);
    let asker = ([2, 0, 10, 20, 5, 42], near);
    for _ in 0..2 {
        let now = talk.now - 3_000_000;
        arp(&mut talk.frames, now, true, asker, SERVER);
        arp(&mut talk.frames, now + 400_000, false, (own, SERVER), near);
        arp(&mut talk.frames, now + 900_000, false, (other, SERVER), near);
        talk.handshake();
        let request = rdp::request("a.meyer", Some(rdp::MODERN));
        talk.frame(Side::Client, ACK, &request);
        talk.advance(Side::Client, request.len());
        talk.wait_ms(2);
        talk.frame(Side::Server, RST, &[]);
        talk.wait_ms(4_000);
        talk.client.port += 2;
    }
    let noticed =
        tcpip(4199, DAY - 9 * MINUTE, &["", "10.20.5.11", "3C-52-82-0A-4F-19", "", "", ""]);
    vec![capture("client.pcapng", talk), system(vec![noticed])]
}

/// The tunnel drops twelve minutes into a session; the server notices later.
fn flap() -> Vec<TicketFile> {
    let begin = DAY - 12 * MINUTE;
    let end = DAY + 1_400;
    let [mut core, lsm, audits] = session(begin, 105, "10.99.0.17:51873", "10.99.0.17", "a.meyer");
    core.extend(ended(end + 21_000, 105, 121));
    core.extend(listening(DAY - 90 * HOUR, 3389));
    let networks = vec![
        network(10_000, DAY - 9 * HOUR, "Home", 4, 1),
        network(10_000, DAY - 2 * HOUR, "Example VPN", 5, 2),
        network(10_001, end - 2_100, "Example VPN", 5, 2),
        network(10_000, end + 34_000, "Example VPN", 5, 2),
    ];
    let lasted = end - begin + 300;
    vec![
        server_log("core", core),
        server_log("lsm", lsm),
        security(audits),
        client_log("rdpclient", client_try(begin - 300, "ts-prod-01", 2308, lasted, 105)),
        channel("client", NETWORK_PROFILE, networks),
    ]
}

/// TLS up to its end, and CredSSP until the server finds that the certificate that the
/// client is bound to is not its own.
fn intercepted() -> Vec<TicketFile> {
    let shown = Certificate {
        issuer: "Example Inspection CA",
        ..Certificate::self_signed(NAME, "250520000000Z", "250620000000Z")
    };
    let mut talk = talk(106, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    let mut noise = Noise::new(7);
    talk.say(Side::Server, &tls::server_flight(&shown, 0, &mut noise));
    talk.say(Side::Client, &tls::client_finished(&mut noise));
    talk.say(Side::Server, &tls::server_finished(&mut noise));
    talk.say(Side::Client, &tls::data(110, &mut noise));
    talk.say(Side::Server, &tls::data(300, &mut noise));
    talk.say(Side::Client, &tls::data(540, &mut noise));
    talk.wait_ms(30);
    talk.close(Side::Server);
    let start = DAY + AHEAD + 12;
    let mut core = accepted(start, 106, &endpoint(&talk));
    core.extend(security_error(start + 130, 106, 0x8009_0346, ADDRESS));
    core.extend(ended(start + 160, 106, 64));
    core.extend(earlier_success());
    let mut made = rcm_classic(1056, DAY - 700 * HOUR, &["TS-PROD-01.example.test"]);
    made.level = 4;
    if let super::evtx::Body::Classic(_, binary) = &mut made.body {
        *binary = Some(Noise::new(1056).bytes(20));
    }
    vec![capture("client.pcapng", talk), system(vec![made]), server_log("core", core)]
}

/// One address, and each time another machine behind it; never the wanted one.
fn wrong_backend() -> Vec<TicketFile> {
    let mut talk = talk(107, At::Client);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(rdp::MODERN)));
    talk.wait_ms(6);
    talk.close(Side::Server);
    for (wait, name) in [(2_000, "build-07.example.test"), (9_000, "build-11.example.test")] {
        talk.wait_ms(wait);
        talk.client.port += 2;
        negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
        hello(&mut talk, 0x0303, &tls::SUITES[2..]);
        let shown = Certificate::self_signed(name, "250301000000Z", "250901000000Z");
        let mut noise = Noise::new(8);
        talk.say(Side::Server, &tls::server_flight(&shown, 0, &mut noise));
        talk.wait_ms(7_300);
        talk.close(Side::Client);
    }
    let mut core = earlier_success();
    let [colleague, _, _] = session(DAY + HOUR, 911, "10.20.1.77:50002", "10.20.1.77", "b.ott");
    core.extend(colleague);
    vec![
        capture("client.pcapng", talk),
        server_log("core", core),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2308, 30_500, 107)),
    ]
}

/// No local port is left: the SYN never leaves the client.
fn no_ports() -> Vec<TicketFile> {
    let mut records = chatter(DAY);
    let texts = ["", "", "", "", "", ""];
    records.push(tcpip(4227, DAY - 6 * MINUTE, &texts));
    records.push(tcpip(4231, DAY - 30_000, &texts));
    let mut core = listening(DAY - 30 * HOUR, 3389);
    core.extend(earlier_success());
    let [colleague, _, _] = session(DAY + HOUR, 912, "10.20.1.77:50003", "10.20.1.77", "b.ott");
    core.extend(colleague);
    vec![
        client_log("rdpclient", client_try(DAY, "ts-prod-01", 516, 140, 108)),
        client_log("system", records),
        server_log("core", core),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("host-off-or-asleep", host_off()),
        ("network-profile-public", network_public()),
        ("wrong-port", wrong_port()),
        ("ip-conflict", conflict()),
        ("vpn-flap", flap()),
        ("tls-interception", intercepted()),
        ("nat-lb-wrong-backend", wrong_backend()),
        ("ephemeral-port-exhaustion", no_ports()),
    ]
}
