//! The server's half of the settings exchange, [MS-RDPBCGR] 2.2.1.4.

use super::DecodeError;
use super::decode::Fields;
use super::gcc::{MAX_CHANNELS, blocks, user_data};
use super::nego::Protocols;

/// Certificates that a chain may hold, 2.2.1.4.3.1.
const MAX_CERTIFICATES: u32 = 200;

/// What a server answers, as far as the capture reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GccServer {
    pub core: Option<ServerCore>,
    pub security: Option<ServerSecurity>,
    /// TS_UD_SC_NET `MCSChannelId`: the I/O channel.
    pub io_channel: Option<u16>,
    /// The static virtual channels' ids in the client's order; 0 is a refusal.
    pub channels: Option<Vec<u16>>,
    /// TS_UD_SC_MCS_MSGCHANNEL: where auto-detect and multitransport PDUs travel.
    pub message_channel: Option<u16>,
    /// TS_UD_SC_MULTITRANSPORT `flags`: 0x1 reliable UDP, 0x4 lossy UDP.
    pub multitransport: Option<u32>,
}

/// TS_UD_SC_CORE, 2.2.1.4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerCore {
    /// Major in the upper half: 0x00080004 is RDP 5 to 8.
    pub version: u32,
    /// What the server remembers of the client's offer: must equal it.
    pub client_requested_protocols: Option<Protocols>,
    /// RNS_UD_SC_* bits.
    pub early_capability_flags: Option<u32>,
}

/// TS_UD_SC_SEC1, 2.2.1.4.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSecurity {
    /// The one method that was chosen; 0 with TLS.
    pub encryption_method: u32,
    /// 0 none, 1 low, 2 client compatible, 3 high, 4 FIPS.
    pub encryption_level: Option<u32>,
    /// Bytes, 32 where there is one.
    pub server_random_len: Option<u32>,
    pub certificate: Option<ServerCertificate>,
}

/// SERVER_CERTIFICATE, 2.2.1.4.3.1: how standard RDP security shows the server's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Version 1, signed with a key that everybody knows.
    Proprietary { temporary: bool, key_bits: Option<u32> },
    /// Version 2, from the licence server: DER of each certificate, root first.
    X509 { temporary: bool, chain: Vec<Vec<u8>> },
    /// Any other `dwVersion`.
    Other(u32),
}

impl GccServer {
    /// Reads a Conference Create Response.
    ///
    /// # Errors
    /// When the T.124 header is cut or does not hold the server's key.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut server = Self::default();
        for (kind, body) in blocks(user_data(bytes, b"McDn")?) {
            let mut fields = Fields::of("server data", body);
            match kind {
                0x0c01 => server.core = core(&mut fields).ok(),
                0x0c02 => server.security = security(&mut fields).ok(),
                0x0c03 => {
                    server.io_channel = fields.le_u16("MCSChannelId").ok();
                    server.channels = channels(&mut fields).ok();
                }
                0x0c04 => server.message_channel = fields.le_u16("MCSChannelID").ok(),
                0x0c08 => server.multitransport = fields.le_u32("flags").ok(),
                _ => {}
            }
        }
        Ok(server)
    }
}

fn core(fields: &mut Fields<'_>) -> Result<ServerCore, DecodeError> {
    Ok(ServerCore {
        version: fields.le_u32("version")?,
        client_requested_protocols: fields
            .le_u32("clientRequestedProtocols")
            .ok()
            .map(Protocols::from_bits_retain),
        early_capability_flags: fields.le_u32("earlyCapabilityFlags").ok(),
    })
}

fn channels(fields: &mut Fields<'_>) -> Result<Vec<u16>, DecodeError> {
    let count = usize::from(fields.le_u16("channelCount")?);
    Ok(std::iter::from_fn(|| fields.le_u16("channelIdArray").ok())
        .take(count.min(MAX_CHANNELS))
        .collect())
}

fn security(fields: &mut Fields<'_>) -> Result<ServerSecurity, DecodeError> {
    let mut security = ServerSecurity {
        encryption_method: fields.le_u32("encryptionMethod")?,
        encryption_level: fields.le_u32("encryptionLevel").ok(),
        server_random_len: fields.le_u32("serverRandomLen").ok(),
        certificate: None,
    };
    if let Some(random) = security.server_random_len
        && let Ok(_) = fields.le_u32("serverCertLen")
        && let Ok(random) = usize::try_from(random)
        && fields.bytes(random, "serverRandom").is_ok()
    {
        security.certificate = certificate(fields).ok();
    }
    Ok(security)
}

