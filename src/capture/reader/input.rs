//! A window over a stream: one buffer that is reused.

use crate::base::is_zero;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that are read at a time.
const READ_SIZE: usize = 1 << 20;

/// Places that are tried between two looks at the file.
const SCAN_STEP: usize = 256 << 10;

/// Zeros that a search passes over at a time, and with how many of them no record or
/// block begins: times and lengths stand in the first 24 bytes.
const ZEROS: usize = 4096;
const MOST_ZEROS: usize = 64;

/// A window over the input: `peek` makes bytes available, `consume` moves on.
///
/// An error of the stream ends the input like the end of the file would, so that
/// everything before it is read; it is kept in `failure`.
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    /// Offset of the first byte of the window from the start of the input.
    pub(super) offset: u64,
    end_of_file: bool,
    /// Why the stream ended before its end.
    pub(super) failure: Option<io::Error>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, offset: 0, end_of_file: false, failure: None }
    }

    pub(super) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The window, grown to at least `need` bytes unless the input ends before.
    pub(super) fn peek(&mut self, need: usize) -> &[u8] {
        while self.window().len() < need && !self.end_of_file {
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let missing = need.saturating_sub(self.buffer.len()).max(READ_SIZE);
            let limit = u64::try_from(missing).unwrap_or(u64::MAX);
            match self.reader.by_ref().take(limit).read_to_end(&mut self.buffer) {
                Ok(got) => self.end_of_file = got < missing,
                Err(error) => {
                    self.end_of_file = true;
                    self.failure = Some(error);
                }
            }
        }
        self.window()
    }

    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.window().len());
        self.start += count;
        self.offset += count as u64;
    }

    /// Moves on to the first place, after the one where the input stands, that
    /// `plausible` accepts, or to the end. It is shown the bytes from that place on,
    /// at least `look_ahead` of them unless the input ends before; `true` says that
    /// they reach to the end. Every place that more than zeros follow is looked at once,
    /// and the memory is bounded.
    pub(super) fn find<T>(
        &mut self,
        look_ahead: usize,
        mut plausible: impl FnMut(&[u8], bool) -> Option<T>,
    ) -> Option<T> {
        self.peek(1);
        self.consume(1);
        loop {
            let need = look_ahead + SCAN_STEP;
            let window = self.peek(need);
            let ends = window.len() < need;
            let places = if ends { window.len() } else { SCAN_STEP };
            let mut at = 0;
            while at < places {
                let rest = window.get(at..).unwrap_or_default();
                if rest.get(..ZEROS).is_some_and(is_zero) {
                    at += ZEROS - MOST_ZEROS;
                } else if let Some(what) = plausible(rest, ends) {
                    self.consume(at);
                    return Some(what);
                } else {
                    at += 1;
                }
            }
            self.consume(at);
            if ends {
                return None;
            }
        }
    }
}

impl<R: Read + Seek> Input<R> {
    /// Goes to an offset from the start of the input. `true` when the window had to
    /// be given up for it.
    pub(super) fn go_to(&mut self, offset: u64) -> io::Result<bool> {
        let ahead = offset.checked_sub(self.offset).and_then(|n| usize::try_from(n).ok());
        if let Some(ahead) = ahead.filter(|ahead| *ahead <= self.window().len()) {
            self.consume(ahead);
            return Ok(false);
        }
        self.reader.seek(SeekFrom::Start(offset))?;
        self.buffer.clear();
        self.start = 0;
        self.offset = offset;
        self.end_of_file = false;
        Ok(true)
    }
}

/// Reads integers at fixed places, in one byte order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) big_endian: bool,
}

impl Order {
    pub(super) const LITTLE: Self = Self { big_endian: false };
    pub(super) const BIG: Self = Self { big_endian: true };

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw: [u8; 4] = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw: [u8; 2] = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let raw: [u8; 8] = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.big_endian { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_looks_at_every_place_once_and_stops_at_the_end() {
        let mut bytes = vec![1u8; 3 * SCAN_STEP];
        *bytes.last_mut().unwrap() = 7;
        let mut looked = 0;
        let mut input = Input::new(&bytes[..]);
        let found = input.find(16, |window, _| {
            looked += 1;
            (window[0] == 7).then_some(())
        });
        assert!(found.is_some());
        assert_eq!((input.offset, looked), (bytes.len() as u64 - 1, bytes.len() - 1));
        assert!(input.find(16, |_, _| Some(())).is_none());
    }

    #[test]
    fn a_search_passes_over_zeros_and_misses_nothing_behind_them() {
        for zeros in [0, 1, MOST_ZEROS, ZEROS - 1, ZEROS, 3 * SCAN_STEP + 17] {
            let mut bytes = vec![0u8; zeros + 1];
            bytes.push(7);
            bytes.extend([0; ZEROS]);
            let mut input = Input::new(&bytes[..]);
            let mut looked = 0;
            let found = input.find(16, |window, _| {
                looked += 1;
                (window[0] == 7).then_some(())
            });
            assert!(found.is_some());
            assert_eq!(input.offset, zeros as u64 + 1);
            assert!(looked < 2 * ZEROS);
        }
    }

    #[test]
    fn an_error_of_the_stream_keeps_what_came_before() {
        struct Failing(bool);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0 {
                    return Err(io::Error::other("torn"));
                }
                self.0 = true;
                buffer[..3].copy_from_slice(b"abc");
                Ok(3)
            }
        }
        let mut input = Input::new(Failing(false));
        assert_eq!(input.peek(10), b"abc");
        assert_eq!(input.failure.unwrap().to_string(), "torn");
    }
}
