//! HMAC and what is made of it: the PRF of TLS 1.0 to 1.2 (RFC 2246 5,
//! RFC 5246 5) and HKDF-Expand-Label (RFC 8446 7.1).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Bytes of its output.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// HMAC of the parts, as if they were one text.
pub(super) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match hash {
        Hash::Md5 => run::<Hmac<Md5>>(key, parts),
        Hash::Sha1 => run::<Hmac<Sha1>>(key, parts),
        Hash::Sha256 => run::<Hmac<Sha256>>(key, parts),
        Hash::Sha384 => run::<Hmac<Sha384>>(key, parts),
    }
}

fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length, so there is always a state.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// `key_block` of a connection of TLS 1.2 or older, RFC 5246 6.3.
///
/// Before TLS 1.2 the PRF is fixed: MD5 of the first half of the secret and
/// SHA-1 of the second, RFC 2246 5. There `hash` is `None`.
pub(super) fn key_block(
    hash: Option<Hash>,
    master: &[u8],
    server_random: &[u8; 32],
    client_random: &[u8; 32],
    length: usize,
) -> Vec<u8> {
    let seed: &[&[u8]] = &[b"key expansion", server_random, client_random];
    match hash {
        Some(hash) => p_hash(hash, master, seed, length),
        None => {
            let half = master.len().div_ceil(2);
            let first = master.get(..half).unwrap_or_default();
            let second = master.get(master.len() - half..).unwrap_or_default();
            let md5 = p_hash(Hash::Md5, first, seed, length);
            let sha1 = p_hash(Hash::Sha1, second, seed, length);
            md5.iter().zip(&sha1).map(|(a, b)| a ^ b).collect()
        }
    }
}

/// P_hash, RFC 5246 5.
fn p_hash(hash: Hash, secret: &[u8], seed: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + hash.len());
    let mut a = hmac(hash, secret, seed);
    while out.len() < length {
        let parts: Vec<&[u8]> = std::iter::once(a.as_slice()).chain(seed.iter().copied()).collect();
        out.extend(hmac(hash, secret, &parts));
        a = hmac(hash, secret, &[&a]);
    }
    out.truncate(length);
    out
}

/// HKDF-Expand-Label with an empty context, RFC 8446 7.1.
///
/// Nothing that TLS derives from a traffic secret is longer than the hash, so
/// the first block of HKDF-Expand (RFC 5869 2.3) is all of it.
pub(super) fn expand_label(hash: Hash, secret: &[u8], label: &str, length: u8) -> Vec<u8> {
    let label_len = u8::try_from(b"tls13 ".len() + label.len()).unwrap_or(u8::MAX);
    let head = [0, length, label_len];
    let mut out = hmac(hash, secret, &[&head, b"tls13 ", label.as_bytes(), &[0], &[1]]);
    debug_assert!(usize::from(length) <= out.len(), "one block is enough");
    out.truncate(usize::from(length));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{hex, hex_bytes};

    /// RFC 8448 3, "derive write traffic keys for handshake data" of the server.
    #[test]
    fn expand_label_gives_the_keys_of_rfc_8448() {
        let secret =
            hex_bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38").unwrap();
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(hex(&key), "3fce516009c21727d0f2e4e86ee403bc");
        let iv = expand_label(Hash::Sha256, &secret, "iv", 12);
        assert_eq!(hex(&iv), "5d313eb2671276ee13000b30");
    }

    /// RFC 4231 4.3 and RFC 2202 2.
    #[test]
    fn hmac_gives_the_values_of_its_rfcs() {
        let parts: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        let expected = [
            (Hash::Md5, "750c783e6ab0b503eaa86e310a5db738"),
            (Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (Hash::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ];
        for (hash, mac) in expected {
            assert_eq!(hex(&hmac(hash, b"Jefe", parts)), mac);
        }
    }

    #[test]
    fn a_key_block_is_as_long_as_it_was_asked_for() {
        for hash in [None, Some(Hash::Sha256), Some(Hash::Sha384)] {
            for master in [0, 1, 47, 48] {
                assert_eq!(key_block(hash, &vec![1; master], &[2; 32], &[3; 32], 136).len(), 136);
            }
        }
    }
}
