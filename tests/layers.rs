//! Frames of every capture of the corpus against tshark, an independent witness.

use crate::support::{files, name, shared};
use rdp_triage::capture::read_frames;
use rdp_triage::intake::take_in;
use rdp_triage::wire::packet::{self, Packet, Segment};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What is compared of the innermost TCP segment.
const FIELDS: [&str; 8] = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "tcp.window_size_value",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
];

/// The fields of every frame that has TCP.
type Segments = BTreeMap<u64, String>;

fn fields(segment: &Segment<'_>) -> String {
    let shown = |value: Option<u16>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        segment.source.port().to_string(),
        segment.destination.port().to_string(),
        segment.seq.to_string(),
        segment.ack.to_string(),
        segment.payload_len.to_string(),
        segment.window.to_string(),
        shown(segment.mss),
        shown(segment.options.window_scale.map(u16::from)),
    ]
    .join("\t")
}

fn ours(capture: &Path) -> Segments {
    let mut found = Segments::new();
    for file in take_in(&[capture.to_path_buf()]).unwrap().files {
        read_frames(&file, &mut |frame| {
            if let Packet::Tcp(segment) = packet::parse(frame.link, frame.data) {
                found.insert(frame.number, fields(&segment));
            }
        });
    }
    found
}

/// tshark shows the headers that ICMP errors quote as well: those are left out.
fn theirs(capture: &Path) -> Segments {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture);
    tshark.args(["-Y", "tcp and not icmp and not icmpv6", "-T", "fields", "-E", "occurrence=l"]);
    for field in ["frame.number"].into_iter().chain(FIELDS) {
        tshark.args(["-e", field]);
    }
    let text = String::from_utf8(tshark.output().unwrap().stdout).unwrap();
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines.map(|(frame, fields)| (frame.parse().unwrap(), fields.to_owned())).collect()
}

#[test]
fn tshark_sees_the_same_segments_in_every_capture() {
    let Some(corpus) = shared("corpus/pcap") else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    }
    let mut compared = 0;
    let mut wrong = Vec::new();
    for capture in files(&corpus).iter().filter(|path| name(path).contains("pcap")) {
        let (ours, theirs) = (ours(capture), theirs(capture));
        compared += theirs.len();
        let frames = ours.keys().chain(theirs.keys().filter(|frame| !ours.contains_key(frame)));
        let differ: Vec<u64> = frames.filter(|f| ours.get(f) != theirs.get(f)).copied().collect();
        if let Some(first) = differ.first() {
            let (ours, theirs) = (ours.get(first), theirs.get(first));
            wrong.push(format!("{}: {differ:.20?}\n  {ours:?}\n  {theirs:?}", name(capture)));
        }
    }
    assert!(wrong.is_empty(), "{FIELDS:?}\n{}", wrong.join("\n"));
    assert!(compared > 10_000, "only {compared} frames were compared");
}
