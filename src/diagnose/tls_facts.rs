//! What one capture proves about the TLS layer of a connection, and how it ended.

use super::Fact;
use super::wire_facts::at;
use crate::base::millis_between;
use crate::correlate::{client_records, has_session, is_finished};
use crate::observe::{
    AlertDescription, Conversation, GapKind, Negotiation, Service, Side, Version, cipher_suite_name,
};
use jiff::{SignedDuration, Timestamp};

/// What the client expects of a certificate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// The name that the user typed, if known.
    pub(super) name: Option<&'a str>,
    /// How far the client's clock is ahead of the capture's, if known.
    pub(super) client_ahead: Option<SignedDuration>,
}

/// All facts about TLS and the end.
pub(super) fn tls_facts(view: &Conversation, wanted: Wanted<'_>, facts: &mut Vec<Fact>) {
    hello_facts(view, facts);
    certificate_facts(view, wanted, facts);
    ending_facts(view, facts);
}

fn hello_facts(view: &Conversation, facts: &mut Vec<Fact>) {
    let tls = &view.tls;
    if let Some(hello) = &tls.client_hello {
        let newest = hello.value.versions().first().copied();
        let name = newest.map(|version| version.name().into_owned()).unwrap_or_default();
        facts.push(
            at("wire.tls.client_hello", view, hello)
                .with("newest_version", &name)
                .with("suites", hello.value.cipher_suites.len()),
        );
        if newest.is_some_and(|version| version < Version::TLS_1_2) {
            facts.push(at("wire.tls.old_client", view, hello).with("newest_version", &name));
        }
    }
    if let Some(hello) = &tls.server_hello {
        facts.push(
            at("wire.tls.server_hello", view, hello)
                .with("version", hello.value.version().name())
                .with("cipher_suite", cipher_suite_name(hello.value.cipher_suite)),
        );
    }
    for seen in &tls.alerts {
        if seen.alert.description == AlertDescription::CLOSE_NOTIFY {
            continue;
        }
        let after_hello = tls.server_hello.as_ref().is_some_and(|hello| hello.frame <= seen.frame);
        let phase = if after_hello { "after the ServerHello" } else { "before any ServerHello" };
        facts.push(
            Fact::of_frame("wire.tls.alert", view, seen.frame.0, seen.time)
                .with("from", seen.from.name())
                .with("level", seen.alert.level_name())
                .with("description", seen.alert.description.name())
                .with("number", seen.alert.description.0)
                .with("phase", phase),
        );
    }
    if is_finished(view) {
        facts.push(Fact::of_frame("wire.tls.finished", view, view.last_frame.0, view.end));
    }
}

/// The fact about a certificate's dates, by the capture's clock, then by the client's.
fn validity(
    (not_before, not_after): (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
    clients: Timestamp,
) -> &'static str {
    let ended = |by: Timestamp| not_after.is_some_and(|end| end < by);
    let early = |by: Timestamp| not_before.is_some_and(|start| start > by);
    if ended(now) {
        "wire.certificate.expired"
    } else if early(now) {
        "wire.certificate.not_yet_valid"
    } else if ended(clients) {
        "wire.certificate.expired_by_client_clock"
    } else if early(clients) {
        "wire.certificate.not_yet_valid_by_client_clock"
    } else {
        "wire.certificate.valid"
    }
}

fn certificate_facts(view: &Conversation, wanted: Wanted<'_>, facts: &mut Vec<Fact>) {
    let Some(chain) = &view.tls.certificates else { return };
    let Some(leaf) = chain.value.first() else { return };
    // The certificate is judged at the capture's time, never by today's clock.
    let now = chain.time.0;
    let shown = |time: Option<Timestamp>| time.map(crate::base::rfc3339).unwrap_or_default();
    let fact = |kind| {
        at(kind, view, chain)
            .with("subject", &leaf.subject)
            .with("issuer", &leaf.issuer)
            .with("not_before", shown(leaf.not_before))
            .with("not_after", shown(leaf.not_after))
            .with("sha1", &leaf.sha1)
    };
    facts.push(fact("wire.certificate.seen"));
    // The client judges by its own clock, which may be wrong.
    let ahead = wanted.client_ahead.unwrap_or_default();
    let clients = now.checked_add(ahead).unwrap_or(now);
    let kind = validity((leaf.not_before, leaf.not_after), now, clients);
    facts.push(
        fact(kind)
            .with("client_time", crate::base::rfc3339(clients))
            .with("ahead_s", format!("{:+.0}", ahead.as_secs_f64())),
    );
    if leaf.self_signed {
        facts.push(fact("wire.certificate.self_signed"));
    }
    if let Some(weakness) = leaf.weakness() {
        facts.push(fact("wire.certificate.weak").with("weakness", weakness));
    }
    let sni = view.tls.client_hello.as_ref().and_then(|hello| hello.value.server_name());
    let wanted = wanted.name.map(str::to_owned).or(sni);
    if let Some(wanted) = wanted.filter(|wanted| !leaf.covers(wanted)) {
        facts.push(
            fact("wire.certificate.name_mismatch")
                .with("wanted", wanted)
                .with("names", leaf.names.join(", ")),
        );
    }
}

