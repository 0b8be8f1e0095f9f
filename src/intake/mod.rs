//! Which files are evidence?
//!
//! Paths are walked, every file's kind is told from its first bytes (never from
//! its name), and every file is accounted for: it is evidence, or it is listed
//! with what it seems to be. Archives and compressed files are opened, within a
//! [`Budget`], and what is in them is sorted the same way.

mod archive;
mod budget;
mod buffer;
mod codec;
mod evidence;
mod export;
mod hold;
mod kind;
mod names;
mod origin;
mod read_at;
mod unicode;

pub use budget::Budget;
pub use buffer::Buffer;
pub use evidence::{EvidenceFile, ReadSeek};
pub use kind::{FileKind, sniff};
pub use read_at::ReadAt;
pub use unicode::Utf8;

use crate::base::limits::{MAX_FILES, MAX_STDIN};
use crate::base::{Gap, Meter};
use archive::{Item, Unpacker, is_packed};
use origin::Origin;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use walkdir::WalkDir;

/// Why a path could not be taken in at all.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no such file or folder: {0}")]
    Missing(PathBuf),
    #[error("cannot read standard input: {0}")]
    StandardInput(io::Error),
}

/// What was found below the paths.
#[derive(Debug, Default)]
pub struct Intake {
    /// Evidence, in the order of its names.
    pub files: Vec<EvidenceFile>,
    /// Files that are no evidence, or that could not be read.
    pub gaps: Vec<Gap>,
}

/// Bytes that are enough to tell every kind.
const SNIFF_LEN: u64 = 512;

/// Takes in all files below the paths, and what is in archives among them, within the
/// default budget. `-` is one stream on standard input.
///
/// # Errors
/// When a path does not exist. Everything below an existing path that cannot be
/// read becomes a gap.
pub fn take_in(paths: &[PathBuf]) -> Result<Intake, Error> {
    take_in_within(paths, Budget::default(), &Arc::default())
}

/// The same, within a budget and what the meter allows.
///
/// # Errors
/// When a path does not exist.
pub fn take_in_within(
    paths: &[PathBuf],
    budget: Budget,
    meter: &Arc<Meter>,
) -> Result<Intake, Error> {
    let mut unpacker = Unpacker::new(budget, Arc::clone(meter));
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            standard_input(&mut unpacker)?;
        } else {
            if !path.exists() {
                return Err(Error::Missing(path.clone()));
            }
            walk(path, &mut found);
        }
    }
    if paths.len() > 1 {
        names::keep_once(&mut found);
    }
    // All names of files are given before those of entries.
    let names: Vec<Arc<str>> = names::names(&found)
        .into_iter()
        .map(|name| unpacker.label(name.as_ref().to_owned()))
        .collect();
    for (name, found) in names.into_iter().zip(found) {
        match found.seen {
            Ok((kind, size)) => {
                let origin = Origin::File(found.path);
                unpacker.take(Item { name, kind, size, origin, depth: 0 });
            }
            Err(message) => unpacker.gap(&name, message),
        }
    }
    Ok(unpacker.finish())
}

fn standard_input(unpacker: &mut Unpacker) -> Result<(), Error> {
    let name = unpacker.label("-".to_owned());
    let mut stdin = io::stdin().lock();
    let held = unpacker.hold(&mut stdin.by_ref().take(MAX_STDIN));
    let length = held.bytes.length();
    if let Some(error) = held.error {
        if length == 0 {
            return Err(Error::StandardInput(error));
        }
        let message = format!("reading stopped: {error}");
        unpacker.intake.gaps.push(Gap::at(&name, length, message));
    } else if length == MAX_STDIN && matches!(stdin.read(&mut [0]), Ok(1)) {
        let message = format!("only the first {MAX_STDIN} bytes were read: give a file");
        unpacker.intake.gaps.push(Gap::at(&name, MAX_STDIN, message));
    }
    unpacker.take_held(name, held.bytes);
    Ok(())
}

/// Takes in one file that is held in memory, and what is in it.
pub fn take_in_bytes(name: &str, bytes: Vec<u8>, budget: Budget) -> Intake {
    let mut unpacker = Unpacker::new(budget, Arc::default());
    let name = unpacker.label(name.to_owned());
    unpacker.take_held(name, ReadAt::Memory(bytes.into()));
    unpacker.finish()
}

/// What was found at a path.
#[derive(Debug)]
struct Found {
    /// The path that the user gave.
    root: PathBuf,
    path: PathBuf,
    /// Kind and size of a file, or why it is left out.
    seen: Result<(FileKind, u64), String>,
}

fn walk(root: &Path, found: &mut Vec<Found>) {
    // Links are not followed: a ticket must not reach outside itself.
    for entry in WalkDir::new(root).follow_links(false).follow_root_links(true).sort_by_file_name()
    {
        let mut add = |path: &Path, seen| {
            found.push(Found { root: root.to_owned(), path: path.to_owned(), seen });
            found.len()
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                add(error.path().unwrap_or(root), Err(format!("cannot be read: {error}")));
                continue;
            }
        };
        // What the user names may be a link; what lies below may not. Reading a pipe or
        // a device by name could wait for ever.
        let (folder, regular) = match entry.depth() {
            0 => (entry.path().is_dir(), entry.path().is_file()),
            _ => (entry.file_type().is_dir(), entry.file_type().is_file()),
        };
        if folder {
            continue;
        }
        let seen = if regular {
            probe(entry.path()).map_err(|error| format!("cannot be read: {error}"))
        } else {
            Err("a link or special file, not followed: give the file itself, or a stream on standard input with `-`".to_owned())
        };
        if add(entry.path(), seen) > MAX_FILES {
            if let Some(last) = found.last_mut() {
                let message =
                    format!("more than {MAX_FILES} files: this one and all after it were left out");
                last.seen = Err(message);
            }
            return;
        }
    }
}

fn probe(path: &Path) -> io::Result<(FileKind, u64)> {
    let mut file = File::open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut head = Vec::new();
    file.take(SNIFF_LEN).read_to_end(&mut head)?;
    Ok((sniff(&head), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_evidence_or_listed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        std::fs::write(folder.path().join("logs/renamed.txt"), b"ElfFile\0rest").unwrap();
        std::fs::write(folder.path().join("notes.evtx"), b"\0 does not work").unwrap();
        std::fs::write(folder.path().join("empty.pcap"), b"").unwrap();
        let intake = take_in(&[folder.path().to_path_buf()]).unwrap();
        let names: Vec<&str> = intake.files.iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["logs/renamed.txt"]);
        let listed: Vec<String> = intake.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(listed.len(), 2, "{listed:?}");
        assert!(listed.iter().any(|g| g.starts_with("empty.pcap: ")));
        assert!(listed.iter().any(|g| g.starts_with("notes.evtx: ")));
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = take_in(&["/no/such/ticket".into()]).unwrap_err();
        assert_eq!(error.to_string(), "no such file or folder: /no/such/ticket");
    }
}
