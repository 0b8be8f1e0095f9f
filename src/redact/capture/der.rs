//! Certificates and names in DER, rewritten in place: names become pseudonyms of the same
//! length; serial numbers, keys, key ids and signatures become other bytes, because each of
//! them finds the certificate again.

use super::super::pseudonym::Pseudonyms;
use super::Addresses;
use super::strings;
use crate::base::hex;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use std::ops::Range;

/// Levels of elements in each other that are followed.
const MAX_DEPTH: u8 = 24;
/// Numbers and strings of bytes from which on they identify something.
const LONG: usize = 8;

/// What a certificate was called, and is called now, in lower-case hex.
pub(super) type Renamed = (String, String);

/// Rewrites one certificate; gives its thumbprints and its serial number before and after.
pub(super) fn certificate(der: &mut [u8], made: &mut Addresses<'_>) -> Vec<Renamed> {
    let names = |der: &[u8]| {
        let serial = serial(der).and_then(|place| der.get(place)).map(hex).unwrap_or_default();
        [hex(&Sha1::digest(der)), hex(&Sha256::digest(der)), serial]
    };
    let before = names(der);
    elements(der, made, MAX_DEPTH);
    before.into_iter().zip(names(der)).collect()
}

/// Place of the serial number: the first INTEGER of TBSCertificate, RFC 5280 4.1.
fn serial(der: &[u8]) -> Option<Range<usize>> {
    let certificate = element(der, 0)?;
    let body = element(der, certificate.content.start)?;
    let mut at = body.content.start;
    while at < body.content.end {
        let found = element(der, at)?;
        if found.tag == 2 {
            return Some(found.content);
        }
        at = found.content.end;
    }
    None
}

struct Element {
    tag: u8,
    content: Range<usize>,
}

/// Whether certificates have elements of this tag. Text in UTF-16 would otherwise be a row of
/// empty elements of all kinds.
fn is_usual(tag: u8) -> bool {
    match tag {
        1..=6 | 10 | 12 | 18..=20 | 22..=24 | 26..=28 | 30 | 0x30 | 0x31 => true,
        // Context-specific; no certificate has numbers beyond 30.
        0x80..=0xbf => tag & 0x1f != 0x1f,
        _ => false,
    }
}

/// The element at a place; `None` where its length is none.
fn element(bytes: &[u8], at: usize) -> Option<Element> {
    let tag = *bytes.get(at)?;
    if !is_usual(tag) {
        return None;
    }
    let first = *bytes.get(at + 1)?;
    let (length, start) = match first {
        0..=0x7f => (usize::from(first), at + 2),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let digits = bytes.get(at + 2..at + 2 + count)?;
            (digits.iter().fold(0, |all, digit| all << 8 | usize::from(*digit)), at + 2 + count)
        }
        _ => return None,
    };
    let end = start.checked_add(length).filter(|end| *end <= bytes.len())?;
    Some(Element { tag, content: start..end })
}

/// Whether the bytes are elements and nothing else.
fn is_der(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        match element(bytes, at) {
            Some(found) => at = found.content.end,
            None => return false,
        }
    }
    !bytes.is_empty()
}

/// Rewrites all elements. What cannot be followed is overwritten.
pub(super) fn elements(bytes: &mut [u8], made: &mut Addresses<'_>, depth: u8) {
    let mut at = 0;
    while at < bytes.len() {
        let Some(Element { tag, content }) = element(bytes, at) else {
            super::frame::zero(bytes, at..usize::MAX);
            return;
        };
        at = content.end;
        let Some(content) = bytes.get_mut(content) else { return };
        match depth.checked_sub(1) {
            Some(depth) => value(tag, content, made, depth),
            None => content.fill(0),
        }
    }
}

fn value(tag: u8, content: &mut [u8], made: &mut Addresses<'_>, depth: u8) {
    match tag {
        // Constructed: sequences, sets and tagged elements.
        tag if tag & 0x20 != 0 => elements(content, made, depth),
        2 => number(content, made.pseudonyms),
        3 => bits(content, made, depth),
        4 if is_der(content) => elements(content, made, depth),
        6 => template(content, made.pseudonyms),
        // UTF8String, NumericString, PrintableString, TeletexString, IA5String,
        // VisibleString, GeneralString.
        12 | 18 | 19 | 20 | 22 | 26 | 27 => strings::ascii(content, made),
        30 => strings::utf16(content, made.pseudonyms, u16::from_be_bytes, u16::to_be_bytes),
        // BOOLEAN, NULL, ENUMERATED, and times.
        1 | 5 | 10 | 23 | 24 => {}
        // rfc822Name, dNSName, uniformResourceIdentifier, iPAddress, RFC 5280 4.2.1.6.
        0x81 | 0x82 | 0x86 if content.is_ascii() => strings::ascii(content, made),
        0x87 => address(content, made),
        _ if content.len() >= LONG => replace(content, made.pseudonyms, 0, 0),
        _ => {}
    }
}

/// Overwrites bytes with others that depend on them, but for the first and the last ones.
fn replace(content: &mut [u8], pseudonyms: &Pseudonyms, first: usize, last: usize) {
    let noise = pseudonyms.noise(content);
    let end = content.len().saturating_sub(last);
    if let Some(part) = content.get_mut(first.min(end)..end) {
        part.iter_mut().zip(noise.iter().skip(first)).for_each(|(place, byte)| *place = *byte);
    }
}

/// A long number keeps its sign and size, and stays odd if it is odd: RSA moduli are.
fn number(content: &mut [u8], pseudonyms: &Pseudonyms) {
    if content.len() < LONG {
        return;
    }
    let first = if content.first() == Some(&0) { 2 } else { 1 };
    let odd = content.last().is_some_and(|last| last & 1 == 1);
    replace(content, pseudonyms, first, 0);
    if let Some(last) = content.last_mut() {
        *last = *last & !1 | u8::from(odd);
    }
}

/// Keys and signatures; what is short are flags.
fn bits(content: &mut [u8], made: &mut Addresses<'_>, depth: u8) {
    if content.len() < 2 * LONG {
        return;
    }
    match content.split_first_mut() {
        Some((_, inner)) if is_der(inner) => elements(inner, made, depth),
        // The first byte of a point says how it is written.
        _ => replace(content, made.pseudonyms, 2, 0),
    }
}

/// `szOID_ENTERPRISE_OID_ROOT`, 1.3.6.1.4.1.311.21.8: what follows is drawn for each forest.
const FOREST: [u8; 9] = [0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x15, 8];

fn template(content: &mut [u8], pseudonyms: &Pseudonyms) {
    if !content.starts_with(&FOREST) {
        return;
    }
    let noise = pseudonyms.noise(content);
    for (place, noise) in content.iter_mut().zip(noise).skip(FOREST.len()) {
        // The high bit says where a number ends; one may not begin with 0x80.
        *place = (*place & 0x80 | noise & 0x7f) | u8::from(noise & 0x7f == 0);
    }
}

fn address(content: &mut [u8], made: &mut Addresses<'_>) {
    if let Ok(v4) = <[u8; 4]>::try_from(&*content) {
        content.copy_from_slice(&made.v4(v4));
    } else if let Ok(v6) = <[u8; 16]>::try_from(&*content) {
        content.copy_from_slice(&made.v6(v6));
    } else {
        content.fill(0);
    }
}
