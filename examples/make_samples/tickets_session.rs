//! Tickets in which the logon works and the session does not.

use super::TicketFile;
use super::binxml::Value;
use super::events::{
    accepted, activity, client, client_log, client_try, core, ended, logon, lsm, rcm, server_log,
    session,
};
use super::evtx::Event;
use super::lan::udp_syn;
use super::net::At;
use super::records::{BROKER_CLIENT, broker_client, channel, session_ended, session_manager};
use super::tickets_logs::{ADDRESS, AHEAD, earlier_success, endpoint, security, text};
use super::tickets_wire::{CLIENT, DAY, SERVER, capture, good_session};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
const USER: &str = "EXAMPLE\\a.meyer";

/// RemoteConnectionManager 1149 of the user.
fn credentials_accepted(time_ms: i64, number: u64) -> Event {
    let fields =
        vec![("Param1", text("a.meyer")), ("Param2", text("EXAMPLE")), ("Param3", text(ADDRESS))];
    rcm(1149, time_ms, Some(activity(number)), fields)
}

/// UDP is dropped on the way; the session freezes and breaks.
fn no_udp() -> Vec<TicketFile> {
    let mut talk = good_session(121, At::Client);
    for after in [1_400, 4_900, 7_600] {
        udp_syn(&mut talk.frames, (DAY + after) * 1_000_000, CLIENT, SERVER);
    }
    let start = DAY + AHEAD + 12;
    let [mut core_log, lsm_log, audits] = session(start, 121, &endpoint(&talk), ADDRESS, "a.meyer");
    let id = activity(121);
    core_log.push(core(130, start + 1_200, id, vec![("TunnelID", Value::U32(1))]));
    core_log.push(core(136, start + 11_300, id, vec![]));
    core_log.extend(ended(start + 20_800, 121, 64));
    let mut tries = client_try(DAY - 130, "ts-prod-01", 2308, 20_900, 121);
    let mut own = activity(121);
    own[2] = 0x11;
    let named = |name: &str, value: Value| {
        vec![("Name", text(name)), ("Value", value), ("CustomLevel", text("Info"))]
    };
    tries.push(client(1102, DAY + 1_380, own, named("Server Address", text("10.20.5.11"))));
    let code = Value::Hex32(0x8007_274c);
    tries.push(client(1104, DAY + 11_200, own, named("Error Code", code)));
    vec![
        capture("client.pcapng", talk),
        server_log("core", core_log),
        server_log("lsm", lsm_log),
        security(audits),
        client_log("rdpclient", tries),
    ]
}

/// Credentials accepted, and no session: the broker of the farm was not ready.
fn no_broker() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core_log = accepted(start, 122, "10.20.1.42:50777");
    core_log.extend(ended(start + 9_400, 122, 64));
    core_log.extend(earlier_success());
    let [_, before, _] = session(DAY - 2 * HOUR, 900, "10.20.1.42:49777", ADDRESS, "a.meyer");
    let mut lsm_log = before;
    let other = Some("10.20.1.77");
    lsm_log.push(session_manager(
        23,
        DAY - HOUR,
        vec![("User", text(USER)), ("SessionID", Value::U32(3))],
    ));
    lsm_log.push(lsm(21, DAY + 3 * HOUR, "EXAMPLE\\b.ott", 5, other));
    let failed = vec![
        broker_client(1296, start + 5_200, "TS-FARM"),
        broker_client(1296, DAY - 6 * MINUTE, "TS-FARM"),
    ];
    vec![
        server_log("core", core_log),
        server_log("rcm", vec![credentials_accepted(start + 1_900, 122)]),
        server_log("lsm", lsm_log),
        channel("server", BROKER_CLIENT, failed),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 2308, 9_800, 122)),
    ]
}

