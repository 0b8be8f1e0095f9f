//! The sessions of a host, as `qwinsta` (`query session`) lists them, and whether the
//! listener of Remote Desktop is among them.
//!
//! Headings and states are in the language of Windows; the names of the sessions
//! `services`, `console` and `rdp-tcp` are not translated, and listeners have ids from
//! 65536 on.

use super::kept::Kept;
use super::undated;
use std::sync::Arc;

/// Lists of one text that are kept.
const MOST_LISTS: usize = 16;
/// Lines of one list that are looked at.
const MOST_LINES: usize = 4096;
/// The first id of a listener.
const LISTENERS: u32 = 65_536;

/// All lists of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Kept {
    let mut found = Kept::up_to(MOST_LISTS);
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let first = at + 1;
        at += 1;
        if !is_services(line) {
            continue;
        }
        let below: Vec<&str> =
            rest.iter().take_while(|line| !line.trim().is_empty()).copied().collect();
        at += below.len();
        let whole = below.len() <= MOST_LINES;
        let below = below.get(..MOST_LINES).unwrap_or(&below);
        let listener = below.iter().any(|line| is_listener(line));
        let console = below.iter().any(|line| words(line).next() == Some("console"));
        // A part of a list does not tell that something is absent from it.
        let listed = match (listener, console && whole) {
            (true, _) => "yes",
            (false, true) => "no",
            (false, false) => continue,
        };
        let remote = below.iter().filter(|line| is_remote(line)).count();
        let fields = [("listener", listed.to_owned()), ("remote_sessions", remote.to_string())];
        found.add(undated("text.sessions", file, first, fields));
    }
    found
}

/// The words of a line; the own session has a mark before it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.trim_start_matches(['>', ' ']).split_whitespace()
}

/// `services   0  Disc`
fn is_services(line: &str) -> bool {
    let mut words = words(line);
    words.next() == Some("services")
        && words.next() == Some("0")
        && words.next().is_some_and(|state| state.chars().all(char::is_alphabetic))
}

/// `rdp-tcp   65536  Listen`
fn is_listener(line: &str) -> bool {
    let mut words = words(line);
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    name.starts_with("rdp-tcp")
        && !name.contains('#')
        && words.next().and_then(|id| id.parse::<u32>().ok()).is_some_and(|id| id >= LISTENERS)
}

/// `rdp-tcp#3   a.meyer   2  Active`
fn is_remote(line: &str) -> bool {
    words(line).next().is_some_and(|name| name.to_ascii_lowercase().starts_with("rdp-tcp#"))
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
            format!("{line}: {} {}", field("listener"), field("remote_sessions"))
        };
        read(text, &"qwinsta.txt".into()).observations.iter().map(shown).collect()
    }

    const LIST: &str = " SESSIONNAME       USERNAME                 ID  STATE   TYPE        DEVICE \n>services                                    0  Disc                        \n console                                     1  Conn                        \n rdp-tcp#3         a.meyer                   2  Active                      \n                   b.kern                    3  Disc                        \n rdp-tcp                                 65536  Listen                      \n";

    #[test]
    fn the_listener_is_found_in_any_language() {
        assert_eq!(told(LIST), ["2: yes 1"]);
        let german = LIST.replace("Listen", "Abhören").replace("Disc ", "Getr.".get(..4).unwrap());
        assert_eq!(told(&german), ["2: yes 1"]);
        let gone: String = LIST
            .lines()
            .filter(|line| !line.contains("65536"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(told(&gone), ["2: no 1"]);
        assert_eq!(told(&format!("{gone}\n\n{LIST}")), ["2: no 1", "9: yes 1"]);
    }

    #[test]
    fn a_part_of_a_list_or_another_text_says_nothing() {
        for text in [
            "",
            "services 0 Disc",
            "services 0 Disc\n\nconsole",
            "two services\nconsole 1",
            "services 0 1\nconsole 1 Conn",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn lists_without_end_are_kept_within_their_budget() {
        let found = read(&format!("{LIST}\n").repeat(1_000), &"qwinsta.txt".into());
        assert_eq!((found.observations.len(), found.left_out), (MOST_LISTS, 984));
        let long = format!("services 0 Disc\nconsole 1 Conn\n{}", "a 2 Disc\n".repeat(100_000));
        assert!(told(&long).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(services 0 Disc|console|rdp-tcp|#3| 65536|\n|[a-z>é ]{1,6}){0,60}") {
            let _ = told(&text);
        }
    }
}
