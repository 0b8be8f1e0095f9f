//! Tickets in which logs were cleared, stopped, copied and forwarded.

use crate::make_samples::binxml::Value;
use crate::make_samples::events::{
    self, SERVER, accepted, chatter, ended, schannel, security_error,
};
use crate::make_samples::evtx::{Body, Event, Log};
use crate::make_samples::net::At;
use crate::make_samples::tickets_wire::{DAY, dropped_after_hello};
use crate::support::{analyse, analyse_all, root};
use rdp_triage::report::{CoverageReport, Report};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The server's clock is this far ahead of the capture's, in ms.
const AHEAD: i64 = 1_234;
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational";
const OTHER: &str = "TS-PROD-02.example.test";

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn log(channel: &'static str, computer: &'static str, first: u64, events: Vec<Event>) -> Log {
    Log { channel, computer, first_record: first, events }
}

/// A record of the event log service about itself.
fn service_record(provider: &'static str, id: u16, time_ms: i64, body: Body) -> Event {
    let like = events::service(time_ms, "", "", 4);
    Event { provider, guid: None, id, qualifiers: None, body, ..like }
}

fn cleared(time_ms: i64, channel: &str) -> Event {
    let body = Body::User(vec![("Channel", text(channel))]);
    service_record("Microsoft-Windows-Eventlog", 104, time_ms, body)
}

/// A connection whose TLS failed because the key could not be read; the System log says
/// why, when `told`.
fn ticket(told: bool) -> (Vec<u8>, [Log; 2]) {
    let talk = dropped_after_hello(62, At::Server);
    let start = DAY + AHEAD + 12;
    let mut core = accepted(start, 62, &format!("10.20.1.42:{}", talk.client.port));
    core.extend(security_error(start + 40, 62, 0x8009_030d, "10.20.1.42"));
    core.extend(ended(start + 70, 62, 64));
    let mut system = chatter(DAY);
    if told {
        let fields = vec![
            ("Type", text("server")),
            ("ErrorCode", Value::Hex32(0x8009_030d)),
            ("ErrorStatus", Value::U32(10001)),
        ];
        system.push(schannel(36870, DAY + AHEAD + 45, fields));
    }
    let logs = [log(CORE, SERVER, 4_100, core), log("System", SERVER, 21_000, system)];
    (talk.frames.pcapng(), logs)
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn coverage<'a>(report: &'a Report, file: &str, host: &str, channel: &str) -> &'a CoverageReport {
    let found = report.coverage.iter().find(|coverage| {
        coverage.file == file
            && coverage.host.as_deref() == Some(host)
            && coverage.channel.as_deref() == Some(channel)
    });
    found.unwrap_or_else(|| panic!("{file} {host} {channel}: {:?}", report.coverage))
}

/// No record and no frame is cited twice, in any list.
fn assert_cited_once(report: &Report) {
    for attempt in &report.attempts {
        let mut seen = BTreeSet::new();
        for event in &attempt.events {
            assert!(seen.insert((&event.file, event.record_id)), "{event:?} twice");
        }
        let numbers: BTreeSet<Option<u64>> =
            attempt.events.iter().map(|event| event.record_id).collect();
        assert_eq!(numbers.len(), attempt.events.len(), "the same record of two files");
    }
}

#[test]
fn a_forwarded_copy_of_a_log_changes_no_diagnosis() {
    let (capture, own) = ticket(true);
    let other = log("System", OTHER, 21_000, chatter(DAY + 60_000));
    let both = Log::collector(&[
        log(CORE, SERVER, own[0].first_record, own[0].events.clone()),
        log("System", SERVER, own[1].first_record, own[1].events.clone()),
        other,
    ]);
    let [core, system] = own.map(|log| log.bytes());
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[("server.pcapng", capture), ("core.evtx", core.clone()), ("system.evtx", system)],
    );
    let alone = analyse(folder.path());
    write(folder.path(), &[("ForwardedEvents.evtx", both.bytes()), ("old/core.evtx", core)]);
    let report = analyse(folder.path());
    assert_eq!(report.diagnoses, alone.diagnoses);
    assert_eq!(report.attempts, alone.attempts);
    assert_eq!(report.summary, alone.summary);
    assert_cited_once(&report);
    let forwarded = coverage(&report, "ForwardedEvents.evtx", SERVER, "System");
    let own = coverage(&report, "system.evtx", SERVER, "System");
    assert_eq!((forwarded.copies, own.copies), (9, 0));
    // Of its twelve records, one is of a kind that the catalog does not want.
    assert_eq!(coverage(&report, "old/core.evtx", SERVER, CORE).copies, 11);
    assert!(own.holes.is_empty());
    assert!(forwarded.holes[0].why.contains("subscription"), "{:?}", forwarded.holes);
    let other = coverage(&report, "ForwardedEvents.evtx", OTHER, "System");
    assert_ne!((&other.from, &other.to), (&forwarded.from, &forwarded.to));
}

