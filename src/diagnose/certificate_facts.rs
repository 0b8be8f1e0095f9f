//! What a certificate on the wire means beside others that the case knows: the one
//! that the server showed before, the one that it just made, the one that is
//! configured.

use super::Fact;
use super::wire_facts::at;
use crate::base::{CaseTime, Endpoint, rfc3339};
use crate::correlate::{Attempt, Case, has_session};
use crate::observe::{Conversation, Observation};
use std::collections::HashMap;
use std::sync::Arc;

/// Different certificates of one server that are remembered: the first ones.
const MAX_SHOWN: usize = 16;
/// Records of one host about its configured certificate that are remembered: the last
/// ones.
const MAX_CONFIGURED: usize = 64;

/// Certificates of servers, gathered once for all troubles.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// With which certificate a session came to be, and when it was last shown.
    shown: HashMap<Endpoint, Vec<(String, CaseTime)>>,
    /// When a log says that a certificate was made, by its SHA-1.
    made: HashMap<String, CaseTime>,
    /// By host: when, which record, and the SHA-1 of the configured certificate that
    /// cannot be used.
    configured: HashMap<Arc<str>, Vec<(CaseTime, usize, String)>>,
}

impl Identities {
    pub(super) fn gather(case: &Case) -> Self {
        let mut identities = Self::default();
        for view in case.attempts.iter().flat_map(|attempt| attempt.views()) {
            if let (true, Some(sha1)) = (has_session(view), leaf(view)) {
                let known = identities.shown.entry(view.server).or_default();
                let time = view.case_time(view.start);
                if let Some((_, last)) = known.iter_mut().find(|(other, _)| other == sha1) {
                    *last = time.max(*last);
                } else if known.len() < MAX_SHOWN {
                    known.push((sha1.to_owned(), time));
                }
            }
        }
        for (index, observation) in case.observations.iter().enumerate() {
            identities.read(case, index, observation);
        }
        identities
    }

    fn read(&mut self, case: &Case, index: usize, observation: &Observation) {
        let Some(sha1) = observation.field("sha1").map(str::to_ascii_lowercase) else { return };
        let time = case.time(observation);
        match (&*observation.kind, observation.host()) {
            ("event.rcm.1056", _) => {
                self.made.insert(sha1, time);
            }
            ("event.rcm.1051" | "event.rcm.1055", Some(host)) => {
                let known = self.configured.entry(Arc::clone(host)).or_default();
                if known.len() == MAX_CONFIGURED {
                    known.remove(0);
                }
                known.push((time, index, sha1));
            }
            _ => {}
        }
    }

    /// Facts about the certificate of one view.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt, view: &Conversation) -> Vec<Fact> {
        let (Some(chain), Some(sha1)) = (&view.tls.certificates, leaf(view)) else {
            return Vec::new();
        };
        let now = view.case_time(view.start);
        let fact = |kind| at(kind, view, chain).with("sha1", sha1);
        let mut facts = Vec::new();
        let shown = self.shown.get(&view.server).map(Vec::as_slice).unwrap_or_default();
        if let Some((other, time)) = last_other(shown, sha1, now) {
            facts.push(
                fact("wire.certificate.changed")
                    .with("earlier_sha1", other)
                    .with("earlier_time", rfc3339(time.0)),
            );
        }
        if let Some(time) = self.made.get(sha1).filter(|time| **time <= now) {
            facts.push(fact("wire.certificate.new").with("made", rfc3339(time.0)));
        }
        let host = attempt.server_host.as_ref().and_then(|host| self.configured.get(host));
        let before = host.into_iter().flatten().filter(|(time, ..)| *time <= now);
        let before = before.max_by_key(|(time, index, _)| (*time, *index));
        if let Some((_, index, configured)) = before.filter(|(.., other)| other != sha1) {
            let record = case.observations.get(*index).map(|o| &*o.kind).unwrap_or_default();
            facts.push(
                fact("wire.certificate.not_the_configured")
                    .with("configured", configured)
                    .with("record", record.rsplit('.').next().unwrap_or_default()),
            );
        }
        facts
    }
}

fn leaf(view: &Conversation) -> Option<&str> {
    view.tls.leaf().map(|leaf| leaf.sha1.as_str())
}

/// The certificate that was shown last before `now`, when it is another one. The same
/// one shown before means that nothing is new.
fn last_other<'a>(
    shown: &'a [(String, CaseTime)],
    sha1: &str,
    now: CaseTime,
) -> Option<&'a (String, CaseTime)> {
    let last = shown.iter().filter(|(_, time)| *time < now).max_by_key(|(_, time)| *time)?;
    (last.0 != sha1).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn only_the_last_certificate_before_counts() {
        let time = |second| CaseTime(Timestamp::from_second(second).unwrap());
        let shown = [("aa".to_owned(), time(10)), ("bb".to_owned(), time(20))];
        let other = |sha1, now| last_other(&shown, sha1, time(now)).map(|(sha1, _)| sha1.as_str());
        assert_eq!(other("cc", 30), Some("bb"));
        assert_eq!(other("bb", 30), None);
        assert_eq!(other("bb", 15), Some("aa"));
        assert_eq!(other("cc", 5), None);
    }
}
