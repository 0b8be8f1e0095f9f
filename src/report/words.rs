//! Pieces of a report in words, the same in every format.

use super::model::{
    AttemptReport, ClientCodesReport, CoverageReport, HostReport, Report, SourceReport,
};
use super::text::{short_host, short_name};
use super::wire_model::WireReport;
use crate::base::{counted, display_filter, parse_endpoint};
use crate::correlate::Outcome;

/// The file, and how many more parts a split capture has.
pub(in crate::report) fn files(coverage: &CoverageReport) -> String {
    match coverage.parts.len() {
        0 | 1 => coverage.file.clone(),
        parts => format!("{}\nand {}", coverage.file, counted(parts - 1, "more part")),
    }
}

pub(in crate::report) fn place(source: &SourceReport) -> String {
    in_file(&source.file, source.record_id, source.line, source.frame)
}

/// `System.evtx record 12`, `server.pcapng frame 7`, or the whole file.
pub(in crate::report) fn in_file(
    file: &str,
    record: Option<u64>,
    line: Option<u64>,
    frame: Option<u64>,
) -> String {
    match (record, line, frame) {
        (Some(record), ..) => format!("{file} record {record}"),
        (None, Some(line), _) => format!("{file} line {line}"),
        (None, None, Some(frame)) => format!("{file} frame {frame}"),
        (None, None, None) => file.to_owned(),
    }
}

/// A probability for people: never rounded up to certainty.
pub(in crate::report) fn percent(probability: f64) -> String {
    if probability >= 0.995 { ">99".to_owned() } else { format!("{:.0}", probability * 100.0) }
}

/// `2024-05-01T10:00:00.1234567Z` to the second; the JSON keeps every digit.
pub(in crate::report) fn short_time(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Build and time zone of the hosts of which a text tells them.
pub(in crate::report) fn systems(report: &Report) -> Vec<String> {
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

pub(in crate::report) fn differs(
    what: &str,
    offset: Option<f64>,
    error: Option<f64>,
    from: &str,
) -> Option<String> {
    let (offset, error) = (offset? / 1000.0, error? / 1000.0);
    Some(format!("{what} is {offset:+.3} s (± {error:.3} s) against {from}"))
}

/// Host and channel of a log, without what all channels have in common.
pub(in crate::report) fn speaker(coverage: &CoverageReport) -> String {
    let (Some(host), Some(channel)) = (&coverage.host, &coverage.channel) else {
        return coverage.kind.clone();
    };
    format!("{} {}", short_host(host), short_name(channel))
}

/// `2025-06-03 06:15:00 to 08:15:01`, with the second date where it differs.
pub(in crate::report) fn span(coverage: &CoverageReport) -> String {
    let (Some(from), Some(to)) = (&coverage.from, &coverage.to) else { return String::new() };
    let (from, to) = (short_time(from), short_time(to));
    let same_day = from.get(..11).is_some_and(|day| to.starts_with(day));
    let to = if same_day { to.get(11..).unwrap_or(&to) } else { &to };
    format!("{from} to {to}")
}

/// The attempts that are shown: those that the ranking is about first, then the
/// failed ones, in their order.
pub(in crate::report) fn chosen(report: &Report, most: usize) -> (Vec<&AttemptReport>, usize) {
    let asked: Vec<u32> = report.diagnoses.first().map(|d| d.attempts.clone()).unwrap_or_default();
    let mut attempts: Vec<&AttemptReport> = report.attempts.iter().collect();
    attempts.sort_by_key(|a| (!asked.contains(&a.id), a.outcome != Outcome::Failed, a.id));
    let left = attempts.len().saturating_sub(most);
    attempts.truncate(most);
    attempts.sort_by_key(|attempt| attempt.id);
    (attempts, left)
}

/// `2024-05-01T10:00:00.1234567Z` to `10:00:00.123`: the attempt tells the day.
pub(in crate::report) fn time_of_day(time: &str) -> String {
    let day = time.find('T').map_or(0, |at| at + 1);
    let time = time.get(day..).unwrap_or(time).trim_end_matches('Z');
    time.get(..12).unwrap_or(time).to_owned()
}

/// How long before the failure something was: `3 d`, `2.5 h`, `40 min`, `12 s`.
pub(in crate::report) fn before(seconds: f64) -> String {
    match seconds {
        s if s >= 172_800.0 => format!("{:.0} d", s / 86_400.0),
        s if s >= 7_200.0 => format!("{:.1} h", s / 3_600.0),
        s if s >= 120.0 => format!("{:.0} min", s / 60.0),
        s => format!("{s:.0} s"),
    }
}

/// `0x904/0x7 (2025-06-03 08:15:01): … It arises at …; 54 causes share it, so it names none.`
pub(in crate::report) fn sentence(codes: &ClientCodesReport) -> String {
    let shown = codes.shown();
    let when = codes.seen_at.as_deref().map(|at| format!(" ({})", short_time(at)));
    let meanings: Vec<&str> =
        codes.reason_means.iter().chain(&codes.extended_means).map(String::as_str).collect();
    let says = match meanings.is_empty() {
        true => "not in Microsoft's tables".to_owned(),
        false => meanings.join("; "),
    };
    let mut sentence = format!("{shown}{}: {says}.", when.unwrap_or_default());
    if let Some(noticed) = &codes.noticed_by {
        sentence.push_str(&format!(" Noticed by: {noticed}."));
    }
    let stages: Vec<&str> = codes.stages.iter().map(|stage| stage.name()).collect();
    if codes.known_causes > 0 {
        let share = match codes.known_causes {
            1 => "one known cause shows it".to_owned(),
            causes => format!("{} share it, so it names none", counted(causes, "known cause")),
        };
        sentence.push_str(&format!(" Stages: {}; {share}.", stages.join(", ")));
    }
    if !codes.concerns_an_attempt {
        sentence.push_str(" No failed attempt of this evidence fits it.");
    }
    sentence
}

/// The display filter that shows all frames of a connection.
pub(in crate::report) fn conversation_filter(wire: &WireReport) -> String {
    let (client, server) = (parse_endpoint(&wire.client), parse_endpoint(&wire.server));
    client.zip(server).map(|(client, server)| display_filter(client, server)).unwrap_or_default()
}
