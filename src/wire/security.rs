//! PDUs behind a security header, [MS-RDPBCGR] 2.2.8.1.1.2: key exchange, logon
//! information, licensing, multitransport and whatever standard RDP security
//! encrypts.
//!
//! With standard RDP security every Send Data payload begins with this header. With
//! TLS only some on the I/O channel do (tell by
//! [`share::looks_like`](super::share::looks_like)), all on the message channel, and
//! none on a virtual channel: there any bytes would pass for a header.

use super::DecodeError;
use super::decode::{Fields, named, narrow, utf16};
use super::redirection::{self, Redirection};
use std::borrow::Cow;

bitflags::bitflags! {
    /// `flags` of TS_SECURITY_HEADER.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SecurityFlags: u16 {
        const EXCHANGE_PKT = 0x0001;
        const TRANSPORT_REQ = 0x0002;
        const TRANSPORT_RSP = 0x0004;
        const ENCRYPT = 0x0008;
        const RESET_SEQNO = 0x0010;
        const IGNORE_SEQNO = 0x0020;
        const INFO_PKT = 0x0040;
        const LICENSE_PKT = 0x0080;
        /// SEC_LICENSE_ENCRYPT_CS and SEC_LICENSE_ENCRYPT_SC: an offer, nothing is
        /// encrypted because of it.
        const LICENSE_ENCRYPT = 0x0200;
        const REDIRECTION_PKT = 0x0400;
        const SECURE_CHECKSUM = 0x0800;
        const AUTODETECT_REQ = 0x1000;
        const AUTODETECT_RSP = 0x2000;
        const HEARTBEAT = 0x4000;
        const FLAGSHI_VALID = 0x8000;
        const _ = !0;
    }

    /// `flags` of TS_INFO_PACKET that say how the user comes in.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct InfoFlags: u32 {
        /// The client sends a password and wants no prompt.
        const AUTOLOGON = 0x0000_0008;
        const UNICODE = 0x0000_0010;
        /// The client understands logon errors of Save Session Info.
        const LOGONERRORS = 0x0001_0000;
        const PASSWORD_IS_SC_PIN = 0x0004_0000;
        const _ = !0;
    }
}

/// One PDU behind a security header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secured {
    /// Security Exchange, 2.2.1.10: bytes of the encrypted client random.
    Exchange {
        length: u32,
    },
    /// Encrypted by standard RDP security; the flags say what it was.
    Encrypted(SecurityFlags),
    /// Client Info in the clear (or decrypted), 2.2.1.11.
    Info(ClientInfo),
    License(License),
    /// Server redirection of standard RDP security, 2.2.13.2.1.
    Redirect(Redirection),
    /// Initiate Multitransport Request, 2.2.15.1; its cookie is not kept.
    TransportRequest {
        request_id: u32,
        /// 1 reliable UDP, 2 lossy UDP.
        protocol: u16,
    },
    /// Initiate Multitransport Response, 2.2.15.2: an HRESULT, 0 is success.
    TransportResponse {
        request_id: u32,
        hr_response: u32,
    },
    Heartbeat,
    AutoDetect,
    /// Any other combination.
    Other(SecurityFlags),
}

/// TS_INFO_PACKET, 2.2.1.11.1.1, up to the user's name. The password is never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    pub flags: InfoFlags,
    pub domain: Option<String>,
    pub user_name: Option<String>,
    /// A password was there (not kept).
    pub has_password: bool,
}

/// Licensing PDU, 2.2.1.12 and [MS-RDPELE] 2.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct License {
    pub message: LicenseMessage,
    /// Licensing protocol: 2 is RDP 4, 3 is RDP 5 and later.
    pub version: u8,
    /// Of an ERROR_ALERT.
    pub error: Option<LicenseError>,
}

/// `bMsgType`, 2.2.1.12.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseMessage(pub u8);

