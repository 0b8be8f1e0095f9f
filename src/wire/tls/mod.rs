//! TLS as far as it is in the clear: records, hellos, certificates and alerts
//! (RFC 5246, RFC 8446). The messages are taken apart by `tls-parser`; this
//! module decides what of them matters and keeps every unknown value.

mod hello;
mod names;

pub use hello::{ClientHello, Extension, ServerHello, is_grease};
pub use names::{extension_name, group_name, signature_scheme_name};

use super::DecodeError;
use super::decode::Fields;
use std::borrow::Cow;
use tls_parser::{TlsCipherSuite, TlsMessage, TlsMessageHandshake};

/// Bytes of a record header: type, version, length.
pub const RECORD_HEADER_LEN: usize = 5;

/// Largest `length` that RFC 5246 6.2.3 allows, 2^14 + 2048, with room for what
/// OpenSSL tolerates.
const MAX_RECORD: usize = (1 << 14) + 2048;

/// ContentType, RFC 8446 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType(pub u8);

impl ContentType {
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    pub const ALERT: Self = Self(21);
    pub const HANDSHAKE: Self = Self(22);
    pub const APPLICATION_DATA: Self = Self(23);
}

/// ProtocolVersion; unknown versions survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    pub const TLS_1_2: Self = Self(0x0303);
    pub const TLS_1_3: Self = Self(0x0304);

    /// "1.2" for TLS 1.2, "SSL 3.0", or hex for what nobody has named.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            0x0002 => "SSL 2.0",
            0x0300 => "SSL 3.0",
            0x0301 => "1.0",
            0x0302 => "1.1",
            0x0303 => "1.2",
            0x0304 => "1.3",
            other => return Cow::Owned(format!("0x{other:04x}")),
        })
    }
}

/// Header of one TLS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    pub content_type: ContentType,
    pub version: Version,
    /// Length of the fragment in bytes, without the header.
    pub length: usize,
}

impl RecordHeader {
    /// Reads the five bytes of a header.
    ///
    /// # Errors
    /// When they are cut, or cannot be a TLS record: unknown type, major version
    /// other than 3, or a length beyond what any TLS allows.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::of("TLS record", bytes);
        let content_type = ContentType(fields.u8("type")?);
        let version = Version(fields.be_u16("legacy_record_version")?);
        let length = usize::from(fields.be_u16("length")?);
        let known = (20..=24).contains(&content_type.0) && version.0 >> 8 == 3;
        if !known || length > MAX_RECORD {
            return Err(DecodeError::Unexpected {
                pdu: "TLS record",
                field: "header",
                found: format!("{} 0x{:04x} {length}", content_type.0, version.0),
                expected: "type 20 to 24, version 3.x, length up to 18432",
            });
        }
        Ok(Self { content_type, version, length })
    }
}

/// AlertDescription, RFC 8446 6.2 and the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    pub const CLOSE_NOTIFY: Self = Self(0);

    /// The registry's name; unknown numbers as they are.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            other => return Cow::Owned(format!("{other}")),
        })
    }
}

/// An alert that was sent in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    pub description: AlertDescription,
}

impl Alert {
    /// The alert in the fragment of an alert record; `None` when the fragment is
    /// not two bytes of a known level, which is how encrypted alerts look.
    pub fn parse(fragment: &[u8]) -> Option<Self> {
        match fragment {
            [level @ 1..=2, description] => {
                Some(Self { level: *level, description: AlertDescription(*description) })
            }
            _ => None,
        }
    }

    pub fn level_name(self) -> &'static str {
        if self.level == 1 { "warning" } else { "fatal" }
    }
}

/// One message of the handshake protocol that this program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    ClientHello(ClientHello),
    ServerHello(ServerHello),
    /// The DER of each certificate, leaf first.
    Certificate(Vec<Vec<u8>>),
    CertificateRequest,
    /// An OCSP response for the certificate, RFC 6066 8.
    CertificateStatus,
    ServerHelloDone,
    ClientKeyExchange,
    /// Any other HandshakeType.
    Other(u8),
}

/// The random that marks a HelloRetryRequest, RFC 8446 4.1.3.
const HELLO_RETRY_REQUEST_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Length of a handshake message with its four-byte header, once the header is there.
pub fn handshake_len(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, a, b, c, ..] => {
            let length = u32::from_be_bytes([0, *a, *b, *c]);
            usize::try_from(length).ok()?.checked_add(4)
        }
        _ => None,
    }
}

/// Reads one whole handshake message. A message that `tls-parser` refuses is
/// kept as [`Handshake::Other`].
pub fn parse_handshake(message: &[u8]) -> Handshake {
    let kind = message.first().copied().unwrap_or_default();
    match tls_parser::parse_tls_message_handshake(message) {
        Ok((_, TlsMessage::Handshake(parsed))) => from_parsed(kind, parsed, message),
        _ => Handshake::Other(kind),
    }
}

