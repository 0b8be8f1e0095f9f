//! The headers of a tar archive, and the entries that describe others.

/// Bytes of a header; data fill multiples of it.
pub(super) const BLOCK: usize = 512;

/// What an entry is, by its type flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, device, pipe, label of a tape or part of a file.
    Special,
    Sparse,
    /// It tells of the entry behind it.
    Description,
}

/// A header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) kind: Kind,
    flag: u8,
}

impl Header {
    /// The header in a block whose checksum is right.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        if !is_header(block) {
            return None;
        }
        let flag = *block.get(156)?;
        let name = text(block.get(..100)?);
        let prefix = block.get(257..263).filter(|magic| *magic == b"ustar\0");
        let prefix = prefix.and_then(|_| block.get(345..500)).map(text).unwrap_or_default();
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = match flag {
            b'5' => Kind::Folder,
            b'1'..=b'4' | b'6' | b'D' | b'M' | b'V' => Kind::Special,
            b'S' => Kind::Sparse,
            b'x' | b'g' | b'L' | b'K' => Kind::Description,
            // Before ustar, folders were files whose names end so.
            _ if name.ends_with('/') => Kind::Folder,
            _ => Kind::File,
        };
        // What has no data has none, whatever it says.
        let empty = matches!(flag, b'1'..=b'6');
        let size = if empty { 0 } else { number(block.get(124..136)?)? };
        Some(Self { name, size, kind, flag })
    }
}

/// The checksum is the sum of all bytes, its own field taken as spaces.
fn is_header(block: &[u8]) -> bool {
    let told = block.get(148..156).and_then(number);
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let parts = block.get(..148).zip(block.get(156..BLOCK));
    parts.is_some_and(|(head, rest)| told == Some(sum(head) + sum(rest) + 8 * u64::from(b' ')))
}

/// Octal digits, or a number of base 256 behind a set bit (GNU).
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let start = u64::from(first & 0x7f);
        return rest
            .iter()
            .try_fold(start, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    }
    let text = str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// What was said of the next entry.
#[derive(Debug, Default)]
pub(super) struct Next {
    name: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

impl Next {
    /// Reads the data of an entry that describes the next one.
    pub(super) fn learn(&mut self, header: &Header, data: &[u8]) {
        match header.flag {
            b'L' => self.name = Some(text(data)),
            b'x' => self.learn_pax(data),
            // Names of links and what holds for all entries change no label.
            _ => {}
        }
    }

    /// Records of "length key=value\n", the length counting all of it.
    fn learn_pax(&mut self, mut data: &[u8]) {
        // Each turn consumes a record.
        while let Some(space) = data.iter().position(|byte| *byte == b' ') {
            let length = data.get(..space).and_then(|digits| str::from_utf8(digits).ok());
            let Some(length) = length.and_then(|digits| digits.parse::<usize>().ok()) else {
                return;
            };
            let Some(record) = data.get(space + 1..length) else { return };
            let record = String::from_utf8_lossy(record);
            match record.trim_end_matches('\n').split_once('=') {
                Some(("path" | "GNU.sparse.name", value)) => self.name = Some(value.to_owned()),
                Some(("size", value)) => self.size = value.parse().ok(),
                Some((key, _)) if key.starts_with("GNU.sparse.") => self.sparse = true,
                _ => {}
            }
            data = data.get(length..).unwrap_or_default();
        }
    }

    /// Name and size of the entry that all this was said of.
    pub(super) fn take(&mut self, header: &Header) -> (String, u64, Kind) {
        let next = std::mem::take(self);
        let name = next.name.unwrap_or_else(|| header.name.clone());
        let size = next.size.filter(|_| header.kind == Kind::File).unwrap_or(header.size);
        let kind = if next.sparse { Kind::Sparse } else { header.kind };
        (name, size, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b" 17 \0\0", Some(0o17)),
            (b"\0\0\0\0", Some(0)),
            (b"9", None),
            (&[0x80, 0, 0, 0, 1, 0], Some(256)),
            (&[0xff; 12], None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }

    #[test]
    fn descriptions_hold_for_one_entry() {
        let header = |flag| Header { name: "short".into(), size: 5, kind: Kind::File, flag };
        let mut next = Next::default();
        next.learn(&header(b'x'), b"15 path=a/long\n10 size=7\n12 broken");
        assert_eq!(next.take(&header(b'0')), ("a/long".into(), 7, Kind::File));
        assert_eq!(next.take(&header(b'0')), ("short".into(), 5, Kind::File));
        next.learn(&header(b'L'), b"other\0\0");
        next.learn(&header(b'x'), b"22 GNU.sparse.major=1\n");
        assert_eq!(next.take(&header(b'0')), ("other".into(), 5, Kind::Sparse));
    }
}
