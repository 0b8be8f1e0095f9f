//! The folder of the copies: an empty one, or an earlier redaction, and never where the
//! originals are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

pub(super) const SUMMARY: &str = "redaction.json";
pub(super) const REPORT: &str = "report.json";

/// Why a folder cannot hold the copies.
#[derive(Debug, Error)]
pub enum FolderError {
    #[error("{0}: the originals are in it or it is in them; choose another folder")]
    HoldsInput(PathBuf),
    #[error("{0}: not empty, and no earlier redaction; choose an empty folder")]
    Foreign(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Makes the folder ready; copies of an earlier redaction are removed.
///
/// # Errors
/// When it may hold something else than copies.
pub(super) fn prepare(folder: &Path, inputs: &[PathBuf]) -> Result<(), FolderError> {
    let io = |error| FolderError::Io(folder.to_owned(), error);
    fs::create_dir_all(folder).map_err(io)?;
    let place = folder.canonicalize().map_err(io)?;
    for input in inputs {
        let Ok(input) = input.canonicalize() else { continue };
        let inside = place.starts_with(&input) || input.starts_with(&place);
        if inside {
            return Err(FolderError::HoldsInput(folder.to_owned()));
        }
    }
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(io)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(io)?;
    let ours = entries.iter().all(|entry| entry.is_file() && is_ours(entry));
    let known = entries.is_empty() || folder.join(SUMMARY).is_file();
    if !ours || !known {
        return Err(FolderError::Foreign(folder.to_owned()));
    }
    entries.iter().try_for_each(fs::remove_file).map_err(io)
}

/// Whether a file is called as copies are.
fn is_ours(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let number = name.split_once('-').map(|(number, _)| number);
    let numbered = number.is_some_and(|number| {
        number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    numbered || matches!(name, SUMMARY | REPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_never_stand_beside_originals_or_foreign_files() {
        let folder = tempfile::tempdir().unwrap();
        let case = folder.path().join("case");
        fs::create_dir(&case).unwrap();
        let inputs = [case.clone()];
        for inside in [case.clone(), case.join("out"), folder.path().to_owned()] {
            assert!(prepare(&inside, &inputs).is_err(), "{}", inside.display());
        }
        let out = folder.path().join("out");
        prepare(&out, &inputs).unwrap();
        fs::write(out.join("001-text.txt"), "x").unwrap();
        assert!(matches!(prepare(&out, &inputs), Err(FolderError::Foreign(_))));
        fs::write(out.join(SUMMARY), "{}").unwrap();
        prepare(&out, &inputs).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
        fs::write(out.join("notes.txt"), "x").unwrap();
        assert!(prepare(&out, &inputs).is_err());
    }
}
