//! Records about certificates, Kerberos and the domain.

use super::TicketFile;
use super::binxml::Value;
use super::events::{SERVER, audit, event};
use super::evtx::{Body, Event, Log};

/// A domain controller of the samples.
const CONTROLLER: &str = "DC-01.example.test";

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn classic(
    provider: &'static str,
    id: u16,
    time_ms: i64,
    texts: &[&str],
    binary: Option<Vec<u8>>,
) -> Event {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    Event {
        qualifiers: Some(0),
        level: 2,
        ..event(provider, None, id, time_ms, Body::Classic(texts, binary))
    }
}

/// A classic RemoteConnectionManager event that holds a certificate's SHA-1.
pub(crate) fn rcm_certificate(id: u16, time_ms: i64, texts: &[&str], sha1: &[u8]) -> Event {
    let provider = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
    Event { qualifiers: Some(49_152), ..classic(provider, id, time_ms, texts, Some(sha1.to_vec())) }
}

/// TermDD 50: a component of the stack met an error in the stream.
pub(crate) fn termdd_50(time_ms: i64, component: &str) -> Event {
    classic("TermDD", 50, time_ms, &["\\Device\\Termdd", component], Some(vec![0; 40]))
}

/// NETLOGON 5719, with the NTSTATUS in its binary part.
pub(crate) fn no_secure_channel(time_ms: i64, status: u32) -> Event {
    let why = "There are currently no logon servers available to service the logon request.";
    classic("NETLOGON", 5719, time_ms, &["EXAMPLE", why], Some(status.to_le_bytes().to_vec()))
}

/// NETLOGON 3210: the domain controller refused this computer.
pub(crate) fn computer_refused(time_ms: i64) -> Event {
    let status = 0xc000_0022u32.to_le_bytes().to_vec();
    let texts = ["EXAMPLE", "\\\\DC-01.example.test", "Access is denied."];
    classic("NETLOGON", 3210, time_ms, &texts, Some(status))
}

/// NETLOGON 5805 of a domain controller about a computer.
pub(crate) fn session_refused(time_ms: i64, computer: &str) -> Event {
    let status = 0xc000_0022u32.to_le_bytes().to_vec();
    classic("NETLOGON", 5805, time_ms, &[computer, "Access is denied."], Some(status))
}

/// LsaSrv 40960.
pub(crate) fn lsasrv_40960(time_ms: i64, target: &str, error: &str) -> Event {
    let fields =
        vec![("Target", text(target)), ("Protocol", text("Kerberos")), ("Error", text(error))];
    let guid = Some("{199fe037-2b82-40a9-82ac-e1d46c792b99}");
    Event { level: 3, ..event("LsaSrv", guid, 40_960, time_ms, Body::Named(fields)) }
}

/// GroupPolicy 1129: no domain controller was reached.
pub(crate) fn policy_without_controller(time_ms: i64) -> Event {
    let fields = vec![
        ("SupportInfo1", Value::U32(1)),
        ("SupportInfo2", Value::U32(1648)),
        ("ProcessingMode", Value::U32(0)),
        ("ErrorCode", Value::U32(1222)),
    ];
    let guid = Some("{aea1b4fa-97d1-45f2-a64c-4d69fffd92c9}");
    let provider = "Microsoft-Windows-GroupPolicy";
    Event { level: 2, ..event(provider, guid, 1129, time_ms, Body::Named(fields)) }
}

/// Kerberos 4 of a client: the server could not read the ticket.
pub(crate) fn ticket_not_readable(time_ms: i64, server: &str, target: &str) -> Event {
    let fields = vec![
        ("Server", text(server)),
        ("TargetRealm", text("EXAMPLE.TEST")),
        ("Targetname", text(target)),
        ("ClientRealm", text("EXAMPLE.TEST")),
        ("binary", Value::Binary(Vec::new())),
    ];
    let guid = Some("{98e6cfcb-ee0a-41e0-a57b-622d4e1b30b1}");
    let provider = "Microsoft-Windows-Security-Kerberos";
    Event { level: 2, ..event(provider, guid, 4, time_ms, Body::Named(fields)) }
}

/// Security 4769 of a domain controller: a client asked for a service ticket.
pub(crate) fn ticket_asked(
    time_ms: i64,
    user: &str,
    service: &str,
    client: &str,
    status: u32,
) -> Event {
    audit(
        4769,
        time_ms,
        vec![
            ("TargetUserName", text(&format!("{user}@EXAMPLE.TEST"))),
            ("TargetDomainName", text("EXAMPLE.TEST")),
            ("ServiceName", text(service)),
            ("ServiceSid", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            ("TicketOptions", Value::Hex32(0x4081_0000)),
            ("TicketEncryptionType", Value::Hex32(if status == 0 { 0x12 } else { 0xffff_ffff })),
            ("IpAddress", text(&format!("::ffff:{client}"))),
            ("IpPort", text("50611")),
            ("Status", Value::Hex32(status)),
        ],
    )
}

/// NTLM 100 of a domain controller: a member of Protected Users came with NTLM.
pub(crate) fn protected_user(time_ms: i64, user: &str, device: &str) -> Event {
    let fields = vec![
        ("AccountName", text(user)),
        ("DeviceName", text(device)),
        ("Status", Value::Hex32(0xc000_006e)),
    ];
    let guid = Some("{ac43300d-5fcc-4800-8e99-1bd3f85f0320}");
    Event { level: 2, ..event("Microsoft-Windows-NTLM", guid, 100, time_ms, Body::Named(fields)) }
}

/// CertificateServicesClient-Lifecycle-System: 1001, 1004, 1006.
pub(crate) fn certificate_lifecycle(id: u16, time_ms: i64) -> Event {
    let guid = Some("{bc0669e1-a10d-4a78-834e-1ca3c806c93b}");
    let provider = "Microsoft-Windows-CertificateServicesClient-Lifecycle-System";
    let fields = vec![("CertNotificationData", text("ts-prod-01.example.test"))];
    event(provider, guid, id, time_ms, Body::User(fields))
}

/// AutoEnrollment 6: automatic enrolment failed.
pub(crate) fn enrolment_failed(time_ms: i64) -> Event {
    let fields = vec![
        ("Context", text("local system")),
        ("ErrorCode", Value::Hex32(0x8009_4012)),
        ("ErrorMsg", text("The permissions on the certificate template do not allow it.")),
    ];
    let guid = Some("{f0db7ef8-b6f3-4005-9937-feb77b9e1b43}");
    let provider = "Microsoft-Windows-CertificateServicesClient-AutoEnrollment";
    Event { level: 2, ..event(provider, guid, 6, time_ms, Body::Named(fields)) }
}

fn file(
    folder: &str,
    channel: &'static str,
    computer: &'static str,
    first_record: u64,
    events: Vec<Event>,
) -> TicketFile {
    let name = channel.replace('/', "%4");
    let bytes = Log { channel, computer, first_record, events }.bytes();
    (format!("{folder}/{name}.evtx"), bytes)
}

/// A log of the server whose channel the other samples do not use.
pub(crate) fn server_file(channel: &'static str, events: Vec<Event>) -> TicketFile {
    file("server", channel, SERVER, 3_300, events)
}

/// A log of a domain controller.
pub(crate) fn controller_file(channel: &'static str, events: Vec<Event>) -> TicketFile {
    file("dc", channel, CONTROLLER, 88_000, events)
}
