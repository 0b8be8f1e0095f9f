//! What the readers of archives find, format by format.

use super::super::budget::Purse;
use super::super::codec::Codec;
use super::super::hold::Store;
use super::super::kind::{FileKind, sniff};
use super::super::origin::{Origin, Packed};
use super::super::{SNIFF_LEN, is_packed};
use crate::base::limits::{MAX_TEXT, UNPACKED_RATIO_FROM};
use crate::base::{Gap, GapList, Metered};
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a name that are kept: enough for a label, escapes included.
const MAX_KEPT_NAME: usize = 4 * MAX_TEXT;

/// An entry of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// As the archive has it.
    pub(super) name: String,
    pub(super) found: Option<Found>,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

/// What an entry holds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: FileKind,
    /// Unpacked bytes, as far as they are known.
    pub(super) size: u64,
    pub(super) origin: Origin,
}

/// Takes the entries of one archive.
#[derive(Debug)]
pub(super) struct Collector<'u> {
    file: Arc<str>,
    /// The archive's own bytes.
    pub(super) archive: Origin,
    pub(super) purse: &'u mut Purse,
    store: &'u mut Store,
    pub(super) members: Vec<Member>,
    gaps: GapList,
    /// Whether no more entries may come.
    full: bool,
}

impl<'u> Collector<'u> {
    pub(super) fn new(
        file: &Arc<str>,
        archive: Origin,
        purse: &'u mut Purse,
        store: &'u mut Store,
    ) -> Self {
        let (members, gaps) = Default::default();
        Self { file: Arc::clone(file), archive, purse, store, members, gaps, full: false }
    }

    /// Whether the reader may stop, because no entry is taken any more.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Something of the archive itself cannot be read.
    pub(super) fn gap(&mut self, message: impl Into<String>) {
        self.gaps.push(Gap::file(&self.file, message));
    }

    /// The same, where it begins.
    pub(super) fn gap_at(&mut self, offset: u64, message: impl Into<String>) {
        self.gaps.push(Gap::at(&self.file, offset, message));
    }

    /// An entry that is not read, and why.
    pub(super) fn refuse(&mut self, name: &str, problem: impl Into<String>) {
        if self.admit() {
            self.add(name, None, Some(problem.into()));
        }
    }

    /// An entry that can be unpacked whenever it is wanted, to so many bytes.
    pub(super) fn lazy(&mut self, name: &str, mut packed: Packed, size: u64) {
        if !self.admit() {
            return;
        }
        packed.limit = self.purse.left();
        let (head, error) = Origin::Packed(Arc::new(packed.clone())).head(SNIFF_LEN);
        let kind = sniff(&head);
        if let (true, Some(error)) = (head.is_empty(), error) {
            let place = format!("its data begin at byte {} of the archive", packed.from);
            return self.add(name, None, Some(format!("cannot be unpacked: {error} ({place})")));
        }
        let wanted = kind.is_evidence() || is_packed(kind);
        if wanted && packed.expect.is_none() && packed.codec != Codec::Stored {
            return self.unpack(name, kind, packed);
        }
        if kind.is_evidence() {
            // A size that is a lie is not paid for.
            let most = packed.length.saturating_mul(packed.budget.ratio);
            let price = size.min(most.saturating_add(2 * UNPACKED_RATIO_FROM));
            let granted = self.purse.pay(price);
            packed.limit = if granted < price { granted } else { u64::MAX };
        }
        let origin = Origin::Packed(Arc::new(packed));
        self.add(name, Some(Found { kind, size, origin }), None);
    }

    /// Holds an entry of which nobody knows how large it becomes.
    fn unpack(&mut self, name: &str, kind: FileKind, packed: Packed) {
        let held = match Origin::Packed(Arc::new(packed)).stream() {
            Ok(inner) => {
                let mut metered = Metered::new(inner, &self.purse.meter);
                self.store.hold(&mut metered)
            }
            Err(error) => return self.add(name, None, Some(stopped(&error))),
        };
        let size = self.purse.pay(held.bytes.length());
        let found = Found { kind, size, origin: Origin::Held(held.bytes) };
        self.add(name, Some(found), held.error.as_ref().map(stopped));
    }

    /// An entry that passes by now and never again. It is kept if it is wanted; gives
    /// whether it came to its end. The caller pays for the bytes.
    pub(super) fn pass(&mut self, name: &str, mut bytes: &mut dyn Read) -> bool {
        if !self.admit() {
            return true;
        }
        let mut head = Vec::new();
        let error = (&mut bytes).take(SNIFF_LEN).read_to_end(&mut head).err();
        let kind = sniff(&head);
        if !kind.is_evidence() && !is_packed(kind) {
            let whole = error.is_none();
            let found = Found { kind, size: head.len() as u64, origin: self.archive.clone() };
            self.add(name, Some(found), error.as_ref().map(stopped));
            return whole;
        }
        let held = self.store.hold(&mut head.chain(bytes));
        let error = error.or(held.error);
        let size = held.bytes.length();
        let found = Found { kind, size, origin: Origin::Held(held.bytes) };
        self.add(name, Some(found), error.as_ref().map(stopped));
        error.is_none()
    }

    /// Whether one more entry is within the budget.
    fn admit(&mut self) -> bool {
        if !self.full && !self.purse.entry() {
            self.full = true;
            self.gap(self.purse.budget.too_many());
        }
        !self.full
    }

    fn add(&mut self, name: &str, found: Option<Found>, problem: Option<String>) {
        let name = name.get(..name.floor_char_boundary(MAX_KEPT_NAME)).unwrap_or_default();
        self.members.push(Member { name: name.to_owned(), found, problem });
    }

    /// The entries, and what cannot be read of the archive itself.
    pub(super) fn finish(self) -> (Vec<Member>, Vec<Gap>) {
        (self.members, self.gaps.finish(&self.file, &[]))
    }
}

fn stopped(error: &io::Error) -> String {
    format!("reading stopped: {error}")
}
