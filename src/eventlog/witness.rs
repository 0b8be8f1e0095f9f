//! Reading by plans, held against full decoding by the `evtx` crate: every record of
//! every log there is.

use super::binxml::{Plans, instance};
use super::fields::event_record;
use super::locate::locate;
use super::walk::{CHUNK_LEN, RawRecord, walk};
use super::{EventRecord, full};
use crate::base::filetime;
use crate::intake::{EvidenceFile, take_in};
use evtx::{EvtxParser, ParserSettings};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All logs of the samples, and of the corpus where it is there.
fn logs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("samples"), root.join("../shared/corpus/evtx")];
    let mut logs = Vec::new();
    for folder in folders {
        if !folder.is_dir() {
            eprintln!("SKIPPED: {} is not there", folder.display());
        }
        let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
        let paths = files.filter_map(Result::ok).map(walkdir::DirEntry::into_path);
        logs.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "evtx")));
    }
    assert!(!logs.is_empty());
    logs
}

fn opened(path: &Path) -> EvidenceFile {
    take_in(&[path.to_path_buf()]).unwrap().files.remove(0)
}

/// Every live record of a log with its chunk.
fn each_record(file: &EvidenceFile, mut visit: impl FnMut(&[u8], &[RawRecord])) {
    let input = file.open_at(&mut Vec::new()).unwrap();
    for place in locate(&file.name, &input).unwrap().chunks {
        let mut chunk = vec![0; place.length.min(CHUNK_LEN)];
        let got = input.read(place.offset, &mut chunk).unwrap();
        let walk = walk(&chunk[..got]);
        visit(&chunk[..got], &walk.live);
    }
}

fn time(record: RawRecord) -> Timestamp {
    filetime(record.filetime).unwrap()
}

#[test]
fn a_plan_gives_what_full_decoding_gives() {
    let (mut records, mut planned) = (0, 0);
    let mut differences = Vec::new();
    for path in logs() {
        each_record(&opened(&path), |chunk, live| {
            let mut plans = Plans::default();
            for (record, json) in live.iter().zip(full::decode(chunk, live)) {
                records += 1;
                let plan = instance(chunk, record.body())
                    .and_then(|instance| plans.read(chunk, instance, record.end()))
                    .and_then(|planned| planned.event_record(record.id, time(*record)));
                let Some(plan) = plan else { continue };
                planned += 1;
                let full = json.map(|json| event_record(&json, record.id, time(*record)));
                if Ok(Some(&plan)) != full.as_ref().map(Option::as_ref) {
                    differences.push(format!(
                        "{} record {}:\n  {plan:?}\n  {full:?}",
                        path.display(),
                        record.id
                    ));
                }
            }
        });
    }
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences[..differences.len().min(12)].join("\n")
    );
    eprintln!("{planned} of {records} records have a plan");
    assert!(planned * 10 > records * 7, "{planned} of {records}");
}

/// The records of a log by provider and id.
type Census = BTreeMap<(String, u16), u64>;

fn census(records: impl Iterator<Item = EventRecord>) -> Census {
    let mut census = Census::new();
    for record in records {
        *census.entry((record.provider, record.id)).or_default() += 1;
    }
    census
}

#[test]
fn no_record_is_lost_that_the_evtx_crate_gives() {
    for path in logs() {
        let mut ours = Vec::new();
        each_record(&opened(&path), |chunk, live| {
            for (record, json) in live.iter().zip(full::decode(chunk, live)) {
                ours.extend(
                    json.ok().and_then(|json| event_record(&json, record.id, time(*record))),
                );
            }
        });
        let Ok(parser) = EvtxParser::from_path(&path) else { continue };
        let mut parser = parser.with_configuration(ParserSettings::default());
        let theirs: Vec<EventRecord> = parser
            .records_json_value()
            .filter_map(Result::ok)
            .filter_map(|record| {
                event_record(&record.data, record.event_record_id, record.timestamp)
            })
            .collect();
        let (mut ours_by_id, mut theirs_by_id) =
            (census(ours.into_iter()), census(theirs.into_iter()));
        ours_by_id.retain(|event, count| theirs_by_id.get(event) != Some(count));
        theirs_by_id.retain(|event, count| {
            ours_by_id.get(event).is_none_or(|ours| ours < count) && ours_by_id.contains_key(event)
        });
        assert!(
            theirs_by_id.is_empty(),
            "{}: {theirs_by_id:?} against {ours_by_id:?}",
            path.display()
        );
    }
}
