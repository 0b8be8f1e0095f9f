//! What several tests need.

use rdp_triage::knowledge::Knowledge;
use rdp_triage::report::Report;
use rdp_triage::triage::{Config, triage};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `../shared` beside the project. Tests that need it say aloud when it is absent.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared").join(below);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

pub(crate) fn analyse(path: &Path) -> Report {
    analyse_all(&[path.to_path_buf()])
}

pub(crate) fn analyse_all(paths: &[PathBuf]) -> Report {
    let knowledge = Knowledge::embedded().unwrap();
    let config = Config { paths: paths.to_vec(), ..Config::default() };
    triage(&config, &knowledge, &std::sync::Arc::default()).unwrap()
}

/// Folders directly below a folder, in order.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Files anywhere below a folder, in order.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What the program does with these arguments, in the folder of the project.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(arguments)
        .current_dir(root())
        .env("COLUMNS", "100")
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
