//! How one direction of a connection fares: what was sent again, what was never
//! acknowledged, how long acknowledgements took.

use crate::base::limits::MAX_OUTSTANDING;
use crate::base::{FrameNumber, HostTime, millis_between};
use crate::observe::{TcpHealth, UnackedSegment};
use crate::wire::packet::Segment;
use std::collections::VecDeque;

/// A segment that waits for its acknowledgement.
#[derive(Debug)]
struct Outstanding {
    start: u32,
    end: u32,
    payload_len: u32,
    first: (FrameNumber, HostTime),
    last: (FrameNumber, HostTime),
    times: u32,
}

/// Header values of a frame by which its second copy is recognised.
type Fingerprint = (u16, u32, u32, u32, bool);

/// A copy of a frame (both NICs, two VLANs, several capture points merged into one
/// file) carries the same IP identification; a retransmission gets a new one.
const DUPLICATE_WINDOW_MS: f64 = 3000.0;
const FINGERPRINTS_KEPT: usize = 16;

/// A hole that is filled later than this was not reordering but loss, in ms.
const REORDER_WINDOW_MS: f64 = 3.0;

/// Follows the segments of one sender.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    health: TcpHealth,
    /// End of the highest sequence number seen.
    highest: Option<u32>,
    outstanding: VecDeque<Outstanding>,
    /// Ranges below `highest` that were never seen, and since when.
    holes: Vec<(u32, u32, HostTime)>,
    recent: VecDeque<(Fingerprint, HostTime)>,
    last_ack: Option<(u32, u16)>,
    rtt_sum_ms: f64,
    rtt_count: u32,
}

/// `a` before `b` in sequence space, RFC 9293 3.4.
pub(super) fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

impl Tracker {
    /// Whether the frame is a second copy of one that was already counted.
    pub(super) fn is_duplicate_frame(&mut self, segment: &Segment<'_>, time: HostTime) -> bool {
        // Linux sends SYN-ACKs and resets with identification 0: those prove nothing.
        let Some(id) = segment.ip_id.filter(|id| *id != 0) else { return false };
        let print = (id, segment.seq, segment.ack, segment.payload_len, segment.flags.rst);
        let known = self.recent.iter().any(|(other, at)| {
            *other == print && millis_between(at.0, time.0).abs() < DUPLICATE_WINDOW_MS
        });
        if !known {
            if self.recent.len() == FINGERPRINTS_KEPT {
                self.recent.pop_front();
            }
            self.recent.push_back((print, time));
        }
        known
    }

    /// This side sent a segment.
    pub(super) fn sent(&mut self, segment: &Segment<'_>, frame: FrameNumber, time: HostTime) {
        if let Some(mss) = segment.mss {
            self.health.mss = Some(mss);
        }
        if segment.window == 0 && !segment.flags.rst && !segment.flags.syn {
            self.health.zero_windows += 1;
        }
        let length = segment.seq_len();
        if length == 0 || segment.flags.rst {
            return;
        }
        let (start, end) = (segment.seq, segment.seq.wrapping_add(length));
        let highest = *self.highest.get_or_insert(start);
        if !before(start, highest) {
            if start != highest {
                self.holes.push((highest, start, time));
            }
            self.highest = Some(end);
            self.fresh(segment, (start, end), frame, time);
        } else if self.fills_hole(start, end, time) {
            self.fresh(segment, (start, end), frame, time);
        } else if !is_keep_alive(segment, highest) {
            self.again((start, end), segment.payload_len, frame, time);
        }
    }

    fn fresh(
        &mut self,
        segment: &Segment<'_>,
        range: (u32, u32),
        frame: FrameNumber,
        time: HostTime,
    ) {
        if segment.payload_len > 0 {
            self.health.data_segments += 1;
            self.health.payload_bytes += u64::from(segment.payload_len);
        }
        if self.outstanding.len() < MAX_OUTSTANDING {
            self.outstanding.push_back(Outstanding {
                start: range.0,
                end: range.1,
                payload_len: segment.payload_len,
                first: (frame, time),
                last: (frame, time),
                times: 1,
            });
        }
    }

    fn fills_hole(&mut self, start: u32, end: u32, time: HostTime) -> bool {
        let Some(index) =
            self.holes.iter().position(|(from, to, _)| !before(start, *from) && !before(*to, end))
        else {
            return false;
        };
        let (from, to, since) = self.holes.remove(index);
        if before(from, start) {
            self.holes.push((from, start, since));
        }
        if before(end, to) {
            self.holes.push((end, to, since));
        }
        if millis_between(since.0, time.0) > REORDER_WINDOW_MS {
            self.health.filled_late += 1;
        }
        true
    }

    fn again(&mut self, range: (u32, u32), payload_len: u32, frame: FrameNumber, time: HostTime) {
        self.health.retransmissions += 1;
        self.health.retransmission_frames = Some(match self.health.retransmission_frames {
            Some((first, _)) => (first, frame),
            None => (frame, frame),
        });
        let same = self.outstanding.iter_mut().find(|o| o.start == range.0 || o.end == range.1);
        if let Some(outstanding) = same {
            outstanding.times += 1;
            outstanding.last = (frame, time);
            outstanding.payload_len = outstanding.payload_len.max(payload_len);
        }
    }

