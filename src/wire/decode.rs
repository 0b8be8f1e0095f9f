use nom::Parser;
use nom::bytes::complete::take;
use nom::error::Error;
use nom::number::complete as number;

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
