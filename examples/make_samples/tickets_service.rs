//! Tickets in which the service, its listener or its host does not do its work.

use super::binxml::Value;
use super::events::{
    accepted, client_log, client_try, ended, rcm_classic, security_error, server_log, service,
    session,
};
use super::evtx::Event;
use super::net::{At, RST, Side};
use super::records::{
    FIREWALL, channel, crash, listener, listener_failed, listening, memory_low, rule_off, scm,
    session_manager,
};
use super::texts::{SWITCHED_OFF, utf16};
use super::tickets_logs::{ADDRESS, AHEAD, earlier_success, endpoint, system};
use super::tickets_wire::{DAY, capture, dropped_after_hello, talk};
use super::{TicketFile, rdp};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// A colleague's session an hour later: the log goes on.
fn later_success(number: u64) -> Vec<Event> {
    let [core, _, _] = session(DAY + HOUR, number, "10.20.1.77:50010", "10.20.1.77", "b.ott");
    core
}

fn switched_off() -> Vec<TicketFile> {
    let off = DAY - 40 * MINUTE;
    let listeners = vec![
        listener(258, DAY - 200 * HOUR),
        listener(262, off),
        listener(259, off + 40),
        listener(258, DAY + 2 * HOUR),
    ];
    let mut core = earlier_success();
    core.extend(listening(DAY - 200 * HOUR, 3389));
    core.extend(listening(DAY + 2 * HOUR, 3389));
    vec![
        server_log("rcm", listeners),
        channel("server", FIREWALL, vec![rule_off(off + 300)]),
        system(Vec::new()),
        server_log("core", core),
        client_log("rdpclient", client_try(DAY, "ts-prod-01", 516, 2_300, 111)),
        ("server/state.txt".to_owned(), STATE.replace('\n', "\r\n").into_bytes()),
        ("server/terminal-server.reg".to_owned(), utf16(SWITCHED_OFF)),
    ]
}

/// `systeminfo` and `qwinsta` on the server, while its listener is closed.
const STATE: &str = "
Host Name:                     TS-PROD-01
OS Name:                       Microsoft Windows Server 2022 Standard
OS Version:                    10.0.20348 N/A Build 20348
OS Manufacturer:               Microsoft Corporation
System Boot Time:              5/26/2025, 12:20:04 AM
Time Zone:                     (UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna

 SESSIONNAME       USERNAME                 ID  STATE   TYPE        DEVICE
>services                                    0  Disc
 console           Administrator             1  Active
";

/// The process dies over the ClientHello and is started again a minute later.
fn crashed() -> Vec<TicketFile> {
    let talk = dropped_after_hello(112, At::Server);
    let at = DAY + AHEAD;
    let mut core = accepted(at + 12, 112, &endpoint(&talk));
    core.extend(earlier_success());
    core.extend(listening(at + 61_500, 3389));
    let name = "Remote Desktop Services";
    let parameters = [name, "1", "60000", "1", "Restart the service"];
    let records =
        vec![scm(7031, at + 900, &parameters), service(at + 61_000, name, "TermService", 4)];
    let crashes = vec![crash(at + 400, "svchost.exe_TermService", "rdpcorets.dll")];
    vec![
        capture("server.pcapng", talk),
        system(records),
        channel("server", "Application", crashes),
        server_log("core", core),
    ]
}

/// A web server was started on 3389 before Remote Desktop Services.
fn port_taken() -> Vec<TicketFile> {
    let mut talk = talk(113, At::Client);
    for _ in 0..2 {
        talk.handshake();
        talk.say(Side::Client, &rdp::request("a.meyer", Some(rdp::MODERN)));
        talk.wait_ms(3);
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=us-ascii\r\n\
                      Server: Microsoft-HTTPAPI/2.0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        talk.say(Side::Server, answer.as_bytes());
        talk.close(Side::Server);
        talk.wait_ms(3_000);
        talk.client.port += 2;
    }
    let listeners = vec![listener_failed(DAY - 20 * HOUR, 0x8007_2740)];
    let mut core = earlier_success();
    for event in &mut core {
        event.time_ms -= 300 * HOUR;
    }
    core.extend(later_success(913));
    vec![
        capture("client.pcapng", talk),
        server_log("rcm", listeners),
        server_log("core", core),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2308, 3_400, 113)),
    ]
}

/// Windows accepts, and the service does nothing with it; neither for the next one.
fn hung() -> Vec<TicketFile> {
    let mut talk = talk(114, At::Server);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(rdp::MODERN)));
    talk.wait_ms(15_000);
    talk.close(Side::Client);
    let first = |events: Vec<Event>| events.into_iter().take(1);
    let mut core = earlier_success();
    core.extend(first(accepted(DAY + AHEAD + 10, 114, &endpoint(&talk))));
    core.extend(first(accepted(DAY + AHEAD + 48_000, 914, "10.20.1.77:50021")));
    core.extend(later_success(915));
    let records = vec![scm(7011, DAY - 4 * MINUTE, &["30000", "TermService"])];
    vec![capture("server.pcapng", talk), system(records), server_log("core", core)]
}

fn setting_up() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, 115, "10.20.1.42:50555");
    core.extend(ended(start + 1_150, 115, 64));
    core.extend(listening(DAY - 3 * MINUTE, 3389));
    let refused = |time| session_manager(34, time, Vec::new());
    let lsm = vec![refused(DAY - 2 * MINUTE), refused(start + 1_050)];
    vec![
        server_log("core", core),
        server_log("lsm", lsm),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 2308, 1_400, 115)),
    ]
}

/// Thirty thin clients start in one minute and knock again and again; the user gets no
/// answer.
fn too_many() -> Vec<TicketFile> {
    let mut talk = talk(116, At::Client);
    talk.handshake();
    talk.say(Side::Client, &rdp::request("a.meyer", Some(rdp::MODERN)));
    talk.wait_ms(4);
    talk.frame(Side::Server, RST, &[]);
    let mut core = earlier_success();
    for knock in 0..90u64 {
        let address = format!("10.20.7.{}", 10 + knock % 30);
        let at = DAY - 58_000 + i64::try_from(knock).expect("few") * 620;
        let number = 2_000 + knock;
        core.extend(accepted(at, number, &format!("{address}:{}", 50_100 + knock)));
        core.extend(ended(at + 4_100, number, 64));
    }
    core.extend(later_success(916));
    let limit = rcm_classic(1006, DAY - 21_000, &[]);
    vec![
        capture("client.pcapng", talk),
        server_log("core", core),
        system(vec![limit]),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2308, 190, 116)),
    ]
}

fn no_memory() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, 117, "10.20.1.42:50666");
    core.extend(security_error(start + 6_300, 117, 0x8009_0300, ADDRESS));
    core.extend(ended(start + 6_340, 117, 64));
    core.extend(earlier_success());
    let records = vec![
        memory_low(DAY - 11 * MINUTE, "ReportEngine.exe"),
        scm(7011, DAY - 5 * MINUTE, &["30000", "Schedule"]),
    ];
    let slow = session_manager(50, DAY - 2 * MINUTE, vec![("Session", Value::U32(6))]);
    vec![
        server_log("core", core),
        system(records),
        server_log("lsm", vec![slow]),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 2308, 6_900, 117)),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("service-rdp-disabled", switched_off()),
        ("service-termservice-crash", crashed()),
        ("port-conflict", port_taken()),
        ("listener-hung", hung()),
        ("setup-in-progress", setting_up()),
        ("max-outstanding-connections", too_many()),
        ("resource-exhaustion", no_memory()),
    ]
}