    /// The other side sent a segment with this acknowledgement.
    pub(super) fn acknowledged_by(&mut self, segment: &Segment<'_>, time: HostTime) {
        if !segment.flags.ack || segment.flags.rst {
            return;
        }
        let repeated = self.last_ack == Some((segment.ack, segment.window));
        if repeated && segment.seq_len() == 0 && !self.outstanding.is_empty() {
            self.health.duplicate_acks += 1;
        }
        self.last_ack = Some((segment.ack, segment.window));
        while let Some(front) = self.outstanding.front() {
            if before(segment.ack, front.end) {
                break;
            }
            self.health.largest_acked = self.health.largest_acked.max(front.payload_len);
            if front.times == 1 {
                self.rtt_sum_ms += millis_between(front.first.1.0, time.0);
                self.rtt_count += 1;
            }
            self.outstanding.pop_front();
        }
        if let (Some((left, right)), Some(front)) = (segment.sack, self.outstanding.front())
            && before(front.start, left)
        {
            self.health.sacked_behind = true;
            for outstanding in &self.outstanding {
                let inside = !before(outstanding.start, left) && !before(right, outstanding.end);
                if inside {
                    let acked = &mut self.health.largest_acked;
                    *acked = (*acked).max(outstanding.payload_len);
                }
            }
        }
    }

    /// What is known at the end.
    pub(super) fn finish(mut self) -> TcpHealth {
        let unacked = self.outstanding.iter().find(|o| o.payload_len > 0);
        self.health.unacked = unacked.map(|o| UnackedSegment {
            payload_len: o.payload_len,
            first_frame: o.first.0,
            last_frame: o.last.0,
            last_time: o.last.1,
            times: o.times,
        });
        self.health.rtt_ms =
            (self.rtt_count > 0).then(|| self.rtt_sum_ms / f64::from(self.rtt_count));
        self.health
    }
}

/// A keep-alive repeats the last byte, or none, before the next sequence number.
fn is_keep_alive(segment: &Segment<'_>, highest: u32) -> bool {
    segment.payload_len <= 1
        && !segment.flags.syn
        && !segment.flags.fin
        && segment.seq == highest.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::{Flags, TcpOptions};
    use jiff::{SignedDuration, Timestamp};

    fn at(ms: i64) -> HostTime {
        HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms))
    }

    fn segment(id: u16, seq: u32, ack: u32, payload_len: u32) -> Segment<'static> {
        Segment {
            source: "10.0.0.5:50000".parse().unwrap(),
            destination: "10.0.0.9:3389".parse().unwrap(),
            ttl: 128,
            ip_id: Some(id),
            df: true,
            vlan: None,
            seq,
            ack,
            flags: Flags { ack: true, ..Flags::default() },
            ecn: false,
            window: 500,
            mss: None,
            options: TcpOptions::default(),
            sack: None,
            dsack: false,
            payload: &[],
            payload_len,
        }
    }

    #[test]
    fn a_second_copy_of_a_frame_is_no_retransmission() {
        let mut tracker = Tracker::default();
        assert!(!tracker.is_duplicate_frame(&segment(7, 1, 1, 10), at(0)));
        assert!(tracker.is_duplicate_frame(&segment(7, 1, 1, 10), at(1)));
        assert!(!tracker.is_duplicate_frame(&segment(8, 1, 1, 10), at(300)));
    }

    #[test]
    fn retransmission_and_late_filling_are_told_apart() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), FrameNumber(1), at(0));
        tracker.sent(&segment(2, 200, 0, 100), FrameNumber(2), at(1));
        tracker.sent(&segment(3, 100, 0, 100), FrameNumber(3), at(250));
        tracker.sent(&segment(4, 0, 0, 100), FrameNumber(4), at(300));
        let health = tracker.finish();
        assert_eq!((health.filled_late, health.retransmissions), (1, 1));
        assert_eq!(health.unacked.map(|u| u.times), Some(2));
    }

    #[test]
    fn the_largest_acknowledged_segment_and_the_round_trip_are_known() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 1460), FrameNumber(1), at(0));
        tracker.acknowledged_by(&segment(9, 0, 1460, 0), at(20));
        tracker.sent(&segment(2, 1460, 0, 10), FrameNumber(3), at(30));
        let health = tracker.finish();
        assert_eq!(health.largest_acked, 1460);
        assert_eq!(health.rtt_ms, Some(20.0));
        assert_eq!(health.unacked.map(|u| u.payload_len), Some(10));
    }

    #[test]
    fn a_keep_alive_is_no_retransmission() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), FrameNumber(1), at(0));
        tracker.acknowledged_by(&segment(9, 0, 100, 0), at(20));
        tracker.sent(&segment(2, 99, 0, 1), FrameNumber(3), at(30_000));
        assert_eq!(tracker.finish().retransmissions, 0);
    }
}
