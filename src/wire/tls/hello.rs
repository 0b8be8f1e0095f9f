//! The hellos and what their extensions say.

use super::Version;
use crate::base::limits::MAX_TEXT;
use crate::wire::decode::Fields;

/// One extension of a hello, as it stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub kind: u16,
    pub data: Vec<u8>,
}

/// ClientHello, RFC 8446 4.1.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    pub legacy_version: Version,
    /// Names the secrets of this connection in a key log.
    pub random: [u8; 32],
    /// What the client would resume; empty when it asks for a new session.
    pub session_id: Vec<u8>,
    /// In the client's order, GREASE values included.
    pub cipher_suites: Vec<u16>,
    pub extensions: Vec<Extension>,
}

/// ServerHello, RFC 8446 4.1.3; a HelloRetryRequest has the same form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    pub legacy_version: Version,
    pub random: [u8; 32],
    /// Up to TLS 1.2 a resumed session repeats the client's, RFC 5246 7.4.1.3;
    /// TLS 1.3 always repeats it.
    pub session_id: Vec<u8>,
    pub cipher_suite: u16,
    pub extensions: Vec<Extension>,
    pub hello_retry_request: bool,
}

/// The extensions in a block, as far as it goes.
pub(super) fn extensions(mut bytes: &[u8]) -> Vec<Extension> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let mut fields = Fields::of("extension", bytes);
        let Ok(kind) = fields.be_u16("extension_type") else { break };
        let Ok(length) = fields.be_u16("length") else { break };
        let Ok(data) = fields.bytes(usize::from(length), "extension_data") else { break };
        found.push(Extension { kind, data: data.to_vec() });
        bytes = fields.rest();
    }
    found
}

/// Extension types that are read.
mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const EC_POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(super) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(super) const PRE_SHARED_KEY: u16 = 41;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
}

/// Values that clients send to keep servers tolerant, RFC 8701.
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn u16_list(data: &[u8]) -> Vec<u16> {
    data.chunks_exact(2)
        .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
        .collect()
}

impl ClientHello {
    fn extension(&self, kind: u16) -> Option<&[u8]> {
        self.extensions.iter().find(|e| e.kind == kind).map(|e| e.data.as_slice())
    }

    /// The host name of `server_name`, RFC 6066 3.
    pub fn server_name(&self) -> Option<String> {
        let data = self.extension(extension::SERVER_NAME)?;
        let mut fields = Fields::of("server_name", data);
        fields.be_u16("list length").ok()?;
        if fields.u8("name_type").ok()? != 0 {
            return None;
        }
        let length = fields.be_u16("length").ok()?;
        let name = fields.bytes(usize::from(length), "HostName").ok()?;
        Some(String::from_utf8_lossy(name.get(..MAX_TEXT).unwrap_or(name)).into_owned())
    }

    /// What the client offers, highest first, without GREASE.
    pub fn versions(&self) -> Vec<Version> {
        let mut versions: Vec<Version> = match self.extension(extension::SUPPORTED_VERSIONS) {
            Some(data) => u16_list(data.get(1..).unwrap_or_default())
                .into_iter()
                .filter(|v| !is_grease(*v))
                .map(Version)
                .collect(),
            None => vec![self.legacy_version],
        };
        versions.sort_unstable_by(|a, b| b.cmp(a));
        versions
    }

    pub fn supported_groups(&self) -> Vec<u16> {
        self.extension(extension::SUPPORTED_GROUPS)
            .map(|data| u16_list(data.get(2..).unwrap_or_default()))
            .unwrap_or_default()
    }

    pub fn point_formats(&self) -> &[u8] {
        self.extension(extension::EC_POINT_FORMATS)
            .and_then(|data| data.get(1..))
            .unwrap_or_default()
    }

    pub fn signature_algorithms(&self) -> Vec<u16> {
        self.extension(extension::SIGNATURE_ALGORITHMS)
            .map(|data| u16_list(data.get(2..).unwrap_or_default()))
            .unwrap_or_default()
    }

    /// The protocols of ALPN, RFC 7301, as far as they are whole.
    pub fn alpn(&self) -> Vec<&[u8]> {
        let mut rest = self.extension(extension::ALPN).and_then(|d| d.get(2..)).unwrap_or_default();
        let mut protocols = Vec::new();
        while let Some((length, tail)) = rest.split_first() {
            let Some((protocol, behind)) = tail.split_at_checked(usize::from(*length)) else {
                break;
            };
            protocols.push(protocol);
            rest = behind;
        }
        protocols
    }

    /// The first protocol of ALPN.
    pub fn first_alpn(&self) -> Option<&[u8]> {
        self.alpn().first().copied()
    }
}

impl ServerHello {
    /// Whether the server goes on with an earlier session, RFC 8446 4.2.11.
    pub fn has_pre_shared_key(&self) -> bool {
        self.extensions.iter().any(|e| e.kind == extension::PRE_SHARED_KEY)
    }

    /// The version that the server chose: `supported_versions` outranks
    /// `legacy_version`, RFC 8446 4.2.1.
    pub fn version(&self) -> Version {
        self.extensions
            .iter()
            .find(|e| e.kind == extension::SUPPORTED_VERSIONS)
            .and_then(|e| u16_list(&e.data).first().copied())
            .map_or(self.legacy_version, Version)
    }

    /// Whether CBC records carry their MAC outside the encryption, RFC 7366.
    pub fn encrypt_then_mac(&self) -> bool {
        self.has(extension::ENCRYPT_THEN_MAC)
    }

    /// Whether the master secret is bound to the handshake, RFC 7627.
    pub fn extended_master_secret(&self) -> bool {
        self.has(extension::EXTENDED_MASTER_SECRET)
    }

    fn has(&self, kind: u16) -> bool {
        self.extensions.iter().any(|e| e.kind == kind)
    }
}
