//! Which script gathers what this program can read?
//!
//! `collect.ps1` is the script with marked places, `items.toml` the texts that it gathers,
//! and the event catalog knows the channels: a new provider extends the script by itself.

mod items;

use crate::knowledge::Knowledge;
use items::{Items, Selected, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use thiserror::Error;

const SCRIPT: &str = include_str!("collect.ps1");
const ITEMS: &str = include_str!("items.toml");

/// Windows refuses queries of logs with more conditions than some twenty.
const MOST_IDS: usize = 20;

/// What a host is in Remote Desktop. A gateway is a server too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRole {
    Client,
    Server,
    Gateway,
}

/// Of what kind of host the script gathers, unless it is told otherwise when it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The script looks what the host is.
    #[default]
    Auto,
    Only(HostRole),
    All,
}

/// The defaults of the script's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub role: Role,
    /// How far back events are gathered, in hours.
    pub hours: u16,
    /// Ports to capture.
    pub ports: Vec<u16>,
    /// How long to capture, in s; 0 for no capture.
    pub capture: u16,
}

/// Why there is no script.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the list of what the script gathers: {0}")]
    Items(#[from] toml::de::Error),
    /// Windows PowerShell reads other characters in the code page of its host, and takes
    /// some of them for quotation marks.
    #[error("the channel {0:?} is no plain ASCII, which is all that the script may hold")]
    NotPlain(String),
}

/// A text that the script gathers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Its name in the collection.
    pub file: String,
    /// As what it is read, as coverage calls it.
    pub kind: String,
}

/// A log that the script exports: a channel, or a part of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its name in the collection.
    pub file: String,
    pub channel: String,
    /// The events that are exported; all of them where it is empty.
    pub ids: Vec<u16>,
    roles: BTreeSet<HostRole>,
}

/// The texts that the script gathers.
///
/// # Errors
/// When the embedded list is wrong, which a test excludes.
pub fn texts() -> Result<Vec<Gathered>, Error> {
    let items: Items = toml::from_str(ITEMS)?;
    Ok(items.text.into_iter().map(|text| Gathered { file: text.file, kind: text.kind }).collect())
}

/// The logs that the script exports: the channels of all events that are taken from logs.
///
/// # Errors
/// When a channel's name cannot stand in the script, or the embedded list is wrong.
pub fn logs(knowledge: &Knowledge) -> Result<Vec<Exported>, Error> {
    let items: Items = toml::from_str(ITEMS)?;
    let mut channels: BTreeMap<&str, BTreeSet<HostRole>> = BTreeMap::new();
    for provider in knowledge.providers() {
        for event in provider.events.iter().filter(|event| event.wanted()) {
            let channel = provider.channel_of(event);
            if !channel.is_empty() && !is_direct(channel) {
                channels.entry(channel).or_default().extend(roles(&provider.side));
            }
        }
    }
    let mut logs = Vec::new();
    for (channel, mut roles) in channels {
        let is_plain = channel.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !is_plain {
            return Err(Error::NotPlain(channel.to_owned()));
        }
        let selected = items.selected.iter().find(|selected| selected.channel == channel);
        roles.extend(selected.iter().flat_map(|selected| &selected.roles));
        let ids = selected.map(|selected| ids(knowledge, selected)).unwrap_or_default();
        logs.extend(exported(channel, &roles, &ids));
    }
    Ok(logs)
}

/// The script, with these defaults.
///
/// # Errors
/// When a channel's name cannot stand in it, or the embedded list is wrong.
pub fn script(knowledge: &Knowledge, options: &Options) -> Result<String, Error> {
    let items: Items = toml::from_str(ITEMS)?;
    let role = match options.role {
        Role::Auto => "auto",
        Role::All => "all",
        Role::Only(role) => role.name(),
    };
    let ports: Vec<String> = options.ports.iter().map(ToString::to_string).collect();
    let logs: Vec<String> = logs(knowledge)?.iter().map(ToString::to_string).collect();
    let texts: Vec<String> = items.text.iter().map(ToString::to_string).collect();
    let places = [
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@ROLE@", quoted(role)),
        ("@HOURS@", options.hours.to_string()),
        ("@PORTS@", ports.join(", ")),
        ("@CAPTURE@", options.capture.to_string()),
        ("@LOGS@", logs.join("\n")),
        ("@TEXTS@", texts.join("\n")),
    ];
    let filled = |script: String, (place, with): &(&str, String)| script.replace(place, with);
    Ok(places.iter().fold(SCRIPT.to_owned(), filled))
}

impl HostRole {
    const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Gateway];

    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Gateway => "gateway",
        }
    }
}

/// Whether Windows keeps a channel outside the event log while it is on, and by default off.
fn is_direct(channel: &str) -> bool {
    channel.ends_with("/Analytic") || channel.ends_with("/Debug")
}

/// The hosts that have a log of this side of the catalog.
fn roles(side: &str) -> &'static [HostRole] {
    match side {
        "client" => &[HostRole::Client],
        "gateway" => &[HostRole::Gateway],
        "server" | "directory" => &[HostRole::Server, HostRole::Gateway],
        _ => &HostRole::ALL,
    }
}

