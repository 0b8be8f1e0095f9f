//! A whole event log: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rdp_triage::eventlog;
use rdp_triage::intake::{EvidenceFile, FileKind};
use rdp_triage::knowledge::Knowledge;
use std::sync::LazyLock;

static KNOWLEDGE: LazyLock<Knowledge> =
    LazyLock::new(|| Knowledge::embedded().expect("a test loads the embedded knowledge"));

fuzz_target!(|bytes: &[u8]| {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    if file.kind == FileKind::Evtx {
        let _ = eventlog::read(&file, &KNOWLEDGE);
    }
});
