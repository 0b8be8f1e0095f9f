//! DNS messages (RFC 1035), rewritten in place: labels, and addresses in answers. Other record
//! data is overwritten.

use super::Addresses;
use super::frame::{put, zero};

const HEADER: usize = 12;
/// Records of one message.
const MAX_RECORDS: usize = 512;

/// Rewrites a message that fills the bytes.
pub(super) fn message(bytes: &mut [u8], made: &mut Addresses<'_>) {
    if rewrite(bytes, made).is_none() {
        zero(bytes, HEADER..usize::MAX);
    }
}

/// Rewrites the message at the head of a TCP payload, behind its length; RFC 1035 4.2.2.
pub(super) fn stream(payload: &mut [u8], made: &mut Addresses<'_>) {
    let length = be16(payload, 0).map(usize::from);
    match length.and_then(|length| payload.get_mut(2..2 + length)) {
        Some(bytes) => {
            let end = 2 + bytes.len();
            message(bytes, made);
            zero(payload, end..usize::MAX);
        }
        None => zero(payload, 0..usize::MAX),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
}

/// `None` where the message is no message; what was rewritten then is overwritten.
fn rewrite(bytes: &mut [u8], made: &mut Addresses<'_>) -> Option<()> {
    let count = |at| be16(bytes, at).map(usize::from);
    let (questions, records) = (count(4)?, count(6)? + count(8)? + count(10)?);
    let mut at = HEADER;
    for _ in 0..questions.min(MAX_RECORDS) {
        at = name(bytes, at, made)?.checked_add(4)?;
    }
    for _ in 0..records.min(MAX_RECORDS) {
        at = record(bytes, at, made)?;
    }
    zero(bytes, at..usize::MAX);
    (at <= bytes.len()).then_some(())
}

/// Rewrites the labels of a name where they stand; gives where it ends. Names that are pointed
/// to are rewritten where they are.
fn name(bytes: &mut [u8], mut at: usize, made: &mut Addresses<'_>) -> Option<usize> {
    loop {
        let length = *bytes.get(at)?;
        match length {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            1..=63 => {
                let end = at + 1 + usize::from(length);
                super::strings::ascii(bytes.get_mut(at + 1..end)?, made);
                at = end;
            }
            _ => return None,
        }
    }
}

fn record(bytes: &mut [u8], at: usize, made: &mut Addresses<'_>) -> Option<usize> {
    let at = name(bytes, at, made)?;
    let kind = be16(bytes, at)?;
    let length = usize::from(be16(bytes, at + 8)?);
    let data = at + 10;
    let end = data.checked_add(length).filter(|end| *end <= bytes.len())?;
    match (kind, length) {
        (1, 4) => {
            let address = *bytes.get(data..)?.first_chunk::<4>()?;
            put(bytes, data, &made.v4(address));
        }
        (28, 16) => {
            let address = *bytes.get(data..)?.first_chunk::<16>()?;
            put(bytes, data, &made.v6(address));
        }
        // NS, CNAME, PTR, DNAME; MX, SRV; SOA has two names and numbers.
        (2 | 5 | 12 | 39, _) => _ = name(bytes, data, made)?,
        (15, 3..) => _ = name(bytes, data + 2, made)?,
        (33, 7..) => _ = name(bytes, data + 6, made)?,
        (6, _) => {
            let second = name(bytes, data, made)?;
            name(bytes, second, made)?;
        }
        _ => zero(bytes, data..end),
    }
    Some(end)
}
