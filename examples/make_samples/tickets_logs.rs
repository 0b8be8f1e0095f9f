//! Tickets whose answer is in event logs, some with a capture beside them.

use super::binxml::Value;
use super::etl::{STYLE, Style};
use super::events::{
    accepted, activity, audit_chatter, chatter, client_log, client_try, core, denied_4825,
    dropped_5152, ended, locked_4740, logon, logon_failed, lsasrv_6041, rcm, rcm_classic,
    refused_140, schannel, security_error, server_log, service, service_failed, session,
};
use super::evtx::Event;
use super::net::{At, Side, Talk};
use super::texts::{CLIENT_POLICIES, VERSIONS_OFF, utf16};
use super::tickets_wire::{self, DAY, alerted, dropped_after_hello, good_session, negotiate, talk};
use super::{TicketFile, rdp};

pub(crate) const ADDRESS: &str = "10.20.1.42";
pub(crate) const SERVER_ADDRESS: &str = "10.20.5.11";
/// The server's clock is this far ahead of the capture's, in ms.
pub(crate) const AHEAD: i64 = 1_234;

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub(crate) fn endpoint(talk: &Talk) -> String {
    format!("{ADDRESS}:{}", talk.client.port)
}

/// The server's log of a connection that the security layer ended.
pub(crate) fn core_log(talk: &Talk, number: u64, code: Option<u32>) -> TicketFile {
    let start = DAY + AHEAD + 12;
    let mut events = accepted(start, number, &endpoint(talk));
    if let Some(code) = code {
        events.extend(security_error(start + 40, number, code, ADDRESS));
    }
    events.extend(ended(start + 70, number, 64));
    events.extend(earlier_success());
    server_log("core", events)
}

/// A connection of the same client that worked two hours before.
pub(crate) fn earlier_success() -> Vec<Event> {
    let [core, _, _] = session(DAY - 7_200_000, 900, "10.20.1.42:49777", ADDRESS, "a.meyer");
    core
}

pub(crate) fn system(mut events: Vec<Event>) -> TicketFile {
    events.extend(chatter(DAY));
    server_log("system", events)
}

pub(crate) fn security(mut events: Vec<Event>) -> TicketFile {
    events.extend(audit_chatter(DAY));
    server_log("security", events)
}

fn no_shared_cipher() -> Vec<TicketFile> {
    let talk = alerted(60, At::Server, 40);
    let at = DAY + AHEAD + 50;
    let records = vec![
        schannel(36874, at, vec![("Protocol", text("TLS 1.2"))]),
        schannel(
            36888,
            at + 1,
            vec![("AlertDesc", Value::U32(40)), ("ErrorState", Value::U32(1205))],
        ),
    ];
    let core = core_log(&talk, 60, Some(0x8009_0331));
    vec![
        ("server.pcapng".to_owned(), talk.frames.pcapng()),
        system(records),
        core,
        ("server/cipher-suites.txt".to_owned(), utf16(ENABLED_SUITES)),
    ]
}

/// `Get-TlsCipherSuite | Format-Table Name` of a server without the suites that need no
/// Diffie-Hellman.
const ENABLED_SUITES: &str = "
Name
----
TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256


";

fn tls_disabled() -> Vec<TicketFile> {
    let talk = dropped_after_hello(61, At::Server);
    let record = schannel(
        36871,
        DAY + AHEAD + 45,
        vec![("Type", text("server")), ("ErrorState", Value::U32(10013))],
    );
    let core = core_log(&talk, 61, Some(0x8009_030e));
    let settings = ("server/schannel.reg".to_owned(), utf16(VERSIONS_OFF));
    vec![("server.pcapng".to_owned(), talk.frames.pcapng()), system(vec![record]), core, settings]
}

fn key_unreadable() -> Vec<TicketFile> {
    let talk = dropped_after_hello(62, At::Server);
    let record = schannel(
        36870,
        DAY + AHEAD + 45,
        vec![
            ("CallerProcessId", Value::U32(1088)),
            ("CallerProcessImageName", text("svchost.exe")),
            ("Type", text("server")),
            ("ErrorCode", Value::Hex32(0x8009_030d)),
            ("ErrorStatus", Value::U32(10001)),
        ],
    );
    let core = core_log(&talk, 62, Some(0x8009_030d));
    vec![
        ("server.pcapng".to_owned(), talk.frames.pcapng()),
        system(vec![record]),
        core,
        ("server/key-permissions.txt".to_owned(), utf16(KEY_PERMISSIONS)),
    ]
}

