//! Event log files: header, chunks, records, checksums.

use super::binxml::{Element, Names, Slot, Value, XML, definition, values};
use std::collections::HashMap;

const FILE_HEADER_LEN: usize = 4096;
const CHUNK_LEN: usize = 65_536;
const CHUNK_HEADER_LEN: usize = 512;

/// The body of an event.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// `EventData` with named `Data`.
    Named(Vec<(&'static str, Value)>),
    /// `EventData` with unnamed `Data` and perhaps `Binary`, as classic providers write.
    Classic(Vec<String>, Option<Vec<u8>>),
    /// `UserData/EventXML`.
    User(Vec<(&'static str, Value)>),
    /// `UserData/EventInfo`, as RD Gateways write.
    Info(Vec<(&'static str, Value)>),
    /// Named parameters and `Binary`, as the Service Control Manager writes.
    Service(Vec<(&'static str, Value)>, Vec<u8>),
    Empty,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) provider: &'static str,
    pub(crate) guid: Option<&'static str>,
    pub(crate) id: u16,
    /// Classic providers have qualifiers.
    pub(crate) qualifiers: Option<u16>,
    pub(crate) level: u8,
    /// Milliseconds since 1970, UTC, by the host's clock.
    pub(crate) time_ms: i64,
    pub(crate) activity: Option<[u8; 16]>,
    pub(crate) process_id: u32,
    pub(crate) body: Body,
    /// Where it was written first, in the log of a collector.
    pub(crate) origin: Option<Origin>,
}

/// Channel, host and number of a record that was forwarded.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) channel: &'static str,
    pub(crate) computer: &'static str,
    pub(crate) record: u64,
}

/// A log of one channel of one host.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) channel: &'static str,
    pub(crate) computer: &'static str,
    pub(crate) first_record: u64,
    pub(crate) events: Vec<Event>,
}

/// 100 ns since 1601.
fn filetime(time_ms: i64) -> u64 {
    u64::try_from((time_ms + 11_644_473_600_000) * 10_000).expect("samples lie after 1601")
}

/// What a record consists of.
struct Parts {
    root: Element,
    array: Vec<Value>,
    /// A template in the last value, and its values.
    inner: Option<(Element, Vec<Value>)>,
}

struct Chunk {
    data: Vec<u8>,
    names: Names,
    templates: HashMap<Element, u32>,
    template_buckets: Vec<u32>,
    first: u64,
    last: u64,
    last_offset: u32,
}

impl Chunk {
    fn new(first: u64) -> Self {
        Self {
            data: vec![0; CHUNK_HEADER_LEN],
            names: Names::new(),
            templates: HashMap::new(),
            template_buckets: vec![0; 32],
            first,
            last: first,
            last_offset: 0,
        }
    }

    /// Appends a record; false when the chunk is full.
    fn push(&mut self, id: u64, time_ms: i64, parts: &Parts) -> bool {
        // Only the last records of a chunk may not fit.
        let is_nearly_full = self.data.len() > CHUNK_LEN / 2;
        let saved = is_nearly_full
            .then(|| (self.names.clone(), self.templates.clone(), self.template_buckets.clone()));
        let start = u32::try_from(self.data.len()).expect("a chunk has 64 KiB");
        let mut record = b"**\0\0\0\0\0\0".to_vec();
        record.extend_from_slice(&id.to_le_bytes());
        record.extend_from_slice(&filetime(time_ms).to_le_bytes());
        self.fragment(&parts.root, start, &mut record);
        match &parts.inner {
            None => record.extend_from_slice(&values(&parts.array)),
            Some((inner, array)) => {
                // The fragment is the last value, so it begins where the others end.
                let mut all = [&parts.array[..], &[Value::Xml(Vec::new())]].concat();
                let before = u32::try_from(record.len() + values(&all).len()).expect("short");
                let mut fragment = Vec::new();
                self.fragment(inner, start + before, &mut fragment);
                fragment.extend_from_slice(&values(array));
                fragment.push(0);
                all.pop();
                all.push(Value::Xml(fragment));
                record.extend_from_slice(&values(&all));
            }
        }
        record.push(0);
        while !(record.len() + 4).is_multiple_of(8) {
            record.push(0);
        }
        let length = u32::try_from(record.len() + 4).expect("a record fits a chunk");
        record[4..8].copy_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&length.to_le_bytes());
        if self.data.len() + record.len() > CHUNK_LEN {
            if let Some(saved) = saved {
                (self.names, self.templates, self.template_buckets) = saved;
            }
            return false;
        }
        self.data.extend_from_slice(&record);
        self.last = id;
        self.last_offset = start;
        true
    }

    /// A fragment with an instance of a template, without its values.
    fn fragment(&mut self, root: &Element, start: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x0f, 1, 1, 0, 0x0c, 1]);
        self.template(root, start, out);
    }

    fn template(&mut self, root: &Element, start: u32, record: &mut Vec<u8>) {
        let here = start + u32::try_from(record.len()).expect("short") + 8;
        let guid = template_guid(root);
        record.extend_from_slice(&guid[..4]);
        if let Some(offset) = self.templates.get(root) {
            record.extend_from_slice(&offset.to_le_bytes());
            return;
        }
        record.extend_from_slice(&here.to_le_bytes());
        let bucket = template_bucket(&guid);
        record.extend_from_slice(&self.template_buckets[bucket].to_le_bytes());
        record.extend_from_slice(&guid);
        let body = definition(root, &mut self.names, here + 24);
        record.extend_from_slice(&u32::try_from(body.len()).expect("short").to_le_bytes());
        record.extend_from_slice(&body);
        self.template_buckets[bucket] = here;
        self.templates.insert(root.clone(), here);
    }

    fn finish(mut self) -> Vec<u8> {
        let free = u32::try_from(self.data.len()).expect("a chunk has 64 KiB");
        let events_crc = crc32fast::hash(&self.data[CHUNK_HEADER_LEN..]);
        self.data.resize(CHUNK_LEN, 0);
        let mut header = b"ElfChnk\0".to_vec();
        for number in [self.first, self.last, self.first, self.last] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        for number in [128, self.last_offset, free, events_crc] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.resize(120, 0);
        header.extend_from_slice(&1u32.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        for offset in self.names.buckets.iter().chain(&self.template_buckets) {
            header.extend_from_slice(&offset.to_le_bytes());
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&header[..120]);
        crc.update(&header[128..512]);
        header[124..128].copy_from_slice(&crc.finalize().to_le_bytes());
        self.data[..CHUNK_HEADER_LEN].copy_from_slice(&header);
        self.data
    }
}

/// A GUID that depends only on the definition.
fn template_guid(root: &Element) -> [u8; 16] {
    use sha1::{Digest as _, Sha1};
    let digest = Sha1::digest(format!("{root:?}"));
    digest[..16].try_into().expect("a SHA-1 has 20 bytes")
}

/// The bucket of a template: the name polynomial over the GUID's eight words.
fn template_bucket(guid: &[u8; 16]) -> usize {
    let hash = guid.chunks(2).fold(0u32, |hash, word| {
        hash.wrapping_mul(65_599).wrapping_add(u32::from(u16::from_le_bytes([word[0], word[1]])))
    });
    usize::try_from(hash % 32).expect("below 32")
}

impl Log {
    /// What a collector holds of other hosts' logs: each record with the channel, host and
    /// number that it has there.
    #[allow(dead_code, reason = "tests forward events, no sample does")]
    pub(crate) fn collector(logs: &[Self]) -> Self {
        let forwarded = |log: &Self| {
            let mut events = log.events.clone();
            events.sort_by_key(|event| event.time_ms);
            for (record, event) in (log.first_record..).zip(&mut events) {
                let (channel, computer) = (log.channel, log.computer);
                event.origin = Some(Origin { channel, computer, record });
            }
            events
        };
        let events = logs.iter().flat_map(forwarded).collect();
        Self { channel: "ForwardedEvents", computer: "COLLECTOR", first_record: 1, events }
    }

    /// The file. Each template is the whole event.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.file(|event, id| {
            let (root, array) = self.template(event, id);
            Parts { root, array, inner: None }
        })
    }

    /// The file as Windows writes it: one template for `System` of all events, and in its
    /// last value another one for the data of those of a kind.
    #[allow(dead_code, reason = "only large logs are so, not those of samples")]
    pub(crate) fn nested_bytes(&self) -> Vec<u8> {
        self.file(|event, id| {
            let (mut root, mut array) =
                self.template(&Event { body: Body::Empty, ..event.clone() }, id);
            let mut inner = Vec::new();
            let Some(data) = body(&event.body, &mut inner) else {
                return Parts { root, array, inner: None };
            };
            // Which provider it is, is a value too.
            array.push(Value::Text(event.provider.to_owned()));
            let name = u16::try_from(array.len() - 1).expect("few values");
            let provider = &mut root.children[0].children[0];
            provider.attributes[0].1 = Slot::Value(name, 0x01);
            root.last = Some(Slot::Optional(name + 1, XML));
            Parts { root, array, inner: Some((data, inner)) }
        })
    }

    fn file(&self, parts: impl Fn(&Event, u64) -> Parts) -> Vec<u8> {
        let mut events: Vec<&Event> = self.events.iter().collect();
        events.sort_by_key(|event| event.time_ms);
        let mut chunks = Vec::new();
        let mut chunk = Chunk::new(self.first_record);
        let mut id = self.first_record;
        for event in events {
            let parts = parts(event, id);
            if !chunk.push(id, event.time_ms, &parts) {
                chunks.push(std::mem::replace(&mut chunk, Chunk::new(id)).finish());
                assert!(chunk.push(id, event.time_ms, &parts), "an event fits a chunk");
            }
            id += 1;
        }
        chunks.push(chunk.finish());
        let mut file = file_header(chunks.len(), id);
        file.extend(chunks.into_iter().flatten());
        file
    }

    /// The template of an event and its values. Provider, channel and names are
    /// literals; the event id is a value, as Windows does it.
    fn template(&self, event: &Event, id: u64) -> (Element, Vec<Value>) {
        let (channel, computer, id) = match &event.origin {
            Some(origin) => (origin.channel, origin.computer, origin.record),
            None => (self.channel, self.computer, id),
        };
        let sub =
            |index: u16, array: &[Value]| Slot::Value(index, array[usize::from(index)].kind());
        let text =
            |name: &str, index: u16, array: &[Value]| Element::new(name).text(sub(index, array));
        let mut array = vec![
            Value::U8(event.level),
            Value::U8(0),
            Value::U16(0),
            Value::U16(event.id),
            event.qualifiers.map_or(Value::Null, Value::U16),
            Value::Hex64(0x8080_0000_0000_0000),
            Value::FileTime(filetime(event.time_ms)),
            event.activity.map_or(Value::Null, Value::Guid),
            Value::U32(event.process_id),
            Value::U32(event.process_id + 40),
            Value::U64(id),
            Value::U8(0),
            Value::Text(computer.to_owned()),
        ];
        let mut provider =
            Element::new("Provider").attribute("Name", Slot::Literal(event.provider.to_owned()));
        if let Some(guid) = event.guid {
            provider = provider.attribute("Guid", Slot::Literal(guid.to_owned()));
        }
        let mut event_id = text("EventID", 3, &array);
        if event.qualifiers.is_some() {
            event_id = event_id.attribute("Qualifiers", Slot::Optional(4, 0x06));
        }
        let mut system = Element::new("System")
            .child(provider)
            .child(event_id)
            .child(text("Version", 11, &array))
            .child(text("Level", 0, &array))
            .child(text("Task", 2, &array))
            .child(text("Opcode", 1, &array))
            .child(text("Keywords", 5, &array))
            .child(Element::new("TimeCreated").attribute("SystemTime", sub(6, &array)))
            .child(text("EventRecordID", 10, &array));
        if event.activity.is_some() {
            let correlation =
                Element::new("Correlation").attribute("ActivityID", Slot::Optional(7, 0x0f));
            system = system.child(correlation);
        }
        let system = system
            .child(
                Element::new("Execution")
                    .attribute("ProcessID", sub(8, &array))
                    .attribute("ThreadID", sub(9, &array)),
            )
            .child(Element::new("Channel").text(Slot::Literal(channel.to_owned())))
            .child(text("Computer", 12, &array));
        let mut root = Element::new("Event")
            .attribute(
                "xmlns",
                Slot::Literal("http://schemas.microsoft.com/win/2004/08/events/event".to_owned()),
            )
            .child(system);
        if let Some(body) = body(&event.body, &mut array) {
            root = root.child(body);
        }
        (root, array)
    }
}

