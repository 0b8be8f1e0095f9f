//! How listings of permissions are written: `Get-Acl … | Format-List`, the rules of its
//! `Access` one by one or as a table, and `icacls`. None of their keywords is translated.

use super::{CONTAINER, Entry, FOLDER, LONGEST_PATH, Listing, concerns, sddl};

/// Gives each listing below `MachineKeys` with its line, counted from 1.
pub(super) fn each(text: &str, mut give: impl FnMut(usize, &Listing)) {
    let lines: Vec<&str> = text.lines().collect();
    // The path of the command whose output follows.
    let mut asked: Option<String> = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        let (listing, used) = match line.trim_start() {
            start if start.starts_with("Path ") || start.starts_with("PSPath ") => properties(rest),
            start if start.starts_with("FileSystemRights ") => match start.contains(':') {
                true => rules(rest, asked.as_deref()),
                false => table(rest, asked.as_deref()),
            },
            _ => icacls(rest),
        };
        if line.to_ascii_lowercase().contains("get-acl") {
            // Copied for each list that follows, so it must not be long.
            asked = path_in(line).map(|path| path.chars().take(LONGEST_PATH).collect());
        }
        let says_something = !listing.entries.is_empty() || listing.descriptor.is_some();
        if concerns(&listing.path) && says_something {
            give(at + 1, &listing);
        }
        at += used.max(1);
    }
}

/// The path that a command names.
fn path_in(line: &str) -> Option<&str> {
    line.split(|c: char| c.is_whitespace() || "'\"()".contains(c)).find(|word| concerns(word))
}

/// `Name : value`, as Format-List writes it; a value that is too long goes on in lines
/// that begin with a blank.
fn property(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    is_name.then_some((name, value.trim()))
}

/// An access control list as a whole, up to an empty line.
fn properties(lines: &[&str]) -> (Listing, usize) {
    let mut listing = Listing { whole: true, ..Listing::default() };
    let mut current = "";
    let mut descriptor = String::new();
    let mut used = 0;
    for line in lines.iter().take_while(|line| !line.trim().is_empty()) {
        // A second path without an empty line before it.
        if used > 0 && line.starts_with("Path ") {
            break;
        }
        used += 1;
        let value = match property(line) {
            Some((name, value)) => {
                current = name;
                value
            }
            None => line.trim(),
        };
        match current {
            "Path" => listing.path.push_str(value),
            "Access" | "AccessToString" if !value.starts_with('{') => {
                access(value, &mut listing);
            }
            "Sddl" => descriptor.push_str(value),
            _ => {}
        }
    }
    // A text that ends there may have been cut off there.
    listing.whole &= !(ends_with(lines, used) && current.starts_with("Access"));
    listing.descriptor = sddl::entries(&descriptor);
    (listing, used)
}

/// Whether nothing follows the first lines: not even the empty line that every command
/// writes.
fn ends_with(lines: &[&str], used: usize) -> bool {
    used >= lines.len() && lines.last().is_some_and(|line| !line.trim().is_empty())
}

/// `NT AUTHORITY\NETWORK SERVICE Allow  Read, Synchronize`.
fn access(value: &str, listing: &mut Listing) {
    if value.is_empty() {
        return;
    }
    let found = [(" Allow ", true), (" Deny ", false)]
        .into_iter()
        .find_map(|(word, allow)| Some((value.split_once(word)?, allow)));
    match (found, listing.entries.last_mut()) {
        (Some(((identity, rights), allow)), _) => {
            listing.whole &= rights_known(rights);
            let read = reads(rights);
            listing.entries.push(Entry { identity: identity.trim().to_owned(), allow, read });
        }
        // A long list of rights goes on.
        (None, Some(last)) => {
            listing.whole &= rights_known(value);
            last.read |= reads(value);
        }
        (None, None) => listing.whole = false,
    }
}

/// The rules of an access control list, one below the other.
fn rules(lines: &[&str], asked: Option<&str>) -> (Listing, usize) {
    let path = asked.unwrap_or_default().to_owned();
    let mut listing = Listing { path, whole: true, ..Listing::default() };
    let (mut rights, mut allow) = (String::new(), None);
    let mut current = "";
    let mut used = 0;
    for line in lines {
        let value = match property(line) {
            _ if line.trim().is_empty() => "",
            Some((name, value)) if RULE.contains(&name) => {
                current = name;
                value
            }
            None if line.starts_with(' ') => line.trim(),
            _ => break,
        };
        used += 1;
        match (current, value) {
            (_, "") => {}
            ("FileSystemRights", value) => {
                rights.push_str(value);
                rights.push(' ');
            }
            ("AccessControlType", value) => allow = Some(value == "Allow"),
            ("IdentityReference", identity) => {
                listing.whole &= rights_known(&rights) && allow.is_some();
                let allow = allow.take().unwrap_or(false);
                let entry = Entry { identity: identity.to_owned(), allow, read: reads(&rights) };
                listing.entries.push(entry);
                rights.clear();
            }
            _ => {}
        }
    }
    // The last rule was cut off, or others may have been.
    listing.whole &= rights.is_empty() && !ends_with(lines, used);
    (listing, used)
}

