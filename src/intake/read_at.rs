//! Reading at any offset, by several threads at a time.

use crate::base::{Meter, ZeroRun};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes of evidence of which every part can be read without moving a cursor.
#[derive(Debug, Clone)]
pub enum ReadAt {
    /// So many bytes of a file, from an offset on.
    File {
        file: Arc<File>,
        from: u64,
        length: u64,
    },
    Memory(Arc<[u8]>),
    /// Within the time of a case, and counted.
    Metered {
        inner: Arc<Self>,
        meter: Arc<Meter>,
    },
}

impl ReadAt {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::File { file: Arc::new(file), from: 0, length })
    }

    /// A part of the bytes, as far as they reach. Parts of memory are copied.
    pub(super) fn part(&self, from: u64, length: u64) -> Self {
        let from = from.min(self.length());
        let length = length.min(self.length() - from);
        match self {
            Self::File { file, from: start, .. } => {
                Self::File { file: Arc::clone(file), from: start + from, length }
            }
            Self::Memory(bytes) => {
                let start = usize::try_from(from).unwrap_or(usize::MAX);
                let end = usize::try_from(from + length).unwrap_or(usize::MAX);
                Self::Memory(bytes.get(start..end).unwrap_or_default().into())
            }
            Self::Metered { inner, meter } => {
                let inner = Arc::new(inner.part(from, length));
                Self::Metered { inner, meter: Arc::clone(meter) }
            }
        }
    }

    /// Length in bytes when the evidence was opened.
    pub fn length(&self) -> u64 {
        match self {
            Self::File { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Metered { inner, .. } => inner.length(),
        }
    }

    /// Fills the buffer from an offset; fewer bytes come only at the end of the
    /// evidence.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Metered { inner, meter } = self {
            meter.in_time()?;
            let got = inner.read(offset, buffer)?;
            meter.count(got as u64);
            return Ok(got);
        }
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let got = match self {
                Self::File { file, from, length } => {
                    let at = offset.saturating_add(filled as u64);
                    let room = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX);
                    let room = room.min(rest.len());
                    let rest = rest.get_mut(..room).unwrap_or_default();
                    match read_file(file, from.saturating_add(at), rest) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        got => got?,
                    }
                }
                Self::Memory(bytes) => copy(bytes, offset + filled as u64, rest),
                Self::Metered { inner, .. } => inner.read(offset + filled as u64, rest)?,
            };
            if got == 0 {
                break;
            }
            filled += got;
        }
        Ok(filled)
    }
}

fn copy(bytes: &[u8], offset: u64, buffer: &mut [u8]) -> usize {
    let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
    let from = from.unwrap_or_default();
    let length = from.len().min(buffer.len());
    if let (Some(to), Some(from)) = (buffer.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
    length
}

#[cfg(unix)]
fn read_file(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_file(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// A cursor over bytes that have none. Zeros without end are an error.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    pub(super) bytes: ReadAt,
    pub(super) at: u64,
    zeros: ZeroRun,
}

impl Cursor {
    pub(super) fn new(bytes: ReadAt) -> Self {
        Self::from(bytes, 0)
    }

    /// A cursor that stands at an offset.
    pub(super) fn from(bytes: ReadAt, at: u64) -> Self {
        Self { bytes, at, zeros: ZeroRun::default() }
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.bytes.read(self.at, buffer)?;
        self.at += got as u64;
        self.zeros.saw(buffer.get(..got).unwrap_or_default())?;
        Ok(got)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.length().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| io::Error::other("sought before the start"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn files_and_memory_give_the_same_bytes() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let file = ReadAt::file(file).unwrap();
        let memory = ReadAt::Memory(bytes.into());
        for offset in [0, 200, 255, 256, 1000] {
            let (mut a, mut b) = ([0; 100], [0; 100]);
            let got = file.read(offset, &mut a).unwrap();
            assert_eq!(got, memory.read(offset, &mut b).unwrap());
            assert_eq!(got as u64, 256_u64.saturating_sub(offset).min(100));
            assert_eq!(a[..got], b[..got]);
        }
    }

    #[test]
    fn a_part_ends_where_it_was_said_to_end() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&(0..=255).collect::<Vec<u8>>()).unwrap();
        let file = ReadAt::file(file).unwrap();
        for whole in [file, ReadAt::Memory((0..=255).collect())] {
            let part = whole.part(250, 4);
            let mut bytes = [0; 10];
            assert_eq!((part.length(), part.read(1, &mut bytes).unwrap()), (4, 3));
            assert_eq!(bytes[..3], [251, 252, 253]);
            assert_eq!(part.part(1, 100).length(), 3);
            assert_eq!(whole.part(1000, 1).length(), 0);
        }
    }
}
