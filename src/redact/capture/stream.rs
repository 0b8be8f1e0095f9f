//! The beginnings of connections: put in order in a first pass, rewritten as streams, and laid
//! over the segments in a second. A name or a certificate may be cut anywhere by segments.

use super::der::Renamed;
use super::frame::{put, zero};
use super::handshake::Flight;
use super::{Addresses, clear};
use crate::wire::callers::{Caller, caller};
use crate::wire::packet::Segment;
use crate::wire::{sslv2, tpkt};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Bytes of one direction that are looked at: a handshake with a long chain has less.
const MAX_HEAD: usize = 64 << 10;
/// Bytes of all of them together.
const MAX_HEADS: usize = 64 << 20;
/// Bytes that a head takes beside its own.
const ROOM: usize = 256;
/// First bytes by which a foreign protocol is known.
const CALLER: usize = 32;

const RECORD: usize = 5;

/// One direction of a connection.
type Way = (SocketAddr, SocketAddr);

/// Which connection of several with the same ends, and where its stream begins.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<Way, (u32, u32)>);

impl Places {
    /// Number of the connection, and offset of the segment's payload in its stream.
    fn of(&mut self, segment: &Segment<'_>) -> (u32, i64) {
        let way = (segment.source, segment.destination);
        let first = match segment.flags.syn {
            true => segment.seq.wrapping_add(1),
            false => segment.seq,
        };
        let (number, begin) = self.0.entry(way).or_insert((0, first));
        if segment.flags.syn && *begin != first {
            (*number, *begin) = (*number + 1, first);
        }
        let seq = if segment.flags.syn { first } else { segment.seq };
        (*number, i64::from(seq.wrapping_sub(*begin).cast_signed()))
    }
}

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    there: Vec<bool>,
    /// Behind the head everything is encrypted.
    encrypted: bool,
}

/// The heads of all streams of one capture.
#[derive(Debug, Default)]
pub(super) struct Streams {
    heads: HashMap<(Way, u32), Head>,
    places: Places,
    held: usize,
    /// Segments for which there was no room.
    pub(super) left_out: u64,
}

impl Streams {
    /// First pass: takes a segment. Of bytes that come twice the first count.
    pub(super) fn take(&mut self, segment: &Segment<'_>) {
        let (number, offset) = self.places.of(segment);
        let Ok(start) = usize::try_from(offset) else { return };
        if segment.payload.is_empty() || start >= MAX_HEAD {
            return;
        }
        let end = (start + segment.payload.len()).min(MAX_HEAD);
        let key = ((segment.source, segment.destination), number);
        let known = self.heads.get(&key).map(|head| head.bytes.len());
        let grows = end.saturating_sub(known.unwrap_or_default());
        let taken = grows * 2 + if known.is_none() { ROOM } else { 0 };
        if self.held + taken > MAX_HEADS {
            self.left_out += 1;
            return;
        }
        self.held += taken;
        let head = self.heads.entry(key).or_default();
        if grows > 0 {
            head.bytes.resize(end, 0);
            head.there.resize(end, false);
        }
        let places = head.bytes.iter_mut().zip(&mut head.there).skip(start);
        for ((place, there), byte) in places.zip(segment.payload) {
            if !*there {
                (*place, *there) = (*byte, true);
            }
        }
    }

    /// Between the passes: rewrites all heads; gives what certificates are called now.
    pub(super) fn rewrite(&mut self, made: &mut Addresses<'_>) -> Vec<Renamed> {
        let mut renamed = Vec::new();
        self.places = Places::default();
        #[expect(clippy::iter_over_hash_type, reason = "each head is rewritten by itself")]
        for head in self.heads.values_mut() {
            let whole = head.there.iter().position(|there| !there).unwrap_or(head.bytes.len());
            head.bytes.truncate(whole);
            head.there = Vec::new();
            head.encrypted = direction(&mut head.bytes, made, &mut renamed);
        }
        renamed.sort();
        renamed.dedup();
        renamed
    }

