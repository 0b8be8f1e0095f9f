//! Tickets of logons that a rule of the account, the host or its licences forbids.

use super::TicketFile;
use super::binxml::Value;
use super::events::{
    accepted, activity, chatter, client, client_log, client_try, core, ended, event, log, logon,
    logon_failed, lsm, named, rcm, rcm_classic, server_log, session,
};
use super::evtx::{Body, Event};
use super::tickets_logs::{earlier_success, refused_logon, security, system};
use super::tickets_wire::DAY;

const ADDRESS: &str = "10.20.1.42";

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// RemoteConnectionManager 1149: the credentials are right.
fn accepted_1149(time_ms: i64, number: u64) -> Event {
    let fields =
        vec![("Param1", text("a.meyer")), ("Param2", text("EXAMPLE")), ("Param3", text(ADDRESS))];
    rcm(1149, time_ms, Some(activity(number)), fields)
}

/// The right of this logon type is missing.
fn right_denied() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut records = accepted(start, 81, "10.20.1.42:50531");
    records.extend(ended(start + 1_300, 81, 64));
    records.extend(earlier_success());
    let audits = vec![
        logon(DAY - 7_199_000, "a.meyer", 3, ADDRESS),
        logon_failed(start + 910, "a.meyer", 0xc000_015b, 0, ADDRESS),
    ];
    vec![
        server_log("core", records),
        security(audits),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 4871, 1_600, 81)),
    ]
}

/// The credentials are accepted, then the host turns the user away.
fn drained() -> Vec<TicketFile> {
    let start = DAY + 12;
    let id = activity(82);
    let mut records = accepted(start, 82, "10.20.1.42:50544");
    records.push(core(72, start + 1_480, id, vec![("MethodName", text("OnDisconnected"))]));
    records.push(core(102, start + 1_482, id, vec![]));
    records.push(core(103, start + 1_483, id, vec![("ReasonCode", Value::U32(12))]));
    records.extend(earlier_success());
    let sessions = vec![
        lsm(21, DAY - 7_190_000, "EXAMPLE\\a.meyer", 2, Some(ADDRESS)),
        lsm(23, DAY - 3_600_000, "EXAMPLE\\a.meyer", 2, None),
        // Who has a session may come back to it.
        lsm(25, DAY + 420_000, "EXAMPLE\\b.kern", 4, Some("10.20.1.77")),
    ];
    vec![
        server_log("core", records),
        server_log("rcm", vec![accepted_1149(start + 900, 82)]),
        server_log("lsm", sessions),
        system(vec![rcm_classic(1071, start + 1_400, &["EXAMPLE\\a.meyer"])]),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 3, 1_700, 82)),
    ]
}

/// The server's log of a connection that ends in the licensing phase.
fn licensing(number: u64, error: &str) -> Vec<Event> {
    let start = DAY + 12;
    let id = activity(number);
    let mut records = accepted(start, number, "10.20.1.42:50444");
    let steps = [(900, "OnStartLicensing"), (940, error), (990, "OnDisconnected")];
    for (after, method) in steps {
        records.push(core(72, start + after, id, vec![("MethodName", text(method))]));
    }
    records.push(core(103, start + 995, id, vec![("ReasonCode", Value::U32(14))]));
    records.extend(earlier_success());
    records
}

fn no_licence_server() -> Vec<TicketFile> {
    vec![
        server_log("core", licensing(83, "SetErrorInfo(0x101)")),
        server_log("rcm", vec![accepted_1149(DAY + 712, 83)]),
        system(vec![rcm_classic(1130, DAY - 1_800_000, &[])]),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2056, 1_500, 83)),
    ]
}

const LICENCE_SERVER: &str = "LIC-01.example.test";

