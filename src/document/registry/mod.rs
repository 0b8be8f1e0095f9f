//! The server's settings as its registry has them, in what `reg export` or `reg query`
//! wrote.

mod written;

use super::undated;
use crate::base::limits::MAX_TEXT;
use crate::observe::Observation;
use std::sync::Arc;
use written::{Entry, Value};

/// Values of one text that are kept.
const MOST_VALUES: usize = 1024;
/// Characters of a list that are kept: an order of cipher suites has 2000.
const LONGEST_LIST: usize = 16 << 10;

/// What the registry keys of a text say.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) observations: Vec<Observation>,
    /// All values of keys that matter.
    pub(super) count: u64,
    /// Values that are too many to keep.
    pub(super) left_out: u64,
    /// Values of such keys that were not understood.
    pub(super) not_understood: u64,
    /// Values of a set of controls that is not the current one.
    pub(super) other_sets: u64,
    /// The text deletes keys: it is meant to change a registry, not to show one.
    pub(super) changes: bool,
}

/// A key that matters: what it is called here, and its path below HKEY_LOCAL_MACHINE in
/// lower case, the control set left out.
const PLACES: [(&str, &str); 12] = [
    ("terminal server", r"system\control\terminal server"),
    ("listener", r"system\control\terminal server\winstations\rdp-tcp"),
    ("policy", r"software\policies\microsoft\windows nt\terminal services"),
    ("cipher order", r"system\control\cryptography\configuration\local\ssl\00010002"),
    ("cipher policy", r"software\policies\microsoft\cryptography\configuration\ssl\00010002"),
    ("credssp", r"software\microsoft\windows\currentversion\policies\system\credssp\parameters"),
    ("lsa", r"system\control\lsa"),
    ("ntlm", r"system\control\lsa\msv1_0"),
    ("fips", r"system\control\lsa\fipsalgorithmpolicy"),
    ("tcp", r"system\services\tcpip\parameters"),
    ("computer", r"system\control\computername\computername"),
    ("service", r"system\services\termservice"),
];

/// The names that are kept of the places that hold much else; of others all are.
const NAMES: [(&str, &[&str]); 6] = [
    ("terminal server", &["fdenytsconnections", "tsenabled", "fsinglesessionperuser"]),
    (
        "listener",
        &[
            "portnumber",
            "securitylayer",
            "userauthentication",
            "minencryptionlevel",
            "sslcertificatesha1hash",
            "fenablewinstation",
            "lanadapter",
        ],
    ),
    (
        "policy",
        &[
            "fdenytsconnections",
            "securitylayer",
            "userauthentication",
            "minencryptionlevel",
            "certtemplatename",
        ],
    ),
    (
        "lsa",
        &["lmcompatibilitylevel", "disablerestrictedadmin", "disablerestrictedadminoutboundcreds"],
    ),
    (
        "tcp",
        &[
            "keepalivetime",
            "keepaliveinterval",
            "tcpmaxdataretransmissions",
            "tcpmaxconnectretransmissions",
            "enablepmtudiscovery",
            "enablepmtubhdetect",
        ],
    ),
    ("service", &["start"]),
];

/// What Schannel may use: `protocols\tls 1.2\server`, `ciphers\aes 256/256`.
const SCHANNEL: &str = r"system\control\securityproviders\schannel\";

/// A key that matters.
struct Place {
    /// `0` is the current control set; more is another one's number. `None` outside of them.
    set: Option<u16>,
    name: &'static str,
    /// Of Schannel: what is allowed or not, and the side that the setting is of.
    part: String,
    side: String,
}

/// All values of a text that matter.
pub(super) fn read(text: &str, file: &Arc<str>) -> Keys {
    let mut found = Keys::default();
    let mut values: Vec<(Option<u16>, Observation)> = Vec::new();
    let deleted = written::each(
        text,
        |key| place(key).is_some(),
        |entry| {
            let Some(place) = place(entry.key).filter(|place| place.keeps(&entry.name)) else {
                return;
            };
            found.count += 1;
            match &entry.value {
                None => found.not_understood += 1,
                Some(_) if values.len() >= MOST_VALUES => found.left_out += 1,
                Some(value) => values.push((place.set, told(&place, &entry, value, file))),
            }
        },
    );
    found.changes = deleted > 0;
    if found.changes {
        return found;
    }
    // An export of all sets has the current one once more under its number.
    let current = values.iter().filter_map(|(set, _)| *set).min();
    let kept = values.into_iter().filter(|(set, _)| set.is_none() || *set == current);
    found.observations = kept.map(|(_, observation)| observation).collect();
    let understood = found.count - found.not_understood - found.left_out;
    found.other_sets = understood.saturating_sub(found.observations.len() as u64);
    found
}

impl Place {
    fn keeps(&self, name: &str) -> bool {
        let named = NAMES.iter().find(|(place, _)| *place == self.name);
        named.is_none_or(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// The place that a key is, if it matters.
fn place(key: &str) -> Option<Place> {
    let path = key.strip_prefix(r"HKEY_LOCAL_MACHINE\")?.to_ascii_lowercase();
    let (set, path) = match path.strip_prefix(r"system\") {
        Some(below) => {
            let (set, rest) = below.split_once('\\')?;
            let number = match set {
                "currentcontrolset" => 0,
                set => set.strip_prefix("controlset")?.parse().ok().filter(|set| *set > 0)?,
            };
            (Some(number), format!(r"system\{rest}"))
        }
        None => (None, path),
    };
    let place = |name, part: &str, side: &str| Place {
        set,
        name,
        part: part.chars().take(MAX_TEXT).collect(),
        side: side.to_owned(),
    };
    if let Some(below) = path.strip_prefix(SCHANNEL) {
        let mut parts = below.split('\\');
        return match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
            ("protocols", protocol, Some(side @ ("server" | "client")), None) => {
                Some(place("protocol", protocol, side))
            }
            ("ciphers", cipher, None, None) => Some(place("cipher", cipher, "")),
            _ => None,
        };
    }
    let (name, _) = PLACES.iter().find(|(_, known)| *known == path)?;
    Some(place(name, "", ""))
}

fn told(place: &Place, entry: &Entry<'_>, value: &Value, file: &Arc<str>) -> Observation {
    let shown = match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(parts) => parts.join(","),
        Value::Bytes(bytes) => crate::base::hex(bytes),
    };
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let fields = [
        ("place", place.name.to_owned()),
        ("part", place.part.clone()),
        ("side", place.side.clone()),
        ("name", cut(&entry.name, MAX_TEXT)),
        ("value", cut(&shown, LONGEST_LIST)),
        ("key", cut(entry.key, MAX_TEXT)),
    ];
    undated("text.registry", file, entry.line, fields)
}

#[cfg(test)]
mod tests;
