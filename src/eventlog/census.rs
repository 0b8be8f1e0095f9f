//! Every record of a log, wanted or not: who wrote it, when, and its number. For those who
//! write a log anew.

use super::binxml::{instance, speaker};
use super::forms;
use super::locate::{ChunkPlace, file_header, grid, locate};
use super::walk::{CHUNK_LEN, CHUNK_SIGNATURE, walk};
use crate::base::{HostTime, filetime};
use crate::intake::{EvidenceFile, FileKind, ReadAt};
use crate::knowledge::Knowledge;
use std::io;
use std::sync::Arc;

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    pub host: &'a str,
    pub channel: &'a str,
    /// `EventRecordID`, where it has one.
    pub number: Option<u64>,
    /// The line of an exported log at which it begins, counted from 1.
    pub line: u64,
    pub time: Option<HostTime>,
}

/// Counts the records of a log, in the order in which they stand. Gaps are told where the log
/// is read for its facts.
///
/// # Errors
/// When it cannot be opened.
pub fn census(
    file: &EvidenceFile,
    knowledge: &Knowledge,
    take: &mut dyn FnMut(&Counted<'_>),
) -> io::Result<()> {
    if file.kind != FileKind::Evtx {
        forms::census(file, knowledge, take);
        return Ok(());
    }
    let input = file.open_at(&mut Vec::new())?;
    let header = file_header(&file.name, &input)?;
    let mut census = Census { input: &input, speaker: None, take };
    if let Some(offset) = census.chunks(grid(header.chunks, &input))? {
        let layout = locate(&file.name, &input, &header, offset)?;
        census.chunks(layout.chunks.into_iter())?;
    }
    Ok(())
}

struct Census<'a> {
    input: &'a ReadAt,
    speaker: Option<(Arc<str>, Arc<str>)>,
    take: &'a mut dyn FnMut(&Counted<'_>),
}

impl Census<'_> {
    /// Goes over chunks up to the first place where none is though it should; gives that place.
    fn chunks(&mut self, places: impl Iterator<Item = ChunkPlace>) -> io::Result<Option<u64>> {
        let mut buffer = vec![0; CHUNK_LEN];
        for place in places {
            let chunk = buffer.get_mut(..place.length).unwrap_or_default();
            let got = self.input.read(place.offset, chunk)?;
            let chunk = chunk.get(..got).unwrap_or_default();
            if place.signed && !chunk.starts_with(CHUNK_SIGNATURE) {
                return Ok(Some(place.offset));
            }
            self.chunk(chunk);
        }
        Ok(None)
    }

    fn chunk(&mut self, chunk: &[u8]) {
        for record in walk(chunk).live {
            let found = instance(chunk, record.body())
                .and_then(|instance| speaker(chunk, instance, record.end()));
            self.speaker = found.or_else(|| self.speaker.take());
            let (host, channel) = match &self.speaker {
                Some((host, channel)) => (&**host, &**channel),
                None => ("", ""),
            };
            let time = filetime(record.filetime).filter(|_| record.filetime != 0).map(HostTime);
            (self.take)(&Counted { host, channel, number: Some(record.id), line: 0, time });
        }
    }
}
