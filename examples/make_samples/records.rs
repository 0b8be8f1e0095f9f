//! Records about a host as such: its power, networks, listeners, services and sessions.

use super::TicketFile;
use super::binxml::Value;
use super::events::{CLIENT, SERVER, core, event, log, rcm};
use super::evtx::{Body, Event};
use super::tickets_logs::text;

const LSM: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const SCM: &str = "Service Control Manager";

fn classic(texts: &[&str]) -> Body {
    Body::Classic(texts.iter().map(|text| (*text).to_owned()).collect(), None)
}

/// EventLog 6005 or 6006.
pub(crate) fn eventlog(id: u16, time_ms: i64) -> Event {
    Event { qualifiers: Some(32_768), ..event("EventLog", None, id, time_ms, classic(&[])) }
}

/// User32 1074: somebody asks for a restart or a shutdown.
pub(crate) fn asked_for(time_ms: i64, what: &str, user: &str) -> Event {
    let program = "C:\\Windows\\System32\\RuntimeBroker.exe (TS-PROD-01)";
    let fields = [program, "TS-PROD-01", "Other (Unplanned)", "0x0", what, "", user];
    let names = ["param1", "param2", "param3", "param4", "param5", "param6", "param7"];
    let fields = names.into_iter().zip(fields.map(text)).collect();
    let guid = Some("{b0aa8734-56f7-41cc-b2f4-de228e98b946}");
    Event { qualifiers: Some(32_768), ..event("User32", guid, 1074, time_ms, Body::Named(fields)) }
}

/// Kernel-General 12: Windows starts.
pub(crate) fn windows_started(time_ms: i64) -> Event {
    let fields = vec![
        ("MajorVersion", Value::U32(10)),
        ("MinorVersion", Value::U32(0)),
        ("BuildVersion", Value::U32(20_348)),
        ("QfeVersion", Value::U32(2_527)),
    ];
    let guid = Some("{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}");
    event("Microsoft-Windows-Kernel-General", guid, 12, time_ms, Body::Named(fields))
}

/// NetworkProfile 10000 and 10001: a network joined or left. 0 is public, 1 private, 2
/// domain.
pub(crate) fn network(id: u16, time_ms: i64, name: &str, number: u8, category: u32) -> Event {
    let guid = format!("{{6f1c3d52-8a44-4f0b-9c7e-0000000000{number:02x}}}");
    let fields = vec![
        ("Name", text(name)),
        ("Description", text(name)),
        ("Guid", text(&guid)),
        ("Type", Value::U32(0)),
        ("State", Value::U32(if id == 10_000 { 1 } else { 0 })),
        ("Category", Value::U32(category)),
    ];
    let provider = Some("{fbcfac3f-8459-419f-8e48-1f0b49cdb85e}");
    event("Microsoft-Windows-NetworkProfile", provider, id, time_ms, Body::Named(fields))
}

/// Firewall 2005: the rule that lets Remote Desktop in was switched off.
pub(crate) fn rule_off(time_ms: i64) -> Event {
    let fields = vec![
        ("RuleId", text("RemoteDesktop-UserMode-In-TCP")),
        ("RuleName", text("Remote Desktop - User Mode (TCP-In)")),
        ("Direction", Value::U32(1)),
        ("Protocol", Value::U32(6)),
        ("LocalPorts", text("3389")),
        ("Action", Value::U32(3)),
        ("Profiles", Value::U32(0x7fff_ffff)),
        ("Active", Value::U32(0)),
        ("ModifyingApplication", text("C:\\Windows\\System32\\SystemPropertiesRemote.exe")),
    ];
    let provider = "Microsoft-Windows-Windows Firewall With Advanced Security";
    let guid = Some("{d1bc9aff-2abf-4d71-9146-ecb2a986eb85}");
    event(provider, guid, 2005, time_ms, Body::Named(fields))
}

/// RdpCoreTS 129 for TCP and UDP: the ports that are listened on.
pub(crate) fn listening(time_ms: i64, port: u32) -> Vec<Event> {
    ["TCP", "UDP"]
        .map(|transport| Event {
            activity: None,
            ..core(
                129,
                time_ms,
                [0; 16],
                vec![("TransportProtocolName", text(transport)), ("Port", Value::U32(port))],
            )
        })
        .to_vec()
}

