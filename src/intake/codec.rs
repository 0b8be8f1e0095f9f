//! How bytes are compressed, and what undoes it.

use super::kind::FileKind;
use crate::base::limits::MAX_DICTIONARY;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Bytes that are read once, from start to end.
pub(super) type Bytes = Box<dyn Read + Send>;

/// A way to compress one stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Stored,
    Deflate,
    /// The variant of PKWARE, which Windows Explorer uses for files above 2 GiB.
    Deflate64,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// LZMA as zip has it: version, length of the properties, properties, data. It
    /// ends with a mark, or behind this many bytes.
    ZipLzma(Option<u64>),
}

impl Codec {
    /// That of a file which is compressed by itself.
    pub(super) fn of(kind: FileKind) -> Option<Self> {
        Some(match kind {
            FileKind::Gzip => Self::Gzip,
            FileKind::Bzip2 => Self::Bzip2,
            FileKind::Xz => Self::Xz,
            FileKind::Zstd => Self::Zstd,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Deflate => "deflate",
            Self::Deflate64 => "Deflate64",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::ZipLzma(_) => "LZMA",
        }
    }

    /// The decompressed bytes of all members, frames or streams. Damage is an error
    /// behind the last good byte.
    pub(super) fn decode(self, packed: impl BufRead + Send + 'static) -> io::Result<Bytes> {
        let bytes: Bytes = match self {
            Self::Stored => return Ok(Box::new(packed)),
            Self::Deflate => Box::new(DeflateDecoder::new(packed)),
            Self::Deflate64 => Box::new(deflate64::Deflate64Decoder::with_buffer(packed)),
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Xz => {
                Box::new(XzReader::new_mem_limit(packed, true, (MAX_DICTIONARY >> 10) + 1024))
            }
            Self::Zstd => Box::new(Zstd::new(packed)),
            Self::ZipLzma(size) => zip_lzma(packed, size).map_err(|error| self.damaged(&error))?,
        };
        Ok(Box::new(Decoded { bytes, codec: self, damage: None }))
    }

    fn damaged(self, error: &io::Error) -> io::Error {
        io::Error::other(format!("the {} data are damaged: {error}", self.name()))
    }
}

/// Says of errors whose data are damaged. Behind damage a decoder is not asked again:
/// some then turn in circles.
struct Decoded {
    bytes: Bytes,
    codec: Codec,
    damage: Option<String>,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(damage) = &self.damage {
            return Err(io::Error::other(damage.as_str()));
        }
        self.bytes.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => {
                let error = self.codec.damaged(&error);
                self.damage = Some(error.to_string());
                error
            }
        })
    }
}

/// APPNOTE.TXT 5.8.8: version (2 bytes), length of the properties (2 bytes), which are
/// LZMA's: one byte, and the size of the dictionary.
fn zip_lzma(mut packed: impl BufRead + Send + 'static, size: Option<u64>) -> io::Result<Bytes> {
    let mut head = [0; 9];
    packed.read_exact(&mut head)?;
    let [_, _, 5, 0, properties, a, b, c, d] = head else {
        return Err(io::Error::other("unknown properties"));
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    if dictionary > MAX_DICTIONARY {
        return Err(io::Error::other(format!("it needs a dictionary of {dictionary} bytes")));
    }
    let size = size.unwrap_or(u64::MAX);
    Ok(Box::new(LzmaReader::new_with_props(packed, size, properties, dictionary, None)?))
}

/// The frames of a zstd file, one behind the other (RFC 8878).
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    /// Whether a frame was begun.
    open: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_DICTIONARY.into());
        Self { packed, decoder, open: false }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        // Each turn consumes at least the header of a frame.
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.packed).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }

    /// Whether the frame is what its checksum says, if it has one.
    fn check(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(told), Some(found)) if told != found => {
                Err(io::Error::other("the checksum of a frame does not match"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // Each turn decodes a block, ends a frame or begins one.
        loop {
            if !self.open {
                if !self.begin()? {
                    return Ok(0);
                }
                self.open = true;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.open = false;
                self.check()?;
                continue;
            }
            let one = BlockDecodingStrategy::UptoBlocks(1);
            let decoded = self.decoder.decode_blocks(&mut self.packed, one);
            decoded.map_err(|error| io::Error::other(error.to_string()))?;
        }
    }
}
