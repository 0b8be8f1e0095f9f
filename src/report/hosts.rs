//! The hosts and their clocks.

use super::build::{rounded, source_report};
use super::model::{ClockSegmentReport, HostReport, SystemReport};
use crate::base::{ClockOffset, HostTime, rfc3339};
use crate::correlate::{Case, Host, Reading, Segment, short_name};
use crate::observe::Observation;
use jiff::{SignedDuration, Timestamp};

pub(super) fn reports(case: &Case) -> Vec<HostReport> {
    let told = case.observations.iter().filter(|o| &*o.kind == "text.system");
    let systems: Vec<&Observation> = told.collect();
    case.hosts.iter().map(|host| report(case, host, &systems)).collect()
}

fn report(case: &Case, host: &Host, systems: &[&Observation]) -> HostReport {
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
        system: system(&host.name, systems),
    }
}

/// What the first text says of the host's system that names it.
fn system(host: &str, systems: &[&Observation]) -> Option<SystemReport> {
    let host = short_name(host);
    let names =
        |told: &&&Observation| told.field("host").is_some_and(|name| short_name(name) == host);
    let told = systems.iter().find(names)?;
    Some(SystemReport {
        version: told.field("version")?.to_owned(),
        time_zone: told.field("time_zone").filter(|zone| !zone.is_empty()).map(str::to_owned),
        source: source_report(&told.source),
    })
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
