//! The steps of a connection.

use super::build::tcp_id;
use super::model::{Detail, Entry, Happening};
use super::words::{Words, of_step};
use crate::base::{FrameNumber, HostTime, hex};
use crate::correlate::Attempt;
use crate::knowledge::Knowledge;
use crate::observe::{Conversation, Milestone, Place, Side, Source, milestones};
use std::sync::Arc;

/// What one capture shows of a connection, step by step.
pub(super) fn entries(attempt: &Attempt, view: &Conversation, knowledge: &Knowledge) -> Vec<Entry> {
    let scene = Scene { attempt, view, community_id: tcp_id(view.client, view.server) };
    let mut found: Vec<Entry> = milestones(view)
        .iter()
        .filter(|step| !is_told_better(view, step))
        .map(|step| scene.entry(step.by, step.frame, step.time, of_step(view, step, knowledge)))
        .collect();
    found.extend(scene.trouble());
    found.extend(scene.icmp());
    let end = scene.end();
    // A connection that goes on ends here with whatever was seen last.
    let told = |end: &Entry| {
        end.by.is_none() && found.iter().any(|entry| entry.source.frame == end.source.frame)
    };
    if !told(&end) {
        found.push(end);
    }
    found
}

/// Whether another step tells the same: an encrypted alert that was opened.
fn is_told_better(view: &Conversation, step: &Milestone) -> bool {
    step.name == "encrypted_alert"
        && view.tls.inner_alerts.iter().any(|alert| alert.frame == step.frame)
}

struct Scene<'a> {
    attempt: &'a Attempt,
    view: &'a Conversation,
    community_id: Arc<str>,
}

impl Scene<'_> {
    fn entry(&self, by: Side, frame: FrameNumber, time: HostTime, words: Words) -> Entry {
        let view = self.view;
        let source = Source { file: Arc::clone(&view.file), place: Place::Frame(frame.0) };
        let case_time = view.case_time(time);
        let Words { what, message, details, user } = words;
        let mut entry = Entry::at(Happening::Step, case_time, &source, what, message);
        entry.source_time = (case_time.0 != time.0).then_some(time);
        entry.by = Some(by);
        entry.client = Some(view.client);
        entry.server = Some(view.server);
        entry.attempts = vec![self.attempt.id];
        entry.community_id = Some(Arc::clone(&self.community_id));
        entry.user = user;
        entry.details = details;
        entry
    }

    /// Segments that were sent again and again, and resets of somebody between.
    fn trouble(&self) -> Vec<Entry> {
        let tcp = &self.view.tcp;
        let mut found = Vec::new();
        if let Some(last) = tcp.last_syn.as_ref().filter(|_| tcp.syns > 1) {
            let message = format!("The client asked {} times for the connection.", tcp.syns);
            let words = Words::new("SYN (repeated)", message);
            found.push(self.entry(Side::Client, last.frame, last.time, words));
        }
        if let Some(seen) = &self.view.x224.foreign_answer {
            let message =
                format!("The server answers with what is no RDP: {}.", shown_bytes(&seen.value));
            let words = Words::new("no RDP", message);
            found.push(self.entry(Side::Server, seen.frame, seen.time, words));
        }
        for (by, health) in [Side::Client, Side::Server].into_iter().zip(&tcp.health) {
            let Some(lost) = health.unacked.filter(|lost| lost.times > 1) else { continue };
            let message = format!(
                "The {} sent a segment of {} bytes {} times, and nobody acknowledged it.",
                by.name(),
                lost.payload_len,
                lost.times
            );
            let words = Words::new("retransmission", message);
            found.push(self.entry(by, lost.last_frame, lost.last_time, words));
        }
        for reset in &tcp.foreign_resets {
            let message = format!(
                "A reset with the {}'s address that does not fit it ({}): TTL {}, usually {}.",
                reset.claims.name(),
                reset.mark.name(),
                reset.ttl,
                reset.usual_ttl
            );
            let words = Words::new("RST (foreign)", message);
            found.push(self.entry(reset.claims, reset.frame, reset.time, words));
        }
        found
    }

    fn icmp(&self) -> impl Iterator<Item = Entry> {
        self.view.tcp.unreachables.iter().map(|seen| {
            let (from, error) = &seen.value;
            let reason = error.reason.name();
            let message = format!("{from} says of this connection: {reason}.");
            let code: Detail = ("error.code", format!("{}/{}", error.kind, error.code));
            let words = Words::new(&format!("ICMP {reason}"), message).with([code]);
            let mut entry = self.entry(Side::Server, seen.frame, seen.time, words);
            entry.happening = Happening::Icmp;
            // The error is of whoever is on the way.
            entry.by = None;
            entry
        })
    }

    /// How it ended, or when it was last seen.
    fn end(&self) -> Entry {
        let view = self.view;
        let Some(close) = view.tcp.close else {
            let message = format!("The connection was last seen, still open ({}).", size(view));
            let words = Words::new("last frame", message);
            let mut entry = self.entry(Side::Client, view.last_frame, view.end, words);
            entry.by = None;
            return entry;
        };
        let by = close.by.name();
        let what = close.kind.name().to_uppercase();
        let refused = view.tcp.refused.as_ref().is_some_and(|at| at.frame == close.frame);
        let message = match (what.as_str(), refused) {
            (_, true) => format!("The {by} refuses the TCP connection with a reset."),
            ("RST", _) => format!("The {by} resets the TCP connection."),
            _ => format!("The {by} closes the TCP connection."),
        };
        self.entry(close.by, close.frame, close.time, Words::new(&what, message))
    }
}

/// What went each way.
fn size(view: &Conversation) -> String {
    let [client, server] = &view.tcp.health;
    format!(
        "{} bytes of the client and {} of the server so far",
        client.payload_bytes, server.payload_bytes
    )
}

/// Bytes of a foreign protocol, as far as they tell what it is.
fn shown_bytes(bytes: &[u8]) -> String {
    hex(bytes.get(..16).unwrap_or(bytes))
}