fn body(body: &Body, array: &mut Vec<Value>) -> Option<Element> {
    let mut put = |value: &Value| {
        array.push(value.clone());
        let index = u16::try_from(array.len() - 1).expect("few values");
        Slot::Value(index, value.kind())
    };
    let mut data = |name: &str, value: &Value| {
        Element::new("Data").attribute("Name", Slot::Literal(name.to_owned())).text(put(value))
    };
    match body {
        Body::Named(fields) => {
            let element = Element::new("EventData");
            Some(
                fields
                    .iter()
                    .fold(element, |element, (name, value)| element.child(data(name, value))),
            )
        }
        Body::Service(fields, binary) => {
            let element = Element::new("EventData");
            let element = fields
                .iter()
                .fold(element, |element, (name, value)| element.child(data(name, value)));
            Some(element.child(Element::new("Binary").text(put(&Value::Binary(binary.clone())))))
        }
        Body::Classic(texts, binary) => {
            let all = Value::TextArray(texts.clone());
            let mut element = Element::new("EventData").child(Element::new("Data").text(put(&all)));
            if let Some(binary) = binary {
                element =
                    element.child(Element::new("Binary").text(put(&Value::Binary(binary.clone()))));
            }
            Some(element)
        }
        Body::User(fields) | Body::Info(fields) => {
            let (name, space) = match body {
                Body::Info(_) => ("EventInfo", "aag"),
                _ => ("EventXML", "Event_NS"),
            };
            let xml = Element::new(name).attribute("xmlns", Slot::Literal(space.to_owned()));
            let xml = fields
                .iter()
                .fold(xml, |xml, (name, value)| xml.child(Element::new(name).text(put(value))));
            Some(Element::new("UserData").child(xml))
        }
        Body::Empty => None,
    }
}

pub(crate) fn file_header(chunks: usize, next_record: u64) -> Vec<u8> {
    let count = u64::try_from(chunks).expect("few chunks");
    let mut header = b"ElfFile\0".to_vec();
    for number in [0, count - 1, next_record] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    header.extend_from_slice(&128u32.to_le_bytes());
    for number in [1u16, 3, 4096] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    header.extend_from_slice(&u16::try_from(chunks).expect("few chunks").to_le_bytes());
    header.resize(120, 0);
    let crc = crc32fast::hash(&header);
    header.extend_from_slice(&0u32.to_le_bytes());
    header.extend_from_slice(&crc.to_le_bytes());
    header.resize(FILE_HEADER_LEN, 0);
    header
}
