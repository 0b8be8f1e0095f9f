//! Which single records does the knowledge look for, as Sigma rules?
//!
//! A signature is an event with the conditions that a row for a cause puts on it.
//! Rows of the same signature make one rule, which names every cause they speak for. What
//! a rule could not say as strictly as its row is left out and counted: a rule with fewer
//! conditions would find more than the row means.

mod rule;
mod signature;
mod value;
mod yaml;

pub use signature::LeftOut;

use crate::knowledge::Knowledge;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

const LOGSOURCES: &str = include_str!("logsources.toml");

/// Why there are no rules.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the list of Sigma's log sources: {0}")]
    Logsources(#[from] toml::de::Error),
    #[error("a signature without a name: {0}")]
    Name(#[from] serde_json::Error),
}

/// A rule as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// The name of the file: lower-case letters, digits and `_`, then `.yml`.
    pub name: String,
    pub text: String,
}

/// All rules of some knowledge.
#[derive(Debug)]
pub struct Export {
    /// In the order of their signatures; no two have the same name.
    pub rules: Vec<RuleFile>,
    /// How many rows were left out, wholly or for some of their facts, and why.
    pub left_out: BTreeMap<LeftOut, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Logsources {
    /// By channel.
    service: BTreeMap<String, String>,
}

/// The rules of the knowledge.
///
/// # Errors
/// When the embedded list of log sources is wrong, which a test excludes.
pub fn export(knowledge: &Knowledge) -> Result<Export, Error> {
    let logsources: Logsources = toml::from_str(LOGSOURCES)?;
    let (signatures, left_out) = signature::signatures(knowledge);
    let mut rules: Vec<RuleFile> = Vec::new();
    let mut taken = BTreeSet::new();
    for (signature, spoken) in &signatures {
        let Some((provider, event)) = knowledge.event_by_kind(&signature.event) else { continue };
        let service = logsources.service.get(provider.channel_of(event));
        let id = signature.id()?;
        let mut name = rule::file_name(signature, id);
        if !taken.insert(name.clone()) {
            // Short names of two providers that differ only in their signs.
            name = name.replace(".yml", &format!("_{}.yml", id.simple()));
            taken.insert(name.clone());
        }
        let about = rule::About { signature, provider, event, service, spoken };
        rules.push(RuleFile { name, text: yaml::document(&about.rule(id)) });
    }
    Ok(Export { rules, left_out })
}

#[cfg(test)]
mod tests;