fn certificate(fields: &mut Fields<'_>) -> Result<ServerCertificate, DecodeError> {
    const TEMPORARY: u32 = 0x8000_0000;
    let version = fields.le_u32("dwVersion")?;
    let temporary = version & TEMPORARY != 0;
    Ok(match version & !TEMPORARY {
        1 => ServerCertificate::Proprietary { temporary, key_bits: key_bits(fields).ok() },
        2 => ServerCertificate::X509 { temporary, chain: chain(fields)? },
        _ => ServerCertificate::Other(version),
    })
}

/// RSA_PUBLIC_KEY's `bitlen`, 2.2.1.4.3.1.1.1.
fn key_bits(fields: &mut Fields<'_>) -> Result<u32, DecodeError> {
    fields.bytes(8, "dwSigAlgId, dwKeyAlgId")?;
    fields.bytes(4, "wPublicKeyBlobType, wPublicKeyBlobLen")?;
    fields.bytes(8, "magic, keylen")?;
    fields.le_u32("bitlen")
}

/// X509 certificate chain, 2.2.1.4.3.1.2; only whole certificates are kept.
fn chain(fields: &mut Fields<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let count = fields.le_u32("NumCertBlobs")?.min(MAX_CERTIFICATES);
    let mut chain = Vec::new();
    for _ in 0..count {
        let Ok(length) = fields.le_u32("cbCert") else { break };
        let Ok(length) = usize::try_from(length) else { break };
        let Ok(der) = fields.bytes(length, "abCert") else { break };
        chain.push(der.to_vec());
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    const TLS: &str = "000500147c00012a14760a01010001c0004d63446e3a010c10000e000800010000000600\
        0000030c1000eb030400ec03ed03ee03ef03020c0c000000000000000000040c0600f003080c080000000000";

    #[track_caller]
    fn parse(hex: &str) -> GccServer {
        GccServer::parse(&hex_bytes(hex).unwrap()).unwrap()
    }

    /// A response whose only block is security data with this certificate.
    fn with_certificate(certificate: &str) -> GccServer {
        let body = "0200000002000000 04000000 ffff0000 aaaaaaaa".replace(' ', "") + certificate;
        let length = u8::try_from(4 + body.replace(" ", "").len() / 2).unwrap();
        parse(&format!(
            "000500147c00012a14760a01010001c0004d63446e{length:02x}020c{length:02x}00{body}"
        ))
    }

    #[test]
    fn a_server_with_tls_names_no_cipher() {
        let server = parse(TLS);
        let core = server.core.unwrap();
        assert_eq!((core.version, core.early_capability_flags), (0x0008_000e, Some(6)));
        let protocols = core.client_requested_protocols.unwrap();
        assert_eq!(protocols, Protocols::TLS);
        let security = server.security.unwrap();
        assert_eq!((security.encryption_method, security.encryption_level), (0, Some(0)));
        assert_eq!((server.io_channel, server.message_channel), (Some(1003), Some(1008)));
        assert_eq!(server.channels.unwrap(), [1004, 1005, 1006, 1007]);
        assert_eq!(server.multitransport, Some(0));
    }

    #[test]
    fn proprietary_and_x509_certificates_are_told_apart() {
        let own = with_certificate(
            "01000080 01000000 01000000 0600 5c00 52534131 48000000 00020000 3f000000",
        );
        assert_eq!(
            own.security.unwrap().certificate,
            Some(ServerCertificate::Proprietary { temporary: true, key_bits: Some(512) })
        );
        let chain = with_certificate("02000080 02000000 03000000 303132 02000000 4041");
        assert_eq!(
            chain.security.unwrap().certificate,
            Some(ServerCertificate::X509 {
                temporary: true,
                chain: vec![b"012".to_vec(), b"@A".to_vec()]
            })
        );
        let unknown = with_certificate("07000000");
        assert_eq!(unknown.security.unwrap().certificate, Some(ServerCertificate::Other(7)));
    }

    #[test]
    fn a_cut_chain_keeps_its_whole_certificates() {
        let cut = with_certificate("02000000 02000000 03000000 303132 ff000000 4041");
        let Some(ServerCertificate::X509 { chain, .. }) = cut.security.unwrap().certificate else {
            panic!("no chain")
        };
        assert_eq!(chain, [b"012"]);
    }

    #[test]
    fn a_response_may_be_cut_anywhere() {
        let bytes = hex_bytes(TLS).unwrap();
        for end in 0..bytes.len() {
            let _ = GccServer::parse(&bytes[..end]);
        }
    }
}
