//! `nmap`, as it writes to the screen (`-oN`) and as XML (`-oX`), with what the scripts
//! `ssl-enum-ciphers` and `rdp-enum-encryption` found. The XML holds the text of the
//! scripts as well, so there is one reader for both. nmap speaks English only.

use super::{Scans, Taken, Target, name};
use crate::base::parse_address;
use crate::observe::Version;
use std::net::IpAddr;

const TOOL: &str = "nmap";

/// What `rdp-enum-encryption` calls the layers, and how the report does.
const LAYERS: [(&str, &str); 7] = [
    ("Native RDP", "rdp"),
    ("SSL", "tls"),
    ("CredSSP (NLA)", "hybrid"),
    ("CredSSP", "hybrid"),
    ("CredSSP with Early User Auth", "hybrid_ex"),
    ("RDSTLS", "rdstls"),
    ("RDSAAD", "rdsaad"),
];

/// How `ssl-enum-ciphers` writes versions.
const VERSIONS: [(&str, Version); 6] = [
    ("SSLv2", Version(0x0002)),
    ("SSLv3", Version(0x0300)),
    ("TLSv1.0", Version(0x0301)),
    ("TLSv1.1", Version(0x0302)),
    ("TLSv1.2", Version(0x0303)),
    ("TLSv1.3", Version(0x0304)),
];

/// The scripts whose findings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Ciphers,
    Encryption,
    Other,
}

impl Script {
    fn named(id: &str) -> Self {
        match id {
            "ssl-enum-ciphers" => Self::Ciphers,
            "rdp-enum-encryption" => Self::Encryption,
            _ => Self::Other,
        }
    }
}

/// What a script said of a port so far.
#[derive(Debug)]
struct Said {
    script: Script,
    line: usize,
    taken: Taken,
    /// The version whose suites are listed.
    version: Option<Version>,
    layers: Vec<&'static str>,
}

impl Said {
    fn new(script: Script, line: usize) -> Self {
        Self { script, line, taken: Taken::default(), version: None, layers: Vec::new() }
    }

    /// One line of the script, without marks and indentation.
    fn line(&mut self, line: &str) {
        match self.script {
            Script::Ciphers => self.cipher(line),
            Script::Encryption => self.layer(line),
            Script::Other => {}
        }
    }

    fn cipher(&mut self, line: &str) {
        let heading = line.split_once(':').and_then(|(label, rest)| {
            let (_, version) = VERSIONS.iter().find(|(name, _)| *name == label)?;
            Some((*version, rest.trim()))
        });
        if let Some((version, rest)) = heading {
            // `SSLv3: No supported ciphers found`
            self.version = rest.is_empty().then_some(version);
            return;
        }
        let Some(word) = line.split_whitespace().next() else { return };
        let (Some(version), true) = (self.version, word.starts_with("TLS_")) else { return };
        self.taken.version(version);
        // In TLS 1.3 a suite names no key exchange; nmap puts AKE there.
        self.taken.named(&word.replacen("TLS_AKE_WITH_", "TLS_", 1));
    }

    fn layer(&mut self, line: &str) {
        let Some((label, "SUCCESS")) = line.split_once(": ").map(|(l, r)| (l, r.trim())) else {
            return;
        };
        if let Some((_, layer)) = LAYERS.iter().find(|(name, _)| *name == label)
            && !self.layers.contains(layer)
        {
            self.layers.push(layer);
        }
    }

    fn end(&self, target: Option<&Target>, scans: &mut Scans<'_>) {
        if let Some(target) = target {
            scans.tls(self.line, TOOL, target, &self.taken);
            scans.security(self.line, TOOL, target, &self.layers);
        }
    }
}

