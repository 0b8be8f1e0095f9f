//! A log, chunk by chunk: scanned in parallel, in order, with the memory of the
//! chunks in flight.

use super::fields::event_record;
use super::observe::observation;
use super::scan::{CHUNK_LEN, Identity, RawRecord, Templates, records};
use crate::base::limits::{MAX_GAPS_PER_FILE, MAX_RECORDS_PER_LOG};
use crate::base::{Gap, HostTime};
use crate::intake::EvidenceFile;
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, EvidenceKind, Observation, Vantage};
use evtx::{EvtxChunkData, ParserSettings};
use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Arc;

/// What one log says.
#[derive(Debug)]
pub struct LogFacts {
    pub observations: Vec<Observation>,
    /// One entry per host and channel in the log; forwarded logs hold several.
    pub coverage: Vec<Coverage>,
    pub gaps: Vec<Gap>,
}

const FILE_HEADER_LEN: usize = 4096;
/// Chunks that are scanned at a time: 4 MiB of memory.
const BATCH: usize = 64;

/// Reads one log. Only events that `knowledge` wants are decoded.
pub fn read(file: &EvidenceFile, knowledge: &Knowledge) -> LogFacts {
    let mut log = Log::new(&file.name);
    if let Err(error) = log.read(file, knowledge) {
        log.gaps.push(Gap::file(&file.name, format!("reading stopped: {error}")));
    }
    log.finish()
}

/// The file header as far as it is used.
struct FileHeader {
    chunks: u16,
    /// False where the file begins with a chunk: the header is lost.
    present: bool,
}

impl FileHeader {
    fn parse(bytes: &[u8]) -> Self {
        let chunks =
            bytes.get(42..44).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
        Self { chunks, present: bytes.starts_with(b"ElfFile\0") }
    }
}

/// What one chunk gave.
#[derive(Default)]
struct ChunkFacts {
    observations: Vec<Observation>,
    gaps: Vec<Gap>,
    span: Option<(HostTime, HostTime)>,
    records: u64,
    unreadable: u64,
    /// Host and channel of any record that was decoded to learn them.
    identity: Option<(Arc<str>, Arc<str>)>,
}

struct Log {
    file: Arc<str>,
    observations: Vec<Observation>,
    gaps: Vec<Gap>,
    span: Option<(HostTime, HostTime)>,
    records: u64,
    unreadable: u64,
    identity: Option<(Arc<str>, Arc<str>)>,
}

