//! Writes the copies of a case.

use super::capture::{Addresses, Followed, Redaction as CaptureRedaction};
use super::files::Files;
use super::folder::{self, FolderError};
use super::mapping::Mapping;
use super::pseudonym::Pseudonyms;
use super::report::redact_report;
use super::summary::{CopyOf, Redaction, STILL_TELLS};
use super::text::Scrubber;
use super::{documents, leaks, learn, logs};
use crate::base::{Meter, counted};
use crate::capture::streams;
use crate::correlate::Evidence;
use crate::intake::{self, EvidenceFile, FileKind, take_in_within};
use crate::knowledge::Knowledge;
use crate::observe::EvidenceKind;
use crate::report::{Report, ToolReport, write_json};
use crate::triage::{Config, explain, ports, read};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Why a case could not be redacted.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Intake(#[from] intake::Error),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("writing {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the report cannot be rewritten: {0}")]
    Report(#[from] serde_json::Error),
}

/// What is to be done.
#[derive(Debug)]
pub struct Job<'a> {
    pub config: &'a Config,
    pub knowledge: &'a Knowledge,
    pub meter: &'a Arc<Meter>,
    pub pseudonyms: &'a Pseudonyms,
    /// The folder of the copies.
    pub output: &'a Path,
    /// Where originals and pseudonyms are written, if anywhere.
    pub mapping: Option<&'a Path>,
}

/// Writes copies of all evidence, the report, and what was done; gives report and summary.
///
/// # Errors
/// When a path does not exist, the folder cannot hold copies, or something cannot be written.
pub fn redact(job: &Job<'_>) -> Result<(Report, Redaction), Error> {
    folder::prepare(job.output, &job.config.paths)?;
    let taken = take_in_within(&job.config.paths, job.config.budget, job.meter)?;
    let mut gaps = taken.gaps;
    let not_evidence = gaps.len();
    let streams = streams(taken.files);
    let evidence = read(job.config, &streams, &mut gaps, job.knowledge, job.meter);
    let report = explain(job.config, evidence.clone(), gaps, job.knowledge, job.meter);
    let mut scrubber = Scrubber::new(job.pseudonyms);
    learn::learn(&evidence, job.knowledge, &mut scrubber);
    learn::of_report(&report, &mut scrubber)?;
    let files = Files::new(&streams, channels(&evidence, job.knowledge));
    let mut copies = Copies { job, evidence: &evidence, scrubber, files, done: empty() };
    if not_evidence > 0 {
        let files = counted(not_evidence as u64, "file");
        copies.done.not_copied.push(format!("{files} that cannot be read or are no evidence"));
    }
    copies.tell_of_damage();
    copies.captures(&streams)?;
    for file in streams.iter().flatten().filter(|file| !file.kind.is_capture()) {
        copies.file(file)?;
    }
    copies.finish(&report)
}

fn empty() -> Redaction {
    Redaction {
        tool: ToolReport::this(),
        files: Vec::new(),
        not_copied: Vec::new(),
        names_left: 0,
        left: Vec::new(),
        notes: Vec::new(),
        still_tells: STILL_TELLS.map(str::to_owned).to_vec(),
    }
}

/// The last part of the channel of each log that holds only one which the catalog knows.
pub(super) fn channels(
    evidence: &Evidence,
    knowledge: &Knowledge,
) -> impl Fn(&Arc<str>) -> Option<String> {
    let known: Vec<String> =
        knowledge.providers().map(|provider| provider.channel.clone()).collect();
    let mut channels: BTreeMap<Arc<str>, Option<String>> = BTreeMap::new();
    for coverage in &evidence.coverage {
        let channel =
            coverage.channel.as_deref().filter(|channel| known.iter().any(|k| k == channel));
        let short = channel.map(|channel| {
            let name = channel.split('/').next().unwrap_or(channel);
            let last = name.rsplit('-').next().unwrap_or(name);
            last.chars().filter(char::is_ascii_alphanumeric).collect::<String>()
        });
        let entry = channels.entry(Arc::clone(&coverage.file)).or_insert_with(|| short.clone());
        if *entry != short {
            *entry = None;
        }
    }
    move |file| channels.get(file).cloned().flatten()
}

struct Copies<'a> {
    job: &'a Job<'a>,
    evidence: &'a Evidence,
    scrubber: Scrubber<'a>,
    files: Files,
    done: Redaction,
}

