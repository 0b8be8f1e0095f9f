//! The report as one HTML file: no network, no external script, readable on paper, by a
//! screen reader, in light and dark.
//!
//! Everything is drawn from the [`Report`] alone; foreign text is escaped by maud, and
//! [`text`] takes what could turn the reading around. The only script is in the page itself
//! and its hash in the page's content security policy, so nothing that a log or a file name
//! brings along can run.

mod answer;
mod axis;
mod batch;
mod cards;
mod causes;
mod evidence;
mod fixes;
mod ladder;
mod lanes;
mod page;
mod story;
mod tcp;
mod timeline;

pub use batch::write_batch_html;

use super::model::Report;
use crate::base::for_terminal;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes the report as one HTML file.
///
/// # Errors
/// When the writer fails.
pub fn write_html(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page::report_page(report).into_string().as_bytes())
}

/// Foreign text, without characters that hide how it reads. Escaping is maud's.
fn text(foreign: &str) -> Cow<'_, str> {
    for_terminal(foreign)
}
