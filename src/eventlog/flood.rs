//! Floods: of records that say the same thing over and over, as under an attack, the
//! first ones and then one an hour are kept; the others are only counted.

use super::binxml::{Form, Place, Planned};
use crate::base::limits::{FIRST_OF_FLOOD, FLOOD_DETAIL};
use crate::knowledge::{Event, Provider};
use foldhash::quality::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::LazyLock;

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

/// Nobody who writes a log knows it: records cannot be made to look alike.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Where the fields stand that make the records of one event alike.
#[derive(Debug)]
struct Places<'k> {
    event: &'k Event,
    form: Form,
    /// Of provider and event.
    hash: u64,
    host: Place,
    first: Place,
    others: Vec<Place>,
}

impl<'k> Places<'k> {
    fn of(provider: &Provider, event: &'k Event, form: Form) -> Option<Self> {
        let (first, others) = event.alike.split_first()?;
        // What is derived stands packed in `Binary`.
        let place = |field: &String| match event.derived().contains(&field.as_str()) {
            true => form.place(Some("Binary")),
            false => form.place(Some(field)),
        };
        let hash = SECRET.hash_one((&provider.slug, event.id));
        let (first, others) = (place(first), others.iter().map(place).collect());
        Some(Self { event, hash, host: form.place(None), first, others, form })
    }

    fn likeness(&self, record: &Planned<'_>) -> Likeness {
        let mut hasher = SECRET.build_hasher();
        (self.hash, record.raw(self.host)).hash(&mut hasher);
        let of_event = hasher.finish();
        record.raw(self.first).hash(&mut hasher);
        let of_first = hasher.finish();
        for place in &self.others {
            record.raw(*place).hash(&mut hasher);
        }
        Likeness { event: of_event, first: of_first, all: hasher.finish() }
    }
}

/// The places of all forms of one chunk, each looked for once.
#[derive(Debug, Default)]
pub(super) struct Likenesses<'k> {
    known: Vec<Places<'k>>,
}

impl<'k> Likenesses<'k> {
    /// `None` for events of which every record is kept.
    pub(super) fn of(
        &mut self,
        provider: &Provider,
        event: &'k Event,
        record: &Planned<'_>,
    ) -> Option<Likeness> {
        let is_same =
            |known: &&Places<'k>| std::ptr::eq(known.event, event) && record.is_of(&known.form);
        if let Some(places) = self.known.iter().find(is_same) {
            return Some(places.likeness(record));
        }
        let places = Places::of(provider, event, record.form())?;
        let likeness = places.likeness(record);
        self.known.push(places);
        Some(likeness)
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
    /// Records that it stands for, beside itself.
    more: u64,
}

/// The floods of one log.
#[derive(Debug, Default)]
pub(super) struct Floods {
    runs: HashMap<u64, Run, RandomState>,
    /// How many records of an event and host were kept.
    kept: HashMap<u64, u32, RandomState>,
    next: u64,
    /// How many records a kept one stands for, beside itself, where that is settled.
    repeats: BTreeMap<u64, u64>,
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
        let run = self.runs.entry(key).or_insert(Run { kept: 0, last: number, hour, more: 0 });
        if run.kept >= FIRST_OF_FLOOD && run.hour == hour {
            run.more += 1;
            self.blurred += u64::from(key != likeness.all);
            return None;
        }
        run.kept += 1;
        if run.more > 0 {
            self.repeats.insert(run.last, std::mem::take(&mut run.more));
        }
        (run.last, run.hour) = (number, hour);
        *kept += 1;
        self.next += 1;
        Some(number)
    }

    /// How many records the ones kept under these numbers stand for, beside themselves.
    pub(super) fn repeats(&mut self) -> &BTreeMap<u64, u64> {
        let open = self.runs.values_mut().filter(|run| run.more > 0);
        self.repeats.extend(open.map(|run| (run.last, std::mem::take(&mut run.more))));
        &self.repeats
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
        let repeats = floods.repeats();
        let of = |number| repeats.get(&number).copied().unwrap_or_default();
        assert_eq!(of(first - 1) + of(first), 100 - first - 1);
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
