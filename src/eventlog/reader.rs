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
