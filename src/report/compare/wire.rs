//! What captures show of the two connections: negotiation, hellos, certificates,
//! authentication, RDP, TCP.

use super::rows::{NONE, Placed, Rows, Side, or_none};
use crate::report::layers_model::{CodeReport, CredsspReport, RdpReport, TlsReport};
use crate::report::wire_model::{CertificateReport, HealthReport, WireReport};
use jiff::Timestamp;

/// Compares everything that was captured.
pub(super) fn compare(rows: &mut Rows<'_>) {
    match (rows.good.wire(), rows.bad.wire()) {
        (None, None) => {
            rows.notes.push("Neither side has a capture of the attempt: only logs.".to_owned());
        }
        (Some(_), None) => rows.notes.push("BAD has no capture of the attempt.".to_owned()),
        (None, Some(_)) => rows.notes.push("GOOD has no capture of the attempt.".to_owned()),
        (Some(_), Some(_)) => {}
    }
    negotiation(rows);
    client_hello(rows);
    server_hello(rows);
    certificate(rows);
    credssp(rows);
    rdp(rows);
    tcp(rows);
}

/// A value of the connection at a step.
fn at(
    step: &'static str,
    value: impl Fn(&WireReport) -> Option<String>,
) -> impl Fn(&Side<'_>) -> Option<Placed<String>> {
    move |side| side.placed(step, side.wire().and_then(&value))
}

fn list_at(
    step: &'static str,
    value: impl Fn(&WireReport) -> Option<Vec<String>>,
) -> impl Fn(&Side<'_>) -> Option<Placed<Vec<String>>> {
    move |side| side.placed(step, side.wire().and_then(&value))
}

fn negotiation(rows: &mut Rows<'_>) {
    rows.section("Negotiation");
    let (request, confirm) = ("connection_request", "connection_confirm");
    rows.text("service", at("syn", |wire| Some(wire.service.clone())));
    rows.list(
        "protocols asked for",
        false,
        list_at(request, |wire| wire.requested_protocols.clone()),
    );
    rows.list("flags of the request", false, list_at(request, |w| rdp_of(w, |r| &r.request_flags)));
    rows.text("how the user is named", at(request, cookie));
    // A refusal is an answer like a choice: the two stand beside each other.
    rows.text(
        "answer",
        at(confirm, |wire| {
            let refused = wire.negotiation_failure.as_ref().map(|code| format!("refused: {code}"));
            refused.or_else(|| wire.selected_protocol.clone())
        }),
    );
    rows.list(
        "flags of the answer",
        false,
        list_at(confirm, |wire| {
            wire.selected_protocol.as_ref().and(rdp_of(wire, |rdp| &rdp.response_flags))
        }),
    );
}

fn rdp_of(wire: &WireReport, value: fn(&RdpReport) -> &Vec<String>) -> Option<Vec<String>> {
    wire.rdp.as_ref().map(|rdp| value(rdp).clone())
}

/// Whether the request has a cookie: the name in it is the user's.
fn cookie(wire: &WireReport) -> Option<String> {
    wire.requested_protocols.as_ref()?;
    let how = match (&wire.rdp_cookie, &wire.routing_token) {
        (Some(_), _) => "cookie",
        (None, Some(_)) => "routing token",
        (None, None) => NONE,
    };
    Some(how.to_owned())
}

/// The hello of the client, where it was seen.
fn hello_of(wire: &WireReport, value: fn(&TlsReport) -> &Vec<String>) -> Option<Vec<String>> {
    wire.ja4.as_ref()?;
    wire.tls.as_ref().map(|tls| value(tls).clone())
}

