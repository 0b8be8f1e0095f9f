//! The rows of `items.toml`.

use super::HostRole;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    pub(super) text: Vec<Text>,
    pub(super) selected: Vec<Selected>,
}

/// A text that is gathered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    /// Its name in the collection.
    pub(super) file: String,
    /// As what `analyze` reads it, as coverage calls it.
    pub(super) kind: String,
    /// Whose hosts have it.
    pub(super) roles: Vec<HostRole>,
    /// PowerShell that prints it.
    pub(super) run: String,
    /// What `run` gets behind its last word, as a list.
    #[serde(default)]
    pub(super) each: Vec<String>,
    /// Whether it is tried only in an elevated prompt.
    #[serde(default)]
    pub(super) elevated: bool,
    /// A parameter of the script without which it is not run.
    #[serde(default)]
    pub(super) given: Option<String>,
}

/// A channel of which only some events are exported.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selected {
    pub(super) channel: String,
    /// Whose hosts have it beside those that the catalog names.
    #[serde(default)]
    pub(super) roles: Vec<HostRole>,
    /// Providers of other channels that write into this one too.
    #[serde(default)]
    pub(super) also: Vec<String>,
}
