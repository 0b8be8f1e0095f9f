//! The index of a batch: totals, clusters, and every case one click away, sortable.

use super::page::{Section, frame};
use super::text;
use crate::base::counted;
use crate::diagnose::Verdict;
use crate::report::batch::{BatchReport, CaseLine, CauseTotal, Cluster, ClusterBy};
use crate::report::words::{percent, short_time};
use maud::{Markup, html};
use std::io::{self, Write};

/// Causes and clusters that are shown at once.
const MOST_OPEN: usize = 12;
const MOST_CLUSTERS: usize = 9;

/// Writes the index page of a batch. `page_of` gives the file name of a case's page, beside
/// the index; `None` where there is none.
///
/// # Errors
/// When the writer fails.
pub fn write_batch_html(
    report: &BatchReport,
    page_of: &dyn Fn(&CaseLine) -> Option<String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let sections: Vec<Section> =
        [clusters(report, page_of), causes(report), unanswered(report), cases(report, page_of)]
            .into_iter()
            .flatten()
            .collect();
    let page = frame("batch", &report.tool, totals(report), &sections);
    out.write_all(page.into_string().as_bytes())
}

fn totals(report: &BatchReport) -> Markup {
    let totals = report.totals;
    let parts = [
        ("diagnosed", totals.diagnosed, "bad"),
        ("no failure found", totals.no_failure_found, "good"),
        ("inconclusive", totals.inconclusive, "doubtful"),
        ("no evidence", totals.no_evidence, "empty"),
    ];
    html! {
        section.answer id="answer" aria-labelledby="answer-title" {
            h1 id="answer-title" { (totals.cases) " cases" }
            div.totals role="img" aria-label="How the cases ended" {
                @for (name, count, tone) in parts {
                    @if count > 0 {
                        span class=(tone) style={ "flex-grow:" (count) } title={ (count) " " (name) } {}
                    }
                }
            }
            ul.chips { @for (name, count, tone) in parts { li class=(tone) { strong { (count) } " " (name) } } }
            @if totals.with_problems > 0 { p { "Of " (totals.with_problems) " some input could not be read." } }
            @if totals.unfinished > 0 { p.warning { (totals.unfinished) " were not analysed to their end." } }
        }
    }
}

fn causes(report: &BatchReport) -> Option<Section> {
    let most = report.causes.iter().map(|total| total.cases).max()?;
    let (first, others) = report.causes.split_at(report.causes.len().min(MOST_OPEN));
    let body = html! {
        ol.tally { @for total in first { (cause(total, most)) } }
        @if !others.is_empty() {
            details {
                summary { "and " (counted(others.len(), "rarer cause")) }
                ol.tally { @for total in others { (cause(total, most)) } }
            }
        }
    };
    Some(Section { id: "causes", title: "Causes", body })
}

fn cause(total: &CauseTotal, most: usize) -> Markup {
    let width = total.cases as f64 / most.max(1) as f64 * 100.0;
    html! {
        li {
            span.count { (total.cases) }
            span.title { (text(&total.title)) " " code { (total.cause) } }
            span.bars aria-hidden="true" { span.piece style={ "width:" (format!("{width:.2}")) "%" } {} }
            span.faint {
                "fault on: " (total.fault_domain.name())
                @if let Some(fix) = &total.first_fix { ". First: " (text(fix)) }
            }
        }
    }
}

fn clusters(
    report: &BatchReport,
    page_of: &dyn Fn(&CaseLine) -> Option<String>,
) -> Option<Section> {
    if report.clusters.is_empty() {
        return None;
    }
    let line = |name: &str| report.cases.iter().find(|case| case.name == name);
    let (first, others) = report.clusters.split_at(report.clusters.len().min(MOST_CLUSTERS));
    let body = html! {
        ul.cards { @for one in first { (cluster(one, &line, page_of)) } }
        @if !others.is_empty() {
            details {
                summary { "and " (counted(others.len(), "smaller one")) }
                ul.cards { @for one in others { (cluster(one, &line, page_of)) } }
            }
        }
    };
    Some(Section { id: "clusters", title: "Like cases: one cause, one machine", body })
}

