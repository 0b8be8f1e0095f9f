//! The SSL 2.0 compatible ClientHello (RFC 5246 E.2), which old clients send to
//! offer TLS to servers that may know nothing better.

use super::DecodeError;
use super::decode::Fields;
use super::tls::{ClientHello, Version};

/// Bytes of the two-byte record header without padding.
const HEADER_LEN: usize = 2;

/// `msg_type` of a V2ClientHello.
const CLIENT_HELLO: u8 = 1;

/// Length of the whole record, header included, when these bytes begin an SSL 2.0
/// ClientHello: the high bit of the length is set, the type is 1 and the version
/// offered is SSL 2.0 or 3.x.
pub fn client_hello_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [high, low, CLIENT_HELLO, major, minor, ..] if high & 0x80 != 0 => {
            let length = usize::from(u16::from_be_bytes([high & 0x7f, *low]));
            let known = *major == 3 || (*major == 0 && *minor == 2);
            (known && length >= 9).then_some(HEADER_LEN + length)
        }
        _ => None,
    }
}

/// Reads a whole record. Suites of SSL 2.0 itself, whose first byte is not 0, are
/// left out: nobody may choose them any more (RFC 6176).
///
/// # Errors
/// When the record is cut or its lengths exceed it.
pub fn parse_client_hello(record: &[u8]) -> Result<ClientHello, DecodeError> {
    let mut fields = Fields::of("SSL 2.0 ClientHello", record);
    fields.bytes(HEADER_LEN, "length")?;
    fields.u8("msg_type")?;
    let legacy_version = Version(fields.be_u16("version")?);
    let cipher_specs = usize::from(fields.be_u16("cipher_spec_length")?);
    fields.be_u16("session_id_length")?;
    fields.be_u16("challenge_length")?;
    let cipher_suites = fields
        .bytes(cipher_specs, "cipher_specs")?
        .chunks_exact(3)
        .filter_map(|spec| match spec {
            [0, high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        })
        .collect();
    Ok(ClientHello {
        legacy_version,
        // The challenge stands for the random; no key log names it.
        random: [0; 32],
        session_id: Vec::new(),
        cipher_suites,
        extensions: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;
    use proptest::prelude::*;

    const HELLO: &str =
        "80 1f 01 0301 0006 0000 0010 000035 010080 00112233445566778899aabbccddeeff";

    #[test]
    fn version_and_modern_suites_are_read() {
        let bytes = hex_bytes(HELLO).unwrap();
        assert_eq!(client_hello_len(&bytes), Some(33));
        let hello = parse_client_hello(&bytes).unwrap();
        assert_eq!((hello.legacy_version.0, hello.cipher_suites), (0x0301, vec![0x35]));
    }

    #[test]
    fn other_protocols_are_no_hello() {
        for hex in ["16 0301 0005 01", "03 00 00 13 0e", "81 00 02 03 01", "80 03 01 03 01"] {
            assert_eq!(client_hello_len(&hex_bytes(hex).unwrap()), None, "{hex}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = client_hello_len(&bytes);
            let _ = parse_client_hello(&bytes);
        }
    }
}
