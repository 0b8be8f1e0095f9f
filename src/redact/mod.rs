//! How is a case shown to others without saying whose it is?
//!
//! Reports, captures, logs and texts are written once more, with keyed pseudonyms in the place
//! of names and addresses: the same original has the same pseudonym everywhere. First the case
//! is read as for a diagnosis, which tells whose names are in it; then everything is written.
//! Nothing is copied that is not understood.

mod address;
mod capture;
mod documents;
mod files;
mod folder;
mod key;
mod leaks;
mod learn;
mod logs;
mod mapping;
mod pieces;
mod pseudonym;
mod report;
mod summary;
mod text;
mod words;
mod write;

pub use folder::FolderError;
pub use key::{KeyError, key_of_file, random_key};
pub use pseudonym::{KEY_LEN, Pseudonyms};
pub use summary::{CopyOf, Redaction};
pub use text::Scrubber;
pub use words::Words;
pub use write::{Error, Job, redact};

use crate::base::Meter;
use crate::capture::streams;
use crate::intake::take_in_within;
use crate::knowledge::Knowledge;
use crate::report::Report;
use crate::triage::{Config, explain, read};
use files::Files;
use report::redact_report;
use std::sync::Arc;

/// Analyses a case and gives its report with pseudonyms. It is called as the configuration
/// names it, or `redacted`.
///
/// # Errors
/// When a path does not exist.
pub fn redacted_report(
    config: &Config,
    knowledge: &Knowledge,
    meter: &Arc<Meter>,
    pseudonyms: &Pseudonyms,
) -> Result<Report, Error> {
    let taken = take_in_within(&config.paths, config.budget, meter)?;
    let mut gaps = taken.gaps;
    let streams = streams(taken.files);
    let evidence = read(config, &streams, &mut gaps, knowledge, meter);
    let mut scrubber = Scrubber::new(pseudonyms);
    learn::learn(&evidence, knowledge, &mut scrubber);
    let files = Files::new(&streams, write::channels(&evidence, knowledge));
    let report = explain(config, evidence, gaps, knowledge, meter);
    learn::of_report(&report, &mut scrubber)?;
    let mut report = redact_report(&report, &scrubber, &files)?;
    if let Some(name) = &config.name {
        report.case.name.clone_from(name);
    }
    Ok(report)
}
