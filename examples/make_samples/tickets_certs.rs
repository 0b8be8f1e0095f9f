//! Tickets about certificates, and about encryption without them.

use super::binxml::Value;
use super::certificate::Certificate;
use super::events::{chatter, client_log, client_try, rcm_classic, schannel};
use super::events_domain::{
    certificate_lifecycle, enrolment_failed, rcm_certificate, server_file, termdd_50,
};
use super::evtx::Event;
use super::net::{At, RST, Side, Talk};
use super::texts::{LISTENER, STORES, utf16, verified_store};
use super::tickets_logs::{AHEAD, core_log, system, text};
use super::tickets_wire::{
    DAY, NAME, dropped_after_hello, flight, good, good_session, hello, negotiate, talk,
};
use super::{Noise, TicketFile, mcs, rdp, tls};
use rdp_triage::base::hex;
use sha1::{Digest, Sha1};

const HOUR: i64 = 3_600_000;
const LIFECYCLE: &str = "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational";

fn capture(name: &str, talk: Talk) -> TicketFile {
    (name.to_owned(), talk.frames.pcapng())
}

fn thumbprint(certificate: &Certificate) -> Vec<u8> {
    Sha1::digest(certificate.der()).to_vec()
}

/// The server refuses the negotiation: it has no certificate. What its own log says
/// is `records`.
fn no_certificate(seed: u64, records: Vec<Event>) -> Vec<TicketFile> {
    let mut talk = talk(seed, At::Server);
    negotiate(&mut talk, rdp::MODERN, &rdp::failure(3));
    talk.close(Side::Client);
    let core = core_log(&talk, seed, None);
    vec![capture("server.pcapng", talk), system(records), core]
}

fn missing() -> Vec<TicketFile> {
    let mut files = no_certificate(80, Vec::new());
    let deleted = vec![
        certificate_lifecycle(1006, DAY - 80 * HOUR),
        certificate_lifecycle(1004, DAY - 2 * HOUR),
    ];
    files.push(server_file(LIFECYCLE, deleted));
    files
}

fn hash_mismatch() -> Vec<TicketFile> {
    let gone = Certificate { issuer: "Example Private CA", ..good() };
    let records = vec![
        rcm_certificate(1051, DAY - HOUR, &[], &thumbprint(&gone)),
        rcm_classic(1059, DAY - HOUR + 15, &[]),
    ];
    no_certificate(81, records)
}

fn template_failed() -> Vec<TicketFile> {
    let error = "The requested certificate template is not supported by this CA.";
    let mut files = no_certificate(82, vec![rcm_classic(1064, DAY - 2 * HOUR, &[error])]);
    files.push(server_file("Application", vec![enrolment_failed(DAY - 2 * HOUR - 4_000)]));
    files
}

fn key_missing() -> Vec<TicketFile> {
    let talk = dropped_after_hello(83, At::Server);
    let record = schannel(
        36869,
        DAY + AHEAD + 45,
        vec![
            ("CallerProcessId", Value::U32(1088)),
            ("CallerProcessImageName", text("svchost.exe")),
            ("Type", text("server")),
            ("binaryData", Value::Binary(Noise::new(83).bytes(20))),
        ],
    );
    let core = core_log(&talk, 83, Some(0x8009_030e));
    let settings = ("server/listener.txt".to_owned(), utf16(LISTENER));
    let stores = ("server/certificates.txt".to_owned(), utf16(STORES));
    vec![capture("server.pcapng", talk), system(vec![record]), core, settings, stores]
}

/// A client that looks at the certificate and refuses it with an alert.
fn refused(seed: u64, at: At, certificate: &Certificate, alert: u8) -> Talk {
    let mut talk = talk(seed, at);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, certificate);
    talk.say(Side::Client, &tls::alert(2, alert));
    talk.close(Side::Client);
    talk
}

fn wrong_usage() -> Vec<TicketFile> {
    let certificate = Certificate { issuer: "Example Issuing CA", for_servers: false, ..good() };
    let talk = refused(84, At::Server, &certificate, 43);
    let record = rcm_classic(1054, DAY - 5 * HOUR, &["ts-prod-01.example.test"]);
    let core = core_log(&talk, 84, None);
    vec![capture("server.pcapng", talk), system(vec![record]), core]
}

