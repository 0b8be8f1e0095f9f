//! The key of a case: random and written nowhere, or one of the owner's.

use super::pseudonym::KEY_LEN;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use thiserror::Error;

/// Bytes of a key file that are read.
const MAX_KEY_FILE: u64 = 4096;
/// Shorter keys can be guessed.
const SHORTEST_KEY: usize = 16;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("cannot be read")]
    Read(#[from] io::Error),
    #[error("a key has at least {SHORTEST_KEY} bytes")]
    Short,
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A key that nobody knows: pseudonyms under it cannot be made again.
///
/// # Errors
/// When the system has no random bytes.
pub fn random_key() -> Result<[u8; KEY_LEN], KeyError> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(KeyError::Random)?;
    Ok(key)
}

/// The key that a file holds: all its bytes, line ends at its end left out.
///
/// # Errors
/// When it cannot be read, or is shorter than 16 bytes.
pub fn key_of_file(path: &Path) -> Result<[u8; KEY_LEN], KeyError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_KEY_FILE).read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    if bytes.len() < SHORTEST_KEY {
        return Err(KeyError::Short);
    }
    let hash = Sha256::new().chain_update(b"rdp-triage redact key").chain_update(bytes);
    Ok(hash.finalize().into())
}
