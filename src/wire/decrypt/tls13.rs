//! One direction of TLS 1.3: handshake traffic keys until its Finished, then
//! application traffic keys, renewed with each KeyUpdate (RFC 8446 7.2).

use super::aead::AeadKey;
use super::kdf::expand_label;
use super::sequence::Sequence;
use super::session::Record;
use super::suite::Suite;
use super::{DecryptError, Plaintext, SetupError};
use crate::wire::tls::ContentType;
use std::ops::RangeInclusive;

/// HandshakeType, RFC 8446 4.
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// Changes of keys that a hole may have swallowed: Finished and two KeyUpdates.
const MAX_LOST_CHANGES: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Application,
}

struct Keys {
    secret: Vec<u8>,
    aead: AeadKey,
}

impl Keys {
    fn new(suite: Suite, secret: Vec<u8>) -> Option<Self> {
        Some(Self { aead: AeadKey::tls13(suite, &secret)?, secret })
    }

    /// The keys of the next generation, RFC 8446 7.2.
    fn updated(&self, suite: Suite) -> Option<Self> {
        let length = u8::try_from(suite.hash.len()).ok()?;
        Self::new(suite, expand_label(suite.hash, &self.secret, "traffic upd", length))
    }
}

/// One direction.
pub(super) struct Direction {
    suite: Suite,
    stage: Stage,
    /// `None` while the key log lacks the secret of this stage.
    keys: Option<Keys>,
    /// Waits for Finished.
    application: Option<Vec<u8>>,
    sequence: Sequence,
    messages: Messages,
}

impl Direction {
    pub(super) fn new(
        suite: Suite,
        handshake: Option<&[u8]>,
        application: Option<&[u8]>,
    ) -> Result<Self, SetupError> {
        let wrong = |secret: &[u8]| secret.len() != suite.hash.len();
        if handshake.is_some_and(wrong) || application.is_some_and(wrong) {
            return Err(SetupError::SecretLength);
        }
        Ok(Self {
            suite,
            stage: Stage::Handshake,
            keys: handshake.and_then(|secret| Keys::new(suite, secret.to_vec())),
            application: application.map(<[u8]>::to_vec),
            sequence: Sequence::default(),
            messages: Messages::default(),
        })
    }

    pub(super) fn skip(&mut self, records: u64) {
        if records > 0 {
            self.sequence.skip(records);
            self.messages.lost = true;
        }
    }

    pub(super) fn lose(&mut self, records: u64) {
        self.sequence.lose(records);
        self.messages.lost = true;
    }

    pub(super) fn record(&mut self, record: Record<'_>) -> Result<Plaintext, DecryptError> {
        // Only records of this type are encrypted; a ChangeCipherSpec means
        // nothing, RFC 8446 5 and D.4.
        if ContentType(record.content_type) != ContentType::APPLICATION_DATA {
            return Ok(record.in_the_clear());
        }
        if self.keys.is_none() && self.next_keys().is_none() {
            return Err(DecryptError::NoKey);
        }
        let numbers = self.sequence.candidates().ok_or(DecryptError::GivenUp)?;
        let data = match self.open(numbers, record) {
            Ok((number, data)) => {
                self.sequence.matched(number);
                data
            }
            Err(why) => {
                self.sequence.missed();
                return Err(why);
            }
        };
        let plain = without_padding(data).ok_or(DecryptError::Malformed)?;
        if ContentType(plain.content_type) == ContentType::HANDSHAKE {
            let last = match self.stage {
                Stage::Handshake => FINISHED,
                Stage::Application => KEY_UPDATE,
            };
            // Keys change between records only, RFC 8446 5.1.
            if self.messages.complete(&plain.data, last) {
                let next = self.next_keys();
                self.enter(next);
                self.sequence = Sequence::default();
            }
        }
        Ok(plain)
    }

    fn open(
        &mut self,
        numbers: RangeInclusive<u64>,
        record: Record<'_>,
    ) -> Result<(u64, Vec<u8>), DecryptError> {
        let failure = match &self.keys {
            Some(keys) => match keys.aead.open(numbers, record) {
                Err(DecryptError::BadTag) => DecryptError::BadTag,
                done => return done,
            },
            None => DecryptError::NoKey,
        };
        // The message that changes the keys may have been in a hole, or in a
        // stage whose secret is missing.
        let numbers = self.sequence.restart().candidates().ok_or(failure)?;
        let changes = if self.messages.lost { MAX_LOST_CHANGES } else { 1 };
        let mut next = self.next_keys();
        for _ in 0..changes {
            let Some(keys) = next else { break };
            if let Ok(opened) = keys.aead.open(numbers.clone(), record) {
                self.enter(Some(keys));
                return Ok(opened);
            }
            next = keys.updated(self.suite);
        }
        Err(failure)
    }

    fn enter(&mut self, keys: Option<Keys>) {
        self.stage = Stage::Application;
        self.keys = keys;
        self.messages = Messages::default();
    }

    /// The keys after the next Finished or KeyUpdate, RFC 8446 7.1 and 7.2.
    fn next_keys(&self) -> Option<Keys> {
        match self.stage {
            Stage::Handshake => Keys::new(self.suite, self.application.clone()?),
            Stage::Application => self.keys.as_ref()?.updated(self.suite),
        }
    }
}

/// TLSInnerPlaintext: content, its type, and zeros, RFC 8446 5.2 and 5.4.
fn without_padding(mut data: Vec<u8>) -> Option<Plaintext> {
    let at = data.iter().rposition(|byte| *byte != 0)?;
    let content_type = *data.get(at)?;
    data.truncate(at);
    Some(Plaintext { content_type, data })
}

/// Where the handshake messages of one stage begin and end; of their content
/// nothing is kept.
#[derive(Default)]
struct Messages {
    header: Vec<u8>,
    /// Bytes of the body of the message that are still to come.
    body: usize,
    /// Bytes are missing: what looks like a header may be anything. The change
    /// of keys is then noticed by the records that need the next ones.
    lost: bool,
}

impl Messages {
    /// Takes the next bytes; whether a message of this type ended in them.
    fn complete(&mut self, mut data: &[u8], wanted: u8) -> bool {
        if self.lost {
            return false;
        }
        let mut found = false;
        while !data.is_empty() {
            let need = if self.header.len() < 4 { 4 - self.header.len() } else { self.body };
            let (now, rest) = data.split_at(need.min(data.len()));
            data = rest;
            if self.header.len() < 4 {
                self.header.extend_from_slice(now);
                if let [_, a, b, c] = *self.header {
                    self.body = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                }
            } else {
                self.body -= now.len();
            }
            if self.header.len() == 4 && self.body == 0 {
                found |= self.header.first() == Some(&wanted);
                self.header.clear();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_is_found_however_it_is_cut() {
        let flight = [8, 0, 0, 2, 20, 20, 11, 0, 0, 0, 20, 0, 0, 3, 1, 2, 3];
        for cut in 0..flight.len() {
            for second in cut..flight.len() {
                let mut messages = Messages::default();
                assert!(!messages.complete(&flight[..cut], FINISHED));
                assert!(!messages.complete(&flight[cut..second], FINISHED));
                assert!(messages.complete(&flight[second..], FINISHED));
            }
        }
    }

    #[test]
    fn padding_is_taken_off_and_a_record_of_zeros_is_refused() {
        let plain = without_padding(vec![1, 0, 23, 0, 0]).unwrap();
        assert_eq!((plain.content_type, plain.data), (23, vec![1, 0]));
        assert_eq!(without_padding(vec![0; 5]), None);
        assert_eq!(without_padding(Vec::new()), None);
    }
}
