//! What became of the session: records of the session manager name it by its number,
//! not by the client.

use super::Fact;
use crate::base::CaseTime;
use crate::correlate::{Attempt, Case, covers, log_success};
use crate::observe::Observation;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The session manager notes the end of a session up to this long after the transport's.
const AFTER: SignedDuration = SignedDuration::from_secs(5);
/// From accepted credentials to the choice of a session (the logon may wait for a user).
const CHOICE: SignedDuration = SignedDuration::from_secs(30);
/// Records of one host that are looked at: the last ones.
const MOST_RECORDS: usize = 4_096;
/// Sessions of other users from which a host can be full: a server without the session
/// host role has two.
const HELD: usize = 2;

/// The session manager's records of every host, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_host: BTreeMap<Arc<str>, Vec<usize>>,
}

/// The number of the session that a record is about, as the record spells it.
fn session_of(observation: &Observation) -> Option<&str> {
    ["SessionID", "Session", "TargetSession"].iter().find_map(|field| observation.field(field))
}

impl Sessions {
    pub(super) fn gather(case: &Case) -> Self {
        let mut sessions = Self::default();
        for (index, observation) in case.observations.iter().enumerate() {
            if let (true, Some(host)) =
                (observation.kind.starts_with("event.lsm."), observation.host())
            {
                sessions.by_host.entry(Arc::clone(host)).or_default().push(index);
            }
        }
        sessions
    }

    /// Facts about the session of an attempt, and about the lack of one.
    pub(super) fn facts(&self, case: &Case, attempt: &Attempt) -> Vec<Fact> {
        let known = attempt.server_host.as_ref().and_then(|host| self.by_host.get(host));
        let known = known.map(Vec::as_slice).unwrap_or_default();
        let mut facts = ends(case, attempt, known);
        facts.extend(missing(case, attempt, known));
        facts
    }
}

fn events<'a>(case: &'a Case, attempt: &'a Attempt) -> impl Iterator<Item = &'a Observation> {
    case.events(attempt).filter(|(_, share)| *share >= 0.5).map(|(observation, _)| observation)
}

/// Disconnect records of the sessions that the attempt had.
fn ends(case: &Case, attempt: &Attempt, known: &[usize]) -> Vec<Fact> {
    let sessions: BTreeSet<&str> = events(case, attempt)
        .filter(|o| {
            matches!(
                &*o.kind,
                "event.lsm.21" | "event.lsm.22" | "event.lsm.25" | "event.rdpcorets.66"
            )
        })
        .filter_map(session_of)
        .collect();
    let end = attempt.end.0.checked_add(AFTER).map_or(attempt.end, CaseTime);
    case.until(known, end)
        .iter()
        .rev()
        .take(MOST_RECORDS)
        .filter_map(|index| case.observations.get(*index))
        .take_while(|o| case.time(o) >= attempt.start)
        .filter(|o| matches!(&*o.kind, "event.lsm.39" | "event.lsm.40"))
        .filter(|o| session_of(o).is_some_and(|session| sessions.contains(session)))
        .map(|o| Fact::of_observation(case, o, 1.0))
        .collect()
}

/// The credentials were accepted and no session followed, although the log of the
/// session manager covers the time.
fn missing(case: &Case, attempt: &Attempt, known: &[usize]) -> Option<Fact> {
    let accepted = events(case, attempt).find(|o| &*o.kind == "event.rcm.1149")?;
    if events(case, attempt).any(|o| log_success(&o.kind))
        || !covers(case, attempt, "server:LocalSessionManager")
    {
        return None;
    }
    let user = accepted.field("Param1").unwrap_or_default();
    let held = held(case, attempt.start, known, user);
    let at_limit = if held >= HELD { "yes" } else { "no" };
    let fact = Fact::named(case, "log.accepted_no_session", accepted)
        .with("user", user)
        .with("choice", choice(case, attempt, known, user))
        .with("held", held)
        .with("at_limit", at_limit);
    Some(fact)
}

