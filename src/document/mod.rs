//! What do the texts say that people attach?
//!
//! Beside logs and captures a ticket holds what somebody pasted or saved. A text whose
//! meaning is known becomes observations, each with its line; any other text is listed
//! as not understood, never guessed at.

mod acl;
mod dialog;
mod registry;

use crate::base::limits::MAX_DOCUMENT;
use crate::base::{Gap, HostTime};
use crate::intake::{EvidenceFile, Utf8};
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, EvidenceKind, Observation, Place, Source, Subject, Vantage};
use std::io::{self, Read as _};
use std::sync::Arc;

/// What a text says.
#[derive(Debug, Default)]
pub struct DocumentFacts {
    pub observations: Vec<Observation>,
    /// One for a text that was understood.
    pub coverage: Vec<Coverage>,
    pub gaps: Vec<Gap>,
}

/// Reads a text. What it says nothing about, or what is not understood, is a gap.
pub fn read(file: &EvidenceFile, knowledge: &Knowledge) -> DocumentFacts {
    let mut facts = DocumentFacts::default();
    let text = match decoded(file) {
        Ok(text) => text,
        Err(error) => {
            facts.gaps.push(Gap::file(&file.name, format!("cannot be read: {error}")));
            return facts;
        }
    };
    if text.len() as u64 >= MAX_DOCUMENT {
        let message =
            format!("a text of more than {MAX_DOCUMENT} bytes: only its beginning was looked at");
        facts.gaps.push(Gap::at(&file.name, MAX_DOCUMENT, message));
    }
    let dialogs = dialog::read(&text, &file.name, knowledge);
    let count = dialogs.len() as u64;
    facts.add(&file.name, EvidenceKind::Dialog, count, dialogs);
    let acl = acl::read(&text, &file.name);
    facts.add(&file.name, EvidenceKind::Acl, acl.count, acl.observations);
    if acl.left_out > 0 {
        let message = format!("listings of the same key that were not looked at: {}", acl.left_out);
        facts.gaps.push(Gap::file(&file.name, message));
    }
    facts.add_registry(registry::read(&text, &file.name), &file.name);
    if facts.coverage.is_empty() {
        facts.gaps.push(Gap::file(&file.name, "text, of which this version understands nothing"));
    }
    facts
}

impl DocumentFacts {
    /// Adds what one form found: so many `items`, of which these observations are kept.
    fn add(
        &mut self,
        file: &Arc<str>,
        kind: EvidenceKind,
        items: u64,
        observations: Vec<Observation>,
    ) {
        if items > 0 {
            self.coverage.push(coverage(file, kind, items, &observations));
            self.observations.extend(observations);
        }
    }
}

impl DocumentFacts {
    /// Adds what registry keys say, and what of them does not count.
    fn add_registry(&mut self, keys: registry::Keys, file: &Arc<str>) {
        self.add(file, EvidenceKind::Registry, keys.count, keys.observations);
        if keys.changes {
            let message =
                "registry keys to be deleted: a text that changes settings does not show them";
            self.gaps.push(Gap::file(file, message));
        }
        for (count, what) in [
            (keys.not_understood, "that were not understood"),
            (keys.other_sets, "of control sets that are not the current one"),
            (keys.left_out, "too many to be looked at"),
        ] {
            if count > 0 {
                self.gaps.push(Gap::file(file, format!("registry values {what}: {count}")));
            }
        }
    }
}

/// What a text without a time says at one of its lines, counted from 1.
fn undated<const N: usize>(
    kind: &str,
    file: &Arc<str>,
    line: usize,
    fields: [(&str, String); N],
) -> Observation {
    let named = fields.into_iter().map(|(name, value)| (name.into(), value));
    Observation {
        kind: kind.into(),
        time: HostTime(jiff::Timestamp::UNIX_EPOCH),
        vantage: Vantage::Document { file: Arc::clone(file) },
        subject: Subject::default(),
        fields: named.chain([("dated".into(), "no".to_owned())]).collect(),
        source: Source { file: Arc::clone(file), place: Place::Line(line as u64) },
        repeats: 0,
    }
}

/// The beginning of a text as UTF-8.
fn decoded(file: &EvidenceFile) -> io::Result<String> {
    let mut bytes = Vec::new();
    Utf8::new(file.stream()?).take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Texts speak only for their own moments, so their span is for reading, not for proof.
fn coverage(
    file: &Arc<str>,
    kind: EvidenceKind,
    items: u64,
    observations: &[Observation],
) -> Coverage {
    let dated = || observations.iter().filter(|o| o.field("dated") == Some("yes")).map(|o| o.time);
    Coverage {
        file: Arc::clone(file),
        kind,
        channel: None,
        host: None,
        span: dated().min().zip(dated().max()),
        items,
        unreadable: 0,
        holes: Vec::new(),
    }
}
