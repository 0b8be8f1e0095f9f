//! Facts about where on the path segments were lost, of one connection as one or two
//! captures show it.

use super::subject::{Subject, capture_point, of_stream};
use crate::base::counted;
use crate::diagnose::Fact;
use crate::diagnose::wire_facts::{HEAVY_LOSS, MIN_LOST, at, losses};
use crate::observe::{Close, Conversation, Place, Reason, Side};
use std::sync::Arc;

pub(super) fn facts(subject: &Subject<'_>) -> Vec<Fact> {
    let views = subject.views();
    let mut facts: Vec<Fact> = views.iter().filter_map(|view| round_trip(view)).collect();
    for from in [Side::Client, Side::Server] {
        match in_order(views, from) {
            Some((near, far)) => between(near, far, from, &mut facts),
            None => views.iter().for_each(|view| alone(view, from, &mut facts)),
        }
        facts.extend(views.iter().filter_map(|view| unseen(view, from)));
        facts.extend(views.iter().filter_map(|view| zero_window(view, from)));
    }
    facts
}

/// The two captures of a connection in the way of what one side sent: routers count a
/// packet's TTL down.
fn in_order(views: &[Arc<Conversation>], from: Side) -> Option<(&Conversation, &Conversation)> {
    let [first, second, ..] = views else { return None };
    let ttl = |view: &Conversation| *Conversation::of(&view.tcp.ttl, from);
    let other = |view: &Conversation| *Conversation::of(&view.tcp.ttl, from.other());
    // What only one capture saw of a side still passed the nearer one.
    let order = match (ttl(first), ttl(second)) {
        (Some(one), Some(two)) => one.cmp(&two),
        _ => std::cmp::Ordering::Equal,
    };
    let order = order.then_with(|| match (other(first), other(second)) {
        (Some(one), Some(two)) => two.cmp(&one),
        _ => std::cmp::Ordering::Equal,
    });
    match order {
        std::cmp::Ordering::Greater => Some((first, second)),
        std::cmp::Ordering::Less => Some((second, first)),
        std::cmp::Ordering::Equal => None,
    }
}

fn round_trip(view: &Conversation) -> Option<Fact> {
    let tcp = &view.tcp;
    if let (Some(ms), Some(answer)) = (tcp.handshake_rtt_ms, &tcp.syn_ack) {
        let fact = at("wire.path.rtt", view, answer).with("ms", format!("{ms:.1}"));
        return Some(fact.with("how", "by the TCP handshake").with("whole", "yes"));
    }
    // What one side acknowledges tells its half of the way: here to there and back.
    let [to_server, to_client] = tcp.health.each_ref().map(|health| health.rtt);
    let (ms, how) = match (to_server, to_client) {
        (Some(one), Some(other)) => {
            (one.mean_ms + other.mean_ms, "the mean of both halves of the way")
        }
        (Some(one), None) => (one.mean_ms, "the mean between the capture point and the server"),
        (None, Some(other)) => (other.mean_ms, "the mean between the capture point and the client"),
        (None, None) => return None,
    };
    let whole = if to_server.is_some() && to_client.is_some() { "yes" } else { "no" };
    let fact = of_stream("wire.path.rtt", view).with("ms", format!("{ms:.1}"));
    Some(fact.with("how", how).with("whole", whole))
}

/// Segments of a side that a capture saw and that did not arrive, or whose
/// acknowledgement did not. Repeated SYNs and what an MTU swallows are told elsewhere.
fn behind(view: &Conversation, from: Side) -> u32 {
    let health = Conversation::of(&view.tcp.health, from);
    if asked_for_less(view) {
        return 0;
    }
    let in_vain = health.unacked.map_or(0, |unacked| unacked.times.saturating_sub(1));
    let syns = if from == Side::Client { view.tcp.syns.saturating_sub(1) } else { 0 };
    health.lost_behind().saturating_sub(in_vain).saturating_sub(syns)
}

/// A loss, or none.
struct Loss<'a> {
    view: &'a Conversation,
    from: Side,
    lost: u32,
    segments: u32,
    place: String,
    heavy: bool,
}