/// The last label of `DOMAIN\user`, in lower case.
fn bare(user: &str) -> String {
    user.rsplit('\\').next().unwrap_or(user).to_lowercase()
}

/// Whether Windows began to choose a session for the user and never came to an end
/// (LocalSessionManager 41 without 42).
fn choice(case: &Case, attempt: &Attempt, known: &[usize], user: &str) -> &'static str {
    let end = attempt.end.0.checked_add(CHOICE).map_or(attempt.end, CaseTime);
    let (mut begun, mut ended) = (0usize, 0usize);
    let around = case.until(known, end).iter().rev().take(MOST_RECORDS);
    let around = around.filter_map(|index| case.observations.get(*index));
    for record in around.take_while(|o| case.time(o) >= attempt.start) {
        if record.field("User").is_none_or(|name| bare(name) != bare(user)) {
            continue;
        }
        match &*record.kind {
            "event.lsm.41" => begun += 1,
            "event.lsm.42" => ended += 1,
            _ => {}
        }
    }
    match (begun, ended) {
        (0, _) => "not begun",
        (begun, ended) if ended < begun => "not ended",
        _ => "ended",
    }
}

/// Sessions of other users that were not logged off before `before`.
fn held(case: &Case, before: CaseTime, known: &[usize], user: &str) -> usize {
    let known = case.until(known, before);
    let recent = known.get(known.len().saturating_sub(MOST_RECORDS)..).unwrap_or_default();
    let mut held: BTreeMap<&str, String> = BTreeMap::new();
    for record in recent.iter().filter_map(|index| case.observations.get(*index)) {
        let Some(session) = session_of(record) else { continue };
        match &*record.kind {
            "event.lsm.21" | "event.lsm.24" | "event.lsm.25" => {
                held.insert(session, record.field("User").map(bare).unwrap_or_default());
            }
            "event.lsm.23" => {
                held.remove(session);
            }
            _ => {}
        }
    }
    held.values().filter(|name| **name != bare(user)).count()
}

/// Whether another connection took over the session of an attempt: the server's own
/// word on its end.
pub(super) fn was_taken_over(case: &Case, attempt: &Attempt) -> bool {
    events(case, attempt)
        .any(|o| &*o.kind == "event.rdpcorets.103" && o.field("ReasonCode") == Some("5"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{attempt, case_of, record, with};

    fn lsm(id: u16, second: i64, user: &str, session: &str) -> Observation {
        with(with(record(&format!("lsm.{id}"), second), "User", user), "SessionID", session)
    }

    #[test]
    fn sessions_are_held_until_they_are_logged_off() {
        let case = case_of(vec![
            lsm(21, 100, "C\\a", "2"),
            lsm(24, 200, "C\\a", "2"),
            lsm(21, 300, "C\\b", "3"),
            lsm(21, 400, "C\\me", "4"),
            lsm(23, 500, "C\\b", "3"),
        ]);
        let all: Vec<usize> = (0..5).collect();
        let count = |second| held(&case, crate::diagnose::testing::at(second), &all, "ME");
        assert_eq!([count(150), count(450), count(600)], [1, 2, 1]);
    }

    #[test]
    fn a_choice_that_begins_and_does_not_end_is_told() {
        let case = case_of(vec![lsm(41, 100, "C\\a", "2"), lsm(42, 101, "C\\b", "2")]);
        let attempt = attempt(99, 105);
        assert_eq!(choice(&case, &attempt, &[0, 1], "a"), "not ended");
        assert_eq!(choice(&case, &attempt, &[0, 1], "c"), "not begun");
    }

    #[test]
    fn only_the_end_of_the_attempts_own_session_counts() {
        let end = |session| with(with(record("lsm.40", 110), "Session", session), "Reason", "5");
        let case = case_of(vec![lsm(21, 100, "C\\a", "2"), end("2"), end("7")]);
        let mut attempt = attempt(99, 109);
        attempt.events.push(crate::correlate::EventRef { index: 0, share: 1.0 });
        let found = ends(&case, &attempt, &[0, 1, 2]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field("Session"), Some("2"));
    }
}
