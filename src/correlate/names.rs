//! The answer of a name server that led to an attempt.

use super::attempts::Attempt;
use super::clock::Clocks;
use crate::base::millis_between;
use crate::observe::Observation;
use std::collections::HashMap;
use std::net::IpAddr;

/// How long before the SYN an answer may have come, in ms: Windows keeps answers for
/// their time to live, which is rarely longer in an office.
const ANSWER_AGE_MS: f64 = 3_600_000.0;

/// Ties each attempt to the latest answer that named its server to its client.
/// `observations` are in the order of case time.
pub(super) fn resolutions(attempts: &mut [Attempt], observations: &[Observation], clocks: &Clocks) {
    let mut by_address: HashMap<IpAddr, Vec<usize>> = HashMap::new();
    for (index, observation) in observations.iter().enumerate() {
        if &*observation.kind == "wire.dns.resolved" {
            let addresses = observation.field("addresses").unwrap_or_default().split(' ');
            for address in addresses.filter_map(|address| address.parse::<IpAddr>().ok()) {
                by_address.entry(address.to_canonical()).or_default().push(index);
            }
        }
    }
    for attempt in attempts {
        let Some(answers) = attempt.server.and_then(|end| by_address.get(&end.address)) else {
            continue;
        };
        let client = attempt.client.map(|client| client.address);
        attempt.resolution = answers.iter().rev().copied().find(|index| {
            observations.get(*index).is_some_and(|answer| {
                let time = clocks.case_time(answer);
                let age = millis_between(time.0, attempt.start.0);
                answer.subject.client == client && (0.0..ANSWER_AGE_MS).contains(&age)
            })
        });
    }
}
