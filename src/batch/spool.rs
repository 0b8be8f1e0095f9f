//! Results come in any order and leave in the order of their cases.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// Bytes that wait in memory; what is more waits in an anonymous temporary file.
const MAX_IN_MEMORY: usize = 16 << 20;

/// What waits for its turn.
#[derive(Debug)]
enum Waiting {
    Memory(Vec<u8>),
    /// Offset and length in the temporary file.
    File(u64, usize),
}

/// Results that wait for those before them.
#[derive(Debug, Default)]
pub(super) struct Spool<T> {
    next: usize,
    waiting: BTreeMap<usize, (T, Waiting)>,
    in_memory: usize,
    file: Option<File>,
    end: u64,
}

impl<T: Default> Spool<T> {
    /// Takes the result of a case, by its number.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub(super) fn put(&mut self, case: usize, line: T, bytes: Vec<u8>) -> io::Result<()> {
        let waits = case != self.next && self.in_memory + bytes.len() > MAX_IN_MEMORY;
        let waiting = if waits {
            self.spill(&bytes)?
        } else {
            self.in_memory += bytes.len();
            Waiting::Memory(bytes)
        };
        self.waiting.insert(case, (line, waiting));
        Ok(())
    }

    /// The next result in order, once it is there.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<(T, Vec<u8>)>> {
        let Some((line, waiting)) = self.waiting.remove(&self.next) else { return Ok(None) };
        self.next += 1;
        let bytes = match waiting {
            Waiting::Memory(bytes) => {
                self.in_memory -= bytes.len();
                bytes
            }
            Waiting::File(from, length) => self.fetch(from, length)?,
        };
        Ok(Some((line, bytes)))
    }

    fn spill(&mut self, bytes: &[u8]) -> io::Result<Waiting> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(bytes)?;
        let from = self.end;
        self.end += bytes.len() as u64;
        Ok(Waiting::File(from, bytes.len()))
    }

    fn fetch(&mut self, from: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(&mut bytes)?;
        }
        if self.waiting.values().all(|(_, waiting)| matches!(waiting, Waiting::Memory(_))) {
            // Nothing is in the file any more.
            self.end = 0;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_leave_in_order_from_memory_and_from_the_file() {
        let mut spool = Spool::<u8>::default();
        let big = |n: u8| vec![n; MAX_IN_MEMORY / 2 + 1];
        for case in [3_u8, 1, 2] {
            spool.put(case.into(), case, big(case)).unwrap();
            assert!(spool.next().unwrap().is_none());
        }
        assert!(spool.in_memory <= MAX_IN_MEMORY && spool.end > 0);
        spool.put(0, 0, big(0)).unwrap();
        for case in 0..4_u8 {
            let (line, bytes) = spool.next().unwrap().unwrap();
            assert_eq!((line, bytes), (case, big(case)));
        }
        assert!(spool.next().unwrap().is_none());
        assert_eq!((spool.in_memory, spool.end), (0, 0));
    }
}
