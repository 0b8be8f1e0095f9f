//! Over which time a log speaks, for whom, and where its numbers jump.

use super::chunk::{Scan, Speaker};
use super::runs::Runs;
use crate::base::{HostTime, filetime};
use crate::observe::{Coverage, EvidenceKind, Observation, Vantage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a log holds of one speaker.
#[derive(Debug, Default)]
struct Tally {
    span: Option<(HostTime, HostTime)>,
    records: u64,
    unreadable: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.span = join_spans(self.span, other.span);
        self.records += other.records;
        self.unreadable += other.unreadable;
    }
}

/// The span that covers both.
fn join_spans(
    a: Option<(HostTime, HostTime)>,
    b: Option<(HostTime, HostTime)>,
) -> Option<(HostTime, HostTime)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// The coverage of one log, as it grows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    speakers: BTreeMap<Speaker, Tally>,
    /// Chunks of which no record could be decoded.
    nameless: Tally,
    last_speaker: Option<Speaker>,
    runs: Runs,
}

impl Ledger {
    /// Counts what is unreadable without belonging to a chunk.
    pub(super) fn lost(&mut self, chunks: u64) {
        self.nameless.unreadable += chunks;
    }

    /// Counts a chunk for whoever speaks in it. Where several hosts do (forwarded
    /// events), each covers only the time of its own wanted records.
    pub(super) fn chunk<'a>(
        &mut self,
        scan: &Scan,
        unreadable: u64,
        observations: impl Iterator<Item = &'a Observation>,
    ) {
        scan.runs.iter().for_each(|run| self.runs.join(run));
        let mut heard: BTreeMap<Speaker, Tally> = BTreeMap::new();
        for observation in observations {
            // What was recovered from given-up space is of another time.
            if observation.field("System.Recovered").is_some() {
                continue;
            }
            if let Vantage::Log { host, channel } = &observation.vantage {
                let tally = heard.entry((Arc::clone(host), Arc::clone(channel))).or_default();
                tally.records += 1;
                tally.span = join_spans(tally.span, Some((observation.time, observation.time)));
            }
        }
        for speaker in &scan.speakers {
            heard.entry(speaker.clone()).or_default();
        }
        let speaker = scan.speakers.last().or_else(|| heard.keys().last()).cloned();
        let speaker = speaker.or_else(|| self.last_speaker.clone());
        let unreadable = scan.unreadable + unreadable;
        if heard.len() > 1 {
            for (speaker, tally) in heard {
                self.speakers.entry(speaker).or_default().add(&tally);
            }
        } else if scan.records + unreadable > 0 {
            let time = |ticks| filetime(ticks).map(HostTime);
            let span = scan.span.and_then(|(from, to)| Some((time(from)?, time(to)?)));
            let whole = Tally { span, records: scan.records, unreadable };
            match speaker.clone() {
                Some(speaker) => self.speakers.entry(speaker).or_default().add(&whole),
                None => self.nameless.add(&whole),
            }
        }
        self.last_speaker = speaker;
    }

    /// One entry per speaker.
    pub(super) fn coverage(&self, file: &Arc<str>) -> Vec<Coverage> {
        let holes = self.runs.holes();
        let entry = |speaker: Option<&Speaker>, tally: &Tally| Coverage {
            file: Arc::clone(file),
            kind: EvidenceKind::Evtx,
            host: speaker.map(|(host, _)| Arc::clone(host)),
            channel: speaker.map(|(_, channel)| Arc::clone(channel)),
            span: tally.span,
            items: tally.records,
            unreadable: tally.unreadable,
            holes: holes.clone(),
            parts: Vec::new(),
        };
        let mut coverage: Vec<Coverage> =
            self.speakers.iter().map(|(speaker, tally)| entry(Some(speaker), tally)).collect();
        match coverage.first_mut() {
            // Chunks that are lost as a whole belong to the only speaker.
            Some(only) if self.speakers.len() == 1 && self.nameless.records == 0 => {
                only.unreadable += self.nameless.unreadable;
            }
            Some(_) if self.nameless.records + self.nameless.unreadable == 0 => {}
            _ => coverage.push(entry(None, &self.nameless)),
        }
        coverage
    }
}
