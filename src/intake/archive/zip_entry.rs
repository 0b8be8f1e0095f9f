//! One entry of a zip archive: what its headers say.

use super::super::codec::Codec;
use super::super::origin::{Expect, Packed};
use super::super::read_at::ReadAt;
use super::collect::Collector;
use super::zip::read_exact;
use crate::base::limits::MAX_TEXT;
use crate::base::{u16_at, u32_at};

/// Headers without their texts (APPNOTE.TXT 4.3.12, 4.3.7).
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const LOCAL_LEN: usize = 30;

pub(super) const LOCAL: &[u8] = b"PK\x03\x04";

/// General purpose bits (4.4.4): encrypted, LZMA ends with a mark, sizes stand behind
/// the data, names are UTF-8.
const ENCRYPTED: u16 = 1;
const LZMA_MARK: u16 = 1 << 1;
const SIZES_BEHIND: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

/// Extra fields (4.5.3, 4.6.9).
const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// Bytes of a name that are kept.
const MAX_NAME: usize = 4 * MAX_TEXT;

/// What a header says of an entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    flags: u16,
    method: u16,
    crc: u32,
    /// Packed bytes.
    pub(super) packed: u64,
    size: u64,
    /// Where the local header is.
    pub(super) at: u64,
    pub(super) other_disk: bool,
    /// Type bits of a Unix mode.
    mode: u32,
}

impl Entry {
    /// An entry of the central directory, and where the next one begins.
    pub(super) fn central(bytes: &ReadAt, at: u64, header: &[u8]) -> Option<(Self, u64)> {
        let name_len = usize::from(u16_at(header, 28)?);
        let extra_len = usize::from(u16_at(header, 30)?);
        let comment_len = usize::from(u16_at(header, 32)?);
        let texts = read_exact(bytes, at + CENTRAL_LEN as u64, name_len + extra_len)?;
        let (name, extra) = texts.split_at_checked(name_len)?;
        let flags = u16_at(header, 8)?;
        let unix = *header.get(5)? == 3;
        let mut entry = Self {
            name: text(name, flags, extra),
            flags,
            method: u16_at(header, 10)?,
            crc: u32_at(header, 16)?,
            packed: u32_at(header, 20)?.into(),
            size: u32_at(header, 24)?.into(),
            at: u32_at(header, 42)?.into(),
            other_disk: !matches!(u16_at(header, 34)?, 0 | u16::MAX),
            mode: if unix { u32_at(header, 38)? >> 16 & 0xf000 } else { 0 },
        };
        entry.widen(extra);
        let length = CENTRAL_LEN + name_len + extra_len + comment_len;
        Some((entry, at + length as u64))
    }

    /// An entry by its local header alone, and how many bytes that has.
    pub(super) fn local(bytes: &ReadAt, at: u64) -> Option<(Self, u64)> {
        let header = read_exact(bytes, at, LOCAL_LEN).filter(|header| header.starts_with(LOCAL))?;
        let name_len = usize::from(u16_at(&header, 26)?);
        let extra_len = usize::from(u16_at(&header, 28)?);
        let texts = read_exact(bytes, at + LOCAL_LEN as u64, name_len + extra_len)?;
        let (name, extra) = texts.split_at_checked(name_len)?;
        let flags = u16_at(&header, 6)?;
        let mut entry = Self {
            name: text(name, flags, extra),
            flags,
            method: u16_at(&header, 8)?,
            crc: u32_at(&header, 14)?,
            packed: u32_at(&header, 18)?.into(),
            size: u32_at(&header, 22)?.into(),
            at,
            other_disk: false,
            mode: 0,
        };
        entry.widen(extra);
        Some((entry, (LOCAL_LEN + name_len + extra_len) as u64))
    }

    /// Takes what has 64 bits from the extra field: only what has no room in the header,
    /// in this order (4.5.3).
    fn widen(&mut self, extra: &[u8]) {
        let Some(mut wide) = field(extra, ZIP64) else { return };
        for value in [&mut self.size, &mut self.packed, &mut self.at] {
            if *value != u64::from(u32::MAX) {
                continue;
            }
            let Some((first, rest)) = wide.split_first_chunk() else { return };
            *value = u64::from_le_bytes(*first);
            wide = rest;
        }
    }

    /// Whether sizes and checksum stand behind the data.
    pub(super) fn is_open_ended(&self) -> bool {
        self.flags & SIZES_BEHIND != 0 && self.packed == 0
    }

