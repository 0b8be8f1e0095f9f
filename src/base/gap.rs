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

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(f, "{}: {}", self.file, self.message),
            Place::Offset(offset) => write!(f, "{} at byte {offset}: {}", self.file, self.message),
        }
    }
}
