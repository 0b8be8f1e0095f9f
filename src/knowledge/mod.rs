//! What do we know?
//!
//! Codes, events, causes and fixes are data that a support engineer can edit:
//! TOML files below `data/`, embedded at build time, overridden or extended by
//! the files of `--rules DIR`. Loading checks them; establishing a fact is Rust.

mod cause;
mod check;
mod code;
mod collector;
mod event;
mod facts;
mod fix;
mod load;
pub mod lookup;
mod message;
mod timeline;

pub(crate) use cause::number;
pub use cause::{Cause, Condition, FaultDomain, Rule, Scope, Settle};
pub use check::{CheckRow, HealthCheck, StepOutcome};
pub use code::{Code, CodeTable};
pub use collector::{Collector, LeftOut};
pub use event::{Event, Provider, Role};
pub use fix::{Fix, Risk};
pub use load::Error;
pub use timeline::Timeline;

pub use crate::observe::Stage;

use crate::observe::Collection;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Everything that is known, checked.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// By id, in the order of their ids.
    pub causes: BTreeMap<String, Cause>,
    pub fixes: BTreeMap<String, Fix>,
    /// The health checks, in the order in which they are told.
    pub checks: Vec<HealthCheck>,
    /// By table name.
    pub codes: BTreeMap<String, CodeTable>,
    /// By every name a provider goes by.
    providers: HashMap<String, Arc<Provider>>,
    /// By the middle part of their observation kinds.
    slugs: BTreeMap<String, Arc<Provider>>,
    /// By id.
    pub collectors: BTreeMap<String, Collector>,
    /// By tool.
    timelines: BTreeMap<String, Timeline>,
}

impl Knowledge {
    /// The knowledge that is built in.
    ///
    /// # Errors
    /// When a data file is wrong, which a test excludes for released versions.
    pub fn embedded() -> Result<Self, Error> {
        load::embedded()
    }

    /// The built-in knowledge with the files of a folder added. A file with the id
    /// of a built-in cause, fix, provider or table replaces it.
    ///
    /// # Errors
    /// When the folder cannot be read or one of its files is wrong.
    pub fn with_rules(folder: &Path) -> Result<Self, Error> {
        load::with_rules(folder)
    }

    /// The event of a provider, wanted or not.
    pub fn event(&self, provider: &str, id: u16) -> Option<(&Arc<Provider>, &Event)> {
        let provider = self.providers.get(provider)?;
        Some((provider, provider.event(id)?))
    }

    /// A provider of the catalog, by any of its names.
    pub fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(name)
    }

    /// A provider of the catalog, by any of its names or by its name without
    /// `Microsoft-Windows-`, as Event Viewer shows it; `None` where several are meant.
    pub fn provider_called(&self, name: &str) -> Option<&Arc<Provider>> {
        if let Some(provider) = self.provider(name) {
            return Some(provider);
        }
        let ends = |full: &str| full.strip_suffix(name).is_some_and(|rest| rest.ends_with('-'));
        let mut meant = self.providers.iter().filter(|(full, _)| ends(full));
        let (_, only) = meant.next().filter(|_| !name.is_empty())?;
        meant.all(|(_, other)| other.slug == only.slug).then_some(only)
    }

    /// The only provider of the catalog that writes an event of this id into a channel.
    pub fn provider_of(&self, channel: &str, id: u16) -> Option<&Arc<Provider>> {
        let writes =
            |provider: &&Arc<Provider>| provider.channel == channel && provider.event(id).is_some();
        let mut writers = self.slugs.values().filter(writes);
        let only = writers.next()?;
        writers.next().is_none().then_some(only)
    }

    /// How a tool writes its timelines.
    pub fn timeline(&self, tool: &str) -> Option<&Timeline> {
        self.timelines.get(tool)
    }

    /// The event of a provider, when its records are to be taken from logs.
    pub fn wanted(&self, provider: &str, id: u16) -> Option<(&Arc<Provider>, &Event)> {
        self.event(provider, id).filter(|(_, event)| event.wanted())
    }

    /// The provider and event of an observation kind such as `event.schannel.36874`.
    pub fn event_by_kind(&self, kind: &str) -> Option<(&Arc<Provider>, &Event)> {
        let (slug, id) = kind.strip_prefix("event.")?.rsplit_once('.')?;
        let provider = self.slugs.get(slug)?;
        Some((provider, provider.event(id.parse().ok()?)?))
    }

    /// All providers, in the order of their slugs.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.slugs.values().map(|provider| &**provider)
    }

    /// All names under which providers of the catalog appear in logs.
    pub fn provider_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.providers.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What an NTSTATUS or HRESULT of a logon means.
    pub fn status(&self, status: u32) -> Option<&Code> {
        self.decode("logon_4625_status", &status.to_string())
    }

    /// What collectors gathered, by the names of all files of a ticket.
    pub fn collections<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<Collection> {
        let names: Vec<&str> = names.into_iter().collect();
        let collectors = self.collectors.values().map(|collector| Collection {
            collector: collector.id.clone(),
            at: shown_places(&collector.places(&names)),
        });
        collectors.filter(|collection| !collection.at.is_empty()).collect()
    }

    /// Why absence proves nothing in a table that has events of these ids only; `None` where
    /// no collector chooses so.
    pub fn choice(&self, ids: &BTreeSet<u16>) -> Option<&str> {
        self.collectors.values().find_map(|collector| collector.choice(ids))
    }

    /// The entry of a code table for a number.
    pub fn code(&self, table: &str, value: i64) -> Option<&Code> {
        self.codes.get(table)?.by_value(value)
    }
}

/// Places of one collector that are listed; a ticket has a few.
const MOST_PLACES: usize = 32;

/// The places as a report has them: the ticket itself is `.`.
fn shown_places(places: &[&str]) -> Vec<String> {
    let shown = |place: &&str| if place.is_empty() { "." } else { place }.to_owned();
    let mut listed: Vec<String> = places.iter().take(MOST_PLACES).map(shown).collect();
    if places.len() > MOST_PLACES {
        listed.push(format!("and {} more places", places.len() - MOST_PLACES));
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_knowledge_loads_and_refers_only_to_what_exists() {
        let knowledge = Knowledge::embedded().unwrap();
        assert!(knowledge.causes.len() >= 34, "{} causes", knowledge.causes.len());
        assert!(knowledge.codes.len() >= 30, "{} code tables", knowledge.codes.len());
        assert!(knowledge.event("Schannel", 36874).is_some());
        assert!(knowledge.event("Schannel", 1).is_none());
    }

    #[test]
    fn events_of_priority_c_are_known_and_not_wanted() {
        let knowledge = Knowledge::embedded().unwrap();
        assert!(knowledge.wanted("Schannel", 36874).is_some());
        assert!(knowledge.event("Schannel", 36875).is_some());
        assert!(knowledge.wanted("Schannel", 36875).is_none());
    }

    #[test]
    fn an_observation_kind_leads_back_to_its_event() {
        let knowledge = Knowledge::embedded().unwrap();
        let (provider, event) = knowledge.event_by_kind("event.rdpcorets.131").unwrap();
        assert_eq!((provider.slug.as_str(), event.id), ("rdpcorets", 131));
    }
}
