//! What listings of certificates say of the one that the server uses.

use super::About;
use super::registry::Settings;
use crate::correlate::Case;
use crate::diagnose::Fact;
use crate::observe::Observation;
use std::collections::BTreeSet;

/// The listed certificates of all texts.
#[derive(Debug, Default)]
pub(super) struct Stores {
    known: Vec<Observation>,
}

/// What error codes of `certutil` say of a certificate, [MS-ERREF] 2.1.1.
const CODES: [(&str, &str); 7] = [
    ("0x800b0101", "text.certificate.expired"),
    ("0x80092010", "text.certificate.revoked"),
    ("0x800b010c", "text.certificate.revoked"),
    ("0x80092012", "text.certificate.revocation_unknown"),
    ("0x80092013", "text.certificate.revocation_unknown"),
    ("0x80090016", "text.certificate.no_key"),
    ("0x8009000d", "text.certificate.no_key"),
];

impl Stores {
    pub(super) fn gather(case: &Case) -> Self {
        let told = case.observations.iter().filter(|o| &*o.kind == "text.certificate");
        Self { known: told.cloned().collect() }
    }

    /// Facts about the certificate that the server shows, or that its listener is set to.
    pub(super) fn facts(&self, about: &About<'_>, settings: &Settings) -> Vec<Fact> {
        let mut used: BTreeSet<String> =
            about.views().filter_map(|view| Some(view.tls.leaf()?.sha1.clone())).collect();
        if used.is_empty() {
            let configured = settings.listener("sslcertificatesha1hash");
            used.extend(configured.iter().map(|found| found.text().to_owned()));
        }
        let mut facts = Vec::new();
        for listed in &self.known {
            let mut hashes = listed.field("sha1").unwrap_or_default().split(' ');
            let Some(sha1) = hashes.find(|hash| used.contains(*hash)) else { continue };
            let mut fact = |kind, code: &str| {
                let fact = about.fact(kind, listed, 1.0).with("used", sha1);
                facts.push(fact.with("code", code));
            };
            for code in listed.field("codes").unwrap_or_default().split(' ') {
                let kind = CODES.iter().find(|(known, _)| *known == code);
                if let Some((_, kind)) = kind {
                    fact(*kind, code);
                }
            }
            match listed.field("has_key") {
                Some("yes") => fact("text.certificate.has_key", ""),
                Some("no") => fact("text.certificate.no_key", "HasPrivateKey: False"),
                _ => {}
            }
        }
        facts
    }
}
