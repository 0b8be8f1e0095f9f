//! One clock for the case: that of the capture, where there is one.
//!
//! A connection that a capture shows and RdpCoreTS 131 logs with the same client
//! address and port is an exact pair: the server logged it after the SYN and before
//! its own confirm. What all pairs allow is the interval of the host's offset.

use super::connections::{LoggedConnection, WireConnection};
use crate::base::{CaseTime, ClockOffset, HostTime};
use crate::observe::Vantage;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ports are reused: a pair further apart than this is not the same connection.
const MAX_OFFSET: SignedDuration = SignedDuration::from_hours(26);

/// An exact pair is never better than this: 131 is written a few milliseconds after
/// the handshake, and the capture may be a round trip away.
const MIN_ERROR: SignedDuration = SignedDuration::from_millis(5);

/// The clock offsets that are known.
#[derive(Debug, Clone, Default)]
pub struct Clocks {
    offsets: BTreeMap<String, ClockOffset>,
}

impl Clocks {
    /// The offset of a host's log clock against the case clock.
    pub fn offset(&self, host: &str) -> Option<ClockOffset> {
        self.offsets.get(&short_name(host)).copied()
    }

    /// The time from `start` to `end` on the clock of a host's logs, widened by what
    /// its offset may be wrong.
    pub(super) fn host_span(
        &self,
        host: &str,
        start: CaseTime,
        end: CaseTime,
    ) -> (HostTime, HostTime) {
        let Some(offset) = self.offset(host) else { return (HostTime(start.0), HostTime(end.0)) };
        let shifted =
            |time: CaseTime, by: SignedDuration| HostTime(time.0.checked_add(by).unwrap_or(time.0));
        let ahead = offset.ahead;
        (
            shifted(start, ahead.saturating_sub(offset.error)),
            shifted(end, ahead.saturating_add(offset.error)),
        )
    }

    /// A source's time on the case clock.
    pub fn case_time(&self, vantage: &Vantage, time: HostTime) -> CaseTime {
        match vantage {
            Vantage::Log { host, .. } => self
                .offset(host)
                .map_or_else(|| time.uncorrected(), |offset| time.corrected(offset)),
            Vantage::Capture { .. } | Vantage::Document { .. } => time.uncorrected(),
        }
    }
}

/// `SRV01.corp.example` and `srv01` are the same host.
pub(crate) fn short_name(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

/// What one exact pair says about an offset: the server accepted the connection
/// between the client's SYN and its own confirm.
#[derive(Debug, Clone, Copy)]
struct Pair {
    best: SignedDuration,
    least: SignedDuration,
    most: SignedDuration,
}

pub(super) fn estimate(
    wire: &[WireConnection],
    logged: &[LoggedConnection],
    given: &[(String, SignedDuration)],
) -> Clocks {
    let mut by_client: BTreeMap<_, Vec<&WireConnection>> = BTreeMap::new();
    for connection in wire {
        by_client.entry(connection.client).or_default().push(connection);
    }
    let mut pairs: BTreeMap<Arc<str>, Vec<Pair>> = BTreeMap::new();
    for connection in logged {
        let nearest = connection
            .client
            .and_then(|client| by_client.get(&client))
            .into_iter()
            .flatten()
            .map(|wire| pair(connection.start, wire))
            .min_by_key(|pair| pair.best.abs())
            .filter(|pair| pair.best.abs() < MAX_OFFSET);
        if let Some(pair) = nearest {
            pairs.entry(Arc::clone(&connection.host)).or_default().push(pair);
        }
    }
    let mut clocks = Clocks::default();
    for (host, pairs) in pairs {
        if let Some(offset) = robust(&pairs) {
            clocks.offsets.insert(short_name(&host), offset);
        }
    }
    for (host, ahead) in given {
        let offset = ClockOffset { ahead: *ahead, error: SignedDuration::ZERO };
        clocks.offsets.insert(short_name(host), offset);
    }
    clocks
}

fn pair(logged: HostTime, wire: &WireConnection) -> Pair {
    let (earliest, latest) = wire.accepted_between();
    Pair {
        best: logged.0.duration_since(wire.accepted().0),
        least: logged.0.duration_since(latest.0),
        most: logged.0.duration_since(earliest.0),
    }
}

/// The median, held inside what all pairs allow; their common interval is the
/// error. Pairs that contradict each other (a clock step) leave median and spread.
fn robust(pairs: &[Pair]) -> Option<ClockOffset> {
    let mut best: Vec<SignedDuration> = pairs.iter().map(|pair| pair.best).collect();
    let middle = median(&mut best)?;
    let least = pairs.iter().map(|pair| pair.least).max()?;
    let most = pairs.iter().map(|pair| pair.most).min()?;
    if least <= most {
        let error = ((most - least) / 2).max(MIN_ERROR);
        return Some(ClockOffset { ahead: middle.clamp(least, most), error });
    }
    let mut deviations: Vec<SignedDuration> =
        best.iter().map(|difference| (*difference - middle).abs()).collect();
    let error = median(&mut deviations)?.max(MIN_ERROR);
    Some(ClockOffset { ahead: middle, error })
}

fn median(values: &mut [SignedDuration]) -> Option<SignedDuration> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(best: i64, least: i64, most: i64) -> Pair {
        let [best, least, most] = [best, least, most].map(SignedDuration::from_millis);
        Pair { best, least, most }
    }

    #[test]
    fn pairs_that_agree_narrow_each_other() {
        let offset = robust(&[pair(1500, 1400, 1520), pair(1502, 1490, 1700)]).unwrap();
        assert_eq!(offset.ahead.as_millis(), 1502);
        assert_eq!(offset.error.as_millis(), 15);
    }

    #[test]
    fn one_pair_from_before_a_clock_step_does_not_move_the_offset() {
        let pairs = [1500, 1502, 1498, 90_000].map(|best| pair(best, best - 10, best + 10));
        let offset = robust(&pairs).unwrap();
        assert!((offset.ahead.as_millis() - 1501).abs() <= 2, "{offset:?}");
        assert!(offset.error.as_millis() <= 10);
    }

    #[test]
    fn hosts_are_known_by_their_short_name() {
        assert_eq!(short_name("TS1.corp.test"), "ts1");
    }
}
