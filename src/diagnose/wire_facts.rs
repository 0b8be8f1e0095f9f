//! What one capture proves about one connection.

use super::Fact;
use crate::base::millis_between;
use crate::correlate::{client_records, has_session, is_finished, syn_unanswered, vantage_of};
use crate::observe::{
    AlertDescription, At, Conversation, Negotiation, Protocols, Reason, ResetMark, Service, Side,
    TcpHealth, Version, cipher_suite_name,
};

/// Round trips beyond this make handshakes time out, in ms.
const SLOW_RTT_MS: f64 = 300.0;
/// Share of segments that were sent again or came late, from which loss is heavy.
const HEAVY_LOSS: f64 = 0.04;
/// Repetitions that are needed at least; a few are normal everywhere.
const MIN_LOST: u32 = 3;
/// Payload from which a segment counts as large: tunnels rarely go below an MTU of
/// 1280.
const LARGE_SEGMENT: u32 = 1_000;
/// How often a large segment must be repeated in vain.
const BLACK_HOLE_TIMES: u32 = 3;
/// No confirm within this is no answer, in ms.
const NO_REPLY_MS: f64 = 4_000.0;

/// All facts of one view. `wanted_name` is the name that the user typed, if known.
pub(super) fn wire_facts(view: &Conversation, wanted_name: Option<&str>) -> Vec<Fact> {
    let mut facts = Vec::new();
    tcp_facts(view, &mut facts);
    path_facts(view, &mut facts);
    x224_facts(view, &mut facts);
    hello_facts(view, &mut facts);
    certificate_facts(view, wanted_name, &mut facts);
    ending_facts(view, &mut facts);
    facts
}

fn at<T>(kind: &'static str, view: &Conversation, at: &At<T>) -> Fact {
    Fact::of_frame(kind, view, at.frame.0, at.time)
}

fn vantage_name(view: &Conversation) -> &'static str {
    vantage_of(view).map_or("unknown", Side::name)
}

fn tcp_facts(view: &Conversation, facts: &mut Vec<Fact>) {
    let tcp = &view.tcp;
    if let Some(established) = &tcp.established {
        facts.push(at("wire.tcp.established", view, established));
    }
    if let Some(refused) = &tcp.refused {
        let delay = tcp.syn.as_ref().map_or(0.0, |syn| millis_between(syn.time.0, refused.time.0));
        facts.push(
            at("wire.tcp.refused", view, refused)
                .with("server", view.server)
                .with("delay_ms", format!("{delay:.1}"))
                .with("syns", tcp.syns),
        );
    }
    if let (true, Some(syn), Some(last)) = (syn_unanswered(view), &tcp.syn, &tcp.last_syn) {
        let waited = millis_between(syn.time.0, last.time.0) / 1000.0;
        facts.push(
            at("wire.tcp.syn_unanswered", view, syn)
                .with("server", view.server)
                .with("tries", tcp.syns)
                .with("waited_s", format!("{waited:.1}"))
                .with("vantage", vantage_name(view)),
        );
    }
    for error in &tcp.unreachables {
        let (from, message) = error.value;
        let kind = match message.reason {
            Reason::TooBig { .. } => continue,
            Reason::TimeExceeded | Reason::ReassemblyTimeExceeded => "wire.icmp.time_exceeded",
            _ => "wire.icmp.unreachable",
        };
        facts.push(
            at(kind, view, error)
                .with("from", from)
                .with("sender", if from == view.server.address { "server" } else { "router" })
                .with("reason", message.reason.name())
                .with("code", message.code)
                .with("server", view.server),
        );
    }
    for error in &tcp.unreachables {
        if let Reason::TooBig { mtu } = error.value.1.reason {
            facts.push(
                at("wire.icmp.too_big", view, error).with("from", error.value.0).with("mtu", mtu),
            );
        }
    }
    for reset in &tcp.foreign_resets {
        let kind = match reset.mark {
            ResetMark::Ttl => "wire.rst.foreign",
            ResetMark::GoesOn => "wire.rst.sender_goes_on",
            ResetMark::IpId => "wire.rst.stray_id",
        };
        facts.push(
            Fact::of_frame(kind, view, reset.frame.0, reset.time)
                .with("claims", reset.claims.name())
                .with("ttl", reset.ttl)
                .with("usual_ttl", reset.usual_ttl),
        );
    }
}

