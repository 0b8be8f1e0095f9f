//! Where the records of every form go.

use super::super::census::Counted;
use super::super::observe::observation;
use super::super::runs::{IdRun, Runs};
use super::super::{EventRecord, LogFacts};
use crate::base::limits::MAX_RECORDS_PER_LOG;
use crate::base::{Gap, GapList, HostTime, Meter, filetime_of};
use crate::intake::{EvidenceFile, FileKind};
use crate::knowledge::{Event, Knowledge, Provider, Role, Timeline};
use crate::observe::{Coverage, EvidenceKind, Hole, Observation, Place};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many like records followed one that a redacted copy holds.
const REPEATS: &str = "System.Repeats";

/// Hosts and channels of one file that are told apart.
const MAX_SPEAKERS: usize = 4_096;

/// Over which time one host and channel speaks, and with how many records.
#[derive(Debug, Default)]
struct Tally {
    span: Option<(HostTime, HostTime)>,
    records: u64,
    runs: Runs,
}

fn evidence_kind(kind: FileKind) -> EvidenceKind {
    match kind {
        FileKind::EventXml => EvidenceKind::EventXml,
        FileKind::EventCliXml => EvidenceKind::EventCliXml,
        FileKind::EventCsv => EvidenceKind::EventCsv,
        FileKind::EventText => EvidenceKind::EventText,
        _ => EvidenceKind::EventJson,
    }
}

/// A code as logs spell it, where it is one that .NET made a negative number of.
fn code(event: &Event, field: &str, value: &str) -> Option<String> {
    let status = [Role::Ntstatus, Role::Hresult, Role::Win32];
    let is_code = event.roles.get(field).is_some_and(|role| status.contains(role))
        || event.codes.contains_key(field);
    let number: i32 = value.parse().ok().filter(|number| *number < 0 && is_code)?;
    Some(format!("0x{:08x}", number.cast_unsigned()))
}

/// Takes records, keeps the wanted ones, counts all of them.
pub(super) struct Sink<'k> {
    /// Who wants to hear of every record.
    census: Option<&'k mut dyn FnMut(&Counted<'_>)>,
    file: Arc<str>,
    kind: EvidenceKind,
    knowledge: &'k Knowledge,
    observations: Vec<Observation>,
    meter: Arc<Meter>,
    speakers: BTreeMap<(Arc<str>, Arc<str>), Tally>,
    unreadable: u64,
    gaps: GapList,
    left_out: u64,
    /// Records of hosts and channels behind the first, which no coverage counts.
    unnamed: u64,
    /// Why absence in this file proves nothing; empty where it does.
    partial: Cow<'static, str>,
    /// Ids of the records of tables that may hold a choice of them; see
    /// [`Sink::chosen_by_id`].
    ids: BTreeSet<u16>,
    /// The line at which the record stands that is taken next.
    line: u64,
}

impl<'k> Sink<'k> {
    pub(super) fn new(file: &EvidenceFile, knowledge: &'k Knowledge) -> Self {
        Self {
            census: None,
            file: Arc::clone(&file.name),
            kind: evidence_kind(file.kind),
            knowledge,
            observations: Vec::new(),
            meter: Arc::clone(file.meter()),
            speakers: BTreeMap::new(),
            unreadable: 0,
            gaps: GapList::default(),
            left_out: 0,
            unnamed: 0,
            partial: Cow::Borrowed(""),
            ids: BTreeSet::new(),
            line: 0,
        }
    }

    /// The provider that writes an event into a channel, for forms that do not name it;
    /// `None` where several do.
    pub(super) fn provider_of(&self, channel: &str, id: u16) -> Option<String> {
        self.knowledge.provider_of(channel, id).map(|provider| provider.provider.clone())
    }

    /// The provider of a wanted event that Event Viewer shows under this name: its own, or
    /// without what many begin with, when only one ends so.
    pub(super) fn provider_called(&self, name: &str, id: u16) -> Option<Arc<Provider>> {
        self.knowledge
            .provider_called(name)
            .filter(|provider| provider.event(id).is_some())
            .cloned()
    }

