//! Whole files.

use super::inside;
use rdp_triage::capture::{self, CaptureFacts};
use rdp_triage::eventlog;
use rdp_triage::intake::{EvidenceFile, FileKind};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::wire::decrypt::KeyLog;
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
    let captured = matches!(file.kind, FileKind::Pcap | FileKind::Pcapng | FileKind::NetMon);
    let facts = captured.then(|| capture::read(&file, &[3389], secrets))?;
    told(&facts);
    Some(facts)
}

/// Whatever was read, frames are numbered from 1 and within what was counted.
fn told(facts: &CaptureFacts) {
    for conversation in &facts.conversations {
        let first = conversation.first_frame.0;
        assert!((1..=facts.coverage.items).contains(&first), "frame {first}");
    }
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

/// An event log, compressed or not.
pub fn event_log(bytes: &[u8]) {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    if file.kind == FileKind::Evtx {
        let _ = eventlog::read(&file, &KNOWLEDGE);
    }
}