/// What is written to the screen.
pub(super) fn lines(text: &str, scans: &mut Scans<'_>) {
    let mut host: Option<(IpAddr, Option<String>)> = None;
    let mut target: Option<Target> = None;
    let mut said: Option<Said> = None;
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end())) {
        if let Some(content) = line.strip_prefix('|') {
            let last = content.starts_with('_');
            let content = content.strip_prefix('_').unwrap_or(content);
            let id = content.trim().split(':').next().unwrap_or_default();
            // A script begins beside its mark, its findings are indented.
            if !content.starts_with("  ") && (content.starts_with(' ') || last) {
                end(said.take(), target.as_ref(), scans);
                said = Some(Said::new(Script::named(id), number));
            } else if let Some(said) = &mut said {
                said.line(content.trim());
            }
            continue;
        }
        end(said.take(), target.as_ref(), scans);
        if let Some(whom) = line.strip_prefix("Nmap scan report for ") {
            host = reported(whom);
            target = None;
        } else if let (Some((address, name)), Some((port, state))) = (&host, port(line)) {
            let known = Target { address: *address, name: name.clone(), port };
            scans.port(number, TOOL, &known, state);
            target = Some(known);
        }
    }
    end(said, target.as_ref(), scans);
}

fn end(said: Option<Said>, target: Option<&Target>, scans: &mut Scans<'_>) {
    if let Some(said) = said {
        said.end(target, scans);
    }
}

/// `srv01.corp.example (10.0.0.9)` or `10.0.0.9`.
fn reported(whom: &str) -> Option<(IpAddr, Option<String>)> {
    let whom = whom.trim();
    match whom.strip_suffix(')').and_then(|whom| whom.rsplit_once('(')) {
        Some((host, address)) => Some((parse_address(address)?, name(host))),
        None => Some((parse_address(whom)?, None)),
    }
}

/// `3389/tcp open  ms-wbt-server`.
fn port(line: &str) -> Option<(u16, &'static str)> {
    let (port, rest) = line.split_once("/tcp")?;
    let port = port.parse().ok()?;
    Some((port, known_state(rest.split_whitespace().next()?)?))
}

/// The states that tell something; `open|filtered` and its like do not.
fn known_state(state: &str) -> Option<&'static str> {
    ["open", "closed", "filtered"].into_iter().find(|known| *known == state)
}

/// Whether a text is nmap's XML.
pub(super) fn is_xml(text: &str) -> bool {
    text.contains("<nmaprun")
}

/// The XML, one element at a time: what is torn costs itself.
pub(super) fn xml(text: &str, scans: &mut Scans<'_>) {
    let mut address: Option<IpAddr> = None;
    let mut host: Option<String> = None;
    let mut number: Option<u16> = None;
    let mut line = 1;
    for piece in text.split('<') {
        let tag = piece.split('>').next().unwrap_or_default();
        let target = || Some(Target { address: address?, name: host.clone(), port: number? });
        match tag.split([' ', '\n', '\r', '\t']).next().unwrap_or_default() {
            "host" => (address, host, number) = (None, None, None),
            "address" => address = address.or(attribute(tag, "addr").and_then(parse_address)),
            "hostname" => host = host.or(attribute(tag, "name").and_then(name)),
            "port" if attribute(tag, "protocol") == Some("tcp") => {
                number = attribute(tag, "portid").and_then(|port| port.parse().ok());
            }
            "port" | "/port" => number = None,
            "state" => {
                let state = attribute(tag, "state").and_then(known_state);
                if let (Some(target), Some(state)) = (target(), state) {
                    scans.port(line, TOOL, &target, state);
                }
            }
            "script" => {
                let mut said =
                    Said::new(Script::named(attribute(tag, "id").unwrap_or_default()), line);
                let output = attribute(tag, "output").unwrap_or_default();
                for content in output.split("&#xa;").flat_map(str::lines) {
                    said.line(content.trim());
                }
                said.end(target().as_ref(), scans);
            }
            _ => {}
        }
        line += piece.matches('\n').count();
    }
}

/// The value of an attribute, escaped as it stands.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, behind) = after.split_once('"')?;
        if before.split_whitespace().next_back() == Some(name) {
            return Some(value);
        }
        rest = behind;
    }
    None
}
