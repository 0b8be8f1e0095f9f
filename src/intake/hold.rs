//! Unpacked bytes that have to be read more than once, or from anywhere: small ones
//! stay in memory, others go into an anonymous temporary file, which the system removes
//! when nobody has it open any more.

use super::read_at::ReadAt;
use crate::base::limits::{MAX_ALL_HELD_IN_MEMORY, MAX_HELD_IN_MEMORY};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 17;

/// Holds bytes of any number of files.
#[derive(Debug)]
pub(super) struct Store {
    /// Bytes that may still be held in memory.
    memory: usize,
    /// The temporary file, and where it ends.
    spill: Option<(Arc<File>, u64)>,
}

/// What is held of a file: all that came, and why no more did.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: ReadAt,
    pub(super) error: Option<io::Error>,
}

impl Default for Store {
    fn default() -> Self {
        Self { memory: MAX_ALL_HELD_IN_MEMORY, spill: None }
    }
}

impl Store {
    /// Holds all that a reader gives.
    pub(super) fn hold(&mut self, reader: &mut dyn Read) -> Held {
        let limit = self.memory.min(MAX_HELD_IN_MEMORY);
        let mut head = Vec::new();
        let got = (&mut *reader).take(limit as u64 + 1).read_to_end(&mut head);
        if head.len() <= limit {
            self.memory -= head.len();
            return Held { bytes: ReadAt::Memory(head.into()), error: got.err() };
        }
        self.spill(&head, reader).unwrap_or_else(|error| {
            head.truncate(limit);
            self.memory -= head.len();
            let error = io::Error::other(format!("no temporary file could be written: {error}"));
            Held { bytes: ReadAt::Memory(head.into()), error: Some(error) }
        })
    }

    /// Writes bytes and what follows them behind the end of the temporary file.
    fn spill(&mut self, head: &[u8], reader: &mut dyn Read) -> io::Result<Held> {
        let (file, from) = match &self.spill {
            Some((file, end)) => (Arc::clone(file), *end),
            None => (Arc::new(tempfile::tempfile()?), 0),
        };
        let mut writer = &*file;
        // Positioned reads may have moved the cursor.
        writer.seek(SeekFrom::Start(from))?;
        writer.write_all(head)?;
        let mut length = head.len() as u64;
        let error = copy(reader, &mut writer, &mut length).err();
        self.spill = Some((Arc::clone(&file), from + length));
        Ok(Held { bytes: ReadAt::File { file, from, length }, error })
    }
}

/// Copies everything and counts what arrived.
fn copy(reader: &mut dyn Read, writer: &mut impl Write, length: &mut u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let got = match reader.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            got => got?,
        };
        if got == 0 {
            return Ok(());
        }
        writer.write_all(piece.get(..got).unwrap_or_default()).map_err(|error| {
            io::Error::other(format!("a temporary file could not be written: {error}"))
        })?;
        *length += got as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(held: &Held) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(held.bytes.length()).unwrap()];
        assert_eq!(held.bytes.read(0, &mut bytes).unwrap(), bytes.len());
        bytes
    }

    #[test]
    fn small_files_stay_in_memory_and_large_ones_share_a_temporary_file() {
        let mut store = Store { memory: 10, spill: None };
        let files: [&[u8]; 4] =
            [b"12345", b"a larger file", b"6789", b"one more, when all is full"];
        let held: Vec<Held> = files.iter().map(|file| store.hold(&mut &**file)).collect();
        let spilled = |held: &Held| matches!(held.bytes, ReadAt::File { .. });
        assert_eq!(held.iter().map(spilled).collect::<Vec<_>>(), [false, true, false, true]);
        for (held, file) in held.iter().zip(files) {
            assert_eq!(bytes_of(held), file);
        }
    }

    #[test]
    fn what_came_before_an_error_is_held() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        for memory in [4, 100] {
            let mut store = Store { memory, spill: None };
            let held = store.hold(&mut (&b"whole"[..]).chain(Broken));
            assert_eq!(bytes_of(&held), b"whole");
            assert_eq!(held.error.unwrap().to_string(), "broken");
        }
    }
}
