//! Who really sent a reset? A device between can write any address into a packet,
//! but the TTL that is left on arrival tells how far it travelled, the IP
//! identification whose counter it came from, and a sender that goes on after its
//! own reset did not send it.

use crate::base::{FrameNumber, HostTime, millis_between};
use crate::observe::{ForeignReset, ResetMark, Side};
use crate::wire::packet::Segment;
use std::collections::BTreeMap;

/// Routers that share load differ by a hop or two; a device between differs by
/// its own initial TTL or by its place on the path.
const TTL_TOLERANCE: u8 = 3;

/// Resets that are remembered of one connection.
const MAX_RESETS: usize = 16;

/// Data segments after its own reset that a side must send to be believed alive,
/// and how long after, in ms: segments may overtake each other.
const GOES_ON_SEGMENTS: u32 = 2;
const GOES_ON_MS: f64 = 5.0;

/// Identifications that must have counted up before a stray one means anything, the
/// largest step between two of them, and how far a stray one is away.
const COUNTED_IDS: u32 = 4;
const MAX_ID_STEP: u16 = 64;
const STRAY_ID: u16 = 4096;

#[derive(Debug)]
struct Reset {
    claims: Side,
    frame: FrameNumber,
    time: HostTime,
    ttl: u8,
    stray_id: bool,
    /// Data that the same side sent afterwards.
    data_after: u32,
}

/// What one side's segments have in common, resets left out.
#[derive(Debug, Default)]
struct Habits {
    /// How often each TTL was seen, but for the last one and how often that came in a row.
    others: BTreeMap<u8, u32>,
    ttl: Option<(u8, u32)>,
    last_id: Option<u16>,
    /// Identifications that followed the one before closely.
    counted_ids: u32,
    /// Identifications that did not.
    jumps: u32,
}

impl Habits {
    fn saw(&mut self, segment: &Segment<'_>) {
        match &mut self.ttl {
            Some((ttl, times)) if *ttl == segment.ttl => *times += 1,
            other => {
                if let Some((ttl, times)) = other.replace((segment.ttl, 1)) {
                    *self.others.entry(ttl).or_default() += times;
                }
            }
        }
        let Some(id) = segment.ip_id.filter(|id| *id != 0) else { return };
        match self.last_id.map(|last| id.wrapping_sub(last)) {
            Some(1..=MAX_ID_STEP) => self.counted_ids += 1,
            Some(_) => self.jumps += 1,
            None => {}
        }
        self.last_id = Some(id);
    }

    /// Whether an identification cannot come from this side's counter. Linux writes 0
    /// into some resets of its own, so 0 means nothing.
    fn is_stray(&self, id: Option<u16>) -> bool {
        match (id.filter(|id| *id != 0), self.last_id) {
            (Some(id), Some(last)) if self.jumps == 0 && self.counted_ids >= COUNTED_IDS => {
                (STRAY_ID..u16::MAX - STRAY_ID).contains(&id.wrapping_sub(last))
            }
            _ => false,
        }
    }

    /// How often each TTL was seen.
    fn ttls(&self) -> BTreeMap<u8, u32> {
        let mut ttls = self.others.clone();
        if let Some((ttl, times)) = self.ttl {
            *ttls.entry(ttl).or_default() += times;
        }
        ttls
    }

    fn usual_ttl(&self) -> Option<u8> {
        self.ttls().iter().max_by_key(|(_, count)| **count).map(|(ttl, _)| *ttl)
    }
}

#[derive(Debug, Default)]
pub(super) struct Attribution {
    habits: [Habits; 2],
    resets: Vec<Reset>,
}

