//! Whose names are in the evidence: what fields, certificates and connections say.

use super::pseudonym::is_of_name;
use super::text::Scrubber;
use super::words::FieldKind;
use crate::correlate::Evidence;
use crate::knowledge::{Knowledge, Role};
use crate::observe::{Conversation, Observation, Vantage};
use crate::report::Report;
use crate::wire::certificate::Certificate;
use std::collections::BTreeSet;

/// Learns all names that the evidence names.
pub(super) fn learn(evidence: &Evidence, knowledge: &Knowledge, scrubber: &mut Scrubber<'_>) {
    for coverage in &evidence.coverage {
        coverage.host.iter().for_each(|host| scrubber.learn(host));
    }
    for observation in &evidence.observations {
        of_observation(observation, knowledge, scrubber);
    }
    for conversation in &evidence.conversations {
        of_conversation(conversation, scrubber);
    }
}

fn of_observation(observation: &Observation, knowledge: &Knowledge, scrubber: &mut Scrubber<'_>) {
    if let Vantage::Log { host, .. } = &observation.vantage {
        scrubber.learn(host);
    }
    let subject = &observation.subject;
    subject.server_name.iter().chain(&subject.user).for_each(|name| scrubber.learn(name));
    let event = knowledge.event_by_kind(&observation.kind).map(|(_, event)| event);
    if scrubber.pseudonyms.words.is_setting_fact(&observation.kind) {
        of_setting(observation, scrubber);
        return;
    }
    for (name, value) in &observation.fields {
        scrubber.learn_from_places(value);
        let named = match event.and_then(|event| event.roles.get(&**name)) {
            Some(Role::ServerName | Role::User | Role::Domain) => true,
            Some(Role::ProcessName | Role::Service | Role::ConnectionName) => false,
            _ if event.is_some() => scrubber.pseudonyms.words.field(name) == FieldKind::Name,
            _ => scrubber.pseudonyms.words.own_field(name) == FieldKind::Name,
        };
        let host = scrubber.pseudonyms.words.is_host_field(name) && looks_like_host(value);
        let named = named || host;
        if named && !name.starts_with("System.") {
            scrubber.learn(value);
        }
    }
}

/// One word that no sentence has: with a dot, a hyphen or a digit in it, and no code.
pub(super) fn looks_like_host(value: &str) -> bool {
    let code = value.starts_with("0x") || value.chars().all(|c| c.is_ascii_hexdigit());
    let mark = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-');
    !code && !value.contains(char::is_whitespace) && value.contains(mark)
}

/// Of a setting the field `name` says which it is, and that says whether its value is a name.
fn of_setting(observation: &Observation, scrubber: &mut Scrubber<'_>) {
    let (name, value) = (observation.field("name"), observation.field("value"));
    let (name, value) = (name.unwrap_or_default(), value.unwrap_or_default());
    if scrubber.pseudonyms.words.field(name) == FieldKind::Name {
        scrubber.learn(value);
    }
    scrubber.learn_from_places(value);
}

fn of_conversation(conversation: &Conversation, scrubber: &mut Scrubber<'_>) {
    let request = conversation.x224.request.as_ref().map(|request| &request.value);
    if let Some(cookie) = request.and_then(|request| request.cookie.as_ref()) {
        scrubber.learn(cookie);
    }
    let hellos = [&conversation.tls.client_hello, &conversation.tls.second_client_hello];
    for hello in hellos.into_iter().flatten() {
        hello.value.server_name().iter().for_each(|name| scrubber.learn(name));
    }
    let chains = [&conversation.tls.certificates, &conversation.rdp.certificates];
    for certificate in chains.into_iter().flatten().flat_map(|chain| &chain.value) {
        of_certificate(certificate, scrubber);
    }
}

fn of_certificate(certificate: &Certificate, scrubber: &mut Scrubber<'_>) {
    for name in [&certificate.subject, &certificate.issuer].into_iter().chain(&certificate.names) {
        scrubber.learn(name);
    }
}

/// The words of a report that come from this program and stay, in lower case.
pub(super) fn own_words(
    report: &Report,
    scrubber: &Scrubber<'_>,
) -> serde_json::Result<BTreeSet<String>> {
    fn walk(
        key: &str,
        value: &serde_json::Value,
        scrubber: &Scrubber<'_>,
        found: &mut BTreeSet<String>,
    ) {
        match value {
            serde_json::Value::String(text) if scrubber.pseudonyms.words.is_plain_key(key) => {
                found.extend(text.split(|c| !is_of_name(c)).map(str::to_lowercase));
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| walk(key, item, scrubber, found));
            }
            serde_json::Value::Object(object) => {
                found.extend(object.keys().map(|key| key.to_lowercase()));
                object.iter().for_each(|(key, value)| walk(key, value, scrubber, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk("", &serde_json::to_value(report)?, scrubber, &mut found);
    Ok(found)
}

/// Learns what the report names beside the evidence: also what only secrets opened.
pub(super) fn of_report(report: &Report, scrubber: &mut Scrubber<'_>) -> serde_json::Result<()> {
    fn walk(at: (&str, &str), value: &serde_json::Value, scrubber: &mut Scrubber<'_>) {
        match value {
            serde_json::Value::String(text)
                if scrubber.pseudonyms.words.is_name_key(at.0, at.1) =>
            {
                scrubber.learn(text);
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| walk(at, item, scrubber));
            }
            serde_json::Value::Object(object) => {
                object.iter().for_each(|(key, value)| walk((at.1, key), value, scrubber));
            }
            _ => {}
        }
    }
    let value = serde_json::to_value(report)?;
    for part in ["attempts", "hosts"] {
        if let Some(found) = value.get(part) {
            walk(("", part), found, scrubber);
        }
    }
    Ok(())
}
