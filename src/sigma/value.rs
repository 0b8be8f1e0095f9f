//! A value that a record must have, in the forms in which logs write it.

use super::yaml::Yaml;
use crate::knowledge::number;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;

/// A value, compared as the diagnosis compares: texts without case, numbers as numbers.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(i64),
    /// As the knowledge spells it: not every matcher of rules is blind to case.
    Text(String),
}

/// What two values have in common that are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key().serialize(serializer)
    }
}

impl Value {
    pub(super) fn of(text: &str) -> Self {
        match number(text) {
            Some(number) => Self::Number(number),
            None => Self::Text(text.trim().to_owned()),
        }
    }

    fn key(&self) -> Key {
        match self {
            Self::Number(number) => Key::Number(*number),
            Self::Text(text) => Key::Text(text.to_ascii_lowercase()),
        }
    }

    /// As it stands in titles: numbers too large to be counted are codes.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Number(number) if *number > 0xffff => format!("{number:#x}"),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The forms that a rule looks for. Logs write numbers in decimal or in hex, so both.
    pub(super) fn forms(&self) -> Vec<Yaml> {
        match self {
            Self::Number(number) if *number < 0 => vec![Yaml::Integer(*number)],
            Self::Number(number) => {
                vec![Yaml::Integer(*number), Yaml::Text(format!("{number:#x}"))]
            }
            Self::Text(text) => vec![Yaml::Text(escaped(text))],
        }
    }
}

/// A text in which nothing is a wildcard. A backslash is itself unless a wildcard or another
/// backslash follows.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let special = match sign {
            '*' | '?' => true,
            '\\' => signs.peek().is_none_or(|next| matches!(next, '*' | '?' | '\\')),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_decimal_are_one_value_and_both_are_looked_for() {
        assert_eq!(Value::of("0x80090331"), Value::of(" 2148074289 "));
        let forms = Value::of("2148074289").forms();
        assert_eq!(forms, [Yaml::Integer(2_148_074_289), Yaml::Text("0x80090331".to_owned())]);
        assert_eq!(Value::of("-1").forms(), [Yaml::Integer(-1)]);
    }

    #[test]
    fn texts_are_compared_without_case_and_hold_no_wildcards() {
        assert_eq!(Value::of("Server"), Value::of("server "));
        assert_eq!(Value::of("Server").forms(), [Yaml::Text("Server".to_owned())]);
        for (text, expect) in [
            ("%%2313", "%%2313"),
            ("a*b?", "a\\*b\\?"),
            ("c:\\x", "c:\\x"),
            ("c:\\*", "c:\\\\\\*"),
            ("\\\\host", "\\\\\\host"),
            ("end\\", "end\\\\"),
        ] {
            assert_eq!(escaped(text), expect, "{text}");
        }
    }
}