fn revoked() -> Vec<TicketFile> {
    let certificate = Certificate { issuer: "Example Issuing CA", ..good() };
    let talk = refused(85, At::Client, &certificate, 44);
    let mut records = chatter(DAY);
    let seen = vec![
        ("CallerProcessId", Value::U32(5212)),
        ("CallerProcessImageName", text("mstsc.exe")),
        ("certificateContext", Value::Binary(Noise::new(85).bytes(24))),
    ];
    records.push(schannel(36883, DAY + 38, seen));
    let store = verified_store(&hex(&thumbprint(&certificate)));
    vec![
        ("server/RDPcert.txt".to_owned(), utf16(&store)),
        capture("client.pcapng", talk),
        client_log("system", records),
        client_log("rdpclient", client_try(DAY - 110, "ts-prod-01", 2308, 240, 85)),
    ]
}

/// A session in the morning, a new certificate, and a client that leaves at once.
fn changed() -> Vec<TicketFile> {
    let renewed = Certificate::self_signed(NAME, "250602000000Z", "251202000000Z");
    let mut talk = good_session(86, At::Client);
    for (time, _) in &mut talk.frames.0 {
        *time -= 3 * HOUR * 1_000_000;
    }
    talk.now = DAY * 1_000_000;
    talk.client.port += 40;
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &renewed);
    talk.wait_ms(40);
    talk.close(Side::Client);
    let made = rcm_certificate(1056, DAY - HOUR, &[NAME], &thumbprint(&renewed));
    vec![
        capture("client.pcapng", talk),
        system(vec![made]),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2311, 330, 86)),
    ]
}

/// A client without TLS: request without a negotiation, Connect Initial.
fn plain(seed: u64, methods: u32) -> Talk {
    let mut talk = talk(seed, At::Server);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(0)));
    talk.wait_ms(2);
    talk.say(Side::Server, &rdp::confirm(0));
    talk.say(Side::Client, &mcs::connect_initial(methods));
    talk.wait_ms(6);
    talk
}

fn encryption_failure() -> Vec<TicketFile> {
    let mut talk = plain(87, 0x0b);
    let mut noise = Noise::new(87);
    talk.say(Side::Server, &mcs::connect_response(&mut noise));
    talk.say(Side::Client, &mcs::erect_domain());
    talk.say(Side::Client, &mcs::attach_user());
    talk.say(Side::Server, &mcs::attach_confirm());
    for channel in mcs::JOINED {
        let (request, confirm) = mcs::join(channel);
        talk.say(Side::Client, &request);
        talk.say(Side::Server, &confirm);
    }
    talk.say(Side::Client, &mcs::security_exchange(&mut noise));
    talk.say(Side::Client, &mcs::client_info(&mut noise));
    talk.wait_ms(9);
    talk.frame(Side::Server, RST, &[]);
    let record = termdd_50(DAY + AHEAD + 130, "\"DATA ENCRYPTION\"");
    let core = core_log(&talk, 87, None);
    vec![
        capture("server.pcapng", talk),
        system(vec![record]),
        core,
        client_log("rdpclient", client_try(DAY - 110, "ts-prod-01", 3078, 410, 87)),
    ]
}

fn fips() -> Vec<TicketFile> {
    let mut talk = plain(88, 0x0b);
    talk.frame(Side::Server, RST, &[]);
    let core = core_log(&talk, 88, None);
    vec![
        capture("server.pcapng", talk),
        system(Vec::new()),
        core,
        client_log("rdpclient", client_try(DAY - 110, "ts-prod-01", 3590, 300, 88)),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("cert-missing", missing()),
        ("cert-hash-mismatch", hash_mismatch()),
        ("cert-template-failed", template_failed()),
        ("cert-private-key-missing", key_missing()),
        ("cert-wrong-usage", wrong_usage()),
        ("cert-revoked-or-crl-offline", revoked()),
        ("cert-changed-pinned", changed()),
        ("legacy-encryption-failure", encryption_failure()),
        ("fips-mismatch", fips()),
    ]
}
