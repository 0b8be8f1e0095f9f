//! Reference pages: what is known of a code, an event, a cause, a fix.
//!
//! [`pages`] makes the model of an answer, [`contents`] that of everything that can
//! be asked for; every format is written from the model alone.

mod blocks;
mod build;
mod contents;
mod layout;
mod layout_code;
mod layout_fix;
mod markdown;
mod model;
mod terminal;

pub use build::pages;
pub use contents::{Contents, contents};
pub use model::*;

use super::table::Style;
use std::io::{self, Write};

/// Writes pages for a terminal.
///
/// # Errors
/// When the writer fails.
pub fn write_pages(pages: &Pages, style: Style, out: &mut dyn Write) -> io::Result<()> {
    terminal::write(&layout::blocks(pages), style, out)
}

/// Writes pages as Markdown.
///
/// # Errors
/// When the writer fails.
pub fn write_pages_markdown(pages: &Pages, out: &mut dyn Write) -> io::Result<()> {
    markdown::write(&layout::blocks(pages), out)
}

/// Writes pages as a JSON array with a final line feed.
///
/// # Errors
/// When the writer fails.
pub fn write_pages_json(pages: &Pages, out: &mut dyn Write) -> io::Result<()> {
    write_json(&pages.pages, out)
}

/// Writes the list of what can be asked for, for a terminal.
///
/// # Errors
/// When the writer fails.
pub fn write_contents(contents: &Contents, style: Style, out: &mut dyn Write) -> io::Result<()> {
    terminal::write(&contents.blocks(), style, out)
}

/// Writes the list of what can be asked for as Markdown.
///
/// # Errors
/// When the writer fails.
pub fn write_contents_markdown(contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    markdown::write(&contents.blocks(), out)
}

/// Writes the list of what can be asked for as a JSON array.
///
/// # Errors
/// When the writer fails.
pub fn write_contents_json(contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    write_json(&contents.lines, out)
}

fn write_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}
