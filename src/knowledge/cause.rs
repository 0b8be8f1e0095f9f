use crate::observe::Stage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// On which side the cause lies.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FaultDomain {
    Client,
    Path,
    Server,
    Directory,
    Gateway,
    Unknown,
}

impl FaultDomain {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Path => "path",
            Self::Server => "server",
            Self::Directory => "directory",
            Self::Gateway => "gateway",
            Self::Unknown => "unknown",
        }
    }
}

/// Which facts a rule looks at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Facts of the attempt itself.
    #[default]
    Attempt,
    /// Records of the hosts involved, in the time before and during the attempt.
    Host,
}

/// A condition on one field: any of the texts, compared without case; numbers
/// compare as numbers, whether hex or decimal.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    One(String),
    AnyOf(Vec<String>),
}

impl Condition {
    /// The texts of which one must be met.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(wanted) => std::slice::from_ref(wanted),
            Self::AnyOf(wanted) => wanted.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    /// Whether a field's value meets the condition.
    pub fn meets(&self, value: &str) -> bool {
        match self {
            Self::One(wanted) => same(wanted, value),
            Self::AnyOf(wanted) => wanted.iter().any(|wanted| same(wanted, value)),
        }
    }
}

fn same(wanted: &str, value: &str) -> bool {
    if wanted.eq_ignore_ascii_case(value.trim()) {
        return true;
    }
    match (number(wanted), number(value)) {
        (Some(wanted), Some(value)) => wanted == value,
        _ => false,
    }
}

/// A number in decimal or with `0x`.
pub(crate) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// One row of evidence for or against a cause.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Kind of the fact: `event.schannel.36874`, `wire.tls.alert`, `log.…`. A row
    /// of several kinds counts for each of them alike.
    pub fact: FactNames,
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Condition>,
    /// The row does not count when one of these fields has one of these values.
    #[serde(default)]
    pub unless: BTreeMap<String, Condition>,
    /// Lower limits of numeric fields.
    #[serde(default)]
    pub min: BTreeMap<String, f64>,
    /// Upper limits of numeric fields.
    #[serde(default)]
    pub max: BTreeMap<String, f64>,
    /// The row counts when no such fact is there although `coverage` holds.
    #[serde(default)]
    pub absent: bool,
    /// What must cover the attempt before absence counts: a channel such as
    /// `System`, with the side in front (`server:System`, `client:…`), or
    /// `server:capture`, `client:capture`, `capture`.
    #[serde(default)]
    pub coverage: String,
    #[serde(default)]
    pub scope: Scope,
    /// For host rows: how long before the attempt a record still counts, in seconds.
    #[serde(default = "a_day")]
    pub within_s: u32,
    /// Decibans: ten times the decimal logarithm of the likelihood ratio. Always
    /// positive here; rows of `against` are subtracted.
    pub weight_db: f64,
    /// Rows of one group are views of one happening: only the strongest counts.
    #[serde(default)]
    pub group: String,
    /// The fact itself names the reason; needed for a conclusive diagnosis.
    #[serde(default)]
    pub names_reason: bool,
    /// Of a row against: it says that the attempt ended by something else, not that the
    /// cause is not there. A certificate that the user accepted is expired all the same.
    #[serde(default)]
    pub only_the_end: bool,
    /// The sentence to print; `{field}` is replaced by the fact's value.
    pub says: String,
}

fn a_day() -> u32 {
    86_400
}

/// One kind or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum FactNames {
    One(String),
    AnyOf(Vec<String>),
}

impl FactNames {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::AnyOf(names) => names.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// Evidence that would decide, and how to collect it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub what: String,
    /// Where it counts as already there: a coverage as in [`Rule::coverage`].
    #[serde(default)]
    pub unless: String,
    pub how: Vec<String>,
}

/// One way in which a connection fails.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    pub id: String,
    pub title: String,
    pub explanation: String,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    /// How common the cause is among failures, in decibans against `not listed`.
    pub prior_db: f64,
    /// What mstsc typically shows, for `explain` and for `--error`.
    #[serde(default)]
    pub client_codes: Vec<String>,
    #[serde(default)]
    pub support: Vec<Rule>,
    #[serde(default)]
    pub against: Vec<Rule>,
    #[serde(default)]
    pub settle: Vec<Settle>,
    #[serde(default)]
    pub fixes: Vec<String>,
    #[serde(default)]
    pub sources: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_decimal_are_the_same_number() {
        let condition = Condition::One("0x80090331".to_owned());
        assert!(condition.meets("2148074289"));
        assert!(condition.meets("0x80090331"));
        assert!(!condition.meets("0x80090330"));
        assert!(Condition::One("Server".to_owned()).meets("server"));
    }
}