/// The desktop came up, and the display driver took the session with it.
fn black_screen() -> Vec<TicketFile> {
    let start = DAY + 12;
    let [mut core_log, mut lsm_log, audits] =
        session(start, 123, "10.20.1.42:50888", ADDRESS, "a.meyer");
    let id = activity(123);
    let fields = vec![("ErrorCode", Value::Hex32(0x887a_0005)), ("ServerName", text("TS-PROD-01"))];
    core_log.push(core(161, start + 5_100, id, fields));
    core_log.extend(ended(start + 9_200, 123, 64));
    core_log.extend(earlier_success());
    lsm_log.push(session_manager(
        20,
        start + 5_600,
        vec![("messageName", text("ConnectToDriver")), ("errorCode", Value::Hex32(0x8007_0102))],
    ));
    lsm_log.push(session_ended(start + 9_150, 3, 0xd000_0001));
    vec![
        server_log("core", core_log),
        server_log("lsm", lsm_log),
        security(audits),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 2308, 9_600, 123)),
    ]
}

/// Two administrators hold the two sessions of a server; the third gets none.
fn full() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core_log = accepted(start, 124, "10.20.1.42:50999");
    core_log.extend(ended(start + 34_000, 124, 64));
    let mut lsm_log = Vec::new();
    for (hours, user, number, address) in
        [(26, "EXAMPLE\\b.ott", 2, "10.20.1.77"), (5, "EXAMPLE\\c.lang", 3, "10.20.1.81")]
    {
        let at = DAY - hours * HOUR;
        lsm_log.push(lsm(41, at - 2_000, user, number, None));
        lsm_log.push(lsm(42, at - 1_900, user, number, None));
        lsm_log.push(lsm(21, at, user, number, Some(address)));
        lsm_log.push(lsm(22, at + 900, user, number, Some(address)));
    }
    lsm_log.push(lsm(24, DAY - 20 * HOUR, "EXAMPLE\\b.ott", 2, Some("10.20.1.77")));
    lsm_log.push(lsm(41, start + 2_600, USER, 4, None));
    lsm_log.push(lsm(25, DAY + HOUR, "EXAMPLE\\b.ott", 2, Some("10.20.1.77")));
    vec![
        server_log("core", core_log),
        server_log("rcm", vec![credentials_accepted(start + 2_100, 124)]),
        server_log("lsm", lsm_log),
        security(vec![logon(start + 1_900, "a.meyer", 3, ADDRESS)]),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 2308, 34_300, 124)),
    ]
}

/// The same account connects from another computer.
fn taken_over() -> Vec<TicketFile> {
    let begin = DAY - 50 * MINUTE;
    let [mut core_log, mut lsm_log, mut audits] =
        session(begin, 125, "10.20.1.42:51010", ADDRESS, "a.meyer");
    let taken = DAY + 2_700;
    let id = activity(125);
    core_log.push(core(72, taken - 40, id, vec![("MethodName", text("PreDisconnect(5)"))]));
    core_log.push(core(72, taken - 4, id, vec![("MethodName", text("OnDisconnected"))]));
    core_log.push(core(102, taken - 3, id, vec![]));
    core_log.push(core(103, taken, id, vec![("ReasonCode", Value::U32(5))]));
    core_log.extend(accepted(DAY, 925, "10.20.3.9:50100"));
    let fields = vec![("ConnectionName", text("RDP-Tcp#25")), ("SessionID", Value::U32(3))];
    core_log.push(core(66, DAY + 2_900, activity(925), fields));
    lsm_log.push(session_ended(taken - 20, 3, 5));
    lsm_log.push(lsm(25, DAY + 2_850, USER, 3, Some("10.20.3.9")));
    audits.push(logon(DAY + 1_000, "a.meyer", 3, "10.20.3.9"));
    let lasted = taken - begin + 330;
    vec![
        server_log("core", core_log),
        server_log("lsm", lsm_log),
        security(audits),
        client_log("rdpclient", client_try(begin - 130, "ts-prod-01", 3, lasted, 125)),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("udp-transport-broken", no_udp()),
        ("broker-failure", no_broker()),
        ("graphics-stack-failure", black_screen()),
        ("session-limit-reached", full()),
        ("session-takeover", taken_over()),
    ]
}