/// Segments that were lost, not counting the one that a black hole swallows.
fn lost(health: &TcpHealth) -> u32 {
    let repeated_in_vain = health.unacked.map_or(0, |unacked| unacked.times.saturating_sub(1));
    health.retransmissions.saturating_sub(repeated_in_vain) + health.filled_late
}

/// Segments of a connection that were lost, and all of them. Repeated SYNs count as
/// a late answer, not as loss.
pub(super) fn losses(view: &Conversation) -> (u32, u32) {
    let [client, server] = &view.tcp.health;
    let syn_repeats = view.tcp.syns.saturating_sub(1);
    let lost = lost(client).saturating_sub(syn_repeats) + lost(server);
    (lost, client.data_segments + server.data_segments + lost)
}

fn path_facts(view: &Conversation, facts: &mut Vec<Fact>) {
    let tcp = &view.tcp;
    let [client, server] = &tcp.health;
    let (repeated, total) = losses(view);
    let late_answer = tcp.syn_ack.is_some() && tcp.syns > 1;
    let rate = if total == 0 { 0.0 } else { f64::from(repeated) / f64::from(total) };
    let shown = [client, server].into_iter().find_map(|health| health.retransmission_frames);
    if repeated >= MIN_LOST && rate >= HEAVY_LOSS && tcp.established.is_some() {
        let frame = shown.map_or(view.first_frame.0, |(first, _)| first.0);
        facts.push(
            Fact::of_frame("wire.loss.heavy", view, frame, view.start)
                .with("lost", repeated)
                .with("segments", total - repeated)
                .with("percent", format!("{:.0}", rate * 100.0))
                .with("client_repeats", client.retransmissions)
                .with("server_repeats", server.retransmissions),
        );
    }
    let sampled = |health: &TcpHealth| health.rtt.map(|rtt| rtt.mean_ms);
    let rtt = tcp.handshake_rtt_ms.or(sampled(client)).or(sampled(server)).unwrap_or_default();
    if rtt >= SLOW_RTT_MS || late_answer {
        let waited = match (&tcp.syn, &tcp.syn_ack) {
            (Some(syn), Some(answer)) => millis_between(syn.time.0, answer.time.0),
            _ => rtt,
        };
        let frame = tcp.syn_ack.as_ref().map_or(view.first_frame.0, |at| at.frame.0);
        facts.push(
            Fact::of_frame("wire.loss.slow", view, frame, view.start)
                .with("rtt_ms", format!("{:.0}", rtt.max(waited)))
                .with("syns", tcp.syns),
        );
    }
    for (side, health) in [(Side::Client, client), (Side::Server, server)] {
        black_hole(view, side, health, facts);
    }
    if server.largest_acked >= 1_300 {
        facts.push(
            Fact::of_frame("wire.mtu.full_size_acked", view, view.last_frame.0, view.end)
                .with("bytes", server.largest_acked),
        );
    }
}

/// Large segments are repeated in vain although small ones pass.
fn black_hole(view: &Conversation, side: Side, health: &TcpHealth, facts: &mut Vec<Fact>) {
    let Some(unacked) = health.unacked else { return };
    let other_is_alive = health.sacked_behind
        || view
            .tcp
            .close
            .is_some_and(|close| close.by != side && close.frame > unacked.first_frame);
    let large = unacked.payload_len >= LARGE_SEGMENT && unacked.payload_len > health.largest_acked;
    if unacked.times >= BLACK_HOLE_TIMES && large && other_is_alive {
        facts.push(
            Fact::of_frame("wire.mtu.black_hole", view, unacked.last_frame.0, unacked.last_time)
                .with("side", side.name())
                .with("bytes", unacked.payload_len)
                .with("times", unacked.times)
                .with("largest_acked", health.largest_acked)
                .with("first_frame", unacked.first_frame.0),
        );
    }
}

fn x224_facts(view: &Conversation, facts: &mut Vec<Fact>) {
    let requested =
        view.x224.request.as_ref().and_then(|request| match request.value.negotiation {
            Some(Negotiation::Request { protocols, .. }) => Some(protocols),
            _ => None,
        });
    let offered = requested.map_or_else(|| "nothing".to_owned(), |p| p.names().join(", "));
    if let Some(confirm) = &view.x224.confirm {
        match confirm.value.negotiation {
            Some(Negotiation::Failure(code)) => facts.push(
                at("wire.x224.failure", view, confirm)
                    .with("code", code.name())
                    .with("offered", &offered),
            ),
            other => {
                let selected = match other {
                    Some(Negotiation::Response { selected, .. }) => selected,
                    _ => Protocols::empty(),
                };
                let selected = selected.names().join("+");
                facts.push(
                    at("wire.x224.confirm", view, confirm)
                        .with("selected", &selected)
                        .with("offered", &offered),
                );
                left_after_confirm(view, confirm, &selected, facts);
            }
        }
    } else if view.x224.request.is_some() {
        unanswered_request(view, facts);
    } else if let Some(foreign) = &view.x224.foreign_answer {
        facts.push(at("wire.x224.foreign_answer", view, foreign));
    }
}

