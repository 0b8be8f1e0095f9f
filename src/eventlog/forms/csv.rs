//! Tables of EvtxECmd and hayabusa: what JSON of these tools has as keys is here the
//! head of a column.

use super::json::Shapes;
use super::rows::{Found, Rows};
use super::sink::Sink;
use serde_json::{Map, Value};
use std::io::{self, BufRead};

/// Reads all rows.
pub(super) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut rows = Rows::new(text);
    let mut shapes = Shapes::default();
    let mut head: Vec<String> = Vec::new();
    while let Some(found) = rows.next()? {
        let (offset, line, columns) = match found {
            Found::Row { offset, line, columns } => (offset, line, columns),
            Found::Broken { offset, length } => {
                sink.unreadable(offset, format!("{length} bytes that are no row"));
                continue;
            }
        };
        if head.is_empty() {
            head = columns.iter().map(|name| name.trim().to_owned()).collect();
            continue;
        }
        // Tables that were put together have their heads between the rows.
        if columns == head {
            continue;
        }
        if columns.len() != head.len() {
            let (has, wants) = (columns.len(), head.len());
            sink.unreadable(offset, format!("a row of {has} columns under a head of {wants}"));
            continue;
        }
        sink.stand_at(line);
        let given = head.iter().cloned().zip(columns).filter(|(_, value)| !value.is_empty());
        let object: Map<String, Value> =
            given.map(|(name, value)| (name, Value::String(value))).collect();
        if !shapes.take(&Value::Object(object), sink) {
            sink.unreadable(offset, "a row that is no event of a known form");
        }
    }
    Ok(())
}
