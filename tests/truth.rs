//! What the public projects' own tests, and tshark, say of the captures in
//! `../shared/corpus/pcap`, held against what this program reads.
//!
//! `truth.jsonl` has one expectation a row. A row that is about something this
//! program does not say (a peer's own history letters, hosts' fingerprints of
//! variants that are not in the report) is not expressible; every other row must
//! hold, or stand in [`EXPLAINED`] with the reason.

use crate::support::{files, shared};
use rdp_triage::base::Endpoint;
use rdp_triage::capture::{self, CaptureFacts, read_frames};
use rdp_triage::correlate::is_finished;
use rdp_triage::intake::{EvidenceFile, take_in};
use rdp_triage::observe::{Conversation, Negotiation, TcpHealth, cipher_suite_name};
use rdp_triage::wire::certificate::Certificate;
use rdp_triage::wire::gcc::ServerCertificate;
use rdp_triage::wire::packet::{self, Packet};
use rdp_triage::wire::{dns, ja};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows that do not hold, by the end of the capture's name (empty: any) and field,
/// and why. `docs/witnesses.md` shows the bytes.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "",
        "tcp.analysis.duplicate_ack",
        "counted here as RFC 5681 2 defines it: while data is outstanding, copies left out",
    ),
    ("rdp-no-cookie-mstshash.pcap", "tcp.analysis.retransmission", "every frame is there twice"),
    ("ssl-to-http-server.pcap", "tcp.analysis.retransmission", "copies with the same IP id"),
    ("option-sack.pcap", "tcp.analysis.retransmission", "synthetic: all SYNs have IP id 1"),
    (
        "tls_multiple_synack_different_seq.pcapng",
        "tcp.analysis.retransmission",
        "each SYN-ACK begins another sequence; tshark compares the data with the first",
    ),
    (
        "tls_with_huge_ch.pcapng",
        "tcp.analysis.fast_retransmission",
        "tshark wants the repetition within 20 ms of the last duplicate acknowledgement",
    ),
    (
        "tls_with_huge_ch.pcapng",
        "tcp.analysis.spurious_retransmission",
        "SYN and SYN-ACK that were already acknowledged count here, too",
    ),
    (
        "rdp-x509.pcap",
        "tcp.analysis.spurious_retransmission",
        "a SYN that was already acknowledged counts here, too",
    ),
    (
        "tls_with_huge_ch.pcapng",
        "tls.version",
        "the ServerHello's supported_versions says 1.3; nDPI reads legacy_version",
    ),
    (
        "tls_with_huge_ch.pcapng",
        "ja4",
        "nDPI writes 'd' (SNI) and reports a missing SNI in the same line; there is none",
    ),
    (
        "tcp_handshake_synthetic.pcap",
        "tcp.streams",
        "a SYN with another number before anything was established is the same try",
    ),
    (
        "tcp_handshake_synthetic.pcap",
        "tcp.syn_without_answer_streams",
        "a SYN with another number before anything was established is the same try",
    ),
    (
        "handshake-reorder.pcap",
        "tcp.syn_without_answer_streams",
        "the SYN-ACK stands in front of its SYN: answered",
    ),
    ("syn-then-ack-then-rst.pcap", "tcp.syn_answered_by_rst_streams", "the client sent the RST"),
    ("syn-then-stuff-then-rst.pcap", "tcp.syn_answered_by_rst_streams", "the client sent the RST"),
    ("socks5-rdp.pcap", "rdp.requested_protocols", "RDP inside SOCKS is not unwrapped"),
    ("icmp-destunreach-ip.pcap", "icmp.type_code_packets", "it quotes neither TCP nor UDP"),
    ("ssl-v2.pcap", "tls.handshake_types", "the server answers in SSL 2.0, which is not read"),
    (
        "tls1.2-protocol-violation.pcap",
        "tls.handshake_types",
        "the Certificate message lies about its length, as the capture's name says",
    ),
];

/// One capture, read with every port as an RDP port so that all flows are followed.
pub(crate) struct Capture {
    pub(crate) facts: CaptureFacts,
    resets: u64,
    rcodes: BTreeMap<u64, u64>,
    /// ICMP errors about TCP or UDP, by `type/code`.
    icmp: BTreeMap<String, u64>,
}

fn evidence(path: &Path) -> Option<EvidenceFile> {
    take_in(&[path.to_path_buf()]).ok()?.files.into_iter().next()
}

