//! Frames of every capture of the corpus against tshark, an independent witness, and
//! tickets whose packets came in parts or in tunnels.

use crate::support::{analyse, files, name, root, shared};
use etherparse::PacketBuilder;
use jiff::Timestamp;
use rayon::prelude::*;
use rdp_triage::capture::read_frames;
use rdp_triage::intake::take_in;
use rdp_triage::report::Report;
use rdp_triage::wire::packet::{self, Packet, Segment};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
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
    tshark.args(["-n", "-r"]).arg(capture);
    tshark.args(["-Y", "tcp and not icmp and not icmpv6", "-T", "fields", "-E", "occurrence=l"]);
    for field in ["frame.number"].into_iter().chain(FIELDS) {
        tshark.args(["-e", field]);
    }
    let text = String::from_utf8(tshark.output().unwrap().stdout).unwrap();
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines.map(|(frame, fields)| (frame.parse().unwrap(), fields.to_owned())).collect()
}

/// The frames in which the two differ, and how they do in the first.
fn difference(ours: &Segments, theirs: &Segments) -> Option<String> {
    let frames: BTreeSet<&u64> = ours.keys().chain(theirs.keys()).collect();
    let differ: Vec<&u64> = frames.into_iter().filter(|f| ours.get(f) != theirs.get(f)).collect();
    let first = *differ.first()?;
    Some(format!("{differ:?}: {:?} and {:?}", ours.get(first), theirs.get(first)))
}

#[test]
fn tshark_sees_the_same_segments_in_every_capture() {
    let Some(corpus) = shared("corpus/pcap") else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed");
        return;
    }
    let captures = files(&corpus);
    let compared: Vec<(usize, Option<String>)> = captures
        .par_iter()
        .filter(|path| name(path).contains("pcap"))
        .map(|capture| {
            let (ours, theirs) = (ours(capture), theirs(capture));
            (theirs.len(), difference(&ours, &theirs).map(|d| format!("{}: {d}", name(capture))))
        })
        .collect();
    let wrong: Vec<&String> = compared.iter().filter_map(|(_, wrong)| wrong.as_ref()).collect();
    assert!(wrong.is_empty(), "{FIELDS:?} {wrong:#?}");
    let frames: usize = compared.iter().map(|(frames, _)| frames).sum();
    assert!(frames > 10_000, "only {frames} frames were compared");
}

/// A pcap file with nanoseconds, of Ethernet frames and their times.
fn pcap(frames: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
    let mut pcap = Vec::new();
    for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 0x0004_0000, 1] {
        pcap.extend_from_slice(&word.to_le_bytes());
    }
    for (time, frame) in frames {
        let seconds = u32::try_from(time.as_second()).unwrap();
        let nanoseconds = u32::try_from(time.subsec_nanosecond()).unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        for word in [seconds, nanoseconds, length, length] {
            pcap.extend_from_slice(&word.to_le_bytes());
        }
        pcap.extend_from_slice(frame);
    }
    pcap
}

fn analyse_frames(frames: &[(Timestamp, Vec<u8>)]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, pcap(frames)).unwrap();
    analyse(&capture)
}

/// The frames of a capture, each with others in its place.
fn rewritten(
    capture: &Path,
    change: impl Fn(u64, &[u8]) -> Vec<Vec<u8>>,
) -> Vec<(Timestamp, Vec<u8>)> {
    let mut frames = Vec::new();
    for file in take_in(&[capture.to_path_buf()]).unwrap().files {
        read_frames(&file, &mut |frame| {
            assert_eq!(frame.link, packet::LinkType::ETHERNET);
            let changed = change(frame.number, frame.data);
            frames.extend(changed.into_iter().map(|changed| (frame.time, changed)));
        });
    }
    frames
}