/// Cases of a cluster that are named.
const MOST_NAMED: usize = 12;

fn cluster<'a>(
    cluster: &Cluster,
    line: &dyn Fn(&str) -> Option<&'a CaseLine>,
    page_of: &dyn Fn(&CaseLine) -> Option<String>,
) -> Markup {
    let by = match cluster.by {
        ClusterBy::Server => "server",
        ClusterBy::Client => "client",
    };
    let [first, last] = [&cluster.first, &cluster.last].map(|time| time.as_deref().map(short_time));
    html! {
        li.card {
            h3 { (cluster.cases.len()) " × " (text(&cluster.title)) }
            p { (by) " " strong { (text(&cluster.of)) } }
            p.faint {
                @if let Some(first) = &first { (first) }
                @if let Some(last) = last.filter(|last| Some(last) != first.as_ref()) { " to " (last) }
            }
            p {
                @for (at, name) in cluster.cases.iter().take(MOST_NAMED).enumerate() {
                    @if at > 0 { ", " }
                    (link(name, line(name).and_then(page_of)))
                }
                @if cluster.cases.len() > MOST_NAMED {
                    " and " (cluster.cases.len() - MOST_NAMED) " more, in the table of cases"
                }
            }
        }
    }
}

fn link(name: &str, page: Option<String>) -> Markup {
    html! {
        @match page {
            Some(page) => a href=(address(&page)) { (text(name)) },
            None => (text(name)),
        }
    }
}

/// A file beside this page as an address: everything that an address could read as a part
/// of itself is escaped, and `./` keeps a colon from naming a scheme.
fn address(file: &str) -> String {
    let mut address = "./".to_owned();
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte));
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

fn unanswered(report: &BatchReport) -> Option<Section> {
    if report.missing_evidence.is_empty() {
        return None;
    }
    let body = html! {
        ul.plain { @for missing in &report.missing_evidence { li { strong { (missing.cases) } " " (text(&missing.what)) } } }
    };
    Some(Section { id: "ask", title: "To ask for, where the evidence does not decide", body })
}

fn cases(report: &BatchReport, page_of: &dyn Fn(&CaseLine) -> Option<String>) -> Option<Section> {
    if report.cases.is_empty() {
        return None;
    }
    let body = html! {
        div.scroll tabindex="0" role="region" aria-label="Cases" {
            table.sortable {
                thead { tr {
                    @for column in ["Case", "Verdict", "Cause", "Certainty", "Fault on", "Start (UTC)", "Summary"] {
                        th scope="col" { (column) }
                    }
                } }
                tbody { @for case in &report.cases { (case_row(case, page_of)) } }
            }
        }
    };
    Some(Section { id: "cases", title: "Cases", body })
}

fn case_row(case: &CaseLine, page_of: &dyn Fn(&CaseLine) -> Option<String>) -> Markup {
    let leading = case.leading.as_ref();
    let tone = match case.verdict {
        Verdict::Diagnosed => "bad",
        Verdict::NoFailureFound => "good",
        Verdict::Inconclusive => "doubtful",
        Verdict::NoEvidence => "",
    };
    html! {
        tr {
            th scope="row" { (link(&case.name, page_of(case))) }
            td { span class={ "badge " (tone) } { (case.verdict.name()) } }
            td { @if let Some(leading) = leading { code { (leading.cause) } } }
            td data-sort=[leading.map(|leading| leading.probability)] {
                @if let Some(leading) = leading { (leading.certainty.name()) " " (percent(leading.probability)) " %" }
            }
            td { @if let Some(leading) = leading { (leading.fault_domain.name()) } }
            td { @if let Some(start) = leading.and_then(|leading| leading.start.as_deref()) { (short_time(start)) } }
            td { (text(&case.summary)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_name_leads_out_of_the_folder() {
        assert_eq!(address("a b.html"), "./a%20b.html");
        assert_eq!(address("javascript:x//y?#.html"), "./javascript%3Ax%2F%2Fy%3F%23.html");
    }
}