fn from_parsed(kind: u8, parsed: TlsMessageHandshake<'_>, message: &[u8]) -> Handshake {
    match parsed {
        TlsMessageHandshake::ClientHello(hello) => Handshake::ClientHello(ClientHello {
            legacy_version: Version(hello.version.0),
            random: random(hello.random),
            session_id: hello.session_id.unwrap_or_default().to_vec(),
            cipher_suites: hello.ciphers.iter().map(|suite| suite.0).collect(),
            extensions: hello::extensions(hello.ext.unwrap_or_default()),
        }),
        TlsMessageHandshake::ServerHello(hello) => Handshake::ServerHello(ServerHello {
            legacy_version: Version(hello.version.0),
            random: random(hello.random),
            session_id: hello.session_id.unwrap_or_default().to_vec(),
            cipher_suite: hello.cipher.0,
            // `tls-parser` reads no extensions of SSL 3.0, which has some all the same.
            extensions: hello::extensions(
                hello.ext.or_else(|| server_hello_extensions(message)).unwrap_or_default(),
            ),
            hello_retry_request: hello.random == HELLO_RETRY_REQUEST_RANDOM,
        }),
        TlsMessageHandshake::Certificate(chain) => {
            Handshake::Certificate(chain.cert_chain.iter().map(|der| der.data.to_vec()).collect())
        }
        TlsMessageHandshake::CertificateStatus(_) => Handshake::CertificateStatus,
        TlsMessageHandshake::CertificateRequest(_) => Handshake::CertificateRequest,
        TlsMessageHandshake::ServerDone(_) => Handshake::ServerHelloDone,
        TlsMessageHandshake::ClientKeyExchange(_) => Handshake::ClientKeyExchange,
        _ => Handshake::Other(kind),
    }
}

/// The chain in a Certificate message of TLS 1.3, RFC 8446 4.4.2: a context comes
/// first, and extensions follow each certificate. `None` for other messages.
pub fn certificates_13(message: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Fields::of("Certificate", message);
    if fields.u8("msg_type").ok()? != 11 {
        return None;
    }
    fields.be_u24("length").ok()?;
    let context = fields.u8("certificate_request_context length").ok()?;
    fields.bytes(usize::from(context), "certificate_request_context").ok()?;
    fields.be_u24("certificate_list length").ok()?;
    let mut chain = Vec::new();
    while let Ok(length) = fields.be_u24("cert_data length") {
        let der = fields.bytes(usize::try_from(length).ok()?, "cert_data").ok()?;
        chain.push(der.to_vec());
        let extensions = fields.be_u16("extensions length").ok()?;
        fields.bytes(usize::from(extensions), "extensions").ok()?;
    }
    Some(chain)
}

/// The extension block of a ServerHello: behind the header, version, random, session
/// id, suite and compression method.
fn server_hello_extensions(message: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::of("ServerHello", message);
    fields.bytes(4 + 2 + 32, "header, version, random").ok()?;
    let session_id = fields.u8("session_id length").ok()?;
    fields.bytes(usize::from(session_id) + 3, "session_id, suite, compression").ok()?;
    let length = fields.be_u16("extensions length").ok()?;
    fields.bytes(usize::from(length), "extensions").ok()
}

/// `tls-parser` takes exactly 32 bytes; zeros would mean that it no longer does.
fn random(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap_or_default()
}

/// The registry's name of a cipher suite; hex for unknown ones.
pub fn cipher_suite_name(id: u16) -> Cow<'static, str> {
    match TlsCipherSuite::from_id(id) {
        Some(suite) => Cow::Borrowed(suite.name),
        None => Cow::Owned(format!("0x{id:04x}")),
    }
}

/// The number of a cipher suite by the registry's name, as it is written there.
pub fn cipher_suite_id(name: &str) -> Option<u16> {
    TlsCipherSuite::from_name(name).map(|suite| suite.id.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[test]
    fn encrypted_alerts_are_not_taken_for_clear_ones() {
        assert!(Alert::parse(&[2, 40]).is_some());
        assert!(Alert::parse(&[0; 26]).is_none());
        assert!(Alert::parse(&[7, 40]).is_none());
    }

    #[test]
    fn unknown_values_keep_their_number() {
        assert_eq!(AlertDescription(200).name(), "200");
        assert_eq!(Version(0x7f1c).name(), "0x7f1c");
        assert_eq!(cipher_suite_name(0xc030), "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(cipher_suite_name(0xfffe), "0xfffe");
    }

    #[test]
    fn hellos_keep_random_session_id_and_the_extensions_that_change_the_keys() {
        let random = "ab".repeat(32);
        let server = format!("02000032 0303 {random} 02 1234 0035 00 0008 00160000 00170000");
        let Handshake::ServerHello(hello) = parse_handshake(&hex_bytes(&server).unwrap()) else {
            panic!("no ServerHello");
        };
        assert_eq!((hello.random, hello.session_id.as_slice()), ([0xab; 32], &[0x12, 0x34][..]));
        assert!(hello.encrypt_then_mac() && hello.extended_master_secret());
        let client = format!("0100002d 0303 {random} 02 1234 0002 0035 0100 0000");
        let Handshake::ClientHello(hello) = parse_handshake(&hex_bytes(&client).unwrap()) else {
            panic!("no ClientHello");
        };
        assert_eq!((hello.random, hello.session_id.as_slice()), ([0xab; 32], &[0x12, 0x34][..]));
    }

    #[test]
    fn tpkt_is_no_tls_record() {
        assert!(RecordHeader::parse(&[3, 0, 0, 19, 14]).is_err());
        assert!(RecordHeader::parse(&[22, 3, 1, 0, 200]).is_ok());
    }

    #[test]
    fn grease_is_told_from_real_values() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301));
    }
}