impl Loss<'_> {
    fn fact(self) -> Fact {
        let health = Conversation::of(&self.view.tcp.health, self.from);
        let kind = if self.lost > 0 { "wire.path.lost" } else { "wire.path.no_loss" };
        let mut fact = of_stream(kind, self.view);
        if let (true, Some((first, _))) = (self.lost > 0, health.retransmission_frames) {
            fact.source.place = Place::Frame(first.0);
        }
        fact.with("from", self.from.name())
            .with("to", self.from.other().name())
            .with("losses", counted_losses(self.lost))
            .with("segments", counted(self.segments.try_into().unwrap_or(usize::MAX), "segment"))
            .with("place", self.place)
            .with("heavy", if self.heavy { "yes" } else { "no" })
    }
}

fn counted_losses(lost: u32) -> String {
    if lost == 1 { "1 loss".to_owned() } else { format!("{lost} losses") }
}

fn is_heavy(view: &Conversation) -> bool {
    let (lost, all) = losses(view);
    lost >= MIN_LOST && f64::from(lost) >= HEAVY_LOSS * f64::from(all)
}

fn alone(view: &Conversation, from: Side, facts: &mut Vec<Fact>) {
    let health = Conversation::of(&view.tcp.health, from);
    let (before, behind) = (health.filled_late, behind(view, from));
    let segments = health.data_segments;
    if segments == 0 && before + behind == 0 {
        return;
    }
    let point = capture_point(view);
    let (one, other) = (from.name(), from.other().name());
    let heavy = is_heavy(view);
    let loss = |lost, place| Loss { view, from, lost, segments, place, heavy }.fact();
    if before > 0 {
        facts.push(loss(before, format!("between the {one} and {point}")));
    }
    if behind > 0 {
        let place = format!("between {point} and the {other} (or of the acknowledgements)");
        facts.push(loss(behind, place));
    }
    let vain = in_vain(view, from, &format!("lost between {point} and the {other}"));
    let explained = vain.or_else(|| shrunk(view, from));
    if before + behind == 0 && explained.is_none() {
        facts.push(loss(0, point.to_owned()));
    }
    facts.extend(explained);
}

/// A segment that was sent again and again, and where it was lost.
fn in_vain(view: &Conversation, from: Side, place: &str) -> Option<Fact> {
    let health = Conversation::of(&view.tcp.health, from);
    let unacked = health.unacked.filter(|unacked| unacked.times > 1)?;
    let frame = unacked.first_frame.0;
    // Who has left acknowledges nothing.
    let left = |close: Close| close.by != from && close.frame < unacked.first_frame;
    let closed = if view.tcp.close.is_some_and(left) { "yes" } else { "no" };
    let fact = Fact::of_frame("wire.path.in_vain", view, frame, unacked.last_time)
        .with("bytes", unacked.payload_len)
        .with("times", unacked.times)
        .with("last_frame", unacked.last_frame.0)
        .with("place", place)
        .with("closed", closed);
    Some(between_sides(fact, from))
}

/// Segments that were sent again because a router asked for smaller ones.
fn shrunk(view: &Conversation, from: Side) -> Option<Fact> {
    let health = Conversation::of(&view.tcp.health, from);
    let again = asked_for_less(view) && health.retransmissions > 0;
    again.then(|| between_sides(of_stream("wire.path.shrunk", view), from))
}

fn between_sides(fact: Fact, from: Side) -> Fact {
    fact.with("from", from.name()).with("to", from.other().name())
}

/// A router asked for smaller packets: large ones are sent again, which is no loss.
fn asked_for_less(view: &Conversation) -> bool {
    let mut icmp = view.tcp.unreachables.iter();
    icmp.any(|at| matches!(at.value.1.reason, Reason::TooBig { .. }))
}

