//! Facts about the server's certificate: how long it is good for, and what the server's
//! log says of it.

use super::reach::told;
use super::subject::Subject;
use crate::base::rfc3339;
use crate::correlate::Case;
use crate::diagnose::Fact;
use crate::diagnose::wire_facts::at;
use crate::knowledge::Knowledge;
use crate::observe::{Certificate, Conversation, Observation, Service};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long before its end a certificate is to be enrolled again: six weeks, as the
/// templates of AD CS have it, or a fifth of its life where that is shorter.
const RENEWAL: SignedDuration = SignedDuration::from_hours(24 * 42);
const RENEWAL_SHARE: i32 = 5;

/// Records of the server that tell what became of its certificate; the first of them
/// begin anew.
const FRESH: [&str; 3] = ["event.rcm.1056", "event.rcm.1063", "event.rcm.1066"];
const TROUBLE: [&str; 8] = [
    "event.rcm.1051",
    "event.rcm.1052",
    "event.rcm.1053",
    "event.rcm.1055",
    "event.rcm.1057",
    "event.rcm.1058",
    "event.certlifecycle.1002",
    "event.certlifecycle.1003",
];

pub(super) fn facts(case: &Case, subject: &Subject<'_>, knowledge: &Knowledge) -> Vec<Fact> {
    let Some(attempt) = subject.attempt else { return Vec::new() };
    let shows = |view: &&Conversation| view.tls.leaf().is_some();
    let chosen = subject.views().iter().map(AsRef::as_ref).find(shows);
    let view = chosen.or_else(|| attempt.views().map(AsRef::as_ref).filter(shows).last());
    let mut facts: Vec<Fact> = view.and_then(|view| leaf(view, knowledge)).into_iter().collect();
    let records = records(case, subject);
    if let (Some(view), Some(made)) = (view, records.first()) {
        facts.extend(compared(case, view, made));
    }
    let records = records.into_iter().map(|record| Fact::of_observation(case, record, 1.0));
    facts.extend(records.map(|fact| {
        let mut fact = told(attempt, fact, knowledge);
        let record = std::mem::replace(&mut fact.kind, "log.certificate".into());
        fact.with("record", record)
    }));
    facts
}

fn leaf(view: &Conversation, knowledge: &Knowledge) -> Option<Fact> {
    let chain = view.tls.certificates.as_ref()?;
    let leaf = chain.value.first()?;
    let life = life(leaf.not_before, leaf.not_after, chain.time.0);
    let signed = knowledge
        .decode("signature_algorithm", &leaf.signature_algorithm)
        .map_or(leaf.signature_algorithm.as_str(), |code| code.symbol.as_str());
    Some(
        at("wire.certificate.leaf", view, chain)
            .with("subject", &leaf.subject)
            .with("issued", issued(leaf))
            .with("self_signed", if leaf.self_signed { "yes" } else { "no" })
            .with("sha1", &leaf.sha1)
            .with("not_before", day(leaf.not_before))
            .with("not_after", day(leaf.not_after))
            .with("seen", day(Some(chain.time.0)))
            .with("state", life.state)
            .with("days", life.days)
            .with("renew_by", day(life.renew_by))
            .with("signature", signed)
            .with("key", key(leaf))
            .with("weakness", leaf.weakness().unwrap_or_default())
            .with("weak", if leaf.weakness().is_some() { "yes" } else { "no" })
            .with("service", service(view))
            .with("usage", if leaf.server_auth == Some(false) { "wrong" } else { "fits" }),
    )
}

fn service(view: &Conversation) -> &'static str {
    match view.service {
        Service::Gateway => "gateway",
        Service::RemoteDesktop => "remote_desktop",
    }
}

fn issued(leaf: &Certificate) -> String {
    match leaf.self_signed {
        true => "it names itself as its issuer".to_owned(),
        false => format!("issued by {}", leaf.issuer),
    }
}

fn key(leaf: &Certificate) -> String {
    match (leaf.key_bits, leaf.rsa) {
        (Some(bits), true) => format!("an RSA key of {bits} bits"),
        (Some(bits), false) => format!("a curve of {bits} bits"),
        (None, _) => "a key of unknown size".to_owned(),
    }
}

