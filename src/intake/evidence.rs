//! One piece of evidence, and the ways to read it.

use super::SNIFF_LEN;
use super::budget::Budget;
use super::codec::{Bytes, Codec};
use super::hold::Store;
use super::kind::{FileKind, sniff};
use super::origin::{Origin, Packed};
use super::read_at::{Cursor, ReadAt};
use crate::base::{Gap, Meter, Metered, Place};
use std::io::{self, Read, Seek};
use std::sync::Arc;

/// One piece of evidence that can be opened.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    /// How the report names it: the path below what the user gave, or `-`; of an entry of
    /// an archive, the archive's name and the entry's.
    pub name: Arc<str>,
    /// What it is; of a compressed file, what it holds.
    pub kind: FileKind,
    /// Size in bytes when it was found: of a file as it lies there, of an entry of an
    /// archive unpacked.
    pub size: u64,
    pub(super) origin: Origin,
    /// Whether it is a file that is compressed by itself.
    pub(super) compressed: bool,
    /// Time and memory of its case.
    pub(super) meter: Arc<Meter>,
}

/// What can be read from and sought in.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl EvidenceFile {
    /// Opens the bytes, from their start, as [`Self::open_at`] does.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self, gaps: &mut Vec<Gap>) -> io::Result<Box<dyn ReadSeek>> {
        let cursor = Cursor::new(self.open_at(gaps)?);
        Ok(Box::new(io::BufReader::with_capacity(1 << 20, cursor)))
    }

    /// Opens the bytes so that every part can be read by several threads at a time.
    /// Packed evidence is unpacked: into memory, or what is large into a temporary file
    /// that goes when it is closed. When that does not succeed to the end, what came before
    /// is opened and the rest is a gap.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open_at(&self, gaps: &mut Vec<Gap>) -> io::Result<ReadAt> {
        let meter = Arc::clone(&self.meter);
        if let Some(bytes) = self.origin.positioned()? {
            return Ok(ReadAt::Metered { inner: Arc::new(bytes), meter });
        }
        let held = Store::default().hold(&mut *self.stream()?);
        if let Some(error) = held.error {
            let message = format!("reading stopped: {error}");
            gaps.push(Gap::at(&self.name, held.bytes.length(), message));
        }
        // What was counted when it was unpacked is not counted again.
        Ok(held.bytes)
    }

    /// The bytes where they lie, if they lie there unpacked and nothing has to be checked
    /// while they are read: several threads can read them without cost.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn plain(&self) -> io::Result<Option<ReadAt>> {
        let bytes = match &self.origin {
            Origin::Packed(_) => None,
            lying => lying.positioned()?,
        };
        let meter = Arc::clone(&self.meter);
        Ok(bytes.map(|bytes| ReadAt::Metered { inner: Arc::new(bytes), meter }))
    }

    /// Opens the bytes for one pass from start to end. Packed evidence is unpacked on the
    /// way.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn stream(&self) -> io::Result<Bytes> {
        Ok(Box::new(Metered::new(self.origin.stream()?, &self.meter)))
    }

    /// Asks for memory to keep something of so many bytes; false when the case has none
    /// left.
    pub fn room_for(&self, bytes: u64) -> bool {
        self.meter.take(bytes)
    }

    /// The account of its case.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Says of gaps in compressed evidence which bytes their offsets count.
    pub fn explain_offsets(&self, gaps: &mut [Gap]) {
        if !self.compressed {
            return;
        }
        for gap in gaps.iter_mut().filter(|gap| matches!(gap.place, Place::Offset(_))) {
            gap.message.push_str(" (offsets count decompressed bytes)");
        }
    }

    /// Evidence held in memory. A compressed file is what it holds, if that is evidence.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Self {
        let (name, size) = (Arc::from(name), bytes.len() as u64);
        let kind = sniff(&bytes);
        let origin = Origin::Held(ReadAt::Memory(bytes.into()));
        if let Some(codec) = Codec::of(kind) {
            let inner = compressed(origin.clone(), codec, Budget::default());
            let kind = sniff(&inner.head(SNIFF_LEN).0);
            if kind.is_evidence() {
                let (origin, meter) = (inner, Arc::default());
                return Self { name, kind, size, origin, compressed: true, meter };
            }
        }
        Self { name, kind, size, origin, compressed: false, meter: Arc::default() }
    }
}

/// The unpacked bytes of a file that is compressed by itself.
pub(super) fn compressed(of: Origin, codec: Codec, budget: Budget) -> Origin {
    Origin::Packed(Arc::new(Packed {
        of,
        from: 0,
        length: u64::MAX,
        codec,
        expect: None,
        limit: budget.unpacked,
        budget,
    }))
}
