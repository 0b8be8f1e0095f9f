//! The ranked causes as bars: what speaks for each, and what against.

use super::evidence::proof;
use super::page::Section;
use super::text;
use crate::diagnose::{Certainty, Part};
use crate::report::model::{DiagnosisReport, EvidenceReport, Report};
use crate::report::words::percent;
use maud::{Markup, html};

/// Causes that are open from the start.
const OPEN: u32 = 2;

pub(super) fn section(report: &Report) -> Option<Section> {
    if report.diagnoses.is_empty() {
        return None;
    }
    let totals = report.diagnoses.iter().flat_map(|d| [sum(&d.evidence), sum(&d.against)]);
    let widest = totals.fold(1.0, f64::max);
    let body = html! {
        p.faint {
            "Each bar adds up its evidence in decibans: for the cause to the right, against it to the left. "
            "Ten decibans make a cause ten times as likely against the others."
        }
        ol.causes {
            @for diagnosis in &report.diagnoses { (cause(diagnosis, widest)) }
        }
    };
    Some(Section { id: "causes", title: "Causes, most likely first", body })
}

fn sum(evidence: &[EvidenceReport]) -> f64 {
    evidence.iter().map(|evidence| evidence.weight_db.abs()).sum()
}

fn cause(diagnosis: &DiagnosisReport, widest: f64) -> Markup {
    let certainty = match diagnosis.certainty {
        Certainty::Conclusive | Certainty::Strong => "certain",
        Certainty::Moderate => "likely",
        Certainty::Weak => "weak",
    };
    html! {
        li class={ "cause " (certainty) } {
            details open[diagnosis.rank <= OPEN] {
                summary {
                    span.percent { (percent(diagnosis.probability)) " %" }
                    span.title { (text(&diagnosis.title)) }
                    span.marks {
                        code { (diagnosis.cause) }
                        span.badge { (diagnosis.certainty.name()) }
                        @if diagnosis.part == Part::AlsoHolds { span.badge { "also true" } }
                    }
                    (bar(diagnosis, widest))
                }
                p { (text(&diagnosis.explanation)) }
                (facts(diagnosis))
            }
        }
    }
}

/// One bar: a piece for each fact, as wide as it is heavy.
fn bar(diagnosis: &DiagnosisReport, widest: f64) -> Markup {
    let (support, against) = (sum(&diagnosis.evidence), sum(&diagnosis.against));
    let label = format!("{support:.1} decibans for it, {against:.1} against it");
    let piece = |evidence: &EvidenceReport| {
        let width = format!("width:{:.2}%", evidence.weight_db.abs() / widest * 100.0);
        let title = format!("{:+.1} {}", evidence.weight_db, evidence.statement);
        html! { span.piece style=(width) title=(text(&title)) {} }
    };
    html! {
        span.bars role="img" aria-label=(label) {
            span.against { @for evidence in &diagnosis.against { (piece(evidence)) } }
            span.for { @for evidence in &diagnosis.evidence { (piece(evidence)) } }
        }
    }
}

fn facts(diagnosis: &DiagnosisReport) -> Markup {
    html! {
        ul.facts {
            @for evidence in diagnosis.evidence.iter().chain(&diagnosis.against) {
                li class=(if evidence.weight_db < 0.0 { "against" } else { "for" }) {
                    span.weight { (format!("{:+.1}", evidence.weight_db)) }
                    span.statement {
                        (text(&evidence.statement)) " "
                        (proof(&evidence.source, &evidence.open_with, evidence.show_with.as_deref(), evidence.channel.as_deref()))
                    }
                }
            }
        }
    }
}
