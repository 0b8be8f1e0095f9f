//! The handshake of an attempt as a ladder: the packets between client and server, rung by
//! rung, what their hosts logged beside them on the same clock, and in red what never came.

use super::axis::instant;
use super::text;
use crate::correlate::HostRole;
use crate::report::events::telling;
use crate::report::model::{AttemptReport, EventReport, Report};
use crate::report::proof::record_query;
use crate::report::text::{short_host, short_name};
use crate::report::wire_model::{RungReport, RungState, WireReport};
use crate::report::words::in_file;
use maud::{Markup, html};

/// Records that stand beside a ladder.
const MOST_RECORDS: usize = 40;

/// One row: what the wire shows, or what a log says.
enum Row<'a> {
    Rung(&'a RungReport),
    Record(&'a EventReport),
}

/// The ladder of one connection of an attempt, with the records of the attempt when
/// `with_records`; nothing where neither is there.
pub(super) fn ladder(
    report: &Report,
    attempt: &AttemptReport,
    wire: Option<&WireReport>,
    with_records: bool,
) -> Option<Markup> {
    let rungs = wire.map(|wire| wire.ladder.as_slice()).unwrap_or_default();
    let records = if with_records { telling(report, attempt, MOST_RECORDS) } else { Vec::new() };
    if rungs.is_empty() && records.is_empty() {
        return None;
    }
    let first = rungs.iter().find_map(|rung| rung.time.as_deref()).unwrap_or(&attempt.start);
    let start = instant(first).unwrap_or_default();
    let rows = rows(rungs, &records);
    let beside = |client| records.iter().any(|event| is_client(report, &event.host) == client);
    let class = match (beside(true), beside(false)) {
        (true, true) => "ladder",
        (true, false) => "ladder beside-client",
        (false, true) => "ladder beside-server",
        (false, false) => "ladder alone",
    };
    Some(html! {
        div class=(class) {
            p.ends aria-hidden="true" {
                span.at { "from start" }
                span.client { "client" br; small { (text(attempt.client.as_deref().unwrap_or("unknown"))) } }
                span.server { "server" br; small { (text(attempt.server.as_deref().unwrap_or("unknown"))) } }
            }
            ol {
                @for row in &rows {
                    @match row {
                        Row::Rung(one) => (rung(one)),
                        Row::Record(event) => (record(report, event, start)),
                    }
                }
            }
        }
    })
}

/// Packets and records in the order of time; what never came stands at the end.
fn rows<'a>(rungs: &'a [RungReport], records: &[&'a EventReport]) -> Vec<Row<'a>> {
    let at = |time: &str| instant(time).unwrap_or(f64::MAX);
    let mut rows: Vec<(f64, Row<'a>)> = rungs
        .iter()
        .map(|rung| (rung.time.as_deref().map_or(f64::MAX, at), Row::Rung(rung)))
        .collect();
    rows.extend(records.iter().map(|event| (at(&event.time), Row::Record(event))));
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn rung(rung: &RungReport) -> Markup {
    let state = match rung.state {
        RungState::Seen => "seen",
        RungState::Ended => "ended",
        RungState::Missing => "missing",
        RungState::NotReached => "not-reached",
    };
    let way = match rung.by.as_str() {
        "client" => "client to server",
        "server" => "server to client",
        _ => "from the path between",
    };
    html! {
        li class={ "rung " (state) " by-" (rung.by) } {
            span.at { @if let Some(ms) = rung.ms { (elapsed(ms)) } }
            span.lane {
                span.what {
                    strong { (text(&rung.title)) }
                    @match rung.state {
                        RungState::Missing => em { " never came" },
                        RungState::NotReached => em { " not reached" },
                        _ => {},
                    }
                    @if let Some(frame) = rung.frame {
                        " " button.copy.frame type="button" data-copy={ "frame.number == " (frame) }
                            title={ "Copy the display filter frame.number == " (frame) } { "frame " (frame) }
                    }
                }
                span.sr { " " (way) }
                span.arrow aria-hidden="true" {}
                @if !rung.note.is_empty() { span.note { (text(&rung.note)) } }
            }
        }
    }
}

fn record(report: &Report, event: &EventReport, start: f64) -> Markup {
    let side = if is_client(report, &event.host) { "on-client" } else { "on-server" };
    let place = in_file(&event.file, event.record_id, event.line, None);
    html! {
        li class={ "record " (side) } {
            span.at { @if let Some(at) = instant(&event.time) { (elapsed(at - start)) } }
            span.lane aria-hidden="true" {}
            span class=(if is_cited(report, event) { "log cited" } else { "log" }) {
                span.who { (text(short_host(&event.host))) " · " (text(short_name(&event.event))) }
                " " (text(&event.message)) " "
                @match event.record_id.map(record_query) {
                    Some(query) => button.copy.frame type="button" data-copy=(query) title={ (text(&place)) ": copy the XPath query" } { (number(event)) },
                    None => span.place title=(text(&place)) { (text(&number(event))) },
                }
            }
        }
    }
}

/// Whether the leading cause rests on it.
fn is_cited(report: &Report, event: &EventReport) -> bool {
    let leading = report.diagnoses.iter().take(1);
    let mut sources = leading.flat_map(|d| d.evidence.iter().chain(&d.against)).map(|e| &e.source);
    sources.any(|source| {
        source.file == event.file
            && source.record_id == event.record_id
            && source.line == event.line
    })
}

/// Its number: host and channel are told already, and its file by the title.
fn number(event: &EventReport) -> String {
    match (event.record_id, event.line) {
        (Some(record), _) => format!("record {record}"),
        (None, Some(line)) => format!("{} line {line}", event.file),
        (None, None) => event.file.clone(),
    }
}

fn is_client(report: &Report, host: &str) -> bool {
    let known = report.hosts.iter().find(|known| known.name.eq_ignore_ascii_case(host));
    known.is_some_and(|known| known.role == HostRole::Client)
}

/// `+12.3 ms`, `+4.20 s`, `-3 min`.
fn elapsed(ms: f64) -> String {
    match ms.abs() {
        a if a < 1e3 => format!("{ms:+.1} ms"),
        a if a < 1.2e5 => format!("{:+.2} s", ms / 1e3),
        a if a < 7.2e6 => format!("{:+.0} min", ms / 6e4),
        a if a < 1.728e8 => format!("{:+.1} h", ms / 3.6e6),
        _ => format!("{:+.0} d", ms / 8.64e7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_finely_as_they_matter() {
        let told = [0.0, 12.34, -1500.0, 240_000.0, 7.3e6, -1e9].map(elapsed);
        assert_eq!(told, ["+0.0 ms", "+12.3 ms", "-1.50 s", "+4 min", "+2.0 h", "-12 d"]);
    }
}
