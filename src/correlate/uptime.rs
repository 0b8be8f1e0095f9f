//! When did a host write no logs at all, or by a clock that was set?
//!
//! Event log service and kernel say when they stop and start. A start without a stop
//! before it leaves everything since the last sign of life in doubt.

use super::clock::short_name;
use crate::base::HostTime;
use crate::observe::{Hole, Observation};
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
        // A line is no number of a record, and does not tell what follows what.
        marks.sort_by_key(|(_, record)| record.record().unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{at, record, with};

    #[track_caller]
    fn check(records: &[Observation], expect: &[(i64, i64, &str)]) {
        let mut records = records.to_vec();
        records.sort_by_key(|record| record.time);
        let hosts = by_host(&records);
        let mut holes = hosts.get("srv").map(Host::holes).unwrap_or_default();
        holes.sort_by_key(|hole| hole.from);
        let seconds =
            |time: HostTime| if time == Hole::EVER_AFTER { -1 } else { time.0.as_second() };
        let shown: Vec<(i64, i64, &str)> =
            holes.iter().map(|hole| (seconds(hole.from), seconds(hole.to), &*hole.why)).collect();
        assert_eq!(shown.len(), expect.len(), "{shown:?}");
        for (shown, expect) in shown.iter().zip(expect) {
            assert_eq!((shown.0, shown.1), (expect.0, expect.1), "{shown:?}");
            assert!(shown.2.contains(expect.2), "{shown:?}");
        }
    }

    fn system(event: &str, second: i64, number: u64) -> Observation {
        record(event, "System", second, number)
    }

    fn clock_set(second: i64, number: u64, old: i64, new: i64) -> Observation {
        let record = system("kernel-general.1", second, number);
        with(with(record, "OldTime", &at(old).0.to_string()), "NewTime", &at(new).0.to_string())
    }

    #[test]
    fn a_crash_leaves_everything_since_the_last_sign_in_doubt() {
        check(
            &[
                system("scm.7036", 1_000, 1),
                record("rdpcorets.131", "Core", 1_500, 8),
                system("kernel-general.12", 2_000, 2),
                system("eventlog-classic.6009", 2_019, 3),
                system("eventlog-classic.6005", 2_020, 4),
                system("eventlog-classic.6008", 2_020, 5),
            ],
            &[(1_500, 2_020, "without a clean shutdown")],
        );
    }

    #[test]
    fn two_providers_tell_of_one_stop_and_one_start() {
        check(
            &[
                record("eventlog.1100", "Security", 1_000, 50),
                system("eventlog-classic.6006", 1_001, 1),
                record("security.4608", "Security", 1_100, 51),
                record("security.4624", "Security", 1_105, 52),
                system("eventlog-classic.6005", 1_110, 2),
            ],
            &[(1_000, 1_100, "stopped")],
        );
    }

    #[test]
    fn a_stop_without_a_start_ends_with_the_next_sign_of_life_or_never() {
        let stop = record("eventlog.1100", "Security", 1_000, 50);
        check(std::slice::from_ref(&stop), &[(1_000, -1, "stopped")]);
        let tail = record("lsm.21", "Lsm", 1_002, 1);
        let next = record("security.4624", "Security", 5_000, 51);
        check(&[stop, tail, next], &[(1_000, 5_000, "stopped")]);
    }

    #[test]
    fn a_step_forward_leaves_out_times_and_a_step_back_repeats_them() {
        check(&[clock_set(1_000, 1, 1_000, 4_600)], &[(1_000, 4_600, "set forward")]);
        check(&[clock_set(4_600, 1, 4_600, 1_000)], &[(1_000, 4_600, "set back")]);
        check(&[clock_set(1_000, 1, 1_000, 1_001)], &[]);
    }

    #[test]
    fn times_that_the_clock_passed_through_before_are_no_hole() {
        // The clock had lost its battery: it woke in the past and was set right.
        let records = [system("scm.7036", 900_000, 1), clock_set(5_000, 9, 5_000, 901_000)];
        check(&records, &[(900_000, 901_000, "set forward")]);
        // It woke in the future: only what it wrote there came twice.
        let records =
            [system("eventlog-classic.6005", 800_000, 7), clock_set(800_100, 9, 800_100, 5_000)];
        check(&records, &[(800_000, 800_100, "set back")]);
    }
}
