//! What changed on the hosts before the first failure, and what worked last: context for
//! people. What of it speaks for a cause is weighed by the rules of that cause.

use super::trouble::Trouble;
use crate::base::CaseTime;
use crate::correlate::{Attempt, Case, Outcome};
use crate::knowledge::Knowledge;
use crate::observe::Observation;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far back changes are looked for where nothing is known to have worked.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Changes that are told: the last ones before the failure.
const MOST_CHANGES: usize = 12;

/// What stood before the first failure.
#[derive(Debug, Default)]
pub struct Background {
    /// Start of the first failed attempt of the trouble.
    pub first_failure: Option<CaseTime>,
    /// The last attempt that worked before it, of the same server or client.
    pub last_success: Option<u32>,
    /// Changes between the two, in the order of time.
    pub changes: Vec<Change>,
    /// Kinds of changes that are not told.
    pub more: usize,
}

/// A change of a host; of several of one kind the last one.
#[derive(Debug, Clone)]
pub struct Change {
    /// Index into the case's observations.
    pub record: usize,
    /// How often it happened.
    pub times: u64,
}

/// The background of a trouble.
pub(super) fn background(case: &Case, trouble: &Trouble, knowledge: &Knowledge) -> Background {
    let failed = || trouble.attempts(case).filter(|attempt| attempt.outcome == Outcome::Failed);
    let Some(first) = failed().min_by_key(|attempt| attempt.start) else {
        return Background::default();
    };
    let success = last_success(case, first);
    let since = match success {
        Some(success) => success.end,
        None => CaseTime(first.start.0.checked_sub(LOOK_BACK).unwrap_or(first.start.0)),
    };
    let hosts: BTreeSet<&Arc<str>> = failed()
        .flat_map(|attempt| [&attempt.server_host, &attempt.client_host])
        .flatten()
        .collect();
    let mut found: BTreeMap<(&Arc<str>, &str), Change> = BTreeMap::new();
    for (record, observation) in case.observations.iter().enumerate() {
        let Some(host) = observation.host().filter(|host| hosts.contains(host)) else { continue };
        let time = case.time(observation);
        if time < since || time > first.start || !is_change(knowledge, observation) {
            continue;
        }
        let times = observation.repeats.saturating_add(1);
        let change = found.entry((host, &*observation.kind)).or_insert(Change { record, times: 0 });
        change.record = record;
        change.times = change.times.saturating_add(times);
    }
    let mut changes: Vec<Change> = found.into_values().collect();
    changes.sort_by_key(|change| change.record);
    let more = changes.len().saturating_sub(MOST_CHANGES);
    changes.drain(..more);
    Background {
        first_failure: Some(first.start),
        last_success: success.map(|success| success.id),
        changes,
        more,
    }
}

fn is_change(knowledge: &Knowledge, observation: &Observation) -> bool {
    knowledge.event_by_kind(&observation.kind).is_some_and(|(_, event)| event.change)
}

/// The last attempt before a failure that worked, with the same server or client.
fn last_success<'a>(case: &'a Case, failed: &Attempt) -> Option<&'a Attempt> {
    let same = |own: &Option<Arc<str>>, other: &Option<Arc<str>>| own.is_some() && own == other;
    let address = |attempt: &Attempt| attempt.server.map(|server| server.address);
    let related = |attempt: &&Attempt| {
        attempt.outcome == Outcome::Succeeded
            && attempt.start < failed.start
            && (same(&attempt.server_host, &failed.server_host)
                || same(&attempt.client_host, &failed.client_host)
                || (address(attempt).is_some() && address(attempt) == address(failed)))
    };
    case.attempts.iter().filter(related).max_by_key(|attempt| attempt.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{case_with, record, with};
    use crate::diagnose::{Question, trouble};
    use crate::observe::Subject;

    fn logon_failed(second: i64) -> Observation {
        let failed = with(record("security.4625", second), "LogonType", "10");
        let client = Some("10.0.0.5".parse().unwrap());
        Observation { subject: Subject { client, ..Subject::default() }, ..failed }
    }

    #[test]
    fn changes_before_the_first_failure_are_told_once_a_kind() {
        let records = vec![
            record("firewall.2004", 1_000),
            record("firewall.2004", 2_000),
            record("scm.7040", 3_000),
            record("schannel.36880", 3_500),
            logon_failed(5_000),
            record("wuclient.19", 6_000),
        ];
        let case = case_with(records, Vec::new());
        let knowledge = Knowledge::embedded().unwrap();
        let troubles = trouble::troubles(&case, &Question::default());
        let background = background(&case, &troubles[0], &knowledge);
        let kind =
            |change: &Change| (case.observations[change.record].kind.to_string(), change.times);
        let told: Vec<_> = background.changes.iter().map(kind).collect();
        let expect = [("event.firewall.2004", 2), ("event.scm.7040", 1)];
        assert_eq!(told, expect.map(|(kind, times)| (kind.to_owned(), times)));
        assert!(background.last_success.is_none());
    }
}
