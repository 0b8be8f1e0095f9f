//! Records as Windows writes them, and the chains in which they come.

use super::Noise;
use super::binxml::{Value, utf16};
use super::evtx::{Body, Event, Log};

pub(crate) const SERVER: &str = "TS-PROD-01.example.test";
pub(crate) const CLIENT: &str = "CL-0042.example.test";

const RDPCORETS: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const RCM: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const LSM: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const RDPCLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub(crate) fn event(
    provider: &'static str,
    guid: Option<&'static str>,
    id: u16,
    time_ms: i64,
    body: Body,
) -> Event {
    Event {
        provider,
        guid,
        id,
        qualifiers: None,
        level: 4,
        time_ms,
        activity: None,
        process_id: 1088,
        body,
        origin: None,
    }
}

/// The activity id of a connection, as RdpCoreTS makes them.
pub(crate) fn activity(number: u64) -> [u8; 16] {
    let mut id: [u8; 16] = Noise::new(number).bytes(16).try_into().expect("16 bytes");
    id[2..4].copy_from_slice(&[0x20, 0xf4]);
    id
}

pub(crate) fn core(
    id: u16,
    time_ms: i64,
    activity: [u8; 16],
    fields: Vec<(&'static str, Value)>,
) -> Event {
    let guid = Some("{1139c61b-b549-4251-8ed3-27250a1edec8}");
    let body = if fields.is_empty() { Body::Empty } else { Body::Named(fields) };
    Event { activity: Some(activity), ..event(RDPCORETS, guid, id, time_ms, body) }
}

pub(crate) fn rcm(
    id: u16,
    time_ms: i64,
    activity: Option<[u8; 16]>,
    fields: Vec<(&'static str, Value)>,
) -> Event {
    let guid = Some("{c76baa63-ae81-421c-b425-340b4b24157f}");
    Event { activity, ..event(RCM, guid, id, time_ms, Body::User(fields)) }
}

/// A classic RemoteConnectionManager event of the System log.
pub(crate) fn rcm_classic(id: u16, time_ms: i64, texts: &[&str]) -> Event {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    Event {
        qualifiers: Some(49_152),
        level: 2,
        ..event(RCM, None, id, time_ms, Body::Classic(texts, None))
    }
}

pub(crate) fn lsm(id: u16, time_ms: i64, user: &str, session: u32, address: Option<&str>) -> Event {
    let mut fields = vec![("User", text(user)), ("SessionID", Value::U32(session))];
    fields.extend(address.map(|address| ("Address", text(address))));
    event(LSM, Some("{5d896912-022d-40aa-a3a8-4fa5515c76d7}"), id, time_ms, Body::User(fields))
}

pub(crate) fn schannel(id: u16, time_ms: i64, fields: Vec<(&'static str, Value)>) -> Event {
    let guid = Some("{1f678132-5938-4686-9fdc-c8ff68f15c85}");
    Event { level: 2, process_id: 700, ..event("Schannel", guid, id, time_ms, Body::Named(fields)) }
}

pub(crate) fn lsasrv_6041(time_ms: i64, target: &str) -> Event {
    let texts = vec![target.to_owned(), "4".to_owned()];
    let guid = Some("{199fe037-2b82-40a9-82ac-e1d46c792b99}");
    Event { level: 2, ..event("LsaSrv", guid, 6041, time_ms, Body::Classic(texts, None)) }
}

/// Service Control Manager 7036: state 1 is stopped, 4 running.
pub(crate) fn service(time_ms: i64, display: &str, key: &str, state: u8) -> Event {
    let word = if state == 4 { "running" } else { "stopped" };
    let mut binary = utf16(&format!("{key}/{state}"));
    binary.extend_from_slice(&[0, 0]);
    let fields = vec![("param1", text(display)), ("param2", text(word))];
    let guid = Some("{555908d1-a6d7-4695-8e1e-26931d2012f4}");
    let body = Body::Service(fields, binary);
    Event {
        qualifiers: Some(16_384),
        ..event("Service Control Manager", guid, 7036, time_ms, body)
    }
}

pub(crate) fn service_failed(time_ms: i64, display: &str, error: &str) -> Event {
    let fields = vec![("param1", text(display)), ("param2", text(error))];
    let guid = Some("{555908d1-a6d7-4695-8e1e-26931d2012f4}");
    let body = Body::Named(fields);
    Event {
        qualifiers: Some(49_152),
        level: 2,
        ..event("Service Control Manager", guid, 7023, time_ms, body)
    }
}

pub(crate) fn audit(id: u16, time_ms: i64, fields: Vec<(&'static str, Value)>) -> Event {
    let guid = Some("{54849625-5478-4994-a5ba-3e3b0328c30d}");
    Event { level: 0, process_id: 700, ..event(SECURITY, guid, id, time_ms, Body::Named(fields)) }
}

/// Security 4625 of a network logon.
pub(crate) fn logon_failed(
    time_ms: i64,
    user: &str,
    status: u32,
    sub_status: u32,
    address: &str,
) -> Event {
    audit(
        4625,
        time_ms,
        vec![
            ("SubjectUserSid", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            ("SubjectUserName", text("-")),
            ("SubjectDomainName", text("-")),
            ("SubjectLogonId", Value::Hex64(0)),
            ("TargetUserSid", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            ("TargetUserName", text(user)),
            ("TargetDomainName", text("EXAMPLE")),
            ("Status", Value::Hex32(status)),
            ("FailureReason", text("%%2313")),
            ("SubStatus", Value::Hex32(sub_status)),
            ("LogonType", Value::U32(3)),
            ("LogonProcessName", text("NtLmSsp ")),
            ("AuthenticationPackageName", text("NTLM")),
            ("WorkstationName", text("CL-0042")),
            ("ProcessName", text("-")),
            ("IpAddress", text(address)),
            ("IpPort", text("0")),
        ],
    )
}

/// Security 4624.
pub(crate) fn logon(time_ms: i64, user: &str, kind: u32, address: &str) -> Event {
    audit(
        4624,
        time_ms,
        vec![
            ("SubjectUserName", text("-")),
            ("TargetUserName", text(user)),
            ("TargetDomainName", text("EXAMPLE")),
            ("TargetLogonId", Value::Hex64(0x3c_51a2)),
            ("LogonType", Value::U32(kind)),
            ("LogonProcessName", text("User32 ")),
            ("WorkstationName", text("CL-0042")),
            ("IpAddress", text(address)),
            ("IpPort", text("0")),
        ],
    )
}

pub(crate) fn denied_4825(time_ms: i64, user: &str, address: &str) -> Event {
    audit(
        4825,
        time_ms,
        vec![
            ("AccountName", text(user)),
            ("AccountDomain", text("EXAMPLE")),
            ("LogonID", Value::Hex64(0x3c_51a2)),
            ("ClientAddress", text(address)),
        ],
    )
}

pub(crate) fn locked_4740(time_ms: i64, user: &str, caller: &str) -> Event {
    audit(
        4740,
        time_ms,
        vec![
            ("TargetUserName", text(user)),
            ("TargetDomainName", text(caller)),
            ("SubjectUserName", text("TS-PROD-01$")),
        ],
    )
}

/// Security 5152: the filtering platform dropped an inbound packet.
pub(crate) fn dropped_5152(time_ms: i64, client: &str, port: u16, server: &str) -> Event {
    audit(
        5152,
        time_ms,
        vec![
            ("ProcessId", Value::U64(0)),
            ("Application", text("-")),
            ("Direction", text("%%14592")),
            ("SourceAddress", text(client)),
            ("SourcePort", text(&port.to_string())),
            ("DestAddress", text(server)),
            ("DestPort", text("3389")),
            ("Protocol", Value::U32(6)),
            ("FilterRTID", Value::U64(68_012)),
            ("LayerName", text("%%14597")),
            ("LayerRTID", Value::U64(13)),
        ],
    )
}

pub(crate) fn client(
    id: u16,
    time_ms: i64,
    activity: [u8; 16],
    fields: Vec<(&'static str, Value)>,
) -> Event {
    let guid = Some("{28aa95bb-d444-4719-a36f-40462168127e}");
    let body = if fields.is_empty() { Body::Empty } else { Body::Named(fields) };
    Event {
        activity: Some(activity),
        process_id: 5212,
        ..event(RDPCLIENT, guid, id, time_ms, body)
    }
}

pub(crate) fn named(name: &str, value: Value) -> Vec<(&'static str, Value)> {
    vec![("Name", text(name)), ("Value", value), ("CustomLevel", text("Info"))]
}

/// A try in the client's log: 1024 and 1026.
pub(crate) fn client_try(
    time_ms: i64,
    server: &str,
    reason: u32,
    lasted_ms: i64,
    number: u64,
) -> Vec<Event> {
    let mut id = activity(number);
    id[2] = 0x11;
    vec![
        client(1024, time_ms, id, named("Server Name", text(server))),
        client(1026, time_ms + lasted_ms, id, named("Disconnect Reason", Value::U32(reason))),
    ]
}

/// The start of a connection in the server's log: 131, 65, 72, 72, 141.
pub(crate) fn accepted(time_ms: i64, number: u64, endpoint: &str) -> Vec<Event> {
    let id = activity(number);
    let name = text(&format!("RDP-Tcp#{}", number % 100));
    vec![
        core(131, time_ms, id, vec![("ConnType", text("TCP")), ("ClientIP", text(endpoint))]),
        core(65, time_ms + 6, id, vec![("ConnectionName", name)]),
        core(72, time_ms + 8, id, vec![("MethodName", text("PrepareForAccept"))]),
        core(72, time_ms + 9, id, vec![("MethodName", text("SendPolicyData"))]),
        core(141, time_ms + 13, id, vec![("InstanceID", Value::U32(7))]),
    ]
}

/// Its end: 226 with the transport's error, 72, 102, 103.
pub(crate) fn ended(time_ms: i64, number: u64, error: u32) -> Vec<Event> {
    let id = activity(number);
    let code = 0x8007_0000 | error;
    vec![
        core(143, time_ms, id, vec![("error", Value::U32(error))]),
        core(226, time_ms + 1, id, transition("RDP_TCP", code)),
        core(72, time_ms + 2, id, vec![("MethodName", text("OnDisconnected"))]),
        core(102, time_ms + 2, id, vec![]),
        core(103, time_ms + 3, id, vec![("ReasonCode", Value::U32(14))]),
    ]
}

fn transition(machine: &str, code: u32) -> Vec<(&'static str, Value)> {
    vec![
        ("StateTransition", text(machine)),
        ("PreviousState", Value::U32(23)),
        ("PreviousStateName", text("StateUnknown")),
        ("NewState", Value::U32(21)),
        ("NewStateName", text("StateDisconnected")),
        ("Event", Value::U32(43)),
        ("EventName", text("Event_Disconnect")),
        ("ErrorCode", Value::Hex32(code)),
    ]
}

/// The security layer gives up: 226 RDP_SEC and 139.
pub(crate) fn security_error(time_ms: i64, number: u64, code: u32, address: &str) -> Vec<Event> {
    let id = activity(number);
    vec![
        core(226, time_ms, id, transition("RDP_SEC", code)),
        core(
            139,
            time_ms + 1,
            id,
            vec![("ResultCode", Value::Hex32(code)), ("IPString", text(address))],
        ),
    ]
}

pub(crate) fn refused_140(time_ms: i64, number: u64, address: &str) -> Event {
    core(140, time_ms, activity(number), vec![("IPString", text(address))])
}

/// A whole session that worked: server records of every log, `(core, lsm, security)`.
pub(crate) fn session(
    time_ms: i64,
    number: u64,
    endpoint: &str,
    address: &str,
    user: &str,
) -> [Vec<Event>; 3] {
    let id = activity(number);
    let mut core_log = accepted(time_ms, number, endpoint);
    core_log.push(core(
        132,
        time_ms + 900,
        id,
        vec![("ChannelName", text("rdplic")), ("TunnelID", Value::U32(0))],
    ));
    core_log.push(core(
        66,
        time_ms + 2_400,
        id,
        vec![("ConnectionName", text("RDP-Tcp#7")), ("SessionID", Value::U32(3))],
    ));
    let domain_user = format!("EXAMPLE\\{user}");
    let lsm_log = vec![
        lsm(41, time_ms + 2_000, &domain_user, 3, None),
        lsm(42, time_ms + 2_050, &domain_user, 3, None),
        lsm(21, time_ms + 2_300, &domain_user, 3, Some(address)),
        lsm(22, time_ms + 3_100, &domain_user, 3, Some(address)),
    ];
    let security =
        vec![logon(time_ms + 1_000, user, 3, address), logon(time_ms + 1_900, user, 10, address)];
    [core_log, lsm_log, security]
}

/// Records that every log is full of, over some hours before and after `time_ms`.
pub(crate) fn chatter(time_ms: i64) -> Vec<Event> {
    let hour = 3_600_000;
    (-4..4)
        .map(|step| {
            let state = if step % 2 == 0 { 4 } else { 1 };
            service(
                time_ms + step * hour + 137_000,
                "Windows Modules Installer",
                "TrustedInstaller",
                state,
            )
        })
        .collect()
}

/// Logons that have nothing to do with Remote Desktop.
pub(crate) fn audit_chatter(time_ms: i64) -> Vec<Event> {
    let hour = 3_600_000;
    (-4..4)
        .map(|step| logon(time_ms + step * hour + 211_000, "svc_backup", 3, "10.20.9.9"))
        .collect()
}

pub(crate) fn log(
    channel: &'static str,
    computer: &'static str,
    first_record: u64,
    events: Vec<Event>,
) -> Vec<u8> {
    Log { channel, computer, first_record, events }.bytes()
}

/// `server/System.evtx` and so on, with the names that Windows gives them.
pub(crate) fn server_log(kind: &str, events: Vec<Event>) -> (String, Vec<u8>) {
    let (channel, file, first) = match kind {
        "core" => (
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx",
            4_100,
        ),
        "rcm" => (
            "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
            "Microsoft-Windows-TerminalServices-RemoteConnectionManager%4Operational.evtx",
            880,
        ),
        "lsm" => (
            "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
            "Microsoft-Windows-TerminalServices-LocalSessionManager%4Operational.evtx",
            510,
        ),
        "security" => ("Security", "Security.evtx", 702_000),
        _ => ("System", "System.evtx", 21_000),
    };
    (format!("server/{file}"), log(channel, SERVER, first, events))
}

pub(crate) fn client_log(kind: &str, events: Vec<Event>) -> (String, Vec<u8>) {
    let (channel, file) = match kind {
        "rdpclient" => (
            "Microsoft-Windows-TerminalServices-RDPClient/Operational",
            "Microsoft-Windows-TerminalServices-RDPClient%4Operational.evtx",
        ),
        _ => ("System", "System.evtx"),
    };
    (format!("client/{file}"), log(channel, CLIENT, 9_000, events))
}
