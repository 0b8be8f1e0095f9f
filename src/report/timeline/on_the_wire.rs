//! What a capture shows beside TCP connections: name resolution, neighbours, UDP, drops.

use super::super::community_id::{UDP, community_id};
use super::model::{Entry, Happening};
use crate::base::{Endpoint, counted};
use crate::observe::Observation;

/// The entry of an observation of a capture.
pub(super) fn entry(seen: &Observation) -> Entry {
    let kind = &*seen.kind;
    let (happening, (what, message)) = match kind.split('.').nth(1) {
        Some("dns") => (Happening::Dns, name_answer(seen)),
        Some("udp") => (Happening::Udp, udp(seen)),
        Some("arp" | "nd") => (Happening::Neighbour, neighbour(seen)),
        Some("pktmon") => (Happening::Drop, drop(seen)),
        _ => (Happening::Step, (kind.to_owned(), values(seen))),
    };
    let mut entry = Entry::at(happening, seen.time.uncorrected(), &seen.source, what, message);
    let subject = &seen.subject;
    let end = |(address, port)| Endpoint { address, port };
    entry.client = subject.client.map(|address| end((address, subject.client_port)));
    entry.server = subject.server.map(|address| end((address, subject.server_port)));
    if let (Happening::Udp, Some(client), Some(server)) = (happening, entry.client, entry.server) {
        entry.community_id = Some(community_id(UDP, client, server).into());
    }
    entry.user.clone_from(&subject.user);
    entry.repeats = seen.repeats;
    entry.details.extend(code(seen).map(|code| ("error.code", code)));
    entry
}

fn field<'o>(seen: &'o Observation, name: &str) -> &'o str {
    seen.field(name).unwrap_or_default()
}

/// All values, for what has no sentence.
fn values(seen: &Observation) -> String {
    let values: Vec<String> =
        seen.fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    values.join(", ")
}

fn name_answer(seen: &Observation) -> (String, String) {
    let (name, kind) = (field(seen, "name"), field(seen, "query_type"));
    let resolver = seen.field("resolver").map(|by| format!(" by {by}")).unwrap_or_default();
    let waited = seen.field("waited_ms").map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    let asked = format!("{name} ({kind})");
    let addresses = field(seen, "addresses");
    let (what, message) = match &*seen.kind {
        "wire.dns.resolved" => {
            ("DNS answer", format!("{asked} is {addresses}, answered{resolver}{waited}."))
        }
        "wire.dns.slow" => ("DNS answer, slow", format!("{asked} was answered{resolver}{waited}.")),
        "wire.dns.elsewhere" => {
            let (other, to) = (field(seen, "other_name"), field(seen, "other_addresses"));
            let message = format!("{name} is {addresses}, but {other} is {to}.");
            ("DNS contradiction", message)
        }
        "wire.dns.empty" => {
            ("DNS no address", format!("{asked} has no address, answered{resolver}{waited}."))
        }
        "wire.dns.nxdomain" => {
            ("DNS NXDOMAIN", format!("{asked} does not exist, answered{resolver}{waited}."))
        }
        "wire.dns.no_answer" => {
            let tries = field(seen, "tries");
            ("DNS no answer", format!("Nobody answered for {asked}: asked {tries} times."))
        }
        _ => {
            let code = field(seen, "rcode");
            ("DNS failure", format!("{asked} was answered with {code}{resolver}{waited}."))
        }
    };
    (what.to_owned(), message)
}

fn udp(seen: &Observation) -> (String, String) {
    let end = match &*seen.kind {
        "wire.udp.answered" => {
            format!("answered after {} ms", field(seen, "answered_ms"))
        }
        "wire.udp.refused" => format!("refused: {}", field(seen, "reason")),
        "wire.udp.unanswered" => "never answered".to_owned(),
        _ => "begun before the capture".to_owned(),
    };
    let mode = field(seen, "mode");
    let syns = counted(seen.field("syns").and_then(|n| n.parse().ok()).unwrap_or(0u64), "SYN");
    let message = format!("A {mode} UDP channel, {syns} of the client: {end}.");
    ("UDP SYN".to_owned(), message)
}

fn neighbour(seen: &Observation) -> (String, String) {
    let address = field(seen, "address");
    let (what, message) = match &*seen.kind {
        "wire.arp.two_owners" => {
            let (first, second) = (field(seen, "first"), field(seen, "second"));
            (
                "ARP two owners",
                format!("Two stations say that they are {address}: {first} and {second}."),
            )
        }
        kind => {
            let what = if kind.starts_with("wire.nd") { "ND no answer" } else { "ARP no answer" };
            let (by, times) = (field(seen, "asked_by"), field(seen, "requests"));
            (what, format!("{by} asked {times} times who {address} is; nobody answered."))
        }
    };
    (what.to_owned(), message)
}

fn drop(seen: &Observation) -> (String, String) {
    let (reason, place) = (field(seen, "reason"), field(seen, "location"));
    let (packets, way) = (field(seen, "packets"), field(seen, "way"));
    let message =
        format!("Windows dropped packets ({packets}, way {way}): reason {reason} at {place}.");
    ("packet dropped".to_owned(), message)
}

/// What went wrong, as the source numbers or names it.
fn code(seen: &Observation) -> Option<String> {
    let field = match &*seen.kind {
        "wire.dns.nxdomain" | "wire.dns.failed" => "rcode",
        "wire.pktmon.drop" | "wire.udp.refused" => "reason",
        _ => return None,
    };
    seen.field(field).map(str::to_owned)
}