pub(crate) fn read_whole(path: &Path) -> Option<Capture> {
    let file = evidence(path)?;
    let (mut ports, mut resets, mut rcodes) = (BTreeSet::from([3389]), 0, BTreeMap::new());
    let mut icmp: BTreeMap<String, u64> = BTreeMap::new();
    read_frames(&file, &mut |frame| match packet::parse(frame.link, frame.data) {
        Packet::Tcp(segment) => {
            ports.extend([segment.source.port(), segment.destination.port()]);
            resets += u64::from(segment.flags.rst);
        }
        Packet::Udp { payload, source, destination } => {
            let is_dns = source.port() == 53 || destination.port() == 53;
            if let Some(message) = dns::Message::parse(payload).filter(|m| is_dns && m.response) {
                let number = match message.rcode {
                    dns::Rcode::NoError => 0,
                    dns::Rcode::ServFail => 2,
                    dns::Rcode::NxDomain => 3,
                    dns::Rcode::Refused | dns::Rcode::Other => 5,
                };
                *rcodes.entry(number).or_default() += 1;
            }
        }
        Packet::IcmpError { error, from } => {
            let version = if from.is_ipv6() { "v6:" } else { "" };
            *icmp.entry(format!("{version}{}/{}", error.kind, error.code)).or_default() += 1;
        }
        _ => {}
    });
    let ports: Vec<u16> = ports.into_iter().collect();
    Some(Capture { facts: capture::read(&file, &ports, None), resets, rcodes, icmp })
}

#[test]
fn captures_say_what_their_projects_and_tshark_expect() {
    let Some(truth) = shared("corpus/truth.jsonl") else { return };
    let captures = shared("corpus/pcap").unwrap();
    let rows: Vec<Value> = std::fs::read_to_string(truth)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut tally: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    let mut misses = Vec::new();
    for path in files(&captures) {
        let capture = path.strip_prefix(&captures).unwrap().to_string_lossy().into_owned();
        let rows: Vec<&Value> = rows.iter().filter(|row| row["capture"] == *capture).collect();
        if rows.is_empty() {
            continue;
        }
        let read = read_whole(&path).unwrap();
        for row in rows {
            let field = row["field"].as_str().unwrap();
            let Some((holds, got)) = judge(&read, row) else {
                tally.entry(field.to_owned()).or_default()[2] += 1;
                continue;
            };
            tally.entry(field.to_owned()).or_default()[usize::from(!holds)] += 1;
            if !holds {
                misses.push((capture.clone(), field.to_owned(), format!("{got} for {row}")));
            }
        }
    }
    let sum = |index: usize| tally.values().map(|counts| counts[index]).sum::<u32>();
    let (held, missed) = (sum(0), sum(1));
    eprintln!("{held} rows hold, {missed} do not, {} are not expressible", sum(2));
    for (field, [held, missed, other]) in &tally {
        eprintln!("{field:40} {held:5} {missed:4} {other:5}");
    }
    let unexplained: Vec<_> = misses
        .iter()
        .filter(|(capture, field, _)| {
            !EXPLAINED.iter().any(|(c, f, _)| capture.ends_with(c) && f == field)
        })
        .collect();
    for (capture, field, miss) in &unexplained {
        eprintln!("MISS {capture} {field}: {miss}");
    }
    assert!(unexplained.is_empty(), "{} rows neither hold nor are explained", unexplained.len());
    assert!(held > 1_000, "only {held} expectations were checked");
    assert!(f64::from(held) >= 0.98 * f64::from(held + missed), "{held} of {}", held + missed);
}

/// Whether a row holds, and what was read instead.
fn judge(read: &Capture, row: &Value) -> Option<(bool, String)> {
    let field = row["field"].as_str()?;
    if let Some(got) = of_the_capture(read, field, row) {
        return Some((row["expected"].as_u64()? == got, got.to_string()));
    }
    if field.starts_with("rdpeudp.") {
        return of_udp(read, field, row);
    }
    let wanted = wanted(row);
    let mut seen: Vec<String> = Vec::new();
    for view in views(read, row) {
        seen.extend(of_a_connection(view, field, row));
    }
    if seen.is_empty() && !expressible(field) {
        return None;
    }
    let seen: Vec<String> = seen.iter().map(|value| plain(value)).collect();
    if seen.is_empty() && wanted.iter().all(String::is_empty) {
        return Some((true, "nothing".to_owned()));
    }
    // Where two names stand for one value ("2600 Windows XP"), either will do.
    let holds = |wanted: &String| {
        seen.iter().any(|seen| {
            seen == wanted || (field.contains("build") && seen.contains(wanted.as_str()))
        })
    };
    Some((wanted.iter().any(holds), format!("{seen:?}")))
}

