//! Texts: what has a form of its own (addresses, SIDs, thumbprints, folders of users) is found
//! by its form, names are found because something named them.

use super::pieces::{Piece, SHORTEST_SERIAL, is_guid, walk};
use super::pseudonym::Pseudonyms;
use crate::base::hex;
use std::collections::{BTreeMap, BTreeSet};

/// Shorter names are words of any text.
const SHORTEST: usize = 3;
/// Shorter numbers are no names in a text.
const SHORTEST_NUMBER: usize = 6;
/// Names that are remembered.
const MAX_NAMES: usize = 200_000;

/// Rewrites texts of one case.
#[derive(Debug)]
pub struct Scrubber<'p> {
    pub(super) pseudonyms: &'p Pseudonyms,
    /// Names that the evidence names, in lower case.
    names: BTreeSet<String>,
    /// Names behind the first, which are replaced only where a field says what it holds.
    pub(super) names_left_out: u64,
    /// Thumbprints and serial numbers of rewritten certificates, in lower case.
    certificates: BTreeMap<String, String>,
}

/// Which names of a text are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    All,
    Known,
    /// All words but those of the client's error dialog.
    Strict,
}

/// Words of the dialog in English; in other languages they are replaced too, because they are
/// not looked at.
const DIALOG: [&str; 10] =
    ["error", "code", "extended", "timestamp", "utc", "activity", "id", "am", "pm", "caption"];

impl<'p> Scrubber<'p> {
    pub fn new(pseudonyms: &'p Pseudonyms) -> Self {
        let (names, certificates) = (BTreeSet::new(), BTreeMap::new());
        Self { pseudonyms, names, names_left_out: 0, certificates }
    }

    /// Remembers the names of a value that is nothing but names.
    pub fn learn(&mut self, value: &str) {
        let mut found = Vec::new();
        walk(value, &mut |piece| {
            if let Piece::Name { text, .. } = piece {
                found.push(text.to_lowercase());
            }
        });
        for name in found {
            let number = name.bytes().all(|byte| byte.is_ascii_digit());
            let length = name.chars().count();
            let short = length < if number { SHORTEST_NUMBER } else { SHORTEST };
            if short || self.pseudonyms.words.is_kept(&name) || is_guid(&name) {
                continue;
            }
            if self.names.len() < MAX_NAMES {
                self.names.insert(name);
            } else {
                self.names_left_out += 1;
            }
        }
    }

    /// Remembers the names of any text that their place tells: of folders of users, of those who
    /// log on, of hosts in service principal names.
    pub(super) fn learn_from_places(&mut self, text: &str) {
        let mut found = Vec::new();
        walk(text, &mut |piece| {
            if let Piece::Person(name) = piece {
                found.push(name);
            }
        });
        found.into_iter().for_each(|name| self.learn(name));
    }

    /// Remembers what became of a thumbprint or serial number.
    pub(super) fn learn_certificate(&mut self, original: &str, made: String) {
        if original.len() >= SHORTEST_SERIAL {
            self.certificates.insert(original.to_lowercase(), made);
        }
    }

    /// The names that are known, in lower case.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// A value that is nothing but names.
    pub fn name(&self, value: &str) -> String {
        self.scrub(value, Names::All)
    }

    /// Any text.
    pub fn text(&self, text: &str) -> String {
        self.scrub(text, Names::Known)
    }

    /// A text in which no word is trusted.
    pub(super) fn strict(&self, text: &str) -> String {
        self.scrub(text, Names::Strict)
    }

