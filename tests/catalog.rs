//! The catalog against the fact base that it was written from, where that is at hand,
//! and what every event owes its readers.

use crate::support::shared;
use rdp_triage::knowledge::{Event, Knowledge};
use std::collections::BTreeSet;
use std::fs;

/// The rows of a table of the fact base, without its head.
fn rows(file: &str) -> Option<Vec<Vec<String>>> {
    let text = fs::read_to_string(shared("domain")?.join(file)).unwrap();
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    Some(text.lines().skip(1).map(cells).collect())
}

/// The event rows with the provider that each means: `same` is the one above, and the
/// GUID behind the name is none of it.
fn event_rows() -> Option<Vec<(Vec<String>, String)>> {
    let mut provider = String::new();
    let with_provider = |row: Vec<String>| {
        if row[1] != "same" {
            // `srv / Srv` are two spellings of one name.
            let name = row[1].split(" {").next().and_then(|name| name.split(" / ").next());
            provider = name.unwrap_or_default().to_owned();
        }
        (row, provider.clone())
    };
    Some(rows("events.tsv")?.into_iter().map(with_provider).collect())
}

/// The names in a list of fields such as `Type:UnicodeString, ErrorState:UInt32 || …`.
fn typed_names(fields: &str) -> Vec<&str> {
    const TYPES: &str = "UnicodeString UInt8 UInt16 UInt32 UInt64 Int32 Int64 HexInt32 HexInt64 \
        Pointer GUID SID FILETIME Binary";
    let types: BTreeSet<&str> = TYPES.split_whitespace().collect();
    fields
        .split([',', '|', ';'])
        .filter_map(|part| {
            let (name, kind) = part.trim().rsplit_once(':')?;
            let kind = kind.split_whitespace().next().unwrap_or_default();
            // `v1: Name:Type`, `+ Name:Type` and `Error Code (with a space …):Type`.
            let name = name.split(" (").next()?.rsplit(": ").next()?;
            types.contains(kind).then_some(name.rsplit("+ ").next()?.trim())
        })
        .collect()
}

#[test]
fn every_event_of_the_fact_base_is_in_the_catalog() {
    let Some(rows) = event_rows() else { return };
    let knowledge = Knowledge::embedded().unwrap();
    for (row, provider) in rows {
        let (id, priority) = (&row[2], &row[10]);
        if id == "*" {
            assert!(knowledge.provider_names().contains(&provider.as_str()), "{provider}");
            continue;
        }
        let id: u16 = id.parse().unwrap();
        let known = knowledge.event(&provider, id);
        let (catalog, event) = known.unwrap_or_else(|| panic!("{provider} {id} is missing"));
        assert_eq!(&event.priority, priority, "{provider} {id}");
        // `…/Admin` is another log of the same provider.
        let log = catalog.channel_of(event);
        let same = row[0].strip_prefix('…').map_or(log == row[0], |end| log.ends_with(end));
        assert!(same, "{provider} {id} is in {log}, not in {}", row[0]);
        for field in typed_names(&row[6]) {
            // The log reader calls the element by its own name.
            let field = if field == "BinaryData" { "Binary" } else { field };
            assert!(event.knows(field), "{provider} {id} lacks the field {field}");
        }
    }
}

#[test]
fn every_code_of_the_fact_base_is_in_its_table() {
    let Some(rows) = rows("codes.tsv") else { return };
    let knowledge = Knowledge::embedded().unwrap();
    for row in rows {
        let (table, code) = (&row[0], &row[1]);
        let known = &knowledge.codes[table];
        let found = match code.parse() {
            Ok(value) => known.by_value(value).is_some(),
            Err(_) => known.codes.iter().any(|known| known.key == *code),
        };
        assert!(found, "{table} lacks {code}");
    }
}

fn events(knowledge: &Knowledge) -> impl Iterator<Item = (String, &Event)> {
    knowledge.providers().flat_map(|provider| {
        provider
            .events
            .iter()
            .map(move |event| (format!("{} {}", provider.provider, event.id), event))
    })
}

