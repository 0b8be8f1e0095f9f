//! What was negotiated and which certificate was shown, each as a card.

use super::axis::{Axis, instant};
use super::text;
use crate::report::layers_model::{CredsspReport, TlsReport};
use crate::report::wire_model::{CertificateReport, WireReport};
use maud::{Markup, html};

/// Certificates of a chain that are shown.
const MOST_CERTIFICATES: usize = 4;

/// What the client offered against what the server chose.
pub(super) fn negotiation(wire: &WireReport) -> Option<Markup> {
    let requested = wire.requested_protocols.as_deref().unwrap_or_default();
    let tls = wire.tls.as_ref();
    if requested.is_empty() && tls.is_none() {
        return None;
    }
    let chosen = wire.selected_protocol.as_deref();
    Some(html! {
        div.card {
            h4 { "Negotiation" }
            dl {
                @if !requested.is_empty() {
                    dt { "Security layers" }
                    dd { (chips(requested, chosen)) }
                    @if let Some(failure) = &wire.negotiation_failure {
                        dt { "Refused" } dd.bad { (text(failure)) }
                    }
                }
                @if let Some(cookie) = &wire.rdp_cookie { dt { "Cookie" } dd { (text(cookie)) } }
                @if let Some(tls) = tls { (hello(wire, tls)) }
                @if let Some(credssp) = &wire.credssp { (logon(credssp)) }
            }
        }
    })
}

/// What was offered, with what was chosen marked; a choice that was not offered is added.
fn chips(offered: &[String], chosen: Option<&str>) -> Markup {
    let parts: Vec<&str> = chosen.map(|chosen| chosen.split('+').collect()).unwrap_or_default();
    let is_chosen = |name: &str| parts.contains(&name) || chosen == Some(name);
    let strange =
        chosen.filter(|chosen| !offered.iter().any(|name| is_chosen(name) || name == chosen));
    html! {
        ul.chips {
            @for name in offered {
                li class=[is_chosen(name).then_some("chosen")] {
                    (text(name)) @if is_chosen(name) { span.sr { " (chosen)" } }
                }
            }
            @if let Some(strange) = strange { li.chosen { (text(strange)) " (not offered)" } }
        }
    }
}

fn hello(wire: &WireReport, tls: &TlsReport) -> Markup {
    let suites = &tls.offered_cipher_suites;
    html! {
        @if !tls.offered_versions.is_empty() {
            dt { "TLS versions" } dd { (chips(&tls.offered_versions, wire.tls_version.as_deref())) }
        }
        @if let Some(suite) = &wire.cipher_suite { dt { "Cipher suite" } dd { code { (text(suite)) } } }
        @if !suites.is_empty() {
            dt { "Offered" }
            dd {
                details {
                    summary { (suites.len()) " cipher suites" }
                    (chips(suites, wire.cipher_suite.as_deref()))
                }
            }
        }
        @if let Some(name) = &wire.sni { dt { "Server name" } dd { (text(name)) } }
        @for alert in wire.alerts.iter().chain(&tls.inner_alerts) {
            dt { "Alert" }
            dd.bad { (text(&alert.from)) ": " (text(&alert.description)) " (" (text(&alert.level)) ", frame " (alert.frame) ")" }
        }
        @if let Some(ja3) = &wire.ja3 { dt { "JA3" } dd { code { (ja3) } } }
        @if let Some(ja4) = &wire.ja4 { dt { "JA4" } dd { code { (text(ja4)) } } }
    }
}

fn logon(credssp: &CredsspReport) -> Markup {
    let user = [credssp.domain.as_deref(), credssp.user.as_deref()];
    let user: Vec<&str> = user.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    html! {
        @if let Some(package) = &credssp.package { dt { "Logon by" } dd { (text(package)) } }
        @if !user.is_empty() { dt { "User" } dd { (text(&user.join("\\"))) } }
        @if let Some(spn) = &credssp.target_spn { dt { "For" } dd { (text(spn)) } }
        @if let Some(error) = &credssp.error {
            dt { "Refused" } dd.bad { (text(&error.name)) " " code { (text(&error.code)) } " (frame " (error.frame) ")" }
        }
    }
}

/// The certificates that the server showed, the leaf first.
pub(super) fn certificates(wire: &WireReport, at: &str) -> Option<Markup> {
    if wire.certificates.is_empty() {
        return None;
    }
    let shown = wire.certificates.iter().take(MOST_CERTIFICATES).enumerate();
    Some(html! {
        div.card {
            h4 { "Certificate" }
            @for (number, one) in shown {
                @if number == 0 { (certificate(one, at)) }
                @else {
                    details { summary { "Issuer " (number) ": " (text(&one.subject)) } (certificate(one, at)) }
                }
            }
        }
    })
}

fn certificate(certificate: &CertificateReport, at: &str) -> Markup {
    let issuer = if certificate.self_signed { "itself" } else { certificate.issuer.as_str() };
    html! {
        dl {
            dt { "Subject" } dd { (text(&certificate.subject)) }
            dt { "Issued by" } dd { (text(issuer)) }
            @if !certificate.names.is_empty() { dt { "Names" } dd { (text(&certificate.names.join(", "))) } }
            dt { "Valid" } dd { (validity(certificate, at)) }
            dt { "Key" }
            dd {
                @if let Some(bits) = certificate.key_bits { (bits) " bits, " }
                "signed with " code { (text(certificate.signature_algorithm_name.as_ref().unwrap_or(&certificate.signature_algorithm))) }
            }
            dt { "SHA-1" } dd { code { (certificate.sha1) } }
            dt { "SHA-256" } dd { code { (certificate.sha256) } }
        }
    }
}

/// From when to when, with the attempt on the same line.
fn validity(certificate: &CertificateReport, at: &str) -> Markup {
    let (from, to) = (certificate.not_before.as_deref(), certificate.not_after.as_deref());
    let ends = from.and_then(instant).zip(to.and_then(instant)).zip(instant(at));
    let day = |time: Option<&str>| time.and_then(|time| time.get(..10)).unwrap_or("?").to_owned();
    html! {
        (day(from)) " to " (day(to))
        @if let Some(((from, to), at)) = ends {
            @let axis = Axis::over([from, to, at]).unwrap_or(Axis { from, to });
            @let good = (from..=to).contains(&at);
            @let (start, end) = (axis.place(from), axis.place(to));
            svg.validity width="100%" height="14" role="img"
                aria-label=(if good { "valid at the time of the attempt" } else { "not valid at the time of the attempt" }) {
                rect.back x="0" y="6" width="100%" height="2" {}
                rect.span x={ (pc(start)) } y="4" width={ (pc((end - start).max(0.5))) } height="6" {}
                circle class=(if good { "now good" } else { "now bad" }) cx={ (pc(axis.place(at))) } cy="7" r="5" {
                    title { "the attempt" }
                }
            }
        }
    }
}

/// Per cent as SVG takes it.
pub(super) fn pc(place: f64) -> String {
    format!("{place:.3}%")
}
