//! Where the result goes.

use super::args::Color;
use crate::intake::sniff;
use crate::report::timeline::is_timeline;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Read as _, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// Bytes that are handed to the system at a time: reports of many attempts are long.
const WRITTEN_AT_ONCE: usize = 1 << 16;

/// Columns where nobody says how wide the terminal is.
const DEFAULT_WIDTH: u16 = 100;

/// Standard output, or a file.
///
/// Where standard output is closed (`>&-`), Rust's runtime opens `/dev/null` in its place
/// before `main`, readable and writable, just as other programs do that want no output:
/// nothing here can tell the two apart, so nothing is written and nobody is told.
#[derive(Debug)]
pub(super) enum Output {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(BufWriter<File>, PathBuf),
}

impl Output {
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        Ok(match path {
            Some(path) => {
                refuse_evidence(path)?;
                let file =
                    File::create(path).with_context(|| format!("creating {}", path.display()))?;
                Self::File(BufWriter::with_capacity(WRITTEN_AT_ONCE, file), path.to_owned())
            }
            None => Self::Stdout(BufWriter::with_capacity(WRITTEN_AT_ONCE, io::stdout().lock())),
        })
    }

    /// Writes what is still buffered.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.flush()
    }

    /// What it is called in a message.
    pub(super) fn target(&self) -> String {
        match self {
            Self::Stdout(_) => "standard output".to_owned(),
            Self::File(_, path) => path.display().to_string(),
        }
    }

    /// Columns to fit: those of the terminal, `COLUMNS`, or 100.
    pub(super) fn width(&self) -> u16 {
        let from_environment =
            std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let from_terminal = match self {
            Self::Stdout(_) if io::stdout().is_terminal() => {
                terminal_size::terminal_size().map(|(width, _)| width.0)
            }
            _ => None,
        };
        from_terminal.or(from_environment).unwrap_or(DEFAULT_WIDTH)
    }

    /// Whether to colour: what was asked, else terminals only, and never when
    /// `NO_COLOR` is set.
    pub(super) fn color(&self, wanted: Color) -> bool {
        match wanted {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let terminal = matches!(self, Self::Stdout(_)) && io::stdout().is_terminal();
                terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

/// A result must never replace what it was made from.
pub(super) fn refuse_evidence(path: &Path) -> Result<()> {
    // Opening a pipe for reading would wait for a writer.
    if !path.is_file() {
        return Ok(());
    }
    let Ok(existing) = File::open(path) else { return Ok(()) };
    let mut head = Vec::new();
    // What cannot be read is no evidence either; creating the file will say so.
    let _ = existing.take(512).read_to_end(&mut head);
    // An earlier result may be replaced: a text is no evidence that cannot be had again.
    let kind = sniff(&head);
    if (kind.is_log() && !is_timeline(&head)) || kind.is_capture() {
        bail!("{} is an event log or a capture: choose another file", path.display());
    }
    Ok(())
}

/// The folder of a file and its name there, through all links; `None` where no folder is.
pub(super) fn place_of(path: &Path) -> Option<(PathBuf, OsString)> {
    if let Ok(whole) = fs::canonicalize(path) {
        return Some((whole.parent()?.to_owned(), whole.file_name()?.to_owned()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some((folder, path.file_name()?.to_owned()))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(out, _) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_place_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        let (short, long) = (folder.path().join("a.csv"), below.join("../a.csv"));
        assert_eq!(place_of(&short), place_of(&long));
        fs::write(&short, "").unwrap();
        assert_eq!(place_of(&short), place_of(&long));
        assert_eq!(place_of(&folder.path().join("none/a.csv")), None);
    }
}
