use thiserror::Error;

/// Why a PDU could not be read. It never leaves `capture` and `eventlog`: there
/// it becomes a gap or an oddity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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

    pub(super) fn bytes(
        &mut self,
        need: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let have = self.rest.len();
        let (taken, rest) = self.rest.split_at_checked(need).ok_or(DecodeError::Truncated {
            pdu: self.pdu,
            field,
            need,
            have,
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N, field)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    pub(super) fn le_u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    pub(super) fn le_u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn be_u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }
}
