//! What the script of `rdp-triage collect-script` tells of its own collection: what it got,
//! and what it could not get and why.
//!
//! ```text
//! rdp-triage collection 1
//! got: System.evtx
//! not here: Microsoft-Windows-CAPI2/Operational
//! not got: Security: Access is denied. (5)
//! ```

use crate::base::limits::MAX_TEXT;

/// The first line of the text.
const TITLE: &str = "rdp-triage collection 1";
/// Things not got that are told; the script asks for some forty.
const MOST_TOLD: usize = 256;

/// What such a text says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Collection {
    /// Everything that was asked for.
    pub(super) count: u64,
    /// What could not be got, each with the reason that Windows gave.
    pub(super) not_got: Vec<String>,
    /// Those behind the first.
    pub(super) left_out: u64,
}

/// `None` for any other text.
pub(super) fn read(text: &str) -> Option<Collection> {
    let mut lines = text.lines();
    if lines.next()?.trim_end() != TITLE {
        return None;
    }
    let mut found = Collection::default();
    for line in lines {
        let Some((state, what)) = line.split_once(": ") else { continue };
        if !matches!(state, "got" | "not here" | "not got") {
            continue;
        }
        found.count += 1;
        match state {
            "not got" if found.not_got.len() < MOST_TOLD => {
                found.not_got.push(what.chars().take(MAX_TEXT).collect());
            }
            "not got" => found.left_out += 1,
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_got_is_told_with_its_reason() {
        let text = "rdp-triage collection 1\r\nhost: SRV01\r\nroles: client server\r\ngot: System.evtx\r\nnot here: X/Operational\r\nnot got: Security: Zugriff verweigert (5)\r\n";
        let expect = Collection {
            count: 3,
            not_got: vec!["Security: Zugriff verweigert (5)".to_owned()],
            left_out: 0,
        };
        assert_eq!(read(text), Some(expect));
    }

    #[test]
    fn other_texts_are_no_collections() {
        for text in
            ["", "not got: a", "rdp-triage collection 12\nnot got: a", "\nrdp-triage collection 1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn lists_without_end_are_kept_within_their_budget() {
        let long = "a".repeat(2 * MAX_TEXT);
        let text = format!("{TITLE}\n{}", format!("not got: {long}\n").repeat(1_000));
        let found = read(&text).unwrap();
        assert_eq!((found.count, found.not_got.len(), found.left_out), (1_000, MOST_TOLD, 744));
        assert_eq!(found.not_got[0].len(), MAX_TEXT);
    }
}
