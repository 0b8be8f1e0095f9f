//! A server under siege: attackers guess passwords on tens of thousands of
//! connections, while one user's client shares no cipher suite with it.

use super::make_samples::binxml::Value;
use super::make_samples::certificate::Certificate;
use super::make_samples::events::activity;
use super::make_samples::events::{
    accepted, chatter, core, ended, logon_failed, refused_140, schannel, security_error, server_log,
};
use super::make_samples::net::{At, Frames, Side, Talk};
use super::make_samples::tickets_wire::{DAY, alerted, flight, hello, negotiate};
use super::make_samples::{Noise, TicketFile, rdp, tls};

/// The server of the samples.
const SERVER: [u8; 4] = [10, 20, 5, 11];
/// One connection after another, in milliseconds.
const EVERY_MS: i64 = 200;
/// The server's clock is this far ahead of the capture's.
const AHEAD: i64 = 1_234;

/// A capture with that many connections of attackers, and four records of the server
/// for each of them.
pub(crate) fn siege(connections: u64) -> Vec<TicketFile> {
    let start = DAY - i64::try_from(connections).unwrap_or_default() * EVERY_MS / 2;
    let certificate =
        Certificate::self_signed("ts-prod-01.example.test", "250101000000Z", "260101000000Z");
    let (mut frames, mut server, mut audits) = (Frames::default(), Vec::new(), Vec::new());
    for number in 0..connections {
        let at = start + i64::try_from(number).unwrap_or_default() * EVERY_MS;
        let [a, b, ..] = (number % 4_000).to_le_bytes();
        let talk = guess([203, b, 113, a], number, at, &certificate);
        let address = format!("203.{b}.113.{a}");
        let endpoint = format!("{address}:{}", talk.client.port);
        let (log, id) = (at + AHEAD, 10_000 + number);
        server.extend(accepted(log, id, &endpoint).into_iter().take(1));
        server.push(refused_140(log + 1_050, id, &address));
        server.push(core(103, log + 2_100, activity(id), vec![("ReasonCode", Value::U32(14))]));
        let user = format!("admin{:02}", number % 60);
        audits.push(logon_failed(log + 1_000, &user, 0xc000_006d, 0xc000_006a, &address));
        frames.0.extend(talk.frames.0);
    }
    let talk = alerted(60, At::Server, 40);
    let endpoint = format!("10.20.1.42:{}", talk.client.port);
    let log = DAY + AHEAD + 12;
    server.extend(accepted(log, 60, &endpoint));
    server.extend(security_error(log + 40, 60, 0x8009_0331, "10.20.1.42"));
    server.extend(ended(log + 70, 60, 64));
    frames.0.extend(talk.frames.0);
    let text = |text: &str| Value::Text(text.to_owned());
    let mut system = chatter(DAY);
    system.push(schannel(36874, log + 38, vec![("Protocol", text("TLS 1.2"))]));
    vec![
        ("server.pcapng".to_owned(), frames.pcapng()),
        server_log("core", server),
        server_log("security", audits),
        server_log("system", system),
    ]
}

/// A connection on which the password is refused: CredSSP up to the client's proof,
/// a second's pause, and the end.
fn guess(client: [u8; 4], number: u64, at: i64, certificate: &Certificate) -> Talk {
    let mut talk = Talk::new(client, SERVER, number, at, At::Server);
    let mut noise = Noise::new(number);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, tls::SUITES.get(2..).unwrap_or_default());
    flight(&mut talk, certificate);
    talk.say(Side::Client, &tls::client_finished(&mut noise));
    talk.say(Side::Server, &tls::server_finished(&mut noise));
    talk.say(Side::Client, &tls::data(110, &mut noise));
    talk.say(Side::Server, &tls::data(300, &mut noise));
    talk.say(Side::Client, &tls::data(540, &mut noise));
    talk.wait_ms(1_000);
    talk.close(Side::Server);
    talk
}