/// IPv4 packets in fragments of 40 bytes, those of every second packet backwards.
fn in_parts(number: u64, frame: &[u8]) -> Vec<Vec<u8>> {
    let (headers, payload) = frame.split_at(14 + 20);
    assert_eq!(headers[12..15], [8, 0, 0x45]);
    let chunks = payload.chunks(40).count();
    let mut parts: Vec<Vec<u8>> = payload
        .chunks(40)
        .enumerate()
        .map(|(index, chunk)| {
            let more = if index + 1 < chunks { 0x2000 } else { 0 };
            let offset = u16::try_from(index * 40 / 8).unwrap() | more;
            let mut part = [headers, chunk].concat();
            part[16..18].copy_from_slice(&u16::try_from(20 + chunk.len()).unwrap().to_be_bytes());
            part[18..20].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
            part[20..22].copy_from_slice(&offset.to_be_bytes());
            part
        })
        .collect();
    if number.is_multiple_of(2) {
        parts.reverse();
    }
    parts
}

/// Each frame in VXLAN, in UDP, on a VLAN.
fn in_a_tunnel(_: u64, frame: &[u8]) -> Vec<Vec<u8>> {
    let length = |more: usize| u16::try_from(frame.len() + more).unwrap().to_be_bytes();
    let ethernet = [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0]].concat();
    let ip = [&[0x45, 0][..], &length(36), &[0, 1, 0, 0, 64, 17, 0, 0], &[192, 0, 2, 1]].concat();
    let udp = [&[192, 0, 2, 2, 0xc0, 0, 0x12, 0xb5][..], &length(16), &[0; 2]].concat();
    vec![[&ethernet[..], &ip, &udp, &[8, 0, 0, 0, 0, 0, 5, 0], frame].concat()]
}

#[test]
fn parts_and_tunnels_change_no_diagnosis() {
    for sample in ["cert-expired/client.pcapng", "tls-version-mismatch/client.pcap"] {
        let whole = root().join("samples").join(sample);
        let expected = analyse(&whole);
        let cause = &expected.diagnoses[0].cause;
        for change in [in_parts, in_a_tunnel] {
            let report = analyse_frames(&rewritten(&whole, change));
            assert_eq!(report.diagnoses.first().map(|d| &d.cause), Some(cause), "{sample}");
            assert_eq!(report.diagnoses[0].evidence.len(), expected.diagnoses[0].evidence.len());
            assert_eq!(report.problems, expected.problems);
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).unwrap()
}

/// The cause that comes first, and all that is said for it.
fn first_cause(report: &Report) -> (&str, String) {
    let first = report.diagnoses.first().unwrap();
    (&first.cause, first.evidence.iter().map(|e| e.statement.clone() + "\n").collect())
}

#[test]
fn packets_that_go_round_in_circles_mean_that_the_host_is_not_reached() {
    let mut frames = Vec::new();
    for (seconds, id) in [(0, 1), (3, 2), (9, 3)] {
        let mut syn = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 5], [10, 9, 0, 9], 128)
            .tcp(50123, 3389, 77, 1024)
            .syn()
            .write(&mut syn, &[])
            .unwrap();
        syn[18..20].copy_from_slice(&[0, id]);
        let mut error = Vec::new();
        let message = [&[11, 0, 0, 0, 0, 0, 0, 0], &syn[14..14 + 28]].concat();
        PacketBuilder::ethernet2([4; 6], [2; 6])
            .ipv4([10, 3, 3, 3], [10, 0, 0, 5], 250)
            .write(&mut error, 1.into(), &message)
            .unwrap();
        frames.extend([(at(seconds), syn), (at(seconds), error)]);
    }
    let report = analyse_frames(&frames);
    let (cause, said) = first_cause(&report);
    assert_eq!(cause, "host-unreachable", "{said}");
    assert!(said.contains("10.3.3.3 dropped packets"), "{said}");
}

#[test]
fn a_silent_ipv6_neighbour_means_that_the_host_is_not_reached() {
    let mut frames = Vec::new();
    for seconds in 0..3 {
        let target = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let message = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target].concat();
        let mut ask = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], target, 255)
            .write(&mut ask, 58.into(), &message)
            .unwrap();
        frames.push((at(seconds), ask));
    }
    let report = analyse_frames(&frames);
    let (cause, said) = first_cause(&report);
    assert_eq!(cause, "host-unreachable", "{said}");
    assert!(said.contains("fd00::5 asked 3 times for fd00::9"), "{said}");
}
