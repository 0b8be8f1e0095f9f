//! Whose entry is it?

/// What an identity is to Remote Desktop Services, which run as NETWORK SERVICE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// NETWORK SERVICE, or a group that it is always in.
    Service,
    System,
    /// Somebody else.
    Other,
    /// Perhaps NETWORK SERVICE in another language.
    Unknown,
}

/// NETWORK SERVICE and the groups in its token: Everyone, Authenticated Users, Service,
/// Users. Well-known SIDs, [MS-DTYP] 2.4.2.4.
const SERVICE: [&str; 13] = [
    "S-1-5-20",
    "NT AUTHORITY\\NETWORK SERVICE",
    "NETWORK SERVICE",
    "S-1-1-0",
    "EVERYONE",
    "S-1-5-11",
    "NT AUTHORITY\\AUTHENTICATED USERS",
    "S-1-5-6",
    "NT AUTHORITY\\SERVICE",
    "S-1-5-32-545",
    "BUILTIN\\USERS",
    "NT SERVICE\\TERMSERVICE",
    "NT SERVICE\\ALL SERVICES",
];

const SYSTEM: [&str; 2] = ["S-1-5-18", "NT AUTHORITY\\SYSTEM"];

const OTHERS: [&str; 15] = [
    "S-1-5-32-544",
    "BUILTIN\\ADMINISTRATORS",
    "S-1-5-19",
    "NT AUTHORITY\\LOCAL SERVICE",
    "S-1-5-2",
    "NT AUTHORITY\\NETWORK",
    "S-1-5-4",
    "NT AUTHORITY\\INTERACTIVE",
    "S-1-3-0",
    "CREATOR OWNER",
    "S-1-5-32-546",
    "BUILTIN\\GUESTS",
    "S-1-5-32-568",
    "BUILTIN\\IIS_IUSRS",
    "S-1-5-32-555",
];

/// Whom an entry is for. `english`: the listing names well-known accounts in English, so
/// accounts of other authorities are just that.
pub(super) fn listed(identity: &str, english: bool) -> Listed {
    let name = identity.trim().trim_start_matches('*').to_uppercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    if is(&SERVICE) {
        return Listed::Service;
    }
    if is(&SYSTEM) {
        return Listed::System;
    }
    // Accounts of a domain or of the machine: never a well-known account.
    if is(&OTHERS) || name.starts_with("S-1-5-21-") {
        return Listed::Other;
    }
    let authority = name.split_once('\\').map(|(authority, _)| authority);
    match authority {
        Some("NT AUTHORITY" | "BUILTIN") | None => Listed::Unknown,
        Some(_) if english => Listed::Other,
        Some(_) => Listed::Unknown,
    }
}

/// Whether a name is one that other languages write differently, in English.
pub(super) fn is_english(identity: &str) -> bool {
    let name = identity.trim().to_uppercase();
    name.contains('\\')
        && (SERVICE.contains(&&*name) || SYSTEM.contains(&&*name) || OTHERS.contains(&&*name))
}
