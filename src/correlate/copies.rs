//! A record that several files hold counts once.

use super::holes::chosen_files;
use crate::observe::{Coverage, Observation, Place, Vantage};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many records of a log are counted with another file that holds them too; by
/// file and by host and channel.
pub(super) type Copies = BTreeMap<(Arc<str>, Vantage), u64>;

/// Leaves one of each record that archived, copied or forwarded logs hold as well: the
/// one of the host's own log, or of the file that sorts first. `observations` may be in
/// any order and are in that of time and source afterwards.
pub(super) fn count_once(observations: &mut Vec<Observation>, coverage: &[Coverage]) -> Copies {
    let chosen = chosen_files(coverage);
    observations.sort_by(|a, b| same(a, b).then_with(|| prefer(a, b, &chosen)));
    let mut copies = Copies::new();
    observations.dedup_by(|copy, kept| {
        let twice = is_record(copy) && same(copy, kept) == Ordering::Equal;
        if twice {
            kept.repeats = kept.repeats.max(copy.repeats);
            let key = (Arc::clone(&copy.source.file), copy.vantage.clone());
            *copies.entry(key).or_default() += 1;
        }
        twice
    });
    observations.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.source.cmp(&b.source)));
    copies
}

fn is_record(observation: &Observation) -> bool {
    matches!(
        (observation.source.place, &observation.vantage),
        (Place::Record(_), Vantage::Log { .. })
    )
}

/// Equal for two copies of a record. Its channel is left out: a collector may write its
/// own, and no host gives two records of one event the same number at the same tick.
fn same(a: &Observation, b: &Observation) -> Ordering {
    (a.time, a.host(), &a.kind, a.source.place).cmp(&(b.time, b.host(), &b.kind, b.source.place))
}

fn prefer(a: &Observation, b: &Observation, chosen: &BTreeSet<Arc<str>>) -> Ordering {
    let rank = |o: &Observation| chosen.contains(&o.source.file);
    rank(a).cmp(&rank(b)).then_with(|| a.source.file.cmp(&b.source.file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{log, record};

    fn in_file(file: &str, mut record: Observation) -> Observation {
        record.source.file = file.into();
        record
    }

    #[test]
    fn a_record_counts_once_and_the_hosts_own_log_is_preferred() {
        let logon = |second| record("security.4625", "Security", second, 77);
        let forwarded = {
            let mut copy = in_file("A-Forwarded.evtx", logon(100));
            copy.vantage =
                Vantage::Log { host: "srv.corp.test".into(), channel: "ForwardedEvents".into() };
            copy
        };
        let mut records = vec![
            forwarded,
            in_file("Security.evtx", logon(100)),
            in_file("Archive-Security.evtx", logon(100)),
            in_file("Security.evtx", logon(101)),
        ];
        let other = log("A-Forwarded.evtx", "System", 0, 900);
        let logs = [log("A-Forwarded.evtx", "Security", 0, 900), other];
        let copies = count_once(&mut records, &logs);
        let files: Vec<&str> = records.iter().map(|record| &*record.source.file).collect();
        assert_eq!(files, ["Archive-Security.evtx", "Security.evtx"]);
        assert_eq!(copies.values().sum::<u64>(), 2);
    }

    #[test]
    fn records_that_merely_look_alike_stay() {
        let mut records = vec![
            record("security.4625", "Security", 100, 1),
            record("security.4625", "Security", 100, 2),
            record("security.4624", "Security", 100, 1),
        ];
        let mut other = record("security.4625", "Security", 100, 1);
        other.vantage = Vantage::Log { host: "other.test".into(), channel: "Security".into() };
        records.push(other);
        assert!(count_once(&mut records, &[]).is_empty());
        assert_eq!(records.len(), 4);
    }
}
