//! Rows of a table as text, whatever separates their columns. A row may span lines
//! inside quotation marks.

use super::MAX_RECORD_TEXT;
use std::io::{self, BufRead};

/// A row, or what is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Row {
        offset: u64,
        line: u64,
        columns: Vec<String>,
    },
    /// A row that is too long.
    Broken {
        offset: u64,
        length: u64,
    },
}

/// Columns of one row that are told apart.
const MAX_COLUMNS: usize = 512;

/// Where in a row a byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Plain,
    Quoted,
    /// Behind a quotation mark inside quotation marks: the end, or one that is meant.
    Mark,
}

/// Goes from row to row; empty lines are no rows.
pub(super) struct Rows<'r> {
    text: &'r mut dyn BufRead,
    /// Byte between columns; the first row tells.
    separator: Option<u8>,
    offset: u64,
    line: u64,
}

impl<'r> Rows<'r> {
    pub(super) fn new(text: &'r mut dyn BufRead) -> Self {
        Self { text, separator: None, offset: 0, line: 1 }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        loop {
            let (offset, line) = (self.offset, self.line);
            let separator = match self.separator {
                Some(separator) => separator,
                None => self.first_separator()?,
            };
            self.separator = Some(separator);
            let mut row = Row::new(separator);
            let ended = self.row(&mut row)?;
            let length = self.offset - offset;
            if length == 0 {
                return Ok(None);
            }
            if row.too_long() {
                if !ended {
                    self.skip_line()?;
                }
                return Ok(Some(Found::Broken { offset, length: self.offset - offset }));
            }
            let columns = row.finish();
            if columns.iter().any(|column| !column.trim().is_empty()) {
                return Ok(Some(Found::Row { offset, line, columns }));
            }
        }
    }

    /// What stands most often in what is there of the first line, outside of quotation
    /// marks.
    fn first_separator(&mut self) -> io::Result<u8> {
        let block = self.text.fill_buf()?;
        let line = block.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut quoted = false;
        let outside: Vec<u8> = line
            .iter()
            .copied()
            .filter(|byte| {
                quoted ^= *byte == b'"';
                !quoted
            })
            .collect();
        let count = |wanted: u8| outside.iter().filter(|byte| **byte == wanted).count();
        let best = *b",;\t".iter().rev().max_by_key(|byte| count(**byte)).unwrap_or(&b',');
        Ok(best)
    }

    /// Reads one row; false where it has no end.
    fn row(&mut self, row: &mut Row) -> io::Result<bool> {
        loop {
            let block = self.text.fill_buf()?;
            if block.is_empty() {
                return Ok(true);
            }
            let (mut taken, mut ended) = (0, false);
            for byte in block {
                taken += 1;
                self.line += u64::from(*byte == b'\n');
                ended = row.take(*byte);
                if ended || row.too_long() {
                    break;
                }
            }
            self.text.consume(taken);
            self.offset += taken as u64;
            if ended || row.too_long() {
                return Ok(ended);
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let block = self.text.fill_buf()?;
            let end = memchr::memchr(b'\n', block);
            let taken = end.map_or(block.len(), |end| end + 1);
            let last = end.is_some() || block.is_empty();
            self.line += u64::from(end.is_some());
            self.text.consume(taken);
            self.offset += taken as u64;
            if last {
                return Ok(());
            }
        }
    }
}

/// A row that is being read.
struct Row {
    separator: u8,
    state: State,
    columns: Vec<Vec<u8>>,
    column: Vec<u8>,
    bytes: usize,
}

impl Row {
    fn new(separator: u8) -> Self {
        let (columns, column) = (Vec::new(), Vec::new());
        Self { separator, state: State::Begin, columns, column, bytes: 0 }
    }

    fn too_long(&self) -> bool {
        self.bytes > MAX_RECORD_TEXT || self.columns.len() > MAX_COLUMNS
    }

    /// Takes a byte; true when it ends the row.
    fn take(&mut self, byte: u8) -> bool {
        self.bytes += 1;
        match (self.state, byte) {
            (State::Quoted, b'"') => self.state = State::Mark,
            (State::Quoted, _) => self.column.push(byte),
            (State::Begin, b'"') => self.state = State::Quoted,
            (State::Mark, b'"') => {
                self.column.push(byte);
                self.state = State::Quoted;
            }
            (_, b'\n') => return true,
            (_, byte) if byte == self.separator => {
                self.columns.push(std::mem::take(&mut self.column));
                self.state = State::Begin;
            }
            _ => {
                self.column.push(byte);
                self.state = State::Plain;
            }
        }
        false
    }

    fn finish(mut self) -> Vec<String> {
        if self.column.last() == Some(&b'\r') && self.state == State::Plain {
            self.column.pop();
        }
        self.columns.push(self.column);
        let text = |column: &Vec<u8>| String::from_utf8_lossy(column).into_owned();
        self.columns.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str) -> Vec<String> {
        let mut reader = text.as_bytes();
        let mut rows = Rows::new(&mut reader);
        let mut all = Vec::new();
        while let Some(found) = rows.next().unwrap() {
            all.push(match found {
                Found::Row { line, columns, .. } => format!("{line} {}", columns.join("|")),
                Found::Broken { offset, length } => format!("{offset} broken {length}"),
            });
        }
        all
    }

    #[test]
    fn quoted_columns_may_hold_everything() {
        assert_eq!(
            rows("a,b\r\n\"x\"\"y\",\"1\r\n,2\"\r\n\r\nc,\"\""),
            ["1 a|b", "2 x\"y|1\r\n,2", "5 c|"]
        );
        assert_eq!(rows("a;b,c;d\n1;2;3"), ["1 a|b,c|d", "2 1|2|3"]);
        assert_eq!(rows("a\tb\n\"1\n2\"\t3"), ["1 a|b", "2 1\n2|3"]);
    }

    #[test]
    fn a_mark_that_never_ends_costs_one_budget() {
        let text = format!("a,b\n\"x,{}\n1,2\n", "y".repeat(2 * MAX_RECORD_TEXT));
        let all = rows(&text);
        assert_eq!((all.len(), all[2].as_str()), (3, "3 1|2"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[a\",;\t\r\n]{0,60}") {
            let _ = rows(&text);
        }
    }
}
