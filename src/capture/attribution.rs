//! Who really sent a reset? A device between can write any address into a packet,
//! but the TTL that is left on arrival tells how far it travelled.

use crate::base::{FrameNumber, HostTime};
use crate::observe::{ForeignReset, Side};
use std::collections::BTreeMap;

/// Routers that share load differ by a hop or two; a device between differs by
/// its own initial TTL or by its place on the path.
const TTL_TOLERANCE: u8 = 3;

/// Resets that are remembered of one connection.
const MAX_RESETS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Attribution {
    /// How often each TTL was seen, of client and server, resets left out.
    ttls: [BTreeMap<u8, u32>; 2],
    resets: Vec<(Side, FrameNumber, HostTime, u8)>,
}

impl Attribution {
    pub(super) fn saw(&mut self, side: Side, ttl: u8) {
        let [client, server] = &mut self.ttls;
        let ttls = if side == Side::Client { client } else { server };
        *ttls.entry(ttl).or_default() += 1;
    }

    pub(super) fn reset(&mut self, side: Side, frame: FrameNumber, time: HostTime, ttl: u8) {
        if self.resets.len() < MAX_RESETS {
            self.resets.push((side, frame, time, ttl));
        }
    }

    /// The TTL that most segments of a side had.
    pub(super) fn usual_ttl(&self, side: Side) -> Option<u8> {
        let [client, server] = &self.ttls;
        let ttls = if side == Side::Client { client } else { server };
        ttls.iter().max_by_key(|(_, count)| **count).map(|(ttl, _)| *ttl)
    }

    /// The resets whose TTL does not fit any other segment of the side they claim.
    pub(super) fn foreign_resets(&self) -> Vec<ForeignReset> {
        let [client, server] = &self.ttls;
        self.resets
            .iter()
            .filter_map(|&(claims, frame, time, ttl)| {
                let ttls = if claims == Side::Client { client } else { server };
                let fits = ttls.keys().any(|usual| usual.abs_diff(ttl) < TTL_TOLERANCE);
                let usual_ttl = self.usual_ttl(claims)?;
                (!fits).then_some(ForeignReset { claims, frame, time, ttl, usual_ttl })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_reset_from_another_distance_stands_out() {
        let mut attribution = Attribution::default();
        let time = HostTime(Timestamp::UNIX_EPOCH);
        attribution.saw(Side::Server, 127);
        attribution.saw(Side::Server, 127);
        attribution.reset(Side::Server, FrameNumber(9), time, 32);
        attribution.reset(Side::Server, FrameNumber(10), time, 127);
        let foreign = attribution.foreign_resets();
        assert_eq!(foreign.len(), 1);
        assert_eq!((foreign[0].frame.0, foreign[0].usual_ttl), (9, 127));
    }

    #[test]
    fn without_other_segments_nothing_is_claimed() {
        let mut attribution = Attribution::default();
        attribution.reset(Side::Server, FrameNumber(2), HostTime(Timestamp::UNIX_EPOCH), 32);
        assert!(attribution.foreign_resets().is_empty());
    }
}
