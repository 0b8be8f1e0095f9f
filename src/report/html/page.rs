//! The frame of a page: its head, its style and script, its sections in order.

use super::{answer, causes, evidence, fixes, story, text, timeline};
use crate::report::community_id::base64;
use crate::report::model::{Report, ToolReport};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A section of a page: its anchor, its title, and what stands in it.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

pub(super) fn report_page(report: &Report) -> Markup {
    let sections: Vec<Section> = [
        causes::section(report),
        fixes::section(report),
        story::attempts(report),
        timeline::section(report),
        story::checks(report),
        story::codes(report),
        story::background(report),
        evidence::missing(report),
        evidence::coverage(report),
        evidence::problems(report),
    ]
    .into_iter()
    .flatten()
    .collect();
    frame(&report.case.name, &report.tool, answer::answer(report), &sections)
}

/// A whole page: the answer first, then the sections, each reachable from the top.
pub(super) fn frame(name: &str, tool: &ToolReport, answer: Markup, sections: &[Section]) -> Markup {
    let by = format!("{} {}", tool.name, tool.version);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(text(&by));
                meta name="color-scheme" content="light dark";
                title { (text(name)) " · rdp-triage" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#answer" { "Skip to the answer" }
                header.top {
                    p.brand { "rdp-triage" }
                    p.case { (text(name)) }
                }
                main {
                    (answer)
                    nav.contents aria-label="Sections" {
                        @for section in sections {
                            a href={ "#" (section.id) } { (section.title) }
                        }
                    }
                    @for section in sections {
                        section.part id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p {
                        "Made by " (text(&by)) ", offline. "
                        "Times are UTC, on the clock of the case."
                    }
                }
                p.sr role="status" id="said" {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Nothing is loaded, and no script runs but the page's own, by its hash.
fn policy() -> String {
    let hash = base64(&Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// A button that copies lines; it shows only where scripts run.
pub(super) fn copy_button(lines: &str) -> Markup {
    // The line feeds are this program's own; what stands between them is not.
    let clean: Vec<_> = lines.lines().map(text).collect();
    html! { button.copy type="button" data-copy=(clean.join("\n")) aria-label="Copy" { "Copy" } }
}
