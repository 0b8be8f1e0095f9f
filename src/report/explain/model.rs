//! The JSON of `explain` as types; `docs/explain.md` describes it.

use crate::knowledge::{FaultDomain, Risk, Scope, Stage};
use serde::Serialize;

/// The answer to some terms.
#[derive(Debug)]
pub struct Pages {
    pub pages: Vec<Page>,
    /// The pages were found by words and are not what a name means.
    pub searched: bool,
}

/// One entry.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Page {
    Pair(PairPage),
    Together(TogetherPage),
    Code(CodePage),
    Event(EventPage),
    Cause(CausePage),
    Fix(FixPage),
    Provider(ProviderPage),
    Table(TablePage),
}

/// What names a page: what to type, and what it is.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    pub term: String,
    pub title: String,
}

/// A disconnect reason with its extended reason.
#[derive(Debug, Serialize)]
pub struct PairPage {
    pub reason: String,
    pub extended: String,
    pub reasons: Vec<CodeLine>,
    pub extended_reasons: Vec<CodeLine>,
    /// Which layer of the client noticed; empty where the number does not tell.
    pub family: String,
    /// What holds for every pair.
    pub caution: String,
    pub stages: Vec<Stage>,
    pub causes: Vec<PairCauseReport>,
}

/// A code in one line.
#[derive(Debug, Serialize)]
pub struct CodeLine {
    pub table: String,
    pub table_title: String,
    /// Absent where the code is a text.
    pub value: Option<i64>,
    pub hex: Option<String>,
    pub key: String,
    pub symbol: String,
    pub meaning: String,
    pub note: String,
    /// How the meaning is known: from documentation, a source, a sample, a guess.
    pub verification: String,
    pub source: String,
}

/// A cause that shows a pair, and how to tell it from the others.
#[derive(Debug, Serialize)]
pub struct PairCauseReport {
    pub cause: String,
    pub title: String,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    /// `both`, `reason` or `extended`: which of the numbers the cause is known by.
    pub shows: &'static str,
    /// The strongest rows that name the reason.
    pub proof: Vec<RuleReport>,
    pub settle: Vec<SettleReport>,
}

/// Where several terms meet.
#[derive(Debug, Serialize)]
pub struct TogetherPage {
    pub terms: Vec<String>,
    /// Single rows look at all of the terms.
    pub in_one_row: bool,
    pub causes: Vec<SharedReport>,
}

#[derive(Debug, Serialize)]
pub struct SharedReport {
    pub cause: String,
    pub title: String,
    pub uses: Vec<UseReport>,
}

/// A code, and what has to do with it.
#[derive(Debug, Serialize)]
pub struct CodePage {
    #[serde(flatten)]
    pub code: CodeLine,
    pub family: String,
    /// Causes for which the client shows this code.
    pub shown_for: Vec<Named>,
    pub events: Vec<FieldReport>,
    pub uses: Vec<UseReport>,
}

/// Fields of an event that hold codes of a table.
#[derive(Debug, Serialize)]
pub struct FieldReport {
    pub event: String,
    pub title: String,
    pub fields: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct EventPage {
    /// `<short name of the provider>/<id>`
    pub event: String,
    pub id: u16,
    pub title: String,
    pub provider: String,
    pub also_known_as: Vec<String>,
    pub channel: String,
    pub side: String,
    pub level: String,
    pub priority: String,
    pub says: String,
    pub does_not_prove: String,
    pub message: String,
    pub fields: Vec<EventField>,
    /// Names that the unnamed data elements get, in order.
    pub positional: Vec<String>,
    /// Fields that make two records alike.
    pub alike: Vec<String>,
    pub query: QueryReport,
    pub uses: Vec<UseReport>,
    pub source: String,
}

#[derive(Debug, Serialize)]
pub struct EventField {
    pub name: String,
    /// What the field means for joining logs and captures; empty where nothing.
    pub role: String,
    /// Tables that tell what its numbers mean.
    pub tables: Vec<String>,
}

/// How to see the records of an event.
#[derive(Debug, Serialize)]
pub struct QueryReport {
    pub xpath: String,
    pub wevtutil: String,
    pub powershell: String,
}

#[derive(Debug, Serialize)]
pub struct CausePage {
    pub id: String,
    pub title: String,
    pub explanation: String,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    pub prior_db: f64,
    pub client_codes: Vec<String>,
    pub evidence: Vec<RuleReport>,
    pub against: Vec<RuleReport>,
    pub settle: Vec<SettleReport>,
    pub fixes: Vec<FixPage>,
    pub sources: Vec<String>,
}

/// A row of evidence. `{field}` in a sentence stands for a field's value.
#[derive(Debug, Clone, Serialize)]
pub struct RuleReport {
    /// Decibans, positive for rows of both directions.
    pub weight_db: f64,
    pub names_reason: bool,
    pub says: String,
    pub facts: Vec<String>,
    pub conditions: Vec<String>,
    /// The row counts when the fact is not there.
    pub absent: bool,
    /// What must be covered before absence counts.
    pub coverage: String,
    pub scope: Scope,
    pub group: String,
}

/// A row with the cause that it belongs to.
#[derive(Debug, Serialize)]
pub struct UseReport {
    pub cause: String,
    pub title: String,
    /// `for` or `against` the cause.
    pub speaks: &'static str,
    #[serde(flatten)]
    pub rule: RuleReport,
}

#[derive(Debug, Serialize)]
pub struct SettleReport {
    pub what: String,
    /// Where it counts as already there.
    pub unless: String,
    pub how: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct FixPage {
    pub id: String,
    pub title: String,
    pub risk: Risk,
    pub run_on: String,
    pub note: String,
    pub commands: Vec<String>,
    pub rollback: Vec<String>,
    pub verify: Vec<String>,
    /// Causes that call for it; empty inside a cause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Named>,
}

#[derive(Debug, Serialize)]
pub struct ProviderPage {
    pub slug: String,
    pub provider: String,
    pub also_known_as: Vec<String>,
    pub channel: String,
    pub side: String,
    pub events: Vec<Named>,
}

#[derive(Debug, Serialize)]
pub struct TablePage {
    pub table: String,
    pub title: String,
    pub codes: Vec<CodeLine>,
    pub events: Vec<FieldReport>,
}
