//! An X.509 certificate (RFC 5280) as far as it decides whether a client accepts
//! it.

use crate::base::hex;
use jiff::Timestamp;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// What of a certificate is judged and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// RFC 4514 text; attacker's text, escape before showing.
    pub subject: String,
    pub issuer: String,
    /// Lower-case hex.
    pub serial: String,
    /// `None` where the time is outside what can be represented.
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// Hash over the DER, as Windows shows it as thumbprint.
    pub sha1: String,
    pub sha256: String,
    /// Subject and issuer are the same name. The signature is not verified.
    pub self_signed: bool,
    /// DNS names and addresses of the subject alternative name, else the common name.
    pub names: Vec<String>,
    /// OID of the signature algorithm, dotted.
    pub signature_algorithm: String,
    /// Size of an RSA modulus or of the curve, in bits.
    pub key_bits: Option<u32>,
    /// Whether the key is RSA; the lower limit for bits differs from curves.
    pub rsa: bool,
    /// `None` when there is no extended key usage, which allows every use.
    pub server_auth: Option<bool>,
}

impl Certificate {
    /// Reads one certificate; `None` when the DER cannot be read.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        let (rsa, key_bits) = key(&parsed);
        Some(Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: hex(parsed.raw_serial()),
            not_before: time(parsed.validity().not_before.timestamp()),
            not_after: time(parsed.validity().not_after.timestamp()),
            sha1: hex(&Sha1::digest(der)),
            sha256: hex(&Sha256::digest(der)),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            names: names(&parsed),
            signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
            key_bits,
            rsa,
            server_auth: parsed
                .extended_key_usage()
                .ok()
                .flatten()
                .map(|usage| usage.value.server_auth || usage.value.any),
        })
    }

    /// The algorithm and key sizes that current clients refuse: MD5 or SHA-1
    /// signatures, RSA below 2048 bits. `None` when nothing is weak.
    pub fn weakness(&self) -> Option<String> {
        let weak_hash = match self.signature_algorithm.as_str() {
            "1.2.840.113549.1.1.2" => Some("an MD2 signature"),
            "1.2.840.113549.1.1.4" => Some("an MD5 signature"),
            "1.2.840.113549.1.1.5"
            | "1.3.14.3.2.29"
            | "1.2.840.10040.4.3"
            | "1.2.840.10045.4.1" => Some("a SHA-1 signature"),
            _ => None,
        };
        let weak_key = self
            .key_bits
            .filter(|bits| if self.rsa { *bits < 2048 } else { *bits < 224 })
            .map(|bits| format!("a key of {bits} bits"));
        match (weak_hash, weak_key) {
            (Some(hash), Some(key)) => Some(format!("{hash} and {key}")),
            (Some(hash), None) => Some(hash.to_owned()),
            (None, key) => key,
        }
    }

    /// Whether the certificate is for this name: exact, by wildcard, or by the
    /// host part alone when the wanted name has no domain.
    pub fn covers(&self, wanted: &str) -> bool {
        let wanted = wanted.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().any(|name| name_matches(&name.to_ascii_lowercase(), &wanted))
    }
}

fn name_matches(name: &str, wanted: &str) -> bool {
    if name == wanted {
        return true;
    }
    match name.strip_prefix("*.") {
        Some(suffix) => wanted.split_once('.').is_some_and(|(_, domain)| domain == suffix),
        None => false,
    }
}

fn key(certificate: &X509Certificate<'_>) -> (bool, Option<u32>) {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) => (true, u32::try_from(rsa.key_size()).ok()),
        Ok(PublicKey::EC(point)) => (false, u32::try_from(point.key_size()).ok()),
        _ => (false, None),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let mut names: Vec<String> = alternative
        .map(|extension| extension.value.general_names.iter().filter_map(general_name).collect())
        .unwrap_or_default();
    if names.is_empty() {
        names.extend(
            certificate
                .subject()
                .iter_common_name()
                .filter_map(|cn| cn.as_str().ok())
                .map(str::to_owned),
        );
    }
    names
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(format!("{a}.{b}.{c}.{d}")),
            other => {
                <[u8; 16]>::try_from(other).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_one_label() {
        assert!(name_matches("*.corp.test", "ts1.corp.test"));
        assert!(!name_matches("*.corp.test", "a.ts1.corp.test"));
        assert!(!name_matches("*.corp.test", "corp.test"));
    }

    #[test]
    fn garbage_is_no_certificate() {
        assert_eq!(Certificate::parse(&[0x30, 0x82, 0xff, 0xff, 0]), None);
        assert_eq!(Certificate::parse(&[]), None);
    }
}
