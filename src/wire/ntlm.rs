//! NTLM messages, [MS-NLMP] 2.2.1. Names and sizes are kept; challenges, responses
//! and session keys are not, so that nothing here helps to guess a password.

use super::DecodeError;
use super::decode::{Fields, narrow, utf16};
use crate::base::filetime;
use jiff::Timestamp;

/// Bytes before the AV pairs of an NTLMv2 response: NTProofStr and the fixed part
/// of NTLMv2_CLIENT_CHALLENGE, 2.2.2.7 and 2.2.2.8.
const CLIENT_CHALLENGE_LEN: usize = 16 + 28;

bitflags::bitflags! {
    /// NEGOTIATE flags that are judged, 2.2.2.5.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct NtlmFlags: u32 {
        const UNICODE = 0x0000_0001;
        const SIGN = 0x0000_0010;
        const SEAL = 0x0000_0020;
        const NTLM = 0x0000_0200;
        const ANONYMOUS = 0x0000_0800;
        const TARGET_TYPE_DOMAIN = 0x0001_0000;
        const TARGET_TYPE_SERVER = 0x0002_0000;
        const EXTENDED_SESSIONSECURITY = 0x0008_0000;
        const TARGET_INFO = 0x0080_0000;
        const VERSION = 0x0200_0000;
        const KEY_128 = 0x2000_0000;
        const KEY_EXCH = 0x4000_0000;
        const KEY_56 = 0x8000_0000;
        const _ = !0;
    }
}

/// VERSION, 2.2.2.10: the Windows of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsVersion {
    pub major: u8,
    pub minor: u8,
    pub build: u16,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ntlm {
    Negotiate(Negotiate),
    Challenge(Challenge),
    Authenticate(Authenticate),
}

/// NEGOTIATE_MESSAGE, 2.2.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    pub flags: NtlmFlags,
    pub version: Option<WindowsVersion>,
}

/// CHALLENGE_MESSAGE, 2.2.1.2: the server tells who it is before anybody logs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub flags: NtlmFlags,
    /// Name of the domain, or of the server outside of one.
    pub target_name: Option<String>,
    pub target_info: TargetInfo,
    pub version: Option<WindowsVersion>,
}

/// AV_PAIRs, 2.2.2.1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetInfo {
    pub netbios_computer: Option<String>,
    pub netbios_domain: Option<String>,
    pub dns_computer: Option<String>,
    pub dns_domain: Option<String>,
    pub dns_tree: Option<String>,
    /// The server's clock.
    pub timestamp: Option<Timestamp>,
    /// In an AUTHENTICATE: the service that the client believes to reach, such as
    /// `TERMSRV/host`.
    pub target_spn: Option<String>,
}

/// AUTHENTICATE_MESSAGE, 2.2.1.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    pub flags: NtlmFlags,
    pub domain: Option<String>,
    pub user: Option<String>,
    pub workstation: Option<String>,
    pub version: Option<WindowsVersion>,
    /// Bytes of LmChallengeResponse.
    pub lm_response_len: u16,
    /// Bytes of NtChallengeResponse.
    pub nt_response_len: u16,
    /// What an NTLMv2 response repeats of the server's names, and the SPN.
    pub target_info: TargetInfo,
}

/// Which response an AUTHENTICATE carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// Nobody in particular logs on.
    Anonymous,
    V1,
    V2,
}

impl Authenticate {
    /// Told by the length: an NTLMv1 response has 24 bytes, an NTLMv2 response more.
    pub fn response_kind(&self) -> ResponseKind {
        match self.nt_response_len {
            25.. => ResponseKind::V2,
            _ if self.is_anonymous() => ResponseKind::Anonymous,
            _ => ResponseKind::V1,
        }
    }

    pub fn is_anonymous(&self) -> bool {
        self.flags.contains(NtlmFlags::ANONYMOUS)
            || (self.nt_response_len == 0 && self.user.as_deref().is_none_or(str::is_empty))
    }
}

/// Reads one message.
///
/// # Errors
/// When the signature or the type is none of NTLM's, or the fixed part is cut. Names
/// that are cut are left out.
pub fn parse(message: &[u8]) -> Result<Ntlm, DecodeError> {
    let mut fields = Fields::of("NTLM", message);
    let signature = fields.bytes(8, "Signature")?;
    if signature != b"NTLMSSP\0" {
        return Err(fields.unexpected("Signature", "other bytes", "NTLMSSP"));
    }
    match fields.le_u32("MessageType")? {
        1 => {
            let flags = flags(&mut fields)?;
            fields.bytes_or_rest(16);
            Ok(Ntlm::Negotiate(Negotiate { flags, version: version(flags, &mut fields) }))
        }
        2 => challenge(message, &mut fields).map(Ntlm::Challenge),
        3 => authenticate(message, &mut fields).map(Ntlm::Authenticate),
        other => Err(fields.unexpected("MessageType", other, "1, 2 or 3")),
    }
}

