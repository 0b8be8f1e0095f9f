//! What the order and the absence of records prove about one attempt.

use super::Fact;
use crate::base::millis_between;
use crate::correlate::{Attempt, Case, Connection, covers, log_success};
use crate::observe::Observation;
use std::collections::HashMap;

/// The server gives up a connection that does not log on after 90 s (measured: 90.0).
const PRELOGON_TIMER_S: std::ops::RangeInclusive<f64> = 85.0..=95.0;

/// Win32 error 121, ERROR_SEM_TIMEOUT, and its HRESULT.
const TIMED_OUT: [&str; 2] = ["121", "0x80070079"];
/// Win32 error 64, ERROR_NETNAME_DELETED, and its HRESULT.
const CONNECTION_GONE: [&str; 2] = ["64", "0x80070040"];

/// The records of an attempt, each as a fact, and what they say together.
pub(super) fn log_facts(case: &Case, attempt: &Attempt) -> Vec<Fact> {
    let mut facts = event_facts(case, attempt);
    let whole: Vec<&Observation> = case
        .events(attempt)
        .filter(|(_, share)| *share >= 0.5)
        .map(|(observation, _)| observation)
        .collect();
    let together: [(&'static str, Option<&&Observation>); 2] = [
        ("log.session_logged_on", whole.iter().find(|o| log_success(&o.kind))),
        ("log.credentials_accepted", whole.iter().find(|o| &*o.kind == "event.rcm.1149")),
    ];
    for (kind, observation) in together {
        facts.extend(observation.map(|o| Fact::named(case, kind, o)));
    }
    let reasoned = whole.iter().any(|o| names_reason(o));
    let last = attempt.connections.len().saturating_sub(MOST_PER_KIND);
    for connection in attempt.connections.iter().skip(last) {
        chain(case, connection, reasoned, &mut facts);
    }
    if attempt.in_client_log
        && attempt.connections.is_empty()
        && covers(case, attempt, "server:RdpCoreTS")
    {
        let last = whole.iter().rev().find(|o| o.kind.starts_with("event.rdpclient."));
        facts.extend(last.map(|o| Fact::named(case, "log.client_try_without_server_trace", o)));
    }
    facts
}

/// Records of one kind and attempt that are weighed: the last ones. An address that
/// guesses passwords all day makes one attempt with hundreds of thousands.
const MOST_PER_KIND: usize = 256;

fn event_facts(case: &Case, attempt: &Attempt) -> Vec<Fact> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut facts = Vec::new();
    for event in attempt.events.iter().rev() {
        let Some(observation) = case.observations.get(event.index) else { continue };
        let count = seen.entry(&observation.kind).or_default();
        *count += 1;
        if *count <= MOST_PER_KIND {
            facts.push(Fact::of_observation(case, observation, event.share));
        }
    }
    facts.reverse();
    facts
}

/// Records that tell why a connection failed, so that silence explains nothing.
fn names_reason(observation: &Observation) -> bool {
    let kind = &*observation.kind;
    matches!(
        kind,
        "event.rdpcorets.139"
            | "event.rdpcorets.140"
            | "event.security.4625"
            | "event.security.4825"
            | "event.rcm.1149"
            | "event.lsasrv.6041"
            | "event.schannel.36870"
            | "event.schannel.36874"
            | "event.schannel.36888"
            | "event.schannel.36887"
    ) || log_success(kind)
        || (kind == "event.schannel.36871"
            && observation.field("Type").is_some_and(|side| side.eq_ignore_ascii_case("server")))
}

/// The life of one connection on the server: accepted, and then?
fn chain(case: &Case, connection: &Connection, reasoned: bool, facts: &mut Vec<Fact>) {
    let records: Vec<&Observation> =
        connection.events.iter().filter_map(|index| case.observations.get(*index)).collect();
    let accepted = records.iter().find(|o| &*o.kind == "event.rdpcorets.131");
    let Some(accepted) = accepted else { return };
    let seconds = |o: &Observation| millis_between(case.time(accepted).0, case.time(o).0) / 1000.0;
    let has_value = |o: &Observation, values: &[&str]| {
        ["error", "ErrorCode"]
            .iter()
            .any(|field| o.field(field).is_some_and(|v| values.contains(&v)))
    };
    let timed_out = records.iter().find(|o| has_value(o, &TIMED_OUT));
    let gone = records.iter().find(|o| has_value(o, &CONNECTION_GONE));
    let security_failed = records.iter().any(|o| o.field("StateTransition") == Some("RDP_SEC"));
    let ended =
        records.iter().find(|o| matches!(&*o.kind, "event.rdpcorets.102" | "event.rdpcorets.103"));
    if let Some(o) = timed_out {
        facts.push(
            Fact::named(case, "log.stalled_then_timeout", o)
                .with("seconds", format!("{:.1}", seconds(o))),
        );
        return;
    }
    let quiet = records
        .iter()
        .find(|o| &*o.kind == "event.rdpcorets.103" && o.field("ReasonCode") == Some("0"));
    if let Some(o) = quiet.filter(|o| PRELOGON_TIMER_S.contains(&seconds(o))) {
        facts.push(
            Fact::named(case, "log.prelogon_timeout", o)
                .with("seconds", format!("{:.1}", seconds(o))),
        );
        return;
    }
    if reasoned || security_failed {
        return;
    }
    if let Some(o) = gone {
        facts.push(
            Fact::named(case, "log.chain_without_reason", o)
                .with("seconds", format!("{:.1}", seconds(o))),
        );
    } else if let Some(o) = ended {
        facts.push(
            Fact::named(case, "log.nothing_after_stack", o)
                .with("seconds", format!("{:.1}", seconds(o))),
        );
    }
}
