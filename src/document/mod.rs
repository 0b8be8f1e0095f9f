//! What do the texts say that people attach?
//!
//! Beside logs and captures a ticket holds what somebody pasted or saved. A text whose
//! meaning is known becomes observations, each with its line; any other text is listed
//! as not understood, never guessed at.

mod acl;
mod certificates;
mod clock;
mod collection;
mod dialog;
mod kept;
mod netstat;
mod policy;
mod rdp_file;
mod registry;
mod scan;
mod sessions;
mod suites;
mod system;

use crate::base::limits::MAX_DOCUMENT;
use crate::base::{Gap, HostTime};
use crate::intake::{EvidenceFile, Utf8};
use crate::knowledge::Knowledge;
use crate::observe::{Coverage, EvidenceKind, Observation, Place, Source, Subject, Vantage};
use kept::Kept;
use std::io::{self, Read as _};
use std::sync::Arc;

/// What a text says.
#[derive(Debug, Default)]
pub struct DocumentFacts {
    pub observations: Vec<Observation>,
    /// One for a text that was understood.
    pub coverage: Vec<Coverage>,
    pub gaps: Vec<Gap>,
}

/// Reads a text. What it says nothing about, or what is not understood, is a gap.
pub fn read(file: &EvidenceFile, knowledge: &Knowledge) -> DocumentFacts {
    let mut facts = DocumentFacts::default();
    let text = match decoded(file) {
        Ok(text) => text,
        Err(error) => {
            facts.gaps.push(Gap::file(&file.name, format!("cannot be read: {error}")));
            return facts;
        }
    };
    if text.len() as u64 >= MAX_DOCUMENT {
        let message =
            format!("a text of more than {MAX_DOCUMENT} bytes: only its beginning was looked at");
        facts.gaps.push(Gap::at(&file.name, MAX_DOCUMENT, message));
    }
    if is_own_report(&text) {
        let message = "what this program wrote is no evidence: it was not looked at";
        facts.gaps.push(Gap::file(&file.name, message));
        return facts;
    }
    if let Some(collection) = collection::read(&text) {
        facts.add_collection(collection, &file.name);
        return facts;
    }
    let dialogs = dialog::read(&text, &file.name, knowledge);
    let count = dialogs.len() as u64;
    facts.add(&file.name, EvidenceKind::Dialog, count, dialogs);
    let acl = acl::read(&text, &file.name);
    facts.add(&file.name, EvidenceKind::Acl, acl.count, acl.observations);
    facts.left("listings of the same key that were not looked at", acl.left_out, &file.name);
    facts.add_registry(registry::read(&text, &file.name), &file.name);
    let netstat = netstat::read(&text, &file.name);
    facts.add(&file.name, EvidenceKind::Netstat, netstat.count, netstat.observations);
    facts.left("rows of netstat that were not understood", netstat.not_understood, &file.name);
    facts.left("listings of netstat that were not looked at", netstat.left_out, &file.name);
    let rdp = rdp_file::read(&text, &file.name);
    facts.add(&file.name, EvidenceKind::RdpFile, rdp.count, rdp.observations);
    facts.left("settings of an .rdp file that were not understood", rdp.not_understood, &file.name);
    facts.left("settings of further .rdp files that were not looked at", rdp.left_out, &file.name);
    let stores = certificates::read(&text, &file.name);
    facts.add(&file.name, EvidenceKind::Certificates, stores.count, stores.observations);
    facts.left("certificates that were not looked at", stores.left_out, &file.name);
    let scans = scan::read(&text, &file.name);
    facts.gaps.extend(scans.gaps());
    facts.add(&file.name, EvidenceKind::Scan, scans.count(), scans.observations);
    facts.add_machine(&text, &file.name);
    if facts.coverage.is_empty() {
        facts.gaps.push(Gap::file(&file.name, "text, of which this version understands nothing"));
    }
    facts
}

/// Whether a text begins as JSON that this program wrote, such as a report. What it says
/// would otherwise count once more, as what somebody attached.
pub fn is_own_report(text: &str) -> bool {
    let head: String = text.chars().take(256).filter(|c| !c.is_whitespace()).collect();
    let tool = concat!("\"tool\":{\"name\":\"", env!("CARGO_PKG_NAME"), "\"");
    let begins = ["{\"schema_version\":", "{\"tool\":"].iter().any(|key| head.starts_with(key));
    begins && head.contains(tool)
}