/// `Get-Acl … | Format-List` of the key file, from which NETWORK SERVICE was removed.
const KEY_PERMISSIONS: &str = r"

Path   : Microsoft.PowerShell.Core\FileSystem::C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231
         212eef4a4_5e0ee0a4-7d13-4ad7-90b5-27cbb7e3d3d1
Owner  : NT AUTHORITY\SYSTEM
Group  : NT AUTHORITY\SYSTEM
Access : NT AUTHORITY\SYSTEM Allow  FullControl
         BUILTIN\Administrators Allow  FullControl
Audit  :
Sddl   : O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)


";

fn creation_failed() -> Vec<TicketFile> {
    let mut talk = talk(63, At::Server);
    negotiate(&mut talk, rdp::MODERN, &rdp::failure(3));
    talk.close(Side::Client);
    let record = rcm_classic(1057, DAY + AHEAD + 5, &["Access is denied.\r\n"]);
    let core = core_log(&talk, 63, None);
    vec![("server.pcapng".to_owned(), talk.frames.pcapng()), system(vec![record]), core]
}

fn host_block() -> Vec<TicketFile> {
    let mut talk = talk(64, At::Server);
    tickets_wire::unanswered(&mut talk);
    let port = talk.client.port;
    let drops = [0, 1_000, 3_000, 7_000]
        .map(|after| dropped_5152(DAY + AHEAD + after, ADDRESS, port, SERVER_ADDRESS));
    // NL_InspectionDrop: a filter let the packet fall behind the network adapter.
    let style = Style { buffer: 1024, ..STYLE };
    let capture = talk.frames.pktmon(style, &|_| Some(909));
    vec![("server.etl".to_owned(), capture), security(drops.to_vec())]
}

fn oracle() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, 65, "10.20.1.42:50111");
    core.extend(ended(start + 390, 65, 64));
    core.extend(earlier_success());
    let mut system = chatter(DAY);
    system.push(lsasrv_6041(DAY + 350, "TERMSRV/ts-prod-01"));
    vec![
        server_log("core", core),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2820, 560, 65)),
        client_log("system", system),
        ("client/Gpresult-rz.txt".to_owned(), CLIENT_POLICIES.replace('\n', "\r\n").into_bytes()),
    ]
}

/// A refused password: 140 and 4625, on a connection that began at `DAY`.
pub(crate) fn refused_logon(
    number: u64,
    user: &str,
    status: u32,
    sub_status: u32,
    reason: u32,
) -> Vec<TicketFile> {
    refused_logon_with(number, user, status, sub_status, reason, Vec::new())
}

pub(crate) fn refused_logon_with(
    number: u64,
    user: &str,
    status: u32,
    sub_status: u32,
    reason: u32,
    mut audits: Vec<Event>,
) -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, number, "10.20.1.42:50222");
    core.push(refused_140(start + 1_060, number, ADDRESS));
    core.extend(ended(start + 2_200, number, 64));
    core.extend(earlier_success());
    audits.push(logon_failed(start + 1_010, user, status, sub_status, ADDRESS));
    vec![
        server_log("core", core),
        security(audits),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", reason, 2_500, number)),
    ]
}

fn not_in_group() -> Vec<TicketFile> {
    let start = DAY + 12;
    let mut core = accepted(start, 70, "10.20.1.42:50333");
    core.extend(ended(start + 1_400, 70, 64));
    core.extend(earlier_success());
    let audits = vec![
        logon(start + 900, "a.meyer", 3, ADDRESS),
        denied_4825(start + 950, "a.meyer", ADDRESS),
    ];
    vec![
        server_log("core", core),
        security(audits),
        client_log("rdpclient", client_try(DAY - 130, "ts-prod-01", 4871, 1_700, 70)),
    ]
}