fn client_hello(rows: &mut Rows<'_>) {
    rows.section("ClientHello");
    let hello = "client_hello";
    rows.list("versions", true, list_at(hello, |w| hello_of(w, |tls| &tls.offered_versions)));
    let suites = list_at(hello, |w| hello_of(w, |tls| &tls.offered_cipher_suites));
    rows.list("cipher suites", true, suites);
    // Some clients shuffle them on purpose.
    let extensions = list_at(hello, |w| hello_of(w, |tls| &tls.offered_extensions));
    rows.list("extensions", false, extensions);
    rows.list("groups", true, list_at(hello, |w| hello_of(w, |tls| &tls.offered_groups)));
    let signatures = list_at(hello, |w| hello_of(w, |tls| &tls.offered_signature_algorithms));
    rows.list("signature algorithms", true, signatures);
    rows.list("ALPN", true, list_at(hello, |w| hello_of(w, |tls| &tls.offered_alpn)));
    let same_server = same_server(rows);
    let name = at(hello, move |wire| {
        wire.ja4.as_ref()?;
        match (&wire.sni, same_server) {
            (Some(name), true) => Some(name.clone()),
            (Some(_), false) => Some("given".to_owned()),
            (None, _) => Some(NONE.to_owned()),
        }
    });
    rows.text("server name in the hello", name);
}

/// Whether both try the same server: of two servers, names and keys differ anyhow.
fn same_server(rows: &Rows<'_>) -> bool {
    let address = |side: &Side<'_>| {
        let server = side.wire()?.server.parse::<std::net::SocketAddr>().ok()?;
        Some(server.ip())
    };
    address(&rows.good).is_some_and(|good| address(&rows.bad) == Some(good))
}

