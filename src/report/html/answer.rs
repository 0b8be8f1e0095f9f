//! The answer on top: what failed, how sure that is, what proves it, what would refute it.

use super::evidence::proof;
use super::text;
use crate::diagnose::{Certainty, Verdict};
use crate::report::model::{DiagnosisReport, Report};
use crate::report::words::percent;
use maud::{Markup, html};

/// Facts that are told on top.
const MOST_PROOFS: usize = 3;

pub(super) fn answer(report: &Report) -> Markup {
    let leading = report.diagnoses.first();
    let headline = leading.map_or_else(|| report.verdict.name(), |first| first.title.as_str());
    html! {
        section id="answer" class={ "answer " (tone(report)) } aria-labelledby="answer-title" {
            p.badges {
                span.badge.verdict { (report.verdict.name()) }
                @if let Some(first) = leading {
                    span.badge { (first.certainty.name()) }
                    span.badge { "stage: " (first.stage.name().replace('_', " ")) }
                    span.badge { "fault on: " (first.fault_domain.name()) }
                }
            }
            h1 id="answer-title" { (text(&first_capital(headline))) }
            p.summary { (text(&report.summary)) }
            @if let Some(why) = &report.case.unfinished {
                p.warning { "Not analysed to its end: " (text(why)) }
            }
            @if let Some(first) = leading { (grounds(report, first)) }
        }
    }
}

/// The colour of the page: how bad, and how sure.
fn tone(report: &Report) -> &'static str {
    match (report.verdict, report.diagnoses.first().map(|first| first.certainty)) {
        (Verdict::NoFailureFound, _) => "good",
        (Verdict::Diagnosed, Some(Certainty::Conclusive | Certainty::Strong)) => "bad",
        _ => "doubtful",
    }
}

fn first_capital(headline: &str) -> String {
    let mut letters = headline.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn grounds(report: &Report, first: &DiagnosisReport) -> Markup {
    let sure = first.probability.clamp(0.0, 1.0);
    let proven = report.verdict == Verdict::Diagnosed && first.certainty >= Certainty::Strong;
    html! {
        div.sure {
            p { strong { (percent(first.probability)) " %" } " probable" }
            div.meter role="img" aria-label={ (percent(first.probability)) " per cent" } {
                span style={ "width:" (format!("{:.1}", sure * 100.0)) "%" } {}
            }
        }
        div.grounds {
            div {
                h2 { @if proven { "What proves it" } @else { "What speaks for it" } }
                ol {
                    @for evidence in first.evidence.iter().take(MOST_PROOFS) {
                        li {
                            (text(&evidence.statement)) " "
                            (proof(&evidence.source, &evidence.open_with, evidence.show_with.as_deref(), evidence.channel.as_deref()))
                        }
                    }
                }
            }
            @if !first.refuted_by.is_empty() {
                div {
                    h2 { "What would refute it" }
                    ul { @for sentence in &first.refuted_by { li { (text(sentence)) } } }
                    p.faint { "None of this is in the evidence that was read." }
                }
            }
        }
    }
}
