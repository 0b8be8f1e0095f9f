//! Entries of a zip archive whose directory is lost: each has a header of its own.

use super::super::read_at::ReadAt;
use super::collect::Collector;
use super::zip::read_exact;
use super::zip_entry::{Entry, LOCAL, take};
use crate::base::ZeroRun;
use std::collections::BTreeSet;
use std::io;

/// Bytes that are searched at a time.
const WINDOW: usize = 1 << 20;

/// Looks at every byte once for local headers, and takes the entries that are not known.
/// Behind an entry that tells its size, the search goes on behind its data.
pub(super) fn salvage(bytes: &ReadAt, known: &BTreeSet<u64>, collector: &mut Collector<'_>) {
    let mut search = Search { bytes, window: Vec::new(), start: 0, zeros: ZeroRun::default() };
    let mut at = 0;
    // Each turn consumes at least a signature.
    loop {
        let header = match search.find(at) {
            Ok(Some(header)) => header,
            Ok(None) => return,
            Err(error) => {
                return collector.gap_at(search.start, format!("reading stopped: {error}"));
            }
        };
        if collector.is_full() {
            return;
        }
        let entry = Entry::local(bytes, header).filter(|(entry, _)| entry.is_plausible());
        let Some((entry, header_len)) = entry else {
            at = header + LOCAL.len() as u64;
            continue;
        };
        let data = header + header_len;
        if !known.contains(&header) {
            take(&entry, data, bytes.length(), collector);
        }
        // An entry without a size, or with a wrong one, ends where something else begins.
        let end = data.saturating_add(entry.packed);
        let told = !entry.is_open_ended()
            && (end >= bytes.length() || read_exact(bytes, end, 2).is_some_and(|two| two == b"PK"));
        at = if told { end } else { data };
    }
}

/// A search that moves forward.
struct Search<'b> {
    bytes: &'b ReadAt,
    window: Vec<u8>,
    /// Where the window begins.
    start: u64,
    zeros: ZeroRun,
}

impl Search<'_> {
    /// The next local header from an offset on.
    fn find(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        while at < self.bytes.length() {
            let seen = at.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
            let seen = seen.and_then(|skip| self.window.get(skip..)).unwrap_or_default();
            if let Some(found) = memchr::memmem::find(seen, LOCAL) {
                return Ok(Some(at + found as u64));
            }
            // A signature may lie across two windows.
            at += seen.len().saturating_sub(LOCAL.len() - 1) as u64;
            self.window.resize(WINDOW, 0);
            let got = self.bytes.read(at, &mut self.window)?;
            self.window.truncate(got);
            self.start = at;
            self.zeros.saw(&self.window)?;
            if got < LOCAL.len() {
                return Ok(None);
            }
        }
        Ok(None)
    }
}
