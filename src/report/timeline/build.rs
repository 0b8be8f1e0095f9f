//! From the evidence in order to a timeline.

use super::super::build::{UDP_SLACK_MS, problem, source_report};
use super::super::community_id::{TCP, community_id};
use super::super::parts::{name_part, split_captures};
use super::super::{coverage, hosts};
use super::model::{Entry, Timeline};
use super::narrow::Narrowing;
use super::{on_the_wire, seen, steps};
use crate::base::{CaseTime, Endpoint, Gap, millis_between};
use crate::correlate::{Attempt, Case};
use crate::diagnose::Question;
use crate::knowledge::Knowledge;
use crate::observe::{Observation, Source, Vantage};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Makes the timeline of a case, of what the question is about.
pub fn build(case: &Case, question: &Question, gaps: &[Gap], knowledge: &Knowledge) -> Timeline {
    let ties = Ties::of(case);
    let narrowing = Narrowing::new(case, question);
    let (mut entries, mut undated, mut left_out) = (Vec::new(), 0, 0);
    let mut take = |entry: Entry| match narrowing.wants(&entry) {
        true => entries.push(entry),
        false => left_out += 1,
    };
    for (index, observation) in case.observations.iter().enumerate() {
        match observed(case, knowledge, &ties, index, observation) {
            Some(entry) => take(entry),
            None => undated += 1,
        }
    }
    for attempt in &case.attempts {
        for view in attempt.views() {
            steps::entries(attempt, view, knowledge).into_iter().for_each(&mut take);
        }
    }
    let split = split_captures(case);
    for Entry { source, open_with, .. } in &mut entries {
        name_part(&split, source, open_with);
    }
    entries.sort_by(|a, b| order(a).cmp(&order(b)));
    Timeline {
        entries,
        undated,
        left_out,
        holds_evidence: case.holds_evidence(),
        hosts: hosts::reports(case),
        coverage: coverage::reports(case),
        problems: gaps.iter().map(problem).collect(),
    }
}

/// By time, then by where it stands.
fn order(entry: &Entry) -> (CaseTime, &str, [Option<u64>; 3], &str) {
    let source = &entry.source;
    let places = [source.record_id, source.line, source.frame];
    (entry.time, &source.file, places, &entry.what)
}

/// The entry of an observation; `None` where nothing tells when it was.
fn observed(
    case: &Case,
    knowledge: &Knowledge,
    ties: &Ties<'_>,
    index: usize,
    observation: &Observation,
) -> Option<Entry> {
    let mut entry = match observation.vantage {
        Vantage::Log { .. } => seen::event(knowledge, observation),
        Vantage::Capture { .. } => on_the_wire::entry(observation),
        Vantage::Document { .. } => seen::dialog(knowledge, observation)?,
    };
    entry.time = case.time(observation);
    entry.source_time = (entry.time.0 != observation.time.0).then_some(observation.time);
    entry.attempts = ties.attempts(case, index, observation);
    if let Some((client, server)) = ties.connections.get(&index) {
        entry.client = entry.client.or(Some(*client));
        entry.server = Some(*server);
        entry.community_id = Some(community_id(TCP, *client, *server).into());
    }
    Some(entry)
}

impl Entry {
    /// An entry of which only kind and place are known yet.
    pub(super) fn at(
        happening: super::Happening,
        time: CaseTime,
        source: &Source,
        what: String,
        message: String,
    ) -> Self {
        Self {
            happening,
            time,
            source_time: None,
            host: None,
            by: None,
            what,
            event: None,
            message,
            open_with: source.place.open_with(),
            source: source_report(source),
            client: None,
            server: None,
            attempts: Vec::new(),
            channel: None,
            community_id: None,
            user: None,
            repeats: 0,
            details: Vec::new(),
        }
    }
}

/// Attempts of one client and server that are looked at for one datagram: they hardly
/// ever overlap.
const LOOK_BACK: usize = 16;

/// To what observations belong, by their index.
struct Ties<'a> {
    attempts: HashMap<usize, Vec<u32>>,
    /// Both ends of the connection that a record is of.
    connections: HashMap<usize, (Endpoint, Endpoint)>,
    /// Attempts between two hosts, in the order of their start.
    between: HashMap<(IpAddr, IpAddr), Vec<&'a Attempt>>,
}

impl<'a> Ties<'a> {
    fn of(case: &'a Case) -> Self {
        let mut ties =
            Self { attempts: HashMap::new(), connections: HashMap::new(), between: HashMap::new() };
        for attempt in &case.attempts {
            let events = attempt.events.iter().map(|event| event.index);
            for index in events.chain(attempt.resolution_index()) {
                ties.attempts.entry(index).or_default().push(attempt.id);
            }
            for connection in &attempt.connections {
                let ends = connection.client.zip(connection.server);
                let whole = |end: Endpoint| end.port.is_some();
                for ends in ends.into_iter().filter(|(c, s)| whole(*c) && whole(*s)) {
                    let events = connection.events.iter().map(|index| (*index, ends));
                    ties.connections.extend(events);
                }
            }
            if let (Some(client), Some(server)) = (attempt.client, attempt.server) {
                let parties = (client.address, server.address);
                ties.between.entry(parties).or_default().push(attempt);
            }
        }
        ties
    }

    fn attempts(&self, case: &Case, index: usize, observation: &Observation) -> Vec<u32> {
        let mut ids = self.attempts.get(&index).cloned().unwrap_or_default();
        if ids.is_empty() && matches!(observation.vantage, Vantage::Capture { .. }) {
            ids = self.in_time(case, observation);
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The attempts of the same client and server at that time.
    fn in_time(&self, case: &Case, observation: &Observation) -> Vec<u32> {
        let subject = &observation.subject;
        let Some(parties) = subject.client.zip(subject.server) else { return Vec::new() };
        let attempts = self.between.get(&parties).map(Vec::as_slice).unwrap_or_default();
        let time = case.time(observation).0;
        let begun = attempts
            .partition_point(|attempt| millis_between(attempt.start.0, time) >= -UDP_SLACK_MS);
        let begun = attempts.get(..begun).unwrap_or_default();
        let near = begun.iter().rev().take(LOOK_BACK);
        near.filter(|attempt| millis_between(time, attempt.end.0) >= -UDP_SLACK_MS)
            .map(|attempt| attempt.id)
            .collect()
    }
}

/// The Community ID of a TCP connection, shared among its steps.
pub(super) fn tcp_id(client: Endpoint, server: Endpoint) -> Arc<str> {
    community_id(TCP, client, server).into()
}
