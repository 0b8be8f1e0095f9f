//! When did a host write no logs at all, or by a clock that was set?
//!
//! Event log service and kernel say when they stop and start. A start without a stop
//! before it leaves everything since the last sign of life in doubt.

use super::clock::short_name;
use crate::base::HostTime;
use crate::observe::{Hole, Observation, Place};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// From the first record of a boot to that of the event log service.
const BOOT: SignedDuration = SignedDuration::from_mins(15);
/// Other services may still write this long after a stop is recorded.
const STOPPING: SignedDuration = SignedDuration::from_secs(30);
/// Smaller corrections are made all the time and shift nothing that counts.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(1);

/// What a record says about the keeping of all logs of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The event log service stops.
    Stop,
    /// It starts, or auditing does.
    Start,
    /// Windows starts; the event log service follows.
    Boot,
    /// The host noted at its start that it had gone down without a shutdown.
    Unclean,
    /// The clock was set.
    ClockSet { old: HostTime, new: HostTime },
}

fn mark_of(observation: &Observation) -> Option<Mark> {
    Some(match &*observation.kind {
        "event.eventlog-classic.6006" | "event.eventlog.1100" => Mark::Stop,
        "event.eventlog-classic.6005" | "event.security.4608" => Mark::Start,
        "event.eventlog-classic.6009" | "event.kernel-general.12" | "event.kernel-power.41" => {
            Mark::Boot
        }
        "event.eventlog-classic.6008" => Mark::Unclean,
        "event.kernel-general.1" => clock_set(observation, "OldTime")?,
        "event.security.4616" => clock_set(observation, "PreviousTime")?,
        _ => return None,
    })
}

fn clock_set(observation: &Observation, old: &str) -> Option<Mark> {
    let time = |field| observation.field(field)?.parse::<Timestamp>().ok().map(HostTime);
    let (old, new) = (time(old)?, time("NewTime")?);
    let step = new.0.duration_since(old.0).abs();
    (step > CLOCK_STEP).then_some(Mark::ClockSet { old, new })
}

/// What the logs of one host say about their keeping.
#[derive(Debug, Default)]
pub(super) struct Host<'a> {
    marks: Vec<(Mark, &'a Observation)>,
    /// When any of its logs wrote anything, as far as that was read; in order.
    pub(super) signs: Vec<HostTime>,
}

/// Sorts records by the host that wrote them. `observations` are in the order of time.
pub(super) fn by_host(observations: &[Observation]) -> BTreeMap<String, Host<'_>> {
    let mut hosts: BTreeMap<String, Host<'_>> = BTreeMap::new();
    let mut known: Option<(&Arc<str>, String)> = None;
    for observation in observations {
        let Some(name) = observation.host() else { continue };
        // Records of one host come in rows: its short name is made once for each row.
        let short = match &known {
            Some((last, short)) if *last == name => short.clone(),
            _ => short_name(name),
        };
        let host = hosts.entry(short.clone()).or_default();
        known = Some((name, short));
        host.signs.push(observation.time);
        host.marks.extend(mark_of(observation).map(|mark| (mark, observation)));
    }
    hosts
}

