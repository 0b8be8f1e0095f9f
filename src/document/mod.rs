//! What do the texts say that people attach?
//!
//! Beside logs and captures a ticket holds what somebody pasted or saved. A text whose
//! meaning is known becomes observations, each with its line; any other text is listed
//! as not understood, never guessed at.

mod dialog;

use crate::base::Gap;
use crate::base::limits::MAX_DOCUMENT;
use crate::intake::{EvidenceFile, Utf8};
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, EvidenceKind, Observation};
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
    if dialogs.is_empty() {
        facts.gaps.push(Gap::file(&file.name, "text, of which this version understands nothing"));
        return facts;
    }
    facts.coverage.push(coverage(&file.name, &dialogs));
    facts.observations = dialogs;
    facts
}

/// The beginning of a text as UTF-8.
fn decoded(file: &EvidenceFile) -> io::Result<String> {
    let mut bytes = Vec::new();
    Utf8::new(file.stream()?).take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Error dialogs speak only for their own moments, so their span is for reading, not
/// for proof.
fn coverage(file: &Arc<str>, dialogs: &[Observation]) -> Coverage {
    let dated = || dialogs.iter().filter(|d| d.field("dated") == Some("yes")).map(|d| d.time);
    Coverage {
        file: Arc::clone(file),
        kind: EvidenceKind::Dialog,
        channel: None,
        host: None,
        span: dated().min().zip(dated().max()),
        items: dialogs.len() as u64,
        unreadable: 0,
        holes: Vec::new(),
    }
}
