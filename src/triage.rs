//! What happens, in order: the one page that calls the rooms in their row.

use crate::base::{Endpoint, Gap, Meter, RDP_PORT};
use crate::capture::{self, CaptureFacts};
use crate::correlate::{Case, Evidence, correlate, short_name};
use crate::diagnose::{Question, diagnose};
use crate::document::{self, DocumentFacts};
use crate::eventlog::{self, LogFacts};
use crate::intake::{self, Budget, EvidenceFile, FileKind};
use crate::knowledge::Knowledge;
use crate::report::timeline::{self, Timeline};
use crate::report::{self, Report};
use crate::wire::decrypt::KeyLog;
use jiff::SignedDuration;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What to analyse and what the user asked.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Files, folders and archives of one case; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// What the case is called; by default like the first path.
    pub name: Option<String>,
    /// Ports on which RDP is expected beside 3389.
    pub ports: Vec<u16>,
    pub question: Question,
    /// Offsets that the user stated, by host name.
    pub clock_offsets: Vec<(String, SignedDuration)>,
    /// Secrets that open TLS records of the captures.
    pub secrets: Option<Arc<KeyLog>>,
    /// How much of archives is opened.
    pub budget: Budget,
}

/// Reads all evidence under the paths as one case and explains it. The meter says what
/// that may take, and can be asked how far it has come.
///
/// # Errors
/// When a path does not exist or standard input cannot be read. Everything else
/// that goes wrong is in the report, under `problems`.
pub fn triage(
    config: &Config,
    knowledge: &Knowledge,
    meter: &Arc<Meter>,
) -> Result<Report, intake::Error> {
    let taken = intake::take_in_within(&config.paths, config.budget, meter)?;
    Ok(analyse(config, taken.files, taken.gaps, knowledge, meter))
}

/// Reads all evidence under the paths as one case and puts what happened in the order of
/// time, of logs and packets alike, as far as the question of the configuration goes.
///
/// # Errors
/// As for [`triage`].
pub fn timeline(
    config: &Config,
    knowledge: &Knowledge,
    meter: &Arc<Meter>,
) -> Result<Timeline, intake::Error> {
    let (case, gaps) = taken_in_order(config, knowledge, meter)?;
    Ok(timeline::build(&case, &config.question, &gaps, knowledge))
}

/// Reads all evidence under the paths as one case, once, for both what [`triage`] and what
/// [`timeline`](timeline()) say of it.
///
/// # Errors
/// As for [`triage`].
pub fn triage_and_timeline(
    config: &Config,
    knowledge: &Knowledge,
    meter: &Arc<Meter>,
) -> Result<(Report, Timeline), intake::Error> {
    let (case, gaps) = taken_in_order(config, knowledge, meter)?;
    let report = explain_case(config, &case, &gaps, knowledge, meter);
    Ok((report, timeline::build(&case, &config.question, &gaps, knowledge)))
}

/// Reads all evidence under the paths and puts it in order, with what could not be read.
fn taken_in_order(
    config: &Config,
    knowledge: &Knowledge,
    meter: &Arc<Meter>,
) -> Result<(Case, Vec<Gap>), intake::Error> {
    let taken = intake::take_in_within(&config.paths, config.budget, meter)?;
    let mut gaps = taken.gaps;
    let evidence = read(config, &capture::streams(taken.files), &mut gaps, knowledge, meter);
    let case = put_in_order(config, evidence, &mut gaps, meter);
    Ok((case, gaps))
}

/// Analyses evidence that was already taken in.
pub fn analyse(
    config: &Config,
    files: Vec<EvidenceFile>,
    mut gaps: Vec<Gap>,
    knowledge: &Knowledge,
    meter: &Meter,
) -> Report {
    let evidence = read(config, &capture::streams(files), &mut gaps, knowledge, meter);
    explain(config, evidence, gaps, knowledge, meter)
}

