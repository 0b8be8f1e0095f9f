//! The hosts and their clocks.

use super::build::rounded;
use super::model::{ClockSegmentReport, HostReport};
use crate::base::{ClockOffset, HostTime, rfc3339};
use crate::correlate::{Case, Host, Reading, Segment};
use jiff::{SignedDuration, Timestamp};

pub(super) fn reports(case: &Case) -> Vec<HostReport> {
    case.hosts.iter().map(|host| report(case, host)).collect()
}

fn report(case: &Case, host: &Host) -> HostReport {
    let segments: Vec<(Segment, &Reading)> = case.clocks.segments(&host.name).collect();
    let drift = segments.iter().map(|(_, reading)| reading.drift_ppm);
    let drift = drift.max_by(|a, b| a.abs().total_cmp(&b.abs()));
    let several = segments.len() > 1;
    HostReport {
        name: host.name.to_string(),
        role: host.role,
        addresses: host.addresses.iter().map(ToString::to_string).collect(),
        clock_offset_ms: host.offset.map(|offset| millis(offset.ahead)),
        clock_error_ms: host.offset.map(|offset| millis(offset.error)),
        clock_drift_ppm: drift.filter(|drift| *drift != 0.0).map(|drift| rounded(drift, 2)),
        clock_segments: segments
            .into_iter()
            .filter(|_| several)
            .map(|(segment, reading)| segment_report(segment, reading))
            .collect(),
    }
}

fn segment_report(segment: Segment, reading: &Reading) -> ClockSegmentReport {
    let time = |time: HostTime, open: Timestamp| (time.0 != open).then(|| rfc3339(time.0));
    let ClockOffset { ahead, error } = reading.offset;
    ClockSegmentReport {
        from: time(segment.from, Timestamp::MIN),
        to: time(segment.to, Timestamp::MAX),
        offset_ms: millis(ahead),
        error_ms: millis(error),
        pairs: reading.pairs,
    }
}

/// Milliseconds with the digits that mean something.
pub(super) fn millis(duration: SignedDuration) -> f64 {
    rounded(duration.as_secs_f64() * 1000.0, 3)
}
