//! What a port scanner saw of a server: whether its port was open, which TLS versions and
//! cipher suites it took, and which security layers of Remote Desktop.
//!
//! A scanner stands at a place of its own and looked at a time of its own: what it saw
//! need not be what the client met.

mod nmap;
mod testssl;

use super::undated;
use crate::base::Gap;
use crate::observe::{Observation, Version, cipher_suite_id, cipher_suite_name};
use std::net::IpAddr;
use std::sync::Arc;

/// Findings of one text that are kept.
const MOST_FINDINGS: usize = 4096;
/// Suites of one server that are kept; the registry names fewer.
const MOST_SUITES: usize = 512;
/// Names of hosts are cut here, as DNS does.
const LONGEST_NAME: usize = 253;

/// What the scans of a text say.
#[derive(Debug)]
pub(super) struct Scans<'a> {
    file: &'a Arc<str>,
    pub(super) observations: Vec<Observation>,
    /// Findings that were too many to keep.
    left_out: u64,
    /// Cipher suites that nobody named yet.
    unknown_suites: u64,
    /// A report that is torn or of another shape.
    unreadable: Option<String>,
}

/// Whom a scanner looked at.
#[derive(Debug, Clone)]
struct Target {
    address: IpAddr,
    /// As the scanner was asked for it.
    name: Option<String>,
    port: u16,
}

/// What a server took.
#[derive(Debug, Default)]
struct Taken {
    versions: Vec<Version>,
    suites: Vec<u16>,
    unknown: u64,
}

/// All scans of a text.
pub(super) fn read<'a>(text: &str, file: &'a Arc<str>) -> Scans<'a> {
    let mut scans =
        Scans { file, observations: Vec::new(), left_out: 0, unknown_suites: 0, unreadable: None };
    match nmap::is_xml(text) {
        true => nmap::xml(text, &mut scans),
        false => nmap::lines(text, &mut scans),
    }
    testssl::read(text, &mut scans);
    scans
}

impl Scans<'_> {
    /// Findings, kept or not.
    pub(super) fn count(&self) -> u64 {
        self.observations.len() as u64 + self.left_out
    }

    /// What was not understood or not kept.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let counts = [
            (self.left_out, "findings of scanners that were not looked at"),
            (self.unknown_suites, "cipher suites of a scan that this version does not know"),
        ];
        for (count, what) in counts {
            if count > 0 {
                gaps.push(Gap::file(self.file, format!("{what}: {count}")));
            }
        }
        if let Some(why) = &self.unreadable {
            gaps.push(Gap::file(self.file, format!("report of testssl, not understood: {why}")));
        }
        gaps
    }

    fn add<const N: usize>(
        &mut self,
        kind: &str,
        line: usize,
        target: &Target,
        fields: [(&str, String); N],
    ) {
        if self.observations.len() >= MOST_FINDINGS {
            self.left_out += 1;
            return;
        }
        let mut observation = undated(kind, self.file, line, fields);
        observation.subject.server = Some(target.address);
        observation.subject.server_port = Some(target.port);
        observation.subject.server_name = target.name.clone();
        self.observations.push(observation);
    }

    /// The state of a port, as the scanner names it.
    fn port(&mut self, line: usize, tool: &str, target: &Target, state: &str) {
        let fields = [("tool", tool.to_owned()), ("state", state.to_owned())];
        self.add("text.scan.port", line, target, fields);
    }

    /// What the server took of TLS; nothing where the scanner found none of it.
    fn tls(&mut self, line: usize, tool: &str, target: &Target, taken: &Taken) {
        self.unknown_suites += taken.unknown;
        if taken.versions.is_empty() {
            return;
        }
        let versions: Vec<_> = taken.versions.iter().map(|version| version.name()).collect();
        let suites: Vec<_> = taken.suites.iter().map(|suite| cipher_suite_name(*suite)).collect();
        // Where a suite is missing that is not known, absence says nothing.
        let whole = if taken.unknown == 0 { "yes" } else { "no" };
        let fields = [
            ("tool", tool.to_owned()),
            ("versions", versions.join(", ")),
            ("suites", suites.join(" ")),
            ("all_suites_known", whole.to_owned()),
        ];
        self.add("text.scan.tls", line, target, fields);
    }

    /// The security layers that the server took, by the names of the report.
    fn security(&mut self, line: usize, tool: &str, target: &Target, layers: &[&str]) {
        if !layers.is_empty() {
            let fields = [("tool", tool.to_owned()), ("layers", layers.join(", "))];
            self.add("text.scan.security", line, target, fields);
        }
    }
}

impl Taken {
    fn version(&mut self, version: Version) {
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }

    /// A suite by its name in the registry.
    fn named(&mut self, name: &str) {
        // Looking a name up takes a walk through the registry.
        match self.suites.len() + usize::try_from(self.unknown).unwrap_or(MOST_SUITES) {
            MOST_SUITES.. => self.unknown += 1,
            _ => self.numbered(cipher_suite_id(name)),
        }
    }

    /// A suite by its number; `None` where it has none.
    fn numbered(&mut self, suite: Option<u16>) {
        match suite {
            Some(suite) if self.suites.contains(&suite) => {}
            Some(suite) if self.suites.len() < MOST_SUITES => self.suites.push(suite),
            _ => self.unknown += 1,
        }
    }
}

/// A name of a host within its bounds.
fn name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
