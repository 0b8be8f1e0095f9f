//! One chunk of a log: which of its records are wanted, and those decoded.

use super::fields::event_record;
use super::observe::observation;
use super::scan::{CHUNK_LEN, Identity, RawRecord, Templates, records};
use crate::base::{Gap, HostTime};
use crate::knowledge::Knowledge;
use crate::observe::Observation;
use evtx::{EvtxChunkData, EvtxRecord, ParserSettings};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one chunk gave.
#[derive(Default)]
pub(super) struct ChunkFacts {
    pub(super) observations: Vec<Observation>,
    pub(super) gaps: Vec<Gap>,
    pub(super) span: Option<(HostTime, HostTime)>,
    pub(super) records: u64,
    pub(super) unreadable: u64,
    /// Host and channel of any record that was decoded to learn them.
    pub(super) identity: Option<(Arc<str>, Arc<str>)>,
}

/// Where a chunk stands.
#[derive(Clone, Copy)]
pub(super) struct ChunkPlace<'a> {
    pub(super) file: &'a Arc<str>,
    /// Byte offset in the file.
    pub(super) offset: u64,
    /// The file header says that a chunk is here.
    pub(super) expected: bool,
}

/// Which records of a chunk are decoded in full.
enum Selection {
    /// Those with these ids: the walk over the record headers agrees with the chunk
    /// header.
    Only(BTreeSet<u64>),
    /// All that the `evtx` crate finds: the chunk is torn, or records lie behind a
    /// damaged one.
    Everything { announced: Option<u64> },
}

/// Reads one chunk.
pub(super) fn read_chunk(
    place: ChunkPlace<'_>,
    chunk: Vec<u8>,
    knowledge: &Knowledge,
) -> ChunkFacts {
    let mut facts = ChunkFacts::default();
    if let Some(why) = not_a_chunk(&chunk, place.expected) {
        if !why.is_empty() {
            facts.unreadable = 1;
            facts.gaps.push(Gap::at(place.file, place.offset, why));
        }
        return facts;
    }
    let selection = select(&chunk, knowledge, &mut facts);
    decode(place, chunk, selection, knowledge, &mut facts);
    facts
}

/// Why these bytes are no chunk; empty for the unused space that logs are created
/// with.
fn not_a_chunk(chunk: &[u8], expected: bool) -> Option<String> {
    if chunk.starts_with(b"ElfChnk\0") && chunk.len() >= 512 {
        return None;
    }
    let zero = chunk.iter().all(|byte| *byte == 0);
    Some(match (zero, expected) {
        (true, false) => String::new(),
        (true, true) => "a chunk of 64 KiB that the log should hold is all zeros".to_owned(),
        (false, _) if chunk.len() < 512 => {
            format!("the file ends inside a chunk header: {} bytes left", chunk.len())
        }
        (false, _) => "64 KiB that do not begin like a chunk were skipped".to_owned(),
    })
}

