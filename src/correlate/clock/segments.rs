//! The stretches of a host's clock between its steps.

use super::pairs::Pairs;
use super::reading::Reading;
use super::short_name;
use crate::base::HostTime;
use crate::observe::{Observation, Vantage};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Smaller corrections are made hundreds of times in real System logs.
const LEAST_STEP: SignedDuration = SignedDuration::from_secs(1);
/// Steps of one host that are followed: the last ones.
const MOST_STEPS: usize = 64;
/// Records around a step are stamped a little before or after it.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

/// One change of a clock.
#[derive(Debug, Clone)]
pub(super) struct Step {
    old: Timestamp,
    new: Timestamp,
    /// A program set the clock; taken from the hardware, the host may have slept and the
    /// clock was right before and after.
    set: bool,
    channel: Arc<str>,
    record: Option<u64>,
}

impl Step {
    fn by(&self) -> SignedDuration {
        self.new.duration_since(self.old)
    }
}

/// The steps of the hosts for which pairs were found, in the order of their records.
/// Kernel-General tells all of them; Security only where somebody audits it.
pub(super) fn steps(observations: &[Observation], pairs: &Pairs) -> BTreeMap<String, Vec<Step>> {
    let mut found: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for kind in ["event.kernel-general.1", "event.security.4616"] {
        let mut of_kind: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for observation in observations.iter().filter(|o| &*o.kind == kind) {
            let Some(host) = observation.host().map(|host| short_name(host)) else { continue };
            if let (true, Some(step)) = (pairs.contains_key(&host), step(observation)) {
                of_kind.entry(host).or_default().push(step);
            }
        }
        for (host, mut steps) in of_kind {
            steps.sort_by_key(|step| (step.record, step.new));
            steps.drain(..steps.len().saturating_sub(MOST_STEPS));
            found.entry(host).or_insert(steps);
        }
    }
    found
}

fn step(observation: &Observation) -> Option<Step> {
    let time = |field| observation.field(field)?.trim().parse::<Timestamp>().ok();
    let old = time("OldTime").or_else(|| time("PreviousTime"))?;
    let new = time("NewTime")?;
    let Vantage::Log { channel, .. } = &observation.vantage else { return None };
    let step = Step {
        old,
        new,
        set: observation.field("Reason").is_none_or(|reason| reason.trim() != "2"),
        channel: Arc::clone(channel),
        record: observation.record(),
    };
    (step.by().abs() > LEAST_STEP).then_some(step)
}

/// A stretch between two steps, in times of the clock itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: HostTime,
    pub to: HostTime,
}

/// All stretches of a clock; one without any step.
#[derive(Debug, Clone, Default)]
pub(super) struct Segments {
    steps: Vec<Step>,
    /// For each step the first record behind it, by channel, where that is known.
    boundaries: HashMap<Arc<str>, Vec<Option<u64>>>,
}

impl Segments {
    pub(super) fn new(steps: Vec<Step>, host: &str, observations: &[Observation]) -> Self {
        let mut boundaries = HashMap::new();
        // Where the clock was only set forward, times alone tell.
        if steps.iter().any(|step| step.by().is_negative()) {
            let mut channels: BTreeMap<Arc<str>, Vec<(u64, Timestamp)>> = BTreeMap::new();
            for observation in observations {
                let Vantage::Log { host: own, channel } = &observation.vantage else { continue };
                if let (true, Some(record)) = (short_name(own) == host, observation.record()) {
                    channels
                        .entry(Arc::clone(channel))
                        .or_default()
                        .push((record, observation.time.0));
                }
            }
            for (channel, mut records) in channels {
                records.sort_unstable();
                let own = steps.iter().map(|step| boundary(step, &channel, &records)).collect();
                boundaries.insert(channel, own);
            }
        }
        Self { steps, boundaries }
    }

