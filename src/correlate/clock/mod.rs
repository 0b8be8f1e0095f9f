//! One clock for the case: that of the capture, where there is one.
//!
//! A connection that a capture shows and RdpCoreTS 131 logs with the same client
//! address and port is an exact pair: the server logged it after the SYN and before
//! its own confirm. What all pairs of a stretch between two steps of the clock allow is
//! the interval of the host's offset there. Where ports were translated, or the log has
//! none, the series of both sides are slid over each other.

mod captures;
mod client;
mod pairs;
mod reading;
mod segments;
mod slide;

pub(super) use captures::align;
pub use reading::Reading;
pub use segments::Segment;

use super::connections::{LoggedConnection, WireConnection};
use crate::base::{CaseTime, ClockOffset, HostTime};
use crate::observe::{Observation, Vantage};
use jiff::SignedDuration;
use segments::{Segments, steps};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The clock offsets that are known.
#[derive(Debug, Clone, Default)]
pub struct Clocks {
    hosts: BTreeMap<String, HostClock>,
    /// How far each capture's clock is ahead of the case clock.
    captures: BTreeMap<Arc<str>, ClockOffset>,
}

/// One host's clock.
#[derive(Debug, Clone)]
struct HostClock {
    segments: Segments,
    /// One per segment.
    readings: Vec<Reading>,
    /// The segment that most pairs are of; of several the last.
    main: usize,
}

impl HostClock {
    fn steady(reading: Reading) -> Self {
        Self { segments: Segments::default(), readings: vec![reading], main: 0 }
    }

    fn reading(&self, channel: &str, time: HostTime, record: Option<u64>) -> Option<&Reading> {
        self.readings.get(self.segments.find(channel, time, record))
    }
}

impl Clocks {
    /// The offset of a host's log clock against the case clock, over the stretch of
    /// which most is known.
    pub fn offset(&self, host: &str) -> Option<ClockOffset> {
        let clock = self.hosts.get(&short_name(host))?;
        clock.readings.get(clock.main).map(|reading| reading.offset)
    }

    /// The offset at a moment of the host's log.
    pub fn offset_at(&self, observation: &Observation) -> Option<ClockOffset> {
        let Vantage::Log { host, channel } = &observation.vantage else { return None };
        let clock = self.hosts.get(&short_name(host))?;
        let record = observation.record();
        clock.reading(channel, observation.time, record).map(|reading| reading.at(observation.time))
    }

    /// How far a capture's clock is ahead of that of the others; `None` where no
    /// connection is in both.
    pub fn capture_offset(&self, file: &str) -> Option<ClockOffset> {
        self.captures.get(file).copied()
    }

    /// The stretches of a host's clock between its steps, in order, each with what is
    /// known of it; empty where nothing is known.
    pub fn segments(&self, host: &str) -> impl Iterator<Item = (Segment, &Reading)> {
        let clock = self.hosts.get(&short_name(host));
        clock.into_iter().flat_map(|clock| clock.segments.all().zip(&clock.readings))
    }

    /// The time from `start` to `end` on the clock of a host's logs, widened by what
    /// its offset may be wrong.
    pub(super) fn host_span(
        &self,
        host: &str,
        start: CaseTime,
        end: CaseTime,
    ) -> (HostTime, HostTime) {
        let Some(clock) = self.hosts.get(&short_name(host)) else {
            return (HostTime(start.0), HostTime(end.0));
        };
        let spans: Vec<(HostTime, HostTime)> = clock
            .segments
            .all()
            .zip(&clock.readings)
            .filter_map(|(segment, reading)| {
                let (from, to) = (reading.earliest(start), reading.latest(end));
                (from <= segment.to && segment.from <= to).then_some((from, to))
            })
            .collect();
        let from = spans.iter().map(|(from, _)| *from).min();
        let to = spans.iter().map(|(_, to)| *to).max();
        from.zip(to).unwrap_or((HostTime(start.0), HostTime(end.0)))
    }

    /// An observation's time on the case clock.
    pub fn case_time(&self, observation: &Observation) -> CaseTime {
        match &observation.vantage {
            Vantage::Log { host, channel } => {
                self.log_time(host, channel, observation.time, observation.record())
            }
            Vantage::Capture { file } => {
                self.capture_offset(file).map_or(observation.time.uncorrected(), |offset| {
                    observation.time.corrected(offset)
                })
            }
            Vantage::Document { .. } => observation.time.uncorrected(),
        }
    }

    /// A time of a log on the case clock. The record's number tells before and after
    /// where the clock was set back.
    pub(super) fn log_time(
        &self,
        host: &str,
        channel: &str,
        time: HostTime,
        record: Option<u64>,
    ) -> CaseTime {
        let clock = self.hosts.get(&short_name(host));
        let reading = clock.and_then(|clock| clock.reading(channel, time, record));
        reading.map_or(time.uncorrected(), |reading| time.corrected(reading.at(time)))
    }
}

/// `SRV01.corp.example` and `srv01` are the same host.
pub(crate) fn short_name(host: &str) -> String {
    host.split('.').next().unwrap_or(host).to_ascii_lowercase()
}

/// Reads the clocks of all hosts off what captures and logs both show. `given` are the
/// offsets that the user stated: they are taken as they are.
pub(super) fn estimate(
    wire: &[WireConnection],
    logged: &[LoggedConnection],
    observations: &[Observation],
    captures: BTreeMap<Arc<str>, ClockOffset>,
    given: &[(String, SignedDuration)],
) -> Clocks {
    let mut found = pairs::exact(wire, logged);
    slide::translated(wire, logged, &mut found);
    client::tries(wire, observations, &mut found);
    let mut clocks = Clocks { hosts: BTreeMap::new(), captures };
    let mut steps = steps(observations, &found);
    for (host, pairs) in found {
        let segments = Segments::new(steps.remove(&host).unwrap_or_default(), &host, observations);
        if let Some(clock) = read(segments, pairs) {
            clocks.hosts.insert(host, clock);
        }
    }
    for (host, ahead) in given {
        let offset = ClockOffset { ahead: *ahead, error: SignedDuration::ZERO };
        clocks.hosts.insert(short_name(host), HostClock::steady(Reading::steady(offset)));
    }
    clocks
}

/// The readings of all segments: each of its own pairs, or of its neighbour.
fn read(segments: Segments, pairs: Vec<pairs::Pair>) -> Option<HostClock> {
    let mut by_segment: Vec<Vec<pairs::Pair>> = segments.all().map(|_| Vec::new()).collect();
    for pair in pairs {
        let index = segments.find(&pair.channel, pair.logged, pair.record);
        if let Some(own) = by_segment.get_mut(index) {
            own.push(pair);
        }
    }
    let (main, _) = by_segment.iter().enumerate().max_by_key(|(_, pairs)| pairs.len())?;
    let own: Vec<Option<Reading>> = by_segment.iter().map(|own| reading::of(own)).collect();
    let readings = segments.carry(own)?;
    Some(HostClock { segments, readings, main })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_short_name() {
        assert_eq!(short_name("TS1.corp.test"), "ts1");
    }
}
