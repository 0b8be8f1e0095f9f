//! What of a timeline was asked for.

use super::model::Entry;
use crate::base::{CaseTime, Endpoint};
use crate::correlate::{Case, Host, short_name};
use crate::diagnose::Question;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Which entries are wanted: inside the time, and of the client and server that are asked
/// for, whether an entry names them itself, belongs to an attempt of theirs, or stands in
/// their own log.
pub(super) struct Narrowing<'a> {
    question: &'a Question,
    /// Attempts of those who are asked for; `None` where nobody is.
    attempts: Option<BTreeSet<u32>>,
    /// Their names, short.
    hosts: BTreeSet<String>,
}

impl<'a> Narrowing<'a> {
    pub(super) fn new(case: &Case, question: &'a Question) -> Self {
        let parties = Question { since: None, until: None, ..question.clone() };
        let wanted = [question.client, question.server.map(|server| server.address)];
        let wanted: Vec<IpAddr> = wanted.into_iter().flatten().collect();
        let has = |host: &&Host| wanted.iter().any(|address| host.addresses.contains(address));
        let attempts = (!wanted.is_empty()).then(|| {
            let concerned = case.attempts.iter().filter(|attempt| parties.concerns(attempt));
            concerned.map(|attempt| attempt.id).collect()
        });
        let hosts = case.hosts.iter().filter(has).map(|host| short_name(&host.name)).collect();
        Self { question, attempts, hosts }
    }

    pub(super) fn wants(&self, entry: &Entry) -> bool {
        self.is_in_time(entry.time) && self.is_theirs(entry)
    }

    fn is_in_time(&self, time: CaseTime) -> bool {
        self.question.since.is_none_or(|since| time >= since)
            && self.question.until.is_none_or(|until| time <= until)
    }

    fn is_theirs(&self, entry: &Entry) -> bool {
        let Some(attempts) = &self.attempts else { return true };
        if !entry.attempts.is_empty() {
            return entry.attempts.iter().any(|id| attempts.contains(id));
        }
        // What names another client or server is not about the one that is asked for.
        let client = self.question.client.zip(entry.client).map(|(w, e)| w == e.address);
        let server = self.question.server.zip(entry.server).map(|(w, e)| is_server(w, e));
        match (client, server) {
            (Some(false), _) | (_, Some(false)) => false,
            (Some(true), _) | (_, Some(true)) => true,
            (None, None) => {
                entry.host.as_ref().is_some_and(|host| self.hosts.contains(&short_name(host)))
            }
        }
    }
}

fn is_server(wanted: Endpoint, seen: Endpoint) -> bool {
    let same_port = wanted.port.is_none() || seen.port.is_none() || wanted.port == seen.port;
    wanted.address == seen.address && same_port
}
