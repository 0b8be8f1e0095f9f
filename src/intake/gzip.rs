//! Gzip'd evidence, decompressed as it is read.

use crate::base::limits::{MAX_UNPACKED_RATIO, UNPACKED_RATIO_FROM};
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count += got as u64;
        Ok(got)
    }
}

/// The decompressed bytes of all members of a gzip file, up to a budget. Damage and
/// a spent budget are errors behind the last good byte.
pub(super) struct Unpacked<R: Read> {
    decoder: MultiGzDecoder<Counted<R>>,
    /// Bytes given so far.
    given: u64,
    limit: u64,
}

impl<R: Read> Unpacked<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        let decoder = MultiGzDecoder::new(Counted { inner, count: 0 });
        Self { decoder, given: 0, limit }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.limit {
            let message = format!("it is larger than {} bytes: unpack it first", self.limit);
            return Err(io::Error::other(message));
        }
        let read = self.decoder.get_ref().count;
        if self.given > UNPACKED_RATIO_FROM && self.given / MAX_UNPACKED_RATIO > read {
            return Err(io::Error::other(format!(
                "it grows to more than {MAX_UNPACKED_RATIO} times its size, as only a gzip bomb does"
            )));
        }
        let room = usize::try_from(self.limit - self.given).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let got = self
            .decoder
            .read(buffer.get_mut(..room).unwrap_or_default())
            .map_err(|error| io::Error::other(format!("the gzip data are damaged: {error}")))?;
        self.given += got as u64;
        Ok(got)
    }
}

/// The first decompressed bytes, as far as they can be had.
pub(super) fn head(bytes: impl Read, length: u64) -> Vec<u8> {
    let mut head = Vec::new();
    // An error behind the first bytes is met again when the file is read.
    let _ = Unpacked::new(bytes, length).read_to_end(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(bytes: &[u8], limit: u64) -> (usize, Option<String>) {
        let mut out = Vec::new();
        let result = Unpacked::new(bytes, limit).read_to_end(&mut out);
        (out.len(), result.err().map(|error| error.to_string()))
    }

    #[test]
    fn all_members_are_one_stream() {
        let bytes = [packed(b"first "), packed(b"second")].concat();
        assert_eq!(unpack(&bytes, 100), (12, None));
        assert_eq!(head(&bytes[..], 5), b"first");
    }

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        let noise: Vec<u8> =
            (0..50_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let whole = packed(&noise);
        let (got, error) = unpack(&whole[..whole.len() / 2], u64::MAX);
        assert!(got > 1000 && error.unwrap().contains("damaged"), "{got}");
    }

    #[test]
    fn bombs_are_stopped() {
        let bomb = packed(&vec![0; 64 << 20]);
        let (got, error) = unpack(&bomb, u64::MAX);
        assert!(got < 48 << 20 && error.unwrap().contains("bomb"), "{got}");
        let (got, error) = unpack(&packed(&[0; 100]), 10);
        assert!(got == 10 && error.unwrap().contains("larger than 10"));
    }
}
