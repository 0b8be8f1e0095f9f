//! The same captures through tshark, where it is installed.

use crate::support::{files, shared};
use crate::truth::{Capture, read_whole};
use rdp_triage::observe::{Conversation, Negotiation};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Figures that differ, by the end of the capture's name (empty: any), and why.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("rdp-no-cookie-mstshash.pcap", "retransmissions", "every frame is there twice"),
    ("ssl-to-http-server.pcap", "retransmissions", "copies with the same IP id"),
    ("option-sack.pcap", "retransmissions", "synthetic: all SYNs have IP id 1"),
    ("tls-sni.pcapng", "client hellos", "20 of tshark's are inside QUIC"),
    ("ssl-selfsign.pcap", "certificates", "tshark's second one is the client's"),
    ("tcp_handshake_synthetic.pcap", "flows", "a SYN with another number is the same try"),
    (
        "tls_multiple_synack_different_seq.pcapng",
        "retransmissions",
        "each SYN-ACK begins another sequence; tshark compares the data with the first",
    ),
    (
        "tls_multiple_synack_different_seq.pcapng",
        "server hellos",
        "tshark takes the data for repetitions and does not look inside",
    ),
    (
        "tls_multiple_synack_different_seq.pcapng",
        "certificates",
        "tshark takes the data for repetitions and does not look inside",
    ),
    ("test017-be.pcapng", "packets", "four custom blocks; tshark counts them as packets"),
    (
        "rdp-invalid-length.pcap",
        "negotiations",
        "its length field is 0 instead of 8; tshark drops it",
    ),
    ("hrr.pcap", "server hellos", "tshark does not look behind the segment that came late"),
    ("https-to-http.pcap", "client hellos", "TLS to port 80, which tshark reads as HTTP"),
    ("ssl-to-http-server.pcap", "client hellos", "TLS to port 80, which tshark reads as HTTP"),
    ("ssl-v2.pcap", "server hellos", "SSL 2.0 itself is not read"),
    ("tls1.2-protocol-violation.pcap", "certificates", "the message lies about its length"),
];

/// What both can count of one capture.
type Figures = BTreeMap<&'static str, u64>;

fn tshark(path: &Path, options: &[&str], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(options).args(["-T", "fields", "-E", "separator=|"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
}

/// Values of a column; a frame may have several, with commas between.
fn values(rows: &[Vec<String>], column: usize) -> impl Iterator<Item = &str> {
    rows.iter()
        .filter_map(move |row| row.get(column))
        .flat_map(|cell| cell.split(','))
        .filter(|value| !value.is_empty())
}

/// tshark shows either X.224 or TLS on 3389, never both: it has to be asked twice.
fn theirs(path: &Path) -> Option<Figures> {
    let fields = ["frame.number", "tcp.stream", "rdp.neg_type", "tcp.analysis.retransmission"];
    let x224 = tshark(path, &[], &fields)?;
    let fields = ["tls.handshake.type", "tls.alert_message.level"];
    let tls = tshark(path, &["-d", "tcp.port==3389,tls"], &fields)?;
    let count = |kind: &str| values(&tls, 0).filter(|value| *value == kind).count() as u64;
    Some(BTreeMap::from([
        ("packets", x224.len() as u64),
        (
            "flows",
            values(&x224, 1).filter_map(|s| s.parse::<u64>().ok()).max().map_or(0, |n| n + 1),
        ),
        ("negotiations", values(&x224, 2).count() as u64),
        ("retransmissions", values(&x224, 3).count() as u64),
        ("client hellos", count("1")),
        ("server hellos", count("2")),
        ("certificates", count("11")),
        ("alerts", values(&tls, 1).count() as u64),
    ]))
}

fn ours(capture: &Capture) -> Figures {
    let views = &capture.facts.conversations;
    let sum = |count: &dyn Fn(&Conversation) -> u64| views.iter().map(count).sum::<u64>();
    let negotiation = |n: Option<Negotiation>| u64::from(n.is_some());
    BTreeMap::from([
        ("packets", capture.facts.coverage.items),
        ("flows", views.len() as u64),
        (
            "negotiations",
            sum(&|view| {
                negotiation(view.x224.request.as_ref().and_then(|at| at.value.negotiation))
                    + negotiation(view.x224.confirm.as_ref().and_then(|at| at.value.negotiation))
            }),
        ),
        (
            "retransmissions",
            sum(&|view| {
                let health = view.tcp.health.iter();
                health.map(|h| u64::from(h.retransmissions + h.filled_late)).sum()
            }),
        ),
        (
            "client hellos",
            sum(&|view| {
                let tls = &view.tls;
                u64::from(tls.client_hello.is_some()) + u64::from(tls.second_client_hello.is_some())
            }),
        ),
        (
            "server hellos",
            sum(&|view| {
                u64::from(view.tls.server_hello.is_some())
                    + u64::from(view.tls.hello_retry.is_some())
            }),
        ),
        ("certificates", sum(&|view| u64::from(view.tls.certificates.is_some()))),
        ("alerts", sum(&|view| view.tls.alerts.len() as u64)),
    ])
}

#[test]
fn tshark_counts_the_same_in_every_capture() {
    let Some(captures) = shared("corpus/pcap") else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    }
    let mut unexplained = Vec::new();
    let mut same = 0;
    for path in files(&captures) {
        let name = path.strip_prefix(&captures).unwrap().to_string_lossy().into_owned();
        let Some(capture) = read_whole(&path) else { continue };
        let (ours, theirs) = (ours(&capture), theirs(&path).unwrap());
        for (figure, wanted) in theirs {
            let got = ours[figure];
            if got == wanted {
                same += 1;
            } else if !EXPLAINED.iter().any(|(end, f, _)| name.ends_with(end) && *f == figure) {
                unexplained.push(format!("{name}: {figure} {got}, tshark {wanted}"));
            }
        }
    }
    eprintln!("{same} figures agree");
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}
