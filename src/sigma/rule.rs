//! From a signature to a Sigma rule.

use super::signature::{Signature, Spoken};
use super::value::Value;
use super::yaml::{Map, Yaml};
use crate::knowledge::{Event, Provider, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use uuid::Uuid;

/// The day on which the first of these rules were made. Sigma asks for a date of creation;
/// the day of the export would make each one differ from the last.
const DATE: &str = "2026-11-22";

/// Characters of the conditions in a title.
const LONGEST_CONDITIONS: usize = 90;

/// Characters of the readable part of a file's name behind the event.
const LONGEST_WORDS: usize = 24;

/// From how many decibans a row is more than a hint.
const LOW_FROM_DB: f64 = 10.0;

/// What a rule is made of.
pub(super) struct About<'a> {
    pub(super) signature: &'a Signature,
    pub(super) provider: &'a Provider,
    pub(super) event: &'a Event,
    pub(super) service: Option<&'a String>,
    pub(super) spoken: &'a [Spoken<'a>],
}

/// `<slug>_<id>.yml`, with the first condition and a short form of the rule's id where there
/// are conditions.
pub(super) fn file_name(signature: &Signature, id: Uuid) -> String {
    let mut name = plain(signature.event.trim_start_matches("event."));
    if !signature.is_bare() {
        let words: String = plain(&conditions(signature)).chars().take(LONGEST_WORDS).collect();
        let short: String = id.simple().to_string().chars().take(6).collect();
        let _ = write!(name, "_{}_{short}", words.trim_end_matches('_'));
    }
    format!("{name}.yml")
}

/// Letters and digits; whatever else there is becomes one `_`.
fn plain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|sign: char| !sign.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// The conditions in words.
fn conditions(signature: &Signature) -> String {
    let any =
        |values: &BTreeSet<Value>| values.iter().map(Value::shown).collect::<Vec<_>>().join(" or ");
    let is = signature.wanted.iter().map(|(field, values)| format!("{field} {}", any(values)));
    let not = signature.unless.iter().map(|(field, values)| format!("{field} not {}", any(values)));
    let min = signature.min.iter().map(|(field, limit)| format!("{field} at least {limit}"));
    let max = signature.max.iter().map(|(field, limit)| format!("{field} at most {limit}"));
    is.chain(not).chain(min).chain(max).collect::<Vec<_>>().join(", ")
}

