//! The data of a cabinet's folder, unpacked block by block.

use super::super::read_at::ReadAt;
use super::zip::read_exact;
use crate::base::{u16_at, u32_at};
use lzxd::{Lzxd, WindowSize};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::io::{self, Read};

/// CFDATA without reserve and data.
const DATA_LEN: usize = 8;

/// Bytes that a block unpacks to at most, and that MSZIP looks back.
const MAX_BLOCK: usize = 32 << 10;

/// CFFOLDER.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folder {
    /// Where its first block is.
    pub(super) data: u64,
    pub(super) blocks: u16,
    pub(super) compression: u16,
    /// Bytes that each block has for others.
    pub(super) reserve: u8,
}

enum Method {
    Stored,
    MsZip,
    Lzx(Box<Lzxd>),
    /// Named to the user.
    Unknown(String),
}

impl Method {
    fn of(compression: u16) -> Self {
        match (compression & 0xf, compression >> 8) {
            (0, _) => Self::Stored,
            (1, _) => Self::MsZip,
            (2, _) => Self::Unknown("Quantum".to_owned()),
            (3, window) => match window_size(window) {
                Some(window) => Self::Lzx(Box::new(Lzxd::new(window))),
                None => Self::Unknown(format!("LZX with a window of 2^{window}")),
            },
            (other, _) => Self::Unknown(format!("method {other}")),
        }
    }
}

fn window_size(bits: u16) -> Option<WindowSize> {
    Some(match bits {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        21 => WindowSize::MB2,
        22 => WindowSize::MB4,
        23 => WindowSize::MB8,
        24 => WindowSize::MB16,
        25 => WindowSize::MB32,
        _ => return None,
    })
}

/// The unpacked bytes of a folder. Damage is an error, and stays one.
pub(super) struct Unfolded<'b> {
    bytes: &'b ReadAt,
    folder: Folder,
    method: Method,
    /// Where the next block is.
    at: u64,
    blocks: u16,
    /// What MSZIP may look back to, and behind it what is to be given.
    window: Vec<u8>,
    given: usize,
    damage: Option<String>,
}

impl<'b> Unfolded<'b> {
    pub(super) fn new(bytes: &'b ReadAt, folder: Folder) -> Self {
        let method = Method::of(folder.compression);
        let (at, blocks) = (folder.data, folder.blocks);
        Self { bytes, folder, method, at, blocks, window: Vec::new(), given: 0, damage: None }
    }

    /// Unpacks the next block behind the window.
    fn block(&mut self) -> Result<(), String> {
        let at = self.at;
        let (data, size) = self
            .packed()
            .ok_or_else(|| format!("the block at byte {at} is cut short or damaged"))?;
        let keep = self.window.len().saturating_sub(MAX_BLOCK);
        self.window.drain(..keep);
        self.given = self.window.len();
        let unpacked = match &mut self.method {
            Method::Stored => {
                self.window.extend_from_slice(&data);
                data.len() == size
            }
            Method::MsZip => inflate(&data, size, &mut self.window),
            Method::Lzx(lzx) => match lzx.decompress_next(&data, size) {
                Ok(bytes) => {
                    self.window.extend_from_slice(bytes);
                    bytes.len() == size
                }
                Err(_) => false,
            },
            Method::Unknown(name) => return Err(format!("{name} is not read: unpack it")),
        };
        match unpacked {
            true => Ok(()),
            false => Err(format!("the data at byte {at} are damaged")),
        }
    }

    /// The packed bytes of the next block whose checksum is right, and how many they
    /// become.
    fn packed(&mut self) -> Option<(Vec<u8>, usize)> {
        let reserve = usize::from(self.folder.reserve);
        let header = read_exact(self.bytes, self.at, DATA_LEN + reserve)?;
        let length = usize::from(u16_at(&header, 4)?);
        let size = usize::from(u16_at(&header, 6)?);
        let data = read_exact(self.bytes, self.at + header.len() as u64, length)?;
        let told = u32_at(&header, 0)?;
        if told != 0 && checksum(header.get(4..)?, checksum(&data, 0)) != told {
            return None;
        }
        self.at += (header.len() + length) as u64;
        (size <= MAX_BLOCK).then_some((data, size))
    }
}

impl Read for Unfolded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Each turn consumes a block.
        while self.given == self.window.len() && self.damage.is_none() {
            let Some(left) = self.blocks.checked_sub(1) else { return Ok(0) };
            self.blocks = left;
            self.damage = self.block().err();
        }
        if let Some(damage) = &self.damage {
            return Err(io::Error::other(damage.as_str()));
        }
        let got = self.window.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += got;
        Ok(got)
    }
}

/// MSZIP: `CK`, and a deflate stream that may look back into the blocks before.
fn inflate(data: &[u8], size: usize, window: &mut Vec<u8>) -> bool {
    let Some(data) = data.strip_prefix(b"CK") else { return false };
    let start = window.len();
    window.resize(start + size, 0);
    let mut decoder = DecompressorOxide::new();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, got) = decompress(&mut decoder, data, window, start, flags);
    window.truncate(start + got);
    status == TINFLStatus::Done && got == size
}

/// [MS-CAB] 3.1: four bytes at a time, by exclusive or.
fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words.iter().fold(seed, |sum, word| sum ^ u32::from_le_bytes(*word));
    rest.iter().fold(0, |last, byte| last << 8 | u32::from(*byte)) ^ sum
}
