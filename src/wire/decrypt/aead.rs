//! Records under authenticated encryption: AES-GCM and ChaCha20-Poly1305 in TLS
//! 1.2 (RFC 5288, RFC 7905) and TLS 1.3 (RFC 8446 5.2).

use super::DecryptError;
use super::kdf::expand_label;
use super::session::Record;
use super::suite::{Cipher, Suite};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use std::ops::RangeInclusive;

/// Bytes of the tag of every supported algorithm.
const TAG_LEN: usize = 16;

/// Bytes of the nonce that a TLS 1.2 AES-GCM record carries, RFC 5288 3.
const EXPLICIT_NONCE_LEN: usize = 8;

enum Algorithm {
    Aes128Gcm(Box<Aes128Gcm>),
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
}

impl Algorithm {
    fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        Some(match cipher {
            Cipher::Aes128Gcm => Self::Aes128Gcm(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            Cipher::Aes256Gcm => Self::Aes256Gcm(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Cipher::ChaCha20Poly1305 => {
                Self::ChaCha20Poly1305(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?))
            }
            Cipher::Aes128Cbc(_) | Cipher::Aes256Cbc(_) => return None,
        })
    }

    /// The plaintext, once the tag is right.
    fn open(&self, nonce: [u8; 12], sealed: Payload<'_, '_>) -> Option<Vec<u8>> {
        let nonce = &nonce.into();
        match self {
            Self::Aes128Gcm(key) => key.decrypt(nonce, sealed).ok(),
            Self::Aes256Gcm(key) => key.decrypt(nonce, sealed).ok(),
            Self::ChaCha20Poly1305(key) => key.decrypt(nonce, sealed).ok(),
        }
    }
}

/// How nonce and additional data are made.
enum Form {
    /// Four fixed bytes and eight from the record, RFC 5288 3.
    Explicit([u8; 4]),
    /// Twelve bytes, XORed with the sequence number, RFC 7905 2.
    Implicit([u8; 12]),
    /// The same nonce, but the record header as additional data, RFC 8446 5.2.
    Tls13([u8; 12]),
}

/// The key of one direction.
pub(super) struct AeadKey {
    algorithm: Algorithm,
    form: Form,
}

impl AeadKey {
    /// Bytes of the fixed part of the nonce in the key block of TLS 1.2;
    /// `None` for what is not AEAD.
    pub(super) fn fixed_iv_len(cipher: Cipher) -> Option<usize> {
        match cipher {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => Some(4),
            Cipher::ChaCha20Poly1305 => Some(12),
            Cipher::Aes128Cbc(_) | Cipher::Aes256Cbc(_) => None,
        }
    }

    /// `None` when a length does not fit.
    pub(super) fn tls12(cipher: Cipher, key: &[u8], fixed_iv: &[u8]) -> Option<Self> {
        let algorithm = Algorithm::new(cipher, key)?;
        let form = match algorithm {
            Algorithm::ChaCha20Poly1305(_) => Form::Implicit(fixed_iv.try_into().ok()?),
            _ => Form::Explicit(fixed_iv.try_into().ok()?),
        };
        Some(Self { algorithm, form })
    }

    /// The keys of a traffic secret, RFC 8446 7.3; `None` for a CBC suite.
    pub(super) fn tls13(suite: Suite, secret: &[u8]) -> Option<Self> {
        let key_len = u8::try_from(suite.cipher.key_len()).ok()?;
        let key = expand_label(suite.hash, secret, "key", key_len);
        let iv = expand_label(suite.hash, secret, "iv", 12);
        let form = Form::Tls13(iv.try_into().ok()?);
        Some(Self { algorithm: Algorithm::new(suite.cipher, &key)?, form })
    }

    /// The plaintext and the first of the sequence numbers under which the
    /// record authenticates.
    pub(super) fn open(
        &self,
        numbers: RangeInclusive<u64>,
        record: Record<'_>,
    ) -> Result<(u64, Vec<u8>), DecryptError> {
        let (explicit, sealed) = match self.form {
            Form::Explicit(_) => record
                .fragment
                .split_at_checked(EXPLICIT_NONCE_LEN)
                .ok_or(DecryptError::Malformed)?,
            Form::Implicit(_) | Form::Tls13(_) => (&[][..], record.fragment),
        };
        let plain_len = sealed.len().checked_sub(TAG_LEN).ok_or(DecryptError::Malformed)?;
        for number in numbers {
            let (nonce, aad) = match self.form {
                Form::Explicit(fixed) => {
                    (join(fixed, explicit), record.mac_head(number, plain_len))
                }
                Form::Implicit(iv) => (masked(iv, number), record.mac_head(number, plain_len)),
                Form::Tls13(iv) => (masked(iv, number), record.head(sealed.len())),
            };
            if let Some(plain) = self.algorithm.open(nonce, Payload { msg: sealed, aad: &aad }) {
                return Ok((number, plain));
            }
        }
        Err(DecryptError::BadTag)
    }
}

/// The sequence number, padded on the left and XORed with the IV.
fn masked(mut iv: [u8; 12], number: u64) -> [u8; 12] {
    for (byte, mask) in iv.iter_mut().skip(4).zip(number.to_be_bytes()) {
        *byte ^= mask;
    }
    iv
}

fn join(fixed: [u8; 4], explicit: &[u8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (slot, byte) in nonce.iter_mut().zip(fixed.iter().chain(explicit)) {
        *slot = *byte;
    }
    nonce
}