fn server_hello(rows: &mut Rows<'_>) {
    rows.section("ServerHello");
    let hello = "server_hello";
    rows.text("TLS version", at(hello, |wire| wire.tls_version.clone()));
    rows.text("cipher suite", at(hello, |wire| wire.cipher_suite.clone()));
    let extensions = list_at(hello, |wire| {
        wire.ja3s.as_ref()?;
        wire.tls.as_ref().map(|tls| tls.server_extensions.clone())
    });
    rows.list("extensions of the server", false, extensions);
    let flag = |step, value: fn(&TlsReport) -> Option<bool>| {
        at(step, move |wire| {
            wire.ja3s.as_ref()?;
            Some(yes_or_no(value(wire.tls.as_ref()?)?))
        })
    };
    rows.text(
        "HelloRetryRequest",
        flag("hello_retry_request", |tls| Some(tls.hello_retry_request)),
    );
    rows.text("resumed", flag(hello, |tls| tls.resumed));
    rows.text("OCSP response stapled", flag("certificate", |tls| Some(tls.ocsp_staple)));
    rows.text("TLS handshake finished", |side| {
        let finished = side.wire()?.tls.as_ref()?.established;
        let step = if finished { "application_data" } else { "client_hello" };
        Some(Placed { value: yes_or_no(finished), source: side.at_step(step) })
    });
    rows.list("alerts", true, |side| {
        let wire = side.wire().filter(|wire| wire.tls.is_some())?;
        let inner = wire.tls.iter().flat_map(|tls| &tls.inner_alerts);
        let alerts: Vec<_> = wire.alerts.iter().chain(inner).collect();
        let shown = alerts.iter().map(|a| format!("{} {} {}", a.from, a.level, a.description));
        let value = shown.collect();
        let source = match alerts.first() {
            Some(alert) => side.at_frame(alert.frame),
            None => side.at_step("client_hello"),
        };
        Some(Placed { value, source })
    });
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn leaf_text(
    value: fn(&CertificateReport) -> Option<String>,
) -> impl Fn(&Side<'_>) -> Option<Placed<String>> {
    at("certificate", move |wire| value(wire.certificates.first()?))
}

fn certificate(rows: &mut Rows<'_>) {
    rows.section("Certificate");
    if same_server(rows) {
        rows.text("subject", leaf_text(|leaf| Some(leaf.subject.clone())));
        rows.text("serial number", leaf_text(|leaf| Some(leaf.serial.clone())));
        rows.text("not before", leaf_text(|leaf| leaf.not_before.clone()));
        rows.text("not after", leaf_text(|leaf| leaf.not_after.clone()));
        rows.text("SHA-256", leaf_text(|leaf| Some(leaf.sha256.clone())));
        rows.list(
            "names",
            false,
            list_at("certificate", |wire| Some(wire.certificates.first()?.names.clone())),
        );
    }
    // Who issued a self-signed certificate is its own subject, and that differs anyhow.
    let issuer = leaf_text(|leaf| Some(leaf.issuer.clone()).filter(|_| !leaf.self_signed));
    rows.text("issuer", issuer);
    rows.text("self-signed", leaf_text(|leaf| Some(yes_or_no(leaf.self_signed))));
    rows.text("key bits", leaf_text(|leaf| leaf.key_bits.map(|bits| bits.to_string())));
    let algorithm = leaf_text(|leaf| Some(leaf.signature_algorithm.clone()));
    rows.text("signature algorithm", algorithm);
    rows.text("may authenticate servers", leaf_text(|leaf| leaf.server_auth.map(yes_or_no)));
    rows.text(
        "certificates in the chain",
        at("certificate", |wire| {
            Some(wire.certificates.len()).filter(|count| *count > 0).map(|count| count.to_string())
        }),
    );
    rows.text("in its time", |side| {
        side.placed("certificate", in_its_time(side.attempt?.start.as_str(), side.wire()?))
    });
}

/// Whether the leaf was valid when the attempt began.
fn in_its_time(start: &str, wire: &WireReport) -> Option<String> {
    let leaf = wire.certificates.first()?;
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let start = time(start)?;
    let from = leaf.not_before.as_deref().and_then(time)?;
    let to = leaf.not_after.as_deref().and_then(time)?;
    let state = if start < from {
        "not yet valid"
    } else if start > to {
        "expired"
    } else {
        "yes"
    };
    Some(state.to_owned())
}

/// A code as people look it up.
fn code(code: &CodeReport) -> String {
    match code.name.as_str() {
        "" => code.code.clone(),
        name => format!("{name} ({})", code.code),
    }
}

fn credssp(rows: &mut Rows<'_>) {
    rows.section("Network level authentication");
    let step = "application_data";
    let text = |value: fn(&CredsspReport) -> Option<String>| {
        at(step, move |wire| value(wire.credssp.as_ref()?))
    };
    let mechanisms =
        list_at(step, |wire| wire.credssp.as_ref().map(|credssp| credssp.mechanisms.clone()));
    rows.list("mechanisms offered", true, mechanisms);
    rows.text("package", text(|credssp| credssp.package.clone()));
    let [client, server] = [0, 1].map(|side| {
        at(step, move |wire| {
            let version = wire.credssp.as_ref()?.versions.get(side).copied().flatten()?;
            Some(version.to_string())
        })
    });
    rows.text("CredSSP version of the client", client);
    rows.text("CredSSP version of the server", server);
    rows.text("CredSSP error", text(|credssp| or_none(credssp.error.as_ref().map(code))));
    let kerberos = text(|credssp| or_none(credssp.kerberos_error.as_ref().map(code)));
    rows.text("Kerberos error", kerberos);
    rows.text("credentials sent", text(|credssp| Some(yes_or_no(credssp.credentials_sent))));
    let early = text(|credssp| or_none(credssp.early_user_auth.as_ref().map(code)));
    rows.text("early user authorization", early);
}

fn rdp(rows: &mut Rows<'_>) {
    rows.section("RDP");
    let text = |step, value: fn(&RdpReport) -> Option<String>| {
        at(step, move |wire| value(wire.rdp.as_ref()?))
    };
    let initial = "mcs_connect_initial";
    let build = |rdp: &RdpReport| Some(rdp.client.as_ref()?.build?.to_string());
    rows.text("build of the client", text(initial, build));
    rows.text(
        "RDP version of the client",
        text(initial, |rdp| rdp.client.as_ref()?.version.clone()),
    );
    let response = "mcs_connect_response";
    rows.text("encryption method", text(response, |rdp| rdp.encryption_method.clone()));
    rows.text("encryption level", text(response, |rdp| rdp.encryption_level.clone()));
    // Only what could be read says that something is not there.
    let read = |rdp: &RdpReport| rdp.client.is_some() || rdp.error_info.is_some();
    rows.list(
        "licensing",
        true,
        list_at("license", move |wire| {
            let rdp = wire.rdp.as_ref().filter(|rdp| read(rdp))?;
            let shown = rdp.licensing.iter().map(|license| {
                let error = license.error.as_ref().map(|error| format!(": {error}"));
                format!("{} {}{}", license.from, license.message, error.unwrap_or_default())
            });
            Some(shown.collect())
        }),
    );
    rows.text(
        "session began",
        at("demand_active", move |wire| {
            let rdp = wire.rdp.as_ref().filter(|rdp| read(rdp))?;
            Some(yes_or_no(rdp.active.is_some()))
        }),
    );
    rows.text(
        "logon error",
        at("logon_error", move |wire| {
            or_none(wire.rdp.as_ref().filter(|rdp| read(rdp))?.logon_error.clone())
        }),
    );
    rows.text(
        "error info",
        at("error_info", move |wire| {
            or_none(wire.rdp.as_ref().filter(|rdp| read(rdp))?.error_info.as_ref().map(code))
        }),
    );
    rows.text(
        "end of the session",
        at("disconnect", move |wire| {
            let disconnect = wire.rdp.as_ref().filter(|rdp| read(rdp))?.disconnect.as_ref();
            or_none(disconnect.map(|end| format!("{} by {}", end.reason, end.by)))
        }),
    );
}

fn tcp(rows: &mut Rows<'_>) {
    rows.section("TCP");
    rows.text(
        "SYN",
        at("syn", |wire| {
            let times = match wire.tcp.syns {
                0 => return None,
                1 => "sent once",
                _ => "sent several times",
            };
            Some(times.to_owned())
        }),
    );
    rows.text("closed", |side| {
        let wire = side.wire()?;
        let how = match (&wire.tcp.close, &wire.tcp.closed_by) {
            (Some(how), Some(by)) => format!("{how} by {by}"),
            _ => NONE.to_owned(),
        };
        let step = wire.tcp.close.as_deref().unwrap_or("syn");
        side.placed(step, Some(how))
    });
    rows.text("last step before the close", |side| {
        let last = side.wire()?.tcp.closed_after.as_ref()?;
        Some(Placed { value: last.step.clone(), source: side.at_frame(last.frame) })
    });
    rows.list("resets of somebody between", false, |side| {
        let resets = &side.wire()?.tcp.foreign_resets;
        let value = resets.iter().map(|r| format!("as {}, by {}", r.claims, r.mark)).collect();
        let source = resets.first().and_then(|reset| side.at_frame(reset.frame));
        Some(Placed { value, source })
    });
    rows.list("ICMP errors", false, |side| {
        let errors = &side.wire()?.tcp.icmp;
        let value = errors.iter().map(|error| error.reason.clone()).collect();
        let source = errors.first().and_then(|error| side.at_frame(error.frame));
        Some(Placed { value, source })
    });
    for (who, of) in [
        ("client", (|wire| &wire.tcp.client) as fn(&WireReport) -> &HealthReport),
        ("server", |wire| &wire.tcp.server),
    ] {
        direction(rows, who, of);
    }
}

/// What tells systems and paths apart, and how much was lost.
fn direction(rows: &mut Rows<'_>, who: &str, of: fn(&WireReport) -> &HealthReport) {
    let step = if who == "client" { "syn" } else { "syn_ack" };
    rows.text(&format!("MSS of the {who}"), at(step, move |w| Some(of(w).mss?.to_string())));
    rows.text(
        &format!("initial TTL of the {who}"),
        at(step, move |wire| {
            // Hops on the way take from it: the next usual value is where it began.
            let begun = [64, 128, 255].into_iter().find(|usual| Some(*usual) >= of(wire).ttl)?;
            of(wire).ttl.map(|_| begun.to_string())
        }),
    );
    rows.text(
        &format!("options of the SYN of the {who}"),
        at(step, move |wire| {
            let options: Vec<String> = of(wire).syn_options.iter().map(u8::to_string).collect();
            Some(options.join(" ")).filter(|shown| !shown.is_empty())
        }),
    );
    rows.text(
        &format!("lost or repeated segments of the {who}"),
        at(step, move |wire| {
            let health = of(wire);
            let lost = health.lost_before + health.lost_behind + health.fast_retransmissions;
            let segments = u64::from(health.data_segments).max(1);
            // One in fifty is felt; less comes and goes.
            Some(yes_or_no(lost > 1 && u64::from(lost) * 50 >= segments))
        }),
    );
    rows.text(
        &format!("segment of the {who} that nobody acknowledged"),
        at(step, move |wire| {
            or_none(
                of(wire).unacked.as_ref().filter(|lost| lost.times > 1).map(|_| "yes".to_owned()),
            )
        }),
    );
}