impl Copies<'_> {
    fn create(&self, name: &str) -> Result<(BufWriter<File>, PathBuf), Error> {
        let path = self.job.output.join(name);
        match File::create_new(&path) {
            Ok(file) => Ok((BufWriter::new(file), path)),
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    /// What could not be read is in no copy: it then looks as if it had never been.
    fn tell_of_damage(&mut self) {
        for coverage in self.evidence.coverage.iter().filter(|coverage| coverage.unreadable > 0) {
            let parts = counted(coverage.unreadable, "part");
            let copy = self.files.name_of(&coverage.file);
            self.done.notes.push(format!(
                "{copy}: {parts} of the original could not be read and are missing in it without a \
                 trace: absence proves less than its analysis says"
            ));
        }
    }

    /// Writes all captures, first because their certificates tell which thumbprints change.
    fn captures(&mut self, streams: &[Vec<EvidenceFile>]) -> Result<(), Error> {
        let mut made = Addresses::new(self.job.pseudonyms);
        let conversations = &self.evidence.conversations;
        let followed = Followed {
            ends: conversations.iter().map(|c| (c.client, c.server)).collect(),
            ports: ports(self.job.config),
        };
        if conversations.iter().any(|c| c.decryption.opened.iter().any(|records| *records > 0)) {
            self.done.notes.push(
                "TLS secrets are not copied: what they opened is in the report and cannot be found \
                 again in the copies"
                    .to_owned(),
            );
        }
        for parts in streams.iter().filter(|parts| parts.iter().any(|part| part.kind.is_capture()))
        {
            let (mut capture, renamed) = CaptureRedaction::read(parts, &followed, &mut made);
            for (original, new) in renamed {
                self.scrubber.learn_certificate(&original, new);
            }
            if capture.left_out() > 0 {
                let segments = counted(capture.left_out(), "segment");
                self.done.notes.push(format!(
                    "{segments} of more connections than there was room for were overwritten"
                ));
            }
            for part in parts {
                self.capture(part, &mut capture, &mut made)?;
            }
        }
        Ok(())
    }

    fn capture(
        &mut self,
        part: &EvidenceFile,
        capture: &mut CaptureRedaction<'_>,
        made: &mut Addresses<'_>,
    ) -> Result<(), Error> {
        let name = self.files.name_of(&part.name);
        let (out, path) = self.create(&name)?;
        let written =
            capture.write(part, made, out).map_err(|source| Error::Write { path, source })?;
        if written.drops > 0 {
            let frames = counted(written.drops, "packet");
            self.done.notes.push(format!(
                "{name}: that Windows dropped {frames}, and why, is not in the copy"
            ));
        }
        self.done.files.push(CopyOf {
            file: name,
            kind: "capture",
            items: written.frames,
            bare: 0,
            dropped: 0,
        });
        Ok(())
    }

    fn file(&mut self, file: &EvidenceFile) -> Result<(), Error> {
        match file.kind {
            FileKind::Text => self.text(file),
            _ => self.log(file),
        }
    }

    fn log(&mut self, file: &EvidenceFile) -> Result<(), Error> {
        let name = self.files.name_of(&file.name);
        let (mut out, path) = self.create(&name)?;
        let observations = &self.evidence.observations;
        let log = logs::Log {
            file,
            observations: observations.iter().filter(|o| o.source.file == file.name).collect(),
            coverage: self.evidence.coverage.iter().filter(|c| c.file == file.name).collect(),
        };
        let knowledge = self.job.knowledge;
        let written = logs::write(&log, &self.scrubber, knowledge, &mut self.files, &mut out)
            .and_then(|written| out.flush().map(|()| written))
            .map_err(|source| Error::Write { path, source })?;
        self.done.files.push(CopyOf {
            file: name,
            kind: "log",
            items: written.records,
            bare: written.bare,
            dropped: written.dropped,
        });
        Ok(())
    }

    fn text(&mut self, file: &EvidenceFile) -> Result<(), Error> {
        let own = self.evidence.coverage.iter().filter(|c| c.file == file.name);
        let kinds: Vec<EvidenceKind> = own.map(|coverage| coverage.kind).collect();
        if kinds.is_empty() {
            self.done.not_copied.push("a text of which nothing is understood".to_owned());
            return Ok(());
        }
        let name = self.files.name_of(&file.name);
        let (mut out, path) = self.create(&name)?;
        let dropped = documents::write(file, &kinds, &self.scrubber, &mut out)
            .and_then(|dropped| out.flush().map(|()| dropped))
            .map_err(|source| Error::Write { path, source })?;
        self.done.files.push(CopyOf { file: name, kind: "text", items: 0, bare: 0, dropped });
        Ok(())
    }

    /// Writes the report and what was done, and looks for what is left.
    fn finish(mut self, report: &Report) -> Result<(Report, Redaction), Error> {
        let own = learn::own_words(report, &self.scrubber)?;
        let report = redact_report(report, &self.scrubber, &self.files)?;
        let (mut out, path) = self.create(folder::REPORT)?;
        write_json(&report, &mut out)
            .and_then(|()| out.flush())
            .map_err(|source| Error::Write { path, source })?;
        let copies = self.done.files.iter().map(|copy| copy.file.as_str());
        let mut left: BTreeMap<String, String> = BTreeMap::new();
        for name in copies.chain([folder::REPORT]) {
            let path = self.job.output.join(name);
            let found = leaks::leaks(&path, &self.scrubber);
            let found = found.map_err(|source| Error::Write { path, source })?;
            // A word of this program that is a name as well tells nothing.
            let found =
                found.into_iter().filter(|word| name != folder::REPORT || !own.contains(word));
            left.extend(found.map(|word| (word, name.to_owned())));
        }
        self.done.names_left = left.len() as u64;
        self.done.left = left.into_iter().collect();
        if self.scrubber.names_left_out > 0 {
            let names = counted(self.scrubber.names_left_out, "name");
            self.done.notes.push(format!(
                "{names} beyond the budget were replaced only where a field says what it holds"
            ));
        }
        self.json(&self.job.output.join(folder::SUMMARY), &self.done)?;
        if let Some(path) = self.job.mapping {
            let mapping = Mapping::new(&self.scrubber, &self.files, self.evidence);
            self.json(path, &mapping)?;
        }
        Ok((report, self.done))
    }

    fn json(&self, path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
        let written = File::create(path).map(BufWriter::new).and_then(|mut out| {
            serde_json::to_writer_pretty(&mut out, value)?;
            out.write_all(b"\n")?;
            out.flush()
        });
        written.map_err(|source| Error::Write { path: path.to_owned(), source })
    }
}
