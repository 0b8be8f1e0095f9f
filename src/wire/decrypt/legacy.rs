//! One direction of TLS 1.0, 1.1 or 1.2: in the clear until ChangeCipherSpec,
//! then under the one key that the master secret gives.

use super::aead::AeadKey;
use super::cbc::{BLOCK_LEN, CbcKey};
use super::kdf::key_block;
use super::keylog::MASTER_SECRET_LEN;
use super::sequence::Sequence;
use super::session::{Record, TlsParameters};
use super::suite::{Cipher, Suite};
use super::{DecryptError, Plaintext, SetupError};
use crate::wire::tls::ContentType;

enum Key {
    Aead(AeadKey),
    Cbc(CbcKey),
}

/// One direction.
pub(super) struct Direction {
    key: Key,
    sequence: Sequence,
    encrypted: bool,
    renegotiated: bool,
}

/// The directions of client and server, RFC 5246 6.3.
pub(super) fn directions(
    suite: Suite,
    parameters: &TlsParameters,
    master: &[u8],
) -> Result<[Direction; 2], SetupError> {
    if master.len() != MASTER_SECRET_LEN {
        return Err(SetupError::SecretLength);
    }
    let [client, server] = keys(suite, parameters, master).ok_or(SetupError::SecretLength)?;
    let direction = |key| Direction {
        key,
        sequence: Sequence::default(),
        encrypted: false,
        renegotiated: false,
    };
    Ok([direction(client), direction(server)])
}

/// Cuts the key block. `None` cannot happen: all lengths follow from the suite.
fn keys(suite: Suite, parameters: &TlsParameters, master: &[u8]) -> Option<[Key; 2]> {
    let before_tls11 = parameters.version.0 <= 0x0301;
    let (mac_len, iv_len) = match suite.cipher {
        Cipher::Aes128Cbc(mac) | Cipher::Aes256Cbc(mac) => {
            (mac.len(), if before_tls11 { BLOCK_LEN } else { 0 })
        }
        aead => (0, AeadKey::fixed_iv_len(aead)?),
    };
    let key_len = suite.cipher.key_len();
    let block = key_block(
        (parameters.version.0 >= 0x0303).then_some(suite.hash),
        master,
        &parameters.server_random,
        &parameters.client_random,
        2 * (mac_len + key_len + iv_len),
    );
    let (macs, rest) = block.split_at_checked(2 * mac_len)?;
    let (ciphers, ivs) = rest.split_at_checked(2 * key_len)?;
    let one = |client: bool| {
        let part = |both: &'_ [u8]| {
            let (first, second) = both.split_at(both.len() / 2);
            if client { first.to_vec() } else { second.to_vec() }
        };
        let (mac, key, iv) = (part(macs), part(ciphers), part(ivs));
        if mac_len == 0 {
            return AeadKey::tls12(suite.cipher, &key, &iv).map(Key::Aead);
        }
        let chained = before_tls11.then_some(iv.as_slice());
        CbcKey::new(suite.cipher, &key, &mac, chained, parameters.encrypt_then_mac).map(Key::Cbc)
    };
    Some([one(true)?, one(false)?])
}

impl Direction {
    /// Everything behind this is encrypted, and counted from 0.
    pub(super) fn change_cipher_spec(&mut self) {
        if !self.encrypted {
            self.encrypted = true;
            self.sequence = Sequence::default();
        }
    }

    pub(super) fn skip(&mut self, records: u64) {
        if self.encrypted && records > 0 {
            self.sequence.skip(records);
            self.lose_iv();
        }
    }

    pub(super) fn lose(&mut self, records: u64) {
        self.sequence.lose(records);
        if self.encrypted {
            self.lose_iv();
        }
    }

    fn lose_iv(&mut self) {
        if let Key::Cbc(key) = &mut self.key {
            key.lose_iv();
        }
    }

    pub(super) fn record(&mut self, record: Record<'_>) -> Result<Plaintext, DecryptError> {
        let kind = ContentType(record.content_type);
        if !self.encrypted {
            match kind {
                ContentType::CHANGE_CIPHER_SPEC => self.change_cipher_spec(),
                // Never in the clear: ChangeCipherSpec was lost in a hole, and
                // Finished, which used up the first IV.
                ContentType::APPLICATION_DATA => {
                    self.encrypted = true;
                    self.lose_iv();
                }
                _ => {}
            }
            if kind != ContentType::APPLICATION_DATA {
                return Ok(record.in_the_clear());
            }
        }
        if self.renegotiated {
            return Err(DecryptError::Renegotiated);
        }
        let numbers = self.sequence.candidates().ok_or(DecryptError::GivenUp)?;
        let opened = match &mut self.key {
            Key::Aead(key) => key.open(numbers, record),
            Key::Cbc(key) => key.open(numbers, record),
        };
        match opened {
            Ok((number, data)) => {
                self.sequence.matched(number);
                self.renegotiated = kind == ContentType::CHANGE_CIPHER_SPEC;
                Ok(Plaintext { content_type: record.content_type, data })
            }
            Err(why) => {
                self.sequence.missed();
                Err(why)
            }
        }
    }
}
