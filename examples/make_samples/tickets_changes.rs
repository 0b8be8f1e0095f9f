//! Tickets of what changed on a host: its clock, an update, its version, a filter.

use super::binxml::Value;
use super::events::{
    accepted, audit, chatter, client_log, client_try, ended, event, log, logon_failed, server_log,
    session,
};
use super::evtx::{Body, Event};
use super::net::{At, Side};
use super::texts::{STRIPCHART, utf16};
use super::tickets_logs::{earlier_success, security, system};
use super::tickets_wire::{DAY, capture, flight, good, hello, negotiate, talk};
use super::{Noise, TicketFile, rdp, tls};

const ADDRESS: &str = "10.20.1.42";
const HOUR: i64 = 3_600_000;

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// The client's clock is twelve minutes late: the server refuses its ticket.
fn late_clock() -> Vec<TicketFile> {
    const AHEAD: i64 = 720_000;
    let mut talk = talk(130, At::Client);
    negotiate(&mut talk, rdp::MODERN, &rdp::confirm(2));
    hello(&mut talk, 0x0303, &tls::SUITES[2..]);
    flight(&mut talk, &good());
    let mut noise = Noise::new(130);
    talk.say(Side::Client, &tls::client_finished(&mut noise));
    talk.say(Side::Server, &tls::server_finished(&mut noise));
    talk.say(Side::Client, &tls::data(1_420, &mut noise));
    talk.say(Side::Server, &tls::data(130, &mut noise));
    talk.close(Side::Server);
    let endpoint = format!("{ADDRESS}:{}", talk.client.port);
    let start = DAY + AHEAD + 12;
    let mut core = accepted(start, 130, &endpoint);
    core.extend(ended(start + 900, 130, 64));
    let [worked, _, _] =
        session(DAY + AHEAD - 9 * HOUR, 131, "10.20.1.77:50871", "10.20.1.77", "b.kern");
    core.extend(worked);
    let audits = vec![logon_failed(start + 110, "a.meyer", 0xc000_0133, 0, ADDRESS)];
    vec![
        capture("client/client.pcapng", talk),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 7431, 1_400, 130)),
        server_log("core", core),
        security(audits),
        ("server/W32Time.txt".to_owned(), utf16(STRIPCHART)),
    ]
}

