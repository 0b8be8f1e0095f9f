//! Is an original name still in a copy? What was written is read once more.

use super::pseudonym::is_of_name;
use super::text::Scrubber;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Shorter names come up in ciphertext by chance.
const SHORTEST: usize = 5;
/// A longer run of such characters is no name.
const LONGEST: usize = 256;
const BLOCK: usize = 1 << 16;

/// The original names that stand in a file as words of their own, in ASCII or UTF-16.
///
/// # Errors
/// What the operating system says.
pub(super) fn leaks(path: &Path, scrubber: &Scrubber<'_>) -> io::Result<BTreeSet<String>> {
    let names: BTreeSet<&str> =
        scrubber.known().filter(|name| name.len() >= SHORTEST && name.is_ascii()).collect();
    let mut found = BTreeSet::new();
    let mut narrow = Word::default();
    // UTF-16 may begin at an even or an odd byte.
    let mut wide = [Word::default(), Word::default()];
    let mut input = File::open(path)?;
    let mut block = vec![0; BLOCK];
    let (mut last, mut at) = (None::<u8>, 0_usize);
    loop {
        let got = input.read(&mut block)?;
        let bytes = block.get(..got).unwrap_or_default();
        for byte in bytes.iter().copied() {
            narrow.take(byte, &names, &mut found);
            if let Some(low) = last {
                let unit = if byte == 0 { low } else { 0 };
                if let Some(word) = wide.get_mut(at % 2) {
                    word.take(unit, &names, &mut found);
                }
            }
            last = Some(byte);
            at += 1;
        }
        if got == 0 {
            break;
        }
    }
    for word in [&mut narrow].into_iter().chain(&mut wide) {
        word.take(0, &names, &mut found);
    }
    Ok(found)
}

#[derive(Debug, Default)]
struct Word(String);

impl Word {
    /// Takes a character; one that is of no name ends the word.
    fn take(&mut self, byte: u8, names: &BTreeSet<&str>, found: &mut BTreeSet<String>) {
        let c = char::from(byte);
        if byte.is_ascii() && is_of_name(c) {
            if self.0.len() < LONGEST {
                self.0.push(c.to_ascii_lowercase());
            }
        } else if !self.0.is_empty() {
            if names.contains(self.0.as_str()) {
                found.insert(self.0.clone());
            }
            self.0.clear();
        }
    }
}