    /// How a tool writes its timelines.
    pub(super) fn timeline(&self, tool: &str) -> Option<&'k Timeline> {
        self.knowledge.timeline(tool)
    }

    /// Names for values that came without: those of the catalog, if it knows as many.
    pub(super) fn named(
        &self,
        provider: &str,
        id: u16,
        values: Vec<String>,
    ) -> Vec<(Arc<str>, String)> {
        let event = self.knowledge.event(provider, id);
        let names =
            event.map(|(_, event)| event).map(|event| event.fields.as_slice()).unwrap_or_default();
        let fits = !names.is_empty() && names.len() >= values.len();
        let name = |index: usize| match names.get(index).filter(|_| fits) {
            Some(name) => Arc::from(name.as_str()),
            None => format!("Data[{index}]").into(),
        };
        let given = values.into_iter().enumerate().filter(|(_, value)| !value.is_empty());
        given
            .map(|(index, value)| (name(index), value))
            .map(|(name, value)| {
                let value =
                    event.and_then(|(_, event)| code(event, &name, &value)).unwrap_or(value);
                (name, value)
            })
            .collect()
    }

    /// The event if it is a wanted one: others need not be taken apart, only counted.
    pub(super) fn wanted(&self, provider: &str, id: u16) -> Option<&'k Event> {
        self.knowledge.wanted(provider, id).map(|(_, event)| event)
    }

    /// Tells of every record, and keeps none.
    pub(super) fn tell(&mut self, take: &'k mut dyn FnMut(&Counted<'_>)) {
        self.census = Some(take);
    }

    /// Says that the file holds a choice of records, so that absence proves nothing.
    pub(super) fn partial(&mut self, why: impl Into<Cow<'static, str>>) {
        self.partial = why.into();
    }

    /// Says that a record comes from a tool which can be told which ids to export.
    pub(super) fn chosen_by_id(&mut self, id: u16) {
        self.ids.insert(id);
    }

    /// Says at which line, counted from 1, the next record begins: its place when it has
    /// no number.
    pub(super) fn stand_at(&mut self, line: u64) {
        self.line = line;
    }

    /// Counts a record, wanted or not. `number` is its `EventRecordID`, where it has one.
    pub(super) fn count(
        &mut self,
        (host, channel): (&str, &str),
        number: Option<u64>,
        time: Option<HostTime>,
    ) {
        if let Some(take) = &mut self.census {
            take(&Counted { host, channel, number, line: self.line, time });
            return;
        }
        let key = (Arc::from(host), Arc::from(channel));
        if self.speakers.len() >= MAX_SPEAKERS && !self.speakers.contains_key(&key) {
            self.unnamed += 1;
            return;
        }
        let tally = self.speakers.entry(key).or_default();
        tally.records += 1;
        if let Some(time) = time {
            tally.span = Some(tally.span.map_or((time, time), |(a, b)| (a.min(time), b.max(time))));
            if let Some(number) = number {
                tally.runs.join(IdRun::of(number, filetime_of(time.0)));
            }
        }
    }

    /// Takes a record, wanted or not.
    pub(super) fn record(&mut self, record: EventRecord) {
        let number = Some(record.record_id).filter(|number| *number != 0);
        let place = number.map_or(Place::Line(self.line), Place::Record);
        self.count((&record.host, &record.channel), number, Some(record.time));
        let Some(event) = self.wanted(&record.provider, record.id) else { return };
        if self.census.is_some() {
            return;
        }
        if self.observations.len() >= MAX_RECORDS_PER_LOG || self.meter.is_spent() {
            self.left_out += 1;
            return;
        }
        let mut observation = observation(record, event, &self.file);
        observation.source.place = place;
        // Only a redacted copy says so of the records of a flood.
        if let Some(at) = observation.fields.iter().position(|(name, _)| &**name == REPEATS) {
            let (_, repeats) = observation.fields.remove(at);
            observation.repeats = repeats.parse().unwrap_or_default();
        }
        if self.meter.take(observation.footprint()) {
            self.observations.push(observation);
        } else {
            self.left_out += 1;
        }
    }

    /// Something that could not be read, at a byte offset of the decoded text.
    pub(super) fn unreadable(&mut self, offset: u64, message: impl Into<String>) {
        self.unreadable += 1;
        self.gap(Gap::at(&self.file, offset, message));
    }

    /// Something to say of the whole file.
    pub(super) fn whole_file(&mut self, message: impl Into<String>) {
        self.gap(Gap::file(&self.file, message));
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    pub(super) fn finish(mut self) -> LogFacts {
        self.observations.sort_by_key(|o| (o.source.place, o.time));
        let coverage = self.coverage();
        let counts = [
            (
                self.unnamed,
                "records of more hosts and channels than are told apart: no coverage counts them",
            ),
            (self.left_out, "wanted records behind the first were not kept: give less of the log"),
        ];
        let gaps = self.gaps.finish(&self.file, &counts);
        LogFacts { observations: self.observations, coverage, gaps }
    }

    fn coverage(&self) -> Vec<Coverage> {
        let named = |name: &Arc<str>| Some(Arc::clone(name)).filter(|name| !name.is_empty());
        let mut coverage: Vec<Coverage> = self
            .speakers
            .iter()
            .map(|((host, channel), tally)| Coverage {
                file: Arc::clone(&self.file),
                kind: self.kind,
                host: named(host),
                channel: named(channel),
                span: tally.span,
                items: tally.records,
                unreadable: 0,
                holes: self.holes(tally),
                parts: Vec::new(),
            })
            .collect();
        if coverage.is_empty() {
            coverage.push(Coverage {
                file: Arc::clone(&self.file),
                kind: self.kind,
                host: None,
                channel: None,
                span: None,
                items: 0,
                unreadable: 0,
                holes: Vec::new(),
                parts: Vec::new(),
            });
        }
        if let Some(first) = coverage.first_mut() {
            first.unreadable = self.unreadable;
        }
        coverage
    }

    fn holes(&self, tally: &Tally) -> Vec<Hole> {
        let chosen = Some(&self.ids).filter(|ids| !ids.is_empty());
        let chosen = chosen.and_then(|ids| self.knowledge.choice(ids));
        let why = chosen.unwrap_or(&self.partial);
        if why.is_empty() {
            return tally.runs.holes();
        }
        // Open at both ends: a log also speaks for the quiet time around its records, which
        // a choice of records does not.
        vec![Hole {
            from: Hole::EVER_BEFORE,
            to: Hole::EVER_AFTER,
            why: why.into(),
            missing: None,
            source: None,
        }]
    }
}
