//! Reports that other runs wrote.

use rdp_triage::batch::merge;
use rdp_triage::report::{BatchReport, Style, write_batch_table};
use std::fs;

/// A file of reports, one behind the other.
pub fn reports(bytes: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let file = folder.path().join("reports.jsonl");
    if fs::write(&file, bytes).is_err() {
        return;
    }
    let merged = merge(&[file.clone(), file]).expect("the file is there");
    assert!(!merged.lines.is_empty(), "what holds no report is told too");
    let report = BatchReport::of(merged.lines);
    let totals = report.totals;
    let verdicts =
        [totals.diagnosed, totals.no_failure_found, totals.inconclusive, totals.no_evidence];
    assert_eq!(verdicts.iter().sum::<usize>(), report.cases.len(), "a case was lost");
    let mut out = Vec::new();
    write_batch_table(&report, Style { width: 80, color: false }, &mut out).expect("to memory");
}
