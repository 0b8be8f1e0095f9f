//! Who may read the key file of Remote Desktop: listings of permissions.
//!
//! The self-signed certificate of Remote Desktop keeps its key in `TSSecKeySet1`, a file
//! of `MachineKeys` whose name begins with [`CONTAINER`] on every machine. Remote Desktop
//! Services open it as NETWORK SERVICE. Listings of other files are counted, not kept.

mod identity;
mod listing;
mod sddl;

use super::undated;
use crate::observe::Observation;
use identity::Listed;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The folder of the machine's keys, in lower case.
const FOLDER: &str = "machinekeys";
/// What the file's name begins with: the hash of `TSSecKeySet1`. The machine's GUID follows.
const CONTAINER: &str = "f686aace6942fb7f7ceb231212eef4a4_";
/// Listings of one text that are kept.
const MOST_LISTINGS: usize = 64;
/// Of a path this many characters are kept.
const LONGEST_PATH: usize = 260;

/// What the listings of a text say.
#[derive(Debug, Default)]
pub(super) struct Listings {
    pub(super) observations: Vec<Observation>,
    /// All listings below `MachineKeys`.
    pub(super) count: u64,
    /// Listings of the folder or of the key that are too many to keep.
    pub(super) left_out: u64,
}

/// Permissions of one file or folder.
#[derive(Debug, Default)]
struct Listing {
    path: String,
    entries: Vec<Entry>,
    /// Every entry was understood, and none is missing.
    whole: bool,
    /// The same in the language of descriptors, where it is whole.
    descriptor: Option<Vec<Entry>>,
}

/// One entry that applies to the file itself.
#[derive(Debug)]
struct Entry {
    identity: String,
    allow: bool,
    /// Whether it is about reading the file's content.
    read: bool,
}

/// All listings of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Listings {
    let mut found = Listings::default();
    listing::each(text, |line, listing| {
        found.count += 1;
        let lower = listing.path.to_ascii_lowercase();
        let key = lower.contains(CONTAINER);
        let folder = lower.trim_end_matches(['\\', '*']).ends_with(FOLDER);
        if !key && !folder {
            return;
        }
        if found.observations.len() >= MOST_LISTINGS {
            found.left_out += 1;
            return;
        }
        let service = listing.network_service();
        // PowerShell puts the name of its provider in front.
        let (_, path) = listing.path.rsplit_once("::").unwrap_or(("", &listing.path));
        let fields = [
            ("path", path.chars().take(LONGEST_PATH).collect()),
            ("key", if key { "yes" } else { "no" }.to_owned()),
            ("network_service", service.0.to_owned()),
            ("by", service.1.chars().take(LONGEST_PATH).collect()),
        ];
        found.observations.push(undated("text.acl", file, line, fields));
    });
    found
}

/// Whether a path is below the folder, or is the key.
fn concerns(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.contains(FOLDER) || path.contains(CONTAINER)
}

impl Listing {
    /// What NETWORK SERVICE may do, and by whose entry: `read`, `denied`, `none` (no entry
    /// lets it read), or `unknown` where the listing does not tell.
    fn network_service(&self) -> (&'static str, &str) {
        match (self.by_names(), &self.descriptor) {
            // Names of another language: the descriptor has none.
            (("unknown", _), Some(entries)) => by_entries(entries, true, true),
            (found, _) => found,
        }
    }

    fn by_names(&self) -> (&'static str, &str) {
        let english = self.entries.iter().any(|entry| identity::is_english(&entry.identity));
        match self.several_files() {
            // Whose denial it is nobody knows, but it is there.
            true => match by_entries(&self.entries, english, false) {
                denied @ ("denied", _) => denied,
                _ => ("unknown", ""),
            },
            false => by_entries(&self.entries, english, self.whole),
        }
    }

    /// A wildcard matched several files, whose entries follow each other: nobody knows
    /// which entry is whose.
    fn several_files(&self) -> bool {
        let mut seen = BTreeSet::new();
        let mut entries = self.entries.iter();
        self.path.contains('*') && !entries.all(|entry| seen.insert((&entry.identity, entry.allow)))
    }
}

/// What entries let NETWORK SERVICE do. `english`: they name well-known accounts so;
/// `whole`: none is missing.
fn by_entries(entries: &[Entry], english: bool, whole: bool) -> (&'static str, &str) {
    let who = |entry: &Entry| identity::listed(&entry.identity, english);
    let by = |allow: bool, wanted: &[Listed]| {
        let reads = entries.iter().filter(|entry| entry.read);
        reads.into_iter().find(|entry| entry.allow == allow && wanted.contains(&who(entry)))
    };
    // A denial counts whatever else is allowed.
    if let Some(entry) = by(false, &[Listed::Service, Listed::System]) {
        return ("denied", &entry.identity);
    }
    if by(false, &[Listed::Unknown]).is_some() {
        return ("unknown", "");
    }
    if let Some(entry) = by(true, &[Listed::Service]) {
        return ("read", &entry.identity);
    }
    match by(true, &[Listed::Unknown]).is_some() || !whole || entries.is_empty() {
        true => ("unknown", ""),
        false => ("none", ""),
    }
}

#[cfg(test)]
mod tests;