impl Attribution {
    /// A side sent this segment, or somebody in its name.
    pub(super) fn saw(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        frame: FrameNumber,
        time: HostTime,
    ) {
        let [client, server] = &mut self.habits;
        let habits = if side == Side::Client { client } else { server };
        if segment.flags.rst {
            if self.resets.len() < MAX_RESETS {
                let stray_id = habits.is_stray(segment.ip_id);
                let ttl = segment.ttl;
                self.resets.push(Reset { claims: side, frame, time, ttl, stray_id, data_after: 0 });
            }
            return;
        }
        habits.saw(segment);
        if segment.payload_len > 0 {
            for reset in self.resets.iter_mut().filter(|reset| reset.claims == side) {
                if millis_between(reset.time.0, time.0) > GOES_ON_MS {
                    reset.data_after += 1;
                }
            }
        }
    }

    fn habits(&self, side: Side) -> &Habits {
        let [client, server] = &self.habits;
        if side == Side::Client { client } else { server }
    }

    /// The TTL that most segments of a side had.
    pub(super) fn usual_ttl(&self, side: Side) -> Option<u8> {
        self.habits(side).usual_ttl()
    }

    /// The resets that do not fit the other segments of the side they claim.
    pub(super) fn foreign_resets(&self) -> Vec<ForeignReset> {
        self.resets
            .iter()
            .filter_map(|reset| {
                let habits = self.habits(reset.claims);
                let usual_ttl = habits.usual_ttl()?;
                let fits =
                    habits.ttls().keys().any(|usual| usual.abs_diff(reset.ttl) < TTL_TOLERANCE);
                let mark = match (fits, reset.data_after >= GOES_ON_SEGMENTS, reset.stray_id) {
                    (false, _, _) => ResetMark::Ttl,
                    (true, true, _) => ResetMark::GoesOn,
                    (true, false, true) => ResetMark::IpId,
                    (true, false, false) => return None,
                };
                let Reset { claims, frame, time, ttl, .. } = *reset;
                Some(ForeignReset { claims, frame, time, ttl, usual_ttl, mark })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Flags;
    use jiff::{SignedDuration, Timestamp};

    fn at(ms: i64) -> HostTime {
        HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms))
    }

    fn segment(ttl: u8, id: u16, rst: bool) -> Segment<'static> {
        Segment {
            ttl,
            ip_id: Some(id),
            flags: Flags { ack: true, rst, ..Flags::default() },
            payload_len: u32::from(!rst) * 10,
            ..Segment::example()
        }
    }

    /// Runs the server's segments `(ttl, id, is a reset)`, 10 ms apart.
    fn run(segments: &[(u8, u16, bool)]) -> Vec<(u64, ResetMark)> {
        let mut attribution = Attribution::default();
        for (index, (ttl, id, rst)) in segments.iter().enumerate() {
            let time = at(10 * i64::try_from(index).unwrap());
            let frame = FrameNumber(index as u64 + 1);
            attribution.saw(Side::Server, &segment(*ttl, *id, *rst), frame, time);
        }
        attribution.foreign_resets().into_iter().map(|r| (r.frame.0, r.mark)).collect()
    }

    #[test]
    fn a_reset_from_another_distance_stands_out() {
        let seen = run(&[(127, 0, false), (127, 0, false), (32, 0, true), (127, 0, true)]);
        assert_eq!(seen, [(3, ResetMark::Ttl)]);
    }

    #[test]
    fn a_side_that_goes_on_did_not_reset() {
        let seen = run(&[(127, 0, false), (127, 0, true), (127, 0, false), (127, 0, false)]);
        assert_eq!(seen, [(2, ResetMark::GoesOn)]);
    }

    #[test]
    fn an_identification_off_the_counter_stands_out() {
        let mut segments: Vec<_> = (100..106).map(|id| (127, id, false)).collect();
        segments.push((127, 107, true));
        assert_eq!(run(&segments), []);
        segments.push((127, 40_000, true));
        assert_eq!(run(&segments), [(8, ResetMark::IpId)]);
    }

    #[test]
    fn without_other_segments_nothing_is_claimed() {
        assert_eq!(run(&[(32, 0, true)]), []);
    }
}
