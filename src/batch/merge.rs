//! Reports that other runs wrote, on whatever machines, added up.

use crate::report::{CaseLine, Report, SCHEMA_VERSION};
use rayon::prelude::*;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Bytes of one report: the longest that this program wrote had a few MiB.
const MAX_REPORT: u64 = 256 << 20;

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
    /// Reports of cases that had one already.
    pub repeated: usize,
    /// Reports of another version of this program than this one.
    pub other_versions: usize,
}

/// Reads reports: files of one or many, one behind the other; folders of such files; and
/// standard input for `-`.
///
/// A report may come twice, as where a lost task was done again: of two reports with the
/// name and the inputs of one case, the first counts that was analysed to its end.
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
    /// What the report is of; of something that is no report, nothing.
    inputs: Option<Vec<String>>,
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
                let why = format!("a report of more than {MAX_REPORT} bytes");
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
    Some(Told { line, inputs: Some(report.case.inputs), other_version })
}

fn place(name: &str, line: u64) -> String {
    if line > 1 { format!("{name}:{line}") } else { name.to_owned() }
}

fn unread(name: &str, why: String) -> Told {
    Told { line: CaseLine::unread(name, why), inputs: None, other_version: false }
}

fn each_once(told: Vec<Told>) -> Merged {
    let mut merged = Merged::default();
    let mut places: HashMap<(String, Vec<String>), usize> = HashMap::new();
    for Told { line, inputs, other_version } in told {
        merged.other_versions += usize::from(other_version);
        let next = merged.lines.len();
        let place = match inputs.map(|inputs| places.entry((line.name.clone(), inputs))) {
            Some(Entry::Occupied(place)) => *place.get(),
            Some(Entry::Vacant(free)) => *free.insert(next),
            None => next,
        };
        match merged.lines.get_mut(place) {
            None => merged.lines.push(line),
            Some(before) => {
                merged.repeated += 1;
                if before.unfinished.is_some() && line.unfinished.is_none() {
                    *before = line;
                }
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests;