/// LICENSE_ERROR_MESSAGE, 2.2.1.12.1.3. `dwErrorCode` 7 (STATUS_VALID_CLIENT) with
/// transition 2 (ST_NO_TRANSITION) is how most servers say that all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseError {
    pub code: u32,
    /// 1 ST_TOTAL_ABORT, 2 ST_NO_TRANSITION, 3 ST_RESET_PHASE_TO_START,
    /// 4 ST_RESEND_LAST_MESSAGE.
    pub state_transition: u32,
}

impl LicenseMessage {
    pub const ERROR_ALERT: Self = Self(0xff);

    /// The specification's name; unknown messages in hex.
    pub fn name(self) -> Cow<'static, str> {
        named(
            u32::from(self.0),
            &[
                (0x01, "LICENSE_REQUEST"),
                (0x02, "PLATFORM_CHALLENGE"),
                (0x03, "NEW_LICENSE"),
                (0x04, "UPGRADE_LICENSE"),
                (0x12, "LICENSE_INFO"),
                (0x13, "NEW_LICENSE_REQUEST"),
                (0x15, "PLATFORM_CHALLENGE_RESPONSE"),
                (0xff, "ERROR_ALERT"),
            ],
        )
    }
}

impl LicenseError {
    pub const STATUS_VALID_CLIENT: u32 = 7;

    /// Whether it is no error: the client may come in.
    pub fn is_valid_client(self) -> bool {
        self.code == Self::STATUS_VALID_CLIENT
    }

    /// The specification's name of the code; unknown codes in hex.
    pub fn name(self) -> Cow<'static, str> {
        named(
            self.code,
            &[
                (0x1, "ERR_INVALID_SERVER_CERTIFICATE"),
                (0x2, "ERR_NO_LICENSE"),
                (0x3, "ERR_INVALID_MAC"),
                (0x4, "ERR_INVALID_SCOPE"),
                (0x6, "ERR_NO_LICENSE_SERVER"),
                (0x7, "STATUS_VALID_CLIENT"),
                (0x8, "ERR_INVALID_CLIENT"),
                (0xb, "ERR_INVALID_PRODUCTID"),
                (0xc, "ERR_INVALID_MESSAGE_LEN"),
            ],
        )
    }
}

/// Reads the payload of a Send Data PDU that begins with a security header.
///
/// # Errors
/// When a fixed part is cut.
pub fn parse(data: &[u8]) -> Result<Secured, DecodeError> {
    type Flags = SecurityFlags;
    let mut fields = Fields::of("security header", data);
    let flags = Flags::from_bits_retain(fields.le_u16("flags")?);
    fields.le_u16("flagsHi")?;
    let body = &mut fields;
    Ok(if flags.contains(Flags::EXCHANGE_PKT) {
        Secured::Exchange { length: body.le_u32("length")? }
    } else if flags.contains(Flags::ENCRYPT) {
        Secured::Encrypted(flags)
    } else if flags.contains(Flags::INFO_PKT) {
        Secured::Info(info(body)?)
    } else if flags.contains(Flags::LICENSE_PKT) {
        Secured::License(license(body)?)
    } else if flags.contains(Flags::REDIRECTION_PKT) {
        // Its own flags and length take the place of flagsHi's end: it starts over.
        Secured::Redirect(redirection::parse(data)?)
    } else if flags.contains(Flags::TRANSPORT_REQ) {
        let request_id = body.le_u32("requestId")?;
        Secured::TransportRequest { request_id, protocol: body.le_u16("requestedProtocol")? }
    } else if flags.contains(Flags::TRANSPORT_RSP) {
        let request_id = body.le_u32("requestId")?;
        Secured::TransportResponse { request_id, hr_response: body.le_u32("hrResponse")? }
    } else if flags.contains(Flags::HEARTBEAT) {
        Secured::Heartbeat
    } else if flags.intersects(Flags::AUTODETECT_REQ | Flags::AUTODETECT_RSP) {
        Secured::AutoDetect
    } else {
        Secured::Other(flags)
    })
}

