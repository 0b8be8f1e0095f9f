//! Originals and pseudonyms, for the owner of the case only.

use super::files::Files;
use super::text::Scrubber;
use crate::correlate::Evidence;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What `--mapping` writes.
#[derive(Debug, Serialize)]
pub(super) struct Mapping {
    files: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    addresses: BTreeMap<String, String>,
}

impl Mapping {
    pub(super) fn new(scrubber: &Scrubber<'_>, files: &Files, evidence: &Evidence) -> Self {
        let owned = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        let name = |name: &str| (name.to_owned(), scrubber.pseudonyms.name(name));
        let address = |address: IpAddr| {
            (address.to_string(), scrubber.pseudonyms.address(address).to_string())
        };
        let ends = evidence.conversations.iter().flat_map(|c| [c.client.address, c.server.address]);
        let subjects = evidence.observations.iter().map(|o| &o.subject);
        let subjects =
            subjects.flat_map(|subject| subject.client.into_iter().chain(subject.server));
        let addresses: BTreeSet<IpAddr> = ends.chain(subjects).collect();
        Self {
            files: files.pairs().map(owned).collect(),
            names: scrubber.known().map(name).collect(),
            addresses: addresses.into_iter().map(address).collect(),
        }
    }
}
