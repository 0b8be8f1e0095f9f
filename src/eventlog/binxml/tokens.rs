//! The tokens of a template definition, one after another.

use super::DEFINITION_HEADER_LEN;
use crate::base::{u16_at, u32_at};

/// One token. Texts are UTF-16LE, as they stand in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open {
        name: &'a [u8],
    },
    Attribute {
        name: &'a [u8],
    },
    /// A text that is the same in all records.
    Literal(&'a [u8]),
    /// The value of this index in the substitution array.
    Value(usize),
    CloseStart,
    CloseEmpty,
    End,
}

/// The tokens of the definition at an offset. Ends at the end of the definition and
/// at the first token that is not one of [`Token`]: then `understood` is false.
pub(super) struct Tokens<'a> {
    chunk: &'a [u8],
    at: usize,
    end: usize,
    pub(super) understood: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(chunk: &'a [u8], definition: usize) -> Option<Self> {
        let size = usize::try_from(u32_at(chunk, definition.checked_add(20)?)?).ok()?;
        let start = definition.checked_add(DEFINITION_HEADER_LEN)?;
        let end = start.checked_add(size)?;
        (end <= chunk.len()).then_some(Self { chunk, at: start, end, understood: true })
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let mut token = *self.chunk.get(self.at)?;
        self.at += 1;
        if token == 0x0f {
            // FragmentHeader: major, minor, flags
            self.at += 3;
            token = *self.chunk.get(self.at)?;
            self.at += 1;
        }
        Some(match token {
            // OpenStartElement: dependency id, length of the element, name, and with 0x40
            // the length of the attribute list
            0x01 | 0x41 => {
                self.at += 6;
                let name = self.name()?;
                self.at += if token == 0x41 { 4 } else { 0 };
                Token::Open { name }
            }
            0x02 => Token::CloseStart,
            0x03 => Token::CloseEmpty,
            0x04 => Token::End,
            0x05 | 0x45 => Token::Literal(self.literal()?),
            0x06 | 0x46 => Token::Attribute { name: self.name()? },
            // NormalSubstitution, OptionalSubstitution: index, type
            0x0d | 0x0e => {
                let index = usize::from(u16_at(self.chunk, self.at)?);
                self.at += 3;
                Token::Value(index)
            }
            _ => return None,
        })
    }

    /// Value: type (only strings occur), length in characters, the characters.
    fn literal(&mut self) -> Option<&'a [u8]> {
        if *self.chunk.get(self.at)? != 0x01 {
            return None;
        }
        let length = usize::from(u16_at(self.chunk, self.at + 1)?) * 2;
        let start = self.at + 3;
        self.at = start + length;
        self.chunk.get(start..self.at)
    }

    /// A name: its offset, and behind it the name itself where the offset points there:
    /// next name (4 bytes), hash (2), length in characters (2), characters, NUL.
    fn name(&mut self) -> Option<&'a [u8]> {
        let offset = usize::try_from(u32_at(self.chunk, self.at)?).ok()?;
        self.at += 4;
        let start = offset.checked_add(8)?;
        let end = start + usize::from(u16_at(self.chunk, start - 2)?) * 2;
        if offset == self.at {
            self.at = end + 2;
        }
        self.chunk.get(start..end)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        // EndOfStream is the token 0.
        if self.at >= self.end || self.chunk.get(self.at) == Some(&0) {
            return None;
        }
        let token = self.token();
        if token.is_none() {
            self.understood = false;
            self.at = self.end;
        }
        token
    }
}

/// Whether a UTF-16LE text is this ASCII text.
pub(super) fn is(text: &[u8], ascii: &str) -> bool {
    text.len() == ascii.len() * 2
        && text.chunks_exact(2).zip(ascii.bytes()).all(|(unit, byte)| unit == [byte, 0])
}