fn challenge(message: &[u8], fields: &mut Fields<'_>) -> Result<Challenge, DecodeError> {
    let target_name = Buffer::read(fields, "TargetNameFields")?;
    let flags = flags(fields)?;
    fields.bytes_or_rest(16);
    let target_info = Buffer::read(fields, "TargetInfoFields").ok();
    Ok(Challenge {
        flags,
        target_name: target_name.text(message, flags),
        target_info: target_info
            .map_or_else(TargetInfo::default, |buffer| TargetInfo::of(buffer.cut(message))),
        version: version(flags, fields),
    })
}

fn authenticate(message: &[u8], fields: &mut Fields<'_>) -> Result<Authenticate, DecodeError> {
    let lm = Buffer::read(fields, "LmChallengeResponseFields")?;
    let nt = Buffer::read(fields, "NtChallengeResponseFields")?;
    let domain = Buffer::read(fields, "DomainNameFields")?;
    let user = Buffer::read(fields, "UserNameFields")?;
    let workstation = Buffer::read(fields, "WorkstationFields")?;
    Buffer::read(fields, "EncryptedRandomSessionKeyFields")?;
    let flags = flags(fields)?;
    Ok(Authenticate {
        flags,
        domain: domain.text(message, flags),
        user: user.text(message, flags),
        workstation: workstation.text(message, flags),
        version: version(flags, fields),
        lm_response_len: lm.length,
        nt_response_len: nt.length,
        target_info: TargetInfo::of(
            nt.cut(message).get(CLIENT_CHALLENGE_LEN..).unwrap_or_default(),
        ),
    })
}

fn flags(fields: &mut Fields<'_>) -> Result<NtlmFlags, DecodeError> {
    Ok(NtlmFlags::from_bits_retain(fields.le_u32("NegotiateFlags")?))
}

fn version(flags: NtlmFlags, fields: &mut Fields<'_>) -> Option<WindowsVersion> {
    let mut read = || {
        let major = fields.u8("ProductMajorVersion").ok()?;
        let minor = fields.u8("ProductMinorVersion").ok()?;
        Some(WindowsVersion { major, minor, build: fields.le_u16("ProductBuild").ok()? })
    };
    flags.contains(NtlmFlags::VERSION).then(&mut read).flatten()
}

/// Length, maximum length and offset of a value from the message's start.
#[derive(Clone, Copy)]
struct Buffer {
    length: u16,
    offset: u32,
}

impl Buffer {
    fn read(fields: &mut Fields<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let length = fields.le_u16(field)?;
        fields.le_u16(field)?;
        Ok(Self { length, offset: fields.le_u32(field)? })
    }

    /// The whole value, if all of it is there.
    fn whole(self, message: &[u8]) -> Option<&[u8]> {
        let start = usize::try_from(self.offset).ok()?;
        message.get(start..start.checked_add(usize::from(self.length))?)
    }

    /// What is there of the value.
    fn cut(self, message: &[u8]) -> &[u8] {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let rest = message.get(start..).unwrap_or_default();
        rest.get(..usize::from(self.length)).unwrap_or(rest)
    }

    fn text(self, message: &[u8], flags: NtlmFlags) -> Option<String> {
        let wide = flags.contains(NtlmFlags::UNICODE);
        self.whole(message).map(|bytes| if wide { utf16(bytes) } else { narrow(bytes) })
    }
}