/// The UDP channel that a row is about, by its SYN or the answer to it.
fn of_udp(read: &Capture, field: &str, row: &Value) -> Option<(bool, String)> {
    if field != "rdpeudp.synex_version" {
        return None;
    }
    let conn = row["conn"].as_str()?;
    let channel = read.facts.observations.iter().find(|o| {
        let ends = [o.field("client"), o.field("server")];
        o.kind.starts_with("wire.udp.")
            && ends.iter().all(|end| {
                end.is_some_and(|end| {
                    conn.replace(['[', ']'], "").contains(&end.replace(['[', ']'], ""))
                })
            })
    });
    let from_server = channel?.field("server")?.replace(['[', ']'], "");
    let answer = conn.replace(['[', ']'], "").starts_with(&from_server);
    let got = channel?.field(if answer { "version" } else { "offered_version" });
    Some((got == row["expected"].as_str(), format!("{got:?}")))
}

/// Fields whose absence in what was read is a miss.
fn expressible(field: &str) -> bool {
    ["rdp.cookie", "rdp.requested_protocols", "rdp.selected_protocol", "rdp.neg_failure"]
        .contains(&field)
}

/// Figures of a capture as a whole.
fn of_the_capture(read: &Capture, field: &str, row: &Value) -> Option<u64> {
    let views = &read.facts.conversations;
    let both = |pick: fn(&TcpHealth) -> u32| -> u64 {
        views.iter().flat_map(|view| &view.tcp.health).map(|h| u64::from(pick(h))).sum()
    };
    let count = |is: fn(&Conversation) -> bool| views.iter().filter(|view| is(view)).count() as u64;
    Some(match field {
        "packets" => read.facts.coverage.items,
        "tcp.streams" => views.len() as u64,
        "tcp.rst_packets" => read.resets,
        "dns.rcode_packets" => *read.rcodes.get(&row["rcode"].as_u64()?).unwrap_or(&0),
        "icmp.type_code_packets" => *read.icmp.get(row["icmp"].as_str()?).unwrap_or(&0),
        // tshark calls what fills a hole late a retransmission, too.
        "tcp.analysis.retransmission" => both(|h| h.retransmissions + h.filled_late),
        "tcp.analysis.fast_retransmission" => both(|h| h.fast_retransmissions),
        "tcp.analysis.spurious_retransmission" => both(|h| h.spurious_retransmissions),
        "tcp.analysis.out_of_order" => both(|h| h.out_of_order),
        "tcp.analysis.duplicate_ack" => both(|h| h.duplicate_acks),
        "tcp.analysis.zero_window" => both(|h| h.zero_windows),
        "tcp.syn_without_answer_streams" => count(|view| {
            view.tcp.syn.is_some() && view.tcp.syn_ack.is_none() && view.tcp.refused.is_none()
        }),
        "tcp.syn_answered_by_rst_streams" => count(|view| view.tcp.refused.is_some()),
        _ => return None,
    })
}

/// The connections that a row is about; all of them for a row about a certificate.
fn views<'a>(read: &'a Capture, row: &Value) -> Vec<&'a Conversation> {
    let Some((a, b)) = row["conn"].as_str().and_then(|conn| conn.rsplit_once('-')) else {
        return if row["cert"].is_string() || row["event_type"] == "rdp" {
            read.facts.conversations.iter().collect()
        } else {
            Vec::new()
        };
    };
    let end = |text: &str| rdp_triage::base::parse_endpoint(text);
    let (Some(a), Some(b)) = (end(a), end(b)) else { return Vec::new() };
    let is = |x: Endpoint, y: Endpoint| (x == a && y == b) || (x == b && y == a);
    read.facts.conversations.iter().filter(|view| is(view.client, view.server)).collect()
}

/// What the row expects, in this program's spelling.
fn wanted(row: &Value) -> Vec<String> {
    let values = match &row["expected"] {
        Value::Array(values) => values.clone(),
        other => vec![other.clone()],
    };
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => plain(text),
            other => plain(&other.to_string()),
        })
        .collect()
}

