//! What did Windows log that matters?
//!
//! A log is read chunk by chunk, on borrowed bytes: the records are found by their
//! headers (`walk`), each record's template definition tells its provider and event
//! id (`binxml`), and only wanted records are decoded: by a plan made of their
//! definitions, or in full by the `evtx` crate where a definition has no known form.

mod binxml;
mod census;
mod chunk;
mod fields;
mod flood;
mod forms;
mod full;
mod ledger;
mod locate;
mod observe;
mod reader;
mod record;
mod runs;
mod walk;
#[cfg(test)]
mod witness;

pub use census::{Counted, census};
pub use reader::LogFacts;
pub use record::EventRecord;

use crate::intake::{EvidenceFile, FileKind};
use crate::knowledge::Knowledge;

/// Reads one log, in whatever form it is. Only events that `knowledge` wants are
/// decoded.
pub fn read(file: &EvidenceFile, knowledge: &Knowledge) -> LogFacts {
    match file.kind {
        FileKind::Evtx => reader::read(file, knowledge),
        _ => forms::read(file, knowledge),
    }
}