fn licence() -> Vec<TicketFile> {
    let start = DAY + 12;
    let id = activity(71);
    let mut records = accepted(start, 71, "10.20.1.42:50444");
    for (after, method) in
        [(900, "OnStartLicensing"), (940, "SetErrorInfo(0x104)"), (990, "OnDisconnected")]
    {
        records.push(core(72, start + after, id, vec![("MethodName", text(method))]));
    }
    records.push(core(103, start + 995, id, vec![("ReasonCode", Value::U32(14))]));
    let accepted_1149 = rcm(
        1149,
        start + 700,
        Some(id),
        vec![("Param1", text("a.meyer")), ("Param2", text("EXAMPLE")), ("Param3", text(ADDRESS))],
    );
    let expired =
        vec![rcm_classic(1069, DAY - 3_600_000, &[]), rcm_classic(1128, DAY - 3_599_000, &[])];
    vec![
        server_log("core", records),
        server_log("rcm", vec![accepted_1149]),
        system(expired),
        client_log("rdpclient", client_try(DAY - 120, "ts-prod-01", 2056, 1_500, 71)),
    ]
}

fn service_down() -> Vec<TicketFile> {
    let records = vec![
        service_failed(DAY - 610_000, "Remote Desktop Services", "%%2147942405"),
        service(DAY - 609_000, "Remote Desktop Services", "TermService", 1),
    ];
    vec![system(records), client_log("rdpclient", client_try(DAY, "ts-prod-01", 516, 2_300, 72))]
}

/// Sixty addresses, three guesses each, and the user whose account they locked.
fn guessing() -> Vec<TicketFile> {
    let mut core = Vec::new();
    let mut audits = Vec::new();
    for guess in 0..180u64 {
        let address = format!("203.0.113.{}", 10 + guess % 60);
        let at = DAY - 5_400_000 + i64::try_from(guess).expect("few") * 29_000;
        core.extend(accepted(at, 1_000 + guess, &format!("{address}:{}", 40_000 + guess)));
        core.push(refused_140(at + 1_050, 1_000 + guess, &address));
        core.extend(ended(at + 2_100, 1_000 + guess, 64));
        audits.push(logon_failed(at + 1_000, "administrator", 0xc000_006d, 0xc000_006a, &address));
    }
    vec![server_log("core", core), security(audits)]
}

fn healthy() -> Vec<TicketFile> {
    let talk = good_session(74, At::Server);
    let [core, lsm, audits] = session(DAY + AHEAD + 12, 74, &endpoint(&talk), ADDRESS, "a.meyer");
    vec![
        ("server.pcapng".to_owned(), talk.frames.pcapng()),
        server_log("core", core),
        server_log("lsm", lsm),
        security(audits),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    let locked = vec![locked_4740(DAY - 240_000, "a.meyer", "CL-0099")];
    vec![
        ("tls-no-shared-cipher", no_shared_cipher()),
        ("tls-disabled-on-server", tls_disabled()),
        ("cert-private-key-unreadable", key_unreadable()),
        ("cert-selfsigned-create-failed", creation_failed()),
        ("firewall-host-block", host_block()),
        ("credssp-oracle-remediation", oracle()),
        ("logon-bad-password", refused_logon(66, "a.meyer", 0xc000_006d, 0xc000_006a, 2055)),
        ("logon-no-such-user", refused_logon(67, "a.mayer", 0xc000_006d, 0xc000_0064, 2055)),
        ("account-locked-out", refused_logon_with(68, "a.meyer", 0xc000_0234, 0, 3335, locked)),
        ("account-disabled", refused_logon(69, "a.meyer", 0xc000_006e, 0xc000_0072, 2823)),
        ("account-restriction", refused_logon(77, "a.meyer", 0xc000_006e, 0, 3079)),
        ("ntlm-blocked", refused_logon(78, "a.meyer", 0xc000_0418, 0, 5895)),
        ("account-expired", refused_logon(75, "a.meyer", 0xc000_006e, 0xc000_0193, 3591)),
        (
            "password-expired-or-must-change",
            refused_logon(76, "a.meyer", 0xc000_006e, 0xc000_0071, 3847),
        ),
        ("authz-not-in-rdp-users", not_in_group()),
        ("rds-license-grace-expired", licence()),
        ("service-termservice-down", service_down()),
        ("bruteforce-pressure", guessing()),
        ("no-fault-found", healthy()),
    ]
}
