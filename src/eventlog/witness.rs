//! Reading by plans, held against full decoding by the `evtx` crate: every record of
//! every log there is.

use super::binxml::{Plans, instance};
use super::fields::event_record;
use super::locate::{file_header, locate};
use super::walk::{CHUNK_LEN, RawRecord, walk};
use super::{EventRecord, full};
use crate::base::filetime;
use crate::intake::{EvidenceFile, take_in};
use evtx::{EvtxParser, ParserSettings, SerializedEvtxRecord};
use jiff::Timestamp;
use proptest::prelude::*;
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
    let header = file_header(&file.name, &input).unwrap();
    for place in locate(&file.name, &input, &header, header.chunks).unwrap().chunks {
        let mut chunk = vec![0; place.length.min(CHUNK_LEN)];
        let got = input.read(place.offset, &mut chunk).unwrap();
        let walk = walk(&chunk[..got]);
        visit(&chunk[..got], &walk.live);
    }
}

fn time(record: RawRecord) -> Timestamp {
    filetime(record.filetime).unwrap_or(Timestamp::UNIX_EPOCH)
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

/// All records of a log that are read, by provider and id.
fn ours(file: &EvidenceFile) -> Census {
    let mut records = Vec::new();
    each_record(file, |chunk, live| {
        for (record, json) in live.iter().zip(full::decode(chunk, live)) {
            records
                .extend(json.ok().and_then(|json| event_record(&json, record.id, time(*record))));
        }
    });
    census(records.into_iter())
}

/// All records of a log that the crate reads by itself.
fn theirs(bytes: Vec<u8>) -> Census {
    let Ok(parser) = EvtxParser::from_buffer(bytes) else { return Census::new() };
    let mut parser = parser.with_configuration(ParserSettings::default());
    let records = parser.records_json_value().filter_map(Result::ok);
    let read = |record: SerializedEvtxRecord<serde_json::Value>| {
        event_record(&record.data, record.event_record_id, record.timestamp)
    };
    census(records.filter_map(read))
}

/// Events of which fewer records are read than full decoding gives.
fn lost(bytes: &[u8]) -> Vec<String> {
    let ours = ours(&EvidenceFile::from_bytes("f", bytes.to_vec()));
    let fewer = |(event, theirs): (&(String, u16), &u64)| {
        let got = ours.get(event).copied().unwrap_or_default();
        (got < *theirs).then(|| format!("{event:?}: {got} of {theirs}"))
    };
    theirs(bytes.to_vec()).iter().filter_map(fewer).collect()
}

#[test]
fn no_record_is_lost_that_full_decoding_gives() {
    for path in logs() {
        let lost = lost(&std::fs::read(&path).unwrap());
        assert!(lost.is_empty(), "{}: {lost:?}", path.display());
    }
}

#[test]
fn the_records_of_each_event_are_as_many_as_evtx_dump_counts() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/evtx");
    let Ok(counts) = std::fs::read_to_string(corpus.join("counts.tsv")) else {
        return eprintln!("SKIPPED: {} is not there", corpus.display());
    };
    let mut expected: BTreeMap<&str, Census> = BTreeMap::new();
    for line in counts.lines() {
        let [file, provider, id, count] = line.split('\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let (Ok(id), Ok(count)) = (id.parse(), count.parse()) else { continue };
        expected.entry(file).or_default().insert((provider.to_owned(), id), count);
    }
    assert!(expected.len() > 30);
    for (name, expected) in expected {
        let file = opened(&corpus.join(name));
        // What has no provider is no event here.
        for (event, count) in expected.iter().filter(|((provider, _), _)| provider != "None") {
            let got = ours(&file).get(event).copied().unwrap_or_default();
            assert!(got >= *count, "{name}: {event:?} {got} of {count}");
        }
    }
}

/// What happens to logs: what is damaged, and how.
fn damages(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut copy = bytes.to_vec();
        change(&mut copy);
        copy
    };
    let fill = |copy: &mut Vec<u8>, from: usize, length: usize, with: u8| {
        let end = (from + length).min(copy.len());
        copy.get_mut(from..end).unwrap_or_default().fill(with);
    };
    let chunk = 4096 + 512;
    vec![
        ("the file header is zeroed", damaged(&|copy| fill(copy, 0, 4096, 0))),
        ("the file header is cut off", bytes.get(4096..).unwrap_or_default().to_vec()),
        ("the file header counts 9 chunks", damaged(&|copy| copy[42..44].copy_from_slice(&[9, 0]))),
        ("the file header is dirty", damaged(&|copy| copy[120] = 1)),
        ("a chunk header is zeroed", damaged(&|copy| fill(copy, 4096, 512, 0))),
        ("the name table is damaged", damaged(&|copy| fill(copy, 4096 + 128, 100, 0xee))),
        ("a checksum is wrong", damaged(&|copy| fill(copy, 4096 + 52, 4, 0x11))),
        ("the free space begins too early", damaged(&|copy| fill(copy, 4096 + 49, 1, 3))),
        ("the free space begins too late", damaged(&|copy| fill(copy, 4096 + 49, 1, 0xff))),
        ("the first record has no size", damaged(&|copy| fill(copy, chunk + 4, 4, 0))),
        ("the first record is too long", damaged(&|copy| fill(copy, chunk + 4, 2, 0xff))),
        ("a record's signature is gone", damaged(&|copy| fill(copy, chunk, 4, 0))),
        ("a page is zeroed", damaged(&|copy| fill(copy, 4096 + 8192, 4096, 0))),
        ("a page is overwritten", damaged(&|copy| fill(copy, 4096 + 12_288, 4096, 0x2a))),
        ("the tail is cut", bytes.get(..bytes.len() - 40_000).unwrap_or_default().to_vec()),
        ("a byte was inserted", damaged(&|copy| copy.insert(5000, 7))),
        ("a sector is missing", damaged(&|copy| drop(copy.drain(20_480..20_992)))),
    ]
}

#[test]
fn damaged_logs_give_at_least_what_full_decoding_gives() {
    for path in logs() {
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() > 1_200_000 {
            continue;
        }
        for (damage, damaged) in damages(&bytes) {
            let lost = lost(&damaged);
            assert!(lost.is_empty(), "{}, {damage}: {lost:?}", path.display());
        }
    }
}

proptest! {
    #[test]
    fn no_damage_makes_a_plan_or_full_decoding_panic(
        flips in proptest::collection::vec((512..20_000_usize, any::<u8>()), 1..200),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tls-no-shared-cipher/server/System.evtx");
        let mut bytes = std::fs::read(path).unwrap();
        for (at, with) in flips {
            bytes[4096 + at] = with;
        }
        let file = EvidenceFile::from_bytes("f", bytes);
        each_record(&file, |chunk, live| {
            let mut plans = Plans::default();
            for (record, json) in live.iter().zip(full::decode(chunk, live)) {
                let planned = instance(chunk, record.body())
                    .and_then(|instance| plans.read(chunk, instance, record.end()));
                let _ = planned.and_then(|planned| planned.event_record(record.id, time(*record)));
                let _ = json.map(|json| event_record(&json, record.id, time(*record)));
            }
        });
    }
}
