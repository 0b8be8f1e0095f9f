//! One chunk of a log: which of its records are wanted, and those decoded.

use super::EventRecord;
use super::binxml::{Identity, Plans, Templates, instance, speaker};
use super::fields::event_record;
use super::flood::{Likeness, Likenesses};
use super::full;
use super::locate::ChunkPlace;
use super::observe::observation;
use super::runs::{IdRun, Runs};
use super::walk::{CHUNK_LEN, RawRecord, Walk, announced_records, checksums_hold, walk};
use crate::base::{Gap, filetime};
use crate::knowledge::Knowledge;
use crate::observe::Observation;
use jiff::Timestamp;
use std::sync::Arc;

/// Host and channel, as the records name them.
pub(super) type Speaker = (Arc<str>, Arc<str>);

/// A wanted record, or one that has to be decoded to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) record: RawRecord,
    pub(super) likeness: Option<Likeness>,
    /// It stands in space that the log has given up.
    pub(super) recovered: bool,
}

/// What a walk over one chunk found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) wanted: Vec<Wanted>,
    pub(super) gaps: Vec<Gap>,
    pub(super) records: u64,
    pub(super) unreadable: u64,
    /// First and last FILETIME.
    pub(super) span: Option<(u64, u64)>,
    /// Of the first and the last record.
    pub(super) speakers: Vec<Speaker>,
    pub(super) runs: Runs,
    /// What is wanted of it, decoded at once where that is little: each with its place
    /// among the wanted ones.
    pub(super) decoded: Option<Decoded>,
}

/// What is known of the definitions of one chunk.
struct Readers<'k> {
    templates: Templates<'k>,
    plans: Plans,
    likenesses: Likenesses<'k>,
}

/// Wanted records of a chunk that are decoded while the chunk is at hand, whether they
/// are kept or not. More of them may be a flood, of which few are kept.
const LITTLE: usize = 8;

/// Walks one chunk. `chunk` is shorter than a chunk where the file ends inside it.
pub(super) fn scan(
    file: &Arc<str>,
    place: ChunkPlace,
    chunk: &[u8],
    knowledge: &Knowledge,
) -> Scan {
    let walk = walk(chunk);
    let mut scan = Scan { records: walk.live.len() as u64, ..Scan::default() };
    problems(file, place, chunk, &walk, &mut scan);
    let mut readers = Readers {
        templates: Templates::new(knowledge),
        plans: Plans::default(),
        likenesses: Likenesses::default(),
    };
    for record in &walk.live {
        scan.note(*record);
        scan.wanted.extend(wanted(chunk, *record, &mut readers));
    }
    for record in &walk.slack {
        let found = wanted(chunk, *record, &mut readers);
        scan.wanted.extend(found.map(|found| Wanted { recovered: true, ..found }));
    }
    for record in [walk.live.first(), walk.live.last()].into_iter().flatten() {
        let speaker = speaker_of(chunk, *record);
        scan.speakers.extend(speaker.filter(|speaker| !scan.speakers.contains(speaker)));
    }
    if (1..=LITTLE).contains(&scan.wanted.len()) {
        let all: Vec<(u64, Wanted)> = (0..).zip(scan.wanted.iter().copied()).collect();
        scan.decoded = Some(decode_with(file, place, chunk, &all, knowledge, &mut readers.plans));
    }
    scan
}

impl Scan {
    fn note(&mut self, record: RawRecord) {
        // Nobody logged anything in 1601: the field was never set.
        let time = record.filetime;
        if time == 0 {
            return;
        }
        self.span = Some(self.span.map_or((time, time), |(a, b)| (a.min(time), b.max(time))));
        self.runs.join(IdRun::of(record.id, time));
    }
}

/// What could not be read, and what was read although the header is wrong.
fn problems(file: &Arc<str>, place: ChunkPlace, chunk: &[u8], walk: &Walk, scan: &mut Scan) {
    let mut gap = |offset: usize, message: String| {
        scan.gaps.push(Gap::at(file, place.offset + offset as u64, message));
    };
    let found = walk.live.len() as u64;
    let announced = announced_records(chunk);
    if chunk.len() < CHUNK_LEN {
        gap(
            chunk.len(),
            format!("the file ends inside a chunk: {} of {CHUNK_LEN} bytes are there", chunk.len()),
        );
    } else if !place.signed {
        gap(0, format!("a chunk without its header; {found} records were read all the same"));
    } else if walk.unannounced > 0 {
        // The log was in use when it was copied: nothing is wrong with it.
    } else if !checksums_hold(chunk) {
        gap(0, "a checksum of this chunk is wrong; its records were read all the same".to_owned());
    }
    for torn in &walk.torn {
        gap(torn.start, format!("{} bytes that are no event record were skipped", torn.len()));
    }
    let missing = announced.and_then(|announced| announced.checked_sub(found)).unwrap_or_default();
    if missing > 0 && walk.unannounced == 0 {
        gap(0, format!("the chunk announces {} records, {found} could be read", found + missing));
    }
    scan.unreadable = missing.max(walk.torn.len() as u64);
}

