//! Which collector leaves files lying like this, and what does it leave out?
//!
//! What a file is, its bytes tell. But a collector is known by nothing else than how its
//! files are named and laid out.

use serde::Deserialize;
use std::collections::BTreeSet;

/// A tool that gathers evidence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    pub id: String,
    pub title: String,
    /// What its presence tells beside that.
    #[serde(default)]
    pub note: String,
    /// What it leaves lying: each sign is a list of patterns that lie at one place. See
    /// [`Collector::places`].
    signs: Vec<Vec<String>>,
    #[serde(default)]
    pub leaves_out: Vec<LeftOut>,
    /// The choices of event ids that it exports.
    #[serde(default)]
    choice: Vec<Choice>,
    /// Where these facts are from.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// Evidence that a collector does not bring, or only when it is told to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Channels, in full or by the part that tells them apart, or `capture`.
    pub wanted: Vec<String>,
    pub what: String,
    /// The collector's own switch, or what else brings it.
    pub how: Vec<String>,
}

/// Tables that hold only events of certain ids.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    ids: BTreeSet<u16>,
    /// Why absence in such a table proves nothing.
    why: String,
}

/// Parts of a path that are looked at: those of Windows have at most 128.
const MOST_PARTS: usize = 128;

impl Collector {
    /// The folders and archives below which the files lie as this collector leaves them;
    /// the empty path is the ticket itself. A place inside another one is not told.
    ///
    /// A pattern is a path with `*` for any characters of one part and `?` for one of them,
    /// in any case. It may begin at any part of a name. The place is what comes before it;
    /// of a pattern that ends with `/`, the folder or archive that it names.
    pub(super) fn places<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        let signs = self.signs.iter().map(|sign| sign_places(sign, names));
        let found: BTreeSet<&str> = signs.flatten().collect();
        let inside = |place: &str| {
            let above = place.match_indices('/').filter_map(|(at, _)| place.get(..at));
            above.chain([""]).any(|above| above != place && found.contains(above))
        };
        found.iter().copied().filter(|place| !inside(place)).collect()
    }

    /// Why absence proves nothing in a table with events of these ids and no other.
    pub(super) fn choice(&self, ids: &BTreeSet<u16>) -> Option<&str> {
        let choice = self.choice.iter().find(|choice| ids.is_subset(&choice.ids))?;
        Some(&choice.why)
    }

    /// What the types cannot say.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn check(&self, is_evidence: impl Fn(&str) -> bool) -> Result<(), String> {
        let empty = |pattern: &String| pattern.split('/').all(|part| matches!(part, "" | "*"));
        if self.signs.is_empty() || self.signs.iter().any(Vec::is_empty) {
            return Err("has no sign, or one without a pattern".to_owned());
        }
        if let Some(pattern) = self.signs.iter().flatten().find(|pattern| empty(pattern)) {
            return Err(format!("the sign \"{pattern}\" fits everything"));
        }
        for left in &self.leaves_out {
            if left.wanted.is_empty() || left.how.is_empty() {
                return Err(format!("\"{}\" says not what is wanted, or not how", left.what));
            }
            if let Some(wanted) = left.wanted.iter().find(|wanted| !is_evidence(wanted)) {
                return Err(format!("leaves out {wanted}, which is no channel of the catalog"));
            }
        }
        Ok(())
    }
}

/// Where all patterns of a sign lie together.
fn sign_places<'n>(sign: &[String], names: &[&'n str]) -> BTreeSet<&'n str> {
    let mut patterns = sign.iter();
    let first = patterns.next().map(|pattern| pattern_places(pattern, names)).unwrap_or_default();
    patterns.fold(first, |places, pattern| {
        if places.is_empty() {
            return places;
        }
        &places & &pattern_places(pattern, names)
    })
}

fn pattern_places<'n>(pattern: &str, names: &[&'n str]) -> BTreeSet<&'n str> {
    let names_the_place = pattern.ends_with('/');
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    names.iter().flat_map(|name| name_places(&parts, names_the_place, name)).collect()
}

/// The places at which the parts of a pattern fit parts of a name.
fn name_places<'n>(pattern: &[&str], names_the_place: bool, name: &'n str) -> Vec<&'n str> {
    let mut begin = 0;
    let mut parts: Vec<(usize, &str)> = Vec::new();
    for part in name.split('/').take(MOST_PARTS) {
        parts.push((begin, part));
        begin += part.len() + 1;
    }
    let fits = |window: &&[(usize, &str)]| {
        window.iter().zip(pattern).all(|((_, part), pattern)| part_fits(pattern, part))
    };
    let place = |window: &[(usize, &'n str)]| {
        let ((first, _), (last, part)) = (window.first()?, window.last()?);
        let end = if names_the_place { last + part.len() } else { first.saturating_sub(1) };
        // A place has something in it.
        name.get(..end).filter(|place| place.len() < name.len())
    };
    parts.windows(pattern.len().max(1)).filter(fits).filter_map(place).collect()
}

