//! Frames that were captured more than once: on both NICs, on two VLANs, by several
//! components, or by several capture points whose files were merged.

use crate::base::{HostTime, millis_between};
use crate::wire::packet::Segment;

/// Header values of a segment by which its second copy is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    /// IPv4 identification: a retransmission gets a new one, a copy keeps it. `None`
    /// for IPv6 and for 0, which Linux writes into SYN-ACKs and resets.
    id: Option<u16>,
    seq: u32,
    ack: u32,
    payload_len: u32,
    window: u16,
    flags: crate::wire::packet::Flags,
}

impl Fingerprint {
    /// The same for equal fingerprints, and for few others.
    fn number(&self) -> u32 {
        let id = u32::from(self.id.unwrap_or_default());
        self.seq ^ self.ack.rotate_left(16) ^ id.wrapping_mul(0x9e37_79b1) ^ self.payload_len
    }
}

/// Capture points are at most this far apart, in ms.
const SAME_ID_MS: f64 = 3000.0;

/// Without an identification only what comes at once is a copy, unless something else
/// tells: no sender repeats within this, in ms.
const NO_ID_MS: f64 = 0.5;

/// Capture points whose clocks differ by seconds have this many segments between a
/// frame and its copy.
const FINGERPRINTS_KEPT: usize = 128;

#[derive(Debug, Clone, Copy)]
struct Seen {
    print: Fingerprint,
    time: HostTime,
    ttl: u8,
    /// TSval and TSecr, RFC 7323: a retransmission has a later TSval.
    timestamps: Option<(u32, u32)>,
}

impl Seen {
    /// How far from this frame its copy may come, in ms.
    fn reach_ms(&self, other: &Self, constant_id: bool) -> f64 {
        let other_distance = self.ttl != other.ttl;
        let same_stamp = self.timestamps.is_some() && self.timestamps == other.timestamps;
        let by_id = self.print.id.is_some() && !constant_id;
        if by_id || other_distance || same_stamp { SAME_ID_MS } else { NO_ID_MS }
    }
}

/// The segments that one side sent last.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// A ring once it is full: `oldest` is the next to go.
    recent: Vec<Seen>,
    oldest: usize,
    /// A number for each of them that copies have in common: looked through first, as
    /// hardly any segment has a copy.
    numbers: Vec<u32>,
}

impl Copies {
    /// Whether the frame is a second copy of one that was already counted.
    pub(super) fn is_copy(&mut self, segment: &Segment<'_>, time: HostTime) -> bool {
        let print = Fingerprint {
            id: segment.ip_id.filter(|id| *id != 0),
            seq: segment.seq,
            ack: segment.ack,
            payload_len: segment.payload_len,
            window: segment.window,
            flags: segment.flags,
        };
        // Bare acknowledgements without an identification repeat for good reasons.
        if print.id.is_none() && segment.seq_len() == 0 && !segment.flags.rst {
            return false;
        }
        let timestamps = segment.options.timestamps;
        let seen = Seen { print, time, ttl: segment.ttl, timestamps };
        let number = print.number();
        let known = self.numbers.contains(&number) && self.knows(&seen);
        if !known {
            self.keep(seen, number);
        }
        known
    }

    fn knows(&self, seen: &Seen) -> bool {
        let print = &seen.print;
        // Tools that write one identification into every packet say nothing with it.
        let constant = self.recent.iter().any(|seen| {
            let other = &seen.print;
            other.id == print.id && (other.seq, other.payload_len) != (print.seq, print.payload_len)
        });
        self.recent.iter().any(|other| {
            other.print == *print
                && millis_between(other.time.0, seen.time.0).abs() < seen.reach_ms(other, constant)
        })
    }

    fn keep(&mut self, seen: Seen, number: u32) {
        if self.recent.len() < FINGERPRINTS_KEPT {
            self.recent.push(seen);
            self.numbers.push(number);
            return;
        }
        if let Some((slot, its)) =
            self.recent.get_mut(self.oldest).zip(self.numbers.get_mut(self.oldest))
        {
            (*slot, *its) = (seen, number);
        }
        self.oldest = (self.oldest + 1) % FINGERPRINTS_KEPT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};

    fn at(micros: i64) -> HostTime {
        HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_micros(micros))
    }

    fn segment(id: Option<u16>, payload_len: u32) -> Segment<'static> {
        Segment { ip_id: id, payload_len, ..Segment::example() }
    }

    #[test]
    fn a_second_copy_of_a_frame_is_no_retransmission() {
        let mut copies = Copies::default();
        assert!(!copies.is_copy(&segment(Some(7), 10), at(0)));
        assert!(copies.is_copy(&segment(Some(7), 10), at(1_000_000)));
        assert!(!copies.is_copy(&segment(Some(8), 10), at(300_000)));
    }

    #[test]
    fn an_identification_that_never_changes_says_nothing() {
        let mut copies = Copies::default();
        assert!(!copies.is_copy(&segment(Some(1), 10), at(0)));
        assert!(!copies.is_copy(&segment(Some(1), 20), at(1000)));
        assert!(!copies.is_copy(&segment(Some(1), 20), at(300_000)));
    }

    #[test]
    fn without_an_identification_only_an_immediate_repetition_is_a_copy() {
        let mut copies = Copies::default();
        assert!(!copies.is_copy(&segment(None, 10), at(0)));
        assert!(copies.is_copy(&segment(None, 10), at(200)));
        assert!(!copies.is_copy(&segment(None, 10), at(200_000)));
        assert!(!copies.is_copy(&segment(Some(0), 0), at(200_000)));
        assert!(!copies.is_copy(&segment(Some(0), 0), at(200_010)));
    }
}