    /// Whether this can be an entry: names and methods that nobody writes are chance.
    pub(super) fn is_plausible(&self) -> bool {
        matches!(self.method, 0..=20 | 93..=99) && !self.name.is_empty()
    }

    fn is_folder(&self) -> bool {
        self.name.ends_with(['/', '\\']) && self.size == 0
    }

    fn codec(&self) -> Result<Codec, String> {
        Ok(match self.method {
            0 => Codec::Stored,
            8 => Codec::Deflate,
            9 => Codec::Deflate64,
            12 => Codec::Bzip2,
            14 => Codec::ZipLzma((self.flags & LZMA_MARK == 0).then_some(self.size)),
            93 => Codec::Zstd,
            95 => Codec::Xz,
            other => return Err(format!("compression method {other} is not read: unpack it")),
        })
    }
}

/// Takes an entry whose data begin at an offset.
pub(super) fn take(entry: &Entry, data: u64, archive: u64, collector: &mut Collector<'_>) {
    if entry.is_folder() {
        return;
    }
    match packed(entry, data, archive, collector) {
        Ok(packed) => collector.lazy(&entry.name, packed, entry.size),
        Err(why) => collector.refuse(&entry.name, why),
    }
}

fn packed(
    entry: &Entry,
    data: u64,
    archive: u64,
    collector: &Collector<'_>,
) -> Result<Packed, String> {
    // Regular files and those of other systems have no such bits.
    if !matches!(entry.mode, 0 | 0x8000) {
        return Err("a link or special file, not followed".into());
    }
    if entry.flags & ENCRYPTED != 0 || entry.method == 99 {
        return Err("is encrypted: unpack it with its password and give the folder".into());
    }
    let budget = collector.purse.budget;
    let open_ended = entry.is_open_ended();
    if open_ended && entry.method == 0 {
        return Err("where it ends stands in the directory, which is lost".into());
    }
    Ok(Packed {
        of: collector.archive.clone(),
        from: data,
        length: if open_ended { u64::MAX } else { entry.packed }.min(archive.saturating_sub(data)),
        codec: entry.codec()?,
        expect: (!open_ended).then_some(Expect { size: entry.size, crc: entry.crc }),
        limit: budget.unpacked,
        budget,
    })
}

/// A name: UTF-8 by its flag, by an extra field, or because it is; else the code page
/// of the IBM PC (appendix D).
fn text(name: &[u8], flags: u16, extra: &[u8]) -> String {
    let unicode = field(extra, UNICODE_PATH).and_then(|field| {
        // Version, CRC-32 of the name that this one stands for, name.
        let (head, path) = field.split_at_checked(5)?;
        let meant = u32_at(head, 1)? == crc32fast::hash(name);
        meant.then(|| String::from_utf8(path.to_vec()).ok()).flatten()
    });
    let name = name.get(..MAX_NAME).unwrap_or(name);
    match unicode {
        Some(name) => name,
        None if flags & UTF8 != 0 => String::from_utf8_lossy(name).into_owned(),
        None => match str::from_utf8(name) {
            Ok(name) => name.to_owned(),
            Err(_) => name.iter().map(|byte| code_page_437(*byte)).collect(),
        },
    }
}

fn code_page_437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(0x80) {
        Some(upper) => UPPER.chars().nth(upper.into()).unwrap_or('?'),
        None => byte.into(),
    }
}

/// The data of an extra field by its id.
fn field(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    // Each turn consumes a field.
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let data = rest.get(..usize::from(u16_at(head, 2)?))?;
        if u16_at(head, 0)? == wanted {
            return Some(data);
        }
        extra = rest.get(data.len()..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_of_three_spellings() {
        assert_eq!(text("ü".as_bytes(), 0, &[]), "ü");
        assert_eq!(text(b"\x81", 0, &[]), "ü");
        assert_eq!(text(b"\x81", UTF8, &[]), "\u{fffd}");
        assert_eq!((code_page_437(0xff), code_page_437(0x80)), ('\u{a0}', 'Ç'));
        let mut extra = vec![1, 0, 1, 0, 9, 0x75, 0x70, 8, 0, 1];
        extra.extend(crc32fast::hash(b"\x81").to_le_bytes());
        extra.extend("ω!".as_bytes());
        assert_eq!(text(b"\x81", 0, &extra), "ω!");
        assert_eq!(text(b"a", 0, &extra), "a");
    }
}
