//! `w32tm`: how far another clock is from this one (`/stripchart`), and whether this one
//! follows any other (`/query /status`).
//!
//! Labels are in the language of Windows, so only the order and the shape of values are
//! looked at.

use super::kept::Kept;
use super::undated;
use crate::base::parse_endpoint;
use std::sync::Arc;

/// Readings of one text that are kept.
const MOST_READINGS: usize = 64;
/// A clock may be years off, not ages; in s.
const LARGEST_OFFSET: f64 = 1e10;
/// `LOCL`: the clock follows nothing but itself, RFC 5905 7.3.
const LOCAL: u32 = 0x4c4f_434c;
/// Leap indicator of a clock that is not synchronized, RFC 5905 7.3.
const UNSYNCHRONIZED: &str = "3";

/// The last sample of a comparison with one clock.
#[derive(Debug)]
struct Sample {
    line: usize,
    /// The other clock less this one, in s.
    seconds: f64,
    /// Address of the other clock, where the heading was read.
    with: String,
    /// How many samples there were.
    samples: u64,
}

/// All readings of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Kept {
    let mut found = Kept::up_to(MOST_READINGS);
    let lines: Vec<&str> = text.lines().collect();
    let mut with = String::new();
    let mut last: Option<Sample> = None;
    for (at, line) in lines.iter().enumerate() {
        if let Some(clock) = tracked(line) {
            compared(&mut found, last.take(), file);
            with = clock;
        }
        if let Some(seconds) = offset(line) {
            let samples = last.as_ref().map_or(0, |last| last.samples) + 1;
            last = Some(Sample { line: at + 1, seconds, with: with.clone(), samples });
        }
        if let Some((follows, id)) = status(lines.get(at..).unwrap_or_default()) {
            let fields = [("follows", follows.to_owned()), ("reference", format!("0x{id:08X}"))];
            found.add(undated("text.clock.status", file, at + 1, fields));
        }
    }
    compared(&mut found, last, file);
    found
}

fn compared(found: &mut Kept, last: Option<Sample>, file: &Arc<str>) {
    let Some(Sample { line, seconds, with, samples }) = last else { return };
    let fields =
        [("seconds", format!("{seconds:.7}")), ("with", with), ("samples", samples.to_string())];
    found.add(undated("text.clock.offset", file, line, fields));
}

/// The address of the clock of `Tracking dc01.corp.example [10.0.0.2:123].`
fn tracked(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    let (inner, _) = rest.split_once(":123]")?;
    // `[[2001:db8::5]:123]`
    let clock = parse_endpoint(inner)?;
    Some(clock.address.to_string())
}

/// `10:12:01, d:+00.0009870s o:-402.1234567s  [   *   ]`, or `10:12:01, -402.1234567s`
/// with `/dataonly`.
fn offset(line: &str) -> Option<f64> {
    let (time, rest) = line.trim().split_once(", ")?;
    let is_time = time.len() <= 12
        && time.matches(':').count() == 2
        && time.chars().all(|c| c.is_ascii_digit() || c == ':');
    if !is_time {
        return None;
    }
    let mut words = rest.split_whitespace();
    let first = words.next()?;
    let value = match first.starts_with("d:") {
        true => words.next()?.strip_prefix("o:")?,
        false => first.strip_prefix("o:").unwrap_or(first),
    };
    if !value.starts_with(['+', '-']) {
        return None;
    }
    seconds(value)
}

/// `0.0312500s`
fn seconds(value: &str) -> Option<f64> {
    let number = value.strip_suffix('s')?;
    let plain = number.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c));
    let seconds: f64 = number.parse().ok().filter(|_| plain)?;
    (seconds.abs() <= LARGEST_OFFSET).then_some(seconds)
}

