//! Texts: what has a form of its own (addresses, SIDs, thumbprints, folders of users) is found
//! by its form, names are found because something named them.

use super::pseudonym::{Pseudonyms, is_of_name};
use crate::base::hex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Shorter names are words of any text.
const SHORTEST: usize = 3;
/// Shorter numbers are no names in a text.
const SHORTEST_NUMBER: usize = 6;
/// Names that are remembered.
const MAX_NAMES: usize = 200_000;
/// Digits of a number in hex that may be that of a certificate.
const SHORTEST_SERIAL: usize = 8;

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

/// What a text consists of.
enum Piece<'a> {
    Plain(&'a str),
    Address(&'a str, IpAddr),
    Hardware(&'a str, [u8; 6]),
    Sid(&'a str),
    Hex(&'a str),
    Guid(&'a str),
    /// A name; a label stands before `=` or is a number behind a colon.
    Name {
        text: &'a str,
        is_label: bool,
    },
    /// A name that its place tells: whose folder it is, or who logs on.
    Person(&'a str),
}

/// Goes over a text piece by piece.
fn walk<'a>(text: &'a str, take: &mut dyn FnMut(Piece<'a>)) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let before = text.get(..at).unwrap_or_default();
        let first = rest.chars().next().unwrap_or(' ');
        let begins = before.chars().next_back().is_none_or(|c| !is_of_name(c));
        let piece = match begins && (is_of_name(first) || first == ':') {
            true => form(rest, before),
            false => None,
        };
        let length = match piece {
            Some((piece, length)) => {
                take(piece);
                length
            }
            None if is_of_name(first) => {
                let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at(length);
                take(name_piece(name, before, after));
                length
            }
            None => {
                let length = first.len_utf8();
                take(Piece::Plain(rest.get(..length).unwrap_or_default()));
                length
            }
        };
        at += length.max(1);
    }
}

fn name_piece<'a>(name: &'a str, before: &str, after: &str) -> Piece<'a> {
    let number = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_label = after.starts_with('=') || (number && before.ends_with(':'));
    match names_a_person(before, after) && !number {
        true => Piece::Person(name),
        false => Piece::Name { text: name, is_label },
    }
}

/// Whether a name stands behind `\Users\`, or in `name@host`.
fn names_a_person(before: &str, after: &str) -> bool {
    let part = |c: &char| is_of_name(*c) || *c == '.';
    let tail: String =
        before.chars().rev().take(PERSON).skip_while(part).take(FOLDER.len()).collect();
    let folder = tail.to_ascii_lowercase().replace('/', "\\") == FOLDER;
    let mut behind = after.chars().take(PERSON).skip_while(part);
    let host = (behind.next() == Some('@')).then(|| behind.next()).flatten();
    folder || host.is_some_and(char::is_alphabetic)
}

/// `\Users\`, backwards.
const FOLDER: &str = "\\sresu\\";
/// Characters of a user's name with dots in it.
const PERSON: usize = 64;

/// Bytes in which everything has room that its form tells.
const FORM: usize = 256;

/// Something that its form tells, at the head of a text.
fn form<'a>(rest: &'a str, before: &str) -> Option<(Piece<'a>, usize)> {
    let rest = rest.get(..rest.floor_char_boundary(FORM)).unwrap_or(rest);
    let span = |belongs: &dyn Fn(char) -> bool| {
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        rest.get(..length).unwrap_or_default()
    };
    let word = span(&is_of_name);
    if is_sid(word) {
        return Some((Piece::Sid(word), word.len()));
    }
    if is_guid(word) {
        return Some((Piece::Guid(word), word.len()));
    }
    if let Some((text, address)) = hardware(rest) {
        return Some((Piece::Hardware(text, address), text.len()));
    }
    let v6 = span(&|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    if let Some((text, address)) = ipv6(v6, rest) {
        return Some((Piece::Address(text, address.into()), text.len()));
    }
    let v4 = span(&|c| c.is_ascii_digit() || c == '.').trim_end_matches('.');
    let follows = rest.get(v4.len()..).and_then(|after| after.chars().next());
    let whole = follows.is_none_or(|c| !is_of_name(c)) && !before.ends_with('.');
    if let (Ok(address), true) = (v4.parse::<Ipv4Addr>(), whole) {
        return Some((Piece::Address(v4, address.into()), v4.len()));
    }
    hex_run(rest).map(|text| (Piece::Hex(text), text.len()))
}

fn is_sid(word: &str) -> bool {
    let rest = word.strip_prefix("S-1-").or_else(|| word.strip_prefix("s-1-"));
    rest.is_some_and(|rest| {
        rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn is_guid(word: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.len() == 36
        && word.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && word.split('-').all(hex)
}

/// `00-11-22-33-44-55`, or with colons.
fn hardware(rest: &str) -> Option<(&str, [u8; 6])> {
    let text = rest.get(..17)?;
    let ends = rest.get(17..)?.chars().next();
    if ends.is_some_and(|c| is_of_name(c) || c == ':') {
        return None;
    }
    let separator = *text.as_bytes().get(2)?;
    if !matches!(separator, b'-' | b':') {
        return None;
    }
    let mut bytes = [0; 6];
    let mut parts = text.split(char::from(separator));
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some((text, bytes))
}

/// An IPv6 address at the head of a run of its characters; a port may follow in brackets only.
fn ipv6<'a>(run: &'a str, rest: &str) -> Option<(&'a str, Ipv6Addr)> {
    if run.matches(':').count() < 2 {
        return None;
    }
    let follows = rest.get(run.len()..)?.chars().next();
    if follows.is_some_and(is_of_name) {
        return None;
    }
    [run, run.trim_end_matches(['.', ':'])]
        .into_iter()
        .find_map(|text| Some((text, text.parse().ok()?)))
}

/// Bytes in hex: together, or in pairs with one separator.
fn hex_run(rest: &str) -> Option<&str> {
    let word = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    let ends = |length: usize| {
        rest.get(length..)?.chars().next().is_none_or(|c| !is_of_name(c)).then_some(())
    };
    if word >= SHORTEST_SERIAL {
        ends(word)?;
        return rest.get(..word);
    }
    let bytes = rest.as_bytes();
    let separator = *bytes.get(2).filter(|byte| matches!(byte, b' ' | b':' | b'-'))?;
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut length = 0;
    while is_hex(length) && is_hex(length + 1) && length < 3 * 64 {
        length += 2;
        if bytes.get(length) == Some(&separator) && is_hex(length + 1) && is_hex(length + 2) {
            length += 1;
        } else {
            break;
        }
    }
    ends(length)?;
    (length >= 3 * SHORTEST_SERIAL / 2 - 1).then(|| rest.get(..length)).flatten()
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
