//! What the logs prove about a host around an attempt.

use super::Fact;
use crate::base::{CaseTime, millis_between};
use crate::correlate::{Case, client_records, is_finished};
use crate::observe::{Observation, Place, Source};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses with refused logons from which guessing is the word for it.
const GUESSING_ADDRESSES: usize = 10;
/// Refused logons from which the load is felt.
const GUESSING_FAILURES: usize = 30;

/// Records of a host up to `until`, and what they say together. `since` is the
/// earliest time that any rule looks at.
pub(super) fn host_facts(
    case: &Case,
    host: &Arc<str>,
    since: CaseTime,
    until: CaseTime,
) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut termservice: Option<&Observation> = None;
    let mut accepted: Option<&Observation> = None;
    let from = case.observations.partition_point(|o| case.time(o) < since);
    for observation in case.observations.get(from..).unwrap_or_default() {
        if observation.host() != Some(host) {
            continue;
        }
        if millis_between(until.0, case.time(observation).0) > 60_000.0 {
            break;
        }
        if is_host_state(&observation.kind) {
            facts.push(Fact::of_observation(case, observation, 1.0));
        }
        if is_termservice_state(observation) {
            termservice = Some(observation);
            accepted = None;
        } else if matches!(&*observation.kind, "event.rdpcorets.131" | "event.rcm.261") {
            accepted = Some(observation);
        }
    }
    if let Some(stopped) = termservice.filter(|o| is_stop(o) && case.time(o) <= until) {
        facts.push(named(case, "log.listener_gone", stopped));
        // Whatever the Service Control Manager says, somebody did accept this.
        facts.extend(accepted.map(|o| named(case, "log.listener_alive", o)));
    }
    facts
}

fn named(case: &Case, kind: &'static str, observation: &Observation) -> Fact {
    let mut fact = Fact::of_observation(case, observation, 1.0);
    fact.kind = kind.into();
    fact
}

/// Records about the host as such, not about one connection.
fn is_host_state(kind: &str) -> bool {
    let Some((slug, id)) = kind.strip_prefix("event.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    match slug {
        "security" => matches!(
            id,
            "4740" | "4616" | "5058" | "5061" | "4946" | "4947" | "4948" | "4950" | "5025"
        ),
        "rcm" => !matches!(id, "261" | "1149" | "1158"),
        "lsm" => matches!(id, "16" | "17" | "18" | "19" | "34"),
        "rdpcorets" => id == "129",
        "rdpclient" | "schannel" => false,
        _ => true,
    }
}

fn is_termservice_state(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.scm.7036" => observation
            .field("service")
            .is_some_and(|service| service.eq_ignore_ascii_case("TermService")),
        "event.rcm.258" | "event.rcm.259" => true,
        _ => false,
    }
}

fn is_stop(observation: &Observation) -> bool {
    match &*observation.kind {
        "event.scm.7036" => observation.field("state") == Some("1"),
        "event.rcm.259" => true,
        _ => false,
    }
}

/// Password guessing against a host, from its log or from captures of its traffic.
pub(super) fn guessing(case: &Case, host: Option<&Arc<str>>) -> Option<Fact> {
    let refused: Vec<&Observation> = case
        .observations
        .iter()
        .filter(|o| {
            &*o.kind == "event.rdpcorets.140" && host.is_none_or(|host| o.host() == Some(host))
        })
        .collect();
    let addresses: BTreeSet<IpAddr> = refused.iter().filter_map(|o| o.subject.client).collect();
    if addresses.len() >= GUESSING_ADDRESSES && refused.len() >= GUESSING_FAILURES {
        let first = refused.first()?;
        let fact = named(case, "log.brute_force", first);
        return Some(fact.with("addresses", addresses.len()).with("failures", refused.len()));
    }
    guessing_on_the_wire(case)
}

fn guessing_on_the_wire(case: &Case) -> Option<Fact> {
    let refused: Vec<_> = case
        .attempts
        .iter()
        .flat_map(|attempt| attempt.views())
        .filter(|view| {
            is_finished(view) && (1..=2).contains(&client_records(view)) && view.tcp.close.is_some()
        })
        .collect();
    let addresses: BTreeSet<IpAddr> = refused.iter().map(|view| view.client.address).collect();
    let first = refused.first()?;
    if addresses.len() < GUESSING_ADDRESSES || refused.len() < GUESSING_FAILURES {
        return None;
    }
    Some(Fact {
        kind: "log.brute_force".into(),
        time: first.start.uncorrected(),
        host: None,
        fields: vec![
            ("addresses".into(), addresses.len().to_string()),
            ("failures".into(), refused.len().to_string()),
        ],
        source: Source { file: Arc::clone(&first.file), place: Place::Frame(first.first_frame.0) },
        share: 1.0,
    })
}