    fn scrub(&self, text: &str, which: Names) -> String {
        let mut out = String::with_capacity(text.len());
        walk(text, &mut |piece| match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Address(text, address) => {
                let made = self.pseudonyms.address(address);
                // As it was written where it stays.
                if made == address { out.push_str(text) } else { out.push_str(&made.to_string()) }
            }
            Piece::Hardware(text, address) => out.push_str(&self.hardware(text, address)),
            Piece::Sid(text) => out.push_str(&self.sid(text)),
            Piece::Hex(text) => out.push_str(&self.hex(text)),
            Piece::Guid(text) => match which {
                Names::All => out.push_str(&self.guid(text)),
                Names::Known | Names::Strict => out.push_str(text),
            },
            Piece::Name { text, is_label } => {
                let all = match which {
                    Names::All => !is_label,
                    Names::Known => false,
                    Names::Strict => {
                        let word = text.chars().all(char::is_alphabetic);
                        word && !DIALOG.contains(&text.to_lowercase().as_str())
                    }
                };
                match all || self.names.contains(&text.to_lowercase()) {
                    true => out.push_str(&self.pseudonyms.name(text)),
                    false => out.push_str(text),
                }
            }
            Piece::Person(text) => out.push_str(&self.pseudonyms.name(text)),
        });
        out
    }

    fn hardware(&self, text: &str, address: [u8; 6]) -> String {
        let separator = if text.contains('-') { "-" } else { ":" };
        let upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        let made = self.pseudonyms.hardware(address).map(|byte| match upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        });
        made.join(separator)
    }

    /// A SID: who issued it is replaced, the rest says what it is.
    fn sid(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split('-').collect();
        let (from, count) = match parts.get(2..4) {
            Some(["5", "21"]) => (4, 3),
            Some(["12", "1"]) => (4, 4),
            Some(["5", "82" | "83"]) => (4, parts.len().saturating_sub(4)),
            _ => return text.to_owned(),
        };
        let numbers = parts.get(from..from + count).unwrap_or_default();
        let numbers: Vec<u32> = numbers.iter().filter_map(|part| part.parse().ok()).collect();
        let mut made = self.pseudonyms.sub_authorities(&numbers).into_iter();
        let shown = parts.iter().enumerate().map(|(at, part)| {
            let inside = (from..from + count).contains(&at) && part.parse::<u32>().is_ok();
            let number = inside.then(|| made.next()).flatten();
            number.map_or_else(|| (*part).to_owned(), |number| number.to_string())
        });
        shown.collect::<Vec<_>>().join("-")
    }

    /// A number in hex, with or without separators between its bytes.
    fn hex(&self, text: &str) -> String {
        let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let thumbprint = matches!(bare.len(), 40 | 64);
        let known = self.certificates.get(&bare.to_lowercase());
        let made = match known {
            Some(known) => known.clone(),
            None if thumbprint => self.pseudonyms.digits(&bare),
            None => return text.to_owned(),
        };
        let upper = bare.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut digits = made.chars().map(|c| if upper { c.to_ascii_uppercase() } else { c });
        let place = |c: char| if c.is_ascii_hexdigit() { digits.next().unwrap_or('0') } else { c };
        text.chars().map(place).collect()
    }

    fn guid(&self, text: &str) -> String {
        let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let made = hex(&self.pseudonyms.noise(bare.to_lowercase().as_bytes()));
        let mut digits = made.chars();
        let place = |c: char| if c == '-' { c } else { digits.next().unwrap_or('0') };
        text.chars().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pseudonym::KEY_LEN;
    use super::super::words::Words;
    use super::*;
    use proptest::prelude::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(&[9; KEY_LEN], Words::embedded().unwrap())
    }

    #[test]
    fn what_has_a_form_is_found_in_any_text() {
        let made = pseudonyms();
        let scrubber = Scrubber::new(&made);
        for text in [
            "from 203.0.113.7:50123 to [2a01:4f8::7]:3389",
            "S-1-5-21-111111111-222222222-333333333-1104",
            "at 00-15-5D-01-02-03 and 00:15:5d:01:02:03",
            "C:\\Users\\a.meyer\\AppData",
            "a.meyer@corp.test failed",
            "thumbprint aabbccddeeff00112233445566778899aabbccdd",
            "Cert Hash(sha1): aa bb cc dd ee ff 00 11 22 33 44 55 66 77 88 99 aa bb cc dd",
        ] {
            let scrubbed = scrubber.text(text);
            for original in
                ["203.0.113.7", "2a01:4f8", "111111111", "15-5D", "15:5d", "meyer", "aabb", "aa bb"]
            {
                assert!(!scrubbed.contains(original), "{scrubbed}");
            }
            assert_eq!(scrubbed, scrubber.text(text));
        }
        assert!(scrubber.text("x S-1-5-21-1-2-3-1104").ends_with("-1104"));
    }

    #[test]
    fn what_identifies_nobody_stays() {
        let made = pseudonyms();
        let mut scrubber = Scrubber::new(&made);
        scrubber.learn("CORP\\a.meyer");
        for text in [
            "2025-06-03T08:15:01.285Z",
            "0x80090308 at 08:15:01, version 10.0.20348",
            "1.3.6.1.5.5.7.3.1 (server)",
            "S-1-5-18 std::net 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "ip.addr == 127.0.0.1 && tcp.port == 3389",
            "NT AUTHORITY\\SYSTEM",
        ] {
            assert_eq!(scrubber.text(text), text);
        }
    }

    #[test]
    fn learned_names_are_found_in_texts_whatever_their_case() {
        let made = pseudonyms();
        let mut scrubber = Scrubber::new(&made);
        scrubber.learn("TS-PROD-01.corp.test");
        let scrubbed = scrubber.text("the name ts-prod-01 of CORP, and ts-prod-010");
        assert!(!scrubbed.contains("ts-prod-01 ") && !scrubbed.contains("CORP"), "{scrubbed}");
        assert!(scrubbed.ends_with("ts-prod-010"), "{scrubbed}");
        assert_eq!(scrubber.name("TS-PROD-01").to_lowercase(), scrubber.text("ts-prod-01"));
        let named = scrubber.name("CN=TS-PROD-01.corp.test:3389");
        assert!(named.starts_with("CN=") && named.ends_with(".test:3389"), "{named}");
    }

    #[test]
    fn certificates_are_told_by_their_new_thumbprints() {
        let made = pseudonyms();
        let mut scrubber = Scrubber::new(&made);
        let (old, new) = ("aa".repeat(20), "1b".repeat(20));
        scrubber.learn_certificate(&old, new.clone());
        assert_eq!(scrubber.text(&old.to_uppercase()), new.to_uppercase());
        assert_eq!(scrubber.text(&["aa"; 20].join(" ")), ["1b"; 20].join(" "));
    }

    #[test]
    fn the_host_of_a_service_is_a_name_wherever_it_stands() {
        let made = Pseudonyms::new(&[4; KEY_LEN], Words::embedded().unwrap());
        let mut scrubber = Scrubber::new(&made);
        let text = "no ticket for ldap/DC-01.example.test, see TERMSRV/ts9 and http/1.1";
        let shown = scrubber.text(text);
        assert!(!shown.contains("DC-01") && !shown.contains("ts9"), "{shown}");
        assert!(shown.contains("ldap/") && shown.ends_with("http/1.1"), "{shown}");
        scrubber.learn_from_places(text);
        assert!(!scrubber.text("ask dc-01").contains("dc-01"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "([0-9a-f]{2}[:. -]|S-1-5-21-|\\\\Users\\\\|@|::|é|[a-z]{1,9}|\n){0,30}") {
            let made = pseudonyms();
            let mut scrubber = Scrubber::new(&made);
            scrubber.learn(&text);
            let once = scrubber.text(&text);
            prop_assert_eq!(scrubber.text(&text), once);
        }
    }
}