/// Lays the facts of all files on one table. `streams` are the files, those of a split capture
/// together; `gaps` says of which files nothing is read, and gets what else cannot be.
pub fn read(
    config: &Config,
    streams: &[Vec<EvidenceFile>],
    gaps: &mut Vec<Gap>,
    knowledge: &Knowledge,
    meter: &Meter,
) -> Evidence {
    let ports = ports(config);
    // Every file has its name in the one list or the other.
    let names = streams.iter().flatten().map(|file| &*file.name);
    let collections = knowledge.collections(names.chain(gaps.iter().map(|gap| &*gap.file)));
    meter.expect(streams.iter().flatten().map(|file| file.size).sum());
    let read: Vec<Read> = streams
        .par_iter()
        .filter_map(|parts| parts.split_first())
        .map(|(file, others)| {
            meter.begin(&file.name);
            match file.kind {
                kind if kind.is_log() => Read::Log(eventlog::read(file, knowledge)),
                FileKind::Text => Read::Document(document::read(file, knowledge)),
                _ => {
                    let secrets = config.secrets.clone();
                    Read::Capture(Box::new(capture::read_stream(file, others, &ports, secrets)))
                }
            }
        })
        .collect();
    Evidence { collections, ..lay_down(read, gaps) }
}

/// Explains what the files say.
pub fn explain(
    config: &Config,
    evidence: Evidence,
    mut gaps: Vec<Gap>,
    knowledge: &Knowledge,
    meter: &Meter,
) -> Report {
    let case = put_in_order(config, evidence, &mut gaps, meter);
    explain_case(config, &case, &gaps, knowledge, meter)
}

/// Explains what was put in order.
fn explain_case(
    config: &Config,
    case: &Case,
    gaps: &[Gap],
    knowledge: &Knowledge,
    meter: &Meter,
) -> Report {
    let mut findings = diagnose(case, knowledge, &config.question);
    if meter.is_spent() || meter.in_time().is_err() {
        findings.not_all_was_read();
    }
    let inputs = config.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let name = config.name.clone().unwrap_or_else(|| case_name(config));
    let mut report = report::build(&name, inputs, case, &findings, gaps, knowledge);
    report.case.unfinished = meter.in_time().err().map(|over| over.to_string());
    report
}

/// Puts what the files say in order, and what could not be read in the order of files and
/// places.
fn put_in_order(config: &Config, evidence: Evidence, gaps: &mut [Gap], meter: &Meter) -> Case {
    meter.begin(&"what belongs together".into());
    gaps.sort();
    correlate(evidence, &config.clock_offsets)
}

/// The hosts of stated clock offsets that no log names: their offsets corrected nothing.
pub fn unused_offsets<'a>(config: &'a Config, hosts: &[&str]) -> Vec<&'a str> {
    let named: BTreeSet<String> = hosts.iter().map(|host| short_name(host)).collect();
    let stated = config.clock_offsets.iter().map(|(host, _)| host.as_str());
    stated.filter(|host| !named.contains(&short_name(host))).collect()
}

/// What a reader gave.
enum Read {
    Log(LogFacts),
    Document(DocumentFacts),
    Capture(Box<CaptureFacts>),
}

/// Lays the facts of all files on one table, in the order of the files.
fn lay_down(read: Vec<Read>, gaps: &mut Vec<Gap>) -> Evidence {
    let mut evidence = Evidence::default();
    for facts in read {
        match facts {
            Read::Log(log) => {
                extend(&mut evidence.observations, log.observations);
                evidence.coverage.extend(log.coverage);
                gaps.extend(log.gaps);
            }
            Read::Document(document) => {
                evidence.observations.extend(document.observations);
                evidence.coverage.extend(document.coverage);
                gaps.extend(document.gaps);
            }
            Read::Capture(capture) => {
                extend(&mut evidence.conversations, capture.conversations);
                extend(&mut evidence.observations, capture.observations);
                evidence.coverage.push(capture.coverage);
                gaps.extend(capture.gaps);
            }
        }
    }
    evidence
}

/// Puts items behind others; where there are none yet, without moving them.
fn extend<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() {
        *all = more;
    } else {
        all.extend(more);
    }
}

/// Ports on which Remote Desktop is expected.
pub fn ports(config: &Config) -> Vec<u16> {
    let mut ports = vec![RDP_PORT];
    ports.extend(&config.ports);
    ports.extend(config.question.server.and_then(|Endpoint { port, .. }| port));
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The name of the case: that of the first path.
fn case_name(config: &Config) -> String {
    let first = config.paths.first().map(PathBuf::as_path);
    let absolute = first.and_then(|path| path.canonicalize().ok());
    let named = absolute.as_deref().or(first);
    named
        .and_then(|path| path.file_name())
        .map_or_else(|| "-".to_owned(), |name| name.to_string_lossy().into_owned())
}
