//! Reading at any offset, by several threads at a time.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes of evidence of which every part can be read without moving a cursor.
#[derive(Debug)]
pub enum ReadAt {
    File { file: File, length: u64 },
    Memory(Arc<[u8]>),
}

impl ReadAt {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::File { file, length })
    }

    /// Length in bytes when the evidence was opened.
    pub fn length(&self) -> u64 {
        match self {
            Self::File { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills the buffer from an offset; fewer bytes come only at the end of the
    /// evidence.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let got = match self {
                Self::File { file, .. } => match read_file(file, offset + filled as u64, rest) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    got => got?,
                },
                Self::Memory(bytes) => copy(bytes, offset + filled as u64, rest),
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
}
