//! Kerberos messages as far as they tell a failure: which message, and what a
//! KRB-ERROR says (RFC 4120 5.9.1, [MS-KILE] 2.2.2).

use super::DecodeError;
use super::ber::{self, tag};
use super::decode::{Fields, narrow};
use jiff::Timestamp;
use std::borrow::Cow;

/// `msg-type`, RFC 4120 7.5.7; also the number of the APPLICATION tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageType(pub u8);

impl MessageType {
    pub const AS_REQ: Self = Self(10);
    pub const AS_REP: Self = Self(11);
    pub const TGS_REQ: Self = Self(12);
    pub const TGS_REP: Self = Self(13);
    pub const AP_REQ: Self = Self(14);
    pub const AP_REP: Self = Self(15);
    pub const KRB_ERROR: Self = Self(30);

    /// The specification's name; unknown types as they are.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            10 => "AS-REQ",
            11 => "AS-REP",
            12 => "TGS-REQ",
            13 => "TGS-REP",
            14 => "AP-REQ",
            15 => "AP-REP",
            30 => "KRB-ERROR",
            other => return Cow::Owned(other.to_string()),
        })
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kerberos {
    Error(KrbError),
    /// Any other message that Kerberos knows; nothing of it is kept.
    Message(MessageType),
}

/// KRB-ERROR. The codes' names stand in the tables of `knowledge`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KrbError {
    /// `error-code`: 25 asks for pre-authentication and is no fault.
    pub code: u32,
    /// The clock of the one who refuses; the skew that code 37 is about.
    pub server_time: Option<Timestamp>,
    pub realm: Option<String>,
    /// Of the service that was asked for, its parts joined by `/`.
    pub service: Option<String>,
    /// NTSTATUS of a KERB-EXT-ERROR: why an account was refused.
    pub nt_status: Option<u32>,
}

/// Length of the message behind the four bytes that precede it on TCP (RFC 4120
/// 7.2.2).
pub fn tcp_len(bytes: &[u8]) -> Option<usize> {
    let length = Fields::of("Kerberos", bytes).be_u32("length").ok()?;
    // The highest bit is reserved for extensions.
    (length < 0x8000_0000).then(|| usize::try_from(length).ok()).flatten()
}

/// Reads a message behind the length that precedes it on TCP.
///
/// # Errors
/// As [`parse`], and when the length is cut or reserved.
pub fn parse_tcp(bytes: &[u8]) -> Result<Kerberos, DecodeError> {
    let mut fields = Fields::of("Kerberos", bytes);
    let length = fields.be_u32("length")?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    parse(fields.bytes_or_rest(length))
}

/// Reads a message as UDP and GSS tokens carry it.
///
/// # Errors
/// When the bytes begin no Kerberos message, or a KRB-ERROR is cut before its code.
pub fn parse(bytes: &[u8]) -> Result<Kerberos, DecodeError> {
    let mut fields = Fields::of("Kerberos", bytes);
    let message = ber::element(&mut fields, "message")?;
    let mut known = 10..=30;
    let Some(number) = known.find(|number| tag::application(*number) == message.tag) else {
        let found = format!("tag 0x{:x}", message.tag);
        return Err(fields.unexpected("message", found, "APPLICATION 10 to 30"));
    };
    if MessageType(number) != MessageType::KRB_ERROR {
        return Ok(Kerberos::Message(MessageType(number)));
    }
    let contents = ber::find(message.value, tag::SEQUENCE).unwrap_or_default();
    error(contents)
        .map(Kerberos::Error)
        .ok_or_else(|| fields.unexpected("error-code", "missing", "a number"))
}

fn error(contents: &[u8]) -> Option<KrbError> {
    const GENERALIZED_TIME: u16 = 0x18;
    const GENERAL_STRING: u16 = 0x1b;
    let field = |number, inner| ber::find_in(contents, tag::context(number), inner);
    Some(KrbError {
        code: field(6, tag::INTEGER).and_then(ber::u32_of)?,
        server_time: field(4, GENERALIZED_TIME).and_then(time),
        realm: field(9, GENERAL_STRING).map(narrow),
        service: field(10, tag::SEQUENCE).and_then(principal),
        nt_status: field(12, tag::OCTET_STRING).and_then(nt_status),
    })
}

