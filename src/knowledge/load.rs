use super::facts::FACTS;
use super::{
    Cause, CodeTable, Collector, Event, Fix, HealthCheck, Knowledge, Provider, Rule, Timeline,
    message,
};
use crate::observe::channel_is;
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};
use thiserror::Error;
use walkdir::WalkDir;

include!(concat!(env!("OUT_DIR"), "/data_files.rs"));

/// Why the knowledge cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    #[error("{file}: {message}")]
    Wrong { file: String, message: String },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

fn wrong(file: &str, message: impl Into<String>) -> Error {
    Error::Wrong { file: file.to_owned(), message: message.into() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixFile {
    fix: Vec<Fix>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckFile {
    check: Vec<HealthCheck>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectorFile {
    collector: Vec<Collector>,
}

pub(super) fn embedded() -> Result<Knowledge, Error> {
    let mut knowledge = Knowledge::default();
    let parts: Vec<Part> =
        FILES.par_iter().map(|(name, text)| parse(name, text)).collect::<Result<_, _>>()?;
    parts.into_iter().for_each(|part| add(&mut knowledge, part));
    index(&mut knowledge)?;
    check(&knowledge)?;
    Ok(knowledge)
}

pub(super) fn with_rules(folder: &Path) -> Result<Knowledge, Error> {
    let mut knowledge = embedded()?;
    if !folder.is_dir() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such folder");
        return Err(Error::Read { path: folder.to_owned(), source });
    }
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(path)
                .map_err(|source| Error::Read { path: path.to_owned(), source })?;
            add(&mut knowledge, parse(&path.to_string_lossy(), &text)?);
        }
    }
    index(&mut knowledge)?;
    check(&knowledge)?;
    Ok(knowledge)
}

/// Finds the providers by their slugs, which have to differ: an observation kind names
/// one event.
fn index(knowledge: &mut Knowledge) -> Result<(), Error> {
    let mut slugs: BTreeMap<String, Arc<Provider>> = BTreeMap::new();
    for provider in knowledge.provider_names().iter().filter_map(|n| knowledge.providers.get(*n)) {
        let other = slugs.insert(provider.slug.clone(), Arc::clone(provider));
        if let Some(other) = other.filter(|other| !Arc::ptr_eq(other, provider)) {
            let message =
                format!("{} and {} have the same slug", other.provider, provider.provider);
            return Err(wrong(&provider.slug, message));
        }
    }
    knowledge.slugs = slugs;
    for timeline in knowledge.timelines.values_mut() {
        let mut names: Vec<&String> = knowledge.providers.keys().collect();
        // Of two names with one short form the last stays: a known one is better than one
        // that depends on the order of a hash table.
        names.sort_unstable();
        let channels = names.iter().filter_map(|name| knowledge.providers.get(*name));
        let channels: Vec<&str> = channels.map(|provider| provider.channel.as_str()).collect();
        timeline.index(channels.into_iter(), names.iter().map(|name| name.as_str()));
    }
    Ok(())
}

/// What one file holds.
enum Part {
    Provider(Provider),
    Table(CodeTable),
    Fixes(Vec<Fix>),
    Checks(Vec<HealthCheck>),
    Collectors(Vec<Collector>),
    Cause(Box<Cause>),
    Timeline(Timeline),
}

/// Reads one file; what it holds is told by its first keys, so that a rules folder
/// needs no layout.
fn parse(name: &str, text: &str) -> Result<Part, Error> {
    let fail = |error: toml::de::Error| wrong(name, error.to_string());
    Ok(match first_key(text) {
        Some("provider") => Part::Provider(toml::from_str(text).map_err(fail)?),
        Some("table") => Part::Table(toml::from_str(text).map_err(fail)?),
        Some("fix") => Part::Fixes(toml::from_str::<FixFile>(text).map_err(fail)?.fix),
        Some("check") => Part::Checks(toml::from_str::<CheckFile>(text).map_err(fail)?.check),
        Some("collector") => {
            Part::Collectors(toml::from_str::<CollectorFile>(text).map_err(fail)?.collector)
        }
        Some("id") => Part::Cause(toml::from_str(text).map_err(fail)?),
        Some("timeline") => Part::Timeline(toml::from_str(text).map_err(fail)?),
        _ => {
            // Broken TOML is the better reason.
            text.parse::<toml::Table>().map_err(fail)?;
            let message = "holds neither a provider, a code table, fixes, checks, collectors, a timeline nor a cause";
            return Err(wrong(name, message));
        }
    })
}

/// The key that tells what a file holds: one of its own, before any table, or the
/// fixes, checks or collectors.
fn first_key(text: &str) -> Option<&str> {
    for line in text.lines().map(str::trim_start) {
        if let Some(table) = line.strip_prefix("[[") {
            let tables = ["fix", "check", "collector"];
            return tables.into_iter().find(|key| table.strip_suffix("]]") == Some(key));
        }
        let key = line.split_once('=').map(|(key, _)| key.trim().trim_matches('"'));
        if let Some(key) =
            key.filter(|key| matches!(*key, "provider" | "table" | "timeline" | "id"))
        {
            return Some(key);
        }
    }
    None
}

fn add(knowledge: &mut Knowledge, part: Part) {
    match part {
        Part::Provider(mut provider) => {
            for event in &mut provider.events {
                event.kind = format!("event.{}.{}", provider.slug, event.id).into();
            }
            let provider = Arc::new(provider);
            // A provider that is replaced is gone under all its names.
            knowledge.providers.retain(|_, known| known.provider != provider.provider);
            for alias in provider.also_known_as.iter().chain([&provider.provider]) {
                knowledge.providers.insert(alias.clone(), Arc::clone(&provider));
            }
        }
        Part::Table(table) => {
            knowledge.codes.insert(table.table.clone(), table);
        }
        Part::Fixes(fixes) => {
            knowledge.fixes.extend(fixes.into_iter().map(|fix| (fix.id.clone(), fix)));
        }
        Part::Checks(checks) => {
            for check in checks {
                match knowledge.checks.iter_mut().find(|known| known.id == check.id) {
                    Some(known) => *known = check,
                    None => knowledge.checks.push(check),
                }
            }
        }
        Part::Collectors(collectors) => {
            let by_id = collectors.into_iter().map(|collector| (collector.id.clone(), collector));
            knowledge.collectors.extend(by_id);
        }
        Part::Cause(cause) => {
            knowledge.causes.insert(cause.id.clone(), *cause);
        }
        Part::Timeline(timeline) => {
            knowledge.timelines.insert(timeline.timeline.clone(), timeline);
        }
    }
}

/// What the types cannot say: references exist, weights are sane, and no row can
/// match by accident.
fn check(knowledge: &Knowledge) -> Result<(), Error> {
    for table in knowledge.codes.values() {
        if let Some(missing) = table.also.iter().find(|name| !knowledge.codes.contains_key(*name)) {
            let why = format!("leads to the table {missing}, which does not exist");
            return Err(wrong(&format!("table {}", table.table), why));
        }
    }
    for provider in knowledge.providers() {
        for event in &provider.events {
            check_event(knowledge, event).map_err(|why| {
                wrong(&format!("event {} of {}", event.id, provider.provider), why)
            })?;
        }
    }
    for cause in knowledge.causes.values() {
        let file = format!("cause {}", cause.id);
        if let Some(missing) = cause.fixes.iter().find(|id| !knowledge.fixes.contains_key(*id)) {
            return Err(wrong(&file, format!("names the fix {missing}, which does not exist")));
        }
        let unknown = |wanted: &&str| !is_evidence(knowledge, wanted);
        if let Some(unknown) = cause.settle.iter().map(|s| s.unless.as_str()).find(unknown) {
            return Err(wrong(&file, format!("asks for {unknown}, which no event is in")));
        }
        for rule in cause.support.iter().chain(&cause.against) {
            check_rule(knowledge, rule).map_err(|why| wrong(&file, why))?;
        }
    }
    for check in &knowledge.checks {
        check_steps(knowledge, check).map_err(|why| wrong(&format!("check {}", check.id), why))?;
    }
    check_collectors(knowledge)
}

/// Whether something is a capture or a channel of the catalog, of either side or any; or
/// nothing at all.
fn is_evidence(knowledge: &Knowledge, wanted: &str) -> bool {
    let what = wanted.split_once(':').map_or(wanted, |(_, what)| what);
    matches!(what, "" | "capture") || knowledge.providers().any(|p| channel_is(&p.channel, what))
}

/// Collectors have signs, and what they leave out is something that could be there.
fn check_collectors(knowledge: &Knowledge) -> Result<(), Error> {
    for collector in knowledge.collectors.values() {
        let file = format!("collector {}", collector.id);
        collector
            .check(|wanted| is_evidence(knowledge, wanted))
            .map_err(|why| wrong(&file, why))?;
    }
    Ok(())
}

/// The facts and fixes that a health check names exist.
fn check_steps(knowledge: &Knowledge, check: &HealthCheck) -> Result<(), String> {
    for row in &check.steps {
        if let Some(missing) = row.fix.as_ref().filter(|id| !knowledge.fixes.contains_key(*id)) {
            return Err(format!("names the fix {missing}, which does not exist"));
        }
        check_facts(knowledge, row.fact.iter(), &row.says)?;
    }
    Ok(())
}

/// A message can be filled in, and codes and likeness speak of fields that the event has.
fn check_event(knowledge: &Knowledge, event: &Event) -> Result<(), String> {
    if !matches!(event.priority.as_str(), "" | "A" | "B" | "C") {
        return Err(format!("the priority {} is none of A, B and C", event.priority));
    }
    let parts = message::parse(&event.message).map_err(|why| format!("the message: {why}"))?;
    let named = message::fields(&parts);
    let named = named.into_iter().chain(event.codes.keys().chain(&event.alike).map(String::as_str));
    for field in named {
        if !event.knows(field) {
            return Err(format!("names the field {field}, which the event does not have"));
        }
    }
    match event.codes.values().find(|table| !knowledge.codes.contains_key(*table)) {
        Some(table) => Err(format!("names the table {table}, which does not exist")),
        None => Ok(()),
    }
}

fn check_rule(knowledge: &Knowledge, rule: &Rule) -> Result<(), String> {
    if !(0.0..=60.0).contains(&rule.weight_db) {
        return Err(format!("weight_db {} is outside 0 to 60", rule.weight_db));
    }
    if rule.absent && rule.coverage.is_empty() {
        return Err(format!("the row \"{}\" counts absence without coverage", rule.says));
    }
    check_facts(knowledge, rule.fact.iter(), &rule.says)
}

/// The facts that a row waits for can come.
fn check_facts<'a>(
    knowledge: &Knowledge,
    facts: impl Iterator<Item = &'a str>,
    says: &str,
) -> Result<(), String> {
    for fact in facts {
        let exists = match fact.starts_with("event.") {
            // What is not taken from logs cannot count.
            true => knowledge.event_by_kind(fact).is_some_and(|(_, event)| event.wanted()),
            false => FACTS.contains(&fact),
        };
        if !exists {
            return Err(format!("the row \"{says}\" waits for {fact}, which nothing establishes"));
        }
    }
    Ok(())
}
