//! The report of testssl.sh as JSON: flat, `{"id", "ip", "port", "severity", "finding"}`
//! one after the other, or pretty, by host in sections. Ids are codes, so the texts of
//! findings are looked at only where they are one of two words.

use super::{Scans, Taken, Target, name};
use crate::base::parse_address;
use crate::observe::Version;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

const TOOL: &str = "testssl";

/// Ids that say whether a version is taken.
const VERSIONS: [(&str, Version); 6] = [
    ("SSLv2", Version(0x0002)),
    ("SSLv3", Version(0x0300)),
    ("TLS1", Version(0x0301)),
    ("TLS1_1", Version(0x0302)),
    ("TLS1_2", Version(0x0303)),
    ("TLS1_3", Version(0x0304)),
];

#[derive(Debug, Deserialize)]
struct Finding {
    #[serde(default)]
    id: String,
    /// `name/address`.
    #[serde(default)]
    ip: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    finding: String,
}

#[derive(Debug, Deserialize)]
struct Pretty {
    #[serde(rename = "scanResult")]
    hosts: Vec<Host>,
}

/// One host of the pretty form, with the sections that may name versions and suites.
#[derive(Debug, Deserialize)]
struct Host {
    #[serde(default, rename = "targetHost")]
    name: String,
    #[serde(default)]
    ip: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    protocols: Vec<Finding>,
    #[serde(default, rename = "serverPreferences")]
    preferences: Vec<Finding>,
    #[serde(default, rename = "cipherTests")]
    ciphers: Vec<Finding>,
}

/// The report that a text is, if it is one.
pub(super) fn read(text: &str, scans: &mut Scans<'_>) {
    let body = text.trim_start_matches('\u{feff}').trim_start();
    if !body.starts_with(['[', '{']) || !body.contains("\"finding\"") {
        return;
    }
    let before = text.len() - body.len();
    let line = 1 + text.get(..before).map_or(0, |lost| lost.matches('\n').count());
    let mut found: BTreeMap<(IpAddr, u16), (Option<String>, Taken)> = BTreeMap::new();
    let mut note = |host: &str, ip: &str, port: &str, finding: &Finding| {
        let (asked, address) = ip.rsplit_once('/').unwrap_or((host, ip));
        if let (Some(address), Ok(port)) = (parse_address(address), port.parse()) {
            let known = found.entry((address, port)).or_default();
            known.0 = known.0.take().or_else(|| name(asked));
            finding.add_to(&mut known.1);
        }
    };
    let read = match body.starts_with('[') {
        true => serde_json::from_str::<Vec<Finding>>(body).map(|findings| {
            findings.iter().for_each(|finding| note("", &finding.ip, &finding.port, finding));
        }),
        false => serde_json::from_str::<Pretty>(body).map(|pretty| {
            for host in &pretty.hosts {
                let sections = [&host.protocols, &host.preferences, &host.ciphers];
                for finding in sections.into_iter().flatten() {
                    note(&host.name, &host.ip, &host.port, finding);
                }
            }
        }),
    };
    if let Err(error) = read {
        scans.unreadable = Some(error.to_string());
    }
    for ((address, port), (name, taken)) in found {
        scans.tls(line, TOOL, &Target { address, name, port }, &taken);
    }
}

impl Finding {
    fn add_to(&self, taken: &mut Taken) {
        // `offered`, `offered (deprecated)`, `offered with final`; `not offered`.
        if let Some((_, version)) = VERSIONS.iter().find(|(id, _)| *id == self.id) {
            if self.finding.trim_start().starts_with("offered") {
                taken.version(*version);
            }
            return;
        }
        // `cipher-tls1_2_xc030`, `cipher_xc030`: the suite's number.
        let is_cipher = self.id.starts_with("cipher-") || self.id.starts_with("cipher_x");
        if let (true, Some((_, number))) = (is_cipher, self.id.rsplit_once("_x")) {
            // The suites of SSL 2 have three bytes.
            if number.len() <= 4 {
                taken.numbered(u16::from_str_radix(number, 16).ok());
            }
        }
    }
}
