//! What was read, what was not, and what to ask for.

use super::{Page, short_time};
use crate::base::{counted, for_terminal};
use crate::report::collectors;
use crate::report::coverage::in_short;
use crate::report::model::{CoverageReport, HostReport, ProblemReport, Report};
use crate::report::text::{short_host, short_name};
use std::io;

const MOST_PROBLEMS: usize = 20;

/// The file, and how many more parts a split capture has.
fn files(coverage: &CoverageReport) -> String {
    match coverage.parts.len() {
        0 | 1 => coverage.file.clone(),
        parts => format!("{}\nand {}", coverage.file, counted(parts - 1, "more part")),
    }
}

impl Page<'_> {
    pub(super) fn missing(&mut self, report: &Report) -> io::Result<()> {
        if report.missing_evidence.is_empty() {
            return Ok(());
        }
        self.heading("Ask for next")?;
        for missing in &report.missing_evidence {
            self.paragraph("  * ", "    ", &missing.what)?;
            for how in &missing.how {
                writeln!(self.out, "      {}", for_terminal(how))?;
            }
        }
        Ok(())
    }

    pub(super) fn coverage(&mut self, report: &Report) -> io::Result<()> {
        if report.coverage.is_empty() && report.collectors.is_empty() {
            return Ok(());
        }
        self.heading("Evidence read")?;
        for collector in &report.collectors {
            self.paragraph("By ", "   ", &collectors::in_short(collector))?;
        }
        if report.coverage.is_empty() {
            return Ok(());
        }
        let mut header = vec!["file", "speaks for", "time (its own clock, UTC)", "items", "lost"];
        let holes = report.coverage.iter().any(|coverage| !coverage.holes.is_empty());
        header.extend(holes.then_some("does not speak"));
        let rows = report
            .coverage
            .iter()
            .map(|coverage| {
                let mut row = vec![
                    files(coverage),
                    speaker(coverage),
                    span(coverage),
                    coverage.items.to_string(),
                    match coverage.unreadable {
                        0 => String::new(),
                        lost => lost.to_string(),
                    },
                ];
                row.extend(holes.then(|| in_short(coverage)));
                row
            })
            .collect();
        self.table(&header, rows)?;
        for offset in clocks(&report.hosts, &report.coverage) {
            self.paragraph("Clock: ", "       ", &offset)?;
        }
        for system in systems(report) {
            self.paragraph("System: ", "        ", &system)?;
        }
        Ok(())
    }

    pub(super) fn problems(&mut self, report: &Report) -> io::Result<()> {
        self.unread(&report.problems)
    }

    pub(in crate::report) fn unread(&mut self, problems: &[ProblemReport]) -> io::Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        self.heading("What could not be read")?;
        for problem in problems.iter().take(MOST_PROBLEMS) {
            let place =
                problem.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            self.paragraph(
                "  * ",
                "    ",
                &format!("{}{place}: {}", problem.file, problem.message),
            )?;
        }
        let left = problems.len().saturating_sub(MOST_PROBLEMS);
        if left > 0 {
            let left = counted(left, "more problem");
            writeln!(self.out, "  * In the JSON report: {left}.")?;
        }
        Ok(())
    }
}

/// Build and time zone of the hosts of which a text tells them.
fn systems(report: &Report) -> Vec<String> {
    let told = report.hosts.iter().filter_map(|host| Some((host, host.system.as_ref()?)));
    told.map(|(host, system)| {
        let zone = system.time_zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
        let source = &system.source;
        let line = source.line.map(|line| format!(" line {line}")).unwrap_or_default();
        format!("{} is Windows {}{zone} [{}{line}]", host.name, system.version, source.file)
    })
    .collect()
}

/// What is known of the clocks: one line a host, and one for each capture that is set
/// to another one's clock.
pub(in crate::report) fn clocks(hosts: &[HostReport], coverage: &[CoverageReport]) -> Vec<String> {
    let hosts = hosts.iter().filter_map(|host| {
        let mut line =
            differs(&host.name, host.clock_offset_ms, host.clock_error_ms, "the capture")?;
        if let Some(drift) = host.clock_drift_ppm {
            line.push_str(&format!(", and runs {drift:+.1} ppm fast"));
        }
        if host.clock_segments.len() > 1 {
            let steps = counted(host.clock_segments.len() - 1, "step");
            line.push_str(&format!(
                "; the clock was set on the way ({steps}, see the JSON report)"
            ));
        }
        Some(line)
    });
    let captures = coverage.iter().filter_map(|capture| {
        differs(&capture.file, capture.clock_offset_ms, capture.clock_error_ms, "the other capture")
    });
    hosts.chain(captures).collect()
}

fn differs(what: &str, offset: Option<f64>, error: Option<f64>, from: &str) -> Option<String> {
    let (offset, error) = (offset? / 1000.0, error? / 1000.0);
    Some(format!("{what} is {offset:+.3} s (± {error:.3} s) against {from}"))
}

/// Host and channel of a log, without what all channels have in common.
fn speaker(coverage: &CoverageReport) -> String {
    let (Some(host), Some(channel)) = (&coverage.host, &coverage.channel) else {
        return coverage.kind.clone();
    };
    format!("{} {}", short_host(host), short_name(channel))
}

/// `2025-06-03 06:15:00 to 08:15:01`, with the second date where it differs.
fn span(coverage: &CoverageReport) -> String {
    let (Some(from), Some(to)) = (&coverage.from, &coverage.to) else { return String::new() };
    let (from, to) = (short_time(from), short_time(to));
    let same_day = from.get(..11).is_some_and(|day| to.starts_with(day));
    let to = if same_day { to.get(11..).unwrap_or(&to) } else { &to };
    format!("{from} to {to}")
}