/// How the connection ended, when it did not become a session.
fn ending_facts(view: &Conversation, facts: &mut Vec<Fact>) {
    if has_session(view) {
        facts.push(
            Fact::of_frame("wire.session.established", view, view.last_frame.0, view.end)
                .with("client_records", client_records(view)),
        );
        return;
    }
    let Some(close) = view.tcp.close else { return };
    let foreign = view.tcp.forged_reset().is_some();
    let tls = &view.tls;
    let alerted = tls.alerts.iter().any(|seen| seen.alert.level == 2);
    let [client_cut, server_cut] = &tls.cut_flights;
    let answered = tls.server_hello.is_some() || server_cut.is_some() || tls.certificates.is_some();
    let hello = tls.client_hello.as_ref().map(|hello| hello.time);
    let hello = hello.or_else(|| client_cut.as_ref().map(|cut| cut.time));
    let fact = |kind| {
        Fact::of_frame(kind, view, close.frame.0, close.time)
            .with("by", close.by.name())
            .with("how", close.kind.name())
    };
    match hello {
        Some(hello) if !answered && !alerted && !foreign && close.by == Side::Server => {
            let after = millis_between(hello.0, close.time.0);
            facts.push(
                fact("wire.tls.closed_without_server_hello")
                    .with("after_ms", format!("{after:.0}")),
            );
        }
        _ => {}
    }
    if !answered || alerted || foreign {
        return;
    }
    let records = client_records(view);
    let [_, server_records] = tls.application_records;
    let saw_certificate = tls.certificates.is_some() || is_finished(view) || server_records > 0;
    if records == 0
        && close.by == Side::Client
        && saw_certificate
        && !(is_finished(view) && view.service == Service::Gateway)
    {
        let since = last_server_time(view);
        let pause = millis_between(since.0, close.time.0);
        let after =
            if is_finished(view) { "the TLS handshake" } else { "the server's certificate" };
        facts.push(
            fact("wire.tls.client_left")
                .with("pause_ms", format!("{pause:.0}"))
                .with("pause_s", format!("{:.1}", pause / 1000.0))
                .with("after", after),
        );
    }
    let nla = view.x224.confirm.as_ref().is_none_or(|confirm| {
        matches!(confirm.value.negotiation, Some(Negotiation::Response { selected, .. }) if selected.has_credssp())
    });
    // Records of which only the beginning was captured cannot be counted.
    let countable = !matches!(view.gap, Some(gap) if gap.kind == GapKind::SnapLength);
    if is_finished(view)
        && countable
        && nla
        && records > 0
        && view.service == Service::RemoteDesktop
    {
        credssp_facts(view, records, facts, fact);
    }
}

fn credssp_facts(
    view: &Conversation,
    records: u64,
    facts: &mut Vec<Fact>,
    fact: impl Fn(&'static str) -> Fact,
) {
    let [client_data, _] = &view.tls.application_data;
    let close = view.tcp.close;
    let before = client_data.iter().rfind(|at| close.is_none_or(|end| at.frame <= end.frame));
    let pause = match (before, close) {
        (Some(last), Some(close)) => millis_between(last.time.0, close.time.0),
        _ => 0.0,
    };
    let name = if records <= 2 { "wire.credssp.refused" } else { "wire.credssp.accepted" };
    facts.push(fact(name).with("client_records", records).with("pause_ms", format!("{pause:.0}")));
}

/// When the server last sent something of the handshake.
fn last_server_time(view: &Conversation) -> crate::base::HostTime {
    let tls = &view.tls;
    let [_, server_data] = &tls.application_data;
    let times = [
        tls.server_hello.as_ref().map(|at| at.time),
        tls.certificates.as_ref().map(|at| at.time),
        tls.server_hello_done.as_ref().map(|at| at.time),
        server_data.last().map(|record| record.time),
    ];
    times.into_iter().flatten().max().unwrap_or(view.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_judged_by_the_clock_of_the_client_too() {
        let day = |n: i64| Timestamp::from_second(n * 86_400).unwrap();
        let dates = (Some(day(10)), Some(day(20)));
        for (now, clients, fact) in [
            (15, 15, "valid"),
            (15, 25, "expired_by_client_clock"),
            (15, 5, "not_yet_valid_by_client_clock"),
            (25, 15, "expired"),
            (5, 15, "not_yet_valid"),
        ] {
            let found = validity(dates, day(now), day(clients));
            assert_eq!(found.strip_prefix("wire.certificate."), Some(fact), "{now} {clients}");
        }
    }
}
