//! The health checks: which fact means what at which step.

use super::cause::{Condition, FactNames};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a step of a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// The evidence shows that it is well.
    Ok,
    /// The evidence shows that it is not.
    Failed,
    /// The evidence does not say, or the step lies ahead.
    Unknown,
}

/// One check: its steps in their order, and how each is read from the facts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    pub id: String,
    pub title: String,
    /// What a step without evidence says behind a failed one. Empty in checks whose
    /// steps do not build on each other: there such a step is left out.
    #[serde(default)]
    pub not_reached: String,
    /// What a step without evidence says before any failed one.
    #[serde(default)]
    pub not_seen: String,
    #[serde(rename = "step")]
    pub steps: Vec<CheckRow>,
}

/// What one kind of fact says about one step. Rows of one `what` belong together: of
/// them the first that a fact meets speaks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRow {
    /// The step; `{field}` is replaced by the fact's value.
    pub what: String,
    /// Every fact makes a step of its own; otherwise the surest and latest one does.
    #[serde(default)]
    pub each: bool,
    pub fact: FactNames,
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Condition>,
    /// The row does not count when one of these fields has one of these values.
    #[serde(default)]
    pub unless: BTreeMap<String, Condition>,
    /// Lower limits of numeric fields.
    #[serde(default)]
    pub min: BTreeMap<String, f64>,
    pub outcome: StepOutcome,
    /// The sentence to print; `{field}` is replaced by the fact's value.
    pub says: String,
    /// The fix that does it.
    #[serde(default)]
    pub fix: Option<String>,
}