/// Without what peers add: Zeek's escapes and floating seconds, colons of hashes.
fn plain(text: &str) -> String {
    let text = text.replace("Cookie: mstshash=", "").replace("\\\\", "\\");
    let text = text.trim().trim_end_matches(".000000");
    let tls =
        text.strip_prefix("TLSv1").map(|minor| format!("TLSv1{}", minor.trim_matches(['.', '0'])));
    let text = tls.as_deref().unwrap_or(text);
    let is_hash = text.contains(':') && text.len() == 59;
    let text = if is_hash { text.replace(':', "") } else { text.to_owned() };
    text.trim_start_matches("0x").trim_start_matches('0').to_lowercase()
}

/// The values of a connection for a field; several where it has several.
fn of_a_connection(view: &Conversation, field: &str, row: &Value) -> Vec<String> {
    if field.starts_with("x509.") {
        return of_certificates(view, field, row);
    }
    if field.starts_with("ip.ttl_") {
        let [client, server] = view.tcp.ttl;
        let ttl = if field == "ip.ttl_src" { client } else { server };
        return ttl.map(|ttl| ttl.to_string()).into_iter().collect();
    }
    if field.starts_with("rdp.") {
        return of_rdp(view, field).or_else(|| of_settings(view, field)).into_iter().collect();
    }
    if field.starts_with("ntlm.") || field.starts_with("credssp.") {
        return of_credssp(view, field).into_iter().collect();
    }
    of_tls(view, field, row).into_iter().collect()
}

fn hex32(value: u32) -> String {
    format!("{value:x}")
}

fn of_rdp(view: &Conversation, field: &str) -> Option<String> {
    let request = view.x224.request.as_ref().map(|at| &at.value);
    let confirm = view.x224.confirm.as_ref().map(|at| &at.value);
    let negotiation = confirm.and_then(|confirm| confirm.negotiation);
    Some(match field {
        "rdp.cookie" | "rdp.cookie_user" => request?.cookie.clone()?,
        "rdp.neg_req_flags" => match request?.negotiation? {
            Negotiation::Request { flags, .. } => hex32(flags.bits().into()),
            _ => return None,
        },
        "rdp.requested_protocols" => match request?.negotiation {
            Some(Negotiation::Request { protocols, .. }) => hex32(protocols.bits()),
            _ => "rdp".to_owned(),
        },
        "rdp.neg_rsp_flags" => match negotiation? {
            Negotiation::Response { flags, .. } => hex32(flags.into()),
            _ => return None,
        },
        "rdp.selected_protocol" => match negotiation {
            Some(Negotiation::Response { selected, .. }) => hex32(selected.bits()),
            Some(_) => return None,
            None => "rdp".to_owned(),
        },
        "rdp.security_protocol" => match negotiation {
            Some(Negotiation::Response { selected, .. }) => match selected.names().first() {
                Some(name) => name.to_string(),
                None => "rdp".to_owned(),
            },
            _ => "rdp".to_owned(),
        },
        "rdp.neg_failure" => match negotiation? {
            Negotiation::Failure(code) => hex32(code.0),
            _ => return None,
        },
        "rdp.result" => match negotiation {
            Some(Negotiation::Failure(code)) => code.name().into_owned(),
            Some(Negotiation::Response { selected, .. }) if !selected.is_empty() => {
                "encrypted".to_owned()
            }
            _ => "Success".to_owned(),
        },
        _ => return None,
    })
}