    /// All stretches, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Segment> {
        let ever = (Timestamp::MIN, Timestamp::MAX);
        let starts = [ever.0].into_iter().chain(self.steps.iter().map(|step| step.new));
        let ends = self.steps.iter().map(|step| step.old).chain([ever.1]);
        starts.zip(ends).map(|(from, to)| Segment { from: HostTime(from), to: HostTime(to) })
    }

    /// The stretch that a time belongs to. After a step back the clock shows times for
    /// the second time: then the record's number tells.
    pub(super) fn find(&self, channel: &str, time: HostTime, record: Option<u64>) -> usize {
        if self.steps.is_empty() {
            return 0;
        }
        let holds = |segment: &Segment| {
            let early = segment.from.0.checked_sub(SLACK).unwrap_or(segment.from.0);
            let late = segment.to.0.checked_add(SLACK).unwrap_or(segment.to.0);
            (early..=late).contains(&time.0)
        };
        let fitting: Vec<usize> =
            self.all().enumerate().filter(|(_, segment)| holds(segment)).map(|(i, _)| i).collect();
        match fitting.as_slice() {
            // Between the two ends of a step forward.
            [] => self.steps.iter().take_while(|step| step.new <= time.0).count(),
            [only] => *only,
            [first, ..] => {
                let known = self.boundaries.get(channel).zip(record);
                let behind =
                    |boundary: &&Option<u64>, record| boundary.is_some_and(|b| record >= b);
                let index = known.map(|(boundaries, record)| {
                    boundaries.iter().take_while(|boundary| behind(boundary, record)).count()
                });
                index.filter(|index| fitting.contains(index)).unwrap_or(*first)
            }
        }
    }

    /// A reading for every stretch: its own, or that of the nearest one that has one,
    /// carried over the steps between.
    pub(super) fn carry(&self, own: Vec<Option<Reading>>) -> Option<Vec<Reading>> {
        let known: Vec<(usize, Reading)> =
            own.into_iter().enumerate().filter_map(|(i, reading)| Some((i, reading?))).collect();
        (0..=self.steps.len())
            .map(|index| {
                let (from, reading) = known.iter().min_by_key(|(at, _)| at.abs_diff(index))?;
                let between = self.steps.get(index.min(*from)..index.max(*from))?;
                Some(between.iter().fold(*reading, |reading, step| {
                    let by = if index > *from { step.by() } else { -step.by() };
                    match step.set {
                        true => reading.stepped(by, LEAST_STEP),
                        // Nothing tells which of the two was right.
                        false => reading.stepped(SignedDuration::ZERO, by.abs()),
                    }
                }))
            })
            .collect()
    }
}

/// The first record behind a step back: the step's own in its channel, else the first
/// one whose time is earlier than that of the record before it.
fn boundary(step: &Step, channel: &Arc<str>, records: &[(u64, Timestamp)]) -> Option<u64> {
    if step.channel == *channel {
        return step.record;
    }
    let (low, high) = (step.new.checked_sub(SLACK).ok()?, step.old.checked_add(SLACK).ok()?);
    let again = |time: &Timestamp| (low..=high).contains(time);
    let drops = records.array_windows::<2>().find(|[before, after]| {
        after.1 < before.1.checked_sub(SLACK).unwrap_or(before.1)
            && again(&before.1)
            && again(&after.1)
    });
    drops.map(|[_, after]| after.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ClockOffset;
    use crate::correlate::testing::{at, record, with};

    const SERVICE: &str = "Service";

    /// A clock that was set from `old` to `new` with record 5 of the System log.
    fn stepped(old: i64, new: i64, reason: &str, others: &[(u64, i64)]) -> Segments {
        let set = record("kernel-general.1", "System", new, 5);
        let set = with(set, "OldTime", &at(old).0.to_string());
        let set = with(with(set, "NewTime", &at(new).0.to_string()), "Reason", reason);
        let mut observations = vec![set];
        for (number, second) in others {
            observations.push(record("rdpcorets.131", SERVICE, *second, *number));
        }
        let pairs = Pairs::from([("srv".to_owned(), Vec::new())]);
        let steps = steps(&observations, &pairs).remove("srv").unwrap();
        Segments::new(steps, "srv", &observations)
    }

    #[test]
    fn times_tell_before_and_after_a_step_forward() {
        let segments = stepped(1_000, 5_000, "1", &[]);
        let find = |second| segments.find(SERVICE, at(second), None);
        assert_eq!(
            [find(900), find(1_000), find(3_000), find(5_000), find(6_000)],
            [0, 0, 0, 1, 1]
        );
    }

    #[test]
    fn record_numbers_tell_where_the_clock_showed_times_twice() {
        let segments =
            stepped(5_000, 1_000, "1", &[(7, 2_000), (8, 4_900), (9, 1_100), (10, 2_000)]);
        let find = |second, number| segments.find(SERVICE, at(second), Some(number));
        assert_eq!([find(2_000, 7), find(4_900, 8), find(1_100, 9), find(2_000, 10)], [0, 0, 1, 1]);
        assert_eq!((find(500, 3), find(6_000, 12)), (0, 1));
        assert_eq!(segments.find("System", at(2_000), Some(4)), 0);
        assert_eq!(segments.find("System", at(2_000), Some(6)), 1);
    }

    #[test]
    fn a_stretch_without_pairs_is_read_over_the_step() {
        let ahead = |seconds| ClockOffset {
            ahead: SignedDuration::from_secs(seconds),
            error: SignedDuration::ZERO,
        };
        let own = || vec![None, Some(Reading::steady(ahead(3)))];
        let carried = stepped(5_000, 1_000, "1", &[]).carry(own()).unwrap();
        assert_eq!(carried[0].offset.ahead.as_secs(), 4_003);
        // Behind a sleep the hardware's time is taken: both may be right.
        let slept = stepped(1_000, 5_000, "2", &[]).carry(own()).unwrap();
        assert_eq!((slept[0].offset.ahead.as_secs(), slept[0].offset.error.as_secs()), (3, 4_000));
    }
}