fn left_after_confirm<T>(
    view: &Conversation,
    confirm: &At<T>,
    selected: &str,
    facts: &mut Vec<Fact>,
) {
    let [client_pdus, _] = view.x224.data_pdus;
    let [client_cut, _] = &view.tls.cut_flights;
    let silent = view.tls.client_hello.is_none() && client_cut.is_none() && client_pdus == 0;
    if let (true, Some(close)) = (silent && view.gap.is_none(), view.tcp.close) {
        let pause = millis_between(confirm.time.0, close.time.0);
        facts.push(
            Fact::of_frame("wire.x224.left_after_confirm", view, close.frame.0, close.time)
                .with("by", close.by.name())
                .with("selected", selected)
                .with("pause_ms", format!("{pause:.0}")),
        );
    }
}

fn unanswered_request(view: &Conversation, facts: &mut Vec<Fact>) {
    let Some(request) = &view.x224.request else { return };
    if let Some(foreign) = &view.x224.foreign_answer {
        facts.push(at("wire.x224.foreign_answer", view, foreign));
        return;
    }
    let [client, _] = &view.tcp.health;
    let foreign_reset = view.tcp.forged_reset().is_some();
    if let Some(unacked) = client.unacked.filter(|unacked| unacked.times >= 3) {
        facts.push(
            Fact::of_frame("wire.x224.request_lost", view, unacked.last_frame.0, unacked.last_time)
                .with("times", unacked.times)
                .with("vantage", vantage_name(view)),
        );
        return;
    }
    let close = view.tcp.close;
    match close {
        Some(close) if close.by == Side::Server && !foreign_reset => {
            let after = millis_between(request.time.0, close.time.0);
            facts.push(
                Fact::of_frame("wire.x224.closed_without_confirm", view, close.frame.0, close.time)
                    .with("how", close.kind.name())
                    .with("after_ms", format!("{after:.0}")),
            );
        }
        _ => {
            let waited = millis_between(request.time.0, view.end.0);
            if waited >= NO_REPLY_MS && client.largest_acked > 0 {
                facts.push(
                    at("wire.x224.no_reply", view, request)
                        .with("waited_s", format!("{:.1}", waited / 1000.0)),
                );
            }
        }
    }
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

fn certificate_facts(view: &Conversation, wanted_name: Option<&str>, facts: &mut Vec<Fact>) {
    let Some(chain) = &view.tls.certificates else { return };
    let Some(leaf) = chain.value.first() else { return };
    // The certificate is judged at the capture's time, never by today's clock.
    let now = chain.time.0;
    let shown = |time: Option<jiff::Timestamp>| time.map(crate::base::rfc3339).unwrap_or_default();
    let fact = |kind| {
        at(kind, view, chain)
            .with("subject", &leaf.subject)
            .with("issuer", &leaf.issuer)
            .with("not_before", shown(leaf.not_before))
            .with("not_after", shown(leaf.not_after))
            .with("sha1", &leaf.sha1)
    };
    facts.push(fact("wire.certificate.seen"));
    let expired = leaf.not_after.is_some_and(|end| end < now);
    let early = leaf.not_before.is_some_and(|start| start > now);
    if expired {
        facts.push(fact("wire.certificate.expired"));
    }
    if early {
        facts.push(fact("wire.certificate.not_yet_valid"));
    }
    if !expired && !early {
        facts.push(fact("wire.certificate.valid"));
    }
    if leaf.self_signed {
        facts.push(fact("wire.certificate.self_signed"));
    }
    if let Some(weakness) = leaf.weakness() {
        facts.push(fact("wire.certificate.weak").with("weakness", weakness));
    }
    let sni = view.tls.client_hello.as_ref().and_then(|hello| hello.value.server_name());
    let wanted = wanted_name.map(str::to_owned).or(sni);
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
    if is_finished(view) && nla && records > 0 && view.service == Service::RemoteDesktop {
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