/// PrincipalName, RFC 4120 5.2.2.
fn principal(contents: &[u8]) -> Option<String> {
    /// Real names have one to three parts.
    const MAX_PARTS: usize = 8;
    let parts = ber::find_in(contents, tag::context(1), tag::SEQUENCE)?;
    let parts: Vec<String> =
        ber::elements(parts).take(MAX_PARTS).map(|part| narrow(part.value)).collect();
    Some(parts.join("/"))
}

/// KERB-ERROR-DATA with data-type 3, [MS-KILE] 2.2.1: its value begins with the
/// NTSTATUS in little-endian order.
fn nt_status(e_data: &[u8]) -> Option<u32> {
    const KERB_ERR_TYPE_EXTENDED: u32 = 3;
    let data = ber::find(e_data, tag::SEQUENCE)?;
    let kind = ber::find_in(data, tag::context(1), tag::INTEGER).and_then(ber::u32_of)?;
    let value = ber::find_in(data, tag::context(2), tag::OCTET_STRING)?;
    let status = Fields::of("KERB-EXT-ERROR", value).le_u32("status").ok()?;
    (kind == KERB_ERR_TYPE_EXTENDED).then_some(status)
}

/// KerberosTime, RFC 4120 5.2.3: `YYYYMMDDhhmmssZ`.
fn time(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())?;
    let part = |from: usize, to: usize| text.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    /// A domain controller that asks for pre-authentication, over TCP.
    const PREAUTH: &str = "000000937e819030818da003020105a10302011ea411180f323031363038303830393433\
        35395aa505020308b29da603020119a9091b07434f4e544f534faa1c301aa003020102a11330111b066b7262746\
        7741b07434f4e544f534fac39043730353012a103020113a20b040930073005a0030201173009a103020102a202\
        04003009a103020110a20204003009a10302010fa2020400";

    #[test]
    fn an_error_says_code_clock_and_service() {
        let bytes = hex_bytes(PREAUTH).unwrap();
        assert_eq!(tcp_len(&bytes), Some(bytes.len() - 4));
        let expect = KrbError {
            code: 25,
            server_time: Some("2016-08-08T09:43:59Z".parse().unwrap()),
            realm: Some("CONTOSO".into()),
            service: Some("krbtgt/CONTOSO".into()),
            nt_status: None,
        };
        assert_eq!(parse_tcp(&bytes), Ok(Kerberos::Error(expect)));
        for end in 0..bytes.len() {
            let _ = (parse_tcp(&bytes[..end]), parse(&bytes[..end]));
        }
    }

    #[test]
    fn windows_adds_why_an_account_is_refused() {
        // KDC_ERR_CLIENT_REVOKED with STATUS_ACCOUNT_LOCKED_OUT.
        let hex = "7e223020a603020112ac1904173015a103020103a20e040c340200c00000000001000000";
        let Ok(Kerberos::Error(found)) = parse(&hex_bytes(hex).unwrap()) else { panic!("{hex}") };
        assert_eq!((found.code, found.nt_status), (18, Some(0xc000_0234)));
    }

    #[test]
    fn other_messages_are_named() {
        let shown = |first| match parse(&[first, 0]) {
            Ok(Kerberos::Message(kind)) => kind.name().into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(shown(0x6a), "AS-REQ");
        assert_eq!(shown(0x6d), "TGS-REP");
        assert_eq!(shown(0x6e), "AP-REQ");
        assert_eq!(shown(0x74), "20");
        assert!(parse(&[0x30, 0]).is_err());
        assert!(parse(&[0x7e, 0]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = (parse(&bytes), parse_tcp(&bytes), time(&bytes), nt_status(&bytes));
            bytes.splice(..0, [0x7e, 0x60, 0x30, 0x5e, 0xa6, 3, 2, 1, 6]);
            let _ = parse(&bytes);
        }
    }
}
