//! Tickets about network level authentication, Kerberos and the domain.

use super::binxml::Value;
use super::events::{
    accepted, activity, audit_chatter, chatter, client_log, client_try, core, ended, logon,
    logon_failed, rcm, security_error, server_log,
};
use super::events_domain::{
    computer_refused, controller_file, lsasrv_40960, no_secure_channel, policy_without_controller,
    protected_user, session_refused, ticket_asked, ticket_not_readable,
};
use super::evtx::Event;
use super::net::{At, Side, Talk};
use super::tickets_logs::{
    ADDRESS, AHEAD, core_log, earlier_success, endpoint, refused_logon_with, security, system, text,
};
use super::tickets_wire::{DAY, flight, good, hello, negotiate, talk};
use super::{Noise, TicketFile, rdp, tls};

const MINUTE: i64 = 60_000;

fn capture(name: &str, talk: Talk) -> TicketFile {
    (name.to_owned(), talk.frames.pcapng())
}

/// TLS 1.2 up to the end of the handshake.
fn secured(seed: u64, at: At) -> (Talk, Noise) {
    let mut talk = talk(seed, at);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    let mut noise = Noise::new(seed);
    talk.say(Side::Client, &tls::client_finished(&mut noise));
    talk.say(Side::Server, &tls::server_finished(&mut noise));
    (talk, noise)
}

/// The client's first CredSSP record, and the server's challenge.
fn challenged(seed: u64, at: At) -> (Talk, Noise) {
    let (mut talk, mut noise) = secured(seed, at);
    talk.say(Side::Client, &tls::data(86, &mut noise));
    talk.say(Side::Server, &tls::data(300, &mut noise));
    (talk, noise)
}

fn delegation_denied() -> Vec<TicketFile> {
    let (mut talk, mut noise) = challenged(90, At::Server);
    talk.say(Side::Client, &tls::data(640, &mut noise));
    talk.say(Side::Server, &tls::data(105, &mut noise));
    talk.wait_ms(14);
    talk.close(Side::Client);
    let core = core_log(&talk, 90, None);
    vec![
        capture("server.pcapng", talk),
        core,
        client_log("rdpclient", client_try(DAY - 110, "ts-prod-01", 5639, 420, 90)),
    ]
}

/// A client that waits long for what its proof of identity brings.
fn no_controller() -> Vec<TicketFile> {
    let (mut talk, mut noise) = challenged(91, At::Server);
    talk.say(Side::Client, &tls::data(702, &mut noise));
    talk.wait_ms(15_400);
    talk.say(Side::Server, &tls::data(88, &mut noise));
    talk.close(Side::Server);
    let start = DAY + AHEAD + 12;
    let mut core = accepted(start, 91, &endpoint(&talk));
    core.extend(security_error(start + 15_500, 91, 0x8009_0311, ADDRESS));
    core.extend(ended(start + 15_540, 91, 64));
    core.extend(earlier_success());
    let error = "There are currently no logon servers available. (0xc000005e)";
    let records = vec![
        policy_without_controller(DAY - 25 * MINUTE),
        no_secure_channel(DAY - 6 * MINUTE, 0xc000_005e),
        lsasrv_40960(start + 14_900, "ldap/DC-01.example.test", error),
    ];
    let audits = vec![logon_failed(start + 15_450, "a.meyer", 0xc000_005e, 0, ADDRESS)];
    vec![
        capture("server.pcapng", talk),
        server_log("core", core),
        system(records),
        security(audits),
        client_log("rdpclient", client_try(DAY - 110, "ts-prod-01", 6151, 15_800, 91)),
    ]
}

fn trust_broken() -> Vec<TicketFile> {
    let mut files = refused_without_140(92, 0xc000_018d, 0, 6151, Vec::new());
    let records = vec![
        computer_refused(DAY - 42 * MINUTE),
        no_secure_channel(DAY - 41 * MINUTE, 0xc000_0022),
    ];
    files.push(system(records));
    let mut complaints = chatter(DAY);
    complaints.push(session_refused(DAY - 42 * MINUTE - 300, "TS-PROD-01"));
    files.push(controller_file("System", complaints));
    files
}

/// A refused logon about whose password nothing is said.
fn refused_without_140(
    number: u64,
    status: u32,
    sub_status: u32,
    reason: u32,
    more: Vec<Event>,
) -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, number, "10.20.1.42:50228");
    core.extend(more);
    core.extend(ended(start + 2_200, number, 64));
    core.extend(earlier_success());
    let audits = vec![logon_failed(start + 1_010, "a.meyer", status, sub_status, ADDRESS)];
    vec![
        server_log("core", core),
        security(audits),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", reason, 2_500, number)),
    ]
}

