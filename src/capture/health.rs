//! How one direction of a connection fares: what was sent again and why, what came
//! out of order, what was never acknowledged, how long acknowledgements took.

use super::window::ReceiveWindow;
use crate::base::limits::{MAX_HOLES, MAX_OUTSTANDING};
use crate::base::{FrameNumber, HostTime, millis_between};
use crate::observe::{RoundTrips, TcpHealth, UnackedSegment};
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

/// A range of sequence numbers below the highest one that was never seen.
#[derive(Debug)]
struct Hole {
    start: u32,
    end: u32,
    /// When it was noticed.
    since: HostTime,
    /// The other side has these bytes: the capture lost them, or shows them late.
    acknowledged: bool,
}

/// A hole that is filled later than this was not reordering but loss, in ms.
const REORDER_WINDOW_MS: f64 = 3.0;

/// Duplicate acknowledgements from which a sender repeats at once: RFC 5681 3.2 says
/// three; the first may have crossed with the capture's begin, so two are enough.
const FAST_RETRANSMIT_ACKS: u32 = 2;

/// Follows the segments of one sender.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    health: TcpHealth,
    window: ReceiveWindow,
    /// End of the highest sequence number seen.
    highest: Option<u32>,
    outstanding: VecDeque<Outstanding>,
    holes: Vec<Hole>,
    /// The other side's last acknowledgement number and window.
    last_ack: Option<(u32, u16)>,
    /// How often it was repeated.
    repeated_acks: u32,
    rtt_sum_ms: f64,
}

/// `a` before `b` in sequence space, RFC 9293 3.4.
pub(super) fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

impl Tracker {
    /// Whether this side's receive window is closed.
    pub(super) fn has_closed_window(&self) -> bool {
        self.window.is_closed()
    }

    /// This side sent a segment; `peer_closed` is whether the other side's window is
    /// closed.
    pub(super) fn sent(
        &mut self,
        segment: &Segment<'_>,
        peer_closed: bool,
        frame: FrameNumber,
        time: HostTime,
    ) {
        if let Some(mss) = segment.mss {
            self.health.mss = Some(mss);
        }
        if segment.flags.syn {
            self.health.syn_options = segment.options.kinds().to_vec();
            self.health.window_scale = segment.options.window_scale;
        }
        self.window.announced(segment, time);
        let length = segment.seq_len();
        if segment.flags.rst {
            return;
        }
        let probes = |highest: u32| {
            is_keep_alive(segment, highest) || (peer_closed && is_window_probe(segment, highest))
        };
        if self.highest.is_some_and(probes) {
            self.health.keep_alives += 1;
            self.health.unanswered_keep_alives += 1;
            return;
        }
        if length == 0 {
            // A bare acknowledgement beyond what was seen: data before it is missing.
            if let Some(highest) = self.highest.filter(|highest| before(*highest, segment.seq)) {
                self.open_hole(highest, segment.seq, time, false);
                self.highest = Some(segment.seq);
            }
            return;
        }
        self.health.largest_sent = self.health.largest_sent.max(segment.payload_len);
        let (start, end) = (segment.seq, segment.seq.wrapping_add(length));
        let highest = *self.highest.get_or_insert(start);
        if !before(start, highest) {
            if start != highest {
                self.open_hole(highest, start, time, false);
            }
            self.highest = Some(end);
            self.fresh(segment, (start, end), frame, time);
        } else if self.fills_hole(start, end, time) {
            self.fresh(segment, (start, end), frame, time);
        } else {
            self.again((start, end), segment.payload_len, frame, time);
            if before(highest, end) {
                // It carries more than the first time.
                self.highest = Some(end);
                self.health.payload_bytes += u64::from(end.wrapping_sub(highest));
            }
        }
    }

    fn open_hole(&mut self, start: u32, end: u32, since: HostTime, acknowledged: bool) {
        if self.holes.len() >= MAX_HOLES {
            let oldest = self.holes.remove(0);
            self.forget(&oldest);
        }
        self.holes.push(Hole { start, end, since, acknowledged });
    }

