use crate::base::CaseTime;
use crate::knowledge::{FaultDomain, Stage};
use crate::observe::Source;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How sure a diagnosis is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Weak,
    /// Probability of at least 0.5.
    Moderate,
    /// At least 0.8.
    Strong,
    /// At least 0.95, with a fact that names the reason.
    Conclusive,
}

impl Certainty {
    pub fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Moderate => "moderate",
            Self::Strong => "strong",
            Self::Conclusive => "conclusive",
        }
    }

    /// The certainty of a probability; only a named reason makes it conclusive.
    pub(super) fn of(probability: f64, reason_named: bool) -> Self {
        match probability {
            p if p >= 0.95 && reason_named => Self::Conclusive,
            p if p >= 0.8 => Self::Strong,
            p if p >= 0.5 => Self::Moderate,
            _ => Self::Weak,
        }
    }
}

/// One statement of the report, with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Decibans; negative where it speaks against the cause.
    pub weight_db: f64,
    pub statement: String,
    pub time: Option<CaseTime>,
    pub host: Option<Arc<str>>,
    /// The channel of the record that shows it.
    pub channel: Option<Arc<str>>,
    pub source: Source,
    /// A Wireshark display filter or an event XPath query that shows it.
    pub open_with: String,
}

/// What a cause is beside the leading one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Most likely what stopped the attempts.
    Leading,
    /// True as well, by evidence of its own, whether or not it stopped them.
    AlsoHolds,
    /// It may be this instead.
    #[default]
    Alternative,
}

/// A cause with its probability in this case.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    pub cause: String,
    pub probability: f64,
    pub certainty: Certainty,
    pub part: Part,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    pub attempts: Vec<u32>,
    pub evidence: Vec<Evidence>,
    pub against: Vec<Evidence>,
}
