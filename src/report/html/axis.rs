//! A scale of time: instants to places, and where its ticks are.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Steps between two ticks, in ms.
const STEPS: [f64; 32] = [
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    1e3,
    2e3,
    5e3,
    1e4,
    3e4,
    6e4,
    1.2e5,
    3e5,
    6e5,
    1.8e6,
    3.6e6,
    7.2e6,
    2.16e7,
    4.32e7,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    30.0 * DAY,
    91.0 * DAY,
    365.0 * DAY,
];

const DAY: f64 = 8.64e7;

/// Ticks over the width of the page.
const TICKS: u16 = 4;

/// The zooms at which more ticks appear.
pub(super) const ZOOMS: [u16; 4] = [1, 4, 16, 64];

/// A time of a report in ms since 1970; `None` when it is none.
pub(super) fn instant(time: &str) -> Option<f64> {
    let time: Timestamp = time.parse().ok()?;
    // A double holds the milliseconds of a century to a tenth of a microsecond.
    Some(time.as_nanosecond() as f64 / 1e6)
}

/// From when to when, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A mark of the scale.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// Per cent of the width.
    pub(super) place: f64,
    pub(super) label: String,
    /// From which zoom on it is shown.
    pub(super) zoom: u16,
}

impl Axis {
    /// An axis over all instants, a little wider than they are; `None` without any.
    pub(super) fn over(instants: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut instants = instants.into_iter();
        let first = instants.next()?;
        let (from, to) = instants.fold((first, first), |(a, b), at| (a.min(at), b.max(at)));
        let margin = ((to - from) * 0.03).max(5.0);
        Some(Self { from: from - margin, to: to + margin })
    }

    /// How long it is, in ms; never 0.
    pub(super) fn length(self) -> f64 {
        (self.to - self.from).max(1e-3)
    }

    /// Per cent of the width; what lies outside is at the edge.
    pub(super) fn place(self, at: f64) -> f64 {
        ((at - self.from) / self.length() * 100.0).clamp(0.0, 100.0)
    }

    /// The ticks of all zooms, the coarsest first.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        for zoom in ZOOMS {
            let wanted = self.length() / f64::from(TICKS * zoom);
            let coarsest = STEPS.last().copied().unwrap_or(DAY);
            let step =
                STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(coarsest.max(wanted));
            let mut at = (self.from / step).ceil() * step;
            for _ in 0..2 * TICKS * zoom {
                if at > self.to {
                    break;
                }
                let place = self.place(at);
                if !ticks.iter().any(|tick| (tick.place - place).abs() < 1e-6) {
                    ticks.push(Tick { place, label: label(at, step), zoom });
                }
                at += step;
            }
        }
        ticks
    }
}

/// A time as finely as the step between ticks asks for.
fn label(at: f64, step: f64) -> String {
    let since_1970 = SignedDuration::try_from_secs_f64(at / 1e3).ok();
    let time = since_1970.and_then(|since| Timestamp::from_duration(since).ok());
    let Some(time) = time.map(|time| time.to_zoned(TimeZone::UTC)) else { return String::new() };
    let form = match step {
        step if step < 1e3 => "%H:%M:%S%.3f",
        step if step < 6e4 => "%H:%M:%S",
        step if step < DAY => "%d %b %H:%M",
        _ => "%Y-%m-%d",
    };
    time.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_on_round_times_and_grow_finer() {
        let at = |time| instant(time).unwrap();
        let axis = Axis { from: at("2025-06-03T08:15:00.3Z"), to: at("2025-06-03T08:15:09Z") };
        let ticks = axis.ticks();
        assert_eq!(ticks[0].label, "08:15:05");
        assert!(ticks.iter().filter(|tick| tick.zoom == 1).count() < 8);
        assert!(ticks.iter().any(|tick| tick.zoom == 64 && tick.label.ends_with(".500")));
    }

    #[test]
    fn every_length_has_few_ticks() {
        for length in [0.01, 1.0, 1e3, 1e6, 1e9, 1e12, 1e15] {
            let ticks = Axis { from: 1e12, to: 1e12 + length }.ticks();
            let first = ticks.iter().filter(|tick| tick.zoom == 1).count();
            assert!(first <= 8 && ticks.len() <= 1_000, "{length}: {first} {}", ticks.len());
        }
    }

    #[test]
    fn one_instant_is_an_axis_too() {
        let axis = Axis::over([1e12]).unwrap();
        assert!((axis.place(1e12) - 50.0).abs() < 1e-6);
        assert_eq!(Axis::over([]), None);
    }
}
