//! Tickets of ways through an RD Gateway, and of hosts that only a service reaches.

use super::binxml::Value;
use super::certificate::Certificate;
use super::events::{
    accepted, activity, chatter, client_log, client_try, ended, event, log, lsm, server_log,
};
use super::evtx::{Body, Event};
use super::net::{At, Side, Talk};
use super::tickets_logs::{earlier_success, system};
use super::tickets_wire::{DAY, capture};
use super::{Noise, TicketFile, tls};

const GATEWAY: &str = "RDGW-01.example.test";
const GATEWAY_ADDRESS: [u8; 4] = [198, 51, 100, 20];
const GATEWAY_NAME: &str = "rdgw.example.test";
const TARGET: &str = "ts-prod-01.example.test";
/// The client at home, as the gateway and as its own capture see it.
const ADDRESS: &str = "203.0.113.61";
const CLIENT: [u8; 4] = [203, 0, 113, 61];

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Who goes where through the gateway, under one activity id.
#[derive(Clone, Copy)]
struct Way {
    number: u64,
    user: &'static str,
    address: &'static str,
    target: &'static str,
}

const MEYER: Way = Way { number: 120, user: "EXAMPLE\\a.meyer", address: ADDRESS, target: TARGET };
const KERN: Way = Way {
    number: 121,
    user: "EXAMPLE\\b.kern",
    address: "203.0.113.90",
    target: "ts-prod-02.example.test",
};

impl Way {
    fn record(self, id: u16, time_ms: i64, error: u32) -> Event {
        let mut fields = vec![("Username", text(self.user))];
        match id {
            312 => fields.push(("IpAddress", text(&format!("{}:61882", self.address)))),
            _ => fields.push(("IpAddress", text(self.address))),
        }
        if !matches!(id, 312 | 313) {
            fields.push(("AuthType", text("NTLM")));
            // The connection policy does not ask for the target.
            if !matches!(id, 200 | 201 | 203) {
                fields.push(("Resource", text(self.target)));
            }
        }
        if id == 303 {
            fields.push(("BytesReceived", Value::U64(1_882_113)));
            fields.push(("BytesTransfered", Value::U64(104_221)));
            fields.push(("SessionDuration", Value::U64(1_890)));
        }
        if !matches!(id, 312 | 313) {
            fields.push(("ConnectionProtocol", text("HTTP")));
            fields.push(("ErrorCode", Value::U32(error)));
        }
        let record = event(
            "Microsoft-Windows-TerminalServices-Gateway",
            Some("{4d5ae6a1-c7c8-4e6d-b840-4d8080b42e1b}"),
            id,
            time_ms,
            // What the service says of itself names nobody.
            if matches!(id, 100 | 102 | 400) { Body::Empty } else { Body::Info(fields) },
        );
        let level = if matches!(id, 201 | 203 | 301 | 304) { 3 } else { 4 };
        Event { level, activity: Some(activity(self.number)), ..record }
    }

    /// A session that begins and ends in the normal way.
    fn works(self, time_ms: i64) -> Vec<Event> {
        [(312, 0), (200, 240), (300, 260), (302, 300), (303, 1_890_300), (313, 1_890_400)]
            .into_iter()
            .map(|(id, after)| self.record(id, time_ms + after, if id == 303 { 1_226 } else { 0 }))
            .collect()
    }
}

/// The log of the gateway: other users' sessions around the records of the try.
pub(crate) fn gateway_log(steps: &[(u16, i64, u32)]) -> TicketFile {
    let mut events = KERN.works(DAY - 5_400_000);
    events.extend(Way { number: 122, ..KERN }.works(DAY + 900_000));
    events.extend(steps.iter().map(|(id, after, error)| MEYER.record(*id, DAY + after, *error)));
    let bytes =
        log("Microsoft-Windows-TerminalServices-Gateway/Operational", GATEWAY, 77_000, events);
    ("gateway/Microsoft-Windows-TerminalServices-Gateway%4Operational.evtx".to_owned(), bytes)
}

pub(crate) fn tried(reason: u32, lasted_ms: i64) -> TicketFile {
    client_log("rdpclient", client_try(DAY - 150, TARGET, reason, lasted_ms, 120))
}