fn wrong_target() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, 93, "10.20.1.42:50611");
    core.extend(ended(start + 260, 93, 64));
    core.extend(earlier_success());
    let mut client = chatter(DAY);
    client.push(ticket_not_readable(DAY + 210, "svc_rds", "TERMSRV/ts-prod-01"));
    let mut audits = audit_chatter(DAY);
    audits.push(ticket_asked(DAY + 120, "a.meyer", "svc_rds", ADDRESS, 0));
    vec![
        server_log("core", core),
        client_log("system", client),
        controller_file("Security", audits),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2308, 480, 93)),
    ]
}

fn bindings() -> Vec<TicketFile> {
    let more = security_error(DAY + 1_050, 94, 0x8009_0346, ADDRESS);
    refused_without_140(94, 0xc000_035b, 0, 2308, more)
}

fn restricted_admin() -> Vec<TicketFile> {
    let mut talk = talk(95, At::Client);
    talk.handshake();
    talk.say(Side::Client, &rdp::request_with("a.meyer", 1));
    talk.wait_ms(2);
    talk.say(Side::Server, &rdp::confirm_with(0x07, 2));
    talk.wait_ms(5);
    talk.close(Side::Client);
    vec![
        capture("client.pcapng", talk),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 3593, 190, 95)),
    ]
}

/// 90 s after the accept the server ends a connection on which nobody logged on.
fn idle() -> Vec<TicketFile> {
    let (mut talk, _) = secured(96, At::Server);
    let accepted_at = DAY * 1_000_000 + 12_000_000;
    talk.now = accepted_at + 90_010 * 1_000_000;
    talk.close(Side::Server);
    let start = DAY + AHEAD + 12;
    let id = activity(96);
    let mut records = accepted(start, 96, &endpoint(&talk));
    let end = start + 90_000;
    let reason = |at| {
        let fields = vec![
            ("Name", text("GetDisconnectReason")),
            ("Value", text("0x80070057")),
            ("CustomLevel", text("Warning")),
        ];
        core(227, at, id, fields)
    };
    records.push(core(72, end, id, vec![("MethodName", text("OnDisconnected"))]));
    records.extend([reason(end + 1), reason(end + 2)]);
    records.push(core(102, end + 2, id, vec![]));
    records.push(core(103, end + 3, id, vec![("ReasonCode", Value::U32(0))]));
    records.extend(earlier_success());
    vec![capture("server.pcapng", talk), server_log("core", records), security(Vec::new())]
}

fn fresh() -> Vec<TicketFile> {
    let start = DAY + 12;
    let id = activity(97);
    let mut records = accepted(start, 97, "10.20.1.42:50702");
    for (after, method) in [(820, "SetErrorInfo(0xA)"), (860, "OnDisconnected")] {
        records.push(core(72, start + after, id, vec![("MethodName", text(method))]));
    }
    records.push(core(103, start + 865, id, vec![("ReasonCode", Value::U32(14))]));
    records.extend(earlier_success());
    let credentials = rcm(
        1149,
        start + 700,
        Some(id),
        vec![("Param1", text("a.meyer")), ("Param2", text("EXAMPLE")), ("Param3", text(ADDRESS))],
    );
    vec![
        server_log("core", records),
        server_log("rcm", vec![credentials]),
        security(vec![logon(start + 640, "a.meyer", 3, ADDRESS)]),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 8455, 1_300, 97)),
    ]
}

fn protected() -> Vec<TicketFile> {
    let mut files = refused_logon_with(98, "a.meyer", 0xc000_006e, 0, 3079, Vec::new());
    files.pop();
    let tries = client_try(DAY - 130, "10.20.5.11", 3079, 2_500, 98);
    files.push(client_log("rdpclient", tries));
    let refused = protected_user(DAY + 1_000, "a.meyer", "TS-PROD-01");
    files.push(controller_file("Microsoft-Windows-NTLM/Operational", vec![refused]));
    files
}

fn selective() -> Vec<TicketFile> {
    // The administrator of the server's forest has no access to the client.
    let mut files = refused_without_140(99, 0xc000_0413, 0, 2055, Vec::new());
    files.pop();
    files
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("credssp-delegation-denied", delegation_denied()),
        ("nla-dc-unreachable", no_controller()),
        ("nla-machine-trust-broken", trust_broken()),
        ("kerberos-spn-or-target", wrong_target()),
        ("channel-binding-mismatch", bindings()),
        ("nla-restricted-admin-mismatch", restricted_admin()),
        ("nla-prelogon-timeout", idle()),
        ("fresh-creds-required", fresh()),
        ("protected-user-ntlm", protected()),
        ("selective-auth-blocked", selective()),
    ]
}
