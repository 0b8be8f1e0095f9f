//! CredSSP, the messages of network level authentication: TSRequest, [MS-CSSP]
//! 2.2.1 (DER), and the Early User Authorization Result PDU, [MS-RDPBCGR] 2.2.10.2.
//!
//! What the user proves himself with (`authInfo`, `pubKeyAuth`) is told as present
//! and never kept.

use super::DecodeError;
use super::ber::{self, tag};
use super::decode::Fields;

/// One TSRequest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsRequest<'a> {
    /// 2 to 6.
    pub version: Option<u32>,
    /// SPNEGO, NTLM or Kerberos: see [`spnego::parse`](super::spnego::parse).
    pub nego_tokens: Vec<&'a [u8]>,
    /// The client hands over its credentials: everything before went well.
    pub auth_info: bool,
    pub pub_key_auth: bool,
    /// NTSTATUS; from version 3 on a server says so why it refuses. Before, and in
    /// case of version 5, it closes silently.
    pub error_code: Option<u32>,
    pub client_nonce: bool,
}

/// Length of a TSRequest with its header, once the header is there; `None` also
/// when the bytes begin no SEQUENCE.
pub fn len(bytes: &[u8]) -> Option<usize> {
    let mut fields = Fields::of("TSRequest", bytes);
    let (kind, length) = ber::header(&mut fields, "SEQUENCE").ok()?;
    let header = bytes.len().checked_sub(fields.rest().len())?;
    (kind == tag::SEQUENCE).then(|| length.checked_add(header)).flatten()
}

/// Reads one TSRequest.
///
/// # Errors
/// When it does not begin with a SEQUENCE that holds a version. Fields that are cut
/// are given as far as they go.
pub fn parse(bytes: &[u8]) -> Result<TsRequest<'_>, DecodeError> {
    let mut fields = Fields::of("TSRequest", bytes);
    let contents = ber::expect(&mut fields, tag::SEQUENCE, "SEQUENCE")?;
    let mut request = TsRequest::default();
    for field in ber::elements(contents) {
        let integer = || ber::find(field.value, tag::INTEGER).and_then(ber::u32_of);
        match field.tag {
            0xa0 => request.version = integer(),
            0xa1 => request.nego_tokens = nego_tokens(field.value),
            0xa2 => request.auth_info = true,
            0xa3 => request.pub_key_auth = true,
            0xa4 => request.error_code = integer(),
            0xa5 => request.client_nonce = true,
            _ => {}
        }
    }
    if request.version.is_none() {
        return Err(fields.unexpected("version", "missing", "a number"));
    }
    Ok(request)
}

/// NegoData: SEQUENCE OF SEQUENCE { negoToken `[0]` OCTET STRING }.
fn nego_tokens(value: &[u8]) -> Vec<&[u8]> {
    ber::elements(ber::find(value, tag::SEQUENCE).unwrap_or_default())
        .filter_map(|item| ber::find_in(item.value, tag::context(0), tag::OCTET_STRING))
        .collect()
}

/// `authorizationResult`: with PROTOCOL_HYBRID_EX the server's verdict on the right
/// to log on, behind CredSSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyUserAuth(pub u32);

impl EarlyUserAuth {
    pub const AUTHZ_SUCCESS: Self = Self(0);
    pub const AUTHZ_ACCESS_DENIED: Self = Self(5);

    /// The PDU is exactly these four bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self(u32::from_le_bytes(bytes.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: TsRequest<'_>) {
        let bytes = hex_bytes(hex).unwrap();
        assert_eq!(parse(&bytes), Ok(expect));
        assert_eq!(len(&bytes), Some(bytes.len()));
        for end in 0..bytes.len() {
            let _ = (parse(&bytes[..end]), len(&bytes[..end]));
        }
    }

    #[test]
    fn a_server_says_why_it_refuses() {
        let refused =
            |code| TsRequest { version: Some(6), error_code: Some(code), ..TsRequest::default() };
        // SEC_E_NOT_SUPPORTED and STATUS_ACCOUNT_RESTRICTION as Windows sent them.
        check("300da003020106a406020480090302", refused(0x8009_0302));
        check("300da003020106a4060204c000006e", refused(0xc000_006e));
        // The same with the leading zero that strict DER of an unsigned number has.
        check("300ea003020106a407020500c000006e", refused(0xc000_006e));
    }

    #[test]
    fn tokens_are_found() {
        let token = hex_bytes(
            "4e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f",
        );
        let token = token.unwrap();
        check(
            "3037a003020106a130302e302ca02a04284e544c4d5353500001000000b78208e20000000000000000\
             00000000000000000a005d580000000f",
            TsRequest { version: Some(6), nego_tokens: vec![&token], ..TsRequest::default() },
        );
    }

    #[test]
    fn proof_and_credentials_are_told_and_not_kept() {
        check(
            "301ba003020106a2040402aabba3040402ccdda5080406000102030405",
            TsRequest {
                version: Some(6),
                auth_info: true,
                pub_key_auth: true,
                client_nonce: true,
                ..TsRequest::default()
            },
        );
    }

    #[test]
    fn other_bytes_are_no_request() {
        assert_eq!(len(&[3, 0, 0, 19]), None);
        assert!(parse(&[0x30, 0x00]).is_err());
        assert!(parse(&[]).is_err());
    }

    #[test]
    fn the_early_verdict_is_exactly_four_bytes() {
        assert_eq!(EarlyUserAuth::parse(&[0; 4]), Some(EarlyUserAuth::AUTHZ_SUCCESS));
        assert_eq!(EarlyUserAuth::parse(&[5, 0, 0, 0]), Some(EarlyUserAuth::AUTHZ_ACCESS_DENIED));
        assert_eq!(EarlyUserAuth::parse(&[3, 0, 0, 19, 14]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = (parse(&bytes), len(&bytes), EarlyUserAuth::parse(&bytes));
            bytes.splice(..0, [0x30, 0x50, 0xa0, 3, 2, 1, 6, 0xa1, 0x40, 0x30]);
            let _ = parse(&bytes);
        }
    }
}
