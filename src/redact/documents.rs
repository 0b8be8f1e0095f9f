//! Texts, line by line: passwords and tokens are left out, names and addresses replaced. Lines
//! keep their numbers.

use super::learn::looks_like_host;
use super::text::Scrubber;
use super::words::FieldKind;
use crate::base::limits::MAX_DOCUMENT;
use crate::intake::{EvidenceFile, Utf8};
use crate::observe::EvidenceKind;
use std::io::{self, Read as _, Write};

/// Writes the copy of a text that was understood to hold these kinds; gives how many values and
/// lines were left out.
///
/// # Errors
/// What the operating system says, of either file.
pub(super) fn write(
    file: &EvidenceFile,
    kinds: &[EvidenceKind],
    scrubber: &Scrubber<'_>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut bytes = Vec::new();
    Utf8::new(file.stream()?).take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut dropped = 0;
    for line in text.lines() {
        let line = Line { line, kinds, scrubber };
        match line.rewritten() {
            Some(line) => writeln!(out, "{line}")?,
            None => {
                dropped += 1;
                writeln!(out)?;
            }
        }
    }
    Ok(dropped)
}

struct Line<'a> {
    line: &'a str,
    kinds: &'a [EvidenceKind],
    scrubber: &'a Scrubber<'a>,
}

impl Line<'_> {
    /// `None` for a line that is left out.
    fn rewritten(&self) -> Option<String> {
        if self.line.trim().is_empty() {
            return Some(String::new());
        }
        if let Some(setting) = self.setting() {
            return setting;
        }
        // What people write around an error dialog may name anybody; its values are numbers.
        if self.kinds == [EvidenceKind::Dialog] {
            let says = self.line.bytes().any(|byte| byte.is_ascii_digit());
            return says.then(|| self.scrubber.strict(self.line));
        }
        if self.kinds.contains(&EvidenceKind::Sessions) {
            return Some(self.session());
        }
        let named = self.labelled().or_else(|| self.clock());
        Some(named.unwrap_or_else(|| self.scrubber.text(self.line)))
    }

    /// `Tracking dc01.corp.example [10.0.0.2:123].`, in any language.
    fn clock(&self) -> Option<String> {
        let (head, rest) = self.line.split_once('[').filter(|(_, rest)| rest.contains(":123]"))?;
        let words = head.split_inclusive(char::is_whitespace).map(|word| {
            match looks_like_host(word.trim_end()) {
                true => self.scrubber.name(word),
                false => self.scrubber.text(word),
            }
        });
        Some(format!("{}[{}", words.collect::<String>(), self.scrubber.text(rest)))
    }

    /// `name:type:value` of an `.rdp` file.
    fn setting(&self) -> Option<Option<String>> {
        let mut parts = self.line.splitn(3, ':');
        let (name, kind, value) = (parts.next()?, parts.next()?, parts.next()?);
        if !matches!(kind, "s" | "i" | "b") {
            return None;
        }
        let words = &self.scrubber.pseudonyms.words;
        Some(match (kind, words.setting(name)) {
            ("i", _) => Some(self.line.to_owned()),
            ("b", _) | (_, FieldKind::Dropped) => None,
            (_, FieldKind::Name) => Some(format!("{name}:s:{}", self.scrubber.name(value))),
            (_, FieldKind::Text) => Some(format!("{name}:s:{}", self.scrubber.text(value))),
        })
    }

    /// `Label: value`, or `"Label"="value"`, where the label says that the value is a name.
    fn labelled(&self) -> Option<String> {
        let at = self.line.find([':', '='])?;
        let (label, value) = self.line.split_at_checked(at + 1)?;
        let bare: String = label.chars().filter(|c| c.is_alphanumeric()).collect();
        let words = &self.scrubber.pseudonyms.words;
        let named = !bare.is_empty() && words.own_field(&bare) == FieldKind::Name;
        named.then(|| format!("{}{}", self.scrubber.text(label), self.scrubber.name(value)))
    }

    /// A row of `qwinsta`: behind the name of the session stands who is in it.
    fn session(&self) -> String {
        let is_name = |word: &str| {
            let word = word.trim_start_matches('>');
            self.scrubber.pseudonyms.words.is_kept(word) || word == "console" || word == "services"
        };
        let word = self.line.split_whitespace().find(|word| is_name(word));
        let behind = word.and_then(|word| Some(self.line.find(word)? + word.len()));
        let (head, rest) =
            self.line.split_at_checked(behind.unwrap_or(0)).unwrap_or((self.line, ""));
        let user = rest.split_whitespace().next().unwrap_or_default();
        let number = user.bytes().all(|byte| byte.is_ascii_digit());
        let scrubbed = |text: &str| self.scrubber.text(text);
        match rest.split_once(user).filter(|_| !number && behind.is_some()) {
            Some((before, after)) => {
                format!("{}{before}{}{}", scrubbed(head), self.scrubber.name(user), scrubbed(after))
            }
            None => scrubbed(self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pseudonym::{KEY_LEN, Pseudonyms};
    use super::super::words::Words;
    use super::*;

    fn written(text: &str, kinds: &[EvidenceKind]) -> String {
        let made = Pseudonyms::new(&[4; KEY_LEN], Words::embedded().unwrap());
        let file = EvidenceFile::from_bytes("a.txt", text.as_bytes().to_vec());
        let mut out = Vec::new();
        write(&file, kinds, &Scrubber::new(&made), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn passwords_and_tokens_of_rdp_files_are_left_out_and_names_replaced() {
        let text = "full address:s:ts9.corp.test:3391\nusername:s:CORP\\meyer\npassword 51:b:01000000D08C9DDF\nserver port:i:3391\nloadbalanceinfo:s:tsv://abc\n";
        let made = written(text, &[EvidenceKind::RdpFile]);
        for original in ["ts9", "corp", "CORP", "meyer", "D08C9DDF", "abc"] {
            assert!(!made.contains(original), "{made}");
        }
        assert!(made.contains(".test:3391") && made.contains("server port:i:3391"), "{made}");
        assert_eq!(made.lines().count(), 5);
    }

    #[test]
    fn the_clock_that_somebody_compared_with_is_a_host() {
        for line in [
            "Tracking DC01.corp.test [10.0.0.2:123].",
            "DC01.corp.test wird überwacht [10.0.0.2:123].",
        ] {
            let made = written(line, &[EvidenceKind::Clock]);
            assert!(!made.contains("DC01") && !made.contains("corp"), "{made}");
            assert!(made.contains(":123]"), "{made}");
        }
    }

    #[test]
    fn around_a_dialog_only_its_numbers_stay() {
        let text = "Dear Mrs Schmidt,\nBob in room 12 sees this:\nError code: 0x904\nExtended error code: 0x7\n";
        let made = written(text, &[EvidenceKind::Dialog]);
        assert!(!made.contains("Schmidt") && !made.contains("Bob"), "{made}");
        assert!(made.contains("Error code: 0x904\nExtended error code: 0x7"), "{made}");
    }

    #[test]
    fn users_of_sessions_and_labelled_names_are_replaced() {
        let text = " SESSIONNAME  USERNAME  ID  STATE\n rdp-tcp#3  meyer  2  Active\n rdp-tcp  65536  Listen\n";
        let made = written(text, &[EvidenceKind::Sessions]);
        assert!(!made.contains("meyer") && made.contains("65536  Listen"), "{made}");
        let made = written("Host Name:   SRV77\nOS Version: 10.0.20348\n", &[EvidenceKind::System]);
        assert!(!made.contains("SRV77") && made.contains("10.0.20348"), "{made}");
    }
}