impl About<'_> {
    pub(super) fn rule(&self, id: Uuid) -> Map {
        let mut rule = vec![
            entry("title", Yaml::Text(self.title(id))),
            entry("id", Yaml::Text(id.hyphenated().to_string())),
            entry("status", Yaml::Plain("test")),
            entry("description", Yaml::Lines(self.description())),
            entry("author", Yaml::Plain("rdp-triage")),
            entry("date", Yaml::Plain(DATE)),
            entry("logsource", Yaml::Map(self.logsource())),
            entry("detection", Yaml::Map(self.detection())),
        ];
        let fields = self.fields();
        if !fields.is_empty() {
            rule.push(entry("fields", Yaml::List(fields)));
        }
        if !self.event.does_not_prove.is_empty() {
            let note = Yaml::Text(self.event.does_not_prove.clone());
            rule.push(entry("falsepositives", Yaml::List(vec![note])));
        }
        rule.push(entry("level", Yaml::Plain(self.level())));
        rule.push(entry("rdp_triage", Yaml::Map(self.own())));
        rule
    }

    /// Unique, because signatures are: a cut one has the short form of its id.
    fn title(&self, id: Uuid) -> String {
        let provider = &self.provider.provider;
        let provider = provider.strip_prefix("Microsoft-Windows-").unwrap_or(provider);
        let mut title = format!("{provider} {}: {}", self.event.id, self.event.title);
        let conditions = conditions(self.signature);
        if conditions.chars().count() > LONGEST_CONDITIONS {
            let cut: String = conditions.chars().take(LONGEST_CONDITIONS).collect();
            let short: String = id.simple().to_string().chars().take(6).collect();
            let _ = write!(title, " ({cut}..., {short})");
        } else if !conditions.is_empty() {
            let _ = write!(title, " ({conditions})");
        }
        title
    }

    fn description(&self) -> Vec<String> {
        let mut lines = vec![self.event.says.clone()];
        if !self.event.does_not_prove.is_empty() {
            lines.push(self.event.does_not_prove.clone());
        }
        lines.push(String::new());
        lines.push("For failed Remote Desktop connections it speaks for:".to_owned());
        for Spoken { cause, row } in self.spoken {
            let mut line = format!("- {} ({}): +{:.1} dB", cause.title, cause.id, row.weight_db);
            if row.names_reason {
                line.push_str(", it names the reason");
            }
            if row.scope == Scope::Host {
                let _ = write!(line, ", up to {} s before the failure", row.within_s);
            }
            lines.push(line);
        }
        lines.push(String::new());
        lines.push(format!(
            "One record is no diagnosis. More: rdp-triage explain {}",
            self.explained_as()
        ));
        lines
    }

    /// What `rdp-triage explain` finds the event by.
    fn explained_as(&self) -> String {
        format!("{}/{}", self.provider.slug, self.event.id)
    }

    fn logsource(&self) -> Map {
        let mut logsource = vec![entry("product", Yaml::Plain("windows"))];
        if let Some(service) = self.service {
            logsource.push(entry("service", Yaml::Text(service.clone())));
        }
        logsource
    }

    fn detection(&self) -> Map {
        let mut selection = Map::new();
        let channel = self.provider.channel_of(self.event);
        if !channel.is_empty() {
            selection.push(entry("Channel", Yaml::Text(channel.to_owned())));
        }
        let names = [&self.provider.provider].into_iter().chain(&self.provider.also_known_as);
        let names: Vec<Yaml> = names.map(|name| Yaml::Text(name.clone())).collect();
        selection.push(entry("Provider_Name", one_or_list(names)));
        selection.push(entry("EventID", Yaml::Integer(self.event.id.into())));
        let signature = self.signature;
        selection.extend(fields_with(&signature.wanted));
        for (limits, modifier) in [(&signature.min, "gte"), (&signature.max, "lte")] {
            let limit =
                |text: &String| text.parse().map(Yaml::Integer).unwrap_or_else(|_| number(text));
            let limit = |(field, text): (&String, &String)| {
                entry(&format!("{field}|{modifier}"), limit(text))
            };
            selection.extend(limits.iter().map(limit));
        }
        let mut detection = vec![entry("selection", Yaml::Map(selection))];
        for (at, filter) in fields_with(&signature.unless).into_iter().enumerate() {
            detection.push(entry(&format!("filter_{}", at + 1), Yaml::Map(vec![filter])));
        }
        let condition = match signature.unless.len() {
            0 => "selection",
            _ => "selection and not 1 of filter_*",
        };
        detection.push(entry("condition", Yaml::Text(condition.to_owned())));
        detection
    }

    /// Fields that say whom or what a record is about: those with a role, and those that its
    /// sentence uses.
    fn fields(&self) -> Vec<Yaml> {
        let event = self.event;
        let used: BTreeSet<&str> = event.message.split(['{', '}', '|', '[', ']']).collect();
        let matters =
            |field: &&String| event.roles.contains_key(*field) || used.contains(field.as_str());
        event.fields.iter().filter(matters).cloned().map(Yaml::Text).collect()
    }

    /// `medium` where a row says that the record itself names the reason, `low` where it weighs
    /// ten decibans or more, which is ten to one.
    fn level(&self) -> &'static str {
        let rows = || self.spoken.iter().map(|spoken| spoken.row);
        if rows().any(|row| row.names_reason) {
            "medium"
        } else if rows().any(|row| row.weight_db >= LOW_FROM_DB) {
            "low"
        } else {
            "informational"
        }
    }

    /// What no field of Sigma is for, for programs.
    fn own(&self) -> Map {
        let rows = self.spoken.iter().map(|Spoken { cause, row }| {
            let mut said = vec![
                entry("id", Yaml::Text(cause.id.clone())),
                entry("title", Yaml::Text(cause.title.clone())),
                entry("weight_db", Yaml::Number(row.weight_db)),
                entry("names_reason", Yaml::Flag(row.names_reason)),
                entry("says", Yaml::Text(row.says.clone())),
            ];
            if row.scope == Scope::Host {
                said.push(entry("within_s", Yaml::Integer(row.within_s.into())));
            }
            Yaml::Map(said)
        });
        vec![
            entry("event", Yaml::Text(self.signature.event.clone())),
            entry("explain", Yaml::Text(self.explained_as())),
            entry("causes", Yaml::List(rows.collect())),
        ]
    }
}

fn entry(key: &str, value: Yaml) -> (String, Yaml) {
    (key.to_owned(), value)
}

fn fields_with(conditions: &BTreeMap<String, BTreeSet<Value>>) -> Map {
    let values = |values: &BTreeSet<Value>| values.iter().flat_map(Value::forms).collect();
    conditions.iter().map(|(field, wanted)| entry(field, one_or_list(values(wanted)))).collect()
}

fn one_or_list(mut values: Vec<Yaml>) -> Yaml {
    match values.len() {
        1 => values.remove(0),
        _ => Yaml::List(values),
    }
}

fn number(text: &str) -> Yaml {
    text.parse().map(Yaml::Number).unwrap_or_else(|_| Yaml::Text(text.to_owned()))
}
