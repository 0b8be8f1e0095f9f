//! Reports that other runs wrote, on whatever machines, added up.

use super::cases::number_alike;
use crate::report::{CaseLine, Report, SCHEMA_VERSION};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bytes of one report: the longest that this program wrote had a few MiB.
const MAX_REPORT: u64 = 256 << 20;

/// What some editors and shells write first.
const UTF8_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why reports cannot be had. What cannot be read of a file is a case that is not finished.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no such file or folder: {0}")]
    Missing(PathBuf),
    #[error("cannot list {0}: {1}")]
    List(PathBuf, io::Error),
    #[error("no reports in {0}: they end in .json, as `batch --output` writes them")]
    Empty(PathBuf),
}

/// What came out of all reports.
#[derive(Debug, Default)]
pub struct Merged {
    /// One for each case: those of a folder in the order of their names, all others as they
    /// were read.
    pub lines: Vec<CaseLine>,
    /// Reports that were there already, word for word.
    pub repeated: usize,
    /// Reports of another version of this program than this one.
    pub other_versions: usize,
}

/// Reads reports: files of one or many, one behind the other; folders of such files; and
/// standard input for `-`.
///
/// Where the very same report comes twice, it counts once. All others count, also where they
/// call their cases alike: on many machines there is a ticket 1001.
///
/// # Errors
/// When a path is not there, a folder cannot be listed or holds no reports.
pub fn merge(paths: &[PathBuf]) -> Result<Merged, Error> {
    let mut told = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            told.extend(of_stream(io::stdin().lock(), "-", None));
        } else if path.is_dir() {
            told.extend(of_folder(path)?);
        } else if path.exists() {
            told.extend(of_file(path, None));
        } else {
            return Err(Error::Missing(path.clone()));
        }
    }
    Ok(each_once(told))
}

/// What one report says.
#[derive(Debug)]
struct Told {
    line: CaseLine,
    /// SHA-256 of the report; of something that is no report, nothing.
    digest: Option<[u8; 32]>,
    other_version: bool,
}

fn of_folder(folder: &Path) -> Result<Vec<Told>, Error> {
    let failed = |error| Error::List(folder.to_owned(), error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    // What begins with a point is not finished, or says how the reports were made; a
    // timeline ends in .jsonl.
    names.retain(|name| {
        let name = name.to_string_lossy();
        !name.starts_with('.') && name.ends_with(".json")
    });
    if names.is_empty() {
        return Err(Error::Empty(folder.to_owned()));
    }
    names.sort();
    let read = names.par_iter().map(|name| {
        let file = name.to_string_lossy();
        of_file(&folder.join(name), Some(&file))
    });
    let mut told: Vec<Told> = read.collect::<Vec<_>>().into_iter().flatten().collect();
    told.sort_by(|a, b| a.line.name.cmp(&b.line.name));
    Ok(told)
}

/// The reports of a file, which says that it has none where that is so. `report` is the name
/// that leads to it.
fn of_file(path: &Path, report: Option<&str>) -> Vec<Told> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    // To open a pipe or a device might wait for ever.
    let opened = match path.is_file() {
        true => File::open(path).map_err(|error| format!("cannot be read: {error}")),
        false => Err("not a regular file; for a stream give `-`".to_owned()),
    };
    let mut told = match opened {
        Ok(file) => of_stream(BufReader::with_capacity(1 << 16, file), &name, report),
        Err(why) => vec![unread(&name, why)],
    };
    if told.len() > 1 && told.iter().all(|told| told.digest.is_none()) {
        // Something else, of many lines.
        told.clear();
    }
    if told.is_empty() {
        told.push(unread(&name, "holds no report of rdp-triage".to_owned()));
    }
    told
}

/// Reports one behind the other. Each begins on a line of its own, and no line within one
/// begins with a brace: so what is damaged ends with the next report.
fn of_stream(mut input: impl BufRead, name: &str, report: Option<&str>) -> Vec<Told> {
    let (mut told, mut text) = (Vec::new(), Vec::new());
    let (mut begun, mut number) = (1_u64, 0_u64);
    loop {
        let begin = text.len();
        let left = (MAX_REPORT + 1).saturating_sub(begin as u64);
        let read = input.by_ref().take(left).read_until(b'\n', &mut text);
        let line = text.get(begin..).unwrap_or_default();
        let ended = line.is_empty() && left > 0;
        number += 1;
        if begin > 0 && (ended || line.first() == Some(&b'{')) {
            let next = text.split_off(begin);
            told.extend(of_text(&text, (name, begun), report));
            (text, begun) = (next, number);
        }
        match read {
            Err(error) => {
                told.push(unread(&place(name, number), format!("cannot be read: {error}")));
                return told;
            }
            Ok(_) if ended => return told,
            Ok(_) if text.len() as u64 > MAX_REPORT => {
                let why =
                    format!("more than {MAX_REPORT} bytes are no report: the rest is not read");
                told.push(unread(&place(name, begun), why));
                // Nothing says where it ends.
                return told;
            }
            Ok(_) => {}
        }
    }
}

/// The report of a text that begins at a line of a file.
fn of_text(text: &[u8], (name, line): (&str, u64), file: Option<&str>) -> Option<Told> {
    let text = text.strip_prefix(UTF8_MARK).unwrap_or(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let no_report = |why: String| Some(unread(&place(name, line), why));
    let report: Report = match serde_json::from_slice(text) {
        Ok(report) => report,
        Err(error) => return no_report(format!("not a whole report of rdp-triage: {error}")),
    };
    if report.schema_version != SCHEMA_VERSION {
        let version = report.schema_version;
        return no_report(format!("a report of schema version {version}, not {SCHEMA_VERSION}"));
    }
    let mut line = CaseLine::of(&report);
    line.report = file.map(str::to_owned);
    let other_version = report.tool.version != env!("CARGO_PKG_VERSION");
    // Whether it stands on one line or on many.
    let digest = serde_json::to_vec(&report).ok().map(|text| Sha256::digest(text).into());
    Some(Told { line, digest, other_version })
}

fn place(name: &str, line: u64) -> String {
    if line > 1 { format!("{name}:{line}") } else { name.to_owned() }
}

fn unread(name: &str, why: String) -> Told {
    Told { line: CaseLine::unread(name, why), digest: None, other_version: false }
}

fn each_once(told: Vec<Told>) -> Merged {
    let mut merged = Merged::default();
    let mut seen = HashSet::new();
    for Told { line, digest, other_version } in told {
        if digest.is_some_and(|digest| !seen.insert(digest)) {
            merged.repeated += 1;
            continue;
        }
        merged.other_versions += usize::from(other_version);
        merged.lines.push(line);
    }
    number_alike(merged.lines.iter_mut().map(|line| &mut line.name).collect());
    merged
}

#[cfg(test)]
mod tests;
