//! Every file of every sample cut, and with bits that flipped. A damaged case may say
//! less; what it says must still be true and stand where it says.

use super::said;
use crate::evaluate::case::{Case, samples};
use crate::make_samples::Noise;
use crate::support::{analyse, files, root};
use rayon::prelude::*;
use rdp_triage::diagnose::Certainty;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::report::{EvidenceReport, Report};
use rdp_triage::triage::{Config, triage};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Places of a file are this far apart.
const PAGE: usize = 4096;

/// Of all damaged cases every so many-th is analysed: all take minutes.
/// `HOSTILE_STRIDE=1 cargo test hostile` analyses each.
const STRIDE: usize = 24;

fn stride() -> usize {
    let asked = std::env::var("HOSTILE_STRIDE").ok().and_then(|stride| stride.parse().ok());
    asked.unwrap_or(STRIDE)
}

/// What happens to one file of a case.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// Only so many bytes are left.
    Cut(usize),
    /// Bits flip at places that this seed gives.
    Flips(u64),
}

/// A file of a case: compressed logs are damaged as what they hold.
struct Victim<'c> {
    case: &'c Case,
    path: PathBuf,
    bytes: Vec<u8>,
    /// What the whole file gave.
    items: u64,
}

impl Victim<'_> {
    fn damaged(&self, damage: Damage) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        match damage {
            Damage::Cut(length) => bytes.truncate(length),
            Damage::Flips(seed) => {
                let mut noise = Noise::new(seed);
                for _ in 0..8 {
                    let random = noise.next();
                    let at = usize::try_from(random >> 8).unwrap() % bytes.len();
                    bytes[at] ^= 1 << (random & 7);
                }
            }
        }
        bytes
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
    out
}

fn victims(cases: &[Case]) -> Vec<Victim<'_>> {
    let mut victims = Vec::new();
    for case in cases {
        let whole = analyse(&case.evidence);
        for path in files(&case.evidence) {
            let below = path.strip_prefix(&case.evidence).unwrap().to_string_lossy().into_owned();
            let of = whole.coverage.iter().filter(|c| c.file == below);
            let items = of.map(|c| c.items).sum();
            victims.push(Victim { case, bytes: unpacked(&path), path, items });
        }
    }
    victims
}

/// Copies the evidence with one file damaged, and analyses it.
fn analysed(
    victim: &Victim<'_>,
    damage: Damage,
    knowledge: &Knowledge,
) -> (Report, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for path in files(&victim.case.evidence) {
        let to = folder.path().join(path.strip_prefix(&victim.case.evidence).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if path == victim.path {
            fs::write(to, victim.damaged(damage)).unwrap();
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
    let config = Config { paths: vec![folder.path().to_path_buf()], ..Config::default() };
    (triage(&config, knowledge, &Default::default()).unwrap(), folder)
}

/// What is wrong with the report of a damaged case.
fn faults(victim: &Victim<'_>, damage: Damage, report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    let below = victim.path.strip_prefix(&victim.case.evidence).unwrap().to_string_lossy();
    let left: u64 = report.coverage.iter().filter(|c| c.file == below).map(|c| c.items).sum();
    let told = report.problems.iter().any(|problem| problem.file == below);
    let shows = match damage {
        Damage::Cut(length) => !is_whole_pcapng(victim.bytes.get(..length).unwrap()),
        Damage::Flips(_) => false,
    };
    if shows && left < victim.items && !told {
        faults.push(format!("{left} of {} items are left, and nothing is said", victim.items));
    }
    let items: BTreeMap<&str, u64> =
        report.coverage.iter().map(|c| (c.file.as_str(), c.items)).collect();
    for diagnosis in &report.diagnoses {
        let cited = diagnosis.evidence.iter().chain(&diagnosis.against);
        faults.extend(cited.filter_map(|evidence| misplaced(evidence, &items)));
        let label = &victim.case.label;
        let wrong = label.healthy() || !label.allows(&diagnosis.cause);
        if diagnosis.certainty == Certainty::Conclusive && wrong {
            let because = diagnosis.evidence.first().map(|e| e.statement.as_str());
            faults.push(format!("conclusive {}: {because:?}", diagnosis.cause));
        }
    }
    faults
}

/// Whether bytes are a pcapng file that ends behind a block: nothing shows that more of
/// it was there.
fn is_whole_pcapng(mut bytes: &[u8]) -> bool {
    let mut blocks = 0;
    while bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) || blocks > 0 && !bytes.is_empty() {
        let Some(length) = bytes.get(4..8) else { return false };
        let length = u32::from_le_bytes(length.try_into().unwrap());
        let Some(rest) = bytes.get(usize::try_from(length).unwrap()..) else { return false };
        (bytes, blocks) = (rest, blocks + 1);
    }
    blocks > 0
}

/// Whether a statement stands on a file or frame that is not there.
fn misplaced(evidence: &EvidenceReport, items: &BTreeMap<&str, u64>) -> Option<String> {
    let source = &evidence.source;
    let fault = |why: &str| Some(format!("{why}: {source:?}: {}", evidence.statement));
    let Some(items) = items.get(source.file.as_str()) else { return fault("no such file") };
    match source.frame {
        Some(frame) if frame == 0 || frame > *items => fault("no such frame"),
        _ => None,
    }
}

/// Analyses each case that a damage makes, and gives what is wrong with any.
fn all_faults(work: &[(&Victim<'_>, Damage)]) -> Vec<String> {
    let knowledge = Knowledge::embedded().unwrap();
    let work: Vec<_> = work.iter().step_by(stride()).collect();
    eprintln!("{} damaged cases", work.len());
    let faults = work.par_iter().flat_map_iter(|(victim, damage)| {
        let (report, _folder) = analysed(victim, *damage, &knowledge);
        let place = format!("{} {damage:?}", victim.path.strip_prefix(root()).unwrap().display());
        let faults = faults(victim, *damage, &report);
        let said = if faults.is_empty() { String::new() } else { said(&report) };
        faults.into_iter().map(move |fault| format!("{place}: {fault}\n{said}"))
    });
    faults.collect()
}

#[test]
fn a_cut_file_is_told_and_makes_no_wrong_answer() {
    let cases = samples(&root().join("samples")).unwrap();
    let victims = victims(&cases);
    let mut work = Vec::new();
    for victim in &victims {
        for at in (0..victim.bytes.len()).step_by(PAGE) {
            work.push((victim, Damage::Cut(at)));
            work.push((victim, Damage::Cut(at.saturating_sub(1))));
        }
        work.push((victim, Damage::Cut(victim.bytes.len() - 1)));
    }
    let faults = all_faults(&work);
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), work.len(), faults.concat());
}

#[test]
fn flipped_bits_make_no_wrong_answer() {
    let cases = samples(&root().join("samples")).unwrap();
    let victims = victims(&cases);
    let seeds = 0..10;
    let work: Vec<_> = victims
        .iter()
        .flat_map(|victim| seeds.clone().map(move |seed| (victim, Damage::Flips(seed))))
        .collect();
    let faults = all_faults(&work);
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), work.len(), faults.concat());
}