/// Walks the record headers and asks each record's template what it is.
fn select(chunk: &[u8], knowledge: &Knowledge, facts: &mut ChunkFacts) -> Selection {
    let mut wanted = BTreeSet::new();
    let mut templates = Templates::default();
    let (mut first, mut end) = (None, super::scan::CHUNK_HEADER_LEN);
    for record in records(chunk) {
        facts.records += 1;
        end = record.offset + record.length;
        if let Some(time) = filetime(record.filetime) {
            facts.span = join_spans(facts.span, Some((HostTime(time), HostTime(time))));
        }
        first.get_or_insert(record.id);
        if is_wanted(&mut templates, chunk, record, knowledge) {
            wanted.insert(record.id);
        }
    }
    let announced = announced(chunk);
    let agrees = free_space(chunk) == Some(end) && announced == Some(facts.records);
    if !agrees {
        return Selection::Everything { announced };
    }
    if wanted.is_empty() {
        // One record of the chunk tells host and channel.
        wanted.extend(first);
    }
    Selection::Only(wanted)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// How many records the chunk header announces, by its record numbers.
fn announced(chunk: &[u8]) -> Option<u64> {
    u64_at(chunk, 16)?.checked_sub(u64_at(chunk, 8)?)?.checked_add(1)
}

/// Where the chunk header says that the records end.
fn free_space(chunk: &[u8]) -> Option<usize> {
    let offset = u32::from_le_bytes(chunk.get(48..52)?.try_into().ok()?);
    usize::try_from(offset).ok()
}

fn is_wanted(
    templates: &mut Templates,
    chunk: &[u8],
    record: RawRecord,
    knowledge: &Knowledge,
) -> bool {
    match templates.identify(chunk, record) {
        Identity::Known { provider, id } => knowledge.wanted(&provider, id).is_some(),
        Identity::Undecided => true,
    }
}

fn decode(
    place: ChunkPlace<'_>,
    mut chunk: Vec<u8>,
    selection: Selection,
    knowledge: &Knowledge,
    facts: &mut ChunkFacts,
) {
    let ChunkPlace { file, offset, .. } = place;
    if chunk.len() < CHUNK_LEN {
        let message =
            format!("the file ends inside a chunk: {} of {CHUNK_LEN} bytes are there", chunk.len());
        facts.gaps.push(Gap::at(file, offset + chunk.len() as u64, message));
        chunk.resize(CHUNK_LEN, 0);
    }
    let mut data = match EvtxChunkData::new(chunk, false) {
        Ok(data) => data,
        Err(error) => {
            facts.unreadable += facts.records;
            facts.gaps.push(Gap::at(
                file,
                offset,
                format!("the chunk header cannot be read: {error}"),
            ));
            return;
        }
    };
    if !data.validate_checksum() {
        let message = "a checksum of this chunk is wrong; its records were read all the same";
        facts.gaps.push(Gap::at(file, offset, message));
    }
    let mut chunk = match data.parse(Arc::new(ParserSettings::default())) {
        Ok(chunk) => chunk,
        Err(error) => {
            facts.unreadable += facts.records;
            facts.gaps.push(Gap::at(file, offset, format!("the chunk cannot be read: {error}")));
            return;
        }
    };
    let (mut left, announced) = match selection {
        Selection::Only(wanted) => (Some(wanted), None),
        Selection::Everything { announced } => (None, announced),
    };
    let mut found = 0;
    for record in chunk.iter() {
        found += 1;
        match record {
            Ok(record) => {
                let chosen = left.as_mut().is_none_or(|left| left.remove(&record.event_record_id));
                if chosen {
                    take_record(place, record, knowledge, facts);
                }
            }
            Err(error) => unreadable(place, facts, format!("a record cannot be read: {error}")),
        }
        if left.as_ref().is_some_and(BTreeSet::is_empty) {
            return;
        }
    }
    // A header that was never closed announces nonsense.
    if let Some(announced) = announced.filter(|n| *n > found && *n < 10_000) {
        let message = format!("the chunk announces {announced} records, {found} could be read");
        facts.unreadable += announced - found;
        facts.gaps.push(Gap::at(file, offset, message));
    }
    facts.records = facts.records.max(found);
}

fn unreadable(place: ChunkPlace<'_>, facts: &mut ChunkFacts, message: String) {
    facts.unreadable += 1;
    facts.gaps.push(Gap::at(place.file, place.offset, message));
}

fn take_record(
    place: ChunkPlace<'_>,
    record: EvtxRecord<'_>,
    knowledge: &Knowledge,
    facts: &mut ChunkFacts,
) {
    let (id, time) = (record.event_record_id, record.timestamp);
    let rendered = match record.into_json_value() {
        Ok(rendered) => rendered.data,
        Err(error) => {
            return unreadable(place, facts, format!("record {id} cannot be read: {error}"));
        }
    };
    let Some(record) = event_record(&rendered, id, time) else { return };
    facts.identity.get_or_insert((Arc::clone(&record.host), Arc::clone(&record.channel)));
    if let Some((provider, event)) = knowledge.wanted(&record.provider, record.id) {
        facts.observations.push(observation(record, provider, event, place.file));
    }
}

/// The span that covers both.
pub(super) fn join_spans(
    a: Option<(HostTime, HostTime)>,
    b: Option<(HostTime, HostTime)>,
) -> Option<(HostTime, HostTime)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// Seconds from 1601 to 1970.
const FILETIME_EPOCH_S: i64 = 11_644_473_600;

/// A FILETIME as a time; `None` outside what can be represented.
fn filetime(ticks: u64) -> Option<Timestamp> {
    // Nobody logged anything in 1601: the field was never set.
    if ticks == 0 {
        return None;
    }
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - FILETIME_EPOCH_S;
    let nanos = i64::try_from(ticks % 10_000_000).ok()? * 100;
    Timestamp::from_second(seconds).ok()?.checked_add(SignedDuration::from_nanos(nanos)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetimes_are_read_to_100_ns() {
        let time = filetime(133_590_312_001_234_567).unwrap();
        assert_eq!(crate::base::rfc3339(time), "2024-05-01T10:00:00.1234567Z");
        assert_eq!(filetime(u64::MAX), None);
    }

    #[test]
    fn unused_space_is_no_gap_and_a_zeroed_chunk_is() {
        assert_eq!(not_a_chunk(&[0; 100], false).as_deref(), Some(""));
        assert!(not_a_chunk(&[0; 100], true).unwrap().contains("all zeros"));
    }
}