/// What MCS Connect Initial and Response say.
fn of_settings(view: &Conversation, field: &str) -> Option<String> {
    let client = &view.rdp.client.as_ref()?.value;
    let core = client.core.as_ref()?;
    let security = view.rdp.server.as_ref().and_then(|at| at.value.security.as_ref());
    let names = || client.channels.iter().flatten().map(|channel| channel.name.clone());
    Some(match field {
        "rdp.client_name" | "rdp.client.client_name" => core.client_name.clone()?,
        // Peers name the product of a build.
        "rdp.client_build" | "rdp.client.build" => match core.client_build? {
            2600 => "2600 Windows XP".to_owned(),
            6000 => "6000 RDP 6.0".to_owned(),
            9600 => "9600 RDP 8.1".to_owned(),
            build => build.to_string(),
        },
        "rdp.client.version" if core.version? >= 0x0008_0004 => "v5".to_owned(),
        "rdp.client_channels" => names().collect::<Vec<_>>().join(","),
        "rdp.channels[0]" => names().next()?,
        "rdp.channels[1]" => names().nth(1)?,
        "rdp.channels[2]" => names().nth(2)?,
        "rdp.client_dig_product_id" | "rdp.client.id" => core.client_dig_product_id.clone()?,
        "rdp.desktop_width" | "rdp.client.desktop_width" => core.desktop_width?.to_string(),
        "rdp.desktop_height" | "rdp.client.desktop_height" => core.desktop_height?.to_string(),
        // RNS_UD_CS_WANT_32BPP_SESSION asks for more than highColorDepth can say.
        "rdp.requested_color_depth" if core.early_capability_flags? & 2 != 0 => "32bit".to_owned(),
        "rdp.requested_color_depth" => format!("{}bit", core.high_color_depth?),
        "rdp.encryption_method" => match security?.encryption_method {
            2 => "128bit".to_owned(),
            other => other.to_string(),
        },
        "rdp.encryption_level" => match security?.encryption_level? {
            2 => "Client compatible".to_owned(),
            3 => "High".to_owned(),
            other => other.to_string(),
        },
        "rdp.cert_type" => match security?.certificate.as_ref()? {
            ServerCertificate::X509 { .. } => "X.509".to_owned(),
            ServerCertificate::Proprietary { .. } => "RSA".to_owned(),
            ServerCertificate::Other(_) => return None,
        },
        "rdp.cert_permanent" => match security?.certificate.as_ref()? {
            ServerCertificate::X509 { temporary, .. }
            | ServerCertificate::Proprietary { temporary, .. } => {
                if *temporary { "F" } else { "T" }.to_owned()
            }
            ServerCertificate::Other(_) => return None,
        },
        _ => return None,
    })
}

/// What the secrets that a capture brings open.
fn of_credssp(view: &Conversation, field: &str) -> Option<String> {
    let authenticate = view.credssp.authenticate.as_ref().map(|at| &at.value);
    Some(match field {
        "ntlm.user" => authenticate?.user.clone()?,
        "ntlm.domain" => {
            authenticate?.domain.clone().filter(|d| !d.is_empty()).unwrap_or("NULL".to_owned())
        }
        "credssp.error_code" => view.credssp.error_code.as_ref()?.value.cast_signed().to_string(),
        _ => return None,
    })
}

fn of_tls(view: &Conversation, field: &str, row: &Value) -> Option<String> {
    let server = view.tls.server_hello.as_ref();
    // A row about one frame, or about the nth hello, is about the handshake there.
    let here = |frame: u64| row["frame"].as_u64().is_none_or(|wanted| wanted == frame);
    let hellos = [&view.tls.client_hello, &view.tls.second_client_hello];
    let nth = row["nth"].as_u64().unwrap_or_default();
    let hello_here = match hellos {
        [_, Some(second)] if nth == 2 || (row["frame"].is_u64() && here(second.frame.0)) => {
            Some(&second.value)
        }
        [first, _] => first.as_ref().filter(|at| here(at.frame.0)).map(|at| &at.value),
    };
    let server_here = server.filter(|at| here(at.frame.0)).map(|at| &at.value);
    Some(match field {
        "tls.sni" => hello_here?.server_name()?,
        "ja3" => ja::ja3(hello_here?),
        "ja4" => ja::ja4(hello_here?),
        "ja3s" => ja::ja3s(server_here?),
        "tls.server_cipher_id" => hex32(server_here?.cipher_suite.into()),
        // tshark shows the last of legacy_version and supported_versions.
        "tls.server_version_id" => hex32(match server_here?.version().0 {
            0x0304 if wanted(row) != ["304"] => server_here?.legacy_version.0.into(),
            version => version.into(),
        }),
        "tls.cipher" => cipher_suite_name(server?.value.cipher_suite).into_owned(),
        "tls.version" => match server?.value.version().0 {
            0x0300 => "SSLv3".to_owned(),
            // Zeek writes TLSv12, others TLSv1.2; `plain` drops the dot.
            0x0301 => "TLSv1".to_owned(),
            version => format!("TLSv1{}", (version & 0xff).saturating_sub(1)),
        },
        "tls.handshake_types" => steps_at(view, row)?,
        "tls.resumed" => if view.resumed()? { "T" } else { "F" }.to_owned(),
        "tls.established" => if is_finished(view) { "T" } else { "F" }.to_owned(),
        "tls.alert" => {
            view.tls.alerts.iter().find(|seen| here(seen.frame.0))?.alert.description.0.to_string()
        }
        _ => return None,
    })
}

