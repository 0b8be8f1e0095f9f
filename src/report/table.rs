//! The report for a terminal: sections, tables that fit, readable without colour.

use super::coverage::in_short;
use super::events::telling;
use super::model::{
    AttemptReport, CoverageReport, DiagnosisReport, EvidenceReport, Report, SourceReport,
};
use super::seen::what_is_seen;
use super::text::{short_host, short_name, wrap};
use crate::base::{counted, for_terminal};
use crate::correlate::Outcome;
use crate::diagnose::{Certainty, Verdict};
use crate::knowledge::Risk;
use comfy_table::{Cell, ContentArrangement, LineStyle, Table, TableStyle};
use std::io::{self, Write};

/// How the terminal wants it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns; at least 40 are used.
    pub width: u16,
    pub color: bool,
}

/// Diagnoses that are told in full; the rest is one line each.
const IN_FULL: usize = 2;
const MOST_ATTEMPTS: usize = 12;
const MOST_PROBLEMS: usize = 20;
const MOST_EVIDENCE: usize = 6;
/// Attempts whose records are shown, and records of each.
const MOST_TOLD: usize = 3;
const MOST_RECORDS: usize = 12;

/// Writes the report as sections and tables.
///
/// # Errors
/// When the writer fails.
pub fn write_table(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let mut page = Page { style, out };
    page.answer(report)?;
    page.diagnoses(report)?;
    page.attempts(report)?;
    page.records(report)?;
    page.missing(report)?;
    page.coverage(report)?;
    page.problems(report)
}

struct Page<'a> {
    style: Style,
    out: &'a mut dyn Write,
}

/// SGR codes by meaning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Bold,
    Good,
    Bad,
    Doubtful,
    Faint,
}

impl Style {
    /// The text in an ink, where colour is wanted.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Doubtful => "1;33",
            Ink::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl Page<'_> {
    fn ink(&self, ink: Ink, text: &str) -> String {
        self.style.ink(ink, text)
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let heading = self.ink(Ink::Bold, text);
        writeln!(self.out, "\n{heading}")
    }

