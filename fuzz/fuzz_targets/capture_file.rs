//! A whole capture, plain or gzip'd: no panic, no hang, and every byte read or listed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rdp_triage::capture;
use rdp_triage::intake::{EvidenceFile, FileKind};

fuzz_target!(|bytes: &[u8]| {
    let file = EvidenceFile::from_bytes("fuzz", bytes.to_vec());
    if matches!(file.kind, FileKind::Pcap | FileKind::Pcapng | FileKind::NetMon) {
        let _ = capture::read(&file, &[3389], None);
    }
});
