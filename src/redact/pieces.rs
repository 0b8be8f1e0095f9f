//! What a text consists of: addresses, SIDs, thumbprints and identifiers by their form, people
//! and hosts of services by their place, and names.

use super::pseudonym::is_of_name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Digits of a number in hex that may be that of a certificate.
pub(super) const SHORTEST_SERIAL: usize = 8;

/// What a text consists of.
pub(super) enum Piece<'a> {
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
pub(super) fn walk<'a>(text: &'a str, take: &mut dyn FnMut(Piece<'a>)) {
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

/// Service classes before whose `/` no path ends: what follows is a host, [MS-KILE] 3.1.5.11.
const SERVICE_CLASSES: [&str; 12] = [
    "termsrv",
    "ldap",
    "cifs",
    "host",
    "http",
    "gc",
    "dns",
    "rpcss",
    "wsman",
    "restrictedkrbhost",
    "mssqlsvc",
    "exchangemdb",
];

/// Whether a name belongs to the host of a service principal name: `TERMSRV/srv01.corp.test`.
fn names_a_service(before: &str) -> bool {
    let from = before.ceil_char_boundary(before.len().saturating_sub(2 * PERSON));
    let before = before.get(from..).unwrap_or_default();
    let host = |c: char| is_of_name(c) || c == '.';
    let Some(class) = before.trim_end_matches(host).strip_suffix('/') else { return false };
    let begin = class.rfind(|c: char| !is_of_name(c)).map_or(0, |at| at + 1);
    let class = class.get(begin..).unwrap_or_default();
    SERVICE_CLASSES.iter().any(|known| class.eq_ignore_ascii_case(known))
}

/// Whether a name stands behind `\Users\`, in `name@host`, or behind the class of a service.
fn names_a_person(before: &str, after: &str) -> bool {
    let part = |c: &char| is_of_name(*c) || *c == '.';
    let tail: String =
        before.chars().rev().take(PERSON).skip_while(part).take(FOLDER.len()).collect();
    let folder = tail.to_ascii_lowercase().replace('/', "\\") == FOLDER;
    let mut behind = after.chars().take(PERSON).skip_while(part);
    let host = (behind.next() == Some('@')).then(|| behind.next()).flatten();
    folder || host.is_some_and(char::is_alphabetic) || names_a_service(before)
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

pub(super) fn is_guid(word: &str) -> bool {
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
