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
pub mod compare;
mod coverage;
mod events;
pub mod explain;
mod hosts;
mod html;
mod ladder;
mod layers;
mod layers_model;
mod markdown;
mod model;
mod parts;
mod proof;
mod refutation;
mod seen;
mod summary;
mod table;
mod tcp;
mod text;
pub mod timeline;
mod wire;
mod wire_model;
mod words;

pub use batch::{
    BatchReport, CaseLine, CauseTotal, Cluster, ClusterBy, Leading, Lines, Totals, UnansweredTotal,
    write_batch_json, write_batch_markdown, write_batch_table,
};
pub use build::{SCHEMA_VERSION, build};
pub(crate) use community_id::{TCP, community_id};
pub use html::{write_batch_html, write_html};
pub use layers_model::*;
pub use markdown::write_markdown;
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
