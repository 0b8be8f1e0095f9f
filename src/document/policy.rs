//! Policies about Remote Desktop that are in force, as `gpresult` shows them: as text
//! (`/z`) and as HTML (`/h`).
//!
//! Labels and titles are in the language of Windows; names in the registry are not, and
//! only policies that are shown by theirs are read.

use super::kept::Kept;
use super::undated;
use std::sync::Arc;

/// Values of one text that are kept.
const MOST_VALUES: usize = 64;
/// Lines below a name in which its value stands.
const LINES_BELOW: usize = 3;
/// Bytes of HTML behind a name in which its value stands.
const HTML_BEHIND: usize = 512;

/// Keys of policies in lower case, and the names below each of them.
const POLICIES: [(&str, &[&str]); 2] = [
    (
        "software\\policies\\microsoft\\windows nt\\terminal services\\",
        &["fDenyTSConnections", "SecurityLayer", "UserAuthentication"],
    ),
    (
        "software\\microsoft\\windows\\currentversion\\policies\\system\\credssp\\parameters\\",
        &["AllowEncryptionOracle"],
    ),
];

/// What the policies of a text say.
#[derive(Debug)]
pub(super) struct Policies {
    pub(super) kept: Kept,
    /// Names whose value is not understood.
    pub(super) unknown: u64,
}

/// All policies of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Policies {
    let mut found = Policies { kept: Kept::up_to(MOST_VALUES), unknown: 0 };
    // As long as the text, byte by byte.
    let lower = text.to_ascii_lowercase();
    let lines: Vec<&str> = text.lines().collect();
    let mut before = 0;
    for (at, line) in lower.split_inclusive('\n').enumerate() {
        for (key, names) in POLICIES {
            for (place, _) in line.match_indices(key) {
                let behind = before + place + key.len();
                let name = names
                    .iter()
                    .find_map(|name| Some((*name, value(text, &lines, at, behind, name)?)));
                match name {
                    Some((name, Some(number))) => {
                        let fields = [("name", name.to_owned()), ("value", number.to_string())];
                        found.kept.add(undated("text.policy", file, at + 1, fields));
                    }
                    Some((_, None)) => found.unknown += 1,
                    None => {}
                }
            }
        }
        before += line.len();
    }
    found
}

/// The value of a name that stands `behind` a key, in line `at`; `None` where another name
/// stands there, `Some(None)` where the value is not understood.
fn value(text: &str, lines: &[&str], at: usize, behind: usize, name: &str) -> Option<Option<u32>> {
    let rest = text.get(behind..)?;
    let (found, rest) = rest.split_at_checked(name.len())?;
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\\' || c == '_');
    if !found.eq_ignore_ascii_case(name) || !ends {
        return None;
    }
    if rest.trim_start().starts_with('<') {
        return Some(cell(rest));
    }
    let below = lines.iter().skip(at + 1).take(LINES_BELOW);
    Some(below.filter_map(|line| line.split_once(':')).find_map(|(_, value)| bytes(value)))
}

/// `1, 0, 0, 0`: the bytes of a number, the lowest first.
fn bytes(value: &str) -> Option<u32> {
    let mut parts = value.split(',').map(|part| part.trim().parse::<u8>().ok());
    let bytes = [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(u32::from_le_bytes(bytes))
}

/// The number in the next cell of a table: `</td><td>1</td>`.
fn cell(html: &str) -> Option<u32> {
    let tags = html.split('<').skip(1).take_while({
        let mut seen = 0;
        move |piece| {
            seen += piece.len();
            seen <= HTML_BEHIND
        }
    });
    let texts = tags.filter_map(|piece| piece.split_once('>'));
    let first = texts.map(|(_, text)| text.trim()).find(|text| !text.is_empty())?;
    first.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observation, Place};
    use proptest::prelude::*;

    const KEY: &str = r"Software\Policies\Microsoft\Windows NT\Terminal Services\";

    fn told(text: &str) -> Vec<String> {
        let shown = |found: &Observation| {
            let Place::Line(line) = found.source.place else { panic!("{found:?}") };
            format!("{line}: {} {}", found.field("name").unwrap(), found.field("value").unwrap())
        };
        read(text, &"gpresult.txt".into()).kept.observations.iter().map(shown).collect()
    }

    #[test]
    fn values_are_read_by_their_names_in_the_registry() {
        let text = format!(
            "            GPO: RDS\n                KeyName:     {KEY}fDenyTSConnections\n                Value:       1, 0, 0, 0\n                State:       Enabled\n\n            GPO: RDS\n                Schlüsselname: {KEY}SecurityLayer\n                Wert:        0, 0, 0, 0\n\n                KeyName:     {KEY}MaxIdleTime\n                Value:       96, 234, 0, 0\n                KeyName: Software\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\CredSSP\\Parameters\\AllowEncryptionOracle\n                Value:       2, 0, 0, 0\n"
        );
        assert_eq!(
            told(&text),
            ["2: fDenyTSConnections 1", "7: SecurityLayer 0", "12: AllowEncryptionOracle 2"]
        );
    }

    #[test]
    fn html_is_read_where_it_shows_names_of_the_registry() {
        let html = format!(
            "<html>\n<tr><td>{KEY}UserAuthentication</td><td> 1 </td></tr>\n<tr><td>{KEY}fDenyTSConnections</td><td>on</td></tr>"
        );
        assert_eq!(told(&html), ["2: UserAuthentication 1"]);
        assert_eq!(read(&html, &"g.html".into()).unknown, 1);
    }

    #[test]
    fn other_keys_and_names_say_nothing() {
        for text in [
            String::new(),
            format!("[HKEY_LOCAL_MACHINE\\{KEY}Client]\n\"fDenyTSConnections\"=dword:00000001\n"),
            format!("KeyName: {KEY}fDenyTSConnectionsToo\nValue: 1, 0, 0, 0\n"),
        ] {
            let found = read(&text, &"gpresult.txt".into());
            assert!(found.kept.observations.is_empty() && found.unknown == 0, "{text}");
        }
    }

    #[test]
    fn values_without_end_are_kept_within_their_budget() {
        let text = format!("KeyName: {KEY}SecurityLayer\nValue: 1, 0, 0, 0\n").repeat(1_000);
        let found = read(&text, &"gpresult.txt".into());
        assert_eq!((found.kept.observations.len(), found.kept.left_out), (MOST_VALUES, 936));
        let html = format!("{KEY}SecurityLayer<").repeat(20_000);
        assert_eq!(read(&html, &"gpresult.txt".into()).unknown, 20_000);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(software\\\\policies\\\\microsoft\\\\windows nt\\\\terminal services\\\\|SecurityLayer|<td>|: 1, 0, 0, 0|\n|[a-z1é ]{1,6}){0,60}") {
            let _ = told(&text);
        }
    }
}
