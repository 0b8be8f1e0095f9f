//! UTF-8 from whatever a text is written in.

use std::io::{self, Read};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { big: bool },
}

/// The text of a reader as UTF-8, without its byte order mark. Without a mark, a text
/// whose first or second byte is zero is UTF-16: exports begin with ASCII.
#[derive(Debug)]
pub struct Utf8<R> {
    inner: R,
    encoding: Option<Encoding>,
    /// Bytes that were read and not yet given: decoded ones.
    ready: Vec<u8>,
    given: usize,
    /// Bytes of a character that is not complete yet.
    rest: Vec<u8>,
}

const BLOCK: usize = 1 << 16;

impl<R: Read> Utf8<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, encoding: None, ready: Vec::new(), given: 0, rest: Vec::new() }
    }

    /// Reads the next block; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut block = std::mem::take(&mut self.rest);
        let before = block.len();
        self.inner.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(false);
        }
        let last = block.len() == before;
        let (encoding, mark) = match self.encoding {
            Some(encoding) => (encoding, 0),
            None => detect(&block),
        };
        self.encoding = Some(encoding);
        block.drain(..mark);
        self.given = 0;
        match encoding {
            Encoding::Utf8 => self.ready = block,
            Encoding::Utf16 { big } => {
                self.ready.clear();
                self.rest = utf16(&block, big, last, &mut self.ready);
            }
        }
        Ok(true)
    }
}

/// The encoding and the length of the byte order mark.
fn detect(head: &[u8]) -> (Encoding, usize) {
    match head {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16 { big: false }, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16 { big: true }, 2),
        [0, 1..=0xff, ..] => (Encoding::Utf16 { big: true }, 0),
        [1..=0xff, 0, ..] => (Encoding::Utf16 { big: false }, 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// Decodes a block; gives back what belongs to the next one. What is no character
/// becomes U+FFFD.
fn utf16(block: &[u8], big: bool, last: bool, out: &mut Vec<u8>) -> Vec<u8> {
    let unit =
        |pair: &[u8; 2]| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
    let (mut pairs, odd) = block.as_chunks::<2>();
    let mut rest = Vec::new();
    // The first half of a pair waits for the second.
    if let (Some((half, before)), false) = (pairs.split_last(), last)
        && (0xd800..0xdc00).contains(&unit(half))
    {
        rest.extend(half);
        pairs = before;
    }
    if !last {
        rest.extend(odd);
    }
    let mut bytes = [0; 4];
    for character in char::decode_utf16(pairs.iter().map(unit)) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
    }
    rest
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.ready.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let length = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), ready.get(..length)) {
            to.copy_from_slice(from);
        }
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(bytes: &[u8]) -> String {
        let mut text = Vec::new();
        Utf8::new(bytes).read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn encoded(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn marks_tell_the_encoding_and_without_one_the_zeros_do() {
        for text in ["<Events>ü 日本 😀</Events>", "{}", "x"] {
            assert_eq!(decoded(text.as_bytes()), text);
            assert_eq!(decoded(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), text);
            for big in [false, true] {
                assert_eq!(decoded(&encoded(text, big)), text);
                assert_eq!(decoded(&encoded(&format!("\u{feff}{text}"), big)), text);
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_may_end_anywhere(text in "[a-z😀ü]{1,40}", filler in 0..4_usize) {
            let text = format!("<{}{text}", "x".repeat(BLOCK / 2 - 20 + filler));
            prop_assert_eq!(decoded(&encoded(&text, false)), text);
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decoded(&bytes);
        }
    }
}
