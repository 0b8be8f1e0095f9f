//! Permissions as a string of the Security Descriptor Definition Language, [MS-DTYP] 2.5.1:
//! `O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)`. It is the same in every language.

use super::Entry;

/// Well-known identities by their aliases, [MS-DTYP] 2.5.1.1; others stay as they are.
const ALIASES: [(&str, &str); 12] = [
    ("NS", "S-1-5-20"),
    ("SY", "S-1-5-18"),
    ("BA", "S-1-5-32-544"),
    ("WD", "S-1-1-0"),
    ("AU", "S-1-5-11"),
    ("SU", "S-1-5-6"),
    ("BU", "S-1-5-32-545"),
    ("LS", "S-1-5-19"),
    ("NU", "S-1-5-2"),
    ("IU", "S-1-5-4"),
    ("CO", "S-1-3-0"),
    ("BG", "S-1-5-32-546"),
];

/// Rights of a file that include reading its content.
const READING: [&str; 5] = ["FA", "FR", "GA", "GR", "CC"];
/// FILE_READ_DATA, GENERIC_ALL and GENERIC_READ, where the rights are a number.
const READING_BITS: u32 = 0x9000_0001;

/// The entries of the discretionary list; `None` where it is not whole or not understood.
pub(super) fn entries(text: &str) -> Option<Vec<Entry>> {
    let (_, list) = text.split_once("D:")?;
    // Flags stand before the first entry, the list for audits behind the last.
    let (_, mut rest) = list.split_once('(')?;
    let mut entries = Vec::new();
    loop {
        let (entry, after) = rest.split_once(')')?;
        entries.extend(ace(entry)?);
        match after.strip_prefix('(') {
            Some(next) => rest = next,
            None if after.is_empty() || after.starts_with("S:") => return Some(entries),
            None => return None,
        }
    }
}

/// One entry: nothing where it is only for what will be made below, `None` where it is
/// not understood.
fn ace(text: &str) -> Option<Option<Entry>> {
    let parts: Vec<&str> = text.split(';').collect();
    let [kind, flags, rights, "", "", who] = parts.as_slice() else { return None };
    let allow = match *kind {
        "A" => true,
        "D" => false,
        _ => return None,
    };
    let read = reads(rights)?;
    let sid = ALIASES.iter().find(|(alias, _)| alias == who).map_or(*who, |(_, sid)| *sid);
    let below = pairs(flags)?.contains(&"IO");
    Some((!below).then(|| Entry { identity: sid.to_owned(), allow, read }))
}

fn reads(rights: &str) -> Option<bool> {
    if let Some(bits) = rights.strip_prefix("0x") {
        return u32::from_str_radix(bits, 16).ok().map(|bits| bits & READING_BITS != 0);
    }
    Some(pairs(rights)?.iter().any(|right| READING.contains(right)))
}

/// Words of two letters without anything between.
fn pairs(text: &str) -> Option<Vec<&str>> {
    let whole = text.len().is_multiple_of(2) && text.chars().all(|c| c.is_ascii_uppercase());
    let pairs = (0..text.len()).step_by(2).filter_map(|at| text.get(at..at + 2));
    whole.then(|| pairs.collect())
}
