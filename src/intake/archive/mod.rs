//! What is in archives and compressed files?
//!
//! One file for each format. Each gives its entries to a [`Collector`]: those of a
//! format that allows it (zip, tar) stay where they are and are unpacked when they are
//! read, those of a stream (tar.gz, 7z, cab) are kept on the way if they are wanted. Then
//! the entries get their names, and archives among them are opened in turn.

mod cab;
mod cab_data;
mod collect;
mod label;
mod salvage;
mod seven;
mod tar;
mod tar_header;
mod zip;
mod zip_entry;

use super::budget::{Budget, Purse};
use super::codec::Codec;
use super::evidence::compressed;
use super::hold::{Held, Store};
use super::kind::{FileKind, sniff};
use super::origin::Origin;
use super::read_at::ReadAt;
use super::{EvidenceFile, Intake, SNIFF_LEN};
use crate::base::{Gap, Meter, Metered};
use collect::{Collector, Member};
use label::Labels;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Whether something of this kind is opened here.
pub(super) fn is_packed(kind: FileKind) -> bool {
    Codec::of(kind).is_some() || is_archive(kind)
}

fn is_archive(kind: FileKind) -> bool {
    matches!(kind, FileKind::Zip | FileKind::SevenZip | FileKind::Cab | FileKind::Tar)
}

/// A file on its way in.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: Arc<str>,
    pub(super) kind: FileKind,
    /// Bytes, as far as they are known.
    pub(super) size: u64,
    pub(super) origin: Origin,
    /// Layers of packing around it.
    pub(super) depth: u32,
}

/// Sorts files into evidence, archives and what is neither.
#[derive(Debug)]
pub(super) struct Unpacker {
    pub(super) intake: Intake,
    purse: Purse,
    store: Store,
    labels: Labels,
}

impl Unpacker {
    pub(super) fn new(budget: Budget, meter: Arc<Meter>) -> Self {
        Self {
            intake: Intake::default(),
            purse: Purse::new(budget, meter),
            store: Store::default(),
            labels: Labels::default(),
        }
    }

    /// A name that no other file has.
    pub(super) fn label(&mut self, name: String) -> Arc<str> {
        self.labels.unique(name).into()
    }

    /// Takes in one file and all that is in it.
    pub(super) fn take(&mut self, item: Item) {
        self.purse.meter.begin(&item.name);
        match Codec::of(item.kind) {
            _ if item.kind.is_evidence() => self.evidence(item, false),
            Some(codec) => self.compressed(item, codec),
            None if is_archive(item.kind) => self.archive(item),
            None => self.gap(&item.name, item.kind.why_not()),
        }
    }

    /// Takes in bytes that can be read from anywhere.
    pub(super) fn take_held(&mut self, name: Arc<str>, bytes: ReadAt) {
        let (size, origin) = (bytes.length(), Origin::Held(bytes));
        let kind = sniff(&origin.head(SNIFF_LEN).0);
        self.take(Item { name, kind, size, origin, depth: 0 });
    }

    /// All evidence, in the order of its names, and all gaps.
    pub(super) fn finish(self) -> Intake {
        let mut intake = self.intake;
        intake.files.sort_by(|a, b| a.name.cmp(&b.name));
        intake
    }

    /// Holds bytes from start to end, so that they can be read from anywhere.
    pub(super) fn hold(&mut self, bytes: &mut dyn io::Read) -> Held {
        let mut metered = self.metered(bytes);
        self.store.hold(&mut metered)
    }

    /// Lists a file that is not read, and why.
    pub(super) fn gap(&mut self, name: &Arc<str>, message: impl Into<String>) {
        self.intake.gaps.push(Gap::file(name, message));
    }

    fn evidence(&mut self, item: Item, compressed: bool) {
        let Item { name, kind, size, origin, .. } = item;
        let meter = Arc::clone(&self.purse.meter);
        self.intake.files.push(EvidenceFile { name, kind, size, origin, compressed, meter });
    }

    /// A file that is compressed by itself: it is what it holds.
    fn compressed(&mut self, item: Item, codec: Codec) {
        let mut budget = self.purse.budget;
        if item.depth >= budget.depth {
            return self.gap(&item.name, budget.too_deep());
        }
        let in_archive = item.depth > 0;
        if in_archive {
            budget.unpacked = self.purse.left();
        }
        let origin = compressed(item.origin, codec, budget);
        let (head, error) = origin.head(SNIFF_LEN);
        let kind = sniff(&head);
        let mut item = Item { kind, origin, depth: item.depth + 1, ..item };
        match error {
            Some(error) if head.is_empty() => {
                self.gap(&item.name, format!("cannot be unpacked: {error}"));
            }
            _ if kind.is_evidence() => {
                // Nobody knows how large it becomes; in an archive that has to be paid for.
                if in_archive && !self.hold_item(&mut item) {
                    return;
                }
                self.evidence(item, true);
            }
            _ if kind == FileKind::Tar => self.tar_stream(&item),
            _ if is_packed(kind) => self.take(item),
            _ => {
                let message =
                    format!("compressed with {}; in it: {}", codec.name(), kind.why_not());
                self.gap(&item.name, message);
            }
        }
    }