#[test]
fn every_event_has_a_message_that_is_one_sentence() {
    let knowledge = Knowledge::embedded().unwrap();
    for (name, event) in events(&knowledge) {
        let message = &event.message;
        assert!(message.ends_with('.') && message.len() > 10, "{name}: {message}");
        assert!(!message.contains("  ") && !message.contains("[ ["), "{name}: {message}");
        assert!(!matches!(event.priority.as_str(), ""), "{name} has no priority");
    }
}

/// Filled in or not, a message is a clean sentence: no doubled spaces, no brackets left.
#[test]
fn messages_read_well_with_all_fields_and_with_none() {
    let knowledge = Knowledge::embedded().unwrap();
    for provider in knowledge.providers() {
        for event in &provider.events {
            let kind = format!("event.{}.{}", provider.slug, event.id);
            let derived = event.derived().iter().map(|name| (*name).to_owned());
            let fields: Vec<_> = (event.fields.iter().chain(&event.positional).cloned())
                .chain(derived)
                .map(|name| (name.into(), "7".to_owned()))
                .collect();
            for fields in [fields.as_slice(), &[]] {
                let sentence = knowledge.sentence(&kind, fields).unwrap();
                assert!(!sentence.contains("  "), "{kind}: {sentence}");
                assert!(!sentence.contains(['{', '}', '[', ']']), "{kind}: {sentence}");
                assert!(sentence.starts_with(|c: char| !c.is_whitespace()), "{kind}: {sentence}");
            }
        }
    }
}

/// Records that join single connections are each of them evidence.
#[test]
fn what_joins_connections_is_never_thinned_out() {
    let knowledge = Knowledge::embedded().unwrap();
    let kinds =
        ["rdpcorets.131", "rdpcorets.98", "rdpcorets.102", "rdpcorets.103", "security.4624"];
    for kind in kinds.iter().chain(&["rcm.261", "rcm.1149", "rcm.1158", "gateway.312"]) {
        let (_, event) = knowledge.event_by_kind(&format!("event.{kind}")).unwrap();
        assert!(event.alike.is_empty(), "{kind}");
    }
    for provider in knowledge.providers().filter(|provider| provider.slug == "lsm") {
        assert!(provider.events.iter().all(|event| event.alike.is_empty()));
    }
}

#[test]
fn a_house_file_with_a_wrong_message_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.toml");
    let head =
        "provider = \"House\"\nslug = \"house\"\n[[event]]\nid = 1\ntitle = \"t\"\nsays = \"s\"\n";
    for (line, part) in [
        ("message = \"{Nobody} came.\"", "Nobody"),
        ("message = \"a [b\"", "not closed"),
        ("fields = [\"A\"]\ncodes = { A = \"no_table\" }", "no_table"),
        ("alike = [\"B\"]", "the field B"),
        ("priority = \"D\"", "priority D"),
    ] {
        fs::write(&file, format!("{head}{line}\n")).unwrap();
        let error = Knowledge::with_rules(folder.path()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("event 1 of House"), "{error}");
    }
    fs::write(&file, format!("{head}message = \"It came.\"\n")).unwrap();
    let knowledge = Knowledge::with_rules(folder.path()).unwrap();
    assert!(knowledge.wanted("House", 1).is_some());
}

#[test]
fn a_cause_cannot_wait_for_an_event_that_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = crate::support::root().join("src/knowledge/data/causes/cert-expired.toml");
    let text = fs::read_to_string(file).unwrap();
    let changed = text.replacen("event.schannel.36881", "event.schannel.36875", 1);
    assert_ne!(text, changed);
    fs::write(folder.path().join("cause.toml"), changed).unwrap();
    let error = Knowledge::with_rules(folder.path()).unwrap_err().to_string();
    assert!(error.contains("event.schannel.36875"), "{error}");
}