/// A segment that one capture shows and the other does not lies between them.
fn between(near: &Conversation, far: &Conversation, from: Side, facts: &mut Vec<Fact>) {
    syns(near, far, from, facts);
    let (nearer, farther) =
        (Conversation::of(&near.tcp.health, from), Conversation::of(&far.tcp.health, from));
    let segments = nearer.data_segments.max(farther.data_segments);
    let after = behind(far, from);
    // Both captures tell it: sent again at the one, late at the other.
    let sent_again = behind(near, from).saturating_sub(after);
    let late = farther.filled_late.saturating_sub(nearer.filled_late);
    let middle = sent_again.max(late);
    let before = nearer.filled_late;
    if segments == 0 && before + middle + after == 0 {
        return;
    }
    let heavy = is_heavy(near) || is_heavy(far);
    let (one, other) = (from.name(), from.other().name());
    let loss = |view, lost, place| Loss { view, from, lost, segments, place, heavy }.fact();
    let way = format!("between {} and {}", near.file, far.file);
    if before > 0 {
        facts.push(loss(near, before, format!("between the {one} and {}", near.file)));
    }
    if middle > 0 {
        let witness = if sent_again >= late { near } else { far };
        facts.push(loss(witness, middle, way.clone()));
    }
    if after > 0 {
        let place = format!("between {} and the {other} (or of the acknowledgements)", far.file);
        facts.push(loss(far, after, place));
    }
    let arrived = farther.unacked.map_or(0, |unacked| unacked.times);
    let vain = match nearer.unacked.is_some_and(|unacked| unacked.times > arrived) {
        true => in_vain(near, from, &format!("lost {way}")),
        false => in_vain(far, from, &format!("lost between {} and the {other}", far.file)),
    };
    let explained = vain.or_else(|| shrunk(near, from)).or_else(|| shrunk(far, from));
    if before + middle + after == 0 && explained.is_none() {
        facts.push(loss(far, 0, format!("{} and {}", near.file, far.file)));
    }
    facts.extend(explained);
}

/// SYNs that passed at the nearer capture and not at the farther one.
fn syns(near: &Conversation, far: &Conversation, from: Side, facts: &mut Vec<Fact>) {
    let (seen, arrived) = (near.tcp.syns, far.tcp.syns);
    if let (Side::Client, Some(syn), true) = (from, &near.tcp.syn, seen > arrived) {
        facts.push(
            at("wire.path.syn_lost", near, syn)
                .with("seen", seen)
                .with("arrived", arrived)
                .with("near", &near.file)
                .with("far", &far.file),
        );
    }
}

fn unseen(view: &Conversation, from: Side) -> Option<Fact> {
    let bytes = Conversation::of(&view.tcp.health, from).unseen_bytes;
    let fact = || of_stream("wire.path.unseen", view);
    (bytes > 0).then(|| {
        fact().with("bytes", bytes).with("from", from.name()).with("to", from.other().name())
    })
}

