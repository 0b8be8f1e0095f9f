//! Where the frames of a split capture really are.
//!
//! Readers number the frames of a split capture over all its parts, as in the file that
//! `mergecap -a` makes of them, and name it after its first part. Evidence has to be found
//! in the files that the user has: its sources name the part and the frame in it.

use super::model::{EvidenceReport, Report, SourceReport};
use crate::correlate::Case;
use crate::observe::{CapturePart, Coverage, Place};

/// Names the parts in all sources of a report.
pub(super) fn name_parts(report: &mut Report, case: &Case) {
    let split = split_captures(case);
    if split.is_empty() {
        return;
    }
    let evidence = report
        .diagnoses
        .iter_mut()
        .flat_map(|diagnosis| diagnosis.evidence.iter_mut().chain(diagnosis.against.iter_mut()));
    for EvidenceReport { source, open_with, .. } in evidence {
        name_part(&split, source, open_with);
    }
    for step in report.checks.iter_mut().flat_map(|check| check.steps.iter_mut()) {
        if let Some(source) = &mut step.source {
            name_part(&split, source, &mut step.open_with);
        }
    }
    for udp in report.attempts.iter_mut().flat_map(|attempt| attempt.udp.iter_mut()) {
        if let Some((part, frame)) = part_of(&split, &udp.file, udp.frame) {
            (udp.file, udp.frame) = (part.file.to_string(), frame);
        }
    }
}

/// The captures of a case that came in several files.
pub(super) fn split_captures(case: &Case) -> Vec<&Coverage> {
    case.coverage.iter().filter(|c| !c.parts.is_empty()).collect()
}

/// Names the part of a split capture in which a source stands; any other stays.
pub(super) fn name_part(split: &[&Coverage], source: &mut SourceReport, open_with: &mut String) {
    let Some(counted) = source.frame else { return };
    let Some((part, frame)) = part_of(split, &source.file, counted) else { return };
    // A filter of another kind shows a whole connection, whatever the number.
    if *open_with == frame_filter(counted) {
        *open_with = frame_filter(frame);
    }
    (source.file, source.frame) = (part.file.to_string(), Some(frame));
}

fn frame_filter(frame: u64) -> String {
    Place::Frame(frame).open_with()
}

/// The part that holds a frame, and its number there.
fn part_of<'p>(split: &[&'p Coverage], file: &str, frame: u64) -> Option<(&'p CapturePart, u64)> {
    let coverage = split.iter().find(|coverage| *coverage.file == *file)?;
    let part = coverage.parts.iter().rev().find(|part| part.before < frame)?;
    Some((part, frame - part.before))
}