fn no_licence() -> Vec<TicketFile> {
    let used_up = event(
        "Microsoft-Windows-TerminalServices-Licensing",
        Some("{4d99f017-0eb1-4b52-8419-14aeed6c4e5a}"),
        21,
        DAY + 905,
        Body::Named(vec![("param1", text("Windows Server 2022 - RDS Per Device CAL"))]),
    );
    let mut served = chatter(DAY);
    served.push(Event { level: 2, ..used_up });
    vec![
        server_log("core", licensing(84, "SetErrorInfo(0x102)")),
        server_log("rcm", vec![accepted_1149(DAY + 712, 84)]),
        system(Vec::new()),
        ("licence-server/System.evtx".to_owned(), log("System", LICENCE_SERVER, 5_500, served)),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2056, 1_500, 84)),
    ]
}

/// The client may not write its licence store; another client works.
fn client_store() -> Vec<TicketFile> {
    let mut records = licensing(85, "SetErrorInfo(0x107)");
    let [other, _, _] = session(DAY + 600_000, 86, "10.20.1.77:50990", "10.20.1.77", "b.kern");
    records.extend(other);
    let mut id = activity(85);
    id[2] = 0x11;
    let mut tried = client_try(DAY - 120, "ts-prod-01", 267, 1_500, 85);
    let fields =
        vec![("TraceMessage", text("Licensing failed")), ("Error Code", Value::Hex32(0x8007_0005))];
    tried.insert(1, client(1017, DAY + 1_010, id, fields));
    let sessions = vec![
        lsm(21, DAY + 602_300, "EXAMPLE\\b.kern", 4, Some("10.20.1.77")),
        lsm(22, DAY + 603_100, "EXAMPLE\\b.kern", 4, Some("10.20.1.77")),
    ];
    vec![
        server_log("core", records),
        server_log("lsm", sessions),
        server_log("rcm", vec![accepted_1149(DAY + 712, 85)]),
        system(Vec::new()),
        client_log("rdpclient", tried),
    ]
}

/// The client program crashes; another client works.
fn broken_client() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut records = accepted(start, 87, "10.20.1.42:50611");
    records.extend(ended(start + 640, 87, 64));
    let [other, lsm_log, _] =
        session(DAY - 900_000, 88, "10.20.1.77:50871", "10.20.1.77", "b.kern");
    records.extend(other);
    let mut id = activity(87);
    id[2] = 0x11;
    let tried = vec![client(1024, DAY - 120, id, named("Server Name", text("ts-prod-01")))];
    let crash = |time_ms: i64, program: &str, module: &str, code: &str| {
        let texts = [
            program,
            "10.0.22621.1",
            "5a1f2c33",
            module,
            "10.0.22621.1",
            "6b2e3d44",
            code,
            "000000000004c1a9",
            "1f34",
            "01dbd46c9e3f1a02",
        ];
        let body = Body::Classic(texts.map(str::to_owned).to_vec(), None);
        let record = event("Application Error", None, 1000, time_ms, body);
        Event { level: 2, qualifiers: Some(0), ..record }
    };
    let crashes = vec![
        crash(DAY - 90_000_000, "OneDrive.exe", "ntdll.dll", "c0000374"),
        crash(DAY + 610, "mstsc.exe", "mstscax.dll", "c0000005"),
    ];
    let application = log("Application", super::events::CLIENT, 3_300, crashes);
    vec![
        server_log("core", records),
        server_log("lsm", lsm_log),
        client_log("rdpclient", tried),
        ("client/Application.evtx".to_owned(), application),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("logon-hours-restriction", refused_logon(79, "a.meyer", 0xc000_006e, 0xc000_006f, 4103)),
        ("workstation-restriction", refused_logon(80, "a.meyer", 0xc000_006e, 0xc000_0070, 4359)),
        ("authz-logon-right-denied", right_denied()),
        ("drain-mode", drained()),
        ("rds-license-no-server", no_licence_server()),
        ("rds-license-no-cal", no_licence()),
        ("rds-license-client-store", client_store()),
        ("client-stale-or-broken", broken_client()),
    ]
}
