//! Text that came from the wire or from a log was chosen by somebody else.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything escaped that could steer a terminal: control
/// characters, bidirectional overrides and zero-width characters. Clean text is
/// borrowed.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character could steer a terminal, or hide how a text reads.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The bytes of a hexadecimal text; `None` when a digit is missing or wrong.
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.bytes().filter(|b| !b.is_ascii_whitespace()).map(nibble).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_disarmed() {
        assert_eq!(for_terminal("a\u{1b}]52;c;x\u{7}"), "a\\u{1b}]52;c;x\\u{7}");
        assert_eq!(for_terminal("\u{202e}exe.pdf"), "\\u{202e}exe.pdf");
    }

    #[test]
    fn clean_text_is_borrowed() {
        assert!(matches!(for_terminal("Müller\\CORP"), Cow::Borrowed(_)));
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(hex_bytes(&hex(&[0, 0x9f, 0xff])), Some(vec![0, 0x9f, 0xff]));
        assert_eq!(hex_bytes("0"), None);
        assert_eq!(hex_bytes("zz"), None);
    }
}
