//! How is it told?
//!
//! [`Report`] is the JSON of `CONTRACT.md`, schema version 1, as types. Every
//! format is made from it alone, so a report that was read back from its own JSON
//! prints the same.

mod attempts;
mod background;
mod batch;
mod build;
mod client_codes;
mod collectors;
mod community_id;
mod coverage;
mod events;
pub mod explain;
mod hosts;
mod layers;
mod layers_model;
mod model;
mod parts;
mod seen;
mod summary;
mod table;
mod tcp;
mod text;
mod wire;
mod wire_model;

pub use batch::{
    BatchReport, CaseLine, CauseTotal, Cluster, ClusterBy, Leading, Lines, Totals, UnansweredTotal,
    write_batch_json, write_batch_table,
};
pub use build::build;
pub(crate) use community_id::community_id;
pub use layers_model::*;
pub use model::{
    AttemptReport, CaseReport, CheckReport, ClientError, CollectorReport, CoverageReport,
    DiagnosisReport, EventReport, EvidenceReport, FixReport, HoleReport, HostReport, LeftOutReport,
    MissingReport, PartReport, ProblemReport, Report, SourceReport, StepReport, SystemReport,
    ToolReport, UdpReport,
};
pub use table::{Style, write_table};
pub use wire_model::*;

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
