//! Frames that were captured more than once: on both NICs, on two VLANs, by several
//! components, or by several capture points whose files were merged.

use crate::base::{HostTime, millis_between};
use crate::wire::packet::Segment;
use std::collections::VecDeque;

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

/// Capture points are at most this far apart, in ms.
const SAME_ID_MS: f64 = 3000.0;

/// Without an identification only what comes at once is a copy: no sender repeats
/// within this, in ms.
const NO_ID_MS: f64 = 0.5;

const FINGERPRINTS_KEPT: usize = 16;

/// The segments that one side sent last.
#[derive(Debug, Default)]
pub(super) struct Copies {
    recent: VecDeque<(Fingerprint, HostTime)>,
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
        // Tools that write one identification into every packet say nothing with it.
        let constant = self.recent.iter().any(|(other, _)| {
            other.id == print.id && (other.seq, other.payload_len) != (print.seq, print.payload_len)
        });
        let limit = if print.id.is_some() && !constant { SAME_ID_MS } else { NO_ID_MS };
        // Bare acknowledgements without an identification repeat for good reasons.
        if print.id.is_none() && segment.seq_len() == 0 && !segment.flags.rst {
            return false;
        }
        let known = self
            .recent
            .iter()
            .any(|(other, at)| *other == print && millis_between(at.0, time.0).abs() < limit);
        if !known {
            if self.recent.len() == FINGERPRINTS_KEPT {
                self.recent.pop_front();
            }
            self.recent.push_back((print, time));
        }
        known
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
