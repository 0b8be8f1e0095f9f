//! JSON: one object a record, on lines, pretty-printed one after another, or in an
//! array; with or without the `Record N` lines of evtx_dump.

mod scan;
mod shapes;

pub(super) use shapes::{Shapes, guid, time_of_text};

use super::sink::Sink;
use scan::{Found, Objects};
use std::io::{self, BufRead};

/// Reads all records.
pub(super) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut objects = Objects::new(text);
    let mut shapes = Shapes::default();
    while let Some(found) = objects.next()? {
        let (offset, object) = match found {
            Found::Object { offset, line, text } => {
                sink.stand_at(line);
                (offset, text)
            }
            Found::Broken { offset, length } => {
                sink.unreadable(offset, format!("{length} bytes that are no JSON object"));
                continue;
            }
        };
        match serde_json::from_slice(object) {
            Ok(value) => {
                if !shapes.take(&value, sink) {
                    sink.unreadable(offset, "an object that is no event of a known form");
                }
            }
            Err(error) => sink.unreadable(offset, format!("an object that is no JSON: {error}")),
        }
    }
    Ok(())
}
