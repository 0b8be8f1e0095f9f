use serde::Deserialize;

/// What a fix can do to the host it runs on.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    Safe,
    /// Drops sessions, exposes something, or can lose data.
    Caution,
    /// Only as a test, for a limited time, with the way back.
    LowersSecurity,
}

impl Risk {
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Caution => "caution",
            Self::LowersSecurity => "lowers security",
        }
    }
}

/// What a person can do about a cause. This program never does it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    pub id: String,
    pub title: String,
    pub risk: Risk,
    /// server, client, directory, gateway, network or both.
    pub run_on: String,
    #[serde(default)]
    pub commands: Vec<String>,
    #[serde(default)]
    pub rollback: Vec<String>,
    #[serde(default)]
    pub verify: Vec<String>,
    /// Time limit and warning.
    #[serde(default)]
    pub note: String,
}
