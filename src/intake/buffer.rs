//! A buffer that is read into again and again.

use super::read_at::ReadAt;
use std::io;

/// Systems copy a quarter faster to where a cache line begins.
const LINE: usize = 64;

/// Bytes of evidence from some offset on.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Where the first line begins.
    start: usize,
    length: usize,
}

impl Buffer {
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.length).unwrap_or_default()
    }

    /// Reads as many bytes as are wanted and there, from an offset on.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(&mut self, source: &ReadAt, offset: u64, wanted: usize) -> io::Result<()> {
        self.length = 0;
        self.read_on(source, offset, wanted)
    }

    /// Reads on behind what was read from the same offset, until as many bytes as are
    /// wanted and there are in the buffer.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read_on(&mut self, source: &ReadAt, offset: u64, wanted: usize) -> io::Result<()> {
        let have = self.length;
        self.make_room(wanted);
        let room = self.bytes.get_mut(self.start + have..self.start + wanted).unwrap_or_default();
        let got = source.read(offset + have as u64, room)?;
        self.length = have + got;
        Ok(())
    }

    fn make_room(&mut self, wanted: usize) {
        if self.bytes.len() >= self.start + wanted {
            return;
        }
        let mut larger = vec![0; wanted + LINE];
        // Where no line can be found any place will do.
        let start = larger.as_ptr().align_offset(LINE);
        let start = if start < LINE { start } else { 0 };
        let have = self.bytes();
        if let Some(to) = larger.get_mut(start..start + have.len()) {
            to.copy_from_slice(have);
        }
        (self.bytes, self.start) = (larger, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_keeps_what_it_holds_and_begins_a_line() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let source = ReadAt::Memory(bytes.clone().into());
        let mut buffer = Buffer::default();
        buffer.read(&source, 100, 50).unwrap();
        assert_eq!(buffer.bytes(), &bytes[100..150]);
        buffer.read_on(&source, 100, 5_000).unwrap();
        assert_eq!(buffer.bytes(), &bytes[100..5_100]);
        assert_eq!(buffer.bytes().as_ptr().addr() % LINE, 0);
        buffer.read(&source, 9_990, 5_000).unwrap();
        assert_eq!(buffer.bytes(), &bytes[9_990..]);
        buffer.read(&source, 20_000, 10).unwrap();
        assert!(buffer.bytes().is_empty());
    }
}
