//! What is drawn on the timeline: attempts, records by host, and over which times each
//! source speaks, all on the clock of the case.

use super::axis::instant;
use crate::correlate::Outcome;
use crate::report::model::{AttemptReport, CoverageReport, Report};
use crate::report::text::{short_host, short_name};
use std::collections::{BTreeMap, BTreeSet};

/// Sources that have a lane of their own.
const MOST_SOURCES: usize = 16;
/// Marks of one lane: more would be drawn over each other.
const MOST_MARKS: usize = 400;

/// One line of the drawing.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) label: String,
    pub(super) marks: Vec<Mark>,
}

/// What stands on it, in ms since 1970.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) from: f64,
    pub(super) to: f64,
    /// A class of the style: `failed`, `record`, `speaks`, `hole` and so on.
    pub(super) class: &'static str,
    /// Foreign text may be in it.
    pub(super) title: String,
}

impl Mark {
    /// Whether it is a moment rather than a stretch.
    pub(super) fn is_moment(&self) -> bool {
        self.class.starts_with("record")
    }
}

/// All lanes: attempts on top, then records, then sources.
pub(super) fn lanes(report: &Report) -> Vec<Lane> {
    let mut lanes = Vec::new();
    lanes.extend(attempts(report));
    lanes.extend(records(report));
    lanes.extend(report.coverage.iter().take(MOST_SOURCES).filter_map(|c| source(report, c)));
    lanes
}

fn attempts(report: &Report) -> Option<Lane> {
    let marks: Vec<Mark> = report.attempts.iter().filter_map(attempt).take(MOST_MARKS).collect();
    (!marks.is_empty()).then(|| Lane { label: "attempts".to_owned(), marks })
}

fn attempt(attempt: &AttemptReport) -> Option<Mark> {
    let (class, how) = match attempt.outcome {
        Outcome::Succeeded => ("succeeded", "succeeded"),
        Outcome::Failed => ("failed", "failed"),
        Outcome::Unknown => ("unknown", "unknown"),
    };
    let client = attempt.client.as_deref().unwrap_or("unknown client");
    let title = format!("attempt {}, {how}: {client}, {}", attempt.id, attempt.start);
    Some(Mark { from: instant(&attempt.start)?, to: instant(&attempt.end)?, class, title })
}

/// A lane for each host that logged something of an attempt.
fn records(report: &Report) -> Vec<Lane> {
    let cited: BTreeSet<(&str, Option<u64>)> = report
        .diagnoses
        .iter()
        .take(1)
        .flat_map(|diagnosis| diagnosis.evidence.iter().chain(&diagnosis.against))
        .map(|evidence| (evidence.source.file.as_str(), evidence.source.record_id))
        .collect();
    let mut hosts: BTreeMap<&str, Vec<Mark>> = BTreeMap::new();
    for event in report.attempts.iter().flat_map(|attempt| &attempt.events) {
        let Some(at) = instant(&event.time) else { continue };
        let is_cited = cited.contains(&(event.file.as_str(), event.record_id));
        let class = if is_cited { "record cited" } else { "record" };
        let title = format!("{} {}: {}", event.time, short_name(&event.event), event.message);
        let marks = hosts.entry(short_host(&event.host)).or_default();
        if marks.len() < MOST_MARKS || class == "record cited" {
            marks.push(Mark { from: at, to: at, class, title });
        }
    }
    let lane = |(host, mut marks): (&str, Vec<Mark>)| {
        // What is drawn last lies on top.
        marks.sort_by_key(|mark| mark.class == "record cited");
        Lane { label: format!("log of {host}"), marks }
    };
    hosts.into_iter().map(lane).collect()
}

/// Over which time a source speaks, set to the clock of the case, with its holes.
fn source(report: &Report, coverage: &CoverageReport) -> Option<Lane> {
    let host = coverage.host.as_deref();
    let known = report.hosts.iter().find(|known| Some(known.name.as_str()) == host);
    let ahead = coverage.clock_offset_ms.or(known.and_then(|host| host.clock_offset_ms));
    let at = |time: &str| Some(instant(time)? - ahead.unwrap_or_default());
    let (from, to) = (at(coverage.from.as_deref()?)?, at(coverage.to.as_deref()?)?);
    let what = match (&coverage.host, &coverage.channel) {
        (Some(host), Some(channel)) => format!("{} {}", short_host(host), short_name(channel)),
        _ => coverage.file.clone(),
    };
    let title = format!("{} speaks for this time: {} items", coverage.file, coverage.items);
    let mut marks = vec![Mark { from, to, class: "speaks", title }];
    marks.extend(coverage.holes.iter().take(MOST_MARKS).map(|hole| Mark {
        from: hole.from.as_deref().and_then(at).unwrap_or(from),
        to: hole.to.as_deref().and_then(at).unwrap_or(to),
        class: "hole",
        title: hole.why.clone(),
    }));
    Some(Lane { label: what, marks })
}
