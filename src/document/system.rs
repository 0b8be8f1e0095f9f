//! The system of a host, as `systeminfo` prints it: its name, its build, its time zone.
//!
//! Labels are in the language of Windows; the order of the lines is not. Its times are in
//! the host's own spelling and are not read.

use super::kept::Kept;
use super::undated;
use std::sync::Arc;

/// Systems of one text that are kept.
const MOST_SYSTEMS: usize = 16;
/// Lines below the version in which the time zone stands.
const LINES_BELOW: usize = 40;
/// A DNS label's length; NetBIOS names are shorter.
const LONGEST_NAME: usize = 63;
/// Of a time zone this many characters are kept.
const LONGEST_ZONE: usize = 120;

/// All systems of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Kept {
    let mut found = Kept::up_to(MOST_SYSTEMS);
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(version) = value(line).and_then(version) else { continue };
        // Two lines above: the name, then the product.
        let above = at.checked_sub(2).and_then(|above| lines.get(above));
        let Some(name) = above.and_then(|line| value(line)).filter(|name| is_name(name)) else {
            continue;
        };
        let below = lines.iter().skip(at + 1).take(LINES_BELOW).filter_map(|line| value(line));
        let zone = below.into_iter().find(|value| is_zone(value)).unwrap_or_default();
        let fields = [
            ("host", name.to_owned()),
            ("version", version.to_owned()),
            ("time_zone", zone.chars().take(LONGEST_ZONE).collect()),
        ];
        found.add(undated("text.system", file, at + 1, fields));
    }
    found
}

/// What stands behind the label.
fn value(line: &str) -> Option<&str> {
    let (label, value) = line.split_once(':')?;
    (!label.trim().is_empty()).then_some(value.trim())
}

/// The version of `10.0.20348 N/A Build 20348`, whose last number repeats the build.
fn version(value: &str) -> Option<&str> {
    let (version, rest) = value.split_once(' ')?;
    let parts: Vec<&str> = version.split('.').collect();
    let [major, minor, build] = parts.as_slice() else { return None };
    let is_number =
        |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let numbers = [major, minor, build].into_iter().all(|part| is_number(part));
    (numbers && rest.split_whitespace().next_back() == Some(build)).then_some(version)
}

fn is_name(value: &str) -> bool {
    (1..=LONGEST_NAME).contains(&value.len())
        && value.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// `(UTC+01:00) Amsterdam, Berlin, …` or `(UTC) Dublin, …`
fn is_zone(value: &str) -> bool {
    value.starts_with("(UTC") || value.starts_with("(GMT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observation, Place};
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let shown = |found: &Observation| {
            let Place::Line(line) = found.source.place else { panic!("{found:?}") };
            let field = |name| found.field(name).unwrap();
            format!("{line}: {} {} {}", field("host"), field("version"), field("time_zone"))
        };
        read(text, &"systeminfo.txt".into()).observations.iter().map(shown).collect()
    }

    #[test]
    fn a_system_is_read_in_any_language() {
        let text = "\nHost Name:                 SRV01\nOS Name:                   Microsoft Windows Server 2022 Standard\nOS Version:                10.0.20348 N/A Build 20348\nOS Manufacturer:           Microsoft Corporation\nSystem Boot Time:          6/3/2025, 6:01:12 AM\nBIOS Version:              Microsoft Corporation Hyper-V UEFI Release v4.1, 5/13/2024\nTime Zone:                 (UTC+01:00) Amsterdam, Berlin, Bern\n";
        assert_eq!(told(text), ["4: SRV01 10.0.20348 (UTC+01:00) Amsterdam, Berlin, Bern"]);
        let german = "Hostname:                    SRV02\nBetriebssystemname:          Microsoft Windows Server 2019\nBetriebssystemversion:       10.0.17763 Nicht zutreffend Build 17763\n";
        assert_eq!(told(german), ["3: SRV02 10.0.17763 "]);
    }

    #[test]
    fn other_texts_are_no_systems() {
        for text in [
            "",
            "Version: 10.0.20348 N/A Build 20348",
            "a: b c\nd: e\nf: 10.0.20348 N/A Build 20348",
            "a: b\nd: e\nf: 10.0.20348 N/A Build 20349",
            "a: b\nd: e\nf: 10.0 x 10.0",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn systems_without_end_are_kept_within_their_budget() {
        let text = "a: b\nd: e\nf: 10.0.20348 N/A Build 20348\n".repeat(1_000);
        let found = read(&text, &"systeminfo.txt".into());
        assert_eq!((found.observations.len(), found.left_out), (MOST_SYSTEMS, 984));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(a: b\n|: 10\\.0\\.20348 N/A Build 20348\n|: \\(UTC|\n|[a-zé: ]{1,6}){0,60}") {
            let _ = told(&text);
        }
    }
}