impl Log {
    fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            observations: Vec::new(),
            gaps: Vec::new(),
            span: None,
            records: 0,
            unreadable: 0,
            identity: None,
        }
    }

    fn read(&mut self, file: &EvidenceFile, knowledge: &Knowledge) -> io::Result<()> {
        let mut reader = file.open()?;
        let mut head = Vec::new();
        reader.by_ref().take(FILE_HEADER_LEN as u64).read_to_end(&mut head)?;
        let header = FileHeader::parse(&head);
        let mut offset = FILE_HEADER_LEN as u64;
        if header.present && head.len() < FILE_HEADER_LEN {
            let message = format!(
                "the file ends inside its header: {} of {FILE_HEADER_LEN} bytes",
                head.len()
            );
            self.gaps.push(Gap::at(&self.file, head.len() as u64, message));
            return Ok(());
        }
        let mut reader: Box<dyn Read> = if header.present {
            Box::new(reader)
        } else {
            self.gaps.push(Gap::at(
                &self.file,
                0,
                "the file header is missing; chunks were read all the same",
            ));
            offset = 0;
            Box::new(io::Cursor::new(head).chain(reader))
        };
        let mut number = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH {
                let mut chunk = Vec::with_capacity(CHUNK_LEN);
                let got = reader.by_ref().take(CHUNK_LEN as u64).read_to_end(&mut chunk)?;
                if got == 0 {
                    break;
                }
                batch.push((number, offset, chunk));
                number += 1;
                offset += got as u64;
            }
            if batch.is_empty() {
                return Ok(());
            }
            let file = &self.file;
            let facts: Vec<ChunkFacts> = batch
                .into_par_iter()
                .map(|(number, offset, chunk)| {
                    let expected = header.present && number < u64::from(header.chunks);
                    read_chunk(file, offset, chunk, expected, knowledge)
                })
                .collect();
            for facts in facts {
                self.add(facts);
            }
            if self.observations.len() > MAX_RECORDS_PER_LOG {
                let message = format!(
                    "more than {MAX_RECORDS_PER_LOG} wanted records: the rest of the log was not read"
                );
                self.gaps.push(Gap::at(&self.file, offset, message));
                return Ok(());
            }
        }
    }

    fn add(&mut self, facts: ChunkFacts) {
        self.observations.extend(facts.observations);
        self.gaps.extend(facts.gaps);
        self.records += facts.records;
        self.unreadable += facts.unreadable;
        self.identity = self.identity.take().or(facts.identity);
        self.span = join_spans(self.span, facts.span);
    }

    fn finish(mut self) -> LogFacts {
        // A wrapped log stores its newest chunks first.
        self.observations.sort_by_key(|observation| observation.source.place);
        if self.gaps.len() > MAX_GAPS_PER_FILE {
            let more = self.gaps.len() - MAX_GAPS_PER_FILE;
            self.gaps.truncate(MAX_GAPS_PER_FILE);
            self.gaps.push(Gap::file(&self.file, format!("{more} more problems in this file")));
        }
        let coverage = self.coverage();
        LogFacts { observations: self.observations, coverage, gaps: self.gaps }
    }

    fn coverage(&self) -> Vec<Coverage> {
        let mut speakers: BTreeSet<(Arc<str>, Arc<str>)> = self
            .observations
            .iter()
            .filter_map(|o| match &o.vantage {
                Vantage::Log { host, channel } => Some((Arc::clone(host), Arc::clone(channel))),
                Vantage::Capture { .. } => None,
            })
            .collect();
        speakers.extend(self.identity.clone());
        let several = speakers.len() > 1;
        let whole = |speaker: Option<(Arc<str>, Arc<str>)>| {
            let (host, channel) = speaker.unzip();
            Coverage {
                file: Arc::clone(&self.file),
                kind: EvidenceKind::Evtx,
                channel,
                host,
                span: self.span,
                items: self.records,
                unreadable: self.unreadable,
            }
        };
        if speakers.is_empty() {
            return vec![whole(None)];
        }
        speakers
            .into_iter()
            .map(|speaker| {
                let mut coverage = whole(Some(speaker.clone()));
                if several {
                    self.narrow(&mut coverage, &speaker);
                }
                coverage
            })
            .collect()
    }

    /// Of a log with several hosts only the wanted records of each are known.
    fn narrow(&self, coverage: &mut Coverage, speaker: &(Arc<str>, Arc<str>)) {
        coverage.span = None;
        coverage.items = 0;
        for o in &self.observations {
            let Vantage::Log { host, channel } = &o.vantage else { continue };
            if *host == speaker.0 && *channel == speaker.1 {
                coverage.items += 1;
                coverage.span = join_spans(coverage.span, Some((o.time, o.time)));
            }
        }
    }
}

fn join_spans(
    a: Option<(HostTime, HostTime)>,
    b: Option<(HostTime, HostTime)>,
) -> Option<(HostTime, HostTime)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

