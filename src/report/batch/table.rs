//! A batch on a terminal: a line for each case as it is done, then what they have in
//! common.

use super::model::{BatchReport, CaseLine, CauseTotal, Cluster, ClusterBy};
use crate::base::{counted, for_terminal};
use crate::diagnose::{Certainty, Verdict};
use crate::report::Style;
use crate::report::table::{Ink, Page};
use crate::report::words::short_time;
use std::io::{self, Write};

/// Causes and clusters that are told, names of a cluster, and of what is missing.
const MOST_CAUSES: usize = 30;
const MOST_CLUSTERS: usize = 20;
const MOST_NAMES: usize = 6;
const MOST_MISSING: usize = 5;

/// Columns of certainty and fault domain, and the most that a case's name takes.
const CERTAINTY: usize = 11;
const FAULT: usize = 10;
const MOST_NAME: usize = 40;
const MOST_ANSWER: usize = 34;
/// From so many columns on the server is shown, in so many.
const WIDE: usize = 96;
const LEAST_SERVER: usize = 18;

/// Writes one line for each case, in columns that fit.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    style: Style,
    name: usize,
    answer: usize,
}

impl Lines {
    /// For cases of these names.
    pub fn new<'a>(style: Style, names: impl Iterator<Item = &'a str>) -> Self {
        let width = usize::from(style.width.max(40));
        let longest = names.map(|name| for_terminal(name).chars().count()).max().unwrap_or(4);
        // On a narrow terminal the server, which the report names too, gives way.
        let server = if width < WIDE { 0 } else { LEAST_SERVER };
        let rest = width.saturating_sub(2 + CERTAINTY + FAULT + server);
        let name = longest.clamp(4, MOST_NAME.min(rest / 2));
        let answer = rest.saturating_sub(name).clamp(12, MOST_ANSWER);
        Self { style, name, answer }
    }

    /// The names of the columns.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = self.columns(["case", "answer", "certainty", "fault on", "server"]);
        writeln!(out, "{}", self.style.ink(Ink::Bold, &line))
    }

    /// The line of one case.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn case(&self, case: &CaseLine, out: &mut dyn Write) -> io::Result<()> {
        let leading = case.diagnosed();
        let answer = match (case.verdict, &case.unfinished) {
            (_, Some(_)) => "not finished",
            (Verdict::NoFailureFound, _) => "no failure found",
            (Verdict::Inconclusive, _) => "inconclusive",
            (Verdict::NoEvidence, _) => "no evidence",
            (Verdict::Diagnosed, _) => leading.map_or("", |leading| leading.cause.as_str()),
        };
        let about = case.leading.as_ref();
        // What was read in part is not what the case says.
        let sure = leading.filter(|_| case.unfinished.is_none());
        let server = about.and_then(|about| about.server_name.as_ref().or(about.server.as_ref()));
        let line = self.columns([
            &case.name,
            answer,
            sure.map_or("", |leading| leading.certainty.name()),
            sure.map_or("", |leading| leading.fault_domain.name()),
            case.unfinished.as_ref().or(server).map_or("", String::as_str),
        ]);
        let ink = match (case.verdict, leading.map(|leading| leading.certainty)) {
            _ if case.unfinished.is_some() => Some(Ink::Bad),
            (Verdict::Diagnosed, Some(Certainty::Conclusive | Certainty::Strong)) => None,
            (Verdict::Diagnosed, _) | (Verdict::Inconclusive, _) => Some(Ink::Doubtful),
            (Verdict::NoFailureFound, _) => Some(Ink::Good),
            (Verdict::NoEvidence, _) => Some(Ink::Faint),
        };
        match ink {
            Some(ink) => writeln!(out, "{}", self.style.ink(ink, &line)),
            None => writeln!(out, "{line}"),
        }
    }

    fn columns(&self, cells: [&str; 5]) -> String {
        let width = usize::from(self.style.width.max(40));
        let before = self.name + self.answer + CERTAINTY + FAULT + 2;
        let last = if width < WIDE { 0 } else { width.saturating_sub(before).max(1) };
        let widths = [self.name, self.answer, CERTAINTY - 1, FAULT - 1, last];
        let mut line = String::new();
        for (cell, width) in cells.into_iter().zip(widths).filter(|(_, width)| *width > 0) {
            let cell = fitted(&for_terminal(cell), width);
            line.push_str(&format!("{cell:width$} "));
        }
        fitted(line.trim_end(), usize::from(self.style.width.max(40)))
    }
}

/// The text in so many columns; its end is cut off where it does not fit.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Writes what the cases have in common, and the totals.
///
/// # Errors
/// When the writer fails.
pub fn write_batch_table(
    report: &BatchReport,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let mut page = Page { style, out };
    page.causes(report)?;
    page.clusters(report)?;
    page.unanswered(report)?;
    page.unfinished(report)?;
    page.totals(report)
}

