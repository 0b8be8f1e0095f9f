//! `rdp-triage explain --sigma`: the rules become files.

use super::Exit;
use crate::base::{counted, for_terminal};
use crate::knowledge::Knowledge;
use crate::sigma::{Export, export};
use anyhow::{Context as _, Result};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// What a rule is called until it is whole.
const UNFINISHED: &str = ".rdp-triage-sigma.partial";

/// Writes the rules of the knowledge into a folder and says what was left out.
pub(super) fn write(knowledge: &Knowledge, folder: &Path) -> Result<Exit> {
    let export = export(knowledge)?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    for rule in &export.rules {
        write_whole(folder, &rule.name, &rule.text)
            .with_context(|| format!("writing {}", folder.join(&rule.name).display()))?;
    }
    tell(&export, folder)?;
    Ok(Exit::Done)
}

/// Replaces a file of this name only when the new one is written.
fn write_whole(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let unfinished = folder.join(UNFINISHED);
    let written =
        fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if written.is_err() {
        // What matters is why it was not written.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn tell(export: &Export, folder: &Path) -> Result<()> {
    let mut stderr = io::stderr().lock();
    let rules = counted(export.rules.len(), "Sigma rule");
    let line = format!("rdp-triage: {rules} written to {}", folder.display());
    writeln!(stderr, "{}", for_terminal(&line))?;
    for (why, rows) in &export.left_out {
        let rows = counted(*rows, "row");
        writeln!(stderr, "rdp-triage: left out, wholly or in part: {rows} that {}", why.says())?;
    }
    Ok(())
}