    /// A paragraph, wrapped, with its own first indent.
    fn paragraph(&mut self, first: &str, rest: &str, text: &str) -> io::Result<()> {
        let text = for_terminal(text);
        for line in wrap(&text, first, rest, usize::from(self.style.width)) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn table(&mut self, header: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(
                TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')),
            )
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.style.width)
            .set_header(header.iter().map(Cell::new));
        for row in rows {
            // Line feeds are this program's own; everything else in a cell is not.
            let shown = |cell: &String| {
                cell.split('\n')
                    .map(|line| for_terminal(line).into_owned())
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            table.add_row(row.iter().map(|cell| Cell::new(shown(cell))));
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn answer(&mut self, report: &Report) -> io::Result<()> {
        let (ink, verdict) = match report.verdict {
            Verdict::Diagnosed => (Ink::Bad, "DIAGNOSED"),
            Verdict::NoFailureFound => (Ink::Good, "NO FAILURE FOUND"),
            Verdict::Inconclusive => (Ink::Doubtful, "INCONCLUSIVE"),
            Verdict::NoEvidence => (Ink::Doubtful, "NO EVIDENCE"),
        };
        let verdict = self.ink(ink, verdict);
        writeln!(self.out, "{verdict}  {}", for_terminal(&report.case.name))?;
        self.paragraph("", "", &report.summary)
    }

    fn diagnoses(&mut self, report: &Report) -> io::Result<()> {
        if report.diagnoses.is_empty() {
            return Ok(());
        }
        self.heading("Causes, most likely first")?;
        for diagnosis in report.diagnoses.iter().take(IN_FULL) {
            self.diagnosis(diagnosis)?;
        }
        for diagnosis in report.diagnoses.iter().skip(IN_FULL) {
            let line = format!(
                "{:>3}. {:>3} %  {}",
                diagnosis.rank,
                percent(diagnosis.probability),
                diagnosis.title
            );
            let line = self.ink(Ink::Faint, &line);
            writeln!(self.out, "{line}  {}", diagnosis.cause)?;
        }
        if let Some(first) = report.diagnoses.first() {
            self.fixes(first)?;
        }
        Ok(())
    }

    fn diagnosis(&mut self, diagnosis: &DiagnosisReport) -> io::Result<()> {
        let ink = match diagnosis.certainty {
            Certainty::Conclusive | Certainty::Strong => Ink::Bad,
            Certainty::Moderate => Ink::Doubtful,
            Certainty::Weak => Ink::Faint,
        };
        let head = format!(
            "{:>3}. {:>3} %  {}",
            diagnosis.rank,
            percent(diagnosis.probability),
            for_terminal(&diagnosis.title)
        );
        let head = self.ink(ink, &head);
        writeln!(self.out, "{head}")?;
        let marks = format!(
            "{} | stage {} | fault on: {} | {}",
            diagnosis.certainty.name(),
            diagnosis.stage.name(),
            diagnosis.fault_domain.name(),
            diagnosis.cause,
        );
        self.paragraph("            ", "            ", &marks)?;
        if diagnosis.rank == 1 {
            self.paragraph("            ", "            ", &diagnosis.explanation)?;
        }
        for evidence in diagnosis.evidence.iter().take(MOST_EVIDENCE) {
            self.evidence("+", evidence)?;
        }
        for evidence in diagnosis.against.iter().take(MOST_EVIDENCE) {
            self.evidence("-", evidence)?;
        }
        Ok(())
    }

    fn evidence(&mut self, sign: &str, evidence: &EvidenceReport) -> io::Result<()> {
        let text = format!("{} [{}]", evidence.statement, place(&evidence.source));
        let first = format!("     {sign}{:>5.1}  ", evidence.weight_db.abs());
        self.paragraph(&first, "            ", &text)
    }

    fn fixes(&mut self, diagnosis: &DiagnosisReport) -> io::Result<()> {
        if diagnosis.fixes.is_empty() {
            return Ok(());
        }
        self.heading("What to do, safest first")?;
        for fix in &diagnosis.fixes {
            let risk = match fix.risk {
                Risk::Safe => fix.risk.name().to_owned(),
                Risk::Caution => self.ink(Ink::Doubtful, "CAUTION"),
                Risk::LowersSecurity => self.ink(Ink::Bad, "LOWERS SECURITY"),
            };
            writeln!(self.out, "  * {} ({risk}, on: {})", for_terminal(&fix.title), fix.run_on)?;
            if !fix.note.is_empty() {
                self.paragraph("      ", "      ", &fix.note)?;
            }
            for command in &fix.commands {
                writeln!(self.out, "      {}", for_terminal(command))?;
            }
            // Commands are not wrapped: they are there to be copied.
            for line in &fix.rollback {
                writeln!(self.out, "      back:  {}", for_terminal(line))?;
            }
            for line in &fix.verify {
                self.paragraph("      check: ", "             ", line)?;
            }
        }
        Ok(())
    }

    fn attempts(&mut self, report: &Report) -> io::Result<()> {
        if report.attempts.is_empty() {
            return Ok(());
        }
        self.heading("Attempts")?;
        let (shown, left) = chosen(report);
        let rows = shown
            .iter()
            .map(|attempt| {
                vec![
                    attempt.id.to_string(),
                    short_time(&attempt.start),
                    format!(
                        "{}\n> {}",
                        attempt.client.as_deref().unwrap_or("unknown client"),
                        attempt.server.as_deref().unwrap_or("unknown server"),
                    ),
                    match attempt.outcome {
                        Outcome::Succeeded => "succeeded".to_owned(),
                        Outcome::Failed => "FAILED".to_owned(),
                        Outcome::Unknown => "unknown".to_owned(),
                    },
                    attempt.stage_reached.map_or("", |stage| stage.name()).to_owned(),
                    what_is_seen(attempt),
                ]
            })
            .collect();
        self.table(&["#", "start (UTC)", "client > server", "outcome", "reached", "seen"], rows)?;
        if left > 0 {
            let left = counted(left, "more attempt");
            writeln!(self.out, "In the JSON report: {left}.")?;
        }
        let unlisted = report.attempts_left_out.total();
        if unlisted > 0 {
            writeln!(self.out, "Not listed: {}.", counted(unlisted, "attempt"))?;
        }
        Ok(())
    }

    fn records(&mut self, report: &Report) -> io::Result<()> {
        let asked = report.diagnoses.first().map(|first| first.attempts.as_slice());
        let asked = asked.unwrap_or_default();
        let told = report.attempts.iter().filter(|attempt| asked.contains(&attempt.id));
        for attempt in told.take(MOST_TOLD) {
            let records = telling(report, attempt, MOST_RECORDS);
            if records.is_empty() {
                continue;
            }
            self.heading(&format!("Records of attempt {}", attempt.id))?;
            let rows = records
                .iter()
                .map(|event| {
                    vec![
                        time_of_day(&event.time),
                        short_host(&event.host).to_owned(),
                        short_name(&event.event).to_owned(),
                        event.message.clone(),
                    ]
                })
                .collect();
            self.table(&["time (UTC)", "host", "event", "what it says"], rows)?;
            let left = attempt.events.len() - records.len();
            let left =
                u64::try_from(left).unwrap_or(u64::MAX).saturating_add(attempt.events_left_out);
            if left > 0 {
                writeln!(self.out, "More records of it in the JSON report: {left}.")?;
            }
        }
        Ok(())
    }

    fn missing(&mut self, report: &Report) -> io::Result<()> {
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

    fn coverage(&mut self, report: &Report) -> io::Result<()> {
        if report.coverage.is_empty() {
            return Ok(());
        }
        self.heading("Evidence read")?;
        let mut header = vec!["file", "speaks for", "time (its own clock, UTC)", "items", "lost"];
        let holes = report.coverage.iter().any(|coverage| !coverage.holes.is_empty());
        header.extend(holes.then_some("does not speak"));
        let rows = report
            .coverage
            .iter()
            .map(|coverage| {
                let mut row = vec![
                    coverage.file.clone(),
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
        let offsets: Vec<String> = report
            .hosts
            .iter()
            .filter_map(|host| {
                let (offset, error) = (host.clock_offset_ms?, host.clock_error_ms?);
                Some(format!(
                    "{} is {:+.3} s (± {:.3} s) against the capture",
                    host.name,
                    offset / 1000.0,
                    error / 1000.0
                ))
            })
            .collect();
        for offset in offsets {
            self.paragraph("Clock: ", "       ", &offset)?;
        }
        Ok(())
    }

    fn problems(&mut self, report: &Report) -> io::Result<()> {
        if report.problems.is_empty() {
            return Ok(());
        }
        self.heading("What could not be read")?;
        for problem in report.problems.iter().take(MOST_PROBLEMS) {
            let place =
                problem.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            self.paragraph(
                "  * ",
                "    ",
                &format!("{}{place}: {}", problem.file, problem.message),
            )?;
        }
        let left = report.problems.len().saturating_sub(MOST_PROBLEMS);
        if left > 0 {
            let left = counted(left, "more problem");
            writeln!(self.out, "  * In the JSON report: {left}.")?;
        }
        Ok(())
    }
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

/// The attempts that are shown: those that the ranking is about first, then the
/// failed ones, in their order.
fn chosen(report: &Report) -> (Vec<&AttemptReport>, usize) {
    let asked: Vec<u32> = report.diagnoses.first().map(|d| d.attempts.clone()).unwrap_or_default();
    let mut attempts: Vec<&AttemptReport> = report.attempts.iter().collect();
    attempts.sort_by_key(|a| (!asked.contains(&a.id), a.outcome != Outcome::Failed, a.id));
    let left = attempts.len().saturating_sub(MOST_ATTEMPTS);
    attempts.truncate(MOST_ATTEMPTS);
    attempts.sort_by_key(|attempt| attempt.id);
    (attempts, left)
}

/// A probability for people: never rounded up to certainty.
pub(super) fn percent(probability: f64) -> String {
    if probability >= 0.995 { ">99".to_owned() } else { format!("{:.0}", probability * 100.0) }
}

/// `2024-05-01T10:00:00.1234567Z` to the second; the JSON keeps every digit.
pub(super) fn short_time(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// `2024-05-01T10:00:00.1234567Z` to `10:00:00.123`: the attempt tells the day.
fn time_of_day(time: &str) -> String {
    let day = time.find('T').map_or(0, |at| at + 1);
    let time = time.get(day..).unwrap_or(time).trim_end_matches('Z');
    time.get(..12).unwrap_or(time).to_owned()
}

fn place(source: &SourceReport) -> String {
    match (source.record_id, source.line, source.frame) {
        (Some(record), ..) => format!("{} record {record}", source.file),
        (None, Some(line), _) => format!("{} line {line}", source.file),
        (None, None, Some(frame)) => format!("{} frame {frame}", source.file),
        (None, None, None) => source.file.clone(),
    }
}