/// RemoteConnectionManager about its listener: 258 up, 259 down, 262 told to stop.
pub(crate) fn listener(id: u16, time_ms: i64) -> Event {
    rcm(id, time_ms, None, vec![("listenerName", text("RDP-Tcp"))])
}

/// RemoteConnectionManager 260: the listener failed.
pub(crate) fn listener_failed(time_ms: i64, code: u32) -> Event {
    let fields = vec![("listenerName", text("RDP-Tcp")), ("errorCode", Value::Hex32(code))];
    Event { level: 3, ..rcm(260, time_ms, None, fields) }
}

pub(crate) fn tcpip(id: u16, time_ms: i64, texts: &[&str]) -> Event {
    Event {
        qualifiers: Some(32_768),
        level: 3,
        ..event("Tcpip", None, id, time_ms, classic(texts))
    }
}

/// Service Control Manager with named parameters.
pub(crate) fn scm(id: u16, time_ms: i64, parameters: &[&str]) -> Event {
    let names = ["param1", "param2", "param3", "param4", "param5"];
    let fields = names.into_iter().zip(parameters.iter().map(|value| text(value))).collect();
    let guid = Some("{555908d1-a6d7-4695-8e1e-26931d2012f4}");
    let body = Body::Named(fields);
    Event { qualifiers: Some(49_152), level: 2, ..event(SCM, guid, id, time_ms, body) }
}

/// Application Error 1000.
pub(crate) fn crash(time_ms: i64, program: &str, module: &str) -> Event {
    let texts = [
        program,
        "10.0.20348.1",
        "7c2f1a90",
        module,
        "10.0.20348.2400",
        "5be1204d",
        "c0000005",
        "000000000004a1c7",
        "440",
        "01dbd46f0a1b2c3d",
    ];
    let body = classic(&texts);
    Event { level: 2, ..event("Application Error", None, 1000, time_ms, body) }
}

/// Resource-Exhaustion-Detector 2004.
pub(crate) fn memory_low(time_ms: i64, process: &str) -> Event {
    let fields = vec![
        ("SystemCommitLimit", Value::U64(17_179_869_184)),
        ("SystemCommitCharge", Value::U64(17_042_112_512)),
        ("Process_1_Name", text(process)),
    ];
    let guid = Some("{9988748e-c2e8-4054-85f6-0c3e1cad2470}");
    let provider = "Microsoft-Windows-Resource-Exhaustion-Detector";
    Event { level: 3, ..event(provider, guid, 2004, time_ms, Body::User(fields)) }
}

/// LocalSessionManager with the fields of its event.
pub(crate) fn session_manager(id: u16, time_ms: i64, fields: Vec<(&'static str, Value)>) -> Event {
    let guid = Some("{5d896912-022d-40aa-a3a8-4fa5515c76d7}");
    let body = if fields.is_empty() { Body::Empty } else { Body::User(fields) };
    event(LSM, guid, id, time_ms, body)
}

/// LocalSessionManager 40: the end of a session and its reason.
pub(crate) fn session_ended(time_ms: i64, session: u32, reason: u32) -> Event {
    let fields = vec![("Session", Value::U32(session)), ("Reason", Value::U32(reason))];
    session_manager(40, time_ms, fields)
}

/// SessionBroker-Client of a session host.
pub(crate) fn broker_client(id: u16, time_ms: i64, detail: &str) -> Event {
    let provider = "Microsoft-Windows-TerminalServices-SessionBroker-Client";
    let guid = Some("{2184b5c9-1c83-4304-9c58-a9e76f718993}");
    Event { level: 2, ..event(provider, guid, id, time_ms, classic(&[detail])) }
}

/// A log of the server, or with `client/` of the client, by channel.
pub(crate) fn channel(side: &str, channel: &'static str, events: Vec<Event>) -> TicketFile {
    let file = channel.replace('/', "%4");
    let computer = if side == "client" { CLIENT } else { SERVER };
    (format!("{side}/{file}.evtx"), log(channel, computer, 3_300, events))
}

pub(crate) const NETWORK_PROFILE: &str = "Microsoft-Windows-NetworkProfile/Operational";
pub(crate) const FIREWALL: &str =
    "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall";
pub(crate) const BROKER_CLIENT: &str =
    "Microsoft-Windows-TerminalServices-SessionBroker-Client/Operational";