    /// Unpacks something so that it can be read from anywhere; false when it cannot be.
    fn hold_item(&mut self, item: &mut Item) -> bool {
        let stream = match item.origin.stream() {
            Ok(stream) => stream,
            Err(error) => {
                self.gap(&item.name, format!("cannot be unpacked: {error}"));
                return false;
            }
        };
        let held = self.store.hold(&mut self.metered(stream));
        item.size = held.bytes.length();
        self.purse.pay(item.size);
        if let Some(error) = held.error {
            let message = format!("reading stopped: {error}");
            self.intake.gaps.push(Gap::at(&item.name, item.size, message));
        }
        item.origin = Origin::Held(held.bytes);
        true
    }

    /// The bytes of an archive, which must be read from anywhere.
    fn bytes(&mut self, item: &mut Item) -> Option<ReadAt> {
        let opened = match item.origin.positioned() {
            Ok(None) if !self.hold_item(item) => return None,
            Ok(None) => item.origin.positioned(),
            opened => opened,
        };
        match opened {
            Ok(bytes) => {
                // A part of memory is copied each time it is asked for.
                if let Some(bytes @ ReadAt::Memory(_)) = &bytes {
                    item.origin = Origin::Held(bytes.clone());
                }
                // Looking for entries takes time, too.
                let meter = Arc::clone(&self.purse.meter);
                bytes.map(|bytes| ReadAt::Metered { inner: Arc::new(bytes), meter })
            }
            Err(error) => {
                self.gap(&item.name, format!("cannot be read: {error}"));
                None
            }
        }
    }

    fn archive(&mut self, mut item: Item) {
        if item.depth >= self.purse.budget.depth {
            return self.gap(&item.name, self.purse.budget.too_deep());
        }
        let Some(bytes) = self.bytes(&mut item) else { return };
        let mut collector = self.collector(&item);
        match item.kind {
            FileKind::Zip => zip::read(&bytes, &mut collector),
            FileKind::SevenZip => seven::read(&bytes, &mut collector),
            FileKind::Cab => cab::read(&bytes, &mut collector),
            _ => tar::read(&bytes, &mut collector),
        }
        let (members, gaps) = collector.finish();
        item.depth += 1;
        self.settle(&item, members, gaps);
    }

    /// A tar archive in a compressed file: both are one layer.
    fn tar_stream(&mut self, item: &Item) {
        let stream = match item.origin.stream() {
            Ok(stream) => stream,
            Err(error) => {
                return self.gap(&item.name, format!("cannot be unpacked: {error}"));
            }
        };
        let limit = self.purse.left();
        let stream = Box::new(self.metered(stream));
        let mut collector = self.collector(item);
        let given = tar::read_stream(stream, limit, &mut collector);
        let (members, gaps) = collector.finish();
        self.purse.pay(given.load(Ordering::Relaxed));
        self.settle(item, members, gaps);
    }

    /// Reads within the time of the case.
    fn metered<R>(&self, inner: R) -> Metered<R> {
        Metered::new(inner, &self.purse.meter)
    }

    fn collector(&mut self, item: &Item) -> Collector<'_> {
        let origin = item.origin.clone();
        Collector::new(&item.name, origin, &mut self.purse, &mut self.store)
    }

    /// Names the entries of an archive and takes them in.
    fn settle(&mut self, archive: &Item, members: Vec<Member>, gaps: Vec<Gap>) {
        if members.is_empty() && gaps.is_empty() {
            self.gap(&archive.name, "an archive without a file in it");
        }
        self.intake.gaps.extend(gaps);
        let encoded = label::are_percent_encoded(members.iter().map(|m| m.name.as_str()));
        let document = members.iter().any(|member| member.name == "[Content_Types].xml");
        if document {
            self.gap(&archive.name, "an Office document, not read by this version");
        }
        for Member { name, found, problem } in members {
            let name = if encoded { label::decoded(&name) } else { name };
            let name = self.label(format!("{}/{}", archive.name, label::clean(&name)));
            if let Some(problem) = problem {
                self.gap(&name, problem);
            }
            // The parts of a document are told of together.
            let told = |kind: FileKind| document && !kind.is_evidence() && !is_packed(kind);
            let Some(found) = found.filter(|found| !told(found.kind)) else { continue };
            let (kind, size, origin) = (found.kind, found.size, found.origin);
            self.take(Item { name, kind, size, origin, depth: archive.depth });
        }
    }
}
