//! Floods: of records that say the same thing over and over, as under an attack, the
//! first ones and then one an hour are kept; the others are only counted.

use super::binxml::Planned;
use crate::base::limits::{FIRST_OF_FLOOD, FLOOD_DETAIL};
use crate::knowledge::{Event, Provider};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What makes records alike, hashed; from coarse to fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likeness {
    /// Event and host.
    event: u64,
    /// And the first field of the catalog's `alike`.
    first: u64,
    /// And all of them.
    all: u64,
}

impl Likeness {
    /// `None` for events of which every record is kept.
    pub(super) fn of(provider: &Provider, event: &Event, record: &Planned<'_>) -> Option<Self> {
        let (first, others) = event.alike.split_first()?;
        // What is derived stands packed in `Binary`.
        let raw = |field: &str| match event.derived().contains(&field) {
            true => record.raw(Some("Binary")),
            false => record.raw(Some(field)),
        };
        let mut hasher = DefaultHasher::new();
        (&provider.slug, event.id, record.raw(None)).hash(&mut hasher);
        let of_event = hasher.finish();
        raw(first).hash(&mut hasher);
        let of_first = hasher.finish();
        for field in others {
            raw(field).hash(&mut hasher);
        }
        Some(Self { event: of_event, first: of_first, all: hasher.finish() })
    }
}

/// Records that are alike.
#[derive(Debug)]
struct Run {
    kept: u32,
    /// Number of the kept record that stands for what follows.
    last: u64,
    /// Hour of the last kept record, since 1601.
    hour: u64,
}

/// The floods of one log.
#[derive(Debug, Default)]
pub(super) struct Floods {
    runs: HashMap<u64, Run>,
    /// How many records of an event and host were kept.
    kept: HashMap<u64, u32>,
    next: u64,
    /// How many records a kept one stands for, beside itself.
    repeats: HashMap<u64, u64>,
    /// Records that were counted with ones which differ from them.
    pub(super) blurred: u64,
}

/// FILETIME units of an hour.
const HOUR: u64 = 36_000_000_000;

impl Floods {
    /// The number under which a record is kept; `None` when it is only counted.
    pub(super) fn judge(&mut self, likeness: Option<Likeness>, filetime: u64) -> Option<u64> {
        let number = self.next;
        let Some(likeness) = likeness else {
            self.next += 1;
            return Some(number);
        };
        let kept = self.kept.entry(likeness.event).or_default();
        // An attack from everywhere on everybody differs in every record.
        let key = match *kept {
            kept if kept < FLOOD_DETAIL => likeness.all,
            kept if kept < 2 * FLOOD_DETAIL => likeness.first,
            _ => likeness.event,
        };
        let hour = filetime / HOUR;
        let run = self.runs.entry(key).or_insert(Run { kept: 0, last: number, hour });
        if run.kept >= FIRST_OF_FLOOD && run.hour == hour {
            *self.repeats.entry(run.last).or_default() += 1;
            self.blurred += u64::from(key != likeness.all);
            return None;
        }
        run.kept += 1;
        (run.last, run.hour) = (number, hour);
        *kept += 1;
        self.next += 1;
        Some(number)
    }

    /// How many records the one kept under this number stands for, beside itself.
    pub(super) fn repeats(&self, number: u64) -> u64 {
        self.repeats.get(&number).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(first: u64, all: u64) -> Option<Likeness> {
        Some(Likeness { event: 1, first: 1_000 + first, all: 1_000_000 + all })
    }

    #[test]
    fn the_first_and_one_an_hour_are_kept_and_all_are_counted() {
        let mut floods = Floods::default();
        let numbers: Vec<Option<u64>> =
            (0..100).map(|n| floods.judge(like(1, 1), n * HOUR / 50)).collect();
        let kept: Vec<u64> = numbers.iter().filter_map(|number| *number).collect();
        let first = u64::from(FIRST_OF_FLOOD);
        assert_eq!(kept, (0..first + 1).collect::<Vec<_>>());
        assert_eq!(floods.repeats(first - 1) + floods.repeats(first), 100 - first - 1);
        assert_eq!(floods.blurred, 0);
    }

    #[test]
    fn records_that_all_differ_are_kept_up_to_a_budget_then_by_their_first_field() {
        let mut floods = Floods::default();
        let total = u64::from(FLOOD_DETAIL) * 4;
        let kept = (0..total).filter(|n| floods.judge(like(n % 7, *n), 5).is_some()).count();
        assert!(kept >= FLOOD_DETAIL as usize);
        assert!(kept <= (FLOOD_DETAIL + 8 * FIRST_OF_FLOOD) as usize, "{kept}");
        assert_eq!(floods.blurred, total - kept as u64);
    }

    #[test]
    fn events_without_alike_fields_are_all_kept() {
        let mut floods = Floods::default();
        assert!((0..1_000).all(|n| floods.judge(None, 0) == Some(n)));
    }
}
