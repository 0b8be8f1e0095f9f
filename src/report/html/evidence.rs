//! What was read and what was not, what to ask for, and how each proof is seen.

use super::fixes::commands;
use super::page::{Section, copy_button};
use super::text;
use crate::report::collectors;
use crate::report::coverage::in_short;
use crate::report::model::{Report, SourceReport};
use crate::report::words::{clocks, files, place, span, speaker, systems};
use maud::{Markup, html};

/// Problems that are listed; the JSON report has all.
const MOST_PROBLEMS: usize = 500;

/// Where a statement stands, and what shows it: a display filter as it is, the longer query
/// of a log behind a click.
pub(super) fn proof(
    source: &SourceReport,
    open_with: &str,
    show_with: Option<&str>,
    channel: Option<&str>,
) -> Markup {
    let place = place(source);
    if open_with.is_empty() {
        return html! { span.proof { span.place { (text(&place)) } } };
    }
    html! {
        details.proof {
            summary { span.place { (text(&place)) } }
            dl {
                @if let Some(channel) = channel {
                    dt { "Channel" } dd { code { (text(channel)) } }
                }
                dt { @if source.record_id.is_some() { "XPath" } @else { "Wireshark" } }
                dd { code { (text(open_with)) } (copy_button(open_with)) }
                @if let Some(command) = show_with {
                    dt { "Command" } dd { code { (text(command)) } (copy_button(command)) }
                }
            }
        }
    }
}

pub(super) fn missing(report: &Report) -> Option<Section> {
    if report.missing_evidence.is_empty() {
        return None;
    }
    let body = html! {
        ul.cards {
            @for missing in &report.missing_evidence {
                li.card {
                    h3 { (text(&missing.what)) }
                    @if !missing.would_separate.is_empty() {
                        p.faint {
                            "It would separate: "
                            @for (at, cause) in missing.would_separate.iter().enumerate() {
                                @if at > 0 { ", " }
                                code { (cause) }
                            }
                        }
                    }
                    (commands("How", &missing.how))
                }
            }
        }
    };
    Some(Section { id: "ask", title: "Ask for next", body })
}

pub(super) fn coverage(report: &Report) -> Option<Section> {
    if report.coverage.is_empty() && report.collectors.is_empty() {
        return None;
    }
    let body = html! {
        p.faint { "That nothing is told counts as evidence only where a source speaks for that host and time." }
        div.scroll tabindex="0" role="region" aria-label="Evidence read" {
            table {
                thead {
                    tr {
                        th scope="col" { "File" }
                        th scope="col" { "Speaks for" }
                        th scope="col" { "Time (its own clock, UTC)" }
                        th.number scope="col" { "Items" }
                        th.number scope="col" { "Unreadable" }
                        th scope="col" { "Holes" }
                    }
                }
                tbody {
                    @for coverage in &report.coverage {
                        tr {
                            th scope="row" { (text(&files(coverage).replace('\n', ", "))) }
                            td { (text(&speaker(coverage))) }
                            td { (span(coverage)) }
                            td.number { (coverage.items) }
                            td class=(if coverage.unreadable > 0 { "number bad" } else { "number" }) { (coverage.unreadable) }
                            td class=[(!coverage.holes.is_empty()).then_some("doubtful")] { (text(&in_short(coverage))) }
                        }
                    }
                }
            }
        }
        ul.plain {
            @for collector in &report.collectors { li { "By " (text(&collectors::in_short(collector))) } }
            @for clock in clocks(&report.hosts, &report.coverage) { li { "Clock: " (text(&clock)) } }
            @for system in systems(report) { li { "System: " (text(&system)) } }
        }
    };
    Some(Section { id: "coverage", title: "Evidence read", body })
}

pub(super) fn problems(report: &Report) -> Option<Section> {
    if report.problems.is_empty() {
        return None;
    }
    let left = report.problems.len().saturating_sub(MOST_PROBLEMS);
    let body = html! {
        ul.plain {
            @for problem in report.problems.iter().take(MOST_PROBLEMS) {
                li {
                    code { (text(&problem.file)) }
                    @if let Some(offset) = problem.offset { " at byte " (offset) }
                    ": " (text(&problem.message))
                }
            }
            @if left > 0 { li { "and " (left) " more in the JSON report" } }
        }
    };
    Some(Section { id: "problems", title: "What could not be read", body })
}