/// Whether a part of a path fits a pattern with `*` and `?`. Each star is tried at every
/// place once: the last one that was met is the only one to go back to.
fn part_fits(pattern: &str, part: &str) -> bool {
    let (pattern, part) = (pattern.as_bytes(), part.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = part.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((behind, from)) = star else { return false };
                star = Some((behind, from + 1));
                (at, seen) = (behind, from + 1);
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    #[track_caller]
    fn check(pattern: &str, names: &[&str], places: &[&str]) {
        let found = pattern_places(pattern, names);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), places, "{pattern}");
    }

    #[test]
    fn a_pattern_lies_at_what_comes_before_it_or_at_what_it_names() {
        check("*_EventLogs/*.evtx", &["t.zip/R/S_EventLogs/S_System.EVTX"], &["t.zip/R"]);
        check("DiagLogs-*/", &["x/DiagLogs-PC.zip/1/a", "DiagLogs-PC.zip"], &["x/DiagLogs-PC.zip"]);
        check("?/Windows/*.evtx", &["C/Windows/a.evtx", "C:/Windows/a.evtx"], &[""]);
        check("a/b", &["a/x/b", "b", ""], &[]);
    }

    #[test]
    fn stars_end_and_stay_in_their_part() {
        for (pattern, part, fits) in [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "", false),
            ("*_Log.txt", "SRV_MSRD_LOG.TXT", true),
        ] {
            assert_eq!(part_fits(pattern, part), fits, "{pattern} {part}");
        }
        let long = "a".repeat(100_000);
        assert!(!part_fits("*a*a*b", &long));
    }

    /// Names as the collectors give them, and what they are known as, where.
    #[test]
    fn collectors_are_known_unpacked_zipped_and_a_folder_deeper() {
        let knowledge = Knowledge::embedded().unwrap();
        for (name, expect) in [
            ("SRV01_EventLogs/SRV01_System.evtx", "msrd-collect ."),
            ("SRV01_MSRD-Collect-Log.txt", "msrd-collect ."),
            (
                "t/rdp-triage-collection-SRV01-20250603081500.zip/collection.txt",
                "collect-script t/rdp-triage-collection-SRV01-20250603081500.zip",
            ),
            (
                "a.zip/MSRD-Results-SRV01-20250603_081500/SRV01_Networking/x.txt",
                "msrd-collect a.zip/MSRD-Results-SRV01-20250603_081500",
            ),
            ("t/SRV01_250603_Netsh_packetcapture.etl", "tss t"),
            ("SRV01/C/Windows/System32/winevt/Logs/System.evtx", "kape SRV01"),
            ("out/EventLogs/20250603081500_EvtxECmd_Output.csv", "kape out/EventLogs"),
            (
                "c.zip/uploads/auto/C:/Windows/System32/winevt/Logs/System.evtx",
                "velociraptor c.zip",
            ),
            ("uploads/auto/C%3A/Windows/System32/winevt/Logs/System.evtx", "velociraptor ."),
            ("g.zip/WindowsAzure/Logs/WaAppAgent.log", "azure-guest-logs g.zip/WindowsAzure/Logs"),
            (
                "DiagLogs-PC07-20250603T081500Z.zip/x.log",
                "intune DiagLogs-PC07-20250603T081500Z.zip",
            ),
            ("d/(42) Events System Events.evtx", "intune d"),
            ("m/mdmlogs-20250603.cab/x.evtx", "intune m"),
        ] {
            let found = knowledge.collections([name]);
            let shown: Vec<String> =
                found.iter().map(|c| format!("{} {}", c.collector, c.at.join(", "))).collect();
            assert_eq!(shown, [expect], "{name}");
        }
        for name in ["System.evtx", "server/System.evtx", "client_info.json", "logs/a/b.pcapng"] {
            assert!(knowledge.collections([name]).is_empty(), "{name}");
        }
        let pair = knowledge.collections(["v/client_info.json", "v/collection_context.json"]);
        assert_eq!(pair.len(), 1);
        assert!(knowledge.collections(["v/client_info.json", "w/uploads.json"]).is_empty());
    }

    #[test]
    fn a_place_inside_another_is_not_told() {
        let knowledge = Knowledge::embedded().unwrap();
        let found = knowledge.collections([
            "DiagLogs-PC.zip/(1) Events System.evtx",
            "DiagLogs-PC.zip/(71) FoldersFiles temp/mdmlogs-1.cab/x.evtx",
            "DiagLogs-PC-2.zip/mdmlogs-1.cab/x.evtx",
        ]);
        assert_eq!(found[0].at, ["DiagLogs-PC-2.zip", "DiagLogs-PC.zip"]);
    }

    #[test]
    fn of_very_many_places_the_first_are_told_and_the_others_counted() {
        let knowledge = Knowledge::embedded().unwrap();
        let names: Vec<String> = (0..5_000).map(|n| format!("{n:04}/mdmlogs-1.cab")).collect();
        let found = knowledge.collections(names.iter().map(String::as_str));
        assert!(found[0].at.len() < 50);
        assert!(found[0].at.last().unwrap().ends_with(" more places"), "{:?}", found[0].at);
    }
}
