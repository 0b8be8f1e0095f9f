//! Values as text, spelled as the `evtx` crate spells them in JSON.

use super::values::{Value, kind};
use crate::base::filetime;
use std::fmt::Write as _;

/// What the text of a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Is(String),
    /// The value is absent.
    Null,
    /// Left to full decoding.
    NotUnderstood,
}

/// The text of one value.
pub(super) fn text(value: Value<'_>) -> Text {
    try_text(value).map_or(Text::NotUnderstood, |text| text.map_or(Text::Null, Text::Is))
}

fn try_text(value: Value<'_>) -> Option<Option<String>> {
    let bytes = value.bytes;
    Some(Some(match value.kind {
        kind::NULL => return Some(None),
        kind::STRING => utf16(bytes)?,
        kind::ANSI_STRING => ascii(bytes)?,
        kind::INT8 => i8::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::UINT8 => u8::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::INT16 => i16::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::UINT16 => u16::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::INT32 => i32::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::UINT32 => u32::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::INT64 => i64::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::UINT64 => u64::from_le_bytes(bytes.try_into().ok()?).to_string(),
        kind::BOOL => match i32::from_le_bytes(bytes.try_into().ok()?) {
            0 => "false".to_owned(),
            1 => "true".to_owned(),
            _ => return None,
        },
        kind::BINARY => hex_upper(bytes),
        kind::GUID => guid(bytes.try_into().ok()?),
        kind::SIZE_T | kind::HEX_INT32 | kind::HEX_INT64 => format!("0x{:x}", unsigned(bytes)?),
        kind::FILETIME => format!("{:.7}", filetime(crate::base::u64_at(bytes, 0)?)?),
        kind::SID => sid(bytes)?,
        _ => return None,
    }))
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        4 => Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(u64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// UTF-16LE up to the first NUL; `None` where it is not well formed.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let mut text = String::with_capacity(bytes.len() / 2);
    let (pairs, _) = bytes.as_chunks::<2>();
    for (index, pair) in pairs.iter().enumerate() {
        match *pair {
            [0, 0] => break,
            [byte, 0] if byte < 0x80 => text.push(char::from(byte)),
            _ => {
                let rest = pairs.get(index..)?.iter().map(|pair| u16::from_le_bytes(*pair));
                for unit in char::decode_utf16(rest.take_while(|unit| *unit != 0)) {
                    text.push(unit.ok()?);
                }
                break;
            }
        }
    }
    Some(text)
}

/// ANSI text, where it needs no code page.
fn ascii(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = bytes.get(..end)?;
    text.is_ascii().then(|| text.iter().copied().map(char::from).collect())
}

fn hex_upper(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or('0').to_ascii_uppercase());
        }
    }
    text
}

/// Lower case in braces, the first three parts little-endian.
fn guid(bytes: [u8; 16]) -> String {
    let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, rest @ ..] = bytes;
    let mut text = format!(
        "{{{:08x}-{:04x}-{:04x}-{d0:02x}{d1:02x}-",
        u32::from_le_bytes([a0, a1, a2, a3]),
        u16::from_le_bytes([b0, b1]),
        u16::from_le_bytes([c0, c1]),
    );
    for byte in rest {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('}');
    text
}

/// [MS-DTYP] 2.4.2.1. `None` where the size is not that of the count.
fn sid(bytes: &[u8]) -> Option<String> {
    let &[revision, count, a0, a1, a2, a3, a4, a5, ref parts @ ..] = bytes else { return None };
    if parts.len() != usize::from(count) * 4 {
        return None;
    }
    let mut text = format!("S-{revision}-{}", u64::from_be_bytes([0, 0, a0, a1, a2, a3, a4, a5]));
    for part in parts.chunks_exact(4) {
        let _ = write!(text, "-{}", u32::from_le_bytes(part.try_into().ok()?));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u8, bytes: &[u8], expect: &str) {
        let shown = match text(Value { kind, bytes, at: 0 }) {
            Text::Is(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn values_are_spelled_as_full_decoding_spells_them() {
        check(kind::STRING, b"A\0\xfc\0\0\0B\0", "Aü");
        check(kind::STRING, b"\0\xd8", "NotUnderstood");
        check(kind::NULL, &[1, 2], "Null");
        check(kind::INT32, &[0xff; 4], "-1");
        check(kind::INT32, &[0xff; 3], "NotUnderstood");
        check(kind::HEX_INT32, &[0x6d, 0, 0, 0xc0], "0xc000006d");
        check(kind::SIZE_T, &[0; 8], "0x0");
        check(kind::BINARY, &[0xab, 0x01], "AB01");
        check(
            kind::FILETIME,
            &133_590_312_001_234_567_u64.to_le_bytes(),
            "2024-05-01T10:00:00.1234567Z",
        );
        check(kind::SID, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0], "S-1-5-32-544");
        check(
            kind::GUID,
            &[0x5d, 0x88, 0x93, 0x61, 0x38, 0x59, 0x86, 0x46, 1, 2, 3, 4, 5, 6, 7, 8],
            "{6193885d-5938-4686-0102-030405060708}",
        );
    }
}