fn read_chunk(
    file: &Arc<str>,
    offset: u64,
    chunk: Vec<u8>,
    expected: bool,
    knowledge: &Knowledge,
) -> ChunkFacts {
    let mut facts = ChunkFacts::default();
    if let Some(why) = not_a_chunk(&chunk, expected) {
        if !why.is_empty() {
            facts.unreadable = 1;
            facts.gaps.push(Gap::at(file, offset, why));
        }
        return facts;
    }
    let mut wanted = BTreeSet::new();
    let mut templates = Templates::default();
    let mut first = None;
    for record in records(&chunk) {
        facts.records += 1;
        if let Some(time) = filetime(record.filetime) {
            facts.span = join_spans(facts.span, Some((HostTime(time), HostTime(time))));
        }
        first.get_or_insert(record.id);
        if is_wanted(&mut templates, &chunk, record, knowledge) {
            wanted.insert(record.id);
        }
    }
    let announced = u64_at(&chunk, 16)
        .zip(u64_at(&chunk, 8))
        .and_then(|(last, first)| last.checked_sub(first))
        .map(|n| n + 1);
    let short = announced.filter(|announced| *announced < 10_000 && *announced > facts.records);
    if wanted.is_empty() && short.is_none() {
        // One record of the chunk tells host and channel.
        wanted.extend(first);
    }
    decode(file, offset, chunk, &wanted, knowledge, &mut facts, short);
    facts
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Why these bytes are no chunk; empty for the unused space that logs are created
/// with.
fn not_a_chunk(chunk: &[u8], expected: bool) -> Option<String> {
    if chunk.starts_with(b"ElfChnk\0") && chunk.len() >= 512 {
        return None;
    }
    let zero = chunk.iter().all(|byte| *byte == 0);
    Some(match (zero, expected) {
        (true, false) => String::new(),
        (true, true) => "a chunk of 64 KiB that the log should hold is all zeros".to_owned(),
        (false, _) if chunk.len() < 512 => {
            format!("the file ends inside a chunk header: {} bytes left", chunk.len())
        }
        (false, _) => "64 KiB that do not begin like a chunk were skipped".to_owned(),
    })
}

fn is_wanted(
    templates: &mut Templates,
    chunk: &[u8],
    record: RawRecord,
    knowledge: &Knowledge,
) -> bool {
    match templates.identify(chunk, record) {
        Identity::Known { provider, id } => knowledge.event(&provider, id).is_some(),
        Identity::Undecided => true,
    }
}

/// Decodes the wanted records. `short` is how many records the chunk header
/// announces, when the walk found fewer: then everything is decoded, because the
/// `evtx` crate finds records behind a damaged one.
fn decode(
    file: &Arc<str>,
    offset: u64,
    mut chunk: Vec<u8>,
    wanted: &BTreeSet<u64>,
    knowledge: &Knowledge,
    facts: &mut ChunkFacts,
    short: Option<u64>,
) {
    if chunk.len() < CHUNK_LEN {
        let message =
            format!("the file ends inside a chunk: {} of {CHUNK_LEN} bytes are there", chunk.len());
        facts.gaps.push(Gap::at(file, offset + chunk.len() as u64, message));
        chunk.resize(CHUNK_LEN, 0);
    }
    let mut data = match EvtxChunkData::new(chunk, false) {
        Ok(data) => data,
        Err(error) => {
            facts.unreadable += facts.records;
            facts.gaps.push(Gap::at(
                file,
                offset,
                format!("the chunk header cannot be read: {error}"),
            ));
            return;
        }
    };
    if !data.validate_checksum() {
        facts.gaps.push(Gap::at(
            file,
            offset,
            "a checksum of this chunk is wrong; its records were read all the same",
        ));
    }
    let settings = Arc::new(ParserSettings::default());
    let mut chunk = match data.parse(settings) {
        Ok(chunk) => chunk,
        Err(error) => {
            facts.unreadable += facts.records;
            facts.gaps.push(Gap::at(file, offset, format!("the chunk cannot be read: {error}")));
            return;
        }
    };
    let mut decoded = 0;
    for record in chunk.iter() {
        decoded += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                facts.unreadable += 1;
                facts.gaps.push(Gap::at(file, offset, format!("a record cannot be read: {error}")));
                continue;
            }
        };
        let (id, time) = (record.event_record_id, record.timestamp);
        if short.is_none() && !wanted.contains(&id) {
            continue;
        }
        match record.into_json_value() {
            Ok(rendered) => take_record(file, &rendered.data, id, time, knowledge, facts),
            Err(error) => {
                facts.unreadable += 1;
                facts.gaps.push(Gap::at(
                    file,
                    offset,
                    format!("record {id} cannot be read: {error}"),
                ));
            }
        }
    }
    if let Some(announced) = short.filter(|announced| *announced > decoded) {
        let message = format!("the chunk announces {announced} records, {decoded} could be read");
        facts.unreadable += announced - decoded;
        facts.gaps.push(Gap::at(file, offset, message));
    }
    facts.records = facts.records.max(decoded);
}

fn take_record(
    file: &Arc<str>,
    rendered: &serde_json::Value,
    id: u64,
    time: Timestamp,
    knowledge: &Knowledge,
    facts: &mut ChunkFacts,
) {
    let Some(record) = event_record(rendered, id, time) else { return };
    facts.identity.get_or_insert((Arc::clone(&record.host), Arc::clone(&record.channel)));
    if let Some((provider, event)) = knowledge.event(&record.provider, record.id) {
        facts.observations.push(observation(record, provider, event, file));
    }
}

/// Seconds from 1601 to 1970.
const FILETIME_EPOCH_S: i64 = 11_644_473_600;

/// A FILETIME as a time; `None` outside what can be represented.
fn filetime(ticks: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - FILETIME_EPOCH_S;
    let nanos = i64::try_from(ticks % 10_000_000).ok()? * 100;
    Timestamp::from_second(seconds).ok()?.checked_add(SignedDuration::from_nanos(nanos)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetimes_are_read_to_100_ns() {
        let time = filetime(133_590_312_001_234_567).unwrap();
        assert_eq!(crate::base::rfc3339(time), "2024-05-01T10:00:00.1234567Z");
        assert_eq!(filetime(u64::MAX), None);
    }

    #[test]
    fn unused_space_is_no_gap_and_a_zeroed_chunk_is() {
        assert_eq!(not_a_chunk(&[0; 100], false).as_deref(), Some(""));
        assert!(not_a_chunk(&[0; 100], true).unwrap().contains("all zeros"));
    }
}
