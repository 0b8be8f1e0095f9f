//! One connection: which keys it has, and the records of both directions.

use super::keylog::KeyLog;
use super::{DecryptError, Plaintext, SetupError, legacy, suite, tls13};
use crate::wire::tls::Version;
use std::fmt;

/// What the hellos said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsParameters {
    /// The version that the server chose.
    pub version: Version,
    pub cipher_suite: u16,
    pub client_random: [u8; 32],
    pub server_random: [u8; 32],
    /// Of the ServerHello; a key log may name a master secret by it.
    pub session_id: Vec<u8>,
    /// Whether the ServerHello had the extension of RFC 7366.
    pub encrypt_then_mac: bool,
}

/// One record as it was sent.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) content_type: u8,
    pub(super) version: u16,
    pub(super) fragment: &'a [u8],
}

impl Record<'_> {
    /// Its header with this length.
    pub(super) fn head(self, length: usize) -> Vec<u8> {
        // A record is never longer than its 16 bit length can say.
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        let mut head = vec![self.content_type];
        head.extend(self.version.to_be_bytes());
        head.extend(length.to_be_bytes());
        head
    }

    /// What the MAC covers in front of the content: the sequence number and the
    /// header, RFC 5246 6.2.3.1 and 6.2.3.3.
    pub(super) fn mac_head(self, number: u64, length: usize) -> Vec<u8> {
        let mut head = number.to_be_bytes().to_vec();
        head.extend(self.head(length));
        head
    }

    pub(super) fn in_the_clear(self) -> Plaintext {
        Plaintext { content_type: self.content_type, data: self.fragment.to_vec() }
    }
}

enum Directions {
    Legacy([legacy::Direction; 2]),
    Tls13([tls13::Direction; 2]),
}

/// Opens the records of one connection, direction by direction.
pub struct TlsDecryptor {
    version: Version,
    cipher_suite: u16,
    directions: Directions,
}

impl TlsDecryptor {
    /// The decryptor of a connection, from what its hellos said.
    ///
    /// # Errors
    /// When version or suite are not supported, or no secret fits.
    pub fn new(parameters: &TlsParameters, log: &KeyLog) -> Result<Self, SetupError> {
        let TlsParameters { version, cipher_suite, .. } = *parameters;
        if !(0x0301..=0x0304).contains(&version.0) {
            return Err(SetupError::UnsupportedVersion(version));
        }
        let suite = suite::lookup(version, cipher_suite)
            .ok_or(SetupError::UnsupportedSuite { version, suite: cipher_suite })?;
        let directions = if version == Version::TLS_1_3 {
            let secrets = log.secrets(&parameters.client_random).ok_or(SetupError::NoSecret)?;
            let pair = [
                (secrets.client_handshake.as_deref(), secrets.client_application.as_deref()),
                (secrets.server_handshake.as_deref(), secrets.server_application.as_deref()),
            ];
            if pair.iter().all(|(handshake, application)| handshake.or(*application).is_none()) {
                return Err(SetupError::NoSecret);
            }
            let [client, server] = pair.map(|(handshake, application)| {
                tls13::Direction::new(suite, handshake, application)
            });
            Directions::Tls13([client?, server?])
        } else {
            let master = log
                .master(&parameters.client_random, &parameters.session_id)
                .ok_or(SetupError::NoSecret)?;
            Directions::Legacy(legacy::directions(suite, parameters, master)?)
        };
        Ok(Self { version, cipher_suite, directions })
    }

    /// Opens the next record of a direction: the type and version of its header
    /// and what follows the header.
    ///
    /// A record that is not encrypted comes back as it is, so all records behind
    /// the ServerHello can be given, ChangeCipherSpec included.
    ///
    /// # Errors
    /// When it does not authenticate, or there is no key for it. Later records
    /// can still succeed.
    pub fn record(
        &mut self,
        from_client: bool,
        content_type: u8,
        version: u16,
        fragment: &[u8],
    ) -> Result<Plaintext, DecryptError> {
        let record = Record { content_type, version, fragment };
        match &mut self.directions {
            Directions::Legacy(both) => pick(both, from_client).record(record),
            Directions::Tls13(both) => pick(both, from_client).record(record),
        }
    }

    /// What follows in this direction is encrypted. For callers that keep
    /// ChangeCipherSpec from [`record`](Self::record), which does the same; a
    /// second call, and any in TLS 1.3, changes nothing.
    pub fn change_cipher_spec(&mut self, from_client: bool) {
        if let Directions::Legacy(both) = &mut self.directions {
            pick(both, from_client).change_cipher_spec();
        }
    }

    /// Exactly so many encrypted records of a direction are not shown.
    pub fn skip(&mut self, from_client: bool, records: u64) {
        match &mut self.directions {
            Directions::Legacy(both) => pick(both, from_client).skip(records),
            Directions::Tls13(both) => pick(both, from_client).skip(records),
        }
    }

    /// Bytes of a direction are missing, and with them an unknown number of
    /// records. The next ones are tried at each place where they can be, up to
    /// 256 records further; a larger hole of small records ends this direction.
    pub fn hole(&mut self, from_client: bool, bytes: u64) {
        // The smallest record: a header and the shortest sealed fragment, the
        // tag and the inner type of TLS 1.3. One more may be cut at each end.
        let records = (bytes / 22).saturating_add(2);
        match &mut self.directions {
            Directions::Legacy(both) => pick(both, from_client).lose(records),
            Directions::Tls13(both) => pick(both, from_client).lose(records),
        }
    }
}

fn pick<T>([client, server]: &mut [T; 2], from_client: bool) -> &mut T {
    if from_client { client } else { server }
}

/// Keys are left out.
impl fmt::Debug for TlsDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsDecryptor")
            .field("version", &self.version)
            .field("cipher_suite", &self.cipher_suite)
            .finish_non_exhaustive()
    }
}