fn zero_window(view: &Conversation, from: Side) -> Option<Fact> {
    let health = Conversation::of(&view.tcp.health, from);
    (health.zero_windows > 0).then(|| {
        of_stream("wire.path.zero_window", view)
            .with("from", from.name())
            .with("times", health.zero_windows)
            .with("ms", format!("{:.0}", health.zero_window_ms))
            .with("at_end", if health.zero_window_at_end { "yes" } else { "no" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaseTime, FrameNumber, HostTime};
    use crate::correlate::{Attempt, Connection};
    use crate::diagnose::testing::{at as second, conversation};
    use crate::observe::{CloseKind, RoundTrips, UnackedSegment};

    /// A capture in which both sides sent 100 segments, with their TTLs.
    fn capture(file: &str, ttl: [u8; 2]) -> Conversation {
        let mut view = conversation(file);
        view.tcp.ttl = ttl.map(Some);
        view.tcp.health.iter_mut().for_each(|health| health.data_segments = 100);
        view
    }

    fn attempt(views: Vec<Conversation>) -> Attempt {
        let mut attempt = Attempt::at(second(0));
        attempt.connections.push(Connection {
            seen_as: None,
            client: None,
            server: None,
            host: None,
            start: second(0),
            end: CaseTime(second(60).0),
            views: views.into_iter().map(Arc::new).collect(),
            events: Vec::new(),
        });
        attempt
    }

    /// What is told of what one side sent.
    #[track_caller]
    fn check(views: Vec<Conversation>, from: &str, expect: &[&str]) {
        let attempt = attempt(views);
        let told: Vec<String> = facts(&Subject::of(&[&attempt]))
            .iter()
            .filter(|fact| fact.field("from") == Some(from))
            .map(|fact| {
                let counted = fact.field("losses").filter(|_| &*fact.kind == "wire.path.lost");
                let place = fact.field("place").unwrap_or_default();
                [counted.unwrap_or(&fact.kind), place].join(" ").trim().to_owned()
            })
            .collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn one_capture_tells_losses_before_it_from_those_behind_it() {
        let mut view = capture("c.pcap", [128, 120]);
        view.tcp.health[1].filled_late = 3;
        view.tcp.health[1].retransmissions = 2;
        let point = "the capture at the client's end";
        check(
            vec![view.clone()],
            "server",
            &[
                &format!("3 losses between the server and {point}"),
                &format!("2 losses between {point} and the client (or of the acknowledgements)"),
            ],
        );
        check(vec![view], "client", &[&format!("wire.path.no_loss {point}")]);
    }

    #[test]
    fn what_one_capture_shows_and_the_other_does_not_was_lost_between_them() {
        let (mut near, mut far) = (capture("c.pcap", [128, 118]), capture("s.pcap", [120, 126]));
        // Of five that were sent again, one had been at the server's end before.
        near.tcp.health[0].retransmissions = 5;
        far.tcp.health[0].retransmissions = 1;
        far.tcp.health[0].filled_late = 3;
        check(
            vec![far, near],
            "client",
            &[
                "4 losses between c.pcap and s.pcap",
                "1 loss between s.pcap and the server (or of the acknowledgements)",
            ],
        );
    }

    #[test]
    fn the_round_trip_is_that_of_the_whole_way() {
        let halves = |ms: [Option<f64>; 2]| {
            let mut view = capture("c.pcap", [128, 118]);
            for (health, ms) in view.tcp.health.iter_mut().zip(ms) {
                health.rtt = ms.map(|ms| RoundTrips {
                    samples: 2,
                    min_ms: ms,
                    mean_ms: ms,
                    max_ms: ms,
                    max_frame: FrameNumber(5),
                });
            }
            let fact = round_trip(&view)?;
            Some((fact.field("ms")?.to_owned(), fact.field("whole")?.to_owned()))
        };
        let told = |ms: &str, whole: &str| Some((ms.to_owned(), whole.to_owned()));
        assert_eq!(halves([Some(420.0), Some(0.1)]), told("420.1", "yes"));
        assert_eq!(halves([None, Some(0.1)]), told("0.1", "no"));
        assert_eq!(halves([None, None]), None);
    }

    #[test]
    fn a_segment_in_vain_is_not_called_free_of_loss() {
        let mut view = capture("s.pcap", [120, 128]);
        view.tcp.health[1].retransmissions = 6;
        view.tcp.health[1].unacked = Some(UnackedSegment {
            payload_len: 1460,
            first_frame: FrameNumber(10),
            last_frame: FrameNumber(40),
            last_time: HostTime(second(30).0),
            times: 7,
        });
        let lost = "wire.path.in_vain lost between the capture at the server's end and the client";
        check(vec![view.clone()], "server", &[lost]);
        // A client that has left acknowledges nothing.
        let time = HostTime(second(1).0);
        view.tcp.close =
            Some(Close { by: Side::Client, kind: CloseKind::Fin, frame: FrameNumber(9), time });
        let attempt = attempt(vec![view]);
        let facts = facts(&Subject::of(&[&attempt]));
        let vain = facts.iter().find(|fact| &*fact.kind == "wire.path.in_vain").unwrap();
        assert_eq!(vain.field("closed"), Some("yes"));
    }

    #[test]
    fn a_syn_that_only_the_nearer_capture_shows_is_told() {
        let (mut near, mut far) = (capture("c.pcap", [128, 118]), capture("s.pcap", [120, 126]));
        near.tcp.syns = 3;
        near.tcp.syn = Some(crate::observe::At {
            frame: FrameNumber(1),
            time: HostTime(second(0).0),
            value: (),
        });
        far.tcp.syns = 1;
        let attempt = attempt(vec![near, far]);
        let facts = facts(&Subject::of(&[&attempt]));
        let syn = facts.iter().find(|fact| &*fact.kind == "wire.path.syn_lost").unwrap();
        assert_eq!((syn.field("seen"), syn.field("arrived")), (Some("3"), Some("1")));
    }
}
