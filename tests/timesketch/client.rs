//! Timesketch's own importer, where it is installed: see `integrations/timesketch`.

use super::{CASES, ENDINGS, analyze, hostile, made, shown};
use crate::support::root;
use std::path::PathBuf;
use std::process::Command;

/// An interpreter that has timesketch-import-client: `RDP_TRIAGE_PYTHON`, or `python3`.
fn python() -> Option<String> {
    let python = std::env::var("RDP_TRIAGE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut probe = Command::new(&python);
    let why = match probe.args(["-c", "import timesketch_import_client.importer"]).output() {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            said.lines().last().unwrap_or_default().to_owned()
        }
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: timesketch-import-client is not installed ({python}: {why})");
    None
}

#[test]
fn the_importer_of_timesketch_sends_every_row_as_it_is() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut made: Vec<PathBuf> =
        CASES.iter().flat_map(|id| ENDINGS.map(|ending| made(folder.path(), id, ending))).collect();
    let log = hostile(folder.path());
    for ending in ENDINGS {
        let file = folder.path().join(format!("hostile.{ending}"));
        analyze(&[shown(&log)], &file, &[]);
        made.push(file);
    }
    let output = Command::new(python)
        .arg(root().join("integrations/timesketch/check.py"))
        .args(&made)
        // It would put a cache beside the script.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    assert_eq!(said.lines().count(), made.len(), "{said}");
}
