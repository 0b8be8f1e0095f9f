//! Share control and share data PDUs, [MS-RDPBCGR] 2.2.8.1.1.1: the session's own
//! voice, where a server says with its last words why it lets go (Set Error Info).

use super::DecodeError;
use super::decode::{Fields, named};
use super::redirection::{self, Redirection};
use std::borrow::Cow;

/// One PDU of the share control layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// 2.2.1.13.1
    DemandActive,
    /// 2.2.1.13.2
    ConfirmActive,
    /// 2.2.3.1
    DeactivateAll,
    Data(Data),
    /// 2.2.13.3.1; `None` when its body is cut.
    Redirect(Option<Redirection>),
    /// Any other `pduType`, whole.
    Other(u16),
}

/// One share data PDU by its `pduType2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// 0x14 with `action`: 1 request control, 2 granted control, 3 detach, 4 cooperate.
    Control(u16),
    /// 0x1f
    Synchronize,
    /// 0x24
    ShutdownRequest,
    /// 0x25: a user is logged on and decides.
    ShutdownDenied,
    /// 0x26
    SaveSessionInfo(SessionInfo),
    /// 0x27
    FontList,
    /// 0x28: the connection sequence is complete.
    FontMap,
    /// 0x2f, 2.2.5.1.1: ERRINFO_*; 0 is ERRINFO_NONE, which is sent on every start.
    SetErrorInfo(u32),
    /// 0x32, 2.2.4.1.1: an NTSTATUS.
    AutoReconnectStatus(u32),
    /// 0x36, 2.2.5.2: TS_STATUS_*.
    StatusInfo(u32),
    /// The body is compressed and was not read.
    Compressed(u8),
    /// Any other `pduType2`.
    Other(u8),
}

/// `infoType` of Save Session Info, 2.2.10.1.1. Names of users and the
/// auto-reconnect secret are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionInfo {
    /// INFO_TYPE_LOGON (0) and INFO_TYPE_LOGON_LONG (1): a user is logged on.
    Logon,
    /// INFO_TYPE_LOGON_PLAINNOTIFY (2)
    PlainNotify,
    /// INFO_TYPE_LOGON_EXTENDED_INFO (3)
    Extended { auto_reconnect_cookie: bool, logon_error: Option<LogonError> },
    /// Any other `infoType`.
    Other(u32),
}

/// TS_LOGON_ERRORS_INFO, 2.2.10.1.1.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogonError {
    pub notification_type: LogonNotification,
    /// 0 bad password, 1 the password must change, 2 other, 3 a warning; or the id
    /// of the session that is meant.
    pub notification_data: u32,
}

/// `ErrorNotificationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogonNotification(pub u32);

impl LogonNotification {
    pub const DISCONNECT_REFUSED: Self = Self(0xffff_fff9);
    pub const NO_PERMISSION: Self = Self(0xffff_fffa);
    pub const BUMP_OPTIONS: Self = Self(0xffff_fffb);
    pub const RECONNECT_OPTIONS: Self = Self(0xffff_fffc);
    pub const SESSION_TERMINATE: Self = Self(0xffff_fffd);
    pub const SESSION_CONTINUE: Self = Self(0xffff_fffe);

    /// The specification's name; unknown types in hex.
    pub fn name(self) -> Cow<'static, str> {
        named(
            self.0,
            &[
                (0xffff_fff9, "LOGON_MSG_DISCONNECT_REFUSED"),
                (0xffff_fffa, "LOGON_MSG_NO_PERMISSION"),
                (0xffff_fffb, "LOGON_MSG_BUMP_OPTIONS"),
                (0xffff_fffc, "LOGON_MSG_RECONNECT_OPTIONS"),
                (0xffff_fffd, "LOGON_MSG_SESSION_TERMINATE"),
                (0xffff_fffe, "LOGON_MSG_SESSION_CONTINUE"),
            ],
        )
    }
}

/// Whether Send Data payload is a share control PDU and no security header: the
/// length is the payload's own and the version in `pduType` is 1. With TLS only
/// this tells the two apart.
pub fn looks_like(data: &[u8]) -> bool {
    let mut fields = Fields::of("share control", data);
    let (Ok(length), Ok(kind)) = (fields.le_u16("totalLength"), fields.le_u16("pduType")) else {
        return false;
    };
    usize::from(length) <= data.len()
        && length >= 4
        && kind & 0xfff0 == 0x10
        && matches!(kind & 0x0f, 1 | 3 | 6 | 7 | 10)
}

/// Reads one share control PDU.
///
/// # Errors
/// When a fixed part is cut.
pub fn parse(data: &[u8]) -> Result<Share, DecodeError> {
    let mut fields = Fields::of("share control", data);
    fields.le_u16("totalLength")?;
    let kind = fields.le_u16("pduType")?;
    Ok(match kind & 0x0f {
        1 => Share::DemandActive,
        3 => Share::ConfirmActive,
        6 => Share::DeactivateAll,
        7 => Share::Data(data_pdu(&mut fields)?),
        10 => {
            fields.bytes(4, "pduSource, pad2Octets")?;
            Share::Redirect(redirection::parse(fields.rest()).ok())
        }
        _ => Share::Other(kind),
    })
}

