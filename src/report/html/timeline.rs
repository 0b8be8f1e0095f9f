//! The whole case on one clock, as SVG that zooms: by the style alone where no script runs.

use super::axis::{Axis, ZOOMS};
use super::cards::pc;
use super::lanes::{Lane, Mark, lanes};
use super::page::Section;
use super::text;
use crate::report::model::Report;
use crate::report::words::chosen;
use maud::{Markup, html};

/// Height of a lane, in pixels.
const LANE: usize = 26;
/// Height of the scale on top.
const SCALE: usize = 22;
/// Attempts on which the closer view looks.
const MOST_NEAR: usize = 6;
/// How much longer the case is than its attempts, before they get a view of their own.
const MUCH_LONGER: f64 = 3.0;

pub(super) fn section(report: &Report) -> Option<Section> {
    let lanes = lanes(report);
    let marks = lanes.iter().flat_map(|lane| &lane.marks);
    let whole = Axis::over(marks.flat_map(|mark| [mark.from, mark.to]))?;
    let near = near(report, &lanes).filter(|near| whole.length() > near.length() * MUCH_LONGER);
    let body = html! {
        @if let Some(near) = near {
            (figure("near", "Around the attempts that the answer is about", near, &lanes))
        }
        (figure("whole", "The whole evidence", whole, &lanes))
        p.legend {
            span.key.failed { "failed" } span.key.succeeded { "succeeded" } span.key.unknown { "unknown" }
            span.key.cited { "cited record" } span.key.record { "other record" }
            span.key.speaks { "log or capture speaks" } span.key.hole { "hole" }
        }
    };
    Some(Section { id: "timeline", title: "Timeline", body })
}

/// The time of the attempts that the answer is about, and of their records.
fn near(report: &Report, lanes: &[Lane]) -> Option<Axis> {
    let (mut near, _) = chosen(report, MOST_NEAR);
    if let Some(first) = report.diagnoses.first() {
        near.retain(|attempt| first.attempts.contains(&attempt.id));
    }
    let instant = super::axis::instant;
    let ends = near.iter().flat_map(|attempt| [instant(&attempt.start), instant(&attempt.end)]);
    let records = near.iter().flat_map(|attempt| &attempt.events);
    let records = records.map(|event| instant(&event.time));
    let axis = Axis::over(ends.chain(records).flatten())?;
    lanes.iter().any(|lane| lane.marks.iter().any(|mark| overlaps(axis, mark))).then_some(axis)
}

fn overlaps(axis: Axis, mark: &Mark) -> bool {
    mark.to >= axis.from && mark.from <= axis.to
}

fn figure(id: &str, title: &str, axis: Axis, lanes: &[Lane]) -> Markup {
    let shown: Vec<&Lane> =
        lanes.iter().filter(|lane| lane.marks.iter().any(|mark| overlaps(axis, mark))).collect();
    let height = SCALE + shown.len() * LANE;
    html! {
        figure.timeline {
            figcaption { (title) }
            fieldset.zoom {
                legend.sr { "Zoom" }
                @for zoom in ZOOMS {
                    label {
                        input type="radio" name={ "zoom-" (id) } value=(zoom) checked[zoom == 1];
                        (zoom) "×"
                    }
                }
            }
            div.drawing {
                ul.labels aria-hidden="true" { @for lane in &shown { li title=(text(&lane.label)) { (text(&lane.label)) } } }
                div.wide tabindex="0" role="region" aria-label={ (title) ", can be scrolled" } {
                    svg width="100%" height=(height) role="img" aria-label={ (title) ": " (shown.len()) " lanes" } {
                        (scale(axis, height))
                        @for (number, lane) in shown.iter().enumerate() {
                            @for mark in lane.marks.iter().filter(|mark| overlaps(axis, mark)) {
                                (drawn(axis, mark, SCALE + number * LANE))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn scale(axis: Axis, height: usize) -> Markup {
    html! {
        @for tick in axis.ticks() {
            g class={ "tick from-" (tick.zoom) } {
                line x1={ (pc(tick.place)) } x2={ (pc(tick.place)) } y1=(SCALE - 4) y2=(height) {}
                text x={ (pc(tick.place)) } y="12"
                    text-anchor=(if tick.place > 90.0 { "end" } else if tick.place < 8.0 { "start" } else { "middle" }) { (tick.label) }
            }
        }
    }
}

fn drawn(axis: Axis, mark: &Mark, top: usize) -> Markup {
    let (from, to) = (axis.place(mark.from), axis.place(mark.to));
    let middle = top + LANE / 2;
    html! {
        @if mark.is_moment() {
            circle class=(mark.class) cx={ (pc(from)) } cy=(middle) r=(if mark.class == "record cited" { 6 } else { 4 }) {
                title { (text(&mark.title)) }
            }
        } @else {
            // A stretch too short to see is drawn as a stroke.
            line class=(mark.class) x1={ (pc(from)) } x2={ (pc(to)) } y1=(middle) y2=(middle) { title { (text(&mark.title)) } }
        }
    }
}
