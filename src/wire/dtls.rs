//! DTLS as the lossy UDP transport uses it: record header (RFC 6347 4.1) and
//! handshake header (4.2.2), enough to say which hello or alert was seen.

use super::DecodeError;
use super::decode::Fields;
use super::tls::{Alert, ContentType};
use std::borrow::Cow;

/// Records of one datagram that are looked at; a flight has fewer.
const MAX_RECORDS: usize = 16;

/// ProtocolVersion, counted downwards; unknown versions survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DtlsVersion(pub u16);

impl DtlsVersion {
    /// "1.2" for DTLS 1.2; hex for what nobody has named.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            0xfeff => "1.0",
            0xfefd => "1.2",
            0xfefc => "1.3",
            other => return Cow::Owned(format!("0x{other:04x}")),
        })
    }
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub content_type: ContentType,
    pub version: DtlsVersion,
    /// 0 until keys are in use: what follows is encrypted.
    pub epoch: u16,
    /// Length of the fragment in bytes, without the header.
    pub length: u16,
    /// Of a handshake record in the clear.
    pub handshake: Option<Handshake>,
    /// Of an alert record in the clear.
    pub alert: Option<Alert>,
}

/// The header of one handshake message, or of a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    pub kind: HandshakeType,
    /// Bytes of the whole message.
    pub length: u32,
    /// Only a part of the message is in this record.
    pub fragmented: bool,
    /// `client_version` or `server_version` of a hello's first fragment.
    pub hello_version: Option<DtlsVersion>,
}

/// HandshakeType.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    pub const CLIENT_HELLO: Self = Self(1);
    pub const SERVER_HELLO: Self = Self(2);
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
}

/// The records of one datagram, up to the first that cannot be read; a cut last
/// record is given by its header. Empty when the datagram is no DTLS.
pub fn records(datagram: &[u8]) -> Vec<Record> {
    let mut fields = Fields::of("DTLS record", datagram);
    std::iter::from_fn(|| record(&mut fields).ok()).take(MAX_RECORDS).collect()
}

fn record(fields: &mut Fields<'_>) -> Result<Record, DecodeError> {
    let content_type = ContentType(fields.u8("type")?);
    let version = DtlsVersion(fields.be_u16("version")?);
    if !(20..=25).contains(&content_type.0) || version.0 >> 8 != 0xfe {
        let found = format!("{} 0x{:04x}", content_type.0, version.0);
        return Err(fields.unexpected("header", found, "type 20 to 25, version 0xfexx"));
    }
    let epoch = fields.be_u16("epoch")?;
    fields.bytes(6, "sequence_number")?;
    let length = fields.be_u16("length")?;
    let fragment = fields.bytes_or_rest(usize::from(length));
    let clear = |kind| epoch == 0 && content_type == kind;
    Ok(Record {
        content_type,
        version,
        epoch,
        length,
        handshake: clear(ContentType::HANDSHAKE).then(|| handshake(fragment).ok()).flatten(),
        alert: clear(ContentType::ALERT).then(|| Alert::parse(fragment)).flatten(),
    })
}

fn handshake(fragment: &[u8]) -> Result<Handshake, DecodeError> {
    let mut fields = Fields::of("DTLS handshake", fragment);
    let kind = HandshakeType(fields.u8("msg_type")?);
    let length = fields.be_u24("length")?;
    fields.be_u16("message_seq")?;
    let offset = fields.be_u24("fragment_offset")?;
    let fragment_length = fields.be_u24("fragment_length")?;
    let hello = offset == 0 && (1..=3).contains(&kind.0);
    Ok(Handshake {
        kind,
        length,
        fragmented: fragment_length != length,
        hello_version: hello.then(|| fields.be_u16("version").ok().map(DtlsVersion)).flatten(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str) -> Vec<Record> {
        let bytes = hex_bytes(hex).unwrap();
        for end in 0..bytes.len() {
            let _ = records(&bytes[..end]);
        }
        records(&bytes)
    }

    #[test]
    fn a_fragmented_hello_is_recognised() {
        let found = check("16fefd000000000000000000d70100011f00000000000000cbfefd06ac4343e701fd74");
        let [Record { version, handshake: Some(hello), .. }] = found.as_slice() else { panic!() };
        assert_eq!((version.name(), hello.kind), ("1.2".into(), HandshakeType::CLIENT_HELLO));
        assert_eq!((hello.length, hello.fragmented), (287, true));
        assert_eq!(hello.hello_version, Some(DtlsVersion(0xfefd)));
    }

    #[test]
    fn a_request_to_prove_the_address_is_recognised() {
        let found = check(
            "16feff00000000000000000023030000170000000000000017feff144c281da5216e0bcdc6d35770176ee1\
             2f676baa9b",
        );
        let [Record { version, handshake: Some(verify), .. }] = found.as_slice() else { panic!() };
        assert_eq!(verify.kind, HandshakeType::HELLO_VERIFY_REQUEST);
        assert_eq!((version.name(), verify.fragmented), ("1.0".into(), false));
    }

    #[test]
    fn alerts_are_read_only_in_the_clear() {
        let clear = check("15fefd 0000 000000000001 0002 0228");
        assert_eq!(clear[0].alert.unwrap().description.name(), "handshake_failure");
        let encrypted = check("15fefd 0001 000000000001 0002 0228");
        assert_eq!((encrypted[0].epoch, encrypted[0].alert), (1, None));
    }

    #[test]
    fn several_records_of_one_datagram_are_found() {
        let found = check("14fefd0000000000000001000101 16fefd00010000000000000004aabbccdd");
        let types: Vec<u8> = found.iter().map(|record| record.content_type.0).collect();
        assert_eq!(types, [20, 22]);
        assert_eq!(found[1].handshake, None);
    }

    #[test]
    fn other_datagrams_are_no_dtls() {
        assert!(check("1603010000").is_empty());
        assert!(check("ffffffff00401801").is_empty());
        assert_eq!(DtlsVersion(0xfe00).name(), "0xfe00");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(kind in 20u8..26, mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = records(&bytes);
            bytes.splice(..0, [kind, 0xfe, 0xfd, 0, 0]);
            let _ = records(&bytes);
        }
    }
}