/// Share data header, 2.2.8.1.1.1.2, and what follows.
fn data_pdu(fields: &mut Fields<'_>) -> Result<Data, DecodeError> {
    const COMPRESSED: u8 = 0x20;
    fields.bytes(2, "pduSource")?;
    fields.bytes(4, "shareId")?;
    fields.bytes(4, "pad1, streamId, uncompressedLength")?;
    let kind = fields.u8("pduType2")?;
    let compression = fields.u8("compressedType")?;
    fields.le_u16("compressedLength")?;
    if compression & COMPRESSED != 0 {
        return Ok(Data::Compressed(kind));
    }
    Ok(match kind {
        0x14 => Data::Control(fields.le_u16("action")?),
        0x1f => Data::Synchronize,
        0x24 => Data::ShutdownRequest,
        0x25 => Data::ShutdownDenied,
        0x26 => Data::SaveSessionInfo(session_info(fields)?),
        0x27 => Data::FontList,
        0x28 => Data::FontMap,
        0x2f => Data::SetErrorInfo(fields.le_u32("errorInfo")?),
        0x32 => Data::AutoReconnectStatus(fields.le_u32("arcStatus")?),
        0x36 => Data::StatusInfo(fields.le_u32("statusCode")?),
        other => Data::Other(other),
    })
}

fn session_info(fields: &mut Fields<'_>) -> Result<SessionInfo, DecodeError> {
    Ok(match fields.le_u32("infoType")? {
        0 | 1 => SessionInfo::Logon,
        2 => SessionInfo::PlainNotify,
        3 => extended(fields)?,
        other => SessionInfo::Other(other),
    })
}

/// TS_LOGON_INFO_EXTENDED, 2.2.10.1.1.4.
fn extended(fields: &mut Fields<'_>) -> Result<SessionInfo, DecodeError> {
    const AUTORECONNECTCOOKIE: u32 = 1;
    const LOGONERRORS: u32 = 2;
    fields.le_u16("Length")?;
    let present = fields.le_u32("FieldsPresent")?;
    let auto_reconnect_cookie = present & AUTORECONNECTCOOKIE != 0;
    if auto_reconnect_cookie {
        let length = fields.le_u32("cbFieldData")?;
        fields.bytes_or_rest(usize::try_from(length).unwrap_or(usize::MAX));
    }
    let logon_error = (present & LOGONERRORS != 0).then(|| logon_error(fields).ok()).flatten();
    Ok(SessionInfo::Extended { auto_reconnect_cookie, logon_error })
}

fn logon_error(fields: &mut Fields<'_>) -> Result<LogonError, DecodeError> {
    fields.le_u32("cbFieldData")?;
    Ok(LogonError {
        notification_type: LogonNotification(fields.le_u32("ErrorNotificationType")?),
        notification_data: fields.le_u32("ErrorNotificationData")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: Share) {
        let bytes = hex_bytes(hex).unwrap();
        assert!(looks_like(&bytes), "{hex}");
        assert_eq!(parse(&bytes), Ok(expect));
        for end in 0..bytes.len() {
            let _ = parse(&bytes[..end]);
        }
    }

    #[test]
    fn error_info_is_read_as_a_server_sends_it() {
        check("160017000000ea030100000116002f0000000b000000", Share::Data(Data::SetErrorInfo(0xb)));
        check("160017000000ea030100000116002f00000000000000", Share::Data(Data::SetErrorInfo(0)));
    }

    #[test]
    fn the_finalization_is_read() {
        check("16001700f103ea030100000108001f0000000100ea03", Share::Data(Data::Synchronize));
        check(
            "1a001700f103ea03010000010c00140000000400000000000000",
            Share::Data(Data::Control(4)),
        );
        check("1a001700ea03ea03010000021a00280000000000000003000400", Share::Data(Data::FontMap));
        check("12001300f103ea030100ea03060000000000", Share::ConfirmActive);
        check("060016 00ea03", Share::DeactivateAll);
    }

    #[test]
    fn logon_errors_stand_behind_the_cookie_that_is_not_kept() {
        // Head as Windows Server 2022 sent it, with 4 bytes of cookie for its 28.
        let info = |present: &str, rest: &str| {
            let body = format!("1700ea03ea0301000001760226000000 03000000 1a00 {present} {rest}");
            let length = 2 + hex_bytes(&body).unwrap().len();
            format!("{length:02x}00{body}")
        };
        let cookie = SessionInfo::Extended { auto_reconnect_cookie: true, logon_error: None };
        check(&info("01000000", "04000000 aabbccdd"), Share::Data(Data::SaveSessionInfo(cookie)));
        let both = SessionInfo::Extended {
            auto_reconnect_cookie: true,
            logon_error: Some(LogonError {
                notification_type: LogonNotification::SESSION_CONTINUE,
                notification_data: 2,
            }),
        };
        check(
            &info("03000000", "04000000 aabbccdd 08000000 feffffff 02000000"),
            Share::Data(Data::SaveSessionInfo(both)),
        );
        assert_eq!(LogonNotification(0xffff_fffa).name(), "LOGON_MSG_NO_PERMISSION");
        assert_eq!(LogonNotification(9).name(), "0x9");
    }

    #[test]
    fn compressed_and_unknown_pdus_keep_their_number() {
        check("12001700ea03ea030100000112002f200000", Share::Data(Data::Compressed(0x2f)));
        check("12001700ea03ea03010000011200ee000000", Share::Data(Data::Other(0xee)));
    }

    #[test]
    fn a_redirection_is_read_inside_its_share_pdu() {
        let redirect = parse(&hex_bytes("14001a00ea0300000004 0c00 0700000080000000").unwrap());
        let Ok(Share::Redirect(Some(found))) = redirect else { panic!("{redirect:?}") };
        assert_eq!(found.session_id, 7);
    }

    #[test]
    fn licensing_is_no_share_pdu() {
        assert!(!looks_like(&hex_bytes("80000000ff03100007000000020000000400 0000").unwrap()));
        assert!(!looks_like(&hex_bytes("40000000090409").unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(kind in 0u8.., mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = (parse(&bytes), looks_like(&bytes));
            let head = [0x16, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, kind, 0, 0, 0];
            bytes.splice(..0, head);
            let _ = parse(&bytes);
        }
    }
}
