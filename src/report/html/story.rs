//! What happened: the attempts with their ladders and cards, what is well and what is not,
//! what the user saw, and what was before.

use super::cards::{certificates, negotiation};
use super::evidence::proof;
use super::ladder::ladder;
use super::page::{Section, copy_button};
use super::tcp::health;
use super::text;
use crate::base::counted;
use crate::correlate::Outcome;
use crate::knowledge::StepOutcome;
use crate::report::model::{AttemptReport, CheckReport, Report};
use crate::report::seen::what_is_seen;
use crate::report::text::{short_host, short_name};
use crate::report::wire_model::WireReport;
use crate::report::words::{before, chosen, conversation_filter, in_file, sentence, short_time};
use maud::{Markup, html};

/// Attempts in the table, and those that are drawn.
const MOST_LISTED: usize = 200;
const MOST_DRAWN: usize = 6;
/// Other connections of an attempt that are drawn.
const MOST_CONNECTIONS: usize = 6;

pub(super) fn attempts(report: &Report) -> Option<Section> {
    if report.attempts.is_empty() {
        return None;
    }
    let (listed, left) = chosen(report, MOST_LISTED);
    let (drawn, _) = chosen(report, MOST_DRAWN);
    let left = left + report.attempts_left_out.total();
    let body = html! {
        div.scroll tabindex="0" role="region" aria-label="Attempts" {
            table {
                thead { tr {
                    th.number scope="col" { "#" } th scope="col" { "Start (UTC)" } th scope="col" { "Client" }
                    th scope="col" { "Server" } th scope="col" { "Outcome" } th scope="col" { "Reached" }
                    th scope="col" { "Seen" }
                } }
                tbody { @for attempt in &listed { (row(attempt, drawn.iter().any(|one| one.id == attempt.id))) } }
            }
        }
        @if left > 0 { p.faint { (counted(left, "more attempt")) " not shown." } }
        @for attempt in told_first(report, drawn) { (detail(report, attempt)) }
    };
    Some(Section { id: "attempts", title: "Attempts", body })
}

/// Those that the answer is about come first, then the failed ones.
fn told_first<'a>(report: &Report, mut drawn: Vec<&'a AttemptReport>) -> Vec<&'a AttemptReport> {
    let asked = report.diagnoses.first().map(|first| first.attempts.as_slice()).unwrap_or_default();
    drawn.sort_by_key(|a| (!asked.contains(&a.id), a.outcome != Outcome::Failed, a.id));
    drawn
}

fn outcome(outcome: Outcome) -> Markup {
    let (name, tone) = match outcome {
        Outcome::Succeeded => ("succeeded", "good"),
        Outcome::Failed => ("failed", "bad"),
        Outcome::Unknown => ("unknown", ""),
    };
    html! { span class={ "badge " (tone) } { (name) } }
}

fn row(attempt: &AttemptReport, is_drawn: bool) -> Markup {
    let unknown = || "unknown".to_owned();
    html! {
        tr {
            th.number scope="row" {
                @if is_drawn { a href={ "#attempt-" (attempt.id) } { (attempt.id) } } @else { (attempt.id) }
            }
            td { (short_time(&attempt.start)) }
            td { (text(&attempt.client.clone().unwrap_or_else(unknown))) }
            td { (text(&attempt.server.clone().unwrap_or_else(unknown))) }
            td { (outcome(attempt.outcome)) }
            td { (attempt.stage_reached.map_or("", |stage| stage.name()).replace('_', " ")) }
            td { (text(&what_is_seen(attempt))) }
        }
    }
}

/// An attempt that the answer is about, or that failed, is open.
fn detail(report: &Report, attempt: &AttemptReport) -> Markup {
    let id = format!("attempt-{}", attempt.id);
    let asked = report.diagnoses.iter().take(1).any(|first| first.attempts.contains(&attempt.id));
    let title = html! { "Attempt " (attempt.id) " " (outcome(attempt.outcome)) };
    html! {
        @if asked || attempt.outcome == Outcome::Failed {
            article.attempt id=(id) aria-labelledby={ (id) "-title" } {
                h3 id={ (id) "-title" } { (title) }
                (drawing(report, attempt))
            }
        } @else {
            details.attempt id=(id) { summary { (title) } (drawing(report, attempt)) }
        }
    }
}

