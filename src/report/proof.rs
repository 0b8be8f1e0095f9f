//! How a reader sees a cited record with his own eyes; for a frame the display filter is enough.

use super::model::{CoverageReport, Report, SourceReport};
use std::collections::BTreeMap;

/// Gives every cited record the command that prints it.
pub(super) fn add_commands(report: &mut Report) {
    let kind = |coverage: &CoverageReport| (coverage.file.clone(), coverage.kind.clone());
    let kinds: BTreeMap<String, String> = report.coverage.iter().map(kind).collect();
    let kind = |file: &str| kinds.get(file).map_or("", String::as_str);
    for evidence in report
        .diagnoses
        .iter_mut()
        .flat_map(|diagnosis| diagnosis.evidence.iter_mut().chain(diagnosis.against.iter_mut()))
    {
        let source = &evidence.source;
        evidence.show_with = command(kind(&source.file), source, evidence.channel.as_deref());
    }
    for step in report.checks.iter_mut().flat_map(|check| check.steps.iter_mut()) {
        let Some(source) = &step.source else { continue };
        step.show_with = command(kind(&source.file), source, step.channel.as_deref());
    }
}

/// The command that prints a record: from the log file itself, or from the channel on its
/// host where the record was exported in another form.
fn command(kind: &str, source: &SourceReport, channel: Option<&str>) -> Option<String> {
    let query = record_query(source.record_id?);
    // What is packed has to be unpacked first; its channel can be asked at once.
    if kind == "evtx" && source.file.to_ascii_lowercase().ends_with(".evtx") {
        let file = harmless(&source.file)?;
        return Some(format!("wevtutil qe \"{file}\" /lf:true /f:text /q:\"{query}\""));
    }
    let channel = harmless(channel?)?;
    Some(format!("wevtutil qe \"{channel}\" /f:text /q:\"{query}\""))
}

/// The query that shows one record in its channel.
pub(super) fn record_query(record: u64) -> String {
    format!("*[System[EventRecordID={record}]]")
}

/// A name that means nothing to a shell, inside double quotes: names of files and channels
/// are foreign text, and commands are there to be pasted.
fn harmless(name: &str) -> Option<&str> {
    // Windows writes `/` of a channel as `%4` into the name of its file; a pair of `%` would
    // be a variable of `cmd`.
    let safe = |c: char| c.is_alphanumeric() || " ._-/:()+,@#=%".contains(c);
    let one_at_most = name.matches('%').count() < 2;
    (!name.is_empty() && !name.starts_with('-') && one_at_most && name.chars().all(safe))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, record_id: Option<u64>) -> SourceReport {
        SourceReport { file: file.to_owned(), record_id, line: None, frame: None }
    }

    #[test]
    fn a_record_is_shown_from_its_file_or_from_its_channel() {
        let of = |kind, channel| command(kind, &source("a/S%4O.evtx", Some(7)), channel);
        let file = "wevtutil qe \"a/S%4O.evtx\" /lf:true /f:text /q:\"*[System[EventRecordID=7]]\"";
        assert_eq!(of("evtx", Some("System")).as_deref(), Some(file));
        let channel = "wevtutil qe \"System\" /f:text /q:\"*[System[EventRecordID=7]]\"";
        assert_eq!(of("csv", Some("System")).as_deref(), Some(channel));
        assert_eq!(of("csv", None), None);
        assert_eq!(command("pcap", &source("a.pcap", None), None), None);
    }

    #[test]
    fn a_name_that_a_shell_would_obey_gets_no_command() {
        for name in ["a\";rm x\".evtx", "$(id).evtx", "`id`", "-r", "a%PATH%", "a\nb", ""] {
            assert_eq!(command("evtx", &source(name, Some(1)), None), None, "{name}");
        }
    }
}