fn info(fields: &mut Fields<'_>) -> Result<ClientInfo, DecodeError> {
    fields.le_u32("CodePage")?;
    let flags = InfoFlags::from_bits_retain(fields.le_u32("flags")?);
    let domain = usize::from(fields.le_u16("cbDomain")?);
    let user_name = usize::from(fields.le_u16("cbUserName")?);
    let has_password = fields.le_u16("cbPassword")? > 0;
    fields.bytes(4, "cbAlternateShell, cbWorkingDir")?;
    // The counts leave out the terminating NUL.
    let wide = flags.contains(InfoFlags::UNICODE);
    let (text, nul): (fn(&[u8]) -> String, _) = if wide { (utf16, 2) } else { (narrow, 1) };
    let domain = fields.bytes(domain + nul, "Domain").ok().map(text);
    let user_name = domain
        .is_some()
        .then(|| fields.bytes(user_name + nul, "UserName").ok().map(text))
        .flatten();
    Ok(ClientInfo { flags, domain, user_name, has_password })
}

fn license(fields: &mut Fields<'_>) -> Result<License, DecodeError> {
    let message = LicenseMessage(fields.u8("bMsgType")?);
    let version = fields.u8("flags")? & 0x0f;
    fields.le_u16("wMsgSize")?;
    let error = (message == LicenseMessage::ERROR_ALERT).then(|| error(fields).ok()).flatten();
    Ok(License { message, version, error })
}

fn error(fields: &mut Fields<'_>) -> Result<LicenseError, DecodeError> {
    Ok(LicenseError {
        code: fields.le_u32("dwErrorCode")?,
        state_transition: fields.le_u32("dwStateTransition")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: &Secured) {
        let bytes = hex_bytes(hex).unwrap();
        assert_eq!(parse(&bytes).as_ref(), Ok(expect));
        for end in 0..bytes.len() {
            let _ = parse(&bytes[..end]);
        }
    }

    #[test]
    fn the_license_answer_of_a_healthy_server_is_no_error() {
        let error = LicenseError { code: 7, state_transition: 2 };
        let license = License { message: LicenseMessage(0xff), version: 3, error: Some(error) };
        check("80000000ff031000070000000200000004000000", &Secured::License(license));
        assert!(error.is_valid_client());
        assert_eq!(license.message.name(), "ERROR_ALERT");
        assert_eq!(LicenseMessage(0x77).name(), "0x77");
        assert_eq!(LicenseError { code: 6, ..error }.name(), "ERR_NO_LICENSE_SERVER");
    }

    #[test]
    fn standard_security_shows_only_that_it_encrypts() {
        check("01020000480000008b689c55", &Secured::Exchange { length: 72 });
        check(
            "48000000aabbccdd",
            &Secured::Encrypted(SecurityFlags::INFO_PKT | SecurityFlags::ENCRYPT),
        );
    }

    #[test]
    fn logon_information_is_kept_without_the_password() {
        let user = "410064006d0069006e00";
        let info = format!(
            "40000000 09040904 18000000 0000 0a00 0600 0000 0000 0000 {user}0000 5000570044000000"
        );
        check(
            &info,
            &Secured::Info(ClientInfo {
                flags: InfoFlags::AUTOLOGON | InfoFlags::UNICODE,
                domain: Some(String::new()),
                user_name: Some("Admin".into()),
                has_password: true,
            }),
        );
        assert!(!format!("{:?}", parse(&hex_bytes(&info).unwrap())).contains("PWD"));
    }

    #[test]
    fn the_offer_and_refusal_of_udp_are_read() {
        check(
            "02000000 01000000 0100 0000 aabbccddeeff00112233445566778899",
            &Secured::TransportRequest { request_id: 1, protocol: 1 },
        );
        check(
            "04000000 01000000 04400080",
            &Secured::TransportResponse { request_id: 1, hr_response: 0x8000_4004 },
        );
        check("0040000000010808", &Secured::Heartbeat);
        check("0010000006000100 0100", &Secured::AutoDetect);
        check("00000000", &Secured::Other(SecurityFlags::empty()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(flags in 0u16.., mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = parse(&bytes);
            bytes.splice(..0, flags.to_le_bytes());
            let _ = parse(&bytes);
        }
    }
}
