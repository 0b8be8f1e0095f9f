//! Real files of public projects, when `../shared/corpus` is beside the project.

use crate::support::{analyse, files, name, shared};
use evtx::{EvtxParser, ParserSettings};
use rdp_triage::eventlog;
use rdp_triage::intake::take_in;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::observe::Place;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[test]
fn every_file_is_analysed_and_twice_the_same() {
    let Some(corpus) = shared("corpus") else { return };
    for file in files(&corpus) {
        let (first, second) = (analyse(&file), analyse(&file));
        assert_eq!(first, second, "{}", file.display());
    }
}

/// Record ids that the `evtx` crate decodes in full and the catalog wants.
fn wanted_by_full_decoding(path: &Path, knowledge: &Knowledge) -> BTreeSet<(u64, u16)> {
    let Ok(parser) = EvtxParser::from_path(path) else { return BTreeSet::new() };
    let mut parser = parser.with_configuration(ParserSettings::default());
    let mut wanted = BTreeSet::new();
    for record in parser.records_json_value().filter_map(Result::ok) {
        let system = &record.data["Event"]["System"];
        let provider = system["Provider"]["#attributes"]["Name"].as_str().unwrap_or_default();
        let id = system["EventID"].as_u64().or_else(|| system["EventID"]["#text"].as_u64());
        let Some(id) = id.and_then(|id| u16::try_from(id).ok()) else { continue };
        if knowledge.wanted(provider, id).is_some() {
            // In torn chunks the record header and the event disagree about the number;
            // Event Viewer shows the event's.
            let number = system["EventRecordID"].as_u64().unwrap_or(record.event_record_id);
            wanted.insert((number, id));
        }
    }
    wanted
}

#[test]
fn selective_reading_loses_no_record_that_full_decoding_gives() {
    let knowledge = Knowledge::embedded().unwrap();
    let samples = crate::support::root().join("samples");
    let corpus = shared("corpus/evtx");
    let mut seen = 0;
    for folder in [Some(samples), corpus].into_iter().flatten() {
        for path in
            files(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "evtx"))
        {
            let full = wanted_by_full_decoding(&path, &knowledge);
            let taken = take_in(std::slice::from_ref(&path)).unwrap();
            let file = taken.files.first().unwrap();
            let observations = eventlog::read(file, &knowledge).observations;
            let selective: BTreeSet<(u64, u16)> = observations
                .iter()
                .filter_map(|o| match o.source.place {
                    Place::Record(record) => {
                        let id = o.kind.rsplit('.').next()?.parse().ok()?;
                        Some((record, id))
                    }
                    _ => None,
                })
                .collect();
            // Of a flood some are only counted, with the last that was kept.
            let repeated = |id: u16| -> u64 {
                let alike = observations.iter().filter(|o| o.kind.ends_with(&format!(".{id}")));
                alike.map(|o| o.repeats).sum()
            };
            let mut counted: BTreeMap<u16, u64> = BTreeMap::new();
            let lost: Vec<_> = full
                .difference(&selective)
                .filter(|(_, id)| {
                    let count = counted.entry(*id).or_default();
                    *count += 1;
                    *count > repeated(*id)
                })
                .collect();
            assert!(
                lost.is_empty(),
                "{}: {} lost, first {:?}",
                path.display(),
                lost.len(),
                lost.first()
            );
            seen += selective.len();
        }
    }
    assert!(seen > 100, "only {seen} wanted records in all logs");
}

/// What tshark reads inside them is in `truth.jsonl`; that nothing stays closed is here.
#[test]
fn secrets_that_captures_bring_open_every_record() {
    let Some(captures) = shared("corpus/pcap/awakecoding+wireshark-rdp") else { return };
    let (mut opened, mut connections) = (0, 0);
    for path in files(&captures) {
        let report = serde_json::to_value(analyse(&path)).unwrap();
        for attempt in report["attempts"].as_array().unwrap() {
            let decryption = &attempt["wire"]["decryption"];
            if decryption.is_null() {
                continue;
            }
            assert_eq!(decryption["failed"], serde_json::json!([0, 0]), "{}", name(&path));
            let records = decryption["opened"].as_array().unwrap();
            opened += records.iter().filter_map(Value::as_u64).sum::<u64>();
            connections += 1;
        }
    }
    assert!(opened > 3_000 && connections >= 7, "{opened} records of {connections} connections");
}
