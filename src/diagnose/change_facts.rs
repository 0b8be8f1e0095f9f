//! Did a host change between the last connection that worked and the first that failed?

use super::Fact;
use super::host_facts::Hosts;
use crate::base::{CaseTime, millis_between, rfc3339};
use crate::correlate::{Attempt, Case, Outcome};
use crate::observe::Observation;
use std::collections::HashMap;
use std::sync::Arc;

/// An update and the restart that it asked for lie within this, in ms. Windows logs
/// the update after the restart, some only before it.
const UPDATE_TO_RESTART_MS: f64 = 2.0 * 3_600_000.0;

/// Updates that come every few days, touch nothing that Remote Desktop uses, and so
/// happen to lie before any failure: the signatures and the platform of Defender, and
/// the removal tool.
const ROUTINE_UPDATES: [&str; 3] = ["KB2267602", "KB4052623", "KB890830"];

/// When connections to a host, or from it, worked and failed.
#[derive(Debug, Default)]
struct Record {
    /// End of each one that worked, in order.
    worked: Vec<CaseTime>,
    /// Start of the first that failed, and whether a connection worked after it.
    failed: Option<CaseTime>,
    worked_again: bool,
}

/// What is gathered once for all troubles.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<Arc<str>, Record>);

impl Changes {
    pub(super) fn gather(case: &Case) -> Self {
        let mut records: HashMap<Arc<str>, Record> = HashMap::new();
        for attempt in &case.attempts {
            for host in [&attempt.server_host, &attempt.client_host].into_iter().flatten() {
                let record = records.entry(Arc::clone(host)).or_default();
                match (attempt.outcome, record.failed) {
                    (Outcome::Succeeded, None) => record.worked.push(attempt.start),
                    (Outcome::Succeeded, Some(_)) => record.worked_again = true,
                    (Outcome::Failed, None) => record.failed = Some(attempt.start),
                    _ => {}
                }
            }
        }
        Self(records)
    }

    /// Updates and upgrades of the attempt's hosts before the first failure of all,
    /// where nothing failed before and nothing worked after.
    pub(super) fn facts(&self, case: &Case, hosts: &Hosts, attempt: &Attempt) -> Vec<Fact> {
        [&attempt.server_host, &attempt.client_host]
            .into_iter()
            .flatten()
            .filter_map(|host| Turn::of(host, self.0.get(host)?))
            .flat_map(|turn| [turn.update(case, hosts), turn.version(case, hosts)])
            .flatten()
            .collect()
    }
}

/// Up to one moment connections of a host worked, from another on they failed.
struct Turn<'a> {
    host: &'a Arc<str>,
    /// Connections that worked.
    times: usize,
    last_worked: CaseTime,
    first_failed: CaseTime,
}

impl<'a> Turn<'a> {
    fn of(host: &'a Arc<str>, record: &Record) -> Option<Self> {
        let (last_worked, first_failed) = (*record.worked.last()?, record.failed?);
        let turn = Self { host, times: record.worked.len(), last_worked, first_failed };
        (!record.worked_again).then_some(turn)
    }

    /// Records of one kind between the two moments.
    fn records<'c>(&self, case: &'c Case, hosts: &'c Hosts, kind: &str) -> Vec<&'c Observation> {
        let within = self.last_worked..=self.first_failed;
        hosts.records(case, self.host, kind).filter(|o| within.contains(&case.time(o))).collect()
    }

    /// The last update between them that came with a restart.
    fn update(&self, case: &Case, hosts: &Hosts) -> Option<Fact> {
        let restarts: Vec<&Observation> =
            ["event.eventlog-classic.6005", "event.kernel-general.12"]
                .into_iter()
                .flat_map(|kind| self.records(case, hosts, kind))
                .collect();
        let with_restart = |o: &Observation| {
            restarts.iter().any(|restart| {
                millis_between(case.time(o).0, case.time(restart).0).abs() <= UPDATE_TO_RESTART_MS
            })
        };
        let installed = self.records(case, hosts, "event.wuclient.19");
        let update = installed
            .into_iter()
            .rev()
            .find(|o| o.field("updateTitle").is_some_and(is_of_windows) && with_restart(o))?;
        let title = update.field("updateTitle").unwrap_or_default().to_owned();
        let fact = self.change(case, "log.update_before_first_failure", update);
        Some(fact.with("update", title))
    }

    /// Another build of Windows than at the last start before.
    fn version(&self, case: &Case, hosts: &Hosts) -> Option<Fact> {
        [("event.kernel-general.12", "BuildVersion"), ("event.eventlog-classic.6009", "build")]
            .into_iter()
            .find_map(|(kind, field)| {
                let starts: Vec<&Observation> = hosts.records(case, self.host, kind).collect();
                let last =
                    |until: CaseTime| starts.iter().rfind(|o| case.time(o) <= until).copied();
                let (old, new) = (last(self.last_worked)?, last(self.first_failed)?);
                let (from, to) = (old.field(field)?, new.field(field)?);
                let fact = self.change(case, "log.version_before_first_failure", new);
                (from != to).then(|| fact.with("from", from).with("to", to))
            })
    }

    fn change(&self, case: &Case, kind: &'static str, record: &Observation) -> Fact {
        let fact = Fact::named(case, kind, record);
        let hours = millis_between(case.time(record).0, self.first_failed.0) / 3_600_000.0;
        fact.with("host", self.host)
            .with("hours", format!("{hours:.1}"))
            .with("worked", rfc3339(self.last_worked.0))
            .with("times", self.times)
    }
}

/// An update with a number of its own that is not routine.
fn is_of_windows(title: &str) -> bool {
    title.contains("KB") && !ROUTINE_UPDATES.iter().any(|routine| title.contains(routine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routine_updates_are_no_change_of_windows() {
        assert!(is_of_windows("2025-06 Cumulative Update (KB5060842)"));
        assert!(!is_of_windows("Security Intelligence Update for Defender - KB2267602 (1.2)"));
        assert!(!is_of_windows("9NBLGGH4NNS1-Microsoft.DesktopAppInstaller"));
    }
}
