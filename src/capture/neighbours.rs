//! ARP and IPv6 neighbour discovery: a router or client that asks for an address
//! again and again, and nobody answers.

use crate::base::HostTime;
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses that are followed; a sweep of a network asks for thousands.
const MAX_TARGETS: usize = 4096;

/// Requests that must stay unanswered before it counts.
const MIN_REQUESTS: u32 = 2;

#[derive(Debug)]
struct Asked {
    first: (u64, HostTime),
    requests: u32,
    by: IpAddr,
}

#[derive(Debug)]
pub(super) struct Neighbours {
    file: Arc<str>,
    asked: BTreeMap<IpAddr, Asked>,
    alive: BTreeSet<IpAddr>,
    /// Messages about addresses beyond the budget.
    pub(super) left_out: u64,
}

impl Neighbours {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), asked: BTreeMap::new(), alive: BTreeSet::new(), left_out: 0 }
    }

    /// A question for an address, or an answer by whoever has it.
    pub(super) fn seen(
        &mut self,
        frame: u64,
        time: HostTime,
        request: bool,
        sender: IpAddr,
        target: IpAddr,
    ) {
        if self.alive.len() < MAX_TARGETS && !sender.is_unspecified() {
            self.alive.insert(sender);
        }
        // An unspecified sender looks whether an address is free (RFC 5227, RFC 4862 5.4):
        // silence is what it hopes for.
        if !request || sender == target || sender.is_unspecified() {
            return;
        }
        if let Some(asked) = self.asked.get_mut(&target) {
            asked.requests += 1;
        } else if self.asked.len() < MAX_TARGETS {
            self.asked.insert(target, Asked { first: (frame, time), requests: 1, by: sender });
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn finish(self) -> Vec<Observation> {
        let Self { file, asked, alive, .. } = self;
        asked
            .into_iter()
            .filter(|(target, asked)| asked.requests >= MIN_REQUESTS && !alive.contains(target))
            .map(|(target, asked)| Observation {
                kind: match target {
                    IpAddr::V4(_) => "wire.arp.no_answer",
                    IpAddr::V6(_) => "wire.nd.no_answer",
                }
                .into(),
                time: asked.first.1,
                vantage: Vantage::Capture { file: Arc::clone(&file) },
                subject: Subject { server: Some(target), ..Subject::default() },
                fields: vec![
                    ("address".into(), target.to_string()),
                    ("asked_by".into(), asked.by.to_string()),
                    ("requests".into(), asked.requests.to_string()),
                ],
                source: Source { file: Arc::clone(&file), place: Place::Frame(asked.first.0) },
                repeats: 0,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// Requests and answers, as (request, sender, target), and what is observed.
    fn observed(seen: &[(bool, &str, &str)]) -> Vec<String> {
        let mut neighbours = Neighbours::new(&Arc::from("c.pcap"));
        for (frame, (request, sender, target)) in (1..).zip(seen) {
            let (sender, target) = (sender.parse().unwrap(), target.parse().unwrap());
            neighbours.seen(frame, HostTime(Timestamp::UNIX_EPOCH), *request, sender, target);
        }
        let said = |o: Observation| format!("{} {}", o.kind, o.subject.server.unwrap());
        neighbours.finish().into_iter().map(said).collect()
    }

    #[test]
    fn an_address_that_never_answers_is_told_by_its_family() {
        let asked = [
            (true, "10.0.0.1", "10.0.0.9"),
            (true, "fe80::1", "fe80::9"),
            (true, "fe80::1", "fe80::9"),
            (true, "10.0.0.1", "10.0.0.9"),
        ];
        assert_eq!(observed(&asked), ["wire.arp.no_answer 10.0.0.9", "wire.nd.no_answer fe80::9"]);
    }

    #[test]
    fn an_answer_ends_the_question() {
        let ask = (true, "fe80::1", "fe80::9");
        assert!(observed(&[ask, ask, (false, "fe80::9", "fe80::9")]).is_empty());
        // Who asks is there as well.
        assert!(observed(&[ask, ask, (true, "fe80::9", "fe80::1")]).is_empty());
    }

    #[test]
    fn a_probe_for_a_free_address_hopes_for_silence() {
        assert!(observed(&[(true, "::", "fe80::9"); 3]).is_empty());
        assert!(observed(&[(true, "0.0.0.0", "10.0.0.9"); 3]).is_empty());
    }
}
