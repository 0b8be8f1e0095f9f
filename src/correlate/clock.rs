//! One clock for the case: that of the capture, where there is one.
//!
//! A connection that a capture shows and RdpCoreTS 131 logs with the same client
//! address and port is an exact pair. The median of the differences is the host's
//! offset, the spread its error.

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

    /// A source's time on the case clock.
    pub fn case_time(&self, vantage: &Vantage, time: HostTime) -> CaseTime {
        match vantage {
            Vantage::Log { host, .. } => {
                self.offset(host).map_or_else(|| time.uncorrected(), |offset| time.corrected(offset))
            }
            Vantage::Capture { .. } => time.uncorrected(),
        }
    }
}

/// `SRV01.corp.example` and `srv01` are the same host.
pub(crate) fn short_name(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

pub(super) fn estimate(
    wire: &[WireConnection],
    logged: &[LoggedConnection],
    given: &[(String, SignedDuration)],
) -> Clocks {
    let mut by_client: BTreeMap<_, Vec<HostTime>> = BTreeMap::new();
    for connection in wire {
        by_client.entry(connection.client).or_default().push(connection.accepted());
    }
    let mut differences: BTreeMap<Arc<str>, Vec<SignedDuration>> = BTreeMap::new();
    for connection in logged {
        let nearest = connection
            .client
            .and_then(|client| by_client.get(&client))
            .into_iter()
            .flatten()
            .map(|accepted| connection.start.0.duration_since(accepted.0))
            .min_by_key(|difference| difference.abs())
            .filter(|difference| difference.abs() < MAX_OFFSET);
        if let Some(difference) = nearest {
            differences.entry(Arc::clone(&connection.host)).or_default().push(difference);
        }
    }
    let mut clocks = Clocks::default();
    for (host, mut differences) in differences {
        if let Some(offset) = robust(&mut differences) {
            clocks.offsets.insert(short_name(&host), offset);
        }
    }
    for (host, ahead) in given {
        let offset = ClockOffset { ahead: *ahead, error: SignedDuration::ZERO };
        clocks.offsets.insert(short_name(host), offset);
    }
    clocks
}

/// Median and median absolute deviation.
fn robust(differences: &mut [SignedDuration]) -> Option<ClockOffset> {
    let ahead = median(differences)?;
    let mut deviations: Vec<SignedDuration> =
        differences.iter().map(|difference| (*difference - ahead).abs()).collect();
    let error = median(&mut deviations)?.max(MIN_ERROR);
    Some(ClockOffset { ahead, error })
}

fn median(values: &mut [SignedDuration]) -> Option<SignedDuration> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outlier_does_not_move_the_offset() {
        let mut differences =
            [1500, 1502, 1498, 90_000].map(SignedDuration::from_millis);
        let offset = robust(&mut differences).unwrap();
        assert!((offset.ahead.as_millis() - 1501).abs() <= 2, "{offset:?}");
        assert!(offset.error.as_millis() <= 10);
    }

    #[test]
    fn hosts_are_known_by_their_short_name() {
        assert_eq!(short_name("TS1.corp.test"), "ts1");
    }
}
