//! What to do, safest first, with the way back.

use super::page::{Section, copy_button};
use super::text;
use crate::knowledge::Risk;
use crate::report::model::{FixReport, Report};
use maud::{Markup, html};

pub(super) fn section(report: &Report) -> Option<Section> {
    let fixes = &report.diagnoses.first()?.fixes;
    if fixes.is_empty() {
        return None;
    }
    let body = html! { ol.fixes { @for fix in fixes { (one(fix)) } } };
    Some(Section { id: "fixes", title: "What to do, safest first", body })
}

fn one(fix: &FixReport) -> Markup {
    let (risk, tone) = match fix.risk {
        Risk::Safe => ("safe", "good"),
        Risk::Caution => ("caution", "doubtful"),
        Risk::LowersSecurity => ("lowers security", "bad"),
    };
    html! {
        li.card id=(fix.id) {
            h3 { (text(&fix.title)) }
            p.badges {
                span class={ "badge " (tone) } { (risk) }
                span.badge { "on: " (text(&fix.run_on)) }
            }
            @if !fix.note.is_empty() { p { (text(&fix.note)) } }
            (commands("Do", &fix.commands))
            (commands("Go back", &fix.rollback))
            @if !fix.verify.is_empty() {
                h4 { "Check" }
                ul { @for line in &fix.verify { li { (text(line)) } } }
            }
        }
    }
}

/// Lines that can be copied, all at once.
pub(super) fn commands(title: &str, lines: &[String]) -> Markup {
    let all = lines.join("\n");
    html! {
        @if !lines.is_empty() {
            h4 { (title) }
            div.commands {
                pre tabindex="0" { code { @for line in lines { (text(line)) "\n" } } }
                (copy_button(&all))
            }
        }
    }
}