    /// A hole that nothing fills any more.
    fn forget(&mut self, hole: &Hole) {
        if hole.acknowledged {
            self.health.unseen_bytes += u64::from(hole.end.wrapping_sub(hole.start));
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
        let acknowledged = self.last_ack.is_some_and(|(ack, _)| !before(ack, range.1));
        if self.outstanding.len() < MAX_OUTSTANDING && !acknowledged {
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
            self.holes.iter().position(|hole| !before(start, hole.start) && !before(hole.end, end))
        else {
            return false;
        };
        let hole = self.holes.remove(index);
        for (from, to) in [(hole.start, start), (end, hole.end)] {
            if before(from, to) {
                self.open_hole(from, to, hole.since, hole.acknowledged);
            }
        }
        if hole.acknowledged || millis_between(hole.since.0, time.0) <= REORDER_WINDOW_MS {
            self.health.out_of_order += 1;
        } else {
            self.health.filled_late += 1;
        }
        true
    }

    fn again(&mut self, range: (u32, u32), payload_len: u32, frame: FrameNumber, time: HostTime) {
        self.health.retransmissions += 1;
        match self.last_ack {
            Some((ack, _)) if !before(ack, range.1) => self.health.spurious_retransmissions += 1,
            Some((ack, _)) if ack == range.0 && self.repeated_acks >= FAST_RETRANSMIT_ACKS => {
                self.health.fast_retransmissions += 1;
            }
            _ => {}
        }
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
    pub(super) fn acknowledged_by(
        &mut self,
        segment: &Segment<'_>,
        frame: FrameNumber,
        time: HostTime,
    ) {
        self.health.unanswered_keep_alives = 0;
        if !segment.flags.ack || segment.flags.rst {
            return;
        }
        let repeated = self.last_ack == Some((segment.ack, segment.window));
        if repeated && segment.seq_len() == 0 && !self.outstanding.is_empty() {
            self.health.duplicate_acks += 1;
            self.repeated_acks += 1;
        } else if !repeated {
            self.repeated_acks = 0;
        }
        self.health.dsacks += u32::from(segment.dsack);
        self.last_ack = Some((segment.ack, segment.window));
        self.unseen(segment.ack, time);
        while let Some(front) = self.outstanding.front() {
            if before(segment.ack, front.end) {
                break;
            }
            self.health.largest_acked = self.health.largest_acked.max(front.payload_len);
            // A segment that was sent twice says nothing about time (Karn, RFC 6298 3).
            if front.times == 1 {
                let sample = millis_between(front.first.1.0, time.0);
                self.round_trip(sample, frame);
            }
            self.outstanding.pop_front();
        }
        self.selectively_acknowledged(segment);
    }

    /// Bytes that are acknowledged and were not seen: either the capture has no more
    /// of them, or it shows them late.
    fn unseen(&mut self, ack: u32, time: HostTime) {
        for hole in self.holes.iter_mut().filter(|hole| !before(ack, hole.end)) {
            hole.acknowledged = true;
        }
        if let Some(highest) = self.highest.filter(|highest| before(*highest, ack)) {
            self.open_hole(highest, ack, time, true);
            self.highest = Some(ack);
        }
    }

    fn round_trip(&mut self, sample_ms: f64, frame: FrameNumber) {
        self.rtt_sum_ms += sample_ms;
        let rtt = self.health.rtt.get_or_insert(RoundTrips {
            samples: 0,
            min_ms: sample_ms,
            mean_ms: sample_ms,
            max_ms: sample_ms,
            max_frame: frame,
        });
        rtt.samples += 1;
        rtt.min_ms = rtt.min_ms.min(sample_ms);
        if sample_ms > rtt.max_ms {
            (rtt.max_ms, rtt.max_frame) = (sample_ms, frame);
        }
        rtt.mean_ms = self.rtt_sum_ms / f64::from(rtt.samples);
    }

    fn selectively_acknowledged(&mut self, segment: &Segment<'_>) {
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

    /// Bytes of memory that wait, about.
    pub(super) fn held(&self) -> usize {
        let outstanding = self.outstanding.len() * size_of::<Outstanding>();
        outstanding + self.holes.len() * size_of::<Hole>()
    }

    /// There is no room for what waits: what is followed one by one is followed no more.
    pub(super) fn let_go(&mut self) {
        self.outstanding = VecDeque::new();
        for hole in std::mem::take(&mut self.holes) {
            self.forget(&hole);
        }
    }

    /// What is known at the end; `end` is when the connection was last seen.
    pub(super) fn finish(mut self, end: HostTime) -> TcpHealth {
        for hole in std::mem::take(&mut self.holes) {
            self.forget(&hole);
        }
        let unacked = self.outstanding.iter().find(|o| o.payload_len > 0);
        self.health.unacked = unacked.map(|o| UnackedSegment {
            payload_len: o.payload_len,
            first_frame: o.first.0,
            last_frame: o.last.0,
            last_time: o.last.1,
            times: o.times,
        });
        self.window.finish(end, &mut self.health);
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

/// One byte beyond what was sent asks whether a closed window opened, RFC 9293 3.8.6.1.
fn is_window_probe(segment: &Segment<'_>, highest: u32) -> bool {
    segment.payload_len == 1 && segment.seq == highest
}

#[cfg(test)]
#[expect(clippy::cast_possible_wrap, reason = "test data is short")]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn at(ms: i64) -> HostTime {
        HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms))
    }

    fn segment(id: u16, seq: u32, ack: u32, payload_len: u32) -> Segment<'static> {
        Segment { ip_id: Some(id), seq, ack, payload_len, ..Segment::example() }
    }

    #[test]
    fn retransmission_and_late_filling_are_told_apart() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), false, FrameNumber(1), at(0));
        tracker.sent(&segment(2, 200, 0, 100), false, FrameNumber(2), at(1));
        tracker.sent(&segment(3, 100, 0, 100), false, FrameNumber(3), at(250));
        tracker.sent(&segment(4, 0, 0, 100), false, FrameNumber(4), at(300));
        let health = tracker.finish(at(60_000));
        assert_eq!((health.filled_late, health.retransmissions), (1, 1));
        assert_eq!(health.unacked.map(|u| u.times), Some(2));
    }

    #[test]
    fn the_largest_acknowledged_segment_and_the_round_trip_are_known() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 1460), false, FrameNumber(1), at(0));
        tracker.acknowledged_by(&segment(9, 0, 1460, 0), FrameNumber(2), at(20));
        tracker.sent(&segment(2, 1460, 0, 10), false, FrameNumber(3), at(30));
        let health = tracker.finish(at(60_000));
        assert_eq!(health.largest_acked, 1460);
        assert_eq!(health.rtt.map(|rtt| (rtt.samples, rtt.mean_ms)), Some((1, 20.0)));
        assert_eq!(health.unacked.map(|u| u.payload_len), Some(10));
    }

    #[test]
    fn a_keep_alive_is_no_retransmission() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), false, FrameNumber(1), at(0));
        tracker.acknowledged_by(&segment(9, 0, 100, 0), FrameNumber(2), at(20));
        tracker.sent(&segment(2, 99, 0, 1), false, FrameNumber(3), at(30_000));
        assert_eq!(tracker.finish(at(60_000)).retransmissions, 0);
    }

    #[test]
    fn a_repetition_says_why_it_was_sent() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), false, FrameNumber(1), at(0));
        tracker.sent(&segment(2, 100, 0, 100), false, FrameNumber(2), at(1));
        for frame in 3..6 {
            tracker.acknowledged_by(&segment(9, 0, 0, 0), FrameNumber(frame), at(20));
        }
        tracker.sent(&segment(3, 0, 0, 100), false, FrameNumber(6), at(21));
        tracker.acknowledged_by(&segment(10, 0, 200, 0), FrameNumber(7), at(40));
        tracker.sent(&segment(4, 100, 0, 100), false, FrameNumber(8), at(41));
        let health = tracker.finish(at(50));
        assert_eq!(
            (health.retransmissions, health.fast_retransmissions, health.spurious_retransmissions),
            (2, 1, 1)
        );
        assert_eq!(health.lost_behind(), 1);
    }

    #[test]
    fn bytes_that_only_the_receiver_saw_are_the_captures_loss() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), false, FrameNumber(1), at(0));
        tracker.sent(&segment(3, 200, 0, 100), false, FrameNumber(2), at(1));
        tracker.acknowledged_by(&segment(9, 0, 300, 0), FrameNumber(3), at(20));
        tracker.acknowledged_by(&segment(10, 0, 350, 0), FrameNumber(4), at(30));
        let health = tracker.finish(at(50));
        assert_eq!((health.unseen_bytes, health.filled_late, health.retransmissions), (150, 0, 0));
    }

    #[test]
    fn keep_alives_without_answer_are_counted() {
        let mut tracker = Tracker::default();
        tracker.sent(&segment(1, 0, 0, 100), false, FrameNumber(1), at(0));
        tracker.sent(&segment(2, 99, 0, 1), false, FrameNumber(2), at(1000));
        tracker.acknowledged_by(&segment(9, 0, 100, 0), FrameNumber(3), at(1020));
        tracker.sent(&segment(3, 99, 0, 1), false, FrameNumber(4), at(2000));
        tracker.sent(&segment(4, 99, 0, 1), false, FrameNumber(5), at(3000));
        let health = tracker.finish(at(4000));
        assert_eq!((health.keep_alives, health.unanswered_keep_alives), (3, 2));
    }

    proptest! {
        /// Whatever the numbers, nothing panics and nothing is counted that was not sent.
        #[test]
        fn any_segments_are_survived(
            steps in proptest::collection::vec(
                (any::<bool>(), any::<u32>(), any::<u32>(), 0u32..70_000), 0..200),
        ) {
            let mut tracker = Tracker::default();
            let mut sent = 0;
            for (index, (own, seq, ack, length)) in steps.into_iter().enumerate() {
                let frame = FrameNumber(index as u64);
                let segment = segment(1, seq, ack, length);
                if own {
                    sent += 1;
                    tracker.sent(&segment, ack % 5 == 0, frame, at(index as i64));
                } else {
                    tracker.acknowledged_by(&segment, frame, at(index as i64));
                }
            }
            let health = tracker.finish(at(1_000_000));
            prop_assert!(health.data_segments + health.retransmissions <= sent);
        }
    }
}
