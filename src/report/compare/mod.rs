//! What differs between two cases: one that works and one that does not, before and after
//! a change, or one of many servers and the others.
//!
//! It is made of two reports alone, so each may as well be read back from its JSON.

mod attempt;
mod build;
mod case;
mod choose;
mod events;
mod lists;
mod markdown;
mod model;
mod rows;
mod table;
mod timing;
mod told;
mod wire;

pub use build::{Chosen, compare};
pub use markdown::write_compare_markdown;
pub use model::{
    CompareReport, DifferenceReport, ListChange, MovedItem, SameReport, SectionReport, SideReport,
    SideValueReport, TimingReport,
};
pub use table::write_compare_table;

use std::io::{self, Write};

/// Writes the comparison as one JSON object: indented, or on one line.
///
/// # Errors
/// When the writer fails.
pub fn write_compare_json(
    report: &CompareReport,
    indented: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    match indented {
        true => serde_json::to_writer_pretty(&mut *out, report)?,
        false => serde_json::to_writer(&mut *out, report)?,
    }
    out.write_all(b"\n")
}