/// Whether the clock follows another one, and the id of that one: the first six lines of
/// a status are leap indicator, stratum, precision, root delay, root dispersion, and
/// reference id.
fn status(lines: &[&str]) -> Option<(&'static str, u32)> {
    let value = |at: usize| Some(lines.get(at)?.split_once(':')?.1.trim());
    let number = |at: usize| {
        let (number, meaning) = value(at)?.split_once('(')?;
        meaning.ends_with(')').then_some(number.trim())
    };
    let leap = number(0).filter(|leap| matches!(*leap, "0" | "1" | "2" | "3"))?;
    number(1)?.parse::<u8>().ok()?;
    number(2)?.parse::<i8>().ok()?;
    seconds(value(3)?)?;
    seconds(value(4)?)?;
    let id = value(5)?.strip_prefix("0x")?;
    let digits = id.split(' ').next()?;
    let id = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 8)?;
    let follows = match (leap, id) {
        (_, LOCAL) => "itself",
        (UNSYNCHRONIZED, _) => "nothing",
        _ => "another",
    };
    Some((follows, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observation, Place};
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let shown = |found: &Observation| {
            let Place::Line(line) = found.source.place else { panic!("{found:?}") };
            let values: Vec<&str> = found
                .fields
                .iter()
                .filter(|(name, _)| &**name != "dated")
                .map(|(_, value)| value.as_str())
                .collect();
            format!("{line}: {} {}", found.kind.trim_start_matches("text.clock."), values.join(" "))
        };
        read(text, &"w32time.txt".into()).observations.iter().map(shown).collect()
    }

    #[test]
    fn the_last_sample_of_each_comparison_is_read() {
        let text = "Tracking dc01.corp.example [10.0.0.2:123].\nCollecting 3 samples.\nThe current time is 6/3/2025 10:12:01 AM.\n10:12:01, d:+00.0009870s o:-402.1200000s  [*       |        ]\n10:12:03, error: 0x800705B4\n10:12:05, d:+00.0012420s o:-402.1234567s  [*       |        ]\n";
        assert_eq!(told(text), ["6: offset -402.1234567 10.0.0.2 2"]);
        let german = "dc01 [[2001:db8::2]:123] wird verfolgt.\n2 Proben werden erfasst.\n10:12:01, +00.0123456s\n10:12:03, +00.0123457s\nfs01 [10.0.0.3:123] wird verfolgt.\n10:13:01, +12.5000000s\n";
        assert_eq!(
            told(german),
            ["4: offset 0.0123457 2001:db8::2 2", "6: offset 12.5000000 10.0.0.3 1"]
        );
    }

    fn status(leap: &str, id: &str) -> String {
        format!(
            "Leap Indicator: {leap}\nStratum: 4 (secondary reference - syncd by (S)NTP)\nPrecision: -23 (119.209ns per tick)\nRoot Delay: 0.0312500s\nRoot Dispersion: 7.7733s\nReferenceId: {id}\nLast Successful Sync Time: 6/3/2025 8:01:12 AM\nSource: x\nPoll Interval: 10 (1024s)\n"
        )
    }

    #[test]
    fn a_status_tells_whether_the_clock_follows_another() {
        let synced = status("0(no warning)", "0x0A000002 (source IP:  10.0.0.2)");
        assert_eq!(told(&synced), ["1: status another 0x0A000002"]);
        let local = status("0(no warning)", "0x4C4F434C (source name:  \"LOCL\")");
        assert_eq!(told(&format!("\n{local}")), ["2: status itself 0x4C4F434C"]);
        let none = status("3(not synchronized)", "0x00000000 (unspecified)");
        assert_eq!(told(&none), ["1: status nothing 0x00000000"]);
        let german = none.replace("Leap Indicator", "Sprungindikator").replace("Root", "Stamm");
        assert_eq!(told(&german), ["1: status nothing 0x00000000"]);
    }

    #[test]
    fn other_texts_are_no_readings() {
        for text in [
            "",
            "10:12:01, we had an outage of 402s",
            "10:12:01, 402s",
            "10:12, +00.1s",
            "2025-06-03 10:12:01, +1s",
            "10:12:01, +nans",
            "Phase Offset: 0.0001234s",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn readings_without_end_are_kept_within_their_budget() {
        let text = "x [10.0.0.2:123]\n10:12:01, +00.1000000s\n".repeat(1_000);
        let found = read(&text, &"w32time.txt".into());
        assert_eq!((found.observations.len(), found.left_out), (MOST_READINGS, 936));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(10:12:01, |o:|d:|[+-][0-9]{1,30}\\.[0-9]{1,9}s|x: [0-3] ?\\(a\\)\n|: 0\\.1s\n|: 0x[0-9A-F]{7,9}|\\[10\\.0\\.0\\.2:123\\]|\n|[a-zé ]{1,6}){0,60}") {
            let _ = told(&text);
        }
    }
}
