//! The cipher suites that can be decrypted: what protects their records and
//! which hash derives their keys (IANA TLS Cipher Suites registry).

use super::super::tls::Version;
use super::kdf::Hash;

/// What protects the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    /// RFC 5288.
    Aes128Gcm,
    Aes256Gcm,
    /// RFC 7905.
    ChaCha20Poly1305,
    /// RFC 5246 6.2.3.2, with the hash of its HMAC.
    Aes128Cbc(Hash),
    Aes256Cbc(Hash),
}

impl Cipher {
    /// Bytes of its key.
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc(_) => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 | Self::Aes256Cbc(_) => 32,
        }
    }
}

/// One supported cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) cipher: Cipher,
    /// Of the PRF of TLS 1.2, RFC 5246 5, or of HKDF, RFC 8446 7.1.
    pub(super) hash: Hash,
}

/// The suite, when this version of TLS can have agreed on it.
pub(super) fn lookup(version: Version, id: u16) -> Option<Suite> {
    use Hash::{Sha1, Sha256, Sha384};
    let first_version = match id {
        0x1301..=0x1303 => 0x0304,
        // Suites with SHA-1 are the only ones here that are older than TLS 1.2.
        0x002f | 0x0033 | 0x0035 | 0x0039 | 0xc009 | 0xc00a | 0xc013 | 0xc014 => 0x0301,
        _ => 0x0303,
    };
    let fits = version.0 >= first_version && (version.0 >= 0x0304) == (first_version == 0x0304);
    let (cipher, hash) = match id {
        // In the order TLS 1.3, RSA, DHE_RSA, ECDHE_ECDSA, ECDHE_RSA.
        0x1301 | 0x009c | 0x009e | 0xc02b | 0xc02f => (Cipher::Aes128Gcm, Sha256),
        0x1302 | 0x009d | 0x009f | 0xc02c | 0xc030 => (Cipher::Aes256Gcm, Sha384),
        0x1303 | 0xccaa | 0xcca9 | 0xcca8 => (Cipher::ChaCha20Poly1305, Sha256),
        0x002f | 0x0033 | 0xc009 | 0xc013 => (Cipher::Aes128Cbc(Sha1), Sha256),
        0x0035 | 0x0039 | 0xc00a | 0xc014 => (Cipher::Aes256Cbc(Sha1), Sha256),
        0x003c | 0x0067 | 0xc023 | 0xc027 => (Cipher::Aes128Cbc(Sha256), Sha256),
        0x003d | 0x006b => (Cipher::Aes256Cbc(Sha256), Sha256),
        0xc024 | 0xc028 => (Cipher::Aes256Cbc(Sha384), Sha384),
        _ => return None,
    };
    fits.then_some(Suite { cipher, hash })
}

/// Whether records of this suite can be decrypted, given their secrets.
pub fn is_supported(version: Version, cipher_suite: u16) -> bool {
    (0x0301..=0x0304).contains(&version.0) && lookup(version, cipher_suite).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::super::tls::cipher_suite_name;
    use super::*;

    /// What the registry's name says must be protected by.
    fn by_name(name: &str) -> Option<(Cipher, Hash)> {
        let mac = match name.rsplit('_').next()? {
            "SHA" => Hash::Sha1,
            "SHA256" => Hash::Sha256,
            "SHA384" => Hash::Sha384,
            _ => return None,
        };
        let hash = if mac == Hash::Sha384 { mac } else { Hash::Sha256 };
        let exchange = [
            "TLS_RSA_",
            "TLS_DHE_RSA_",
            "TLS_ECDHE_RSA_",
            "TLS_ECDHE_ECDSA_",
            "TLS_AES_",
            "TLS_CHACHA20_",
        ];
        if name.contains("_PSK_") || !exchange.iter().any(|start| name.starts_with(start)) {
            return None;
        }
        let has = |part: &str| name.contains(part);
        let cipher = match () {
            () if has("AES_128_GCM") => Cipher::Aes128Gcm,
            () if has("AES_256_GCM") => Cipher::Aes256Gcm,
            () if has("CHACHA20_POLY1305") => Cipher::ChaCha20Poly1305,
            () if has("AES_128_CBC") => Cipher::Aes128Cbc(mac),
            () if has("AES_256_CBC") => Cipher::Aes256Cbc(mac),
            () => return None,
        };
        Some((cipher, hash))
    }

    #[test]
    fn the_table_agrees_with_the_names_of_the_registry() {
        let mut supported = 0;
        for id in 0..=u16::MAX {
            let version = if id >> 8 == 0x13 { 0x0304 } else { 0x0303 };
            let found = lookup(Version(version), id).map(|suite| (suite.cipher, suite.hash));
            assert_eq!(found, by_name(&cipher_suite_name(id)), "{id:04x}");
            supported += usize::from(found.is_some());
        }
        assert_eq!(supported, 30);
    }

    #[test]
    fn a_suite_belongs_to_its_versions_of_tls() {
        assert!(is_supported(Version(0x0301), 0x002f));
        assert!(!is_supported(Version(0x0301), 0x009c));
        assert!(!is_supported(Version(0x0302), 0x003c));
        assert!(!is_supported(Version(0x0303), 0x1301));
        assert!(!is_supported(Version(0x0304), 0xc030));
        assert!(!is_supported(Version(0x0300), 0x002f));
    }
}
