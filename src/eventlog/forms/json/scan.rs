//! The outermost objects of a JSON text, found by their braces.

use super::super::MAX_RECORD_TEXT;
use std::io::{self, BufRead};

/// What stands next in the text. Offsets count bytes of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Object {
        offset: u64,
        /// The line on which it begins, counted from 1.
        line: u64,
        text: &'a [u8],
    },
    /// An object that is too long or never ends.
    Broken { offset: u64, length: u64 },
}

/// Bytes that are looked at in one go.
const BLOCK: usize = 1 << 16;

/// Goes from object to object; what stands between them is not looked at.
pub(super) struct Objects<'r> {
    text: &'r mut dyn BufRead,
    offset: u64,
    line: u64,
    object: Vec<u8>,
}

/// Where in an object a byte stands.
#[derive(Debug, Default)]
struct Depth {
    braces: u32,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Takes a byte; true when it closes the object.
    fn closes(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.braces += 1,
            b'}' => {
                self.braces = self.braces.saturating_sub(1);
                return self.braces == 0;
            }
            _ => {}
        }
        false
    }
}

impl<'r> Objects<'r> {
    pub(super) fn new(text: &'r mut dyn BufRead) -> Self {
        Self { text, offset: 0, line: 1, object: Vec::new() }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        self.object.clear();
        if !self.skip_to_brace()? {
            return Ok(None);
        }
        let (offset, line) = (self.offset, self.line);
        let mut depth = Depth::default();
        loop {
            let block = self.text.fill_buf()?;
            if block.is_empty() {
                break;
            }
            // Memory gives all of it at once.
            let block = block.get(..block.len().min(BLOCK)).unwrap_or_default();
            let end = block.iter().position(|byte| depth.closes(*byte));
            let taken = end.map_or(block.len(), |end| end + 1);
            self.object.extend_from_slice(block.get(..taken).unwrap_or_default());
            self.line += lines(block, taken);
            self.text.consume(taken);
            self.offset += taken as u64;
            if end.is_some() {
                return Ok(Some(Found::Object { offset, line, text: &self.object }));
            }
            if self.object.len() > MAX_RECORD_TEXT {
                // A quotation mark is missing, or the object is no record: go on at the next
                // line.
                self.skip_line()?;
                break;
            }
        }
        Ok(Some(Found::Broken { offset, length: self.offset - offset }))
    }

    /// Goes to the next opening brace; false at the end.
    fn skip_to_brace(&mut self) -> io::Result<bool> {
        loop {
            let block = self.text.fill_buf()?;
            if block.is_empty() {
                return Ok(false);
            }
            let brace = memchr::memchr(b'{', block);
            let taken = brace.unwrap_or(block.len());
            self.line += lines(block, taken);
            self.text.consume(taken);
            self.offset += taken as u64;
            if brace.is_some() {
                return Ok(true);
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let block = self.text.fill_buf()?;
            if block.is_empty() {
                return Ok(());
            }
            let end = memchr::memchr(b'\n', block);
            let taken = end.map_or(block.len(), |end| end + 1);
            self.line += lines(block, taken);
            self.text.consume(taken);
            self.offset += taken as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Line ends in the first bytes of a block.
fn lines(block: &[u8], taken: usize) -> u64 {
    memchr::memchr_iter(b'\n', block.get(..taken).unwrap_or_default()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<String> {
        let mut reader = text.as_bytes();
        let mut objects = Objects::new(&mut reader);
        let mut all = Vec::new();
        while let Some(found) = objects.next().unwrap() {
            all.push(match found {
                Found::Object { offset, text, .. } => {
                    format!("{offset} {}", String::from_utf8_lossy(text))
                }
                Found::Broken { offset, length } => format!("{offset} broken {length}"),
            });
        }
        all
    }

    #[test]
    fn objects_are_found_on_lines_in_arrays_and_between_remarks() {
        assert_eq!(
            found("{\"a\":{}}\n{\"b\":\"}{\\\"\"}"),
            ["0 {\"a\":{}}", "9 {\"b\":\"}{\\\"\"}"]
        );
        assert_eq!(found("[{}, {}]"), ["1 {}", "5 {}"]);
        assert_eq!(found("Record 1\n{\n}\nRecord 2\n{}"), ["9 {\n}", "22 {}"]);
        assert_eq!(found("{} {\"never"), ["0 {}", "3 broken 7"]);
    }

    #[test]
    fn an_endless_object_costs_one_budget_and_reading_goes_on() {
        let text = format!("{{\"a\": \"{}\n{{\"b\": 1}}", "x".repeat(2 * MAX_RECORD_TEXT));
        let all = found(&text);
        assert_eq!(all.len(), 2);
        assert!(all[0].starts_with("0 broken ") && all[1].ends_with("{\"b\": 1}"), "{}", all[1]);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[{}\"\\\\a\\[\\n]{0,60}") {
            let _ = found(&text);
        }
    }
}
