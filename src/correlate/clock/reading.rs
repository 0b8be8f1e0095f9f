//! What the pairs of one stretch say about a clock: offset, drift, error.

use super::pairs::Pair;
use crate::base::{CaseTime, ClockOffset, HostTime};
use jiff::SignedDuration;

/// An exact pair is never better than this: 131 is written a few milliseconds after
/// the handshake, and the capture may be a round trip away.
const MIN_ERROR: SignedDuration = SignedDuration::from_millis(5);

/// Drift is looked for from this many pairs on, over at least this long.
const DRIFT_PAIRS: usize = 3;
const DRIFT_SPAN: SignedDuration = SignedDuration::from_hours(1);
/// Clocks that anybody uses drift less than this, in parts per million.
const MOST_DRIFT_PPM: f64 = 1_000.0;
/// Pairs whose slopes are compared: of more, every n-th.
const MOST_COMPARED: usize = 128;

/// A clock over one stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// At `reference`.
    pub offset: ClockOffset,
    pub reference: Option<HostTime>,
    /// How much faster than the case clock it runs, in parts per million; 0 where too
    /// few pairs tell.
    pub drift_ppm: f64,
    /// Happenings that it rests on; 0 where it was carried over from another stretch.
    pub pairs: usize,
}

impl Reading {
    pub(super) fn steady(offset: ClockOffset) -> Self {
        Self { offset, reference: None, drift_ppm: 0.0, pairs: 0 }
    }

    /// The offset at a time of this clock.
    pub fn at(&self, time: HostTime) -> ClockOffset {
        let Some(reference) = self.reference else { return self.offset };
        let since = time.0.duration_since(reference.0).as_secs_f64();
        let drifted = SignedDuration::from_secs_f64(since * self.drift_ppm / 1e6);
        ClockOffset { ahead: self.offset.ahead.saturating_add(drifted), ..self.offset }
    }

    /// The earliest time that this clock can have shown at a time of the case.
    pub(super) fn earliest(&self, time: CaseTime) -> HostTime {
        let offset = self.at(HostTime(time.0));
        shifted(time, offset.ahead.saturating_sub(offset.error))
    }

    /// The latest one.
    pub(super) fn latest(&self, time: CaseTime) -> HostTime {
        let offset = self.at(HostTime(time.0));
        shifted(time, offset.ahead.saturating_add(offset.error))
    }

    /// The same clock behind a step.
    pub(super) fn stepped(mut self, by: SignedDuration, unsure: SignedDuration) -> Self {
        self.offset.ahead = self.offset.ahead.saturating_add(by);
        self.offset.error = self.offset.error.saturating_add(unsure);
        self.pairs = 0;
        self
    }
}

fn shifted(time: CaseTime, by: SignedDuration) -> HostTime {
    HostTime(time.0.checked_add(by).unwrap_or(time.0))
}

/// What pairs say together; `None` without pairs.
pub(super) fn of(pairs: &[Pair]) -> Option<Reading> {
    let reference = pairs.iter().map(|pair| pair.logged).max()?;
    let steady = Reading {
        reference: Some(reference),
        pairs: pairs.len(),
        ..Reading::steady(robust(pairs)?)
    };
    let Some(drift_ppm) = drift(pairs) else { return Some(steady) };
    let straight: Vec<Pair> = pairs
        .iter()
        .map(|pair| {
            let since = pair.logged.0.duration_since(reference.0).as_secs_f64();
            let by = SignedDuration::from_secs_f64(since * drift_ppm / 1e6);
            let less = |duration: SignedDuration| duration.saturating_sub(by);
            Pair {
                best: less(pair.best),
                least: less(pair.least),
                most: less(pair.most),
                ..pair.clone()
            }
        })
        .collect();
    let offset = robust(&straight)?;
    // Drift is believed where it explains the pairs clearly better.
    let better = offset.error < steady.offset.error / 2;
    Some(if better { Reading { offset, drift_ppm, ..steady } } else { steady })
}

/// The median of all slopes between two pairs (Theil and Sen): one pair that is wrong
/// does not move it.
fn drift(pairs: &[Pair]) -> Option<f64> {
    let (first, last) =
        (pairs.iter().map(|p| p.logged).min()?, pairs.iter().map(|p| p.logged).max()?);
    if pairs.len() < DRIFT_PAIRS || last.0.duration_since(first.0) < DRIFT_SPAN {
        return None;
    }
    let step = pairs.len().div_ceil(MOST_COMPARED);
    let some: Vec<&Pair> = pairs.iter().step_by(step).collect();
    let mut slopes: Vec<f64> = Vec::new();
    for (index, one) in some.iter().enumerate() {
        for other in some.iter().skip(index + 1) {
            let apart = other.logged.0.duration_since(one.logged.0).as_secs_f64();
            let differ = (other.best.saturating_sub(one.best)).as_secs_f64();
            // Pairs that lie close together tell nothing but their own error.
            if apart.abs() * 4.0 > DRIFT_SPAN.as_secs_f64() {
                slopes.push(differ / apart * 1e6);
            }
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let middle = slopes.get(slopes.len() / 2).copied()?;
    (middle.abs() <= MOST_DRIFT_PPM).then_some(middle)
}

/// The median, held inside what all pairs allow; their common interval is the
/// error. Pairs that contradict each other leave median and spread.
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
    use crate::correlate::testing::at;

    fn pair(second: i64, best: i64, least: i64, most: i64) -> Pair {
        let [best, least, most] = [best, least, most].map(SignedDuration::from_millis);
        Pair { logged: at(second), channel: "C".into(), record: None, best, least, most }
    }

    #[test]
    fn pairs_that_agree_narrow_each_other() {
        let offset = of(&[pair(0, 1500, 1400, 1520), pair(1, 1502, 1490, 1700)]).unwrap().offset;
        assert_eq!(offset.ahead.as_millis(), 1502);
        assert_eq!(offset.error.as_millis(), 15);
    }

    #[test]
    fn one_pair_that_is_wrong_does_not_move_the_offset() {
        let pairs = [1500, 1502, 1498, 90_000].map(|best| pair(0, best, best - 10, best + 10));
        let offset = of(&pairs).unwrap().offset;
        assert!((offset.ahead.as_millis() - 1501).abs() <= 2, "{offset:?}");
        assert!(offset.error.as_millis() <= 10);
    }

    #[test]
    fn a_clock_that_runs_fast_is_followed() {
        // 100 ppm are 360 ms an hour.
        let pairs: Vec<Pair> = (0..6)
            .map(|hour| pair(hour * 3600, 2000 + hour * 360, 1990 + hour * 360, 2010 + hour * 360))
            .collect();
        let reading = of(&pairs).unwrap();
        assert!((reading.drift_ppm - 100.0).abs() < 1.0, "{reading:?}");
        assert_eq!(reading.at(at(3600)).ahead.as_millis(), 2360);
        let steady: Vec<Pair> = (0..6).map(|hour| pair(hour * 3600, 2000, 1990, 2010)).collect();
        assert!(of(&steady).unwrap().drift_ppm.abs() < f64::EPSILON);
    }
}
