//! Which cases are there, and what are they called?

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the cases of a folder cannot be had.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no such folder: {0}")]
    Missing(PathBuf),
    #[error("{0} is a file: give the folder that holds the cases, or use `rdp-triage analyze`")]
    File(PathBuf),
    #[error("cannot list {0}: {1}")]
    List(PathBuf, io::Error),
}

/// One case of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name of the file or folder; where two folders hold the same name, with its
    /// folder before it.
    pub name: String,
    pub path: PathBuf,
    /// Why it is not read.
    pub refused: Option<String>,
}

/// The direct children of the folders, each a case: the folders in the order in which
/// they were given, the cases of each by name. `reports`, where the reports go, is none.
///
/// # Errors
/// When a folder is not there or cannot be listed.
pub fn cases(folders: &[PathBuf], reports: Option<&Path>) -> Result<Vec<Case>, Error> {
    let reports = reports.and_then(|folder| folder.canonicalize().ok());
    let mut found = Vec::new();
    for folder in folders {
        if folder.is_file() {
            return Err(Error::File(folder.clone()));
        }
        let whole = folder.canonicalize().map_err(|_| Error::Missing(folder.clone()))?;
        let failed = |error| Error::List(folder.clone(), error);
        let mut children: Vec<(OsString, FileType)> = fs::read_dir(folder)
            .map_err(failed)?
            .map(|child| child.and_then(|child| Ok((child.file_name(), child.file_type()?))))
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        children.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in children {
            let path = folder.join(&name);
            if reports.is_some() && path.canonicalize().ok() == reports {
                continue;
            }
            let refused = kind.is_symlink().then(|| leads_up(&path, &whole)).flatten();
            found.push(Case { name: name.to_string_lossy().into_owned(), path, refused });
        }
    }
    name_apart(&mut found);
    Ok(found)
}

/// Why a link is not followed: it leads to what holds it.
fn leads_up(link: &Path, folder: &Path) -> Option<String> {
    let target = link.canonicalize().ok()?;
    folder.starts_with(&target).then(|| "a link to the folder that holds the cases".to_owned())
}

/// Gives cases of one name different ones: their paths, and numbers where even those read
/// the same.
fn name_apart(cases: &mut [Case]) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for case in &*cases {
        *seen.entry(case.name.clone()).or_default() += 1;
    }
    for case in cases.iter_mut().filter(|case| seen.get(&case.name) > Some(&1)) {
        case.name = case.path.to_string_lossy().into_owned();
    }
    number_alike(cases.iter_mut().map(|case| &mut case.name).collect());
}

/// Numbers the names that are there several times.
pub(super) fn number_alike(names: Vec<&mut String>) {
    let mut seen: HashMap<String, (u32, u32)> = HashMap::new();
    for name in &names {
        seen.entry((*name).clone()).or_default().0 += 1;
    }
    for name in names {
        let Some((all, number)) = seen.get_mut(name) else { continue };
        if *all > 1 {
            *number += 1;
            *name = format!("{name} ({number})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cases: &[Case]) -> Vec<&str> {
        cases.iter().map(|case| case.name.as_str()).collect()
    }

    #[test]
    fn every_direct_child_is_a_case_but_the_reports() {
        let folder = tempfile::tempdir().unwrap();
        for child in ["b", "a/deeper", "reports"] {
            fs::create_dir_all(folder.path().join(child)).unwrap();
        }
        fs::write(folder.path().join("c.zip"), b"PK").unwrap();
        let reports = folder.path().join("reports");
        let all = cases(&[folder.path().into()], Some(&reports)).unwrap();
        assert_eq!(names(&all), ["a", "b", "c.zip"]);
    }

    #[test]
    fn cases_of_one_name_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["x", "y"].map(|name| folder.path().join(name));
        for folder in &folders {
            fs::create_dir_all(folder.join("same")).unwrap();
        }
        let all = cases(&[folders[0].clone(), folders[1].clone(), folders[1].clone()], None);
        let all = all.unwrap();
        assert!(names(&all)[0].ends_with("x/same"), "{all:?}");
        assert!(names(&all)[1].ends_with("y/same (1)"), "{all:?}");
        assert!(names(&all)[2].ends_with("y/same (2)"), "{all:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_where_the_cases_are_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        fs::create_dir(folder.path().join("ticket")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("ticket"), folder.path().join("z")).unwrap();
        let all = cases(&[folder.path().into()], None).unwrap();
        let refused: Vec<bool> = all.iter().map(|case| case.refused.is_some()).collect();
        assert_eq!((names(&all), refused), (vec!["loop", "ticket", "z"], vec![true, false, false]));
    }

    #[test]
    fn a_file_is_no_folder_of_cases() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = cases(&[file.path().into()], None).unwrap_err();
        assert!(error.to_string().contains("rdp-triage analyze"));
        assert!(matches!(cases(&["/no/such".into()], None), Err(Error::Missing(_))));
    }
}
