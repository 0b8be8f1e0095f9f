//! How entries of archives are called. A name in an archive is somebody else's text: it
//! labels, it never becomes a path.

use crate::base::for_terminal;
use crate::base::limits::MAX_TEXT;
use std::collections::{HashMap, HashSet};

/// The names that are given, none twice.
#[derive(Debug, Default)]
pub(in crate::intake) struct Labels {
    given: HashSet<String>,
    /// With which number to go on, for names that came more than once.
    next: HashMap<String, u64>,
}

impl Labels {
    /// The name, or the first of `name (2)`, `name (3)`, ... that is free.
    pub(in crate::intake) fn unique(&mut self, name: String) -> String {
        if self.given.insert(name.clone()) {
            return name;
        }
        let next = self.next.entry(name.clone()).or_insert(2);
        // Each turn finds a name that was given, and those are as many as entries.
        loop {
            let numbered = format!("{name} ({next})");
            *next += 1;
            if self.given.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// The name of an entry as a label: parts with `/` between them, nothing that leads
/// elsewhere, no control characters, not longer than a text may be.
pub(super) fn clean(name: &str) -> String {
    let parts = name.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    let clean = parts.collect::<Vec<_>>().join("/");
    let clean = for_terminal(&clean);
    match clean.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None if clean.is_empty() => "(no name)".to_owned(),
        None => clean.into_owned(),
    }
}

/// Whether the names are those of a Velociraptor collection, which writes what it takes
/// from file systems with percent signs.
pub(super) fn are_percent_encoded<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| {
        let last = name.rsplit('/').next();
        let is_index = matches!(last, Some("uploads.json" | "client_info.json"));
        let uploaded = name.starts_with("uploads/") || name.contains("/uploads/");
        is_index || (uploaded && name.to_ascii_lowercase().contains("%3a"))
    })
}

/// The text with its escapes undone once: `%254` is the real name's `%4`. What is no
/// escape stays, and so does a part whose escapes do not give text.
pub(super) fn decoded(name: &str) -> String {
    let part = |part: &str| String::from_utf8(unescaped(part)).unwrap_or_else(|_| part.to_owned());
    name.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut rest, mut out) = (text.as_bytes(), Vec::with_capacity(text.len()));
    while let Some((first, behind)) = rest.split_first() {
        match (*first == b'%').then(|| escape(behind)).flatten() {
            Some(byte) => {
                out.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

/// The byte of two hexadecimal digits.
fn escape(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        for (name, label) in [
            ("../../etc/passwd", "etc/passwd"),
            ("/var/log/x", "var/log/x"),
            ("C:\\Windows\\..\\System.evtx", "C:/Windows/System.evtx"),
            ("\\\\.\\C:\\CON", "C:/CON"),
            ("a\0b\u{1b}[2J\r\n", "a\\u{0}b\\u{1b}[2J\\u{d}\\u{a}"),
            ("..", "(no name)"),
            ("", "(no name)"),
        ] {
            assert_eq!(clean(name), label);
        }
        assert_eq!(clean(&"x".repeat(100_000)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut labels = Labels::default();
        let given: Vec<String> = ["a", "a (2)", "a", "a", "a (2)"]
            .into_iter()
            .map(|name| labels.unique(name.to_owned()))
            .collect();
        assert_eq!(given, ["a", "a (2)", "a (3)", "a (4)", "a (2) (2)"]);
    }

    #[test]
    fn escapes_are_undone_once() {
        for (name, label) in [
            (
                "uploads/auto/C%3A/Logs/RCM%254Operational.evtx",
                "uploads/auto/C:/Logs/RCM%4Operational.evtx",
            ),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff/%41", "%ff/A"),
            ("%+1%é", "%+1%é"),
        ] {
            assert_eq!(decoded(name), label);
        }
        assert_eq!(clean(&decoded("uploads/ntfs/%5C%5C.%5CC%3A/x")), "uploads/ntfs/C:/x");
    }

    #[test]
    fn a_collection_is_told_by_its_own_files() {
        assert!(are_percent_encoded(["a", "host/client_info.json"]));
        assert!(are_percent_encoded(["uploads/auto/C%3A/x"]));
        assert!(!are_percent_encoded(["C%3A/x", "uploads/x"]));
    }
}