/// `2025-06-03`; empty where a date is outside what can be represented.
fn day(time: Option<Timestamp>) -> String {
    let shown = time.map(rfc3339).unwrap_or_default();
    shown.get(..10).unwrap_or(&shown).to_owned()
}

/// How long a certificate is good for, judged at a time.
#[derive(Debug, PartialEq)]
struct Life {
    /// `early`, `valid`, `soon`, `expired`, or `unknown` without an end.
    state: &'static str,
    /// Whole days until its end, since its end, or until its beginning.
    days: i64,
    renew_by: Option<Timestamp>,
}

fn life(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp) -> Life {
    let days = |from: Timestamp, to: Timestamp| to.duration_since(from).as_hours() / 24;
    let Some(end) = end else { return Life { state: "unknown", days: 0, renew_by: None } };
    let whole = start.map(|start| end.duration_since(start));
    let ahead = whole.map_or(RENEWAL, |whole| RENEWAL.min(whole / RENEWAL_SHARE));
    let renew_by = end.checked_sub(ahead).ok();
    let (state, days) = match start {
        Some(start) if now < start => ("early", days(now, start)),
        _ if end < now => ("expired", days(end, now)),
        _ if renew_by.is_some_and(|by| by <= now) => ("soon", days(now, end)),
        _ => ("valid", days(now, end)),
    };
    Life { state, days, renew_by }
}

/// The last record of each kind about the server's certificate before the end of the
/// attempt, from the last new certificate on.
fn records<'a>(case: &'a Case, subject: &Subject<'_>) -> Vec<&'a Observation> {
    let Some((attempt, host)) = subject.attempt.and_then(|a| Some((a, a.server_host.as_ref()?)))
    else {
        return Vec::new();
    };
    let end = case.observations.partition_point(|o| case.time(o) <= attempt.end);
    let mut last: BTreeMap<&str, (usize, &Observation)> = BTreeMap::new();
    for (index, record) in case.observations.iter().take(end).enumerate() {
        let kind = &*record.kind;
        let fresh = FRESH.contains(&kind);
        if !(fresh || TROUBLE.contains(&kind)) || record.host() != Some(host) {
            continue;
        }
        if fresh {
            last.clear();
        }
        last.insert(kind, (index, record));
    }
    let mut records: Vec<(usize, &Observation)> = last.into_values().collect();
    records.sort_by_key(|(index, _)| *index);
    records.into_iter().map(|(_, record)| record).collect()
}

/// Whether the certificate that the server made itself is the one that was shown.
fn compared(case: &Case, view: &Conversation, made: &Observation) -> Option<Fact> {
    let leaf = view.tls.leaf().filter(|_| view.service == Service::RemoteDesktop)?;
    let logged = made.field("sha1").filter(|_| &*made.kind == "event.rcm.1056")?;
    let same = if logged.eq_ignore_ascii_case(&leaf.sha1) { "yes" } else { "no" };
    Some(
        Fact::named(case, "log.certificate_compared", made)
            .with("same", same)
            .with("signed_by", if leaf.self_signed { "itself" } else { "an authority" })
            .with("logged", logged)
            .with("shown", &leaf.sha1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    #[track_caller]
    fn check((start, end, now): (i64, i64, i64), state: &str, days: i64, renew_by: i64) {
        let life = life(Some(at_day(start)), Some(at_day(end)), at_day(now));
        assert_eq!((life.state, life.days), (state, days), "{start} {end} {now}");
        assert_eq!(life.renew_by, Some(at_day(renew_by)));
    }

    #[test]
    fn days_are_counted_from_the_attempt() {
        check((0, 180, 10), "valid", 170, 144);
        check((0, 180, 150), "soon", 30, 144);
        check((0, 180, 200), "expired", 20, 144);
        check((100, 280, 90), "early", 10, 244);
    }

    #[test]
    fn a_long_life_is_renewed_six_weeks_before_its_end() {
        check((0, 730, 10), "valid", 720, 688);
    }

    #[test]
    fn a_certificate_without_an_end_is_not_judged() {
        assert_eq!(life(None, None, at_day(1)).state, "unknown");
    }
}
