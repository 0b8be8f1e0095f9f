//! Names in fields of fixed length.

use super::super::pseudonym::Pseudonyms;
use super::Addresses;

/// A text in ASCII or UTF-8: its names are replaced one by one. An address that fills the text
/// becomes its pseudonym where that has the same length; else its digits are replaced.
pub(super) fn ascii(content: &mut [u8], made: &mut Addresses<'_>) {
    let Ok(text) = std::str::from_utf8(content) else {
        let noise = made.pseudonyms.noise(content);
        content.copy_from_slice(&noise);
        return;
    };
    let address = text.parse().ok().map(|address| made.pseudonyms.address(address).to_string());
    let new = address
        .filter(|address| address.len() == text.len())
        .unwrap_or_else(|| made.pseudonyms.names(text));
    super::frame::put(content, 0, new.as_bytes());
}

/// A text in UTF-16, up to its end or to a zero; what stands behind is overwritten.
pub(super) fn utf16(
    content: &mut [u8],
    pseudonyms: &Pseudonyms,
    read: fn([u8; 2]) -> u16,
    write: fn(u16) -> [u8; 2],
) {
    let (pairs, _) = content.as_chunks::<2>();
    let units: Vec<u16> =
        pairs.iter().map(|pair| read(*pair)).take_while(|unit| *unit != 0).collect();
    // What is no character is not copied.
    let text = pseudonyms.names(&String::from_utf16_lossy(&units));
    let new: Vec<u8> = text.encode_utf16().flat_map(write).collect();
    content.fill(0);
    super::frame::put(content, 0, &new);
}
