//! Where the bytes of a piece of evidence are, and how to come to them again.

use super::budget::{Budget, Counted, Guard};
use super::codec::{Bytes, Codec};
use super::read_at::{Cursor, ReadAt};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes that are read ahead of a file that is read to its end.
const READ_AHEAD: usize = 1 << 20;

/// The same where only the first bytes are looked at.
const READ_AHEAD_TO_SNIFF: usize = 4 << 10;

/// Bytes that are read ahead of what is packed.
const READ_AHEAD_PACKED: usize = 1 << 16;

/// Where bytes are.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    File(PathBuf),
    Held(ReadAt),
    Packed(Arc<Packed>),
}

/// Bytes that are packed in others.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) of: Origin,
    /// Where the packed bytes begin.
    pub(super) from: u64,
    /// How many they are; more than there are means all.
    pub(super) length: u64,
    pub(super) codec: Codec,
    /// What the archive says of the unpacked bytes.
    pub(super) expect: Option<Expect>,
    /// Bytes that it may unpack to.
    pub(super) limit: u64,
    pub(super) budget: Budget,
}

/// Size in bytes and CRC-32 of an unpacked file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expect {
    pub(super) size: u64,
    pub(super) crc: u32,
}

impl Origin {
    /// The bytes, where they can be read from anywhere as they lie.
    pub(super) fn positioned(&self) -> io::Result<Option<ReadAt>> {
        Ok(match self {
            Self::File(path) => Some(ReadAt::file(File::open(path)?)?),
            Self::Held(bytes) => Some(bytes.clone()),
            Self::Packed(packed) if packed.is_plain() => {
                let inner = packed.of.positioned()?;
                inner.map(|inner| inner.part(packed.from, packed.length))
            }
            Self::Packed(_) => None,
        })
    }

    /// The bytes from start to end.
    pub(super) fn stream(&self) -> io::Result<Bytes> {
        self.read_ahead(READ_AHEAD)
    }

    /// The first bytes, as far as they can be had, and why there are no more.
    pub(super) fn head(&self, length: u64) -> (Vec<u8>, Option<io::Error>) {
        let mut head = Vec::new();
        let bytes = self.read_ahead(READ_AHEAD_TO_SNIFF);
        let got = bytes.and_then(|bytes| bytes.take(length).read_to_end(&mut head));
        (head, got.err())
    }

    fn read_ahead(&self, buffer: usize) -> io::Result<Bytes> {
        match self {
            Self::File(path) => Ok(Box::new(BufReader::with_capacity(buffer, File::open(path)?))),
            Self::Held(bytes) => {
                let cursor = Cursor::new(bytes.clone());
                Ok(Box::new(BufReader::with_capacity(buffer, cursor)))
            }
            Self::Packed(packed) => packed.unpack(buffer),
        }
    }
}

impl Packed {
    /// Whether the bytes are there as they are, all of them wanted.
    fn is_plain(&self) -> bool {
        let fits = self.expect.is_none_or(|expect| expect.size == self.length);
        self.codec == Codec::Stored && fits && self.length <= self.limit
    }

    fn unpack(&self, buffer: usize) -> io::Result<Bytes> {
        let inner = match self.of.positioned()? {
            Some(bytes) => {
                let cursor = Cursor::from(bytes, self.from);
                Box::new(cursor.take(self.length)) as Bytes
            }
            // What is not positioned is packed as a whole.
            None => self.of.read_ahead(buffer)?,
        };
        let count = Arc::default();
        let packed = Counted { inner, count: Arc::clone(&count) };
        let packed = BufReader::with_capacity(buffer.min(READ_AHEAD_PACKED), packed);
        let bytes = self.codec.decode(packed)?;
        let bytes = Box::new(Guard::new(bytes, count, self.limit, self.budget));
        Ok(match self.expect {
            Some(expect) => Box::new(Checked::new(bytes, expect)),
            None => bytes,
        })
    }
}

/// Holds unpacked bytes against what the archive says of them.
struct Checked {
    inner: Bytes,
    expect: Expect,
    given: u64,
    crc: crc32fast::Hasher,
}

impl Checked {
    fn new(inner: Bytes, expect: Expect) -> Self {
        Self { inner, expect, given: 0, crc: crc32fast::Hasher::new() }
    }

    /// What is wrong with a file that ends here.
    fn at_end(&self) -> io::Result<usize> {
        let Expect { size, crc } = self.expect;
        if self.given < size {
            let message = format!("it ends after {} of {size} bytes", self.given);
            return Err(io::Error::other(message));
        }
        match self.crc.clone().finalize() == crc {
            true => Ok(0),
            false => Err(io::Error::other("its checksum does not match: some bytes are damaged")),
        }
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(self.expect.size - self.given).unwrap_or(usize::MAX);
        if room == 0 {
            return match self.inner.read(&mut [0])? {
                0 => self.at_end(),
                _ => Err(io::Error::other(format!(
                    "it goes on behind the {} bytes that its archive announces",
                    self.expect.size
                ))),
            };
        }
        let room = room.min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let got = self.inner.read(buffer)?;
        if got == 0 {
            return self.at_end();
        }
        self.given += got as u64;
        self.crc.update(buffer.get(..got).unwrap_or_default());
        Ok(got)
    }
}
