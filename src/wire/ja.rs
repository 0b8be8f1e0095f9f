//! Fingerprints of hellos: JA3 and JA3S (salesforce), JA4 (FoxIO, the client
//! form, which is BSD licensed).

use super::tls::{ClientHello, ServerHello, Version, is_grease};
use crate::base::hex;
use md5::{Digest as _, Md5};
use sha2::Sha256;

fn joined(values: impl Iterator<Item = u16>) -> String {
    values.filter(|v| !is_grease(*v)).map(|v| v.to_string()).collect::<Vec<_>>().join("-")
}

/// JA3: MD5 of version, suites, extensions, groups and point formats.
pub fn ja3(hello: &ClientHello) -> String {
    let text = format!(
        "{},{},{},{},{}",
        hello.legacy_version.0,
        joined(hello.cipher_suites.iter().copied()),
        joined(hello.extensions.iter().map(|e| e.kind)),
        joined(hello.supported_groups().into_iter()),
        joined(hello.point_formats().iter().map(|f| u16::from(*f))),
    );
    hex(&Md5::digest(text))
}

/// JA3S: MD5 of version, suite and extensions of the ServerHello.
pub fn ja3s(hello: &ServerHello) -> String {
    let extensions: Vec<String> = hello.extensions.iter().map(|e| e.kind.to_string()).collect();
    let text =
        format!("{},{},{}", hello.legacy_version.0, hello.cipher_suite, extensions.join("-"));
    hex(&Md5::digest(text))
}

/// JA4 of a ClientHello over TCP.
pub fn ja4(hello: &ClientHello) -> String {
    let suites: Vec<u16> = hello.cipher_suites.iter().copied().filter(|s| !is_grease(*s)).collect();
    let kinds: Vec<u16> =
        hello.extensions.iter().map(|e| e.kind).filter(|k| !is_grease(*k)).collect();
    let head = format!(
        "t{}{}{:02}{:02}{}",
        version_tag(hello.versions().first().copied()),
        if kinds.contains(&0) { 'd' } else { 'i' },
        suites.len().min(99),
        kinds.len().min(99),
        alpn_tag(hello.first_alpn()),
    );
    let mut sorted_suites = suites;
    sorted_suites.sort_unstable();
    // server_name and ALPN are counted above but not hashed.
    let mut sorted_kinds: Vec<u16> = kinds.into_iter().filter(|k| *k != 0 && *k != 16).collect();
    sorted_kinds.sort_unstable();
    let mut extensions = hex_list(&sorted_kinds);
    let algorithms = hello.signature_algorithms();
    if !algorithms.is_empty() {
        extensions.push('_');
        extensions.push_str(&hex_list(&algorithms));
    }
    format!("{head}_{}_{}", short_hash(&hex_list(&sorted_suites)), short_hash(&extensions))
}

fn version_tag(version: Option<Version>) -> &'static str {
    match version.map(|v| v.0) {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    }
}

fn alpn_tag(protocol: Option<&[u8]>) -> String {
    match protocol {
        Some([only]) => alpn_ends(*only, *only),
        Some([first, .., last]) => alpn_ends(*first, *last),
        _ => "00".to_owned(),
    }
}

fn alpn_ends(first: u8, last: u8) -> String {
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return format!("{}{}", char::from(first), char::from(last));
    }
    let (first, last) = (hex(&[first]), hex(&[last]));
    format!("{}{}", first.get(..1).unwrap_or_default(), last.get(1..).unwrap_or_default())
}

fn hex_list(values: &[u16]) -> String {
    values.iter().map(|v| format!("{v:04x}")).collect::<Vec<_>>().join(",")
}

fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(12);
    digest
}
