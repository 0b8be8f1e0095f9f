//! A timeline for a terminal: one day below the other, in columns that fit.

use super::super::table::{Ink, Page, Style};
use super::super::text::{short_host, short_name, wrap};
use super::super::words::clocks;
use super::model::{Entry, Timeline};
use crate::base::{counted, for_terminal, rfc3339};
use crate::observe::Side;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Columns of the times: to the millisecond; the other formats have every digit.
const TIME: usize = 12;
/// A longer name is cut.
const MOST_WHO: usize = 21;
const MOST_WHAT: usize = 24;
/// What is left for sentences at least; with less they get lines of their own.
const LEAST_SAID: usize = 30;
/// Ids of attempts that are shown of one entry.
const MOST_IDS: usize = 3;

/// Writes the timeline as lines.
///
/// # Errors
/// When the writer fails.
pub fn write_table(timeline: &Timeline, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let style = Style { width: style.width.max(40), ..style };
    let layout = Layout::of(timeline, usize::from(style.width));
    let files = files(timeline);
    let mut day = String::new();
    for entry in &timeline.entries {
        let time = rfc3339(entry.time.0);
        let (date, clock) = time.split_once('T').unwrap_or(("", &time));
        if date != day {
            let gap = if day.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}{}", style.ink(Ink::Bold, &format!("{date} (UTC)")))?;
            day = date.to_owned();
        }
        let file = files.get(entry.source.file.as_str()).copied().unwrap_or_default();
        let said = said(entry, file);
        layout.write(entry, clock.trim_end_matches('Z'), &said, style, out)?;
    }
    end(timeline, &files, style, out)
}

/// The files that entries are from, numbered by their names.
fn files(timeline: &Timeline) -> BTreeMap<&str, usize> {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &timeline.entries {
        files.entry(&entry.source.file).or_default();
    }
    for (number, file) in (1..).zip(files.values_mut()) {
        *file = number;
    }
    files
}

/// What stands behind the entries.
fn end(
    timeline: &Timeline,
    files: &BTreeMap<&str, usize>,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page { style, out };
    let count = match timeline.entries.len() {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    };
    page.heading(&count)?;
    for (file, number) in files {
        page.paragraph(&format!("{number:>4}: "), "      ", file)?;
    }
    for note in timeline.notes() {
        page.paragraph("  * ", "    ", &note)?;
    }
    for clock in clocks(&timeline.hosts, &timeline.coverage) {
        page.paragraph("Clock: ", "       ", &clock)?;
    }
    page.unread(&timeline.problems)
}

impl Timeline {
    /// What is not in it, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let undated = (self.undated > 0).then(|| {
            let what = counted(self.undated, "statement");
            format!("Left out, because the attached texts say no time: {what}.")
        });
        let left_out = (self.left_out > 0).then(|| {
            format!("Left out by --since, --until, --server or --client: {} more.", self.left_out)
        });
        undated.into_iter().chain(left_out).collect()
    }
}

/// Widths of the columns.
struct Layout {
    who: usize,
    what: usize,
    ids: usize,
    width: usize,
}

impl Layout {
    fn of(timeline: &Timeline, width: usize) -> Self {
        let widest = |cell: fn(&Entry) -> String, most: usize| {
            let cells = timeline.entries.iter().map(|entry| cell(entry).chars().count());
            cells.max().unwrap_or_default().min(most)
        };
        Self {
            who: widest(who, MOST_WHO),
            what: widest(what, MOST_WHAT),
            ids: widest(ids, 16),
            width,
        }
    }

    fn write(
        &self,
        entry: &Entry,
        clock: &str,
        said: &str,
        style: Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let clock = format!("{:TIME$}", clock.get(..TIME).unwrap_or(clock));
        let (who, ids) = (column(&who(entry), self.who), column(&ids(entry), self.ids));
        let what = column(&what(entry), self.what);
        let head = format!("{clock}  {who}  {ids}  {what}");
        let beside = head.chars().count() + 2;
        let painted = format!("{}  {who}  {ids}  {what}", style.ink(Ink::Faint, &clock));
        if beside + LEAST_SAID <= self.width {
            let indent = " ".repeat(beside);
            let lines = wrap(said, &indent, &indent, self.width);
            for (index, line) in lines.iter().enumerate() {
                match (index, line.strip_prefix(indent.as_str())) {
                    (0, Some(line)) => writeln!(out, "{painted}  {line}")?,
                    _ => writeln!(out, "{line}")?,
                }
            }
            return Ok(());
        }
        // The columns alone may be wider than a narrow terminal.
        for line in wrap(&head, "", "    ", self.width) {
            writeln!(out, "{line}")?;
        }
        for line in wrap(said, "    ", "    ", self.width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// A cell of a width, cut where it is longer.
fn column(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Whose log it is, or who sent the packet.
fn who(entry: &Entry) -> String {
    let end = match entry.by {
        Some(Side::Server) => entry.server,
        Some(Side::Client) => entry.client,
        None => entry.client.or(entry.server),
    };
    let name = match (&entry.host, end) {
        (Some(host), _) => short_host(host).to_owned(),
        (None, Some(end)) => end.to_string(),
        (None, None) => String::new(),
    };
    for_terminal(&name).into_owned()
}

/// The step; of an event the number must stay, so a long provider is cut.
fn what(entry: &Entry) -> String {
    let what = for_terminal(short_name(&entry.what));
    match (&entry.event, what.rsplit_once('/')) {
        (Some(_), Some((provider, id))) => {
            let width = MOST_WHAT.saturating_sub(id.len() + 1);
            let provider: String = match provider.chars().count() > width {
                true => column(provider, width),
                false => provider.to_owned(),
            };
            format!("{provider}/{id}")
        }
        _ => what.into_owned(),
    }
}

fn ids(entry: &Entry) -> String {
    let shown = entry.attempts.iter().take(MOST_IDS);
    let mut shown: Vec<String> = shown.map(|id| format!("#{id}")).collect();
    shown.extend((entry.attempts.len() > MOST_IDS).then(|| "…".to_owned()));
    shown.join(" ")
}

/// The sentence, and where it is from; files go by their numbers in the list below.
fn said(entry: &Entry, file: usize) -> String {
    let source = &entry.source;
    let place = match (source.record_id, source.line, source.frame) {
        (Some(record), _, _) => format!(" record {record}"),
        (_, Some(line), _) => format!(" line {line}"),
        (_, _, Some(frame)) => format!(" frame {frame}"),
        _ => String::new(),
    };
    let own = own_clock(entry).map(|time| format!(", its clock {time}")).unwrap_or_default();
    let repeats = (entry.repeats > 0).then(|| format!(" ({} more like it)", entry.repeats));
    let repeats = repeats.unwrap_or_default();
    let said = format!("{}{repeats} [{file}:{place}{own}]", entry.message);
    for_terminal(&said).into_owned()
}

/// The time on the source's own clock where that differs, with the day where that does.
fn own_clock(entry: &Entry) -> Option<String> {
    let own = rfc3339(entry.source_time?.0);
    let case = rfc3339(entry.time.0);
    let (day, clock) = own.split_once('T')?;
    let clock = clock.trim_end_matches('Z');
    Some(match case.starts_with(day) {
        true => clock.to_owned(),
        false => format!("{day} {clock}"),
    })
}
