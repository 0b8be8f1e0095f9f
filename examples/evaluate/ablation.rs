//! What is said of a case when only a part of its files is there. A verdict may
//! weaken; it must never turn into a confident wrong one.

use super::case::{Case, analyse, confident, files};
use rayon::prelude::*;
use rdp_triage::diagnose::Certainty;
use rdp_triage::knowledge::Knowledge;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Up to this many files every part of a case is analysed (2^n − 2 of them); of more,
/// all files but one, and one alone.
const EVERY_PART: usize = 7;

/// Some files of a case, by their paths below its evidence folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    kept: Vec<String>,
    left_out: Vec<String>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left_out.len() < self.kept.len() {
            write!(f, "without {}", self.left_out.join(" and "))
        } else {
            write!(f, "with only {}", self.kept.join(" and "))
        }
    }
}

/// A confident diagnosis of a part of the evidence that is not true of the case.
#[derive(Debug)]
pub(crate) struct Misled {
    case: String,
    part: Part,
    cause: String,
    certainty: Certainty,
    probability: f64,
    /// The first statement of the diagnosis.
    because: String,
}

impl fmt::Display for Misled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (case, part, cause) = (&self.case, &self.part, &self.cause);
        let (certainty, p) = (self.certainty.name(), self.probability);
        write!(f, "{case} {part}: {cause}, {certainty}, {p:.3}: {}", self.because)
    }
}

/// What was said of one part.
enum Said {
    ConfidentRight,
    Unsure,
    Nothing,
    Failed(String),
    Misled(Misled),
}

/// What was said of all parts.
#[derive(Debug, Default)]
pub(crate) struct Ablation {
    /// Strong or conclusive, and true of the case.
    pub(crate) confident_right: usize,
    /// A first diagnosis that is less than strong, true or not.
    pub(crate) unsure: usize,
    /// No diagnosis.
    pub(crate) silent: usize,
    /// Parts that could not be analysed, and why.
    pub(crate) failed: Vec<String>,
    pub(crate) misled: Vec<Misled>,
}

impl Ablation {
    pub(crate) fn parts(&self) -> usize {
        self.confident_right + self.unsure + self.silent + self.failed.len() + self.misled.len()
    }

    fn add(&mut self, said: Said) {
        match said {
            Said::ConfidentRight => self.confident_right += 1,
            Said::Unsure => self.unsure += 1,
            Said::Nothing => self.silent += 1,
            Said::Failed(why) => self.failed.push(why),
            Said::Misled(misled) => self.misled.push(misled),
        }
    }
}

impl fmt::Display for Ablation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.misled {
            writeln!(f, "MISLED {line}")?;
        }
        for line in &self.failed {
            writeln!(f, "FAILED {line}")?;
        }
        write!(f, "parts={} confident_right={}", self.parts(), self.confident_right)?;
        write!(f, " unsure={} silent={}", self.unsure, self.silent)?;
        write!(f, " failed={} confident_wrong={}", self.failed.len(), self.misled.len())
    }
}

/// Analyses the parts of each case: all that leave out one file, all of one file, and
/// of cases with few files all others.
///
/// # Errors
/// When the files of a case cannot be listed.
pub(crate) fn ablate(cases: &[Case], knowledge: &Knowledge) -> io::Result<Ablation> {
    let mut work = Vec::new();
    for case in cases {
        work.extend(parts(case)?.into_iter().map(|(part, kept)| (case, part, kept)));
    }
    let said: Vec<Said> =
        work.into_par_iter().map(|(case, part, kept)| say(case, part, &kept, knowledge)).collect();
    let mut ablation = Ablation::default();
    said.into_iter().for_each(|said| ablation.add(said));
    Ok(ablation)
}

fn say(case: &Case, part: Part, kept: &[PathBuf], knowledge: &Knowledge) -> Said {
    let report = match analyse(kept, knowledge) {
        Ok(report) => report,
        Err(error) => return Said::Failed(format!("{} {part}: {error}", case.name)),
    };
    let Some(first) = report.diagnoses.into_iter().next() else { return Said::Nothing };
    if !confident(&first) {
        return Said::Unsure;
    }
    if !case.label.healthy() && case.label.allows(&first.cause) {
        return Said::ConfidentRight;
    }
    Said::Misled(Misled {
        case: case.name.clone(),
        part,
        cause: first.cause,
        certainty: first.certainty,
        probability: first.probability,
        because: first.evidence.into_iter().next().map(|e| e.statement).unwrap_or_default(),
    })
}

/// The parts of a case with their files: none is empty, complete, or there twice.
fn parts(case: &Case) -> io::Result<Vec<(Part, Vec<PathBuf>)>> {
    let all = files(&case.evidence)?;
    let below = |file: &PathBuf| {
        file.strip_prefix(&case.evidence).unwrap_or(file).to_string_lossy().into_owned()
    };
    let part = |keeps: Vec<bool>| {
        let (kept, left_out): (Vec<_>, Vec<_>) = all.iter().zip(keeps).partition(|(_, keep)| *keep);
        let names =
            |files: &[(&PathBuf, bool)]| files.iter().map(|(file, _)| below(file)).collect();
        let part = Part { kept: names(&kept), left_out: names(&left_out) };
        (part, kept.into_iter().map(|(file, _)| file.clone()).collect())
    };
    Ok(choices(all.len()).into_iter().map(part).collect())
}

/// For each part of `count` files, which of them it keeps.
fn choices(count: usize) -> Vec<Vec<bool>> {
    if count <= EVERY_PART {
        let chosen = |choice: u32| (0..count).map(move |file| choice >> file & 1 == 1).collect();
        return (1..(1_u32 << count) - 1).map(chosen).collect();
    }
    let alike = |one: usize, is: bool| (0..count).map(move |file| (file == one) == is).collect();
    (0..count).flat_map(|one| [alike(one, true), alike(one, false)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_neither_empty_nor_complete_nor_twice() {
        for (count, parts) in [(0, 0), (1, 0), (2, 2), (3, 6), (7, 126), (8, 16)] {
            let mut found = choices(count);
            assert_eq!(found.len(), parts, "{count} files");
            for part in &found {
                assert_eq!(part.len(), count);
                assert!(part.contains(&true) && part.contains(&false), "{part:?}");
            }
            found.sort();
            found.dedup();
            assert_eq!(found.len(), parts, "{count} files");
        }
    }
}