#[test]
fn hosts_and_clocks_of_a_forwarded_log_are_those_of_its_records() {
    let (capture, own) = ticket(true);
    let other = log("System", OTHER, 21_000, chatter(DAY + 60_000));
    let [core, system] = own;
    let folder = tempfile::tempdir().unwrap();
    let forwarded = Log::collector(&[core, system, other]).bytes();
    write(folder.path(), &[("server.pcapng", capture), ("ForwardedEvents.evtx", forwarded)]);
    let report = analyse(folder.path());
    assert_eq!(report.diagnoses[0].cause, "cert-private-key-unreadable");
    let offset = |name: &str| {
        let host = report.hosts.iter().find(|host| host.name == name);
        host.unwrap_or_else(|| panic!("{name}: {:?}", report.hosts)).clock_offset_ms
    };
    let ahead = offset(SERVER).unwrap();
    assert!((ahead - 1_234.0).abs() < 100.0, "{ahead}");
    assert_eq!(offset(OTHER), None);
    assert!(report.hosts.iter().all(|host| host.name != "COLLECTOR"));
}

/// The statement of a row that counts because something is absent from a whole log.
fn counts_absence(report: &Report, file: &str) -> bool {
    let all = report.diagnoses.iter().flat_map(|d| d.evidence.iter().chain(&d.against));
    all.map(|evidence| &evidence.source)
        .any(|source| source.file == file && source.record_id.is_none())
}

#[test]
fn absence_counts_neither_in_a_log_that_was_cleared_nor_beside_it() {
    for (step, counts) in [(None, true), (Some(60_000), false), (Some(3_000_000), false)] {
        let (capture, [core, mut system]) = ticket(false);
        // Something points to the certificate, so that the absence of more is weighed.
        system.events.push(events::rcm_classic(1057, DAY - 3_000_000, &["Access is denied."]));
        if let Some(step) = step {
            let time = DAY + AHEAD + step;
            system.events.retain(|event| event.time_ms > time);
            system.events.push(cleared(time, "System"));
        }
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                ("server.pcapng", capture),
                ("core.evtx", core.bytes()),
                ("system.evtx", system.bytes()),
            ],
        );
        let report = analyse(folder.path());
        assert_eq!(
            counts_absence(&report, "system.evtx"),
            counts,
            "{step:?}: {:#?}",
            report.diagnoses
        );
        let asked = report.missing_evidence.iter().any(|missing| {
            missing.what.contains("system.evtx says nothing before 2025-06-03T")
                && missing.what.contains("the log was cleared")
                && missing.what.contains("forwarded events")
        });
        assert_eq!(asked, step.is_some(), "{:?}", report.missing_evidence);
        let holes = &coverage(&report, "system.evtx", SERVER, "System").holes;
        assert_eq!(holes.len(), usize::from(step.is_some()));
        if let Some(hole) = holes.first() {
            assert_eq!(hole.from, None);
            assert_eq!(hole.source.as_ref().unwrap().record_id, Some(21_000));
        }
    }
}

#[test]
fn the_table_shows_how_long_a_host_was_silent() {
    let (capture, [core, mut system]) = ticket(true);
    let stop = service_record("EventLog", 6006, DAY - 7_000_000, Body::Empty);
    let start = service_record("EventLog", 6005, DAY - 6_000_000, Body::Empty);
    system.events.extend([stop, start]);
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[("server.pcapng", capture), ("core.evtx", core.bytes()), ("system.evtx", system.bytes())],
    );
    let report = analyse(folder.path());
    assert_eq!(report.diagnoses[0].cause, "cert-private-key-unreadable");
    let system = coverage(&report, "system.evtx", SERVER, "System");
    assert_eq!(system.holes[0].why, "the event log service was stopped");
    assert!(coverage(&report, "core.evtx", SERVER, CORE).holes.is_empty(), "it began later");
    let output = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["analyze", folder.path().to_str().unwrap()])
        .env("COLUMNS", "160")
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("does not speak") && table.contains("1: 16 min"), "{table}");
}

#[test]
fn files_of_one_name_below_two_paths_are_told_apart() {
    let (_, [core, _]) = ticket(true);
    let folder = tempfile::tempdir().unwrap();
    let mut changed = log(CORE, OTHER, 4_100, core.events.clone());
    changed.events.truncate(5);
    write(folder.path(), &[("a/core.evtx", core.bytes()), ("b/core.evtx", changed.bytes())]);
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let report = analyse_all(&[a.clone(), b]);
    let files: Vec<&str> = report.coverage.iter().map(|c| c.file.as_str()).collect();
    assert_eq!(files, ["a/core.evtx", "b/core.evtx"]);
    let twice = analyse_all(&[a.clone(), a.join("core.evtx")]);
    assert_eq!(twice.coverage.len(), 1, "one file, given twice");
}

#[test]
fn an_offset_for_a_host_that_no_log_names_is_told() {
    let run = |offset: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
            .args(["analyze", "samples/tls-no-shared-cipher", "--clock-offset", offset])
            .current_dir(root())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = run("TS-PROD-10=1.5");
    assert!(said.contains("--clock-offset TS-PROD-10: no log is of this host"), "{said}");
    assert!(said.contains(SERVER), "{said}");
    assert_eq!(run("ts-prod-01=1.5"), "");
}