fn kernel(id: u16, time_ms: i64, fields: Vec<(&'static str, Value)>) -> Event {
    let guid = Some("{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}");
    event("Microsoft-Windows-Kernel-General", guid, id, time_ms, Body::Named(fields))
}

/// A restart: the log stops, Windows comes up with a build, the log starts.
pub(crate) fn restart(time_ms: i64, build: u32) -> Vec<Event> {
    let classic = |id: u16, time_ms: i64| Event {
        qualifiers: Some(32_768),
        ..event("EventLog", None, id, time_ms, Body::Classic(Vec::new(), None))
    };
    vec![
        classic(6006, time_ms - 40_000),
        kernel(
            12,
            time_ms,
            vec![
                ("MajorVersion", Value::U32(10)),
                ("MinorVersion", Value::U32(0)),
                ("BuildVersion", Value::U32(build)),
                ("QfeVersion", Value::U32(2_700)),
                ("ServiceVersion", Value::U32(0)),
                ("BootMode", Value::U32(0)),
            ],
        ),
        classic(6005, time_ms + 9_000),
    ]
}

pub(crate) fn installed(time_ms: i64, title: &str) -> Event {
    let guid = Some("{945a8954-c147-4acd-923f-40c45405a658}");
    let fields = vec![
        ("updateTitle", text(title)),
        ("updateGuid", Value::Guid([7; 16])),
        ("updateRevisionNumber", Value::U32(1)),
        ("serviceGuid", Value::Guid([8; 16])),
    ];
    event("Microsoft-Windows-WindowsUpdateClient", guid, 19, time_ms, Body::Named(fields))
}

/// Signatures of Defender come every day.
fn signatures() -> Vec<Event> {
    (-4..1)
        .map(|day| {
            let title = "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602";
            installed(DAY + day * 24 * HOUR - 2 * HOUR, title)
        })
        .collect()
}

/// Three days on which it worked, then failures: the server's logs and the client's.
pub(crate) fn since_then(seed: u64, changed: Vec<Event>) -> Vec<TicketFile> {
    let (mut core, mut lsm, mut tries) = (Vec::new(), Vec::new(), Vec::new());
    for (number, day) in (seed..).zip([-3, -2, -1]) {
        let endpoint = format!("{ADDRESS}:{}", 49_900 + number);
        let [one, two, _] = session(DAY + day * 24 * HOUR, number, &endpoint, ADDRESS, "a.meyer");
        core.extend(one);
        lsm.extend(two);
    }
    for (number, minutes) in (seed + 3..).zip([0, 4, 31]) {
        let start = DAY + minutes * 60_000;
        core.extend(accepted(start + 12, number, &format!("{ADDRESS}:{}", 49_900 + number)));
        core.extend(ended(start + 310, number, 64));
        tries.extend(client_try(start - 110, "ts-prod-01", 2308, 480, number));
    }
    // The console was used after the last failure, so the log goes on.
    lsm.push(super::events::lsm(23, DAY + 2 * HOUR, "EXAMPLE\\admin", 1, None));
    let mut records = changed;
    records.extend(signatures());
    vec![
        server_log("core", core),
        server_log("lsm", lsm),
        system(records),
        client_log("rdpclient", tries),
    ]
}

fn updated() -> Vec<TicketFile> {
    let mut records = restart(DAY - 20 * 24 * HOUR, 20_348);
    records.extend(restart(DAY - 6 * HOUR, 20_348));
    let title = "2025-05 Cumulative Update for Microsoft server operating system (KB5058385)";
    records.push(installed(DAY - 6 * HOUR + 95_000, title));
    since_then(140, records)
}

fn upgraded() -> Vec<TicketFile> {
    let mut records = restart(DAY - 20 * 24 * HOUR, 20_348);
    records.extend(restart(DAY - 9 * HOUR, 26_100));
    since_then(150, records)
}

/// Defender's network protection and the filtering platform stop mstsc.
fn blocked() -> Vec<TicketFile> {
    let guid = Some("{11cd958a-c507-4ef3-b3f2-5fd9dfbd2c78}");
    let program = "C:\\Windows\\System32\\mstsc.exe";
    let by_defender = event(
        "Microsoft-Windows-Windows Defender",
        guid,
        1126,
        DAY + 45,
        Body::Named(vec![
            ("Product Name", text("Microsoft Defender Antivirus")),
            ("Product Version", text("4.18.25040.2")),
            ("ID", text("01443614-cd74-433a-b99e-2ecdc07bfc25")),
            ("Detection Time", text("2025-06-03T08:15:00.045Z")),
            ("User", text("EXAMPLE\\a.meyer")),
            ("Destination", text("ts-prod-01")),
            ("Process Name", text(program)),
        ]),
    );
    let elsewhere = |time_ms: i64, number: u64, program: &str, address: &str, port: &str| {
        audit(
            5157,
            time_ms,
            vec![
                ("ProcessID", Value::U64(number)),
                ("Application", text(program)),
                ("Direction", text("%%14593")),
                ("SourceAddress", text(ADDRESS)),
                ("SourcePort", text(&(51_000 + number).to_string())),
                ("DestAddress", text(address)),
                ("DestPort", text(port)),
                ("Protocol", Value::U32(6)),
                ("FilterRTID", Value::U64(71_204)),
                ("LayerName", text("%%14611")),
                ("LayerRTID", Value::U64(48)),
            ],
        )
    };
    let device = "\\device\\harddiskvolume3\\windows\\system32\\";
    let audits = vec![
        elsewhere(DAY - 3 * HOUR, 640, &format!("{device}svchost.exe"), "203.0.113.8", "80"),
        elsewhere(DAY + 44, 5_212, &format!("{device}mstsc.exe"), "10.20.5.11", "3389"),
        elsewhere(DAY + 2 * HOUR, 640, &format!("{device}svchost.exe"), "203.0.113.8", "80"),
    ];
    let mut core = earlier_success();
    let [other, _, _] = session(DAY + HOUR, 160, "10.20.1.77:50871", "10.20.1.77", "b.kern");
    core.extend(other);
    let client = super::events::CLIENT;
    vec![
        client_log("rdpclient", client_try(DAY, "ts-prod-01", 516, 300, 161)),
        client_log("system", chatter(DAY)),
        (
            "client/Microsoft-Windows-Windows Defender%4Operational.evtx".to_owned(),
            log(
                "Microsoft-Windows-Windows Defender/Operational",
                client,
                440,
                vec![Event { level: 3, ..by_defender }],
            ),
        ),
        ("client/Security.evtx".to_owned(), log("Security", client, 88_000, audits)),
        server_log("core", core),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("clock-skew", late_clock()),
        ("update-regression", updated()),
        ("os-upgrade-side-effect", upgraded()),
        ("client-av-blocks", blocked()),
    ]
}