/// The events of a channel that are taken from logs.
fn ids(knowledge: &Knowledge, selected: &Selected) -> Vec<u16> {
    let providers = knowledge.providers().filter(|provider| {
        provider.channel == selected.channel || selected.also.contains(&provider.provider)
    });
    let wanted = providers.flat_map(|p| p.events.iter().filter(|event| event.wanted()));
    wanted.map(|event| event.id).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The exports of one channel: several where its events do not go into one query.
fn exported(channel: &str, roles: &BTreeSet<HostRole>, ids: &[u16]) -> Vec<Exported> {
    let name = channel.replace('/', "-");
    let export = |file: String, ids: &[u16]| Exported {
        file,
        channel: channel.to_owned(),
        ids: ids.to_vec(),
        roles: roles.clone(),
    };
    if ids.len() <= MOST_IDS {
        return vec![export(format!("{name}.evtx"), ids)];
    }
    let parts = ids.chunks(MOST_IDS).enumerate();
    parts.map(|(at, ids)| export(format!("{name}-{}.evtx", at + 1), ids)).collect()
}

/// A text in single quotation marks, in which nothing is special but they themselves.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes what is done on hosts of these roles, and how deep it is indented.
fn on_hosts(
    f: &mut fmt::Formatter<'_>,
    roles: impl IntoIterator<Item = HostRole>,
    what: &str,
) -> fmt::Result {
    let roles: BTreeSet<HostRole> = roles.into_iter().collect();
    if roles.len() == HostRole::ALL.len() {
        return f.write_str(what);
    }
    let names: Vec<String> = roles.into_iter().map(|role| quoted(role.name())).collect();
    write!(f, "if (Test-Role -Wanted {}) {{\n{}\n}}", names.join(", "), indented(what))
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (channel, file) = (quoted(&self.channel), quoted(&self.file));
        let mut what = format!("Save-Log -Channel {channel} -File {file}");
        if !self.ids.is_empty() {
            let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
            write!(what, " -Id {}", ids.join(", "))?;
        }
        on_hosts(f, self.roles.iter().copied(), &what)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut run = self.run.clone();
        if !self.each.is_empty() {
            let each: Vec<String> = self.each.iter().map(|text| quoted(text)).collect();
            write!(run, " @(\n{}\n)", indented(&each.join(",\n")))?;
        }
        let elevated = if self.elevated { " -NeedsElevation" } else { "" };
        let file = quoted(&self.file);
        let mut what = format!("Save-Text -File {file}{elevated} -Run {{\n{}\n}}", indented(&run));
        if let Some(given) = &self.given {
            what = format!("if (${given} -ne '') {{\n{}\n}}", indented(&what));
        }
        on_hosts(f, self.roles.iter().copied(), &what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_single_quotes_ends_where_it_ends() {
        assert_eq!(quoted("it's"), "'it''s'");
    }

    #[test]
    fn events_that_do_not_go_into_one_query_are_exported_in_several() {
        let ids: Vec<u16> = (1..=45).collect();
        let parts = exported("A/B", &BTreeSet::from([HostRole::Server]), &ids);
        let shown: Vec<_> = parts.iter().map(|part| (part.file.as_str(), part.ids.len())).collect();
        assert_eq!(shown, [("A-B-1.evtx", 20), ("A-B-2.evtx", 20), ("A-B-3.evtx", 5)]);
    }

    #[test]
    fn every_place_of_the_script_is_filled() {
        let options = Options { role: Role::All, hours: 7, ports: vec![3389, 3390], capture: 60 };
        let script = script(&Knowledge::embedded().unwrap(), &options).unwrap();
        for filled in ["$Role = 'all'", "$Hours = 7", "$Port = @(3389, 3390)", "$Capture = 60"] {
            assert!(script.contains(filled), "{filled}");
        }
        let is_place = |part: &&str| !part.is_empty() && part.chars().all(char::is_uppercase);
        assert_eq!(script.split('@').find(is_place), None);
    }

    #[test]
    fn a_new_providers_channel_is_exported_by_itself() {
        let rules = tempfile::tempdir().unwrap();
        let row = |channel: &str| {
            format!(
                "provider = \"Contoso\"\nslug = \"contoso\"\nchannel = \"{channel}\"\nside = \"client\"\n[[event]]\nid = 1\ntitle = \"a\"\nsays = \"b\"\npriority = \"B\"\n"
            )
        };
        let logs = |channel: &str| {
            std::fs::write(rules.path().join("contoso.toml"), row(channel)).unwrap();
            logs(&Knowledge::with_rules(rules.path()).unwrap())
        };
        let found = logs("Contoso's/Operational").unwrap();
        let new = found.iter().find(|log| log.channel == "Contoso's/Operational").unwrap();
        assert_eq!(
            new.to_string(),
            "if (Test-Role -Wanted 'client') {\n    Save-Log -Channel 'Contoso''s/Operational' -File 'Contoso''s-Operational.evtx'\n}"
        );
        assert!(matches!(logs("Contoso\u{2019}; calc"), Err(Error::NotPlain(_))));
    }
}
