//! Causes that rest on the order of records: what takes the order away takes the cause away.

use crate::make_samples::TicketFile;
use crate::make_samples::tickets_changes::{installed, restart, since_then};
use crate::make_samples::tickets_gateway::{gateway_log, tried};
use crate::make_samples::tickets_wire::DAY;
use crate::support::analyse;
use rdp_triage::report::Report;
use std::fs;

const HOUR: i64 = 3_600_000;
const UPDATE: &str = "2025-05 Cumulative Update (KB5058385)";

fn judged(files: Vec<TicketFile>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    analyse(folder.path())
}

/// The sentences for a cause, if it is among the diagnoses.
fn said(report: &Report, cause: &str) -> Vec<String> {
    let diagnosis = report.diagnoses.iter().find(|d| d.cause == cause);
    let evidence = diagnosis.map(|d| d.evidence.as_slice()).unwrap_or_default();
    evidence.iter().map(|evidence| evidence.statement.clone()).collect()
}

#[test]
fn a_gateway_that_was_stopped_counts_until_it_is_at_work_again() {
    let stopped =
        |after: i64| judged(vec![gateway_log(&[(400, after, 0)]), tried(50_331_658, 900)]);
    let down = said(&stopped(-60_000), "gateway-limit");
    assert!(down.iter().any(|says| says.contains("was shut down")), "{down:?}");
    // Other users came through after this stop.
    let up = said(&stopped(-6_000_000), "gateway-limit");
    assert!(!up.is_empty() && !up.iter().any(|says| says.contains("was shut down")), "{up:?}");
}

#[test]
fn a_gateway_log_alone_shows_who_was_refused() {
    let refused = judged(vec![gateway_log(&[(312, 20, 0), (200, 400, 0), (301, 440, 23_002)])]);
    assert_eq!(refused.diagnoses.first().unwrap().cause, "gateway-rap-denied");
    // The second name for the same target was allowed.
    let steps = [(200, 400, 0), (301, 440, 23_002), (300, 2_000, 0), (302, 2_050, 0)];
    assert!(judged(vec![gateway_log(&steps)]).diagnoses.is_empty());
}

#[test]
fn an_update_counts_with_a_restart_between_success_and_failure() {
    let update = |records| said(&judged(since_then(140, records)), "update-regression");
    let with_restart = |update_at: i64| {
        let mut records = restart(DAY - 6 * HOUR, 20_348);
        records.push(installed(DAY + update_at, UPDATE));
        records
    };
    assert_eq!(update(with_restart(-6 * HOUR)).len(), 1);
    assert!(update(with_restart(-30 * HOUR)).is_empty(), "it worked after the update");
    assert!(update(with_restart(HOUR)).is_empty(), "it failed before the update");
    assert!(update(vec![installed(DAY - 6 * HOUR, UPDATE)]).is_empty(), "no restart");
    // The signatures of Defender come each day, also near a restart.
    assert!(update(restart(DAY - 2 * HOUR, 20_348)).is_empty());
}
