use crate::base::limits::MAX_TEXT;
use nom::Parser;
use nom::bytes::complete::take;
use nom::error::Error;
use nom::number::complete as number;
use std::borrow::Cow;

/// Why a PDU could not be read. It never leaves `capture` and `eventlog`: there
/// it becomes a gap or an oddity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("{pdu}: need {need} bytes for {field}, have {have}")]
    Truncated { pdu: &'static str, field: &'static str, need: usize, have: usize },
    /// A field holds what the specification does not allow there.
    #[error("{pdu}: {field} is {found}, expected {expected}")]
    Unexpected { pdu: &'static str, field: &'static str, found: String, expected: &'static str },
}

/// A cursor over the fields of one PDU, which names them in its errors.
pub(super) struct Fields<'a> {
    pdu: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(pdu: &'static str, bytes: &'a [u8]) -> Self {
        Self { pdu, rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes of a field.
    pub(super) fn bytes(
        &mut self,
        need: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        self.read(field, need, take(need))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.read(field, 1, number::u8)
    }

    pub(super) fn le_u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.read(field, 2, number::le_u16)
    }

    pub(super) fn le_u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.read(field, 4, number::le_u32)
    }

    pub(super) fn be_u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.read(field, 2, number::be_u16)
    }

    pub(super) fn be_u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.read(field, 4, number::be_u32)
    }

    pub(super) fn be_u24(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.read(field, 3, number::be_u24)
    }

    /// The next bytes of a field whose announced length may reach beyond the end:
    /// what is there.
    pub(super) fn bytes_or_rest(&mut self, announced: usize) -> &'a [u8] {
        let (value, rest) = self.rest.split_at_checked(announced).unwrap_or((self.rest, &[]));
        self.rest = rest;
        value
    }

    /// The error for a value that the specification does not allow.
    pub(super) fn unexpected(
        &self,
        field: &'static str,
        found: impl ToString,
        expected: &'static str,
    ) -> DecodeError {
        DecodeError::Unexpected { pdu: self.pdu, field, found: found.to_string(), expected }
    }

    /// Runs a parser of `nom` and gives its failure the name of the field.
    fn read<T>(
        &mut self,
        field: &'static str,
        need: usize,
        mut parser: impl Parser<&'a [u8], Output = T, Error = Error<&'a [u8]>>,
    ) -> Result<T, DecodeError> {
        let have = self.rest.len();
        let (rest, value) = parser.parse(self.rest).map_err(|_| DecodeError::Truncated {
            pdu: self.pdu,
            field,
            need,
            have,
        })?;
        self.rest = rest;
        Ok(value)
    }
}

/// UTF-16 text up to its first NUL, in little-endian order; wrong units are
/// replaced, the length has a cap.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
        .take_while(|unit| *unit != 0)
        .take(MAX_TEXT)
        .collect();
    String::from_utf16_lossy(&units)
}

/// Text of one byte per character up to its first NUL; wrong bytes are replaced,
/// the length has a cap.
pub(super) fn narrow(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end.min(MAX_TEXT)).unwrap_or(bytes)).into_owned()
}

/// The name of a number, or the number in hex where nobody has named it.
pub(super) fn named(value: u32, names: &[(u32, &'static str)]) -> Cow<'static, str> {
    match names.iter().find(|(known, _)| *known == value) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("0x{value:x}")),
    }
}