fn connection_policy() -> Vec<TicketFile> {
    let steps = [(312, 20, 0), (201, 410, 23_003), (313, 460, 0)];
    vec![gateway_log(&steps), tried(50_331_676, 900)]
}

fn resource_policy() -> Vec<TicketFile> {
    let steps = [(312, 20, 0), (200, 410, 0), (301, 440, 23_002), (313, 480, 0)];
    vec![gateway_log(&steps), tried(50_331_675, 900)]
}

fn target_unreachable() -> Vec<TicketFile> {
    let steps =
        [(312, 20, 0), (200, 410, 0), (300, 440, 0), (304, 21_500, 23_005), (313, 21_560, 0)];
    // The target worked for others, and has no trace of this try.
    let mut core = earlier_success();
    core.extend(accepted(DAY + 3_600_000, 123, "10.20.1.77:50021"));
    core.extend(ended(DAY + 3_660_000, 123, 64));
    vec![gateway_log(&steps), tried(50_331_656, 21_900), server_log("core", core)]
}

fn limit() -> Vec<TicketFile> {
    let steps = [(312, 20, 0), (203, 300, 23_014), (313, 330, 0)];
    vec![gateway_log(&steps), tried(50_331_682, 700)]
}

/// The client refuses the certificate of the gateway, before any of it is HTTP.
fn certificate() -> Vec<TicketFile> {
    let mut talk = Talk::new(CLIENT, GATEWAY_ADDRESS, 124, DAY - 90, At::Client);
    talk.server.port = 443;
    talk.handshake();
    let mut noise = Noise::new(124);
    let hello = tls::client_hello(Some(GATEWAY_NAME), 0x0303, &tls::SUITES[2..], &mut noise);
    talk.say(Side::Client, &hello);
    let expired = Certificate {
        issuer: "Example Private CA",
        ..Certificate::self_signed(GATEWAY_NAME, "240501000000Z", "250501000000Z")
    };
    talk.say(Side::Server, &tls::server_flight(&expired, 0, &mut noise));
    talk.say(Side::Client, &tls::alert(2, 45));
    talk.close(Side::Client);
    vec![capture("client/client.pcapng", talk), tried(50_331_655, 400)]
}

/// The agent of a host cannot reach its service: nothing arrives at the host.
fn agent() -> Vec<TicketFile> {
    let says = |id: u16, time_ms: i64, message: &str| {
        let body = Body::Classic(vec![message.to_owned()], None);
        let record = event("WVD-Agent", None, id, time_ms, body);
        Event { level: 2, qualifiers: Some(0), ..record }
    };
    let mut application = Vec::new();
    for step in 0..4 {
        let at = DAY - 1_500_000 + step * 600_000;
        application.push(says(
            3703,
            at,
            "RD Gateway Url: not reachable, the name does not resolve",
        ));
        application.push(says(
            3277,
            at + 2_000,
            "NAME_RESOLUTION_FAILED: the broker was not found",
        ));
    }
    let mut core = earlier_success();
    core.extend(accepted(DAY + 7_200_000, 125, "10.20.1.77:50021"));
    core.extend(ended(DAY + 9_000_000, 125, 64));
    let sessions = vec![lsm(21, DAY - 7_197_700, "EXAMPLE\\a.meyer", 3, Some("10.20.1.42"))];
    vec![
        (
            "server/Application.evtx".to_owned(),
            log("Application", super::events::SERVER, 12_000, application),
        ),
        server_log("core", core),
        server_log("lsm", sessions),
        system(chatter(DAY - 40_000_000)),
        client_log("rdpclient", client_try(DAY, "ts-prod-01", 2308, 9_400, 126)),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Vec<TicketFile>)> {
    vec![
        ("gateway-cap-denied", connection_policy()),
        ("gateway-rap-denied", resource_policy()),
        ("gateway-target-unreachable", target_unreachable()),
        ("gateway-cert", certificate()),
        ("gateway-limit", limit()),
        ("avd-agent-unhealthy", agent()),
    ]
}
