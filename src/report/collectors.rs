//! Who gathered the evidence, and what of it was not collected.

use super::model::{CollectorReport, LeftOutReport};
use crate::diagnose::{Collected, Findings};
use crate::knowledge::Knowledge;

pub(super) fn reports(findings: &Findings, knowledge: &Knowledge) -> Vec<CollectorReport> {
    let report = |collected: &Collected| {
        let collector = knowledge.collectors.get(&collected.collector)?;
        let left_out = collected.leaves_out.iter().map(|left| LeftOutReport {
            wanted: left.wanted.clone(),
            what: left.what.clone(),
            how: left.how.clone(),
        });
        Some(CollectorReport {
            id: collector.id.clone(),
            title: collector.title.clone(),
            at: collected.at.clone(),
            note: collector.note.clone(),
            leaves_out: left_out.collect(),
        })
    };
    findings.collected.iter().filter_map(report).collect()
}

/// One sentence for people: who, where, and what is not there.
pub(super) fn in_short(collector: &CollectorReport) -> String {
    let at: Vec<&str> =
        collector.at.iter().map(|at| if at == "." { "the ticket itself" } else { at }).collect();
    let mut text = format!("{} ({})", collector.title, at.join(", "));
    if !collector.leaves_out.is_empty() {
        let missing = collector
            .leaves_out
            .iter()
            .map(|left| format!("{} [{}]", left.what, left.wanted.join(", ")));
        text.push_str(". Not collected: ");
        text.push_str(&missing.collect::<Vec<_>>().join("; "));
    }
    text.push('.');
    if !collector.note.is_empty() {
        text.push(' ');
        text.push_str(&collector.note);
    }
    text
}