/// The record if it is wanted, or if only decoding can tell.
fn wanted(chunk: &[u8], record: RawRecord, readers: &mut Readers<'_>) -> Option<Wanted> {
    let mut wanted = Wanted { record, likeness: None, recovered: false };
    let Some(instance) = instance(chunk, record.body()) else { return Some(wanted) };
    match readers.templates.identify(chunk, instance, record.end()) {
        Identity::Other => None,
        Identity::Undecided => Some(wanted),
        Identity::Wanted { provider, event } => {
            if !event.alike.is_empty() {
                let planned = readers.plans.read(chunk, instance, record.end());
                wanted.likeness =
                    planned.and_then(|planned| readers.likenesses.of(provider, event, &planned));
            }
            Some(wanted)
        }
    }
}

fn speaker_of(chunk: &[u8], record: RawRecord) -> Option<Speaker> {
    let light =
        instance(chunk, record.body()).and_then(|instance| speaker(chunk, instance, record.end()));
    light.or_else(|| {
        let json = full::decode(chunk, &[record]).pop()?.ok()?;
        let record = event_record(&json, record.id, Timestamp::UNIX_EPOCH)?;
        Some((record.host, record.channel))
    })
}

/// What decoding the kept records of a chunk gave.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// Each with the number under which it is kept.
    pub(super) observations: Vec<(u64, Observation)>,
    pub(super) gaps: Vec<Gap>,
    pub(super) unreadable: u64,
}

/// Decodes the kept records of a chunk, each given with the number under which it is
/// kept, in the order of their offsets.
pub(super) fn decode(
    file: &Arc<str>,
    place: ChunkPlace,
    chunk: &[u8],
    kept: &[(u64, Wanted)],
    knowledge: &Knowledge,
) -> Decoded {
    decode_with(file, place, chunk, kept, knowledge, &mut Plans::default())
}

fn decode_with(
    file: &Arc<str>,
    place: ChunkPlace,
    chunk: &[u8],
    kept: &[(u64, Wanted)],
    knowledge: &Knowledge,
    plans: &mut Plans,
) -> Decoded {
    let mut decoded = Decoded::default();
    let mut take = |(number, wanted): (u64, Wanted), record: EventRecord| {
        let Some((_, event)) = knowledge.wanted(&record.provider, record.id) else { return };
        let mut observation = observation(record, event, file);
        if wanted.recovered {
            observation
                .fields
                .push((Arc::from("System.Recovered"), "unallocated space".to_owned()));
        }
        decoded.observations.push((number, observation));
    };
    let mut hard = Vec::new();
    for (number, wanted) in kept {
        let record = wanted.record;
        let read = instance(chunk, record.body())
            .and_then(|instance| plans.read(chunk, instance, record.end()))
            .and_then(|planned| planned.event_record(record.id, header_time(record)));
        match read {
            Some(read) => take((*number, *wanted), read),
            None => hard.push((*number, *wanted)),
        }
    }
    let records: Vec<RawRecord> = hard.iter().map(|(_, wanted)| wanted.record).collect();
    let results = if records.is_empty() { Vec::new() } else { full::decode(chunk, &records) };
    let mut failed = Vec::new();
    for ((number, wanted), result) in hard.into_iter().zip(results) {
        let record = wanted.record;
        match result {
            Ok(json) => {
                let read = event_record(&json, record.id, header_time(record));
                if let Some(read) = read {
                    take((number, wanted), read);
                }
            }
            // What stands in given-up space may be anything.
            Err(_) if wanted.recovered => {}
            Err(error) => failed.push((record, error)),
        }
    }
    decoded.observations.sort_by_key(|(number, _)| *number);
    decoded.unreadable = failed.len() as u64;
    decoded.gaps.extend(failed.into_iter().map(|(record, error)| {
        let message = format!("record {} cannot be read: {error}", record.id);
        Gap::at(file, place.offset + record.offset as u64, message)
    }));
    decoded
}

fn header_time(record: RawRecord) -> Timestamp {
    filetime(record.filetime).unwrap_or(Timestamp::UNIX_EPOCH)
}
