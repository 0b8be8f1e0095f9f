//! What is known of clocks that differ.

use super::Fact;
use crate::correlate::{Attempt, Case, vantage_of};
use crate::observe::Side;
use jiff::Timestamp;

/// By how much the server's log and a capture of an attempt differ, with the record
/// that both of them show.
pub(super) fn clock_facts(case: &Case, attempt: &Attempt) -> Option<Fact> {
    let host = attempt.server_host.as_ref()?;
    let both = attempt.connections.iter().find(|c| !c.views.is_empty() && !c.events.is_empty())?;
    let accepted = both
        .events
        .iter()
        .filter_map(|index| case.observations.get(*index))
        .find(|o| &*o.kind == "event.rdpcorets.131")?;
    let offset = case.clocks.offset_at(accepted)?;
    let vantage = both.views.iter().find_map(|view| vantage_of(view)).map_or("unknown", Side::name);
    let mut fact = Fact::of_observation(case, accepted, 1.0);
    fact.kind = "log.clock_offset".into();
    let seconds = offset.ahead.as_secs_f64();
    let direction = if seconds < 0.0 { "behind" } else { "ahead of" };
    Some(
        fact.with("host", host)
            .with("seconds", format!("{:.1}", seconds.abs()))
            .with("direction", direction)
            .with("vantage", vantage),
    )
}

/// By how much a clock was set, of a record that tells it (Kernel-General 1).
pub(super) fn clock_set(record: &Fact) -> Option<Fact> {
    if &*record.kind != "event.kernel-general.1" {
        return None;
    }
    let time = |field: &str| record.field(field)?.trim().parse::<Timestamp>().ok();
    let by = time("NewTime")?.duration_since(time("OldTime")?).as_secs_f64();
    let mut fact = record.clone();
    fact.kind = "log.clock_set".into();
    let direction = if by < 0.0 { "back" } else { "forward" };
    Some(fact.with("seconds", format!("{:.1}", by.abs())).with("direction", direction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CaseTime;
    use crate::observe::{Place, Source};

    fn record(old: &str, new: &str) -> Fact {
        Fact {
            kind: "event.kernel-general.1".into(),
            time: CaseTime(Timestamp::UNIX_EPOCH),
            host: Some("H".into()),
            channel: Some("System".into()),
            fields: vec![("NewTime".into(), new.into()), ("OldTime".into(), old.into())],
            source: Source { file: "System.evtx".into(), place: Place::Record(1) },
            share: 1.0,
        }
    }

    #[test]
    fn a_step_of_the_clock_has_size_and_direction() {
        let set = clock_set(&record("2025-06-03T08:00:00.0000000Z", "2025-06-03T07:48:00.5Z"));
        let set = set.unwrap();
        assert_eq!(set.field("seconds"), Some("719.5"));
        assert_eq!(set.field("direction"), Some("back"));
        assert!(clock_set(&record("yesterday", "2025-06-03T07:48:00Z")).is_none());
    }
}
