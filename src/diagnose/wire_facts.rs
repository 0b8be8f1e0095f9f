//! What one capture proves about one connection.

use super::Fact;
use super::tls_facts::{Wanted, tls_facts};
use crate::base::millis_between;
use crate::correlate::{syn_unanswered, vantage_of};
use crate::observe::{
    At, Conversation, Negotiation, Protocols, Reason, ResetMark, Side, TcpHealth,
};

/// Round trips beyond this make handshakes time out, in ms.
const SLOW_RTT_MS: f64 = 300.0;
/// Share of segments that were sent again or came late, from which loss is heavy.
pub(super) const HEAVY_LOSS: f64 = 0.04;
/// Repetitions that are needed at least; a few are normal everywhere.
pub(super) const MIN_LOST: u32 = 3;
/// Payload from which a segment counts as large: tunnels rarely go below an MTU of
/// 1280.
pub(super) const LARGE_SEGMENT: u32 = 1_000;
/// How often a large segment must be repeated in vain.
const BLACK_HOLE_TIMES: u32 = 3;
/// Packets that begin with a TTL up to this trace a route: systems begin with 64 or more.
const TRACEROUTE_TTL: u8 = 32;
/// No confirm within this is no answer, in ms.
const NO_REPLY_MS: f64 = 4_000.0;

/// All facts of one view.
pub(super) fn wire_facts(view: &Conversation, wanted: Wanted<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    tcp_facts(view, &mut facts);
    path_facts(view, &mut facts);
    x224_facts(view, &mut facts);
    tls_facts(view, wanted, &mut facts);
    facts
}

pub(super) fn at<T>(kind: &'static str, view: &Conversation, at: &At<T>) -> Fact {
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
    // Probes of a traced route die on the way because they are meant to.
    let [client_ttl, _] = tcp.ttl;
    let traced = client_ttl.is_some_and(|ttl| ttl <= TRACEROUTE_TTL);
    for error in &tcp.unreachables {
        let (from, message) = error.value;
        if traced && message.reason == Reason::TimeExceeded {
            continue;
        }
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
    // A path that asks for smaller packets has large ones sent again: that is no loss.
    let mut icmp = view.tcp.unreachables.iter();
    let too_big = icmp.any(|at| matches!(at.value.1.reason, Reason::TooBig { .. }));
    if too_big {
        return (0, client.data_segments + server.data_segments);
    }
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
    let waited = match (&tcp.syn, &tcp.syn_ack) {
        (Some(syn), Some(answer)) => millis_between(syn.time.0, answer.time.0),
        _ => rtt,
    };
    if rtt >= SLOW_RTT_MS || (late_answer && waited >= SLOW_RTT_MS) {
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
    // A capture on the sender shows what its network card cuts up later: on the wire no
    // segment is larger than what the other side takes.
    let limit = Conversation::of(&view.tcp.health, side.other()).mss.map_or(u32::MAX, u32::from);
    let bytes = unacked.payload_len.min(limit);
    let large = bytes >= LARGE_SEGMENT && bytes > health.largest_acked;
    if unacked.times >= BLACK_HOLE_TIMES && large && other_is_alive {
        facts.push(
            Fact::of_frame("wire.mtu.black_hole", view, unacked.last_frame.0, unacked.last_time)
                .with("side", side.name())
                .with("bytes", bytes)
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
    let offered = match (requested, &view.x224.request) {
        (Some(protocols), _) => protocols.names().join(", "),
        (None, Some(_)) => "nothing".to_owned(),
        (None, None) => "what the capture does not hold".to_owned(),
    };
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
