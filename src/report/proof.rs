//! How a reader sees the proof with his own eyes: a command line for each record and
//! frame that a report cites.

use super::model::{Report, SourceReport};
use std::collections::BTreeMap;

/// Gives every cited record and frame the command that prints it, where a tool for its
/// kind of file exists.
pub(super) fn add_commands(report: &mut Report) {
    let kinds: BTreeMap<String, String> = report
        .coverage
        .iter()
        .flat_map(|c| {
            let parts = c.parts.iter().map(|part| part.file.clone());
            parts.chain([c.file.clone()]).map(|file| (file, c.kind.clone()))
        })
        .collect();
    let kind = |file: &str| kinds.get(file).map_or("", String::as_str);
    for evidence in report
        .diagnoses
        .iter_mut()
        .flat_map(|diagnosis| diagnosis.evidence.iter_mut().chain(diagnosis.against.iter_mut()))
    {
        let source = &evidence.source;
        evidence.show_with =
            command(kind(&source.file), source, evidence.channel.as_deref(), &evidence.open_with);
    }
    for step in report.checks.iter_mut().flat_map(|check| check.steps.iter_mut()) {
        let Some(source) = &step.source else { continue };
        step.show_with =
            command(kind(&source.file), source, step.channel.as_deref(), &step.open_with);
    }
}

/// The command that prints what an XPath query or a display filter selects: of a log file
/// itself, of the channel on its host where the record was exported in another form, of a
/// capture that `tshark` reads.
pub(super) fn command(
    kind: &str,
    source: &SourceReport,
    channel: Option<&str>,
    open_with: &str,
) -> Option<String> {
    if open_with.is_empty() {
        return None;
    }
    let file = source.file.as_str();
    match (kind, source.record_id) {
        ("evtx", Some(_)) => {
            let file = harmless(file)?;
            Some(format!("wevtutil qe \"{file}\" /lf:true /f:text /q:\"{open_with}\""))
        }
        (_, Some(_)) => {
            let channel = harmless(channel?)?;
            Some(format!("wevtutil qe \"{channel}\" /f:text /q:\"{open_with}\""))
        }
        ("pcap" | "pcapng" | "netmon", None) => {
            let file = harmless(file)?;
            Some(format!("tshark -r \"{file}\" -V -Y \"{open_with}\""))
        }
        _ => None,
    }
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

    fn source(file: &str, record_id: Option<u64>, frame: Option<u64>) -> SourceReport {
        SourceReport { file: file.to_owned(), record_id, line: None, frame }
    }

    #[test]
    fn a_record_is_shown_from_its_file_or_from_its_channel() {
        let query = record_query(7);
        let of = |kind, channel| command(kind, &source("a/S.evtx", Some(7), None), channel, &query);
        let file = "wevtutil qe \"a/S.evtx\" /lf:true /f:text /q:\"*[System[EventRecordID=7]]\"";
        assert_eq!(of("evtx", Some("System")).as_deref(), Some(file));
        let channel = "wevtutil qe \"System\" /f:text /q:\"*[System[EventRecordID=7]]\"";
        assert_eq!(of("csv", Some("System")).as_deref(), Some(channel));
        assert_eq!(of("csv", None), None);
    }

    #[test]
    fn a_frame_is_shown_by_tshark_where_it_reads_the_file() {
        let of = |kind| command(kind, &source("a.pcap", None, Some(3)), None, "frame.number == 3");
        let shown = "tshark -r \"a.pcap\" -V -Y \"frame.number == 3\"";
        assert_eq!(of("pcap").as_deref(), Some(shown));
        assert_eq!(of("etl"), None);
    }

    #[test]
    fn a_name_that_a_shell_would_obey_gets_no_command() {
        for name in ["a\";rm x\".evtx", "$(id).evtx", "`id`", "-r", "a%PATH%", "a\nb", ""] {
            assert_eq!(command("evtx", &source(name, Some(1), None), None, "*"), None, "{name}");
        }
    }
}
