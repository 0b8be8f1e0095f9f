//! The comparison as types.

use super::super::model::{SourceReport, ToolReport};
use crate::correlate::Outcome;
use crate::diagnose::Verdict;
use crate::knowledge::Stage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What differs between two cases, and what does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareReport {
    /// Version of the meaning of these keys.
    pub schema_version: u32,
    pub tool: ToolReport,
    pub good: SideReport,
    pub bad: SideReport,
    /// One sentence that a ticket can quote.
    pub summary: String,
    /// What differs, in sections from the verdict down to the hosts; empty where nothing
    /// does.
    pub differences: Vec<SectionReport>,
    /// How long each step took that both show, since the step before it.
    pub timing: Vec<TimingReport>,
    /// What was compared and is the same, by the sections of the differences.
    pub same: Vec<SameReport>,
    /// What one side shows and the other side does not get to.
    pub only_good: Vec<String>,
    pub only_bad: Vec<String>,
    /// Why something could not be compared.
    pub notes: Vec<String>,
}

/// One of the two cases, and the attempt of it that is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SideReport {
    pub name: String,
    pub verdict: Verdict,
    pub summary: String,
    /// `null` where the case has none.
    pub attempt: Option<u32>,
    /// How many attempts the case has.
    pub attempts: usize,
    /// Both ends of the connection that is compared, as its capture shows them; without one,
    /// of the attempt.
    pub client: Option<String>,
    pub server: Option<String>,
    pub outcome: Option<Outcome>,
    pub stage_reached: Option<Stage>,
}

/// Differences that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SectionReport {
    pub title: String,
    pub rows: Vec<DifferenceReport>,
}

/// What is the same of a section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SameReport {
    pub section: String,
    pub what: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceReport {
    pub what: String,
    pub good: SideValueReport,
    pub bad: SideValueReport,
    /// Of a list: how it changed from GOOD to BAD.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change: Option<ListChange>,
}

/// What one side shows, and where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SideValueReport {
    /// One value, or a list in its order; empty where there is nothing. Foreign text may be
    /// in it.
    pub values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<SourceReport>,
}

/// How a list changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListChange {
    /// Only in BAD.
    pub added: Vec<String>,
    /// Only in GOOD.
    pub removed: Vec<String>,
    /// In both, but in another order: the fewest that explain it.
    pub moved: Vec<MovedItem>,
}

/// An item that stands elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovedItem {
    pub item: String,
    /// Its place in GOOD's list, counted from 1.
    pub from: usize,
    /// Its place in BAD's list.
    pub to: usize,
}

/// How long a step took on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimingReport {
    pub step: String,
    /// `client`, `server` or `path`: who took the step.
    pub by: String,
    /// The step before it that both show.
    pub after: String,
    /// From that step to this one, in ms.
    pub good_ms: f64,
    pub bad_ms: f64,
    /// BAD's time divided by GOOD's; `null` where GOOD's is 0.
    pub ratio: Option<f64>,
    /// Whether it differs by more than three times and more than 50 ms.
    pub differs: bool,
    pub good_source: SourceReport,
    pub bad_source: SourceReport,
}
