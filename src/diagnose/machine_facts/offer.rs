//! Cipher suites that a text lists, against those that a client offered.

use crate::diagnose::Fact;
use crate::observe::{ClientHello, Observation, cipher_suite_id, cipher_suite_name};
use std::collections::BTreeSet;

/// Suites of a text.
#[derive(Debug)]
pub(super) struct Suites {
    numbers: BTreeSet<u16>,
    /// No suite of the text is unknown, so that absence says something.
    whole: bool,
}

/// The suites that an observation holds.
pub(super) fn suites_of(observation: &Observation) -> Suites {
    let names = observation.field("suites").unwrap_or_default().split_whitespace();
    let numbers: BTreeSet<u16> = names.filter_map(cipher_suite_id).collect();
    let whole = !numbers.is_empty() && observation.field("all_suites_known") == Some("yes");
    Suites { numbers, whole }
}

/// A fact with how many suites there are (`taken`), how many the client offered
/// (`offered`), and whether one is common (`common_suite`: `yes`, `no`, `unknown`; the
/// client's first is the `example`).
pub(super) fn common_suite(fact: Fact, hello: &ClientHello, suites: &Suites) -> Fact {
    let common = hello.cipher_suites.iter().find(|suite| suites.numbers.contains(suite));
    let answer = match (common, suites.whole) {
        (Some(_), _) => "yes",
        (None, true) => "no",
        (None, false) => "unknown",
    };
    fact.with("offered", hello.cipher_suites.len())
        .with("taken", suites.numbers.len())
        .with("common_suite", answer)
        .with("example", common.map(|suite| cipher_suite_name(*suite)).unwrap_or_default())
}
