//! The cipher suites that a host has enabled, in its order: `Get-TlsCipherSuite`, as a list
//! of properties, as a table, or one name a line.
//!
//! The names are the registry's; Windows Server 2012 R2 and older append a curve.

use super::kept::Kept;
use super::undated;
use crate::observe::cipher_suite_id;
use std::sync::Arc;

/// Lists of one text that are kept.
const MOST_LISTS: usize = 16;
/// Suites of one list that are kept; Windows knows fewer.
const MOST_SUITES: usize = 256;
/// So many names one below the other are a list; a sentence may hold one or two.
const FEWEST_SUITES: usize = 3;
/// Lines without a name that may stand between two names: the other properties of a suite,
/// whose lists go over several lines.
const LINES_BETWEEN: usize = 40;

/// What the lists of a text say.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) kept: Kept,
    /// Suites that nobody named yet, or that are too many.
    pub(super) unknown: u64,
}

/// Names one below the other.
#[derive(Debug, Default)]
struct List<'a> {
    first: usize,
    last: usize,
    names: Vec<&'a str>,
    unknown: u64,
    /// Written as `Name : …`, so that other properties stand between.
    labelled: bool,
}

/// All lists of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Lists {
    let mut found = Lists { kept: Kept::up_to(MOST_LISTS), unknown: 0 };
    let mut list = List::default();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let Some((suite, labelled)) = suite(line) else { continue };
        let between = number.saturating_sub(list.last + 1);
        let goes_on =
            labelled == list.labelled && between <= if labelled { LINES_BETWEEN } else { 0 };
        // The same suite again begins another list.
        if list.first == 0 || !goes_on || list.names.contains(&suite) {
            found.end(&list, file);
            list = List { first: number, labelled, ..List::default() };
        }
        list.last = number;
        list.add(suite);
    }
    found.end(&list, file);
    found
}

impl<'a> List<'a> {
    fn add(&mut self, suite: &'a str) {
        // Looking a name up takes a walk through the registry.
        let room = self.names.len() + usize::try_from(self.unknown).unwrap_or(MOST_SUITES);
        match room < MOST_SUITES && cipher_suite_id(suite).is_some() {
            true => self.names.push(suite),
            false => self.unknown += 1,
        }
    }
}

impl Lists {
    fn end(&mut self, list: &List<'_>, file: &Arc<str>) {
        let fewest = if list.labelled { 1 } else { FEWEST_SUITES };
        if list.names.len() < fewest {
            return;
        }
        self.unknown += list.unknown;
        let whole = if list.unknown == 0 { "yes" } else { "no" };
        let fields = [("suites", list.names.join(" ")), ("all_suites_known", whole.to_owned())];
        self.kept.add(undated("text.suites", file, list.first, fields));
    }
}

/// The suite of a line, and whether it is labelled `Name : …`.
fn suite(line: &str) -> Option<(&str, bool)> {
    let line = line.trim();
    let (word, labelled) = match line.split_once(':') {
        Some((label, value)) if label.trim_end() == "Name" => (value.trim(), true),
        // A table may have other columns behind.
        _ => (line.split_whitespace().next()?, false),
    };
    let word = word.trim_matches(['"', '\'', ',']);
    let is_name = word.starts_with("TLS_")
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        return None;
    }
    let curve = ["_P256", "_P384", "_P521"].iter().find_map(|curve| word.strip_suffix(curve));
    Some((curve.unwrap_or(word), labelled))
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
            format!("{line}: {} {}", field("suites"), field("all_suites_known"))
        };
        read(text, &"suites.txt".into()).kept.observations.iter().map(shown).collect()
    }

    const LIST: &str = "

KeyType               : 0
Certificate           : ECDSA
MaximumExchangeLength : 65536
Exchange              : ECDH
HashLength            : 0
CipherBlockLength     : 16
CipherLength          : 256
BaseCipherSuite       : 49196
CipherSuite           : 49196
Cipher                : AES
Name                  : TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
Protocols             : {771, 65277}

KeyType               : 0
Certificate           : RSA
Name                  : TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
Protocols             : {771, 65277}
";

    #[test]
    fn each_way_to_print_the_suites_is_read() {
        let (ecdsa, rsa) =
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(told(LIST), [format!("13: {ecdsa} {rsa} yes")]);
        let third = "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384";
        let table = format!(
            "PS C:\\> Get-TlsCipherSuite | ft Name\n\nName\n----\n{ecdsa}  \n{rsa}\n{third}\n\n"
        );
        assert_eq!(told(&table), [format!("5: {ecdsa} {rsa} {third} yes")]);
        let old = format!("{rsa}_P384\n{ecdsa}_P256\n{third}\n");
        assert_eq!(told(&old), [format!("1: {rsa} {ecdsa} {third} yes")]);
    }

    #[test]
    fn a_suite_that_nobody_named_is_counted() {
        let text = LIST.replace("TLS_ECDHE_ECDSA", "TLS_KYBER");
        assert_eq!(told(&text), ["13: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 no"]);
        assert_eq!(read(&text, &"suites.txt".into()).unknown, 1);
    }

    #[test]
    fn a_suite_in_a_sentence_is_no_list() {
        for text in [
            "",
            "TLS_RSA_WITH_AES_128_CBC_SHA is weak\n",
            "use TLS_RSA_WITH_AES_128_CBC_SHA",
            "Name : a",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn lists_without_end_are_kept_within_their_budget_and_take_no_time() {
        let lists = read(&LIST.repeat(100), &"suites.txt".into());
        assert_eq!((lists.kept.observations.len(), lists.kept.left_out), (MOST_LISTS, 84));
        let unknown = "TLS_NOBODY_KNOWS_THIS\n".repeat(150_000);
        assert!(told(&unknown).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(Name +: |TLS_|TLS_RSA_WITH_AES_128_CBC_SHA|_P256|\n|[A-Z_é ]{1,6}){0,60}") {
            let _ = told(&text);
        }
    }
}
