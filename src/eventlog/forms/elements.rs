//! The elements of an XML text that are records, found by their tags.
//!
//! What an XML parser gets is one record at a time: so damage costs a record, several
//! documents may follow each other, and no record takes more than its budget.

use super::MAX_RECORD_TEXT;
use std::io::{self, BufRead};

/// Where in the text: bytes from its start, and lines counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) offset: u64,
    pub(super) line: u64,
}

/// What stands next in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Element {
        at: At,
        text: &'a [u8],
    },
    /// A record that is too long, that never ends, or that never began.
    Broken {
        at: At,
        length: u64,
    },
}

/// Bytes of a name that are looked at.
const MAX_NAME: usize = 80;

/// How a walk through the text ended.
#[derive(Debug, PartialEq, Eq)]
enum Walk {
    Found,
    /// The text ends, or the record is too long.
    Stopped,
}

/// Goes from record to record; what stands between them is not looked at.
pub(super) struct Elements<'r> {
    text: &'r mut dyn BufRead,
    /// The name of records, whatever their prefix.
    name: &'static str,
    /// Whether elements of that name stand in each other.
    nests: bool,
    at: At,
    /// Blanks since the line began, while there was nothing else.
    margin: Option<u64>,
    /// How far records that nest are indented: one that begins there is never part of
    /// another.
    indented: Option<u64>,
    record: Vec<u8>,
    /// A record that showed by its begin that the one before it is damaged.
    begun: Option<At>,
}

impl<'r> Elements<'r> {
    pub(super) fn new(text: &'r mut dyn BufRead, name: &'static str, nests: bool) -> Self {
        Self {
            text,
            name,
            nests,
            at: At { offset: 0, line: 1 },
            margin: Some(0),
            indented: None,
            record: Vec::new(),
            begun: None,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        let begun = self.begun.take();
        let mut depth = u32::from(begun.is_some());
        let mut start = begun.unwrap_or(self.at);
        if depth == 0 {
            self.record.clear();
        }
        loop {
            if self.walk(b'<', depth > 0)? == Walk::Stopped {
                return Ok((depth > 0).then(|| self.broken(start)));
            }
            let (tag, margin) = (At { offset: self.at.offset - 1, ..self.at }, self.margin);
            let name = self.tag_name()?;
            let before = self.record.len();
            let end = name.strip_prefix(b"/").is_some_and(|name| self.is_record(name));
            if depth == 0 && !self.is_record(&name) {
                // The end of a record whose begin is lost. Those that nest have many ends.
                if end && !self.nests {
                    return Ok(Some(self.broken(tag)));
                }
                continue;
            }
            if depth == 0 {
                self.record.push(b'<');
            }
            self.record.extend_from_slice(&name);
            let first = self.indented.is_some() && margin == self.indented;
            if self.is_record(&name) && depth > 0 && (!self.nests || first) {
                let length = tag.offset - start.offset;
                self.record.drain(..before.saturating_sub(1));
                let whole = self.walk(b'>', true)? == Walk::Found;
                self.begun = (whole && !self.record.ends_with(b"/>")).then_some(tag);
                return Ok(Some(Found::Broken { at: start, length }));
            }
            if depth == 0 {
                start = tag;
                self.indented = self.indented.or(margin.filter(|_| self.nests));
            }
            if !self.rest_of_tag(&name)? {
                return Ok(Some(self.broken(start)));
            }
            if self.is_record(&name) && !self.record.ends_with(b"/>") {
                depth += 1;
            } else if end {
                depth -= 1;
            }
            if depth == 0 {
                return Ok(Some(Found::Element { at: start, text: &self.record }));
            }
        }
    }

    fn broken(&self, at: At) -> Found<'static> {
        Found::Broken { at, length: self.at.offset - at.offset }
    }

    /// Whether a tag of this name begins a record.
    fn is_record(&self, name: &[u8]) -> bool {
        let local = name.iter().rposition(|byte| *byte == b':').map_or(0, |colon| colon + 1);
        let local = name.get(local..).unwrap_or_default();
        local == self.name.as_bytes() && !name.starts_with(b"/")
    }

    /// Goes behind the tag, the remark or the raw text; false when it does not end.
    fn rest_of_tag(&mut self, name: &[u8]) -> io::Result<bool> {
        let close: &[u8] = match name {
            b"!--" => b"-->",
            b"![CDATA[" => b"]]>",
            _ => b">",
        };
        loop {
            if self.walk(b'>', true)? == Walk::Stopped {
                return Ok(false);
            }
            if self.record.ends_with(close) {
                return Ok(true);
            }
        }
    }

