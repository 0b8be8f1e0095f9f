//! Collectors: known by how their files lie, and held to what they leave out.

use crate::support::{analyse, root};
use rdp_triage::eventlog;
use rdp_triage::intake::EvidenceFile;
use rdp_triage::knowledge::Knowledge;
use rdp_triage::report::{Report, Style, write_table};
use std::fs;

fn ids(report: &Report) -> Vec<&str> {
    report.collectors.iter().map(|collector| collector.id.as_str()).collect()
}

#[test]
fn a_security_log_that_was_not_collected_is_asked_for_by_the_collectors_own_switch() {
    let ticket = tempfile::tempdir().unwrap();
    let results = ticket.path().join("MSRD-Results-TS-PROD-01/TS-PROD-01_EventLogs");
    fs::create_dir_all(&results).unwrap();
    let server = root().join("samples/logon-bad-password/server");
    for log in crate::support::files(&server) {
        if crate::support::name(&log) != "Security.evtx" {
            fs::copy(&log, results.join("TS-PROD-01_RdpCoreTS-Operational.evtx")).unwrap();
        }
    }
    let report = analyse(ticket.path());
    assert_eq!(ids(&report), ["msrd-collect"]);
    let collector = &report.collectors[0];
    assert_eq!(collector.at, ["MSRD-Results-TS-PROD-01"]);
    let security = |wanted: &[String]| wanted == ["Security"];
    assert!(collector.leaves_out.iter().any(|left| security(&left.wanted)), "{collector:?}");
    let asked = report.missing_evidence.iter().flat_map(|missing| missing.how.first());
    let asked: Vec<&String> = asked.collect();
    let own = "MSRD-Collect, on the server: choose the Security log";
    assert!(asked.iter().any(|how| how.starts_with(own)), "{asked:?}");
    let mut table = Vec::new();
    write_table(&report, Style { width: 100, color: false }, &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert!(
        table.contains("By MSRD-Collect (MSRD-Results-TS-PROD-01). Not collected: "),
        "{table}"
    );
}

#[test]
fn what_was_given_beside_a_collection_is_not_called_left_out() {
    let ticket = tempfile::tempdir().unwrap();
    let results = ticket.path().join("TS-PROD-01_EventLogs");
    fs::create_dir_all(&results).unwrap();
    for log in crate::support::files(&root().join("samples/logon-bad-password/server")) {
        let name = crate::support::name(&log);
        let to = match name.as_str() {
            "Security.evtx" => ticket.path().join(name),
            _ => results.join("TS-PROD-01_RdpCoreTS-Operational.evtx"),
        };
        fs::copy(&log, to).unwrap();
    }
    let report = analyse(ticket.path());
    assert_eq!(ids(&report), ["msrd-collect"]);
    let left = report.collectors[0].leaves_out.iter().flat_map(|left| &left.wanted);
    assert!(!left.into_iter().any(|wanted| wanted == "Security"), "{:?}", report.collectors);
}

/// A table of EvtxECmd with events of these ids, as far as they are read.
fn evtxecmd(events: &[u16]) -> String {
    let mut table = "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,\
                     ProcessId,ThreadId,Computer,ChunkNumber,Payload\n"
        .to_owned();
    for (number, id) in events.iter().enumerate() {
        table.push_str(&format!(
            "{number},{number},2025-06-03 08:15:0{number},{id},Info,Service Control Manager,\
             System,4,4,srv.corp.test,1,\"{{\"\"EventData\"\":{{}}}}\"\n"
        ));
    }
    table
}

#[test]
fn a_table_of_a_collectors_choice_of_ids_proves_no_absence() {
    let knowledge = Knowledge::embedded().unwrap();
    let why = |events: &[u16]| {
        let file = EvidenceFile::from_bytes("t.csv", evtxecmd(events).into_bytes());
        let facts = eventlog::read(&file, &knowledge);
        assert_eq!(facts.coverage.len(), 1, "{:?}", facts.gaps);
        facts.coverage[0].holes.iter().map(|hole| hole.why.to_string()).collect::<String>()
    };
    assert!(why(&[7036, 6005, 7040]).contains("no Schannel 368xx, no TermDD 56"));
    assert!(!why(&[7036, 6005, 7031]).contains("Schannel"), "7031 is not in the module's list");
}

#[test]
fn rules_add_collectors_and_wrong_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    let own = "[[collector]]\nid = \"own\"\ntitle = \"Our script\"\nsigns = [[\"*.desk/\"]]\n";
    fs::write(&file, own).unwrap();
    let knowledge = Knowledge::with_rules(folder.path()).unwrap();
    assert_eq!(knowledge.collections(["a/x.desk/System.evtx"])[0].at, ["a/x.desk"]);
    for (wrong, why) in [
        ("colour = \"red\"\n", "colour"),
        ("leaves_out = [{wanted = [\"No/Such\"], what = \"x\", how = [\"y\"]}]\n", "No/Such"),
        ("leaves_out = [{wanted = [\"Security\"], what = \"x\", how = []}]\n", "not how"),
    ] {
        fs::write(&file, format!("{own}{wrong}")).unwrap();
        let error = Knowledge::with_rules(folder.path()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    fs::write(&file, own.replace("*.desk/", "*")).unwrap();
    let error = Knowledge::with_rules(folder.path()).unwrap_err().to_string();
    assert!(error.contains("fits everything"), "{error}");
}
