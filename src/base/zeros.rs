//! Zeros without end: files whose space was never written.

use super::limits::MAX_ZEROS;
use std::io;

/// Whether all bytes are zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// Zeros that came one after the other.
#[derive(Debug, Clone, Default)]
pub struct ZeroRun(u64);

impl ZeroRun {
    /// Looks at the bytes that came next. Counted is by whole reads.
    ///
    /// # Errors
    /// When too many zeros follow each other to read on: [`MAX_ZEROS`].
    pub fn saw(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !is_zero(bytes) {
            self.0 = 0;
            return Ok(());
        }
        self.0 += bytes.len() as u64;
        if self.0 <= MAX_ZEROS {
            return Ok(());
        }
        let gib = MAX_ZEROS >> 30;
        Err(io::Error::other(format!(
            "more than {gib} GiB of zeros follow each other: what is behind them was not looked at"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_in_a_row_count() {
        let (zeros, mut run) = (vec![0; 1 << 20], ZeroRun(MAX_ZEROS - (3 << 19)));
        assert!(run.saw(&zeros).is_ok());
        let mut last = zeros.clone();
        last.push(1);
        assert!(run.clone().saw(&last).is_ok());
        assert!(run.saw(&zeros).is_err());
        assert!(run.saw(&last).is_ok() && run.saw(&zeros).is_ok());
    }
}
