//! Many cases together: a line for each, what they have in common, and the totals.

mod clusters;
mod markdown;
mod model;
mod table;

pub use markdown::write_batch_markdown;
pub use model::{
    BatchReport, CaseLine, CauseTotal, Cluster, ClusterBy, Leading, Totals, UnansweredTotal,
};
pub use table::{Lines, write_batch_table};

use std::io::{self, Write};

/// Writes the summary as one JSON object, indented, with a final line feed.
///
/// # Errors
/// When the writer fails.
pub fn write_batch_json(report: &BatchReport, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
