//! `rdp-triage explain --sigma`: the rules become files.

use super::Exit;
use crate::base::{counted, for_terminal};
use crate::batch::write_whole;
use crate::knowledge::Knowledge;
use crate::sigma::{Export, export};
use anyhow::{Context as _, Result};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes the rules of the knowledge into a folder and says what was left out.
pub(super) fn write(knowledge: &Knowledge, folder: &Path) -> Result<Exit> {
    let export = export(knowledge)?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    for rule in &export.rules {
        write_whole(folder, &rule.name, |out| out.write_all(rule.text.as_bytes()))
            .with_context(|| format!("writing {}", folder.join(&rule.name).display()))?;
    }
    tell(&export, folder)?;
    Ok(Exit::Done)
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
