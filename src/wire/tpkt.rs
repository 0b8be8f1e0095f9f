//! TPKT, RFC 1006 section 6 (ITU-T T.123 section 8): the frame around every
//! X.224 TPDU.

use super::DecodeError;
use super::decode::Fields;

/// Bytes of a TPKT header.
pub const HEADER_LEN: usize = 4;

/// TPKT `version`, always 3.
pub const VERSION: u8 = 3;

/// Whether these bytes can begin a TPKT: version 3, reserved byte 0 and a length
/// that holds at least an X.224 header.
pub fn looks_like(bytes: &[u8]) -> bool {
    matches!(bytes, [VERSION, 0, high, low, ..] if u16::from_be_bytes([*high, *low]) >= 7)
}

/// The payload length that the header announces, in bytes without the header.
///
/// # Errors
/// When the header is cut, has another version, or is longer than its own length.
pub fn payload_len(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut fields = Fields::of("TPKT", bytes);
    let version = fields.u8("version")?;
    if version != VERSION {
        return Err(DecodeError::Unexpected {
            pdu: "TPKT",
            field: "version",
            found: version.to_string(),
            expected: "3",
        });
    }
    fields.u8("reserved")?;
    let length = usize::from(fields.be_u16("length")?);
    length.checked_sub(HEADER_LEN).ok_or(DecodeError::Unexpected {
        pdu: "TPKT",
        field: "length",
        found: length.to_string(),
        expected: "4 or more",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_request_header_announces_its_payload() {
        assert_eq!(payload_len(&[3, 0, 0, 19]), Ok(15));
    }

    #[test]
    fn tls_and_http_are_no_tpkt() {
        assert!(!looks_like(&[0x16, 3, 1, 0, 5]));
        assert!(!looks_like(b"GET / HTTP/1.1"));
        assert!(!looks_like(&[3, 0, 0, 4]));
        assert!(looks_like(&[3, 0, 0, 19]));
    }
}
