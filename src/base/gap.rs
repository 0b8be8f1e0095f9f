use super::counted;
use super::limits::MAX_GAPS_PER_FILE;
use std::fmt;
use std::sync::Arc;

/// Where in a file something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file as a whole.
    File,
    /// Byte offset from the start of the file.
    Offset(u64),
}

/// A part of the input that could not be read: what, where and why.
///
/// Readers return facts *and* gaps; together they are the whole input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The evidence file, as it was named to the user.
    pub file: Arc<str>,
    /// Where the unreadable part begins.
    pub place: Place,
    /// Why, and how much was lost, in one line.
    pub message: String,
}

impl Gap {
    /// A gap that concerns the file as a whole.
    pub fn file(file: &Arc<str>, message: impl Into<String>) -> Self {
        Self { file: Arc::clone(file), place: Place::File, message: message.into() }
    }

    /// A gap that begins at a byte offset.
    pub fn at(file: &Arc<str>, offset: u64, message: impl Into<String>) -> Self {
        Self { file: Arc::clone(file), place: Place::Offset(offset), message: message.into() }
    }
}

/// The gaps of one file: the first ones, and how many more there are.
#[derive(Debug, Default)]
pub struct GapList {
    gaps: Vec<Gap>,
    more: u64,
}

impl GapList {
    pub fn push(&mut self, gap: Gap) {
        if self.gaps.len() < MAX_GAPS_PER_FILE {
            self.gaps.push(gap);
        } else {
            self.more += 1;
        }
    }

    /// Takes several.
    pub fn extend(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        gaps.into_iter().for_each(|gap| self.push(gap));
    }

    /// The gaps, with one that counts those that were not kept, and one for each of
    /// `counts` that is not zero.
    pub fn finish(mut self, file: &Arc<str>, counts: &[(u64, &str)]) -> Vec<Gap> {
        if self.more > 0 {
            let message = format!("{} in this file", counted(self.more, "more problem"));
            self.gaps.push(Gap::file(file, message));
        }
        for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
            self.gaps.push(Gap::file(file, format!("{count} {what}")));
        }
        self.gaps
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(f, "{}: {}", self.file, self.message),
            Place::Offset(offset) => write!(f, "{} at byte {offset}: {}", self.file, self.message),
        }
    }
}
