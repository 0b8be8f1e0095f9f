//! A log, chunk by chunk: scanned in parallel, in order, with the memory of the
//! chunks in flight.

use super::chunk::{ChunkFacts, ChunkPlace, join_spans, read_chunk};
use super::scan::CHUNK_LEN;
use crate::base::limits::{MAX_GAPS_PER_FILE, MAX_RECORDS_PER_LOG};
use crate::base::{Gap, HostTime};
use crate::intake::EvidenceFile;
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, EvidenceKind, Observation, Vantage};
use rayon::prelude::*;
use std::collections::BTreeMap;
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
    let mut facts = log.finish();
    file.explain_offsets(&mut facts.gaps);
    facts
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

struct Log {
    file: Arc<str>,
    observations: Vec<Observation>,
    gaps: Vec<Gap>,
    speakers: BTreeMap<Speaker, Tally>,
    /// Chunks of which no record could be decoded.
    nameless: Tally,
    last_speaker: Option<Speaker>,
}

impl Log {
    fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            observations: Vec::new(),
            gaps: Vec::new(),
            speakers: BTreeMap::new(),
            nameless: Tally::default(),
            last_speaker: None,
        }
    }

    fn read(&mut self, file: &EvidenceFile, knowledge: &Knowledge) -> io::Result<()> {
        let mut reader = file.open(&mut self.gaps)?;
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
                    read_chunk(ChunkPlace { file, offset, expected }, chunk, knowledge)
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
        self.tally(&facts);
        self.observations.extend(facts.observations);
        self.gaps.extend(facts.gaps);
    }

    /// Counts a chunk for whoever speaks in it. Where several hosts do (forwarded
    /// events), each covers only the time of its own wanted records.
    fn tally(&mut self, facts: &ChunkFacts) {
        let mut heard: BTreeMap<Speaker, Tally> = BTreeMap::new();
        for observation in &facts.observations {
            if let Vantage::Log { host, channel } = &observation.vantage {
                let tally = heard.entry((Arc::clone(host), Arc::clone(channel))).or_default();
                tally.records += 1;
                tally.span = join_spans(tally.span, Some((observation.time, observation.time)));
            }
        }
        let speaker = facts.identity.clone().or_else(|| self.last_speaker.clone());
        if heard.len() > 1 {
            for (speaker, tally) in heard {
                self.speakers.entry(speaker).or_default().add(&tally);
            }
        } else if facts.records + facts.unreadable > 0 {
            let whole =
                Tally { span: facts.span, records: facts.records, unreadable: facts.unreadable };
            match speaker.clone() {
                Some(speaker) => self.speakers.entry(speaker).or_default().add(&whole),
                None => self.nameless.add(&whole),
            }
        }
        self.last_speaker = speaker;
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
        let entry = |speaker: Option<&Speaker>, tally: &Tally| Coverage {
            file: Arc::clone(&self.file),
            kind: EvidenceKind::Evtx,
            host: speaker.map(|(host, _)| Arc::clone(host)),
            channel: speaker.map(|(_, channel)| Arc::clone(channel)),
            span: tally.span,
            items: tally.records,
            unreadable: tally.unreadable,
            holes: Vec::new(),
        };
        let mut coverage: Vec<Coverage> =
            self.speakers.iter().map(|(speaker, tally)| entry(Some(speaker), tally)).collect();
        if coverage.is_empty() || self.nameless.records + self.nameless.unreadable > 0 {
            coverage.push(entry(None, &self.nameless));
        }
        coverage
    }
}

/// Host and channel, as the records name them.
type Speaker = (Arc<str>, Arc<str>);

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
