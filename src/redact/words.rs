//! What redaction knows of words and fields; the lists are data (`words.toml`).

use serde::Deserialize;
use std::collections::BTreeSet;

const DATA: &str = include_str!("words.toml");

/// The lists of `words.toml`, all in lower case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    kept: BTreeSet<String>,
    kept_numbered: Vec<String>,
    pub(super) roles: BTreeSet<String>,
    name_fields: BTreeSet<String>,
    own_fields: BTreeSet<String>,
    setting_facts: BTreeSet<String>,
    host_fields: BTreeSet<String>,
    other_fields: BTreeSet<String>,
    dropped_fields: BTreeSet<String>,
    dropped_settings: BTreeSet<String>,
    name_settings: BTreeSet<String>,
    plain_keys: BTreeSet<String>,
    name_keys: BTreeSet<String>,
}

/// What is done with the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// All of it is names.
    Name,
    /// Known names are replaced in it.
    Text,
    Dropped,
}

impl Words {
    /// The built-in lists.
    ///
    /// # Errors
    /// When they cannot be read, which a test rules out.
    pub fn embedded() -> Result<Self, toml::de::Error> {
        toml::from_str(DATA)
    }

    /// Whether a name identifies nobody.
    pub(super) fn is_kept(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.kept.contains(&name)
            || self.kept_numbered.iter().any(|start| {
                let number = name.strip_prefix(start.as_str());
                number.is_some_and(|rest| {
                    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
                })
            })
    }

    /// What the name of a field says of its value.
    pub(super) fn field(&self, name: &str) -> FieldKind {
        let name = name.to_ascii_lowercase();
        // An attribute (`Result.value`) or a numbered one (`Name_1`, `Data[0]`).
        let base = name.rsplit('.').next().unwrap_or(&name);
        let base =
            base.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '[' | ']'));
        if self.dropped_fields.contains(base) {
            return FieldKind::Dropped;
        }
        if self.other_fields.contains(base) {
            return FieldKind::Text;
        }
        let ends = |known: &String| base.ends_with(known.as_str());
        match self.name_fields.iter().any(ends) {
            true => FieldKind::Name,
            false => FieldKind::Text,
        }
    }

    /// The same of a field that no log has.
    pub(super) fn own_field(&self, name: &str) -> FieldKind {
        match self.own_fields.contains(&name.to_ascii_lowercase()) {
            true => FieldKind::Name,
            false => self.field(name),
        }
    }

    /// Whether the value of a field is a name where it looks like one.
    pub(super) fn is_host_field(&self, name: &str) -> bool {
        self.host_fields.contains(name)
    }

    /// Whether observations of a kind are of settings.
    pub(super) fn is_setting_fact(&self, kind: &str) -> bool {
        self.setting_facts.contains(kind)
    }

    /// Whether a setting of an `.rdp` file is left out, and whether its value is names.
    pub(super) fn setting(&self, name: &str) -> FieldKind {
        let name = name.trim().to_ascii_lowercase();
        match (self.dropped_settings.contains(&name), self.name_settings.contains(&name)) {
            (true, _) => FieldKind::Dropped,
            (false, true) => FieldKind::Name,
            (false, false) => FieldKind::Text,
        }
    }

    pub(super) fn is_plain_key(&self, key: &str) -> bool {
        self.plain_keys.contains(key)
    }

    /// Whether the value under a key of the report is names; a key may be told apart by the one
    /// above it.
    pub(super) fn is_name_key(&self, parent: &str, key: &str) -> bool {
        self.name_keys.contains(key) || self.name_keys.contains(&format!("{parent}.{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read() {
        let words = Words::embedded().unwrap();
        assert!(words.is_kept("SYSTEM") && words.is_kept("DWM-12") && words.is_kept("Rdp-Tcp#3"));
        assert!(!words.is_kept("DWM-x") && !words.is_kept("srv01"));
    }

    #[test]
    fn fields_are_told_by_the_end_of_their_names() {
        let words = Words::embedded().unwrap();
        for (field, kind) in [
            ("TargetUserName", FieldKind::Name),
            ("WorkstationName", FieldKind::Name),
            ("ProcessName", FieldKind::Text),
            ("Status", FieldKind::Text),
            ("EncodedCert", FieldKind::Dropped),
        ] {
            assert_eq!(words.field(field), kind, "{field}");
        }
        assert_eq!(words.setting("password 51"), FieldKind::Dropped);
    }
}
