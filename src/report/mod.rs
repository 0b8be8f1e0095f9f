//! How is it told?
//!
//! [`Report`] is the JSON of `CONTRACT.md`, schema version 1, as types. Every
//! format is made from it alone, so a report that was read back from its own JSON
//! prints the same.

mod build;
mod model;
mod summary;
mod table;

pub use build::build;
pub use model::{
    AlertReport, AttemptReport, CaseReport, CertificateReport, ClientError, CoverageReport,
    DiagnosisReport, EventReport, EvidenceReport, FixReport, HostReport, MissingReport,
    ProblemReport, Report, Retransmissions, SourceReport, TcpReport, ToolReport, WireReport,
};
pub use table::{Style, write_table};

use std::io::{self, Write};

/// Writes the report as one JSON object, indented, with a final line feed.
///
/// # Errors
/// When the writer fails.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

/// Writes the report as one line of JSON.
///
/// # Errors
/// When the writer fails.
pub fn write_jsonl(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b"\n")
}
