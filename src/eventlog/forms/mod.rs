//! Events that were exported: as XML, JSON or CSV, by whatever tool.
//!
//! Every form becomes the same [`EventRecord`](super::EventRecord) as a record of an
//! .evtx file. One file a form; which one it is, the first bytes tell ([`intake`]).
//!
//! [`intake`]: crate::intake

mod clixml;
mod csv;
mod elements;
mod hits;
mod json;
mod local_time;
mod rows;
mod sink;
mod text;
mod tree;
mod xml;

use super::LogFacts;
use super::census::Counted;
use crate::base::Gap;
use crate::intake::{EvidenceFile, FileKind, Utf8};
use crate::knowledge::Knowledge;
use sink::Sink;
use std::io::{self, BufReader};

/// Reads exported events.
pub(super) fn read(file: &EvidenceFile, knowledge: &Knowledge) -> LogFacts {
    let mut sink = Sink::new(file, knowledge);
    if let Err(error) = read_into(file, &mut sink) {
        sink.gap(Gap::file(&file.name, format!("reading stopped: {error}")));
    }
    let mut facts = sink.finish();
    file.explain_offsets(&mut facts.gaps);
    facts
}

/// Counts the records of exported events.
pub(super) fn census(
    file: &EvidenceFile,
    knowledge: &Knowledge,
    take: &mut dyn FnMut(&Counted<'_>),
) {
    let mut sink = Sink::new(file, knowledge);
    sink.tell(take);
    // Why reading stopped is told where the log is read for its facts.
    let _ = read_into(file, &mut sink);
}

fn read_into(file: &EvidenceFile, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut text = BufReader::with_capacity(1 << 16, Utf8::new(file.stream()?));
    match file.kind {
        FileKind::EventJson => json::read(&mut text, sink),
        FileKind::EventXml => xml::read(&mut text, sink),
        FileKind::EventCliXml => clixml::read(&mut text, sink),
        FileKind::EventCsv => csv::read(&mut text, sink),
        FileKind::EventText => text::read(&mut text, sink),
        // No other kind comes here.
        _ => Ok(()),
    }
}

/// What one exported record may take, in bytes of UTF-8: records of .evtx files have
/// at most 64 KiB, and escaping makes at most six bytes of one.
const MAX_RECORD_TEXT: usize = 1 << 20;
