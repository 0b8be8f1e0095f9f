//! The settings of a client in an `.rdp` file: lines `name:type:value`, never translated.
//!
//! Passwords and user names are not looked at, so they are kept nowhere.

use super::undated;
use crate::base::limits::MAX_TEXT;
use crate::observe::Observation;
use std::sync::Arc;

/// Files in one text that are kept.
const MOST_FILES: usize = 16;

/// Names whose values are texts, and those whose values are numbers.
const TEXTS: [&str; 3] = ["full address", "alternate full address", "gatewayhostname"];
const NUMBERS: [&str; 13] = [
    "server port",
    "gatewayusagemethod",
    "gatewayprofileusagemethod",
    "gatewaycredentialssource",
    "enablecredsspsupport",
    "authentication level",
    "negotiate security layer",
    "use redirection server name",
    "enablerdsaadauth",
    "targetisaadjoined",
    "prompt for credentials",
    "restricted admin",
    "remoteguard",
];

/// The `.rdp` files of a text.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) observations: Vec<Observation>,
    pub(super) count: u64,
    /// Settings whose value is none of their type.
    pub(super) not_understood: u64,
    pub(super) left_out: u64,
}

/// The settings of one file so far.
#[derive(Debug, Default)]
struct Current {
    line: usize,
    settings: Vec<(&'static str, String)>,
}

/// All `.rdp` files of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Files {
    let mut found = Files::default();
    let mut current = Current::default();
    for (at, line) in text.lines().enumerate() {
        let Some((name, value)) = setting(line) else { continue };
        let Some(value) = value else {
            found.not_understood += 1;
            continue;
        };
        // A setting that comes again is another file's.
        if current.settings.iter().any(|(known, _)| *known == name) {
            found.keep(std::mem::take(&mut current), file);
        }
        if current.settings.is_empty() {
            current.line = at + 1;
        }
        current.settings.push((name, value.chars().take(MAX_TEXT).collect()));
    }
    found.keep(current, file);
    found
}

/// `name:type:value` of a known name; no value where it is not of the name's type.
fn setting(line: &str) -> Option<(&'static str, Option<&str>)> {
    let mut parts = line.trim().splitn(3, ':');
    let (name, kind, value) = (parts.next()?, parts.next()?, parts.next()?.trim());
    let known = |names: &[&'static str]| {
        names.iter().find(|known| known.eq_ignore_ascii_case(name.trim())).copied()
    };
    match (kind, known(&TEXTS), known(&NUMBERS)) {
        ("s", Some(name), _) => Some((name, Some(value))),
        ("i", _, Some(name)) => Some((name, value.parse::<i64>().is_ok().then_some(value))),
        _ => None,
    }
}

/// Host and port of an address; an IPv6 address without brackets has no port.
fn split_port(address: &str) -> (&str, Option<u16>) {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok())
        }
        _ => (address, None),
    }
}

impl Files {
    fn keep(&mut self, current: Current, file: &Arc<str>) {
        let named = |wanted| {
            let found = current.settings.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        // One such line may stand in any text about Remote Desktop, two are a file.
        if current.settings.len() < 2 && named("full address").is_none() {
            return;
        }
        self.count += 1;
        if self.observations.len() >= MOST_FILES {
            self.left_out += 1;
            return;
        }
        let mut observation = undated("text.rdp_file", file, current.line, []);
        let mut add = |name: &str, value: String| observation.fields.push((name.into(), value));
        if let Some((host, port)) = named("full address").map(split_port) {
            let own = named("server port").and_then(|port| port.parse().ok());
            add("address", host.to_owned());
            add("port", port.or(own).unwrap_or(crate::base::RDP_PORT).to_string());
        }
        for (name, value) in current.settings.iter().filter(|(name, _)| *name != "full address") {
            add(name, value.clone());
        }
        self.observations.push(observation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let shown = |o: &Observation| {
            let fields = o.fields.iter().filter(|(name, _)| &**name != "dated");
            fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
        };
        read(text, &"a.rdp".into()).observations.iter().map(shown).collect()
    }

    #[test]
    fn a_file_is_read_without_its_secrets() {
        let text = "screen mode id:i:2\r\nfull address:s:ts-prod-01.corp.test:3391\r\nusername:s:CORP\\a.meyer\r\npassword 51:b:01000000D08C9DDF0115D1118C7A00C04FC297EB\r\nenablecredsspsupport:i:0\r\nauthentication level:i:two\r\nserver port:i:99\r\n";
        assert_eq!(
            told(text),
            ["address=ts-prod-01.corp.test; port=3391; enablecredsspsupport=0; server port=99"]
        );
        assert_eq!(read(text, &"a.rdp".into()).not_understood, 1);
        let kept = format!("{:?}", read(text, &"a.rdp".into()));
        assert!(!kept.contains("D08C9DDF") && !kept.contains("meyer"), "{kept}");
    }

    #[test]
    fn addresses_are_taken_with_or_without_a_port() {
        for (address, expect) in [
            ("ts1", "address=ts1; port=3389"),
            ("10.0.0.9:3390", "address=10.0.0.9; port=3390"),
            ("2001:db8::9", "address=2001:db8::9; port=3389"),
            ("[2001:db8::9]:3391", "address=[2001:db8::9]; port=3391"),
        ] {
            assert_eq!(told(&format!("full address:s:{address}")), [expect]);
        }
    }

    #[test]
    fn a_setting_that_comes_again_begins_another_file() {
        let one = "full address:s:a\nserver port:i:3391\n";
        assert_eq!(told(&one.repeat(2)).len(), 2);
        let many = read(&one.repeat(100), &"a.rdp".into());
        assert_eq!((many.observations.len(), many.count, many.left_out), (16, 100, 84));
    }

    #[test]
    fn other_texts_are_no_file() {
        for text in [
            "",
            "set enablecredsspsupport:i:0 in the file",
            "enablecredsspsupport:i:0",
            "full address: ts1",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(full address:s:|server port:i:|password 51:b:|[0-9]{1,4}|:|\\[|\\]|\n|é){0,60}") {
            let _ = told(&text);
        }
    }
}
