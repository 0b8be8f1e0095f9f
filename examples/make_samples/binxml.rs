//! Binary XML as event logs store it ([MS-EVEN6] 2.2.12): a template definition
//! with substitutions, and the values of one record.

use std::collections::HashMap;
use std::fmt;

/// The type of values that are binary XML themselves.
pub(crate) const XML: u8 = 0x21;

/// A typed value of a substitution array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    TextArray(Vec<String>),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Binary(Vec<u8>),
    Guid([u8; 16]),
    FileTime(u64),
    Sid(Vec<u8>),
    Hex32(u32),
    Hex64(u64),
    /// A fragment of binary XML.
    Xml(Vec<u8>),
}

impl Value {
    /// The value type of [MS-EVEN6] 2.2.12, table of types.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::Text(_) => 0x01,
            Self::U8(_) => 0x04,
            Self::U16(_) => 0x06,
            Self::U32(_) => 0x08,
            Self::U64(_) => 0x0a,
            Self::Binary(_) => 0x0e,
            Self::Guid(_) => 0x0f,
            Self::FileTime(_) => 0x11,
            Self::Sid(_) => 0x13,
            Self::Hex32(_) => 0x14,
            Self::Hex64(_) => 0x15,
            Self::Xml(_) => XML,
            Self::TextArray(_) => 0x81,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => utf16(text),
            Self::TextArray(texts) => {
                texts.iter().flat_map(|text| [utf16(text), vec![0, 0]].concat()).collect()
            }
            Self::U8(v) => vec![*v],
            Self::U16(v) => v.to_le_bytes().to_vec(),
            Self::U32(v) | Self::Hex32(v) => v.to_le_bytes().to_vec(),
            Self::U64(v) | Self::FileTime(v) | Self::Hex64(v) => v.to_le_bytes().to_vec(),
            Self::Binary(v) | Self::Sid(v) | Self::Xml(v) => v.clone(),
            Self::Guid(v) => v.to_vec(),
        }
    }
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Text that stands in the definition, or a value that is put in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    Literal(String),
    /// Index into the values, with the type that the definition announces.
    Value(u16, u8),
    /// The same, absent when the value is NULL.
    Optional(u16, u8),
}

/// An element of a template.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, Slot)>,
    pub(crate) text: Option<Slot>,
    pub(crate) children: Vec<Element>,
    /// What stands behind the children.
    pub(crate) last: Option<Slot>,
}

/// GUIDs of templates depend on it: what most elements do not have is not written.
impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut element = f.debug_struct("Element");
        element.field("name", &self.name).field("attributes", &self.attributes);
        element.field("text", &self.text).field("children", &self.children);
        if let Some(last) = &self.last {
            element.field("last", last);
        }
        element.finish()
    }
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            attributes: Vec::new(),
            text: None,
            children: Vec::new(),
            last: None,
        }
    }

    pub(crate) fn attribute(mut self, name: &str, slot: Slot) -> Self {
        self.attributes.push((name.to_owned(), slot));
        self
    }

    pub(crate) fn text(mut self, slot: Slot) -> Self {
        self.text = Some(slot);
        self
    }

    pub(crate) fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }
}

/// Names of one chunk: each is stored once, where it is used first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    known: HashMap<String, u32>,
    /// Newest name of each of the 64 buckets.
    pub(crate) buckets: Vec<u32>,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self { known: HashMap::new(), buckets: vec![0; 64] }
    }

    /// Writes a reference to a name; `base` is the chunk offset of `out`'s start.
    fn write(&mut self, name: &str, base: u32, out: &mut Vec<u8>) {
        if let Some(offset) = self.known.get(name) {
            out.extend_from_slice(&offset.to_le_bytes());
            return;
        }
        let offset = base + len32(out) + 4;
        out.extend_from_slice(&offset.to_le_bytes());
        let hash = name_hash(name);
        let bucket = usize::from(hash % 64);
        out.extend_from_slice(&self.buckets[bucket].to_le_bytes());
        out.extend_from_slice(&hash.to_le_bytes());
        let units = utf16(name);
        out.extend_from_slice(&len16(units.len() / 2));
        out.extend_from_slice(&units);
        out.extend_from_slice(&[0, 0]);
        self.buckets[bucket] = offset;
        self.known.insert(name.to_owned(), offset);
    }
}

/// Hash of a name: h = h * 65599 + unit, low 16 bits.
fn name_hash(name: &str) -> u16 {
    let hash = name
        .encode_utf16()
        .fold(0u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(unit)));
    u16::try_from(hash & 0xffff).expect("masked to 16 bits")
}

fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a chunk has 64 KiB")
}

fn len16(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("texts of samples are short").to_le_bytes()
}

/// The definition of a template: fragment header, the element, end of stream.
pub(crate) fn definition(root: &Element, names: &mut Names, base: u32) -> Vec<u8> {
    let mut out = vec![0x0f, 1, 1, 0];
    element(root, names, base, &mut out);
    out.push(0);
    out
}

fn element(node: &Element, names: &mut Names, base: u32, out: &mut Vec<u8>) {
    let more = !node.attributes.is_empty();
    out.push(if more { 0x41 } else { 0x01 });
    out.extend_from_slice(&0xffff_u16.to_le_bytes());
    let size_at = out.len();
    out.extend_from_slice(&[0; 4]);
    names.write(&node.name, base, out);
    if more {
        let list_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let last = node.attributes.len() - 1;
        for (index, (name, value)) in node.attributes.iter().enumerate() {
            out.push(if index == last { 0x06 } else { 0x46 });
            names.write(name, base, out);
            slot(value, out);
        }
        patch(out, list_at);
    }
    if node.text.is_none() && node.children.is_empty() && node.last.is_none() {
        out.push(0x03);
    } else {
        out.push(0x02);
        if let Some(text) = &node.text {
            slot(text, out);
        }
        for child in &node.children {
            element(child, names, base, out);
        }
        if let Some(last) = &node.last {
            slot(last, out);
        }
        out.push(0x04);
    }
    patch(out, size_at);
}

/// Writes the number of bytes behind a length field into it.
fn patch(out: &mut [u8], at: usize) {
    let length = len32(&out[at + 4..]);
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn slot(slot: &Slot, out: &mut Vec<u8>) {
    match slot {
        Slot::Literal(text) => {
            let units = utf16(text);
            out.extend_from_slice(&[0x05, 0x01]);
            out.extend_from_slice(&len16(units.len() / 2));
            out.extend_from_slice(&units);
        }
        Slot::Value(index, kind) => {
            out.push(0x0d);
            out.extend_from_slice(&index.to_le_bytes());
            out.push(*kind);
        }
        Slot::Optional(index, kind) => {
            out.push(0x0e);
            out.extend_from_slice(&index.to_le_bytes());
            out.push(*kind);
        }
    }
}

/// The substitution array of a record.
pub(crate) fn values(values: &[Value]) -> Vec<u8> {
    let mut out = len32(&vec![0; values.len()]).to_le_bytes().to_vec();
    for value in values {
        out.extend_from_slice(&len16(value.bytes().len()));
        out.extend_from_slice(&[value.kind(), 0]);
    }
    for value in values {
        out.extend_from_slice(&value.bytes());
    }
    out
}