impl Page<'_> {
    fn causes(&mut self, report: &BatchReport) -> io::Result<()> {
        if report.causes.is_empty() {
            return Ok(());
        }
        self.heading("Causes, most frequent first")?;
        let indent = " ".repeat(14);
        for total in report.causes.iter().take(MOST_CAUSES) {
            let share = share(total.cases, report.totals.cases);
            let first = format!("{:>5}  {share:>3} %  ", total.cases);
            self.paragraph(&first, &indent, &format!("{}: {}", total.cause, total.title))?;
            let fix = total.first_fix.as_deref().map(|fix| format!(" | do first: {fix}"));
            let line = format!(
                "{} | fault on: {}{}",
                certainties(total),
                total.fault_domain.name(),
                fix.unwrap_or_default()
            );
            self.paragraph(&indent, &indent, &line)?;
        }
        match report.causes.len().checked_sub(MOST_CAUSES) {
            Some(more @ 1..) => {
                let more = format!("and {}: see --format json", counted(more, "rarer cause"));
                self.paragraph("       ", "       ", &more)
            }
            _ => Ok(()),
        }
    }

    fn clusters(&mut self, report: &BatchReport) -> io::Result<()> {
        if report.clusters.is_empty() {
            return Ok(());
        }
        self.heading("Like cases: one cause, one machine")?;
        for cluster in report.clusters.iter().take(MOST_CLUSTERS) {
            self.cluster(cluster)?;
        }
        if let Some(more @ 1..) = report.clusters.len().checked_sub(MOST_CLUSTERS) {
            let more = format!("and {}: see --format json", counted(more, "smaller one"));
            self.paragraph("       ", "       ", &more)?;
        }
        Ok(())
    }

    fn cluster(&mut self, cluster: &Cluster) -> io::Result<()> {
        let by = match cluster.by {
            ClusterBy::Server => "server",
            ClusterBy::Client => "client",
        };
        let first = format!("{:>5}  ", cluster.cases.len());
        let times = match (&cluster.first, &cluster.last) {
            (Some(first), Some(last)) if first != last => {
                format!(", {} to {}", short_time(first), short_time(last))
            }
            (Some(first), _) => format!(", {}", short_time(first)),
            _ => String::new(),
        };
        let head = format!("{}: {by} {}{times}", cluster.cause, cluster.of);
        self.paragraph(&first, "       ", &head)?;
        let mut names = cluster.cases.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
        if let Some(more @ 1..) = cluster.cases.len().checked_sub(MOST_NAMES) {
            names.push(format!("and {more} more"));
        }
        self.paragraph("       ", "       ", &names.join(", "))
    }

    fn unanswered(&mut self, report: &BatchReport) -> io::Result<()> {
        if report.missing_evidence.is_empty() {
            return Ok(());
        }
        self.heading("To ask for, where the evidence does not decide")?;
        for missing in report.missing_evidence.iter().take(MOST_MISSING) {
            let first = format!("{:>5}  ", missing.cases);
            self.paragraph(&first, "       ", &missing.what)?;
        }
        Ok(())
    }

    fn unfinished(&mut self, report: &BatchReport) -> io::Result<()> {
        let unfinished = || report.cases.iter().filter(|case| case.unfinished.is_some());
        if unfinished().next().is_none() {
            return Ok(());
        }
        self.heading("Not finished")?;
        for case in unfinished() {
            let why = case.unfinished.as_deref().unwrap_or_default();
            self.paragraph("  ", "    ", &format!("{}: {why}", case.name))?;
        }
        Ok(())
    }

    fn totals(&mut self, report: &BatchReport) -> io::Result<()> {
        let totals = report.totals;
        let mut parts = vec![
            format!("{} diagnosed", totals.diagnosed),
            format!("{} without a failure", totals.no_failure_found),
            format!("{} inconclusive", totals.inconclusive),
            format!("{} without evidence", totals.no_evidence),
        ];
        if totals.with_problems > 0 {
            parts.push(format!("{} with input that could not be read", totals.with_problems));
        }
        let line = format!("{}: {}", counted(totals.cases, "case"), parts.join(", "));
        self.heading("Totals")?;
        self.paragraph("", "", &line)
    }
}

pub(super) fn certainties(total: &CauseTotal) -> String {
    let counts = [
        (total.conclusive, "conclusive"),
        (total.strong, "strong"),
        (total.moderate, "moderate"),
        (total.weak, "weak"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Per cent; what is there is never 0.
fn share(part: usize, whole: usize) -> String {
    match part as f64 * 100.0 / whole.max(1) as f64 {
        share if share < 0.5 => "<1".to_owned(),
        share => format!("{share:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_whatever_the_names_are() {
        let long = "a".repeat(200);
        let full = [long.as_str(), &long, "conclusive", "server", &long];
        for width in [40, 60, 80, 100, 200] {
            let style = Style { width, color: false };
            let lines = Lines::new(style, [long.as_str(), "b\u{202e}c"].into_iter());
            assert!(
                lines.columns(full).chars().count() <= usize::from(width),
                "{}",
                lines.columns(full)
            );
            let line = lines.columns(["b\u{202e}c", "x", "", "", ""]);
            assert!(line.starts_with("b\\u{20"), "{line}");
        }
    }

    #[test]
    fn a_share_is_never_nothing() {
        assert_eq!([share(4, 1000), share(6, 1000), share(1, 3)], ["<1", "1", "33"]);
    }
}
