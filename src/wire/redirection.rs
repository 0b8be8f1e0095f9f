//! Where a server sends its client on: RDP_SERVER_REDIRECTION_PACKET, [MS-RDPBCGR]
//! 2.2.13.1.

use super::DecodeError;
use super::decode::{Fields, utf16};

bitflags::bitflags! {
    /// `RedirFlags`: which fields are there and what to do with them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RedirectionFlags: u32 {
        const TARGET_NET_ADDRESS = 0x0000_0001;
        const LOAD_BALANCE_INFO = 0x0000_0002;
        const USERNAME = 0x0000_0004;
        const DOMAIN = 0x0000_0008;
        const PASSWORD = 0x0000_0010;
        const DONTSTOREUSERNAME = 0x0000_0020;
        const SMARTCARD_LOGON = 0x0000_0040;
        /// Informs only: the client must not connect elsewhere.
        const NOREDIRECT = 0x0000_0080;
        const TARGET_FQDN = 0x0000_0100;
        const TARGET_NETBIOS_NAME = 0x0000_0200;
        const TARGET_NET_ADDRESSES = 0x0000_0800;
        const CLIENT_TSV_URL = 0x0000_1000;
        const SERVER_TSV_CAPABLE = 0x0000_2000;
        const PASSWORD_IS_PK_ENCRYPTED = 0x0000_4000;
        const REDIRECTION_GUID = 0x0000_8000;
        const TARGET_CERTIFICATE = 0x0001_0000;
        const _ = !0;
    }
}

/// The answer of a connection broker. The password, the user's name and the load
/// balancer's cookie are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    pub session_id: u32,
    pub flags: RedirectionFlags,
    /// Address of the host to go to.
    pub target_net_address: Option<String>,
    pub target_fqdn: Option<String>,
    pub target_netbios_name: Option<String>,
    /// A LoadBalanceInfo is there, which the client sends as routing token.
    pub load_balance_info: bool,
}

/// Reads the packet from its own `Flags` (SEC_REDIRECTION_PKT) on.
///
/// # Errors
/// When the fixed part is cut. Names that are cut are left out.
pub fn parse(bytes: &[u8]) -> Result<Redirection, DecodeError> {
    let mut fields = Fields::of("RDP_SERVER_REDIRECTION_PACKET", bytes);
    fields.le_u16("Flags")?;
    fields.le_u16("Length")?;
    let session_id = fields.le_u32("SessionID")?;
    let flags = RedirectionFlags::from_bits_retain(fields.le_u32("RedirFlags")?);
    let mut redirection = Redirection {
        session_id,
        flags,
        target_net_address: None,
        target_fqdn: None,
        target_netbios_name: None,
        load_balance_info: flags.contains(RedirectionFlags::LOAD_BALANCE_INFO),
    };
    // A packet that is cut in its names still says that it redirects.
    let _ = redirection.names(&mut fields);
    Ok(redirection)
}

impl Redirection {
    /// The variable fields stand in this order, each behind its length.
    fn names(&mut self, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        type Flags = RedirectionFlags;
        self.target_net_address = self.field(fields, Flags::TARGET_NET_ADDRESS)?.map(utf16);
        for passed_over in
            [Flags::LOAD_BALANCE_INFO, Flags::USERNAME, Flags::DOMAIN, Flags::PASSWORD]
        {
            self.field(fields, passed_over)?;
        }
        self.target_fqdn = self.field(fields, Flags::TARGET_FQDN)?.map(utf16);
        self.target_netbios_name = self.field(fields, Flags::TARGET_NETBIOS_NAME)?.map(utf16);
        Ok(())
    }

    fn field<'a>(
        &self,
        fields: &mut Fields<'a>,
        flag: RedirectionFlags,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        if !self.flags.contains(flag) {
            return Ok(None);
        }
        let length = usize::try_from(fields.le_u32("length")?).unwrap_or(usize::MAX);
        fields.bytes(length, "redirection field").map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: RedirectionFlags, texts: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 4, 0, 0, 7, 0, 0, 0];
        bytes.extend_from_slice(&flags.bits().to_le_bytes());
        for text in texts {
            let units: Vec<u8> =
                text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            bytes.extend_from_slice(&u32::try_from(units.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(&units);
        }
        bytes
    }

    #[test]
    fn a_redirection_tells_the_host_and_never_the_secrets() {
        let flags = RedirectionFlags::TARGET_NET_ADDRESS
            | RedirectionFlags::LOAD_BALANCE_INFO
            | RedirectionFlags::PASSWORD
            | RedirectionFlags::TARGET_FQDN;
        let bytes = packet(flags, &["10.0.0.7", "cookie", "secret", "host.corp.example"]);
        let found = parse(&bytes).unwrap();
        assert_eq!(found.session_id, 7);
        assert_eq!(found.target_net_address.as_deref(), Some("10.0.0.7"));
        assert_eq!(found.target_fqdn.as_deref(), Some("host.corp.example"));
        assert!(found.load_balance_info);
        let shown = format!("{found:?}");
        assert!(!shown.contains("secret") && !shown.contains("cookie"), "{shown}");
    }

    #[test]
    fn a_redirection_may_be_cut_anywhere() {
        let bytes = packet(RedirectionFlags::TARGET_NET_ADDRESS, &["10.0.0.7"]);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]).is_ok(), end >= 12);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = parse(&bytes);
        }
    }
}