impl Host<'_> {
    /// Times at which no log of this host says anything for certain.
    pub(super) fn holes(&self) -> Vec<Hole> {
        let mut holes = self.stops();
        holes.extend(self.clock_steps());
        holes
    }

    fn last_sign_before(&self, time: HostTime) -> Option<HostTime> {
        let count = self.signs.partition_point(|sign| *sign < time);
        self.signs.get(count.checked_sub(1)?).copied()
    }

    fn first_sign_after(&self, time: HostTime) -> Option<HostTime> {
        self.signs.get(self.signs.partition_point(|sign| *sign <= time)).copied()
    }

    /// The end of a stop of which no start is recorded: the next sign of life.
    fn end_of(&self, stop: HostTime) -> HostTime {
        let silent = stop.0.checked_add(STOPPING).map_or(stop, HostTime);
        self.first_sign_after(silent).unwrap_or(Hole::EVER_AFTER)
    }

    fn stops(&self) -> Vec<Hole> {
        let mut holes = Vec::new();
        let mut stopped: Option<&Observation> = None;
        let mut booting: Option<HostTime> = None;
        let mut started: Option<&Observation> = None;
        for (mark, record) in &self.marks {
            match mark {
                Mark::Stop => {
                    match stopped.filter(|stop| self.end_of(stop.time) < record.time) {
                        Some(stop) => {
                            holes.push(stop_hole(stop, self.end_of(stop.time)));
                            stopped = Some(record);
                        }
                        None => stopped = stopped.or(Some(record)),
                    }
                    booting = None;
                }
                Mark::Boot | Mark::Unclean => booting = booting.or(Some(record.time)),
                Mark::Start => {
                    // Two providers tell of the same start.
                    let again = started.is_some_and(|start| {
                        start.kind != record.kind && since(start.time, record.time) < BOOT
                    });
                    match stopped.take() {
                        Some(stop) => holes.push(stop_hole(stop, record.time)),
                        None if again => {}
                        None => holes.extend(self.unexplained(record, booting)),
                    }
                    started = Some(record);
                    booting = None;
                }
                Mark::ClockSet { .. } => {}
            }
        }
        holes.extend(stopped.map(|stop| stop_hole(stop, self.end_of(stop.time))));
        holes
    }

    /// The hole before a start that no stop explains.
    fn unexplained(&self, start: &Observation, booting: Option<HostTime>) -> Option<Hole> {
        let boot = booting.filter(|boot| since(*boot, start.time) < BOOT).unwrap_or(start.time);
        let from = self.last_sign_before(boot)?;
        let unclean = self.unclean_near(start.time);
        let why = match unclean {
            Some(_) => "the host went down without a clean shutdown",
            None => "the event log service started, and nothing says when it had stopped",
        };
        let source = Some(unclean.unwrap_or(start).source.clone());
        Some(Hole { from, to: start.time, why: why.into(), missing: None, source })
    }

    /// The note of an unclean shutdown that belongs to a start.
    fn unclean_near(&self, start: HostTime) -> Option<&Observation> {
        let first = self.marks.partition_point(|(_, record)| since(record.time, start) > BOOT);
        self.marks
            .get(first..)?
            .iter()
            .take_while(|(_, record)| since(start, record.time) < STOPPING)
            .find(|(mark, _)| *mark == Mark::Unclean)
            .map(|(_, record)| *record)
    }

    /// A step forward leaves out times, a step back makes times come twice. The kernel's
    /// own records are preferred to those of auditing, which tell of the same steps.
    fn clock_steps(&self) -> Vec<Hole> {
        let by_kernel = |record: &Observation| record.kind.starts_with("event.kernel-general.");
        let kernel = self
            .marks
            .iter()
            .any(|(mark, record)| matches!(mark, Mark::ClockSet { .. }) && by_kernel(record));
        let mut marks: Vec<(Mark, &Observation)> = self
            .marks
            .iter()
            .copied()
            .filter(|(mark, record)| match mark {
                Mark::ClockSet { .. } => by_kernel(record) == kernel,
                Mark::Start => record.kind.starts_with("event.eventlog-classic.") == kernel,
                _ => false,
            })
            .collect();
        // Not the clock, the number tells what was written first.
        marks.sort_by_key(|(_, record)| record_number(record));
        let mut holes = Vec::new();
        let mut since_start: Option<HostTime> = None;
        for (mark, record) in marks {
            let Mark::ClockSet { old, new } = mark else {
                since_start = Some(record.time);
                continue;
            };
            let (from, to, why) = if old < new {
                // Where the host was before, by its clock, is no hole.
                let near = new.0.checked_sub(CLOCK_STEP).map_or(new, HostTime);
                let before = self.last_sign_before(near).filter(|sign| *sign > old);
                (before.unwrap_or(old), new, "the clock was set forward")
            } else {
                let ran = since_start.filter(|start| new < *start && *start < old);
                (ran.unwrap_or(new), old, "the clock was set back, so these times came twice")
            };
            let source = Some(record.source.clone());
            holes.push(Hole { from, to, why: why.into(), missing: None, source });
            since_start = Some(new);
        }
        holes
    }
}

fn stop_hole(stop: &Observation, to: HostTime) -> Hole {
    Hole {
        from: stop.time,
        to,
        why: "the event log service was stopped".into(),
        missing: None,
        source: Some(stop.source.clone()),
    }
}

fn since(earlier: HostTime, later: HostTime) -> SignedDuration {
    later.0.duration_since(earlier.0)
}

fn record_number(record: &Observation) -> u64 {
    match record.source.place {
        Place::Record(number) | Place::Frame(number) => number,
        Place::Whole => 0,
    }
}