    /// What follows `<` up to a blank or the end of the tag.
    fn tag_name(&mut self) -> io::Result<Vec<u8>> {
        let mut name = Vec::new();
        while name.len() < MAX_NAME && !matches!(name.as_slice(), b"!--" | b"![CDATA[") {
            let Some(&byte) = self.text.fill_buf()?.first() else { break };
            let slash = byte == b'/' && !name.is_empty();
            if slash || matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'<') {
                break;
            }
            name.push(byte);
            self.pass(1)?;
        }
        Ok(name)
    }

    /// Goes behind the next such byte; keeps what it passes in the record, or nothing.
    fn walk(&mut self, end: u8, keep: bool) -> io::Result<Walk> {
        loop {
            let block = self.text.fill_buf()?;
            if block.is_empty() || self.record.len() > MAX_RECORD_TEXT {
                return Ok(Walk::Stopped);
            }
            // Memory gives all of it at once.
            let block = block.get(..block.len().min(1 << 16)).unwrap_or_default();
            let found = memchr::memchr(end, block);
            let taken = found.map_or(block.len(), |found| found + 1);
            if keep {
                self.record.extend_from_slice(block.get(..taken).unwrap_or_default());
            }
            match found {
                Some(before) => {
                    self.pass(before)?;
                    let margin = self.margin;
                    self.pass(1)?;
                    self.margin = margin;
                    return Ok(Walk::Found);
                }
                None => self.pass(taken)?,
            }
        }
    }

    /// Passes bytes that are there, and counts lines.
    fn pass(&mut self, count: usize) -> io::Result<()> {
        let block = self.text.fill_buf()?;
        let passed = block.get(..count).unwrap_or(block);
        let blank = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        let before = match memchr::memrchr(b'\n', passed) {
            Some(_) => Some(0),
            None => self.margin,
        };
        let line = memchr::memrchr(b'\n', passed).map_or(0, |end| end + 1);
        let last = passed.get(line..).unwrap_or_default();
        self.margin = before.filter(|_| blank(last)).map(|margin| margin + last.len() as u64);
        self.at.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        let passed = passed.len();
        self.at.offset += passed as u64;
        self.text.consume(passed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, name: &'static str, nests: bool) -> Vec<String> {
        let mut reader = text.as_bytes();
        let mut elements = Elements::new(&mut reader, name, nests);
        let mut all = Vec::new();
        while let Some(found) = elements.next().unwrap() {
            all.push(match found {
                Found::Element { at, text } => {
                    format!("{}:{} {}", at.line, at.offset, String::from_utf8_lossy(text))
                }
                Found::Broken { at, length } => {
                    format!("{}:{} broken {length}", at.line, at.offset)
                }
            });
        }
        all
    }

    #[test]
    fn records_are_found_between_declarations_and_remarks() {
        let text = "<?xml?>\n<Events><Event a='1'>x</Event>Record 2\n<?xml?><e:Event></e:Event>";
        assert_eq!(
            found(text, "Event", false),
            ["2:16 <Event a='1'>x</Event>", "3:54 <e:Event></e:Event>"]
        );
        let text = "<Event><EventData/><![CDATA[</Event>]]><!-- <Event> --></Event>";
        assert_eq!(found(text, "Event", false), [format!("1:0 {text}")]);
    }

    #[test]
    fn damage_costs_the_record_that_has_it() {
        assert_eq!(
            found("<Event><a>\n<Event>2</Event> 3</Event><Event>", "Event", false),
            ["1:0 broken 11", "2:11 <Event>2</Event>", "2:29 broken 7", "2:37 broken 7"]
        );
    }

    #[test]
    fn objects_stand_in_each_other() {
        let one = "<Obj R=\"0\"><P>\n    <Obj N=\"x\"/><Obj></Obj></P>\n  </Obj>";
        assert_eq!(found(one, "Obj", true), [format!("1:0 {one}")]);
        let text = "<Objs>\n  <Obj><P>\n      <Obj>\n  <Obj>2</Obj>\n</Objs>";
        assert_eq!(found(text, "Obj", true), ["2:9 broken 23", "4:32 <Obj>2</Obj>"]);
    }

    #[test]
    fn a_record_without_end_costs_one_budget() {
        let text = format!("<Event>{}</Event><Event>2</Event>", "x".repeat(2 * MAX_RECORD_TEXT));
        let all = found(&text, "Event", false);
        assert!(all[0].starts_with("1:0 broken "), "{}", all[0]);
        assert!(all.last().unwrap().ends_with("<Event>2</Event>"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(<Event|</Event>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|[<>/ \na:]){0,40}") {
            for nests in [false, true] {
                let _ = found(&text, "Event", nests);
            }
        }
    }
}