impl DocumentFacts {
    /// What a machine's own commands printed.
    fn add_machine(&mut self, text: &str, file: &Arc<str>) {
        let suites = suites::read(text, file);
        self.keep(EvidenceKind::Suites, suites.kept, file);
        if suites.unknown > 0 {
            let message =
                format!("cipher suites that this version does not know: {}", suites.unknown);
            self.gaps.push(Gap::file(file, message));
        }
        self.keep(EvidenceKind::Clock, clock::read(text, file), file);
        self.keep(EvidenceKind::System, system::read(text, file), file);
        self.keep(EvidenceKind::Sessions, sessions::read(text, file), file);
        let policy = policy::read(text, file);
        self.keep(EvidenceKind::Policy, policy.kept, file);
        if policy.unknown > 0 {
            let message =
                format!("policies about Remote Desktop, not understood: {}", policy.unknown);
            self.gaps.push(Gap::file(file, message));
        }
    }

    /// Adds what is kept of a form, and how much of it is not.
    fn keep(&mut self, kind: EvidenceKind, kept: Kept, file: &Arc<str>) {
        let Kept { observations, left_out, .. } = kept;
        self.add(file, kind, observations.len() as u64 + left_out, observations);
        if left_out > 0 {
            let message = format!("more of the same ({}), not looked at: {left_out}", kind.name());
            self.gaps.push(Gap::file(file, message));
        }
    }

    /// Adds what one form found: so many `items`, of which these observations are kept.
    fn add(
        &mut self,
        file: &Arc<str>,
        kind: EvidenceKind,
        items: u64,
        observations: Vec<Observation>,
    ) {
        if items > 0 {
            self.coverage.push(coverage(file, kind, items, &observations));
            self.observations.extend(observations);
        }
    }
}

impl DocumentFacts {
    /// Adds what a collection says of itself: what it lacks is not in the evidence.
    fn add_collection(&mut self, collection: collection::Collection, file: &Arc<str>) {
        self.add(file, EvidenceKind::Collection, collection.count, Vec::new());
        let told = collection.not_got.into_iter();
        self.gaps.extend(told.map(|what| Gap::file(file, format!("not collected: {what}"))));
        self.left("more that was not collected", collection.left_out, file);
    }

    /// Adds what registry keys say, and what of them does not count.
    fn add_registry(&mut self, keys: registry::Keys, file: &Arc<str>) {
        self.add(file, EvidenceKind::Registry, keys.count, keys.observations);
        if keys.changes {
            let message =
                "registry keys to be deleted: a text that changes settings does not show them";
            self.gaps.push(Gap::file(file, message));
        }
        self.left("registry values that were not understood", keys.not_understood, file);
        self.left("registry values of control sets that are not current", keys.other_sets, file);
        self.left("registry values too many to be looked at", keys.left_out, file);
    }

    /// Counts in a gap what was not read.
    fn left(&mut self, what: &str, count: u64, file: &Arc<str>) {
        if count > 0 {
            self.gaps.push(Gap::file(file, format!("{what}: {count}")));
        }
    }
}

/// What a text without a time says at one of its lines, counted from 1.
fn undated<const N: usize>(
    kind: &str,
    file: &Arc<str>,
    line: usize,
    fields: [(&str, String); N],
) -> Observation {
    let named = fields.into_iter().map(|(name, value)| (name.into(), value));
    Observation {
        kind: kind.into(),
        time: HostTime(jiff::Timestamp::UNIX_EPOCH),
        vantage: Vantage::Document { file: Arc::clone(file) },
        subject: Subject::default(),
        fields: named.chain([("dated".into(), "no".to_owned())]).collect(),
        source: Source { file: Arc::clone(file), place: Place::Line(line as u64) },
        repeats: 0,
    }
}

/// The beginning of a text as UTF-8.
fn decoded(file: &EvidenceFile) -> io::Result<String> {
    let mut bytes = Vec::new();
    Utf8::new(file.stream()?).take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Texts speak only for their own moments, so their span is for reading, not for proof.
fn coverage(
    file: &Arc<str>,
    kind: EvidenceKind,
    items: u64,
    observations: &[Observation],
) -> Coverage {
    let dated = || observations.iter().filter(|o| o.field("dated") == Some("yes")).map(|o| o.time);
    Coverage {
        file: Arc::clone(file),
        kind,
        channel: None,
        host: None,
        span: dated().min().zip(dated().max()),
        items,
        unreadable: 0,
        holes: Vec::new(),
        parts: Vec::new(),
    }
}
