//! The settings that client and server exchange inside the MCS connect PDUs: user
//! data of the GCC Conference Create Request and Response (ITU-T T.124 8.7, aligned
//! PER), [MS-RDPBCGR] 2.2.1.3 and 2.2.1.4.

use super::ber;
use super::decode::{Fields, narrow, utf16};
use super::nego::Protocols;
use super::{DecodeError, gcc_server};

pub use gcc_server::{GccServer, ServerCertificate, ServerCore, ServerSecurity};

/// Channels that TS_UD_CS_NET may define.
pub(super) const MAX_CHANNELS: usize = 31;

/// What a client says of itself, as far as the capture reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GccClient {
    pub core: Option<ClientCore>,
    pub security: Option<ClientSecurity>,
    /// Static virtual channels that it wants.
    pub channels: Option<Vec<Channel>>,
    pub cluster: Option<Cluster>,
    /// TS_UD_CS_MULTITRANSPORT `flags`, 2.2.1.3.8: 0x1 reliable UDP, 0x4 lossy UDP.
    pub multitransport: Option<u32>,
}

/// TS_UD_CS_CORE, 2.2.1.3.2. Old clients end it early, cut captures anywhere: what
/// was not there is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientCore {
    /// Major in the upper half: 0x00080004 is RDP 5 to 8.
    pub version: Option<u32>,
    /// Pixels.
    pub desktop_width: Option<u16>,
    pub desktop_height: Option<u16>,
    /// RNS_UD_COLOR_*; newer fields outrank it.
    pub color_depth: Option<u16>,
    /// Input locale identifier, 0x409 for US English.
    pub keyboard_layout: Option<u32>,
    pub client_build: Option<u32>,
    /// Computer name of the client, at most 15 characters.
    pub client_name: Option<String>,
    pub post_beta2_color_depth: Option<u16>,
    pub client_product_id: Option<u16>,
    pub serial_number: Option<u32>,
    /// Bits per pixel.
    pub high_color_depth: Option<u16>,
    /// RNS_UD_*BPP_SUPPORT bits.
    pub supported_color_depths: Option<u16>,
    /// RNS_UD_CS_* bits.
    pub early_capability_flags: Option<u16>,
    /// Product id of the client's Windows, often a GUID.
    pub client_dig_product_id: Option<String>,
    /// What the client takes the negotiation's result for.
    pub server_selected_protocol: Option<Protocols>,
}

/// TS_UD_CS_SEC, 2.2.1.3.3: ciphers of standard RDP security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecurity {
    /// 0x1 40 bit, 0x2 128 bit, 0x8 56 bit, 0x10 FIPS; 0 with TLS.
    pub encryption_methods: u32,
    /// What French clients used instead.
    pub ext_encryption_methods: Option<u32>,
}

/// CHANNEL_DEF, 2.2.1.3.4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// At most seven characters.
    pub name: String,
    /// CHANNEL_OPTION_* bits.
    pub options: u32,
}

/// TS_UD_CS_CLUSTER, 2.2.1.3.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// 0x1 redirection is supported, 0x2 the session id is valid, 0x40 smart card.
    pub flags: u32,
    pub redirected_session_id: Option<u32>,
}

impl GccClient {
    /// Reads a Conference Create Request.
    ///
    /// # Errors
    /// When the T.124 header is cut or does not hold the client's key.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut client = Self::default();
        for (kind, body) in blocks(user_data(bytes, b"Duca")?) {
            let mut fields = Fields::of("client data", body);
            match kind {
                0xc001 => {
                    let mut core = ClientCore::default();
                    // A core block that ends early is legal: what it had is kept.
                    let _ = core.fill(&mut fields);
                    client.core = Some(core);
                }
                0xc002 => client.security = security(&mut fields).ok(),
                0xc003 => client.channels = channels(&mut fields).ok(),
                0xc004 => client.cluster = cluster(&mut fields).ok(),
                0xc00a => client.multitransport = fields.le_u32("flags").ok(),
                _ => {}
            }
        }
        Ok(client)
    }
}

impl ClientCore {
    fn fill(&mut self, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        self.version = Some(fields.le_u32("version")?);
        self.desktop_width = Some(fields.le_u16("desktopWidth")?);
        self.desktop_height = Some(fields.le_u16("desktopHeight")?);
        self.color_depth = Some(fields.le_u16("colorDepth")?);
        fields.le_u16("SASSequence")?;
        self.keyboard_layout = Some(fields.le_u32("keyboardLayout")?);
        self.client_build = Some(fields.le_u32("clientBuild")?);
        self.client_name = Some(utf16(fields.bytes(32, "clientName")?));
        fields.bytes(12, "keyboardType, keyboardSubType, keyboardFunctionKey")?;
        fields.bytes(64, "imeFileName")?;
        self.post_beta2_color_depth = Some(fields.le_u16("postBeta2ColorDepth")?);
        self.client_product_id = Some(fields.le_u16("clientProductId")?);
        self.serial_number = Some(fields.le_u32("serialNumber")?);
        self.high_color_depth = Some(fields.le_u16("highColorDepth")?);
        self.supported_color_depths = Some(fields.le_u16("supportedColorDepths")?);
        self.early_capability_flags = Some(fields.le_u16("earlyCapabilityFlags")?);
        self.client_dig_product_id = Some(utf16(fields.bytes(64, "clientDigProductId")?));
        fields.bytes(2, "connectionType, pad1octet")?;
        let selected = fields.le_u32("serverSelectedProtocol")?;
        self.server_selected_protocol = Some(Protocols::from_bits_retain(selected));
        Ok(())
    }
}

