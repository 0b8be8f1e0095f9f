//! Which files are evidence?
//!
//! Paths are walked, every file's kind is told from its first bytes (never from
//! its name), and every file is accounted for: it is evidence, or it is listed
//! with what it seems to be. A gzip'd capture or log is evidence. Archives are recognised here and opened by a later
//! step of this room.

mod export;
mod gzip;
mod kind;
mod names;
mod read_at;
mod unicode;

pub use kind::{FileKind, sniff};
pub use read_at::ReadAt;
pub use unicode::Utf8;

use crate::base::limits::{MAX_FILES, MAX_STDIN, MAX_UNPACKED, MAX_UNPACKED_IN_MEMORY};
use crate::base::{Gap, Place};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
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

/// Where the bytes of a piece of evidence are.
#[derive(Debug, Clone)]
enum Origin {
    File(PathBuf),
    Memory(Arc<[u8]>),
    /// Compressed with gzip; the bytes meant are the decompressed ones.
    Gzip(Box<Origin>),
}

impl Origin {
    /// The bytes as they lie there.
    fn open(&self) -> io::Result<Box<dyn ReadSeek>> {
        match self {
            Self::File(path) => Ok(Box::new(BufReader::with_capacity(1 << 20, File::open(path)?))),
            Self::Memory(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Self::Gzip(inner) => inner.open(),
        }
    }
}

/// One piece of evidence that can be opened.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    /// How the report names it: the path below what the user gave, or `-`.
    pub name: Arc<str>,
    /// What it is; of a gzip file, what it holds.
    pub kind: FileKind,
    /// Size in bytes when it was found, as it lies there.
    pub size: u64,
    origin: Origin,
}

/// What can be read from and sought in.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl EvidenceFile {
    /// Opens the bytes, from their start. Compressed evidence is decompressed into
    /// memory; when that does not succeed to the end, what came before is opened and
    /// the rest is a gap.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self, gaps: &mut Vec<Gap>) -> io::Result<Box<dyn ReadSeek>> {
        let bytes = self.origin.open()?;
        if !self.is_compressed() {
            return Ok(bytes);
        }
        let mut unpacked = Vec::new();
        let mut stream = gzip::Unpacked::new(bytes, MAX_UNPACKED_IN_MEMORY);
        if let Err(error) = stream.read_to_end(&mut unpacked) {
            let message = format!("reading stopped: {error}");
            gaps.push(Gap::at(&self.name, unpacked.len() as u64, message));
        }
        Ok(Box::new(Cursor::new(unpacked)))
    }

    /// Opens the bytes so that every part can be read by several threads at a time.
    /// Compressed evidence is decompressed into memory, as [`Self::open`] does.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open_at(&self, gaps: &mut Vec<Gap>) -> io::Result<ReadAt> {
        match &self.origin {
            Origin::File(path) => ReadAt::file(File::open(path)?),
            Origin::Memory(bytes) => Ok(ReadAt::Memory(Arc::clone(bytes))),
            Origin::Gzip(_) => {
                let mut unpacked = Vec::new();
                self.open(gaps)?.read_to_end(&mut unpacked)?;
                Ok(ReadAt::Memory(unpacked.into()))
            }
        }
    }

    /// Opens the bytes for one pass from start to end. Compressed evidence is
    /// decompressed on the way.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn stream(&self) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.origin.open()?;
        if self.is_compressed() {
            return Ok(Box::new(gzip::Unpacked::new(bytes, MAX_UNPACKED)));
        }
        Ok(Box::new(bytes))
    }

    /// Says of gaps in compressed evidence which bytes their offsets count.
    pub fn explain_offsets(&self, gaps: &mut [Gap]) {
        if !self.is_compressed() {
            return;
        }
        for gap in gaps.iter_mut().filter(|gap| matches!(gap.place, Place::Offset(_))) {
            gap.message.push_str(" (offsets count decompressed bytes)");
        }
    }

    fn is_compressed(&self) -> bool {
        matches!(self.origin, Origin::Gzip(_))
    }

    /// Evidence held in memory, as standard input is.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let head = sniff(&bytes);
        Self::look_inside(Arc::from(name), head, size, Origin::Memory(bytes.into()))
    }

    /// A file of this kind by its first bytes. A gzip file is what it holds, if that is
    /// evidence.
    fn look_inside(name: Arc<str>, kind: FileKind, size: u64, origin: Origin) -> Self {
        if kind == FileKind::Gzip {
            let head = origin.open().map(|bytes| gzip::head(bytes, SNIFF_LEN));
            let inner = head.map_or(FileKind::Gzip, |head| sniff(&head));
            if inner.is_evidence() {
                return Self { name, kind: inner, size, origin: Origin::Gzip(Box::new(origin)) };
            }
        }
        Self { name, kind, size, origin }
    }
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

/// Takes in all files below the paths. `-` is one stream on standard input.
///
/// # Errors
/// When a path does not exist. Everything below an existing path that cannot be
/// read becomes a gap.
pub fn take_in(paths: &[PathBuf]) -> Result<Intake, Error> {
    let mut intake = Intake::default();
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            standard_input(&mut intake)?;
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
    for (name, found) in names::names(&found).into_iter().zip(found) {
        match found.seen {
            Ok((kind, size)) => {
                let origin = Origin::File(found.path);
                sort_in(&mut intake, EvidenceFile::look_inside(name, kind, size, origin));
            }
            Err(message) => intake.gaps.push(Gap::file(&name, message)),
        }
    }
    intake.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(intake)
}

fn standard_input(intake: &mut Intake) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let stdin = io::stdin().lock();
    stdin.take(MAX_STDIN + 1).read_to_end(&mut bytes).map_err(Error::StandardInput)?;
    if bytes.len() as u64 > MAX_STDIN {
        bytes.truncate(bytes.len() - 1);
        let message = format!("only the first {MAX_STDIN} bytes were read: give a file");
        intake.gaps.push(Gap::at(&Arc::from("-"), MAX_STDIN, message));
    }
    sort_in(intake, EvidenceFile::from_bytes("-", bytes));
    Ok(())
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
        if entry.file_type().is_dir() {
            continue;
        }
        // What the user names may be a link; what lies below may not. Reading a pipe or
        // a device by name could wait for ever.
        let regular = match entry.depth() {
            0 => entry.path().is_file(),
            _ => entry.file_type().is_file(),
        };
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

fn sort_in(intake: &mut Intake, file: EvidenceFile) {
    if file.kind.is_evidence() {
        intake.files.push(file);
    } else {
        intake.gaps.push(Gap::file(&file.name, file.kind.why_not()));
    }
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