/// The same rules as a table:
///
/// ```text
/// FileSystemRights AccessControlType IdentityReference   IsInherited InheritanceFlags …
/// ---------------- ----------------- -----------------   ----------- ----------------
///      FullControl             Allow NT AUTHORITY\SYSTEM       False             None
/// ```
fn table(lines: &[&str], asked: Option<&str>) -> (Listing, usize) {
    let path = asked.unwrap_or_default().to_owned();
    let mut listing = Listing { path, whole: true, ..Listing::default() };
    let head = lines.first().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>());
    if head.as_deref() != Some(&["FileSystemRights", "AccessControlType", "IdentityReference"]) {
        return (listing, 1);
    }
    let mut used = 1;
    for line in lines.iter().skip(1).take_while(|line| !line.trim().is_empty()) {
        used += 1;
        if line.trim_start().starts_with("---") {
            continue;
        }
        match row(line) {
            Some(entry) => {
                listing.whole &= rights_known(entry.0);
                let identity = entry.2.to_owned();
                listing.entries.push(Entry { identity, allow: entry.1, read: reads(entry.0) });
            }
            None => listing.whole = false,
        }
    }
    listing.whole &= !ends_with(lines, used);
    (listing, used)
}

/// Rights, whether they are allowed, and whose they are. A cell that was too wide ends
/// with dots.
fn row(line: &str) -> Option<(&str, bool, &str)> {
    let (rights, allow, rest) = [(" Allow ", true), (" Deny ", false)]
        .into_iter()
        .find_map(|(word, allow)| line.split_once(word).map(|(a, b)| (a.trim(), allow, b)))?;
    let inherited = [" True ", " False "].into_iter().filter_map(|word| rest.rfind(word)).max()?;
    let identity = rest.get(..inherited)?.trim();
    let cut = |cell: &str| cell.ends_with("...") || cell.ends_with('…');
    (!cut(rights) && !cut(identity)).then_some((rights, allow, identity))
}

/// The properties of a rule.
const RULE: [&str; 6] = [
    "FileSystemRights",
    "AccessControlType",
    "IdentityReference",
    "IsInherited",
    "InheritanceFlags",
    "PropagationFlags",
];

/// The rights of a file as .NET names them; those that let read its content come first.
const RIGHTS: [&str; 26] = [
    "FullControl",
    "Modify",
    "ReadAndExecute",
    "Read",
    "ReadData",
    "ListDirectory",
    "268435456",
    "-2147483648",
    "-1610612736",
    "Write",
    "Synchronize",
    "ReadAttributes",
    "ReadExtendedAttributes",
    "ReadPermissions",
    "WriteData",
    "CreateFiles",
    "AppendData",
    "CreateDirectories",
    "WriteAttributes",
    "WriteExtendedAttributes",
    "ExecuteFile",
    "Traverse",
    "Delete",
    "DeleteSubdirectoriesAndFiles",
    "ChangePermissions",
    "TakeOwnership",
];
const READING: usize = 9;

fn words(rights: &str) -> impl Iterator<Item = &str> {
    rights.split([',', ' ']).filter(|word| !word.is_empty())
}

fn reads(rights: &str) -> bool {
    words(rights).any(|word| RIGHTS.iter().take(READING).any(|right| *right == word))
}

/// A right without a name, or the beginning of one, may be about reading.
fn rights_known(rights: &str) -> bool {
    words(rights).next().is_some() && words(rights).all(|word| RIGHTS.contains(&word))
}

/// `PATH IDENTITY:(I)(R)`, with more identities below.
fn icacls(lines: &[&str]) -> (Listing, usize) {
    let mut listing = Listing { whole: true, ..Listing::default() };
    let Some((path, first)) = lines.first().and_then(|line| split_path(line)) else {
        return (listing, 1);
    };
    if !concerns(path) || !first.contains(":(") {
        return (listing, 1);
    }
    path.clone_into(&mut listing.path);
    let below =
        lines.iter().skip(1).take_while(|line| line.starts_with(' ') && line.contains(":("));
    let mut used = 0;
    for line in [first].into_iter().chain(below.copied()) {
        used += 1;
        let Some((identity, rights)) = line.split_once(":(") else { continue };
        let rights: Vec<&str> = rights
            .split(['(', ')', ','])
            .map(str::trim)
            .filter(|right| !right.is_empty())
            .collect();
        listing.whole &= line.trim_end().ends_with(')');
        // Only for what will be made below.
        if rights.contains(&"IO") {
            continue;
        }
        // N is what a denial of all is shown as.
        let allow = !rights.contains(&"DENY") && !rights.contains(&"N");
        let read = rights.iter().any(|right| READ_LETTERS.contains(right));
        listing.entries.push(Entry { identity: identity.trim().to_owned(), allow, read });
    }
    listing.whole &= !ends_with(lines, used);
    (listing, used)
}

/// The path at the beginning of a line, and what follows it. A path may have blanks before
/// the folder of keys, not behind it.
fn split_path(line: &str) -> Option<(&str, &str)> {
    let is_rooted = line.get(1..3) == Some(":\\") || line.starts_with("\\\\");
    if !is_rooted {
        return line.split_once(' ');
    }
    let lower = line.to_ascii_lowercase();
    let folder = lower.find(FOLDER).or_else(|| lower.find(CONTAINER))?;
    let end = folder + line.get(folder..)?.find(' ')?;
    Some((line.get(..end)?, line.get(end + 1..)?))
}

/// Rights of `icacls` that include reading, or whose denial does.
const READ_LETTERS: [&str; 8] = ["F", "M", "RX", "R", "RD", "GR", "GA", "N"];