fn drawing(report: &Report, attempt: &AttemptReport) -> Markup {
    let wire = attempt.wire.as_ref();
    let others: Vec<&WireReport> =
        attempt.connections.iter().filter(|other| Some(*other) != wire).collect();
    html! {
        p.faint { (short_time(&attempt.start)) @if let Some(wire) = wire { (frames(wire)) } }
        @if let Some(drawn) = ladder(report, attempt, wire, true) { (drawn) }
        @if let Some(wire) = wire { (cards(wire, &attempt.start)) }
        @if !others.is_empty() {
            details.others {
                summary { (counted(others.len(), "other view")) " of its connections" }
                @for other in others.iter().take(MOST_CONNECTIONS) {
                    h4 { (text(&other.client)) " to " (text(&other.server)) }
                    p.faint { (frames(other)) }
                    @if let Some(drawn) = ladder(report, attempt, Some(other), false) { (drawn) }
                    (cards(other, &attempt.start))
                }
            }
        }
    }
}

/// The frames of a connection, and the filter that shows them.
fn frames(wire: &WireReport) -> Markup {
    let filter = conversation_filter(wire);
    html! {
        ", " (text(&wire.file)) ", frames " (wire.first_frame) " to " (wire.last_frame) " "
        code.filter { (filter) } (copy_button(&filter))
    }
}

fn cards(wire: &WireReport, at: &str) -> Markup {
    html! {
        div.cards {
            @if let Some(card) = negotiation(wire) { (card) }
            @if let Some(card) = certificates(wire, at) { (card) }
            (health(&wire.tcp))
        }
    }
}

pub(super) fn checks(report: &Report) -> Option<Section> {
    if report.checks.is_empty() {
        return None;
    }
    let body = html! { div.cards { @for one in &report.checks { (check(one)) } } };
    Some(Section { id: "checks", title: "Health checks", body })
}

fn check(check: &CheckReport) -> Markup {
    html! {
        div.card {
            h3 { (text(&check.title)) }
            @if let Some(attempt) = check.attempt { p.faint { "Of attempt " (attempt) } }
            ul.steps {
                @for step in &check.steps {
                    @let (tone, mark) = match step.outcome {
                        StepOutcome::Ok => ("good", "ok"),
                        StepOutcome::Failed => ("bad", "failed"),
                        StepOutcome::Unknown => ("", "not known"),
                    };
                    li class=(tone) {
                        span class={ "badge " (tone) } { (mark) }
                        span {
                            strong { (text(&step.what)) } " " (text(&step.statement)) " "
                            @if let Some(source) = &step.source {
                                (proof(source, &step.open_with, step.show_with.as_deref(), step.channel.as_deref()))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn codes(report: &Report) -> Option<Section> {
    if report.client_codes.is_empty() {
        return None;
    }
    let body = html! {
        ul.plain { @for codes in &report.client_codes { li { (text(&sentence(codes))) } } }
    };
    Some(Section { id: "codes", title: "What the client's codes say", body })
}

pub(super) fn background(report: &Report) -> Option<Section> {
    let background = report.background.as_ref()?;
    let body = html! {
        ul.plain {
            @if let (Some(id), Some(at)) = (background.last_success, &background.last_success_at) {
                li { "Attempt " (id) " worked, until " (short_time(at)) "." }
            }
            @for change in &background.changes {
                @let event = &change.event;
                li {
                    strong { (before(change.seconds_before)) " before" }
                    @if change.times > 1 { ", " (change.times) " times, last" }
                    ": " (text(&event.message)) " "
                    span.place {
                        (text(short_host(&event.host))) " " (text(short_name(&event.event))) ", "
                        (text(&in_file(&event.file, event.record_id, event.line, None)))
                    }
                }
            }
            @if background.more_changes > 0 {
                li.faint { (counted(background.more_changes, "earlier kind")) " of changes left out." }
            }
        }
    };
    Some(Section { id: "before", title: "Before the first failure", body })
}
