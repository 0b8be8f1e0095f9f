//! The event records of an attempt: which are listed, and which tell most.

use super::build::source_report;
use super::model::{AttemptReport, EventReport, Report, SourceReport};
use crate::base::{CaseTime, rfc3339};
use crate::correlate::{Attempt, Case};
use crate::knowledge::Knowledge;
use crate::observe::{Observation, Place};
use std::collections::BTreeSet;

/// Records of one attempt that are listed from its beginning and from its end. A flood
/// of thousands in one attempt says nothing that these do not say.
const FIRST: usize = 100;
const LAST: usize = 400;

/// The records of an attempt in the order of time, and how many more there are.
pub(super) fn event_reports(
    case: &Case,
    knowledge: &Knowledge,
    attempt: &Attempt,
) -> (Vec<EventReport>, u64) {
    let mut records: Vec<(CaseTime, &Observation)> = case
        .events(attempt)
        .filter(|(observation, _)| {
            matches!(observation.source.place, Place::Record(_) | Place::Line(_))
        })
        .map(|(observation, _)| (case.time(observation), observation))
        .collect();
    records.sort_by(|a, b| (a.0, &a.1.source).cmp(&(b.0, &b.1.source)));
    let (listed, left_out) = thinned(records);
    let events = listed
        .into_iter()
        .map(|(time, observation)| event_report(knowledge, time, observation))
        .collect();
    (events, left_out)
}

/// The first and the last of many, and how many lay between.
fn thinned<T>(mut all: Vec<T>) -> (Vec<T>, u64) {
    let left_out = all.len().saturating_sub(FIRST + LAST);
    if left_out > 0 {
        all.drain(FIRST..FIRST + left_out);
    }
    (all, left_out as u64)
}

pub(super) fn event_report(
    knowledge: &Knowledge,
    time: CaseTime,
    observation: &Observation,
) -> EventReport {
    let SourceReport { file, record_id, line, .. } = source_report(&observation.source);
    let known = knowledge.event_by_kind(&observation.kind);
    let sentence = knowledge.sentence(&observation.kind, &observation.fields);
    EventReport {
        file,
        record_id,
        line,
        time: rfc3339(time.0),
        host: observation.host().map(|host| host.to_string()).unwrap_or_default(),
        channel: observation.channel().map(|channel| channel.to_string()),
        event: known
            .map(|(provider, event)| format!("{}/{}", provider.provider, event.id))
            .unwrap_or_default(),
        priority: known.map(|(_, event)| event.priority.clone()).unwrap_or_default(),
        message: sentence
            .or_else(|| known.map(|(_, event)| event.title.clone()))
            .unwrap_or_default(),
    }
}

/// The records of an attempt that tell most, in the order of time: those that the first
/// diagnosis cites, then by priority; what only says the same again comes last.
pub(super) fn telling<'a>(
    report: &'a Report,
    attempt: &'a AttemptReport,
    most: usize,
) -> Vec<&'a EventReport> {
    let first = report.diagnoses.first();
    let cited: BTreeSet<_> = first
        .into_iter()
        .flat_map(|diagnosis| diagnosis.evidence.iter().chain(&diagnosis.against))
        .map(|evidence| &evidence.source)
        .map(|source| (source.file.as_str(), source.record_id, source.line))
        .collect();
    let mut said = BTreeSet::new();
    let mut ranked: Vec<_> = attempt
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| !event.message.is_empty())
        .map(|(at, event)| {
            let cited = cited.contains(&(event.file.as_str(), event.record_id, event.line));
            let new = said.insert((&event.host, &event.event, &event.message));
            ((!cited && !new, !cited, event.priority.as_str()), at, event)
        })
        .collect();
    ranked.sort_by_key(|(rank, at, _)| (*rank, *at));
    ranked.truncate(most);
    ranked.sort_by_key(|(_, at, _)| *at);
    ranked.into_iter().map(|(_, _, event)| event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_both_ends_are_listed() {
        assert_eq!(thinned(vec![1, 2, 3]), (vec![1, 2, 3], 0));
        let (listed, left_out) = thinned((0..500).collect());
        assert_eq!((listed.len(), left_out), (500, 0));
        let (listed, left_out) = thinned((0..10_000).collect());
        assert_eq!((listed.len(), left_out), (500, 9_500));
        assert_eq!((listed[99], listed[100], listed[499]), (99, 9_600, 9_999));
    }
}
