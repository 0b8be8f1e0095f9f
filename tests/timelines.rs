//! Timelines of rule hits: what the log says is in them, under other names.

use crate::support::analyse;
use rdp_triage::report::Report;
use serde_json::{Value, json};
use std::fs;

fn analyse_hits(hits: &[Value]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let text: String = hits.iter().map(|hit| format!("{hit}\n")).collect();
    fs::write(folder.path().join("timeline.jsonl"), text).unwrap();
    let mut report = analyse(folder.path());
    // The folder has another name each time.
    report.case.name.clear();
    report.case.inputs.clear();
    report
}

/// A refused logon as two rules report it.
fn refused(status: &str, detail: &str) -> Vec<Value> {
    let hit = |rule: &str| {
        json!({
            "Timestamp": "2025-06-03 10:15:01.285 +02:00", "RuleTitle": rule, "Level": "low",
            "Computer": "TS01", "Channel": "Sec", "EventID": 4625, "RecordID": 77,
            "Details": {"Type": "10 - REMOTE INTERACTIVE", "TgtUser": "alice", "SrcIP": "10.0.0.5"},
            "ExtraFieldInfo": {"Status": status, "SubStatus": detail, "IpPort": "50123"},
            "RuleID": rule,
        })
    };
    vec![hit("Logon Failure"), hit("Another Rule")]
}

#[test]
fn words_that_replaced_codes_lead_to_the_same_cause_as_the_codes() {
    for (words, codes, cause) in [
        (["BAD USER OR PW", "WRONG PW"], ["0xc000006d", "0xc000006a"], "logon-bad-password"),
        (["BAD USER OR PW", "UNKNOWN USER"], ["0xc000006d", "0xc0000064"], "logon-no-such-user"),
        (["ACCOUNT LOCKED", "SUCCESS"], ["0xc0000234", "0x0"], "account-locked-out"),
    ] {
        let [by_words, by_codes] =
            [words, codes].map(|[status, detail]| analyse_hits(&refused(status, detail)));
        assert_eq!(by_words, by_codes, "{cause}");
        assert_eq!(by_words.diagnoses[0].cause, cause, "{}", by_words.summary);
        let coverage = &by_words.coverage[0];
        assert_eq!(coverage.items, 1, "one record, whatever number of rules hit it");
        let [hole] = &coverage.holes[..] else { panic!("absence would count: {coverage:?}") };
        assert!(hole.from.is_none() && hole.to.is_none(), "also around the record: {hole:?}");
    }
}
