//! Which single log was cleared, was full, or was told to record less?

use super::clock::short_name;
use crate::base::HostTime;
use crate::observe::{Hole, Observation, Source, Vantage};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a hole belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Log {
    /// Short name of the host.
    pub(super) host: String,
    /// In lower case.
    pub(super) channel: String,
    /// Only this file has it; every file of the host and channel where `None`.
    pub(super) file: Option<Arc<str>>,
}

/// A log of a host whose every file holes may concern.
pub(super) fn log_of(host: &str, channel: &str) -> Log {
    Log { host: short_name(host), channel: channel.to_ascii_lowercase(), file: None }
}

/// A record that could not be written was to be written at about this time.
const ABOUT: SignedDuration = SignedDuration::from_secs(1);

/// Subcategories of auditing whose records say how a logon went, by their GUIDs; the
/// names are those of `auditpol /list /subcategory:* /v`.
const LOGON_AUDITING: &[(&str, &str)] = &[
    ("0cce9215-69ae-11d9-bed3-505054503030", "Logon"),
    ("0cce9217-69ae-11d9-bed3-505054503030", "Account Lockout"),
    ("0cce921c-69ae-11d9-bed3-505054503030", "Other Logon/Logoff Events"),
    ("0cce923f-69ae-11d9-bed3-505054503030", "Credential Validation"),
    ("0cce9242-69ae-11d9-bed3-505054503030", "Kerberos Authentication Service"),
];

/// Holes that records tell of single logs. `observations` are in the order of time.
pub(super) fn log_holes(observations: &[Observation]) -> BTreeMap<Log, Vec<Hole>> {
    let mut found = Found::default();
    for observation in observations {
        if let Vantage::Log { host, channel } = &observation.vantage {
            found.take(observation, host, channel);
        }
    }
    found.finish(observations)
}

/// Records of one log between which others are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// Since the record before.
    Before,
    /// Until the record behind.
    Behind,
}

/// One kind of auditing that was switched off, and not yet on again.
struct Off {
    since: HostTime,
    source: Source,
    name: &'static str,
    /// What is missing: success, failure.
    parts: BTreeSet<&'static str>,
}

#[derive(Default)]
struct Found<'a> {
    holes: BTreeMap<Log, Vec<Hole>>,
    between: Vec<(Log, Between, &'static str, &'a Observation)>,
    off: BTreeMap<(Log, &'static str), Off>,
}

impl<'a> Found<'a> {
    fn take(&mut self, record: &'a Observation, host: &Arc<str>, channel: &Arc<str>) {
        let log = || log_of(host, channel);
        match &*record.kind {
            "event.eventlog.1102" => {
                let file = Some(Arc::clone(&record.source.file));
                self.cleared(Log { file, ..log() }, record);
            }
            "event.eventlog.104" => {
                if let Some(channel) = record.field("Channel") {
                    self.cleared(log_of(host, channel), record);
                }
            }
            "event.eventlog.1101" => {
                let why = "audit records were lost before they were written";
                self.between.push((log(), Between::Before, why, record));
            }
            "event.eventlog.1104" => {
                self.between.push((log(), Between::Behind, "the log was full", record));
            }
            "event.eventlog.1108" => {
                let shifted = |by| record.time.0.checked_add(by).map_or(record.time, HostTime);
                let hole = Hole {
                    from: shifted(-ABOUT),
                    to: shifted(ABOUT),
                    why: "a record could not be written".into(),
                    missing: None,
                    source: Some(record.source.clone()),
                };
                self.holes.entry(log()).or_default().push(hole);
            }
            "event.security.4719" => self.audit_policy(&log(), record),
            _ => {}
        }
    }

    fn cleared(&mut self, log: Log, record: &Observation) {
        let hole = Hole {
            from: Hole::EVER_BEFORE,
            to: record.time,
            why: "the log was cleared".into(),
            missing: None,
            source: Some(record.source.clone()),
        };
        self.holes.entry(log).or_default().push(hole);
    }

    /// 8448 to 8451: success removed, success added, failure removed, failure added.
    fn audit_policy(&mut self, log: &Log, record: &Observation) {
        let (Some(guid), Some(changes)) =
            (record.field("SubcategoryGuid"), record.field("AuditPolicyChanges"))
        else {
            return;
        };
        let guid = guid.trim_matches(['{', '}']).to_ascii_lowercase();
        let Some((_, name)) = LOGON_AUDITING.iter().find(|(known, _)| *known == guid) else {
            return;
        };
        let key = (log.clone(), *name);
        for (number, part, removed) in [
            ("8448", "success", true),
            ("8450", "failure", true),
            ("8449", "success", false),
            ("8451", "failure", false),
        ] {
            if !changes.contains(number) {
                continue;
            }
            if removed {
                let off = self.off.entry(key.clone()).or_insert_with(|| Off {
                    since: record.time,
                    source: record.source.clone(),
                    name,
                    parts: BTreeSet::new(),
                });
                off.parts.insert(part);
            } else if let Some(off) = self.off.get_mut(&key)
                && off.parts.remove(part)
                && off.parts.is_empty()
                && let Some(off) = self.off.remove(&key)
            {
                self.holes.entry(log.clone()).or_default().push(off.until(record.time));
            }
        }
    }

    fn finish(mut self, observations: &[Observation]) -> BTreeMap<Log, Vec<Hole>> {
        for ((log, _), off) in std::mem::take(&mut self.off) {
            self.holes.entry(log).or_default().push(off.until(Hole::EVER_AFTER));
        }
        let mut times: BTreeMap<Log, Vec<HostTime>> =
            self.between.iter().map(|(log, ..)| (log.clone(), Vec::new())).collect();
        if times.is_empty() {
            return self.holes;
        }
        for observation in observations {
            if let Vantage::Log { host, channel } = &observation.vantage
                && let Some(times) = times.get_mut(&log_of(host, channel))
            {
                times.push(observation.time);
            }
        }
        for (log, between, why, record) in self.between {
            let times = times.get(&log).map(Vec::as_slice).unwrap_or_default();
            let (from, to) = neighbours(times, between, record.time);
            let source = Some(record.source.clone());
            let hole = Hole { from, to, why: why.into(), missing: None, source };
            self.holes.entry(log).or_default().push(hole);
        }
        self.holes
    }
}

impl Off {
    fn until(self, to: HostTime) -> Hole {
        let why = format!("auditing of \"{}\" was switched off", self.name);
        Hole { from: self.since, to, why: why.into(), missing: None, source: Some(self.source) }
    }
}

/// From the record before to `time`, or from `time` to the record behind.
fn neighbours(times: &[HostTime], between: Between, time: HostTime) -> (HostTime, HostTime) {
    match between {
        Between::Before => {
            let before = times.partition_point(|other| *other < time);
            let last = before.checked_sub(1).and_then(|index| times.get(index));
            (last.copied().unwrap_or(Hole::EVER_BEFORE), time)
        }
        Between::Behind => {
            let next = times.get(times.partition_point(|other| *other <= time));
            (time, next.copied().unwrap_or(Hole::EVER_AFTER))
        }
    }
}
