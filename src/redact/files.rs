//! What the copies of a case's files are called: nothing of the originals' names is in it.

use crate::intake::{EvidenceFile, FileKind};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Lines of logs without record numbers that are followed.
const MAX_LINES: usize = 1_000_000;

/// Shorter names of files are words of texts.
const SHORTEST: usize = 5;

/// Originals and copies.
#[derive(Debug, Default)]
pub(super) struct Files {
    names: BTreeMap<Arc<str>, String>,
    /// Where records without a number stand in the copy.
    lines: HashMap<(Arc<str>, u64), u64>,
}

impl Files {
    /// Names the copies. `streams` are the files, those of a split capture together; `channel`
    /// tells the channel of a log.
    pub(super) fn new(
        streams: &[Vec<EvidenceFile>],
        channel: impl Fn(&Arc<str>) -> Option<String>,
    ) -> Self {
        let mut files = Self::default();
        for (number, parts) in (1..).zip(streams) {
            for (part, file) in (1..).zip(parts) {
                let name = match file.kind {
                    // As dumpcap numbers and dates them, so that they stay one capture.
                    kind if kind.is_capture() && parts.len() > 1 => {
                        format!("{number:03}-capture_{part:05}_19700101000000.pcapng")
                    }
                    kind if kind.is_capture() => format!("{number:03}-capture.pcapng"),
                    FileKind::Text => format!("{number:03}-text.txt"),
                    _ => {
                        let channel = channel(&file.name).unwrap_or_else(|| "events".to_owned());
                        format!("{number:03}-{channel}.jsonl")
                    }
                };
                files.names.insert(Arc::clone(&file.name), name);
            }
        }
        files
    }

    /// The name of a copy; of a file that has none, that it has none.
    pub(super) fn name_of(&self, original: &str) -> String {
        self.names.get(original).cloned().unwrap_or_else(|| "(not copied)".to_owned())
    }

    pub(super) fn copies(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }

    /// Originals and copies, in the order of the originals' names.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(original, copy)| (&**original, copy.as_str()))
    }

    /// A text in which files have the names of their copies.
    pub(super) fn in_text(&self, text: &str) -> String {
        // A name like a word would be found everywhere.
        let telling = |name: &str| name.len() > SHORTEST && name.contains(['.', '/']);
        let named = self
            .names
            .iter()
            .filter(|(original, _)| telling(original) && text.contains(&***original));
        named.fold(text.to_owned(), |text, (original, copy)| text.replace(&**original, copy))
    }

    pub(super) fn moved(&mut self, file: &Arc<str>, from: u64, to: u64) {
        if self.lines.len() < MAX_LINES {
            self.lines.insert((Arc::clone(file), from), to);
        }
    }

    pub(super) fn line(&self, file: &str, line: u64) -> Option<u64> {
        self.lines.get(&(Arc::from(file), line)).copied()
    }
}
