//! `analyze --timesketch`: the timeline of the case beside its report, from one reading.

use super::output::{place_of, refuse_evidence};
use crate::base::for_terminal;
use crate::batch::write_whole;
use crate::report::timeline::{Timeline, write_csv, write_jsonl};
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How Timesketch reads a file: it goes by the ending of the name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Jsonl,
    Csv,
}

impl Form {
    /// By the ending, in capital or small letters.
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "jsonl" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Where the timeline goes.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was typed.
    path: PathBuf,
    folder: PathBuf,
    name: OsString,
    form: Form,
}

impl Target {
    /// Looks, before anything is read, whether the file can be the one.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let shown = path.display();
        let Some(form) = Form::of(path) else {
            bail!(
                "--timesketch {shown}: Timesketch goes by the ending of the name; \
                 write case.jsonl or case.csv"
            );
        };
        let Some(place) = place_of(path) else {
            bail!("--timesketch {shown}: there is no folder for it");
        };
        if path.exists() && !path.is_file() {
            bail!("--timesketch {shown}: is there, and no file");
        }
        refuse_evidence(path)?;
        let (folder, name) = place;
        Ok(Self { path: path.to_owned(), folder, name, form })
    }

    /// Writes the timeline: under its name there is a whole one or none.
    pub(super) fn write(&self, timeline: &Timeline) -> Result<()> {
        write_whole(&self.folder, &self.name, |out| match self.form {
            Form::Jsonl => write_jsonl(timeline, out),
            Form::Csv => write_csv(timeline, out),
        })
        .with_context(|| format!("writing the timeline to {}", self.path.display()))
    }

    /// Says on standard error what the timeline leaves out.
    pub(super) fn tell(&self, timeline: &Timeline) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        for note in timeline.notes() {
            let line = format!("rdp-triage: {}: {note}", self.path.display());
            writeln!(stderr, "{}", for_terminal(&line))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_goes_by_the_ending_in_any_case() {
        for (name, form) in [
            ("case.jsonl", Some(Form::Jsonl)),
            ("a/case.JSONL", Some(Form::Jsonl)),
            ("case.json.Csv", Some(Form::Csv)),
            ("case.json", None),
            ("case", None),
            ("csv", None),
            (".csv", None),
            ("case.csv.gz", None),
        ] {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }
}
