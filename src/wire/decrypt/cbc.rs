//! Records under AES-CBC with HMAC (RFC 2246 6.2.3.2, RFC 4346 6.2.3.2,
//! RFC 5246 6.2.3.2), with the MAC inside the encryption or outside (RFC 7366).

use super::DecryptError;
use super::kdf::{Hash, hmac};
use super::session::Record;
use super::suite::Cipher;
use aes::cipher::{Array, BlockModeDecrypt, InnerIvInit, KeyInit};
use aes::{Aes128, Aes256};
use std::ops::RangeInclusive;

pub(super) const BLOCK_LEN: usize = 16;

type Block = [u8; BLOCK_LEN];

enum Algorithm {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
}

impl Algorithm {
    /// Decrypts in place; the length is a multiple of the block.
    fn decrypt(&self, iv: Block, data: &mut [u8]) {
        let iv = &iv.into();
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        match self {
            Self::Aes128(key) => {
                cbc::Decryptor::inner_iv_init(Aes128::clone(key), iv).decrypt_blocks(blocks);
            }
            Self::Aes256(key) => {
                cbc::Decryptor::inner_iv_init(Aes256::clone(key), iv).decrypt_blocks(blocks);
            }
        }
    }
}

/// Where the IV of a record comes from.
enum Iv {
    /// TLS 1.1 and later: it stands in front of the ciphertext.
    Explicit,
    /// TLS 1.0: the last block of the record before, unless that is missing.
    Chained(Option<Block>),
}

/// The keys of one direction.
pub(super) struct CbcKey {
    algorithm: Algorithm,
    mac: Hash,
    mac_key: Vec<u8>,
    iv: Iv,
    encrypt_then_mac: bool,
}

impl CbcKey {
    /// `chained` is the first IV of TLS 1.0. `None` when a length does not fit
    /// or the cipher is no CBC.
    pub(super) fn new(
        cipher: Cipher,
        key: &[u8],
        mac_key: &[u8],
        chained: Option<&[u8]>,
        encrypt_then_mac: bool,
    ) -> Option<Self> {
        let (algorithm, mac) = match cipher {
            Cipher::Aes128Cbc(mac) => {
                (Algorithm::Aes128(Box::new(Aes128::new_from_slice(key).ok()?)), mac)
            }
            Cipher::Aes256Cbc(mac) => {
                (Algorithm::Aes256(Box::new(Aes256::new_from_slice(key).ok()?)), mac)
            }
            _ => return None,
        };
        let iv = match chained {
            Some(iv) => Iv::Chained(Some(iv.try_into().ok()?)),
            None => Iv::Explicit,
        };
        Some(Self { algorithm, mac, mac_key: mac_key.to_vec(), iv, encrypt_then_mac })
    }

    /// The record before the next one was not seen.
    pub(super) fn lose_iv(&mut self) {
        if let Iv::Chained(iv) = &mut self.iv {
            *iv = None;
        }
    }

    /// The plaintext and the first of the sequence numbers under which the
    /// record authenticates.
    pub(super) fn open(
        &mut self,
        numbers: RangeInclusive<u64>,
        record: Record<'_>,
    ) -> Result<(u64, Vec<u8>), DecryptError> {
        let outer_mac = if self.encrypt_then_mac { self.mac.len() } else { 0 };
        let split = record.fragment.len().checked_sub(outer_mac).ok_or(DecryptError::Malformed)?;
        let (body, mac) = record.fragment.split_at(split);
        // Taken before anything can fail: the next record needs it all the same.
        let (iv, sealed) = self.take_iv(body)?;
        let number = if self.encrypt_then_mac {
            Some(self.authenticate(numbers.clone(), record, body, mac)?)
        } else {
            None
        };
        let mut plain = sealed.to_vec();
        self.algorithm.decrypt(iv.ok_or(DecryptError::NoIv)?, &mut plain);
        let content = without_padding(&plain).ok_or(DecryptError::BadTag)?;
        if let Some(number) = number {
            return Ok((number, content.to_vec()));
        }
        let split = content.len().checked_sub(self.mac.len()).ok_or(DecryptError::BadTag)?;
        let (content, mac) = content.split_at(split);
        let number = self.authenticate(numbers, record, content, mac)?;
        Ok((number, content.to_vec()))
    }

    /// Splits off the IV and remembers the next one.
    fn take_iv<'a>(&mut self, body: &'a [u8]) -> Result<(Option<Block>, &'a [u8]), DecryptError> {
        let (blocks, rest) = body.as_chunks::<BLOCK_LEN>();
        let last = blocks.last().filter(|_| rest.is_empty()).ok_or(DecryptError::Malformed)?;
        match &mut self.iv {
            Iv::Chained(iv) => Ok((iv.replace(*last), body)),
            Iv::Explicit => {
                let (iv, sealed) = body.split_first_chunk().ok_or(DecryptError::Malformed)?;
                Ok((Some(*iv), sealed))
            }
        }
    }

    fn authenticate(
        &self,
        mut numbers: RangeInclusive<u64>,
        record: Record<'_>,
        content: &[u8],
        mac: &[u8],
    ) -> Result<u64, DecryptError> {
        numbers
            .find(|number| {
                let head = record.mac_head(*number, content.len());
                hmac(self.mac, &self.mac_key, &[&head, content]) == mac
            })
            .ok_or(DecryptError::BadTag)
    }
}

/// What is left without GenericBlockCipher.padding, whose every byte is the
/// length of the padding without its last byte, RFC 5246 6.2.3.2.
fn without_padding(plain: &[u8]) -> Option<&[u8]> {
    let length = *plain.last()?;
    let (content, padding) =
        plain.split_at_checked(plain.len().checked_sub(usize::from(length) + 1)?)?;
    padding.iter().all(|byte| *byte == length).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_must_say_its_length_in_every_byte() {
        assert_eq!(without_padding(&[7, 7, 0]), Some(&[7, 7][..]));
        assert_eq!(without_padding(&[9, 2, 2, 2]), Some(&[9][..]));
        assert_eq!(without_padding(&[2, 2, 2]), Some(&[][..]));
        assert_eq!(without_padding(&[9, 1, 2, 2]), None);
        assert_eq!(without_padding(&[3, 3, 3]), None);
        assert_eq!(without_padding(&[]), None);
    }
}
