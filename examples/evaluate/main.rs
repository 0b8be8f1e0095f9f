//! Scores the program against cases whose cause is known:
//! `cargo run --example evaluate -- [CASES_DIR] [--samples DIR] [--only GLOB] [--bins N] [--ablate]`.
//!
//! A case is `CASES_DIR/<name>/evidence/` with `label.json` beside it (`case.rs` says
//! what stands in it), or a ticket under `samples/`, which is called after its cause.
//! One line a case, the totals, and how far stated probabilities can be believed.
//! `--ablate` also analyses parts of each case, and tells those that lead to a confident
//! wrong answer.

#[path = "mod.rs"]
mod evaluate;

use evaluate::case::{self, Case};
use evaluate::reliability::Reliability;
use evaluate::score::{Score, Totals, score};
use evaluate::{ablation, case::analyse};
use rdp_triage::knowledge::Knowledge;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

const USAGE: &str =
    "usage: evaluate [CASES_DIR] [--samples DIR] [--only GLOB] [--bins N] [--ablate]";

/// What was asked for.
#[derive(Debug, Default)]
struct Wanted {
    cases: Option<PathBuf>,
    samples: Option<PathBuf>,
    /// Names of cases, with `*` and `?`.
    only: Option<String>,
    bins: Option<u32>,
    ablate: bool,
}

fn main() -> io::Result<()> {
    let wanted = wanted(std::env::args().skip(1)).ok_or_else(|| io::Error::other(USAGE))?;
    let knowledge = Knowledge::embedded().map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    let sets = [(&wanted.cases, case::labelled as fn(&_) -> _), (&wanted.samples, case::samples)];
    for (folder, read) in sets {
        let Some(folder) = folder else { continue };
        let mut cases: Vec<Case> = read(folder)?;
        let only = wanted.only.as_deref().unwrap_or("*");
        cases.retain(|case| matches(only.as_bytes(), case.name.as_bytes()));
        if cases.is_empty() {
            writeln!(out, "no cases")?;
            continue;
        }
        evaluate(&cases, &wanted, &knowledge, &mut out)?;
    }
    Ok(())
}

fn evaluate(
    cases: &[Case],
    wanted: &Wanted,
    knowledge: &Knowledge,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut reliability = Reliability::new(wanted.bins);
    let mut scores = Vec::new();
    for case in cases {
        let start = Instant::now();
        let report = analyse(std::slice::from_ref(&case.evidence), knowledge);
        let marks = score(case, report.as_ref().map_err(String::as_str));
        line(case, &marks, start.elapsed().as_millis(), out)?;
        if let Ok(report) = &report {
            reliability.add(case, report);
        }
        scores.push(marks);
    }
    writeln!(out, "{}\n\n{reliability}\n", Totals(&scores))?;
    if wanted.ablate {
        writeln!(out, "{}\n", ablation::ablate(cases, knowledge)?)?;
    }
    Ok(())
}

fn line(case: &Case, score: &Score, millis: u128, out: &mut impl Write) -> io::Result<()> {
    let mark = match score.point {
        1.0.. => "ok ",
        p if p > 0.0 => "~  ",
        _ => "NO ",
    };
    let want = match case.label.causes.as_slice() {
        [] => format!("{:?}", case.label.verdict.as_deref().unwrap_or_default()),
        causes => causes.join(","),
    };
    let wrong = if score.confident_wrong { "  CONFIDENT-WRONG" } else { "" };
    let error = score.error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
    let (name, got) = (&case.name, score.first.join(","));
    writeln!(out, "{mark}{name:44} {millis:7} ms  want {want}  got {got}{wrong}{error}")
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ablate" => wanted.ablate = true,
            "--samples" => wanted.samples = Some(arguments.next()?.into()),
            "--only" => wanted.only = Some(arguments.next()?),
            "--bins" => wanted.bins = Some(arguments.next()?.parse().ok().filter(|n| *n > 0)?),
            other if other.starts_with('-') || wanted.cases.is_some() => return None,
            other => wanted.cases = Some(other.into()),
        }
    }
    (wanted.cases.is_some() || wanted.samples.is_some()).then_some(wanted)
}

/// Whether a name has the form of a pattern: `*` is any text, `?` any byte.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            matches(rest, name)
                || name.split_first().is_some_and(|(_, name)| matches(pattern, name))
        }
        ([b'?', pattern @ ..], [_, name @ ..]) => matches(pattern, name),
        ([wanted, pattern @ ..], [found, name @ ..]) if wanted == found => matches(pattern, name),
        _ => false,
    }
}
