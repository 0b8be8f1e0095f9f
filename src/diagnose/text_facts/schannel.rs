//! What Schannel's settings leave of what a client offers.

use super::About;
use super::registry::{Found, Settings, Side};
use crate::diagnose::Fact;
use crate::observe::{Conversation, Version, cipher_suite_name};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The versions that RDP may use: how Schannel names them, and their numbers on the wire.
const VERSIONS: [(&str, u16); 4] =
    [("tls 1.0", 0x0301), ("tls 1.1", 0x0302), ("tls 1.2", 0x0303), ("tls 1.3", 0x0304)];
const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// What the settings say of one version on the server.
struct Switch<'a> {
    version: u16,
    off: bool,
    told: Found<'a>,
}

pub(super) fn facts(settings: &Settings, about: &About<'_>) -> Vec<Fact> {
    let switches: Vec<Switch<'_>> =
        VERSIONS.iter().filter_map(|(name, version)| switch(settings, name, *version)).collect();
    let all_off = all_off(&switches, about);
    let mut facts = Vec::new();
    // What refused clients offered.
    for view in about.views().filter(|view| view.tls.server_hello.is_none()) {
        // Where nothing is on, no client is too old or too new.
        if all_off.is_none() {
            facts.extend(versions(&switches, view, about));
        }
        facts.extend(suites(settings, view, about));
    }
    facts.extend(all_off);
    facts
}

/// A version is off by `Enabled` 0 or `DisabledByDefault` 1 of its Server key. Texts that
/// contradict each other say nothing.
fn switch<'a>(settings: &'a Settings, name: &str, version: u16) -> Option<Switch<'a>> {
    let values = |value| {
        let mut found = settings.values(Side::Server, ["protocol", name, "server", value]);
        match found.len() {
            0 | 1 => Some(found.pop()),
            _ => None,
        }
    };
    let (enabled, by_default) = (values("enabled")?, values("disabledbydefault")?);
    let number = |found: &Option<Found<'_>>| found.as_ref().and_then(Found::number);
    let off = number(&enabled) == Some(0);
    let off_by_default = number(&by_default).is_some_and(|value| value != 0);
    let told = match off_by_default && !off {
        true => by_default,
        false => enabled.or(by_default),
    };
    Some(Switch { version, off: off || off_by_default, told: told? })
}

/// Every version is switched off on the server. TLS 1.3 is none of Windows Server 2019 and
/// before, so without a setting of its own nobody knows.
fn all_off(switches: &[Switch<'_>], about: &About<'_>) -> Option<Fact> {
    let of = |version| switches.iter().find(|switch| switch.version == version);
    let old = VERSIONS.iter().filter(|(_, version)| *version != TLS13);
    let off = |version: u16| of(version).is_some_and(|switch| switch.off);
    if !old.into_iter().all(|(_, version)| off(*version)) || of(TLS13).is_some_and(|s| !s.off) {
        return None;
    }
    let told = &of(TLS12)?.told;
    let sure = if off(TLS13) { "yes" } else { "no" };
    Some(about.fact("text.registry.tls_off", told.observation, told.share).with("sure", sure))
}

/// The versions that a client offers, against those that are switched off.
fn versions(switches: &[Switch<'_>], view: &Arc<Conversation>, about: &About<'_>) -> Option<Fact> {
    let hello = view.tls.client_hello.as_ref()?;
    let named = hello.value.versions();
    let newest = named.first()?.0;
    // Without the list of TLS 1.3 a client takes older versions than the one it names.
    let takes: Vec<u16> = match named.as_slice() {
        [only] if only.0 <= TLS12 => {
            VERSIONS.iter().map(|(_, version)| *version).filter(|v| *v <= only.0).collect()
        }
        several => several.iter().map(|version| version.0).collect(),
    };
    let of = |version: &u16| switches.iter().find(|switch| switch.version == *version);
    let told = &of(&newest).or_else(|| takes.iter().rev().find_map(of))?.told;
    let kind = match takes.iter().all(|version| of(version).is_some_and(|switch| switch.off)) {
        true => "text.registry.version_off",
        false if takes.iter().any(|version| of(version).is_some_and(|switch| !switch.off)) => {
            "text.registry.version_on"
        }
        false => return None,
    };
    let names: Vec<_> = takes.iter().rev().map(|version| Version(*version).name()).collect();
    let fact = about.fact(kind, told.observation, told.share);
    Some(fact.with("offered", names.join(", ")))
}

/// The suites that a client offers, against the server's list of them.
fn suites(settings: &Settings, view: &Arc<Conversation>, about: &About<'_>) -> Option<Fact> {
    let hello = view.tls.client_hello.as_ref()?;
    let mut lists = settings.values(Side::Server, ["cipher policy", "", "", "functions"]);
    lists.retain(|found| !found.text().trim().is_empty());
    if lists.is_empty() {
        lists = settings.values(Side::Server, ["cipher order", "", "", "functions"]);
    }
    let list = lists.first().filter(|list| lists.len() == 1 && !list.text().trim().is_empty())?;
    // Before Windows 10 the names of suites end with a curve.
    let listed: BTreeSet<&str> = list.text().split(',').map(without_curve).collect();
    let offered: Vec<u16> = hello.value.cipher_suites.clone();
    let both: Vec<u16> =
        offered.iter().copied().filter(|id| listed.contains(&*cipher_suite_name(*id))).collect();
    // A suite of TLS 1.3 needs that version, one with ECDSA a certificate for it.
    let sure = |id: &&u16| **id >> 8 != 0x13 && !cipher_suite_name(**id).contains("_ECDSA_");
    let kind = match both.iter().find(sure) {
        Some(_) => "text.registry.suites_shared",
        None if both.is_empty() => "text.registry.no_suite_shared",
        None => return None,
    };
    let first = both.iter().find(sure).map(|id| cipher_suite_name(*id));
    let fact = about.fact(kind, list.observation, list.share);
    let fact = fact.with("listed", listed.len()).with("offered", offered.len());
    Some(fact.with("first", first.unwrap_or_default()))
}

/// `TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256_P256`.
fn without_curve(name: &str) -> &str {
    let name = name.trim();
    let curve = ["_P256", "_P384", "_P521"].into_iter().find_map(|curve| name.strip_suffix(curve));
    curve.unwrap_or(name)
}
