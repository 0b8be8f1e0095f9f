//! Event logs as JSON lines: wanted records with their fields rewritten, of all others when
//! they were written, by which host, and their number. So the copy speaks over the same time.

use super::files::Files;
use super::text::Scrubber;
use super::words::FieldKind;
use crate::base::{HostTime, rfc3339};
use crate::eventlog::{Counted, census};
use crate::intake::EvidenceFile;
use crate::knowledge::{Event, Knowledge, Role};
use crate::observe::{Coverage, Hole, Observation, Place, Vantage};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

/// What is written of one log.
pub(super) struct Log<'a> {
    pub(super) file: &'a EvidenceFile,
    pub(super) observations: Vec<&'a Observation>,
    pub(super) coverage: Vec<&'a Coverage>,
}

/// What became of a log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) records: u64,
    /// Records of which only number, time, host and channel were written.
    pub(super) bare: u64,
    /// Values that were left out.
    pub(super) dropped: u64,
}

/// Writes a log.
///
/// # Errors
/// What the operating system says, of either file.
pub(super) fn write(
    log: &Log<'_>,
    scrubber: &Scrubber<'_>,
    knowledge: &Knowledge,
    files: &mut Files,
    out: &mut dyn Write,
) -> io::Result<Written> {
    let mut writer = Writer { scrubber, knowledge, out, line: 1, written: Written::default() };
    writer.choice(&log.coverage)?;
    // By number or line; records of other hosts may have the same number.
    let mut wanted: BTreeMap<Place, Vec<&Observation>> = BTreeMap::new();
    for observation in &log.observations {
        wanted.entry(observation.source.place).or_default().push(observation);
    }
    let mut failed = None;
    census(log.file, knowledge, &mut |counted| {
        if failed.is_some() {
            return;
        }
        if let Err(error) = writer.counted(counted, &mut wanted, &log.file.name, files) {
            failed = Some(error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    // What stood in given-up space is in no count.
    for observation in wanted.into_values().flatten() {
        writer.observation(observation, &log.file.name, files)?;
    }
    Ok(writer.written)
}

struct Writer<'a> {
    scrubber: &'a Scrubber<'a>,
    knowledge: &'a Knowledge,
    out: &'a mut dyn Write,
    /// The line that is written next.
    line: u64,
    written: Written,
}

impl Writer<'_> {
    fn put(&mut self, value: &Value) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, value)?;
        self.line += 1;
        self.out.write_all(b"\n")
    }

    /// Says of a log that holds a choice of records that it does.
    fn choice(&mut self, coverage: &[&Coverage]) -> io::Result<()> {
        let open = |hole: &&Hole| hole.from == Hole::EVER_BEFORE && hole.to == Hole::EVER_AFTER;
        let chosen = coverage.iter().flat_map(|coverage| &coverage.holes).find(open);
        match chosen {
            Some(hole) => self.put(&json!({"EventChoice": {"why": &*hole.why}})),
            None => Ok(()),
        }
    }

    fn counted(
        &mut self,
        counted: &Counted<'_>,
        wanted: &mut BTreeMap<Place, Vec<&Observation>>,
        file: &Arc<str>,
        files: &mut Files,
    ) -> io::Result<()> {
        let place = counted.number.map_or(Place::Line(counted.line), Place::Record);
        if let Some(found) = wanted.get_mut(&place) {
            let same = |o: &&Observation| match &o.vantage {
                Vantage::Log { host, channel } => {
                    **host == *counted.host
                        && **channel == *counted.channel
                        && o.field("System.Recovered").is_none()
                }
                _ => false,
            };
            if let Some(at) = found.iter().position(same) {
                let observation = found.remove(at);
                return self.observation(observation, file, files);
            }
        }
        self.bare(counted)
    }

    fn bare(&mut self, counted: &Counted<'_>) -> io::Result<()> {
        let Some(time) = counted.time else { return Ok(()) };
        self.written.records += 1;
        self.written.bare += 1;
        let head = self.head(("-", 0), time, (counted.host, counted.channel), counted.number);
        self.put(&json!({"Event": {"System": head}}))
    }

    fn head(
        &self,
        (provider, id): (&str, u16),
        time: HostTime,
        (host, channel): (&str, &str),
        number: Option<u64>,
    ) -> Map<String, Value> {
        let mut head = Map::new();
        let mut add = |name: &str, value: Value| head.insert(name.to_owned(), value);
        add("Provider", json!({"#attributes": {"Name": provider}}));
        add("EventID", id.into());
        add("TimeCreated", json!({"#attributes": {"SystemTime": rfc3339(time.0)}}));
        if let Some(number) = number {
            add("EventRecordID", number.into());
        }
        add("Channel", self.scrubber.text(channel).into());
        add("Computer", self.scrubber.name(host).into());
        head
    }

    fn observation(
        &mut self,
        observation: &Observation,
        file: &Arc<str>,
        files: &mut Files,
    ) -> io::Result<()> {
        let Vantage::Log { host, channel } = &observation.vantage else { return Ok(()) };
        let Some((provider, event)) = self.knowledge.event_by_kind(&observation.kind) else {
            return Ok(());
        };
        if let Place::Line(line) = observation.source.place {
            files.moved(file, line, self.line);
        }
        let named = (provider.provider.as_str(), event.id);
        let mut head = self.head(named, observation.time, (host, channel), observation.record());
        if let Some(activity) = &observation.subject.activity {
            let activity = json!({"#attributes": {"ActivityID": &**activity}});
            head.insert("Correlation".to_owned(), activity);
        }
        if let Some(process) = observation.field("System.ProcessID") {
            let process = json!({"#attributes": {"ProcessID": process}});
            head.insert("Execution".to_owned(), process);
        }
        let mut data = Map::new();
        for (name, value) in &observation.fields {
            match self.field(event, name, value) {
                Some(value) if !data.contains_key(&**name) => {
                    data.insert(name.to_string(), Value::from(value));
                }
                Some(_) => {}
                None => self.written.dropped += 1,
            }
        }
        data.remove("System.ProcessID");
        if observation.repeats > 0 {
            data.insert("System.Repeats".to_owned(), observation.repeats.to_string().into());
        }
        self.written.records += 1;
        self.put(&json!({"Event": {"System": head, "EventData": data}}))
    }

    /// The value of a field; `None` for one that is not copied.
    fn field(&self, event: &Event, name: &str, value: &str) -> Option<String> {
        if name.starts_with("System.") {
            return Some(value.to_owned());
        }
        if !event.knows(name) {
            return None;
        }
        let kind = match event.roles.get(name) {
            Some(Role::ServerName | Role::User | Role::Domain) => FieldKind::Name,
            Some(Role::ProcessName | Role::Service | Role::ConnectionName) => FieldKind::Text,
            _ => self.scrubber.pseudonyms.words.field(name),
        };
        match kind {
            FieldKind::Name => Some(self.scrubber.name(value)),
            FieldKind::Text => Some(self.scrubber.text(value)),
            FieldKind::Dropped => None,
        }
    }
}
