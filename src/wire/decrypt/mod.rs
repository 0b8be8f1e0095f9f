//! What do these TLS records say, when somebody kept the secrets?
//!
//! Takes the secrets of an NSS key log (what `SSLKEYLOGFILE` writes and what a
//! pcapng file carries in its Decryption Secrets Blocks) and opens the records
//! of TLS 1.0 to 1.3 in the order in which they were sent. Every record is
//! authenticated before a byte of it leaves this module: a wrong secret or a
//! damaged record gives an error, never garbage.

mod aead;
mod cbc;
mod kdf;
mod keylog;
mod legacy;
mod sequence;
mod session;
mod suite;
mod tls13;

#[cfg(test)]
mod tests;

pub use keylog::KeyLog;
pub use session::{TlsDecryptor, TlsParameters};
pub use suite::is_supported;

use super::tls::{Version, cipher_suite_name};
use std::fmt;

/// What was inside one record.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext {
    /// ContentType; in TLS 1.3 the inner one, RFC 8446 5.2.
    pub content_type: u8,
    pub data: Vec<u8>,
}

/// The length only: these are the bytes that somebody encrypted.
impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plaintext")
            .field("content_type", &self.content_type)
            .field("length", &self.data.len())
            .finish()
    }
}

/// Why a connection cannot be decrypted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("decryption of TLS version {} is not supported", .0.name())]
    UnsupportedVersion(Version),
    #[error("decryption of {} with TLS {} is not supported", cipher_suite_name(*.suite), .version.name())]
    UnsupportedSuite { version: Version, suite: u16 },
    /// The key log was of another connection.
    #[error("the key log has no secret for this connection")]
    NoSecret,
    /// The secret cannot belong to the cipher suite of the ServerHello.
    #[error("the secret in the key log has the wrong length for this cipher suite")]
    SecretLength,
}

/// Why one record stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Damaged, or sealed with another secret, or at another place in the stream.
    #[error("the record does not authenticate")]
    BadTag,
    /// No record of this cipher suite has this form.
    #[error("the record is too short or has no content type")]
    Malformed,
    /// The key log holds secrets of this connection, but not for this stage.
    #[error("the key log has no secret for this part of the connection")]
    NoKey,
    /// TLS 1.0 takes the IV from the record before, which is missing.
    #[error("the record before is missing, and with it the IV")]
    NoIv,
    /// New keys were agreed on inside the encryption, RFC 5246 7.4.1.1.
    #[error("the connection was renegotiated, which is not followed")]
    Renegotiated,
    /// So many records in a row failed that the rest is not tried.
    #[error("too many records before this one could not be decrypted")]
    GivenUp,
}