impl TargetInfo {
    fn of(pairs: &[u8]) -> Self {
        let mut info = Self::default();
        let mut fields = Fields::of("AV_PAIR", pairs);
        while let (Ok(id), Ok(length)) = (fields.le_u16("AvId"), fields.le_u16("AvLen")) {
            let Ok(value) = fields.bytes(usize::from(length), "Value") else { break };
            match id {
                0 => break,
                1 => info.netbios_computer = Some(utf16(value)),
                2 => info.netbios_domain = Some(utf16(value)),
                3 => info.dns_computer = Some(utf16(value)),
                4 => info.dns_domain = Some(utf16(value)),
                5 => info.dns_tree = Some(utf16(value)),
                7 => {
                    info.timestamp =
                        value.try_into().ok().map(u64::from_le_bytes).and_then(filetime)
                }
                9 => info.target_spn = Some(utf16(value)),
                _ => {}
            }
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    /// Windows Server 2022, member of a domain.
    const CHALLENGE: &str = "4e544c4d53535000020000000e000e0038000000358289e24c7699a0e3800fdc000000\
        0000000000c400c400460000000a007c4f0000000f490054002d00480045004c00500002000e00490054002d00\
        480045004c00500001001800490054002d00480045004c0050002d00540045005300540004002000610064002e\
        00690074002d00680065006c0070002e006e0069006e006a00610003003a00490054002d00480045004c005000\
        2d0054004500530054002e00610064002e00690074002d00680065006c0070002e006e0069006e006a00610005\
        002000610064002e00690074002d00680065006c0070002e006e0069006e006a00610007000800ace7c367f19f\
        da0100000000";

    /// mstsc's answer; proof, nonce, key and MIC are zeroed.
    const AUTHENTICATE: &str = "4e544c4d5353500003000000180018009c0000006c016c01b40000000e000e00580000\
        001a001a00660000001c001c00800000001000100020020000358288e20a005d580000000f0000000000000000\
        0000000000000000490054002d00480045004c005000410064006d0069006e006900730074007200610074006f\
        007200490054002d00480045004c0050002d0043004c00490045004e0054000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000101000000000000ace7c367f19fda01000000\
        00000000000000000002000e00490054002d00480045004c00500001001800490054002d00480045004c005000\
        2d00540045005300540004002000610064002e00690074002d00680065006c0070002e006e0069006e006a0061\
        0003003a00490054002d00480045004c0050002d0054004500530054002e00610064002e00690074002d006800\
        65006c0070002e006e0069006e006a00610005002000610064002e00690074002d00680065006c0070002e006e\
        0069006e006a00610007000800ace7c367f19fda01060004000200000008003000300000000000000001000000\
        0020000059801bd900aa91eed29a1ce24d2888b7f53dc889652412959c32fc87f4f76bad0a0010000000000000\
        0000000000000000000000090024005400450052004d005300520056002f00310030002e00310030002e003000\
        2e0031003000000000000000000000000000000000000000000000000000a3320430";

    fn read(hex: &str) -> Ntlm {
        parse(&hex_bytes(hex).unwrap()).unwrap()
    }

    #[test]
    fn a_client_says_its_windows() {
        let hex =
            "4e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f";
        let Ntlm::Negotiate(found) = read(hex) else { panic!() };
        assert_eq!(found.version, Some(WindowsVersion { major: 10, minor: 0, build: 22621 }));
        assert!(found.flags.contains(NtlmFlags::UNICODE | NtlmFlags::KEY_128));
    }

    #[test]
    fn a_server_says_who_it_is() {
        let Ntlm::Challenge(found) = read(CHALLENGE) else { panic!() };
        assert_eq!(found.target_name.as_deref(), Some("IT-HELP"));
        let info = found.target_info;
        assert_eq!(info.netbios_domain.as_deref(), Some("IT-HELP"));
        assert_eq!(info.netbios_computer.as_deref(), Some("IT-HELP-TEST"));
        assert_eq!(info.dns_computer.as_deref(), Some("IT-HELP-TEST.ad.it-help.ninja"));
        assert_eq!(info.dns_domain.as_deref(), Some("ad.it-help.ninja"));
        assert_eq!(info.timestamp.unwrap().to_string(), "2024-05-06T20:10:13.767774Z");
        assert_eq!(found.version.unwrap().build, 20348);
    }

    #[test]
    fn an_answer_says_who_and_where_and_keeps_no_proof() {
        let Ntlm::Authenticate(found) = read(AUTHENTICATE) else { panic!() };
        assert_eq!(found.domain.as_deref(), Some("IT-HELP"));
        assert_eq!(found.user.as_deref(), Some("Administrator"));
        assert_eq!(found.workstation.as_deref(), Some("IT-HELP-CLIENT"));
        assert_eq!((found.lm_response_len, found.nt_response_len), (24, 364));
        assert_eq!(found.response_kind(), ResponseKind::V2);
        assert_eq!(found.target_info.target_spn.as_deref(), Some("TERMSRV/10.10.0.10"));
    }

    #[test]
    fn the_length_tells_the_kind_of_response() {
        let Ntlm::Authenticate(mut found) = read(AUTHENTICATE) else { panic!() };
        found.nt_response_len = 24;
        assert_eq!(found.response_kind(), ResponseKind::V1);
        found.nt_response_len = 0;
        found.user = Some(String::new());
        assert_eq!(found.response_kind(), ResponseKind::Anonymous);
    }

    #[test]
    fn messages_may_be_cut_anywhere() {
        for hex in [CHALLENGE, AUTHENTICATE] {
            let bytes = hex_bytes(hex).unwrap();
            for end in 0..bytes.len() {
                let _ = parse(&bytes[..end]);
            }
        }
        assert!(parse(b"NTLMSSP\0\x09\0\0\0").is_err());
        assert!(parse(b"HTTP/1.1 401").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(kind in 1u8..4, mut bytes in proptest::collection::vec(0u8.., 0..128)) {
            let _ = parse(&bytes);
            bytes.splice(..0, *b"NTLMSSP\0");
            bytes.splice(8..8, [kind, 0, 0, 0]);
            let _ = (parse(&bytes), TargetInfo::of(&bytes));
        }
    }
}
