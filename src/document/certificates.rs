//! Certificates of the server's stores: `certutil -store` and `-verifystore`, and
//! PowerShell's `Cert:` drive as a list.
//!
//! The words of `certutil` are translated, so of its sections only hashes and error codes
//! count. Its dates are in the order of day and month of an unknown language: they are not
//! looked at.

use super::undated;
use crate::observe::Observation;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Certificates of one text that are kept.
const MOST_CERTIFICATES: usize = 256;
/// Hashes and codes of one certificate that are kept.
const MOST_PARTS: usize = 16;
/// What a section of `certutil` begins and ends its headline with.
const RULER: &str = "================";

/// The certificates of a text.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    pub(super) observations: Vec<Observation>,
    pub(super) count: u64,
    pub(super) left_out: u64,
}

/// What is known of one certificate so far.
#[derive(Debug, Default)]
struct Current {
    line: usize,
    /// By `certutil`: goes on over empty lines.
    section: bool,
    /// Hashes of 20 bytes. With `-v` one of them is the key's.
    sha1: BTreeSet<String>,
    /// HRESULTs of CryptoAPI, [MS-ERREF] 2.1.1, facilities 9 and 11.
    codes: BTreeSet<String>,
    has_key: Option<bool>,
}

/// All certificates of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Certificates {
    let mut found = Certificates::default();
    let mut current = Current::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let headline =
            line.len() > 2 * RULER.len() && line.starts_with(RULER) && line.ends_with(RULER);
        // The last line of certutil is about the command.
        let ends = line.starts_with("CertUtil:") || (line.trim().is_empty() && !current.section);
        if headline || ends {
            found.keep(std::mem::take(&mut current), file);
            current.section = headline;
            current.line = at + 1;
        } else if current.section {
            current.section_line(line);
        } else {
            current.property(line, at + 1);
        }
    }
    found.keep(current, file);
    found
}

impl Current {
    /// A line of `certutil`.
    fn section_line(&mut self, line: &str) {
        if let Some((label, value)) = line.rsplit_once(':')
            && label.to_ascii_lowercase().ends_with("(sha1)")
        {
            self.hash(value);
        }
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()) {
            let code = word.to_ascii_lowercase();
            let of_crypto = code.starts_with("0x8009") || code.starts_with("0x800b");
            if of_crypto && code.len() == 10 && self.codes.len() < MOST_PARTS {
                self.codes.insert(code);
            }
        }
    }

    /// `Thumbprint : A909…`, as Format-List writes it.
    fn property(&mut self, line: &str, number: usize) {
        let Some((name, value)) = line.split_once(':') else { return };
        match (name.trim_end(), value.trim()) {
            ("Thumbprint", value) => {
                self.line = number;
                self.hash(value);
            }
            ("HasPrivateKey", "True") => self.has_key = Some(true),
            ("HasPrivateKey", "False") => self.has_key = Some(false),
            _ => {}
        }
    }

    fn hash(&mut self, text: &str) {
        let hash: String = text.chars().filter(|c| !c.is_whitespace()).take(41).collect();
        let is_sha1 = hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit());
        if is_sha1 && self.sha1.len() < MOST_PARTS {
            self.sha1.insert(hash.to_ascii_lowercase());
        }
    }
}

impl Certificates {
    fn keep(&mut self, current: Current, file: &Arc<str>) {
        if current.sha1.is_empty() {
            return;
        }
        self.count += 1;
        if self.observations.len() >= MOST_CERTIFICATES {
            self.left_out += 1;
            return;
        }
        let joined = |parts: &BTreeSet<String>| parts.iter().cloned().collect::<Vec<_>>().join(" ");
        let has_key = match current.has_key {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let fields = [
            ("sha1", joined(&current.sha1)),
            ("codes", joined(&current.codes)),
            ("has_key", has_key.to_owned()),
        ];
        self.observations.push(undated("text.certificate", file, current.line, fields));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Place;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let shown = |o: &Observation| {
            let Place::Line(line) = o.source.place else { panic!("{o:?}") };
            let field = |name| o.field(name).unwrap();
            format!("{line}: {} [{}] key {}", field("sha1"), field("codes"), field("has_key"))
        };
        read(text, &"certs.txt".into()).observations.iter().map(shown).collect()
    }

    const STORE: &str = "Remote Desktop \"Remotedesktop\"
================ Zertifikat 0 ================
Seriennummer: 27f1a2
Aussteller: CN=srv01.example.test
 Nicht vor: 03.05.2025 10:12
 Nicht nach: 02.11.2025 10:12

Zertifikathash(sha1): a9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b
  Schlüsselcontainer = TSSecKeySet1
Zertifikat ist nicht gültig: 0x800b0101 (-2146762495 CERT_E_EXPIRED)
================ Zertifikat 1 ================
Zertifikathash(sha1): 0000000000000000000000000000000000000001
CertUtil: -verifystore-Befehl ist fehlgeschlagen: 0x80092004 (-2146885628 CRYPT_E_NOT_FOUND)
";

    #[test]
    fn stores_are_read_in_any_language() {
        assert_eq!(
            told(STORE),
            [
                "2: a909502dd82ae41433e6f83886b00d4277a32a7b [0x800b0101] key unknown",
                "11: 0000000000000000000000000000000000000001 [] key unknown"
            ]
        );
    }

    #[test]
    fn the_certificate_drive_is_read_as_a_list() {
        let text = "\n\nSubject       : CN=srv01\nNotAfter      : 11/2/2025 10:12:00 AM\nHasPrivateKey : False\nThumbprint    : A909502DD82AE41433E6F83886B00D4277A32A7B\n\nHasPrivateKey : True\nThumbprint    : A909502DD82AE41433E6F83886B00D4277A32A7C\n";
        assert_eq!(
            told(text),
            [
                "6: a909502dd82ae41433e6f83886b00d4277a32a7b [] key no",
                "9: a909502dd82ae41433e6f83886b00d4277a32a7c [] key yes"
            ]
        );
    }

    #[test]
    fn other_texts_are_no_certificates() {
        for text in [
            "",
            "================ x ================\n0x800b0101",
            "Thumbprint : A9",
            "Hash(sha1): a909502dd82ae41433e6f83886b00d4277a32a7b",
            &"=".repeat(1000),
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn stores_without_end_are_kept_within_their_budget() {
        let one = "Thumbprint : A909502DD82AE41433E6F83886B00D4277A32A7B\n\n";
        let many = read(&one.repeat(1000), &"c.txt".into());
        assert_eq!((many.observations.len(), many.count, many.left_out), (256, 1000, 744));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in r"(================|(sha1): |CertUtil:|Thumbprint : |[0-9a-f]{40}|0x800b0101|\n|é| ){0,60}") {
            let _ = told(&text);
        }
    }
}
