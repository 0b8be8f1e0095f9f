//! Provider and event id of a record, read from the bytes of its chunk.
//!
//! Nearly every record is one template instance: a template definition, which the
//! records of one kind share, and an array of values to put into it. The provider
//! and the event id stand either in the definition or in the array. Whatever this
//! module does not understand it calls undecided, and the record is decoded in
//! full: a record is never lost here.
//!
//! BinXML token numbers are those of [MS-EVEN6] 2.2.12.

use std::collections::HashMap;

/// Bytes of a chunk header; the first record follows.
pub(super) const CHUNK_HEADER_LEN: usize = 512;
/// Bytes of a chunk.
pub(super) const CHUNK_LEN: usize = 65_536;
const RECORD_HEADER_LEN: usize = 24;
/// Tokens of a template's System element that are looked at, at most.
const MAX_TOKENS: usize = 200;

/// A record as its header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawRecord {
    /// Offset in the chunk.
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) id: u64,
    /// 100 ns since 1601, UTC.
    pub(super) filetime: u64,
}

/// Provider and id, as far as they can be told without decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Known { provider: String, id: u16 },
    Undecided,
}

/// The records of a chunk, in their order, up to the first that cannot be one.
pub(super) fn records(chunk: &[u8]) -> impl Iterator<Item = RawRecord> + '_ {
    let mut offset = CHUNK_HEADER_LEN;
    std::iter::from_fn(move || {
        let header = chunk.get(offset..offset + RECORD_HEADER_LEN)?;
        if header.get(..4)? != b"**\0\0" {
            return None;
        }
        let length = usize::try_from(u32_at(chunk, offset + 4)?).ok()?;
        let fits = length > RECORD_HEADER_LEN && chunk.len() - offset >= length;
        if !fits {
            return None;
        }
        let record = RawRecord {
            offset,
            length,
            id: u64_at(chunk, offset + 8)?,
            filetime: u64_at(chunk, offset + 16)?,
        };
        offset += length;
        Some(record)
    })
}

/// Where a template says that a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin<T> {
    Literal(T),
    Substitution(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    provider: Origin<String>,
    id: Origin<u16>,
}

/// The templates of one chunk, each looked at once.
#[derive(Debug, Default)]
pub(super) struct Templates {
    known: HashMap<usize, Option<Template>>,
}

impl Templates {
    /// Provider and id of a record of this chunk.
    pub(super) fn identify(&mut self, chunk: &[u8], record: RawRecord) -> Identity {
        self.try_identify(chunk, record).unwrap_or(Identity::Undecided)
    }

    fn try_identify(&mut self, chunk: &[u8], record: RawRecord) -> Option<Identity> {
        let end = record.offset + record.length;
        let mut at = record.offset + RECORD_HEADER_LEN;
        if *chunk.get(at)? == 0x0f {
            at += 4;
        }
        if *chunk.get(at)? != 0x0c {
            return None;
        }
        // token, one byte of no known meaning, template id, definition offset
        let definition = usize::try_from(u32_at(chunk, at + 6)?).ok()?;
        let mut values = at + 10;
        if definition == values {
            let size = usize::try_from(u32_at(chunk, definition + 20)?).ok()?;
            values = definition.checked_add(24)?.checked_add(size)?;
        }
        let template = self
            .known
            .entry(definition)
            .or_insert_with(|| read_template(chunk, definition))
            .clone()?;
        let array = Values::new(chunk.get(..end)?, values)?;
        let provider = match template.provider {
            Origin::Literal(name) => name,
            Origin::Substitution(index) => array.text(index)?,
        };
        let id = match template.id {
            Origin::Literal(id) => id,
            Origin::Substitution(index) => array.u16(index)?,
        };
        Some(Identity::Known { provider, id })
    }
}

/// The substitution array of a record: count, then size and type of each value,
/// then the values.
struct Values<'a> {
    chunk: &'a [u8],
    descriptors: usize,
    count: usize,
}

impl<'a> Values<'a> {
    fn new(chunk: &'a [u8], at: usize) -> Option<Self> {
        let count = usize::try_from(u32_at(chunk, at)?).ok()?;
        let descriptors = at.checked_add(4)?;
        (descriptors.checked_add(count.checked_mul(4)?)? <= chunk.len()).then_some(Self {
            chunk,
            descriptors,
            count,
        })
    }

    /// Type and bytes of a value.
    fn value(&self, index: usize) -> Option<(u8, &'a [u8])> {
        if index >= self.count {
            return None;
        }
        let mut start = self.descriptors + self.count * 4;
        for before in 0..index {
            start += usize::from(u16_at(self.chunk, self.descriptors + before * 4)?);
        }
        let descriptor = self.descriptors + index * 4;
        let size = usize::from(u16_at(self.chunk, descriptor)?);
        Some((*self.chunk.get(descriptor + 2)?, self.chunk.get(start..start + size)?))
    }