    /// Second pass: lays the rewritten stream over a payload. Behind the head ciphertext stays,
    /// everything else is overwritten.
    pub(super) fn lay(&mut self, segment: &Segment<'_>, payload: &mut [u8]) {
        let (number, offset) = self.places.of(segment);
        let way = (segment.source, segment.destination);
        let head = self.heads.get(&(way, number));
        let encrypted = head.is_some_and(|head| head.encrypted) || is_encrypted(segment.payload);
        let start = usize::try_from(offset).ok();
        let known = start.zip(head).and_then(|(start, head)| head.bytes.get(start..));
        let known = known.unwrap_or_default();
        let laid = known.len().min(payload.len());
        put(payload, 0, known);
        if !encrypted {
            zero(payload, laid..usize::MAX);
        }
    }
}

/// Whether a payload begins with a record of TLS that is encrypted or has no text.
fn is_encrypted(payload: &[u8]) -> bool {
    matches!(payload, [20 | 21 | 23, 3, 0..=4, ..])
}

/// Rewrites the head of one direction; whether all behind it is encrypted.
fn direction(bytes: &mut [u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) -> bool {
    let (mut at, mut encrypted) = (0, false);
    let mut flight = Flight::default();
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match rest.first() {
            Some(&tpkt::VERSION) if !encrypted => {
                let Some(length) = tpdu(bytes, at, made, renamed) else { break };
                length
            }
            Some(kind @ 20..=24) => {
                let kind = *kind;
                let Some(length) = record_len(rest) else { break };
                let plain = kind == 22 && (!encrypted || is_hello(rest));
                if plain {
                    flight.take(bytes, at + RECORD..(at + length).min(bytes.len()));
                }
                if kind == 24 && !encrypted {
                    zero(bytes, at + RECORD..at + length);
                }
                encrypted |= matches!(kind, 20 | 23);
                length
            }
            _ if at == 0 => match sslv2::client_hello_len(rest) {
                Some(length)
                    if sslv2::parse_client_hello(rest.get(..length).unwrap_or_default())
                        .is_ok() =>
                {
                    length
                }
                _ => {
                    foreign(bytes);
                    return false;
                }
            },
            _ => break,
        };
        at += length;
    }
    if !encrypted {
        zero(bytes, at..usize::MAX);
    }
    flight.put_back(bytes, made, renamed);
    encrypted
}

/// Bytes of a record with its header, of which the end may be missing.
fn record_len(rest: &[u8]) -> Option<usize> {
    match rest.first_chunk::<RECORD>()? {
        [_, 3, 0..=4, high, low] => Some(RECORD + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Whether a record behind ChangeCipherSpec is a second ClientHello in the clear, RFC 8446 D.4:
/// one message that fills the record.
fn is_hello(rest: &[u8]) -> bool {
    match rest.first_chunk::<{ RECORD + 6 }>() {
        Some([_, _, _, high, low, 1, 0, a, b, 3, 0..=3]) => {
            u16::from_be_bytes([*high, *low]) == u16::from_be_bytes([*a, *b]).saturating_add(4)
        }
        _ => false,
    }
}

/// Rewrites the TPKT at a place; its length, or `None` where it is none or cut off.
fn tpdu(
    bytes: &mut [u8],
    at: usize,
    made: &mut Addresses<'_>,
    renamed: &mut Vec<Renamed>,
) -> Option<usize> {
    let length = tpkt::HEADER_LEN + tpkt::payload_len(bytes.get(at..)?).ok()?;
    let payload = bytes.get_mut(at + tpkt::HEADER_LEN..at + length)?;
    clear::tpdu(payload, made, renamed);
    Some(length)
}

/// A protocol that is not RDP: of its first bytes so many stay as say what it is.
fn foreign(bytes: &mut [u8]) {
    let head = bytes.get(..CALLER.min(bytes.len())).unwrap_or_default().to_vec();
    let known = caller(bytes);
    let enough = |kept: &usize| {
        let mut blank = head.clone();
        zero(&mut blank, *kept..usize::MAX);
        caller(&blank) == known
    };
    let kept = match known {
        Caller::Unknown => 0,
        _ => (0..=head.len()).find(enough).unwrap_or(head.len()),
    };
    zero(bytes, kept..usize::MAX);
}
