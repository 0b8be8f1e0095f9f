//! Which facts belong to one try to connect, on one clock?

mod alone;
mod attempts;
mod cleared;
mod client_log;
mod clock;
mod connections;
mod copies;
mod coverage;
mod gateway;
mod holes;
mod hosts;
mod join;
mod names;
mod outcome;
mod settle;
#[cfg(test)]
mod testing;
mod unite;
mod uptime;

pub use attempts::{Attempt, Connection, EventRef};
pub use client_log::ClientTry;
pub(crate) use clock::short_name;
pub use clock::{Clocks, Reading, Segment};
pub(crate) use coverage::vantage_of;
pub use coverage::{covering, covers, silent};
pub use hosts::{Host, HostRole};
pub use outcome::{
    Outcome, client_records, has_session, is_finished, syn_unanswered, wire_outcome,
};
pub use settle::log_success;

use crate::base::CaseTime;
use crate::observe::{Collection, Conversation, Coverage, Observation, Vantage};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What the readers laid down.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub conversations: Vec<Conversation>,
    pub observations: Vec<Observation>,
    pub coverage: Vec<Coverage>,
    /// What collectors gathered.
    pub collections: Vec<Collection>,
}

/// The evidence in order: hosts, one clock, attempts.
#[derive(Debug)]
pub struct Case {
    /// In the order of case time.
    pub observations: Vec<Observation>,
    pub clocks: Clocks,
    pub hosts: Vec<Host>,
    /// In the order of their start.
    pub attempts: Vec<Attempt>,
    pub coverage: Vec<Coverage>,
    /// What collectors gathered.
    pub collections: Vec<Collection>,
    /// Records that are counted with another file that holds them too, by file and by
    /// the log that it holds.
    copies: copies::Copies,
    /// UDP side channels and packets that Windows dropped, by client and server.
    between: HashMap<(IpAddr, IpAddr), Vec<usize>>,
}

impl Case {
    /// Whether any file was read of which something is understood.
    pub fn holds_evidence(&self) -> bool {
        self.coverage.iter().any(|coverage| coverage.items > 0)
    }

    /// The UDP side channels between two hosts.
    pub fn udp_channels(
        &self,
        client: IpAddr,
        server: IpAddr,
    ) -> impl Iterator<Item = &Observation> {
        self.between(client, server).filter(|o| o.kind.starts_with("wire.udp."))
    }

    /// Packets between two hosts that Windows itself dropped.
    pub fn drops(&self, client: IpAddr, server: IpAddr) -> impl Iterator<Item = &Observation> {
        self.between(client, server).filter(|o| &*o.kind == DROP)
    }

    fn between(&self, client: IpAddr, server: IpAddr) -> impl Iterator<Item = &Observation> {
        let indexes = self.between.get(&(client, server)).map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| self.observations.get(*index))
    }

    /// How many records of a log are counted with another file that holds them too.
    pub fn copies(&self, log: &Coverage) -> u64 {
        let (Some(host), Some(channel)) = (&log.host, &log.channel) else { return 0 };
        let vantage = Vantage::Log { host: Arc::clone(host), channel: Arc::clone(channel) };
        self.copies.get(&(Arc::clone(&log.file), vantage)).copied().unwrap_or_default()
    }

    /// Of indexes of observations, in their order, those that are not after a time.
    pub fn until<'a>(&self, indexes: &'a [usize], to: CaseTime) -> &'a [usize] {
        let end = indexes.partition_point(|index| {
            self.observations.get(*index).is_some_and(|o| self.time(o) <= to)
        });
        indexes.get(..end).unwrap_or_default()
    }

    /// Of indexes of observations, in their order, the last one that is not after a time.
    pub fn last_until(&self, indexes: &[usize], to: CaseTime) -> Option<&Observation> {
        self.until(indexes, to).last().and_then(|index| self.observations.get(*index))
    }

    /// When an observation happened, on the case clock.
    pub fn time(&self, observation: &Observation) -> CaseTime {
        self.clocks.case_time(observation)
    }

    /// The answer of a name server that led to an attempt.
    pub fn resolution(&self, attempt: &Attempt) -> Option<&Observation> {
        self.observations.get(attempt.resolution?)
    }

    /// The events of an attempt, with the share that belongs to it.
    pub fn events<'a>(
        &'a self,
        attempt: &'a Attempt,
    ) -> impl Iterator<Item = (&'a Observation, f64)> {
        attempt
            .events
            .iter()
            .filter_map(|event| Some((self.observations.get(event.index)?, event.share)))
    }
}

/// Puts the evidence of one case in order. `given` are the offsets that the user
/// stated, by host name.
pub fn correlate(evidence: Evidence, given: &[(String, jiff::SignedDuration)]) -> Case {
    let Evidence { conversations, mut observations, mut coverage, collections } = evidence;
    let copies = copies::count_once(&mut observations, &coverage);
    holes::fill(&mut coverage, &observations);
    let conversations: Vec<Arc<Conversation>> = conversations.into_iter().map(Arc::new).collect();
    let mut merged = connections::merge_views(conversations);
    let captures = clock::align(&mut merged);
    let logged = connections::logged(&observations);
    let clocks = clock::estimate(&merged, &logged, &observations, captures, given);
    // From here on the order is that of the case clock.
    let mut order: Vec<usize> = (0..observations.len()).collect();
    let times: Vec<CaseTime> = observations.iter().map(|o| clocks.case_time(o)).collect();
    order.sort_by_key(|index| times.get(*index).copied());
    let mut slots: Vec<Option<Observation>> = observations.into_iter().map(Some).collect();
    let observations: Vec<Observation> =
        order.iter().filter_map(|index| slots.get_mut(*index)?.take()).collect();
    let logged = connections::logged(&observations);
    let connections = unite::unite(merged, logged, &clocks);
    let mut attempts = attempts::group(connections);
    let tries = client_log::tries(&observations, &clocks);
    client_log::attach(&mut attempts, tries);
    alone::blocked(&mut attempts, &observations, &clocks);
    alone::orphans(&mut attempts, &observations, &clocks, &coverage);
    gateway::orphans(&mut attempts, &observations, &clocks);
    attempts.sort_by_key(|attempt| (attempt.start, attempt.client, attempt.server));
    gateway::join(&mut attempts, &observations, &clocks);
    join::join(&mut attempts, &observations, &clocks);
    names::resolutions(&mut attempts, &observations, &clocks);
    for (number, attempt) in (1..).zip(&mut attempts) {
        attempt.id = number;
        settle::settle(attempt, &observations);
    }
    let hosts = hosts::hosts(&attempts, &observations, &coverage, &clocks);
    let between = between(&observations);
    Case { observations, clocks, hosts, attempts, coverage, collections, copies, between }
}

/// A packet that Windows dropped, as Packet Monitor tells.
const DROP: &str = "wire.pktmon.drop";

fn between(observations: &[Observation]) -> HashMap<(IpAddr, IpAddr), Vec<usize>> {
    let mut between: HashMap<(IpAddr, IpAddr), Vec<usize>> = HashMap::new();
    for (index, observation) in observations.iter().enumerate() {
        let ends = (observation.subject.client, observation.subject.server);
        if let ((Some(client), Some(server)), true) =
            (ends, observation.kind.starts_with("wire.udp.") || &*observation.kind == DROP)
        {
            between.entry((client, server)).or_default().push(index);
        }
    }
    between
}