    fn u16(&self, index: usize) -> Option<u16> {
        match self.value(index)? {
            (0x06, bytes) => u16_at(bytes, 0),
            _ => None,
        }
    }

    fn text(&self, index: usize) -> Option<String> {
        match self.value(index)? {
            (0x01, bytes) => Some(utf16(bytes)),
            _ => None,
        }
    }
}

fn read_template(chunk: &[u8], definition: usize) -> Option<Template> {
    let size = usize::try_from(u32_at(chunk, definition + 20)?).ok()?;
    let start = definition.checked_add(24)?;
    let end = start.checked_add(size)?.min(chunk.len());
    TemplateWalk {
        chunk,
        at: start,
        end,
        element: String::new(),
        attribute: None,
        found: Found::default(),
    }
    .run()
}

#[derive(Default)]
struct Found {
    provider: Option<Origin<String>>,
    id: Option<Origin<u16>>,
}

/// One pass over the tokens of a definition, up to the end of what is wanted.
struct TemplateWalk<'a> {
    chunk: &'a [u8],
    at: usize,
    end: usize,
    element: String,
    /// The attribute whose value comes next; `None` inside element content.
    attribute: Option<String>,
    found: Found,
}

impl TemplateWalk<'_> {
    fn run(mut self) -> Option<Template> {
        for _ in 0..MAX_TOKENS {
            if let (Some(provider), Some(id)) = (&self.found.provider, &self.found.id) {
                return Some(Template { provider: provider.clone(), id: id.clone() });
            }
            if self.at >= self.end {
                return None;
            }
            self.token()?;
        }
        None
    }

    fn token(&mut self) -> Option<()> {
        let token = *self.chunk.get(self.at)?;
        self.at += 1;
        match token {
            // FragmentHeader: major, minor, flags
            0x0f => self.at += 3,
            // OpenStartElement: dependency id, element length, name
            0x01 | 0x41 => {
                self.at += 6;
                self.element = self.name()?;
                self.attribute = None;
                if token == 0x41 {
                    self.at += 4;
                }
            }
            0x06 | 0x46 => self.attribute = Some(self.name()?),
            0x05 | 0x45 => self.literal()?,
            0x0d | 0x0e => {
                let index = usize::from(u16_at(self.chunk, self.at)?);
                self.at += 3;
                self.value(None, index);
            }
            // CloseStartElement, CloseEmptyElement, EndElement
            0x02..=0x04 => self.attribute = None,
            _ => return None,
        }
        Some(())
    }

    /// Value: type, then for a string its length in characters and the characters.
    fn literal(&mut self) -> Option<()> {
        if *self.chunk.get(self.at)? != 0x01 {
            return None;
        }
        let length = usize::from(u16_at(self.chunk, self.at + 1)?) * 2;
        let start = self.at + 3;
        let text = utf16(self.chunk.get(start..start + length)?);
        self.at = start + length;
        self.value(Some(text), 0);
        Some(())
    }

    fn value(&mut self, literal: Option<String>, index: usize) {
        match (self.element.as_str(), self.attribute.as_deref()) {
            ("Provider", Some("Name")) => {
                self.found.provider =
                    Some(literal.map_or(Origin::Substitution(index), Origin::Literal));
            }
            ("EventID", None) => {
                self.found.id = match literal {
                    Some(text) => text.trim().parse().ok().map(Origin::Literal),
                    None => Some(Origin::Substitution(index)),
                };
            }
            _ => {}
        }
    }

    /// A name: its offset, and the name itself where the offset points to what follows.
    fn name(&mut self) -> Option<String> {
        let offset = usize::try_from(u32_at(self.chunk, self.at)?).ok()?;
        self.at += 4;
        let length = usize::from(u16_at(self.chunk, offset + 6)?) * 2;
        let name = utf16(self.chunk.get(offset + 8..offset + 8 + length)?);
        if offset == self.at {
            self.at = offset + 8 + length + 2;
        }
        Some(name)
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units =
        bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_chunk_panics_and_every_walk_ends(
            mut bytes in proptest::collection::vec(any::<u8>(), CHUNK_HEADER_LEN..2000),
        ) {
            if let Some(start) = bytes.get_mut(CHUNK_HEADER_LEN..CHUNK_HEADER_LEN + 8) {
                start.copy_from_slice(b"**\0\0\x60\0\0\0");
            }
            let mut templates = Templates::default();
            for record in records(&bytes) {
                let _ = templates.identify(&bytes, record);
            }
        }
    }
}