fn security(fields: &mut Fields<'_>) -> Result<ClientSecurity, DecodeError> {
    Ok(ClientSecurity {
        encryption_methods: fields.le_u32("encryptionMethods")?,
        ext_encryption_methods: fields.le_u32("extEncryptionMethods").ok(),
    })
}

fn channels(fields: &mut Fields<'_>) -> Result<Vec<Channel>, DecodeError> {
    let count = usize::try_from(fields.le_u32("channelCount")?).unwrap_or(usize::MAX);
    let mut channels = Vec::new();
    while channels.len() < count.min(MAX_CHANNELS) {
        let Ok(name) = fields.bytes(8, "name") else { break };
        let Ok(options) = fields.le_u32("options") else { break };
        channels.push(Channel { name: narrow(name), options });
    }
    Ok(channels)
}

fn cluster(fields: &mut Fields<'_>) -> Result<Cluster, DecodeError> {
    Ok(Cluster {
        flags: fields.le_u32("Flags")?,
        redirected_session_id: fields.le_u32("RedirectedSessionID").ok(),
    })
}

/// The data blocks behind the T.124 header. The header is found by its key
/// (`Duca` client to server, `McDn` back): the lengths before it are fixed by
/// [MS-RDPBCGR] and wrong in many servers.
pub(super) fn user_data<'a>(bytes: &'a [u8], key: &[u8; 4]) -> Result<&'a [u8], DecodeError> {
    /// Bytes of the longest header seen before the key is 20; twice that is searched.
    const SEARCHED: usize = 40;
    let mut fields = Fields::of("GCC", bytes);
    let head = bytes.get(..SEARCHED).unwrap_or(bytes);
    let Some(at) = head.windows(4).position(|window| window == key) else {
        return Err(fields.unexpected("h221NonStandard", "neither", "Duca or McDn"));
    };
    fields.bytes(at + 4, "h221NonStandard")?;
    let length = ber::per_length(&mut fields, "userData length")?;
    Ok(fields.bytes_or_rest(length))
}

/// TS_UD_HEADER, 2.2.1.3.1: the type and the body of each block; the last may be cut.
pub(super) fn blocks(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut fields = Fields::of("TS_UD_HEADER", bytes);
    std::iter::from_fn(move || {
        let kind = fields.le_u16("type").ok()?;
        let length = usize::from(fields.le_u16("length").ok()?);
        Some((kind, fields.bytes_or_rest(length.checked_sub(4)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    /// mstsc 10.0.14393 to a host without network level authentication.
    const MSTSC: &str = "000500147c00018158000800100001c00044756361814a01c0ea001000080000040003\
        01ca03aa090400005d580000490054002d00480045004c0050002d0043004c00490045004e0054000000000004\
        000000000000000c00000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000001ca01000000000018000f002f0f38\
        0033003700380034006300630038002d0030003100610036002d0034006400390035002d003900380063003800\
        2d003300380066003800660061006500000006000100000000000000000000000000000000000000000004c00c\
        00150000000000000002c00c001b0000000000000003c038000400000072647064720000000000808072647073\
        6e640000000000c0636c6970726472000000a0c0647264796e766300000080c006c00800000000000ac0080000\
        000000";

    fn bytes() -> Vec<u8> {
        hex_bytes(MSTSC).unwrap()
    }

    #[test]
    fn a_client_says_who_it_is() {
        let client = GccClient::parse(&bytes()).unwrap();
        let core = client.core.unwrap();
        assert_eq!(core.client_name.as_deref(), Some("IT-HELP-CLIENT"));
        assert_eq!((core.desktop_width, core.desktop_height), (Some(1024), Some(768)));
        assert_eq!((core.keyboard_layout, core.client_build), (Some(0x409), Some(22621)));
        assert_eq!((core.version, core.high_color_depth), (Some(0x0008_0010), Some(24)));
        assert_eq!(core.early_capability_flags, Some(0x0f2f));
        let product = core.client_dig_product_id.unwrap();
        assert_eq!(product, "83784cc8-01a6-4d95-98c8-38f8fae");
        assert_eq!(core.server_selected_protocol, Some(Protocols::TLS));
    }

    #[test]
    fn a_client_says_what_it_wants() {
        let client = GccClient::parse(&bytes()).unwrap();
        assert_eq!(client.security.unwrap().encryption_methods, 0x1b);
        assert_eq!(client.cluster.unwrap().flags, 0x15);
        assert_eq!(client.multitransport, Some(0));
        let channels = client.channels.unwrap();
        let names: Vec<&str> = channels.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["rdpdr", "rdpsnd", "cliprdr", "drdynvc"]);
        assert_eq!(channels[0].options, 0x8080_0000);
    }

    #[test]
    fn a_cut_client_keeps_what_was_there() {
        let bytes = bytes();
        let client = GccClient::parse(&bytes[..70]).unwrap();
        let core = client.core.unwrap();
        assert_eq!(core.client_build, Some(22621));
        assert_eq!((core.client_name, client.channels), (None, None));
        for end in 0..bytes.len() {
            let _ = GccClient::parse(&bytes[..end]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            at in 0usize..330,
            damage in proptest::collection::vec(0u8.., 0..64),
        ) {
            let mut bytes = bytes();
            let end = (at + damage.len()).min(bytes.len());
            bytes.splice(at.min(end)..end, damage.iter().copied());
            let _ = (GccClient::parse(&bytes), GccServer::parse(&bytes));
            let _ = (GccClient::parse(&damage), GccServer::parse(&damage));
        }
    }
}