/// The handshake types that were complete in a frame, of those that are followed.
fn steps_at(view: &Conversation, row: &Value) -> Option<String> {
    const FOLLOWED: [&str; 6] = ["1", "2", "11", "14", "16", "22"];
    let frame = row["frame"].as_u64()?;
    let tls = &view.tls;
    let at = |seen: Option<u64>| seen == Some(frame);
    let seen = [
        ("1", at(tls.client_hello.as_ref().map(|at| at.frame.0))),
        ("1", at(tls.second_client_hello.as_ref().map(|at| at.frame.0))),
        ("2", at(tls.server_hello.as_ref().map(|at| at.frame.0))),
        ("2", at(tls.hello_retry.as_ref().map(|at| at.frame.0))),
        ("11", at(tls.certificates.as_ref().map(|at| at.frame.0))),
        ("14", at(tls.server_hello_done.as_ref().map(|at| at.frame.0))),
        ("16", at(tls.client_key_exchange.as_ref().map(|at| at.frame.0))),
    ];
    let expected: Vec<&str> =
        row["expected"].as_array()?.iter().filter_map(Value::as_str).collect();
    if !expected.iter().any(|kind| FOLLOWED.contains(kind)) {
        return None;
    }
    // All the steps that the row names and this program follows must be there.
    let all = expected
        .iter()
        .filter(|kind| FOLLOWED.contains(kind) && **kind != "22")
        .all(|kind| seen.iter().any(|(name, there)| name == kind && *there));
    Some(if all { expected.first()?.to_string() } else { format!("{seen:?}") })
}

/// The common name of a subject or issuer; arkime writes it in lower case.
fn common_name(name: &str) -> String {
    name.split(", ").find_map(|part| part.strip_prefix("CN=")).unwrap_or_default().to_owned()
}

fn of_certificates(view: &Conversation, field: &str, row: &Value) -> Vec<String> {
    let Some(chain) = view.tls.certificates.as_ref().or(view.rdp.certificates.as_ref()) else {
        return Vec::new();
    };
    let about = row["cert"].as_str();
    let concerned = |certificate: &&Certificate| {
        about.is_none_or(|hash| {
            certificate.sha256.starts_with(hash) || certificate.sha1.starts_with(hash)
        })
    };
    let of_tshark = row["source"].as_str().is_some_and(|source| source.starts_with("tshark"));
    let seconds = |time: Option<jiff::Timestamp>| match of_tshark {
        true => time.map(|t| t.strftime("%Y-%m-%d %H:%M:%S (UTC)").to_string()),
        false => time.map(|t| t.as_second().to_string()),
    };
    let millis = |time: Option<jiff::Timestamp>| time.map(|t| t.as_millisecond().to_string());
    chain
        .value
        .iter()
        .filter(concerned)
        .filter_map(|certificate| match field {
            "x509.serial" => Some(certificate.serial.clone()),
            "x509.sha1" => Some(certificate.sha1.clone()),
            "x509.sha256" => Some(certificate.sha256.clone()),
            "x509.not_before" => seconds(certificate.not_before),
            "x509.not_after" => seconds(certificate.not_after),
            "x509.not_before_ms" => millis(certificate.not_before),
            "x509.not_after_ms" => millis(certificate.not_after),
            "x509.subject_cn" => Some(common_name(&certificate.subject)),
            "x509.issuer_cn" => Some(common_name(&certificate.issuer)),
            // Microsoft's licensing certificates name an algorithm of their own.
            "x509.key_type" => certificate
                .key_bits
                .map(|_| if certificate.rsa { "rsa" } else { "ecdsa" }.to_owned()),
            "x509.san_dns" => Some(certificate.names.join(",")),
            "x509.valid_days" => certificate
                .not_before
                .zip(certificate.not_after)
                .map(|(a, b)| (b.duration_since(a).as_secs() / 86_400).to_string()),
            "x509.validity" => certificate.not_before.zip(certificate.not_after).map(|(a, b)| {
                let shown = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
                format!("{} - {}", shown(a), shown(b))
            }),
            "x509.key_length" => certificate.key_bits.map(|bits| bits.to_string()),
            _ => None,
        })
        .collect()
}
