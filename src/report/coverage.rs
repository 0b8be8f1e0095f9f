//! Which file speaks for whom, when, and when not.

use super::build::source_report;
use super::hosts::millis;
use super::model::{CoverageReport, HoleReport, PartReport};
use super::words::short_time;
use crate::base::{HostTime, rfc3339};
use crate::correlate::Case;
use crate::observe::{Coverage, Hole};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;

/// Holes of one log that are listed; a report is read by people too.
const MOST_HOLES: usize = 50;

pub(super) fn reports(case: &Case) -> Vec<CoverageReport> {
    case.coverage.iter().map(|coverage| report(case, coverage)).collect()
}

fn report(case: &Case, coverage: &Coverage) -> CoverageReport {
    let listed = longest(&coverage.holes);
    let more = coverage.holes.len().saturating_sub(listed.len());
    let offset = case.clocks.capture_offset(&coverage.file).filter(|_| !coverage.kind.is_log());
    CoverageReport {
        file: coverage.file.to_string(),
        kind: coverage.kind.name().to_owned(),
        channel: coverage.channel.as_ref().map(|channel| channel.to_string()),
        host: coverage.host.as_ref().map(|host| host.to_string()),
        from: coverage.span.map(|(from, _)| rfc3339(from.0)),
        to: coverage.span.map(|(_, to)| rfc3339(to.0)),
        items: coverage.items,
        unreadable: coverage.unreadable,
        clock_offset_ms: offset.map(|offset| millis(offset.ahead)),
        clock_error_ms: offset.map(|offset| millis(offset.error)),
        copies: case.copies(coverage),
        holes: listed.into_iter().map(hole_report).collect(),
        more_holes: u64::try_from(more).unwrap_or(u64::MAX),
        parts: coverage
            .parts
            .iter()
            .map(|part| PartReport {
                file: part.file.to_string(),
                first_frame: part.before + 1,
                frames: part.frames,
            })
            .collect(),
    }
}

/// The longest holes, in the order of time.
fn longest(holes: &[Hole]) -> Vec<&Hole> {
    let mut listed: Vec<&Hole> = holes.iter().collect();
    listed.sort_by_key(|hole| (Reverse(hole.to.0.duration_since(hole.from.0)), hole.from));
    listed.truncate(MOST_HOLES);
    listed.sort_by_key(|hole| (hole.from, hole.to));
    listed
}

fn hole_report(hole: &Hole) -> HoleReport {
    let time = |time: HostTime, open: HostTime| (time != open).then(|| rfc3339(time.0));
    HoleReport {
        from: time(hole.from, Hole::EVER_BEFORE),
        to: time(hole.to, Hole::EVER_AFTER),
        why: hole.why.to_string(),
        missing: hole.missing,
        source: hole.source.as_ref().map(source_report),
    }
}

/// `3, up to 2 h` for a table: how many holes there are, and how long the longest is.
/// One without an end is not measured.
pub(super) fn in_short(coverage: &CoverageReport) -> String {
    let count = u64::try_from(coverage.holes.len()).unwrap_or(u64::MAX);
    let count = count.saturating_add(coverage.more_holes);
    if count == 0 {
        return String::new();
    }
    let length = |hole: &HoleReport| -> Option<SignedDuration> {
        let from: Timestamp = hole.from.as_ref()?.parse().ok()?;
        let to: Timestamp = hole.to.as_ref()?.parse().ok()?;
        Some(to.duration_since(from))
    };
    let open = coverage.holes.iter().find(|hole| hole.from.is_none() || hole.to.is_none());
    let told = match open.map(|hole| (&hole.from, &hole.to)) {
        Some((None, Some(to))) => format!("all before {}", short_time(to)),
        Some((Some(from), None)) => format!("all after {}", short_time(from)),
        Some(_) => "throughout".to_owned(),
        None => {
            let longest = coverage.holes.iter().filter_map(length).max().unwrap_or_default();
            if count == 1 { rough(longest) } else { format!("up to {}", rough(longest)) }
        }
    };
    format!("{count}: {told}")
}

/// A length of time to two digits or so, in the unit that fits.
fn rough(length: SignedDuration) -> String {
    match length.as_secs() {
        0..120 => format!("{:.1} s", length.as_secs_f64()),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn hole(from: i64, to: i64) -> Hole {
        let at = |second| HostTime(Timestamp::from_second(second).unwrap());
        Hole { from: at(from), to: at(to), why: Arc::from("w"), missing: None, source: None }
    }

    #[test]
    fn of_many_holes_the_longest_are_listed_in_order() {
        let holes: Vec<Hole> = (0..80).map(|n| hole(n * 1_000, n * 1_000 + 10 + n % 60)).collect();
        let listed = longest(&holes);
        assert_eq!(listed.len(), MOST_HOLES);
        assert!(listed.is_sorted_by_key(|hole| hole.from));
        assert!(listed.iter().any(|hole| **hole == holes[59]), "the longest one is there");
    }

    #[test]
    fn lengths_are_told_in_the_unit_that_fits() {
        for (seconds, expect) in
            [(5, "5.0 s"), (600, "10 min"), (10_000, "2 h"), (900_000, "10 days")]
        {
            assert_eq!(rough(SignedDuration::from_secs(seconds)), expect);
        }
    }
}
