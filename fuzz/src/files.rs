//! Whole files.

use super::inside;
use rdp_triage::capture::read_frames;
use rdp_triage::capture::{self, CaptureFacts};
use rdp_triage::intake::{Budget, EvidenceFile, FileKind, take_in_bytes};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::wire::decrypt::KeyLog;
use rdp_triage::{document, eventlog};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::{Arc, LazyLock};

static KNOWLEDGE: LazyLock<Knowledge> =
    LazyLock::new(|| Knowledge::embedded().expect("a test loads the embedded knowledge"));

/// A capture of any format, compressed or not. Every second length is read with a key
/// log.
pub fn capture_file(bytes: &[u8]) {
    if bytes.len().is_multiple_of(2) {
        let _ = read(bytes, None);
    } else {
        let _ = with_secrets(bytes, &inside::key_log());
    }
}

pub(super) fn with_secrets(bytes: &[u8], secrets: &str) -> Option<CaptureFacts> {
    read(bytes, Some(Arc::new(KeyLog::parse(secrets.as_bytes()))))
}

fn read(bytes: &[u8], secrets: Option<Arc<KeyLog>>) -> Option<CaptureFacts> {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    let captured = file.kind.is_capture();
    let facts = captured.then(|| capture::read(&file, &[3389], secrets))?;
    told(&facts);
    if matches!(file.kind, FileKind::Pcap | FileKind::Pcapng) {
        // What is read ahead, by whichever thread, is what is there from start to end.
        let mut frames = 0;
        let _ = read_frames(&file, &mut |_| frames += 1);
        assert_eq!(facts.coverage.items, frames);
    }
    Some(facts)
}

/// Whatever was read, frames are numbered from 1 and within what was counted.
fn told(facts: &CaptureFacts) {
    for conversation in &facts.conversations {
        let first = conversation.first_frame.0;
        assert!((1..=facts.coverage.items).contains(&first), "frame {first}");
    }
}

/// The events of a trace, in buffers of two processors, by either clock.
pub fn etl(bytes: &[u8]) {
    let clock = if bytes.len().is_multiple_of(2) { 1 } else { 2 };
    let room = ETL_BUFFER - ETL_HEADER;
    let mut trace = etl_buffer(0, &etl_first(clock));
    for (processor, payload) in (0..).zip(bytes.chunks(room)) {
        trace.extend(etl_buffer(processor % 2, payload));
    }
    let file = EvidenceFile::from_bytes("fuzz", trace);
    assert_eq!(file.kind, FileKind::Etl);
    let (mut numbers, mut held) = (0, 0);
    let outcome = read_frames(&file, &mut |frame| {
        let again = frame.drop.is_some_and(|drop| drop.again);
        numbers += u64::from(!again);
        assert!(if again { frame.number <= numbers } else { frame.number == numbers });
        held += if again { 0 } else { frame.data.len() };
    });
    assert!(held <= bytes.len(), "frames have more bytes than the trace");
    assert!(numbers > 0 || !outcome.gaps.is_empty(), "nothing was read and nothing is told");
    let _ = capture::read(&file, &[3389], None);
}

const ETL_BUFFER: usize = 2048;
const ETL_HEADER: usize = 72;

/// A buffer of a trace whose payload is in use.
fn etl_buffer(processor: u8, payload: &[u8]) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap_or_default().to_le_bytes();
    let mut buffer = vec![0; ETL_HEADER];
    buffer[..4].copy_from_slice(&word(ETL_BUFFER));
    buffer[40] = processor;
    buffer[48..52].copy_from_slice(&word(ETL_HEADER + payload.len()));
    buffer.extend(payload);
    buffer.resize(ETL_BUFFER, 0xff);
    buffer
}

/// The first event of a trace: `TRACE_LOGFILE_HEADER`.
fn etl_first(clock: u8) -> Vec<u8> {
    let mut event = vec![0; 312];
    event[..8].copy_from_slice(&[2, 0, 2, 0xc0, 0x38, 1, 0, 0]);
    event[32..36].copy_from_slice(&[0, 8, 0, 0]);
    event[288..296].copy_from_slice(&10_000_000_u64.to_le_bytes());
    event[296..304].copy_from_slice(&133_934_121_000_000_000_u64.to_le_bytes());
    event[304] = clock;
    event
}

/// Exported events: XML, CLIXML, JSON, CSV or Event Viewer's text, compressed or not.
pub fn export(bytes: &[u8]) {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    let exported = matches!(
        file.kind,
        FileKind::EventXml
            | FileKind::EventCliXml
            | FileKind::EventJson
            | FileKind::EventCsv
            | FileKind::EventText
    );
    if exported {
        let facts = eventlog::read(&file, &KNOWLEDGE);
        let records: u64 = facts.coverage.iter().map(|coverage| coverage.items).sum();
        assert!(facts.observations.len() as u64 <= records, "more was seen than was read");
    }
}

/// A text that somebody attached, in any encoding, compressed or not.
pub fn document(bytes: &[u8]) {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    if file.kind == FileKind::Text {
        let facts = document::read(&file, &KNOWLEDGE);
        // Listings of no interest are counted, and nothing is kept of them.
        let told = facts.observations.len() + facts.coverage.len() + facts.gaps.len();
        assert!(told > 0, "a text said nothing, and nothing was said of it");
    }
}

/// An event log, compressed or not.
pub fn event_log(bytes: &[u8]) {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    if file.kind == FileKind::Evtx {
        let _ = eventlog::read(&file, &KNOWLEDGE);
    }
}

/// An archive of any format, or a compressed file. What is in it is opened within the
/// budget, and told apart by name.
pub fn archive(bytes: &[u8]) {
    let budget = Budget { depth: 4, ratio: 50, entries: 64, unpacked: 1 << 20 };
    let taken = take_in_bytes("fuzz", bytes.to_vec(), budget);
    assert!(!taken.files.is_empty() || !taken.gaps.is_empty(), "silence");
    let names: BTreeSet<&str> = taken.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names.len(), taken.files.len(), "two files of one name");
    let mut all = 0;
    for file in &taken.files {
        let Ok(stream) = file.stream() else { continue };
        let limit = budget.unpacked.max(bytes.len() as u64);
        let mut content = Vec::new();
        let whole = stream.take(limit + 1).read_to_end(&mut content).is_ok();
        let length = content.len() as u64;
        assert!(length <= limit, "{length} bytes");
        all += length;
        // A log is read from anywhere: that gives the same bytes.
        let mut gaps = Vec::new();
        if let Ok(opened) = file.open_at(&mut gaps) {
            assert!(opened.length() == length || !whole || !gaps.is_empty(), "{}", file.name);
        }
    }
    assert!(all <= budget.unpacked + bytes.len() as u64, "{all} bytes of all files");
}
