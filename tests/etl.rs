//! Event traces: the same frames in an ETL and in a pcapng are the same evidence, and
//! damage costs what it hits.

use crate::make_samples::Noise;
use crate::make_samples::etl::{Clock, Event, STYLE, Style, Trace};
use crate::make_samples::net::Frames;
use crate::support::{analyse, files, name, root};
use proptest::sample::Index;
use rdp_triage::capture::{ReadOutcome, read_frames};
use rdp_triage::intake::{EvidenceFile, FileKind};
use rdp_triage::observe::EvidenceKind;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Number, time and bytes of a frame.
type Seen = (u64, i128, Vec<u8>);

fn read(bytes: &[u8]) -> (Vec<Seen>, ReadOutcome) {
    let file = EvidenceFile::from_bytes("c.etl", bytes.to_vec());
    assert_eq!(file.kind, FileKind::Etl);
    let mut frames = Vec::new();
    let outcome = read_frames(&file, &mut |frame| {
        if frame.drop.is_none_or(|drop| !drop.again) {
            frames.push((frame.number, frame.time.as_nanosecond(), frame.data.to_vec()));
        }
    });
    (frames, outcome)
}

fn said(outcome: &ReadOutcome) -> String {
    outcome.gaps.iter().map(|gap| format!("{gap}\n")).collect()
}

/// The frames of a capture.
fn frames_of(path: &Path) -> Frames {
    let bytes = fs::read(path).unwrap();
    let file = EvidenceFile::from_bytes(&name(path), bytes);
    let mut frames = Vec::new();
    read_frames(&file, &mut |frame| {
        let time = i64::try_from(frame.time.as_nanosecond()).unwrap();
        frames.push((time, frame.data.to_vec()));
    });
    Frames(frames)
}

/// Captures of Ethernet among the samples.
fn captures() -> Vec<(String, Frames)> {
    let is_capture =
        |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "pcap" || e == "pcapng");
    let all = files(&root().join("samples"));
    let captures: Vec<_> = all
        .iter()
        .filter(is_capture)
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), frames_of(path)))
        .collect();
    assert!(captures.len() > 40, "{} captures", captures.len());
    captures
}

/// `count` frames of noise, a millisecond apart.
fn noise(count: i64) -> Frames {
    let mut noise = Noise::new(3);
    let length = |noise: &mut Noise| 20 + usize::try_from(noise.next() % 400).unwrap();
    let frame = |number: i64| {
        let length = length(&mut noise);
        (1_748_938_500_000_000_000 + number * 1_000_000, noise.bytes(length))
    };
    Frames((0..count).map(frame).collect())
}

fn expected(frames: &Frames) -> Vec<Seen> {
    let ordered = frames.in_order().into_iter();
    (1..).zip(ordered).map(|(n, (time, data))| (n, i128::from(*time), data.clone())).collect()
}

/// What a report says of one capture, however the file is called.
fn report(extension: &str, bytes: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    fs::create_dir(&case).unwrap();
    fs::write(case.join(format!("capture.{extension}")), bytes).unwrap();
    let mut report = analyse(&case);
    report.case.inputs.clear();
    for coverage in &mut report.coverage {
        coverage.kind.clear();
    }
    let text = serde_json::to_string(&report).unwrap();
    serde_json::from_str(&text.replace(&format!("capture.{extension}"), "capture")).unwrap()
}

#[test]
fn a_netsh_trace_is_read_like_the_pcapng_of_the_same_frames() {
    for (number, (path, frames)) in captures().into_iter().enumerate() {
        // Every second one in parts, as before Windows 8.1.
        let part = if number % 2 == 0 { usize::MAX } else { 64 };
        let trace = frames.netsh(Style { part, ..STYLE });
        assert_eq!(report("etl", &trace), report("pcapng", &frames.pcapng()), "{path}");
    }
}

#[test]
fn of_packets_that_pktmon_saw_in_two_components_one_is_a_frame() {
    for (path, frames) in captures() {
        let trace = frames.pktmon(STYLE, &|_| None);
        assert_eq!(report("etl", &trace), report("pcapng", &frames.pcapng()), "{path}");
    }
}

#[test]
fn packets_that_two_filter_drivers_saw_are_no_retransmissions() {
    for (path, frames) in captures() {
        let once = report("pcapng", &frames.pcapng());
        let twice = report("etl", &frames.netsh(Style { twice: true, ..STYLE }));
        let attempts = |report: &Value| report["attempts"].as_array().unwrap().clone();
        assert_eq!(attempts(&once).len(), attempts(&twice).len(), "{path}");
        for (once, twice) in attempts(&once).iter().zip(&attempts(&twice)) {
            for figure in ["retransmissions", "closed_by", "close"] {
                let of = |attempt: &Value| attempt["wire"]["tcp"][figure].clone();
                assert_eq!(of(once), of(twice), "{path}: {figure}");
            }
        }
        let cause = |report: &Value| report["diagnoses"][0]["cause"].clone();
        assert_eq!(cause(&once), cause(&twice), "{path}");
    }
}

#[test]
fn frames_of_several_processors_come_in_the_order_of_time() {
    let frames = noise(400);
    for (oldest, clock) in [(0, "counter"), (3, "counter"), (7, "system")] {
        let style = Style { buffer: 4096, oldest, ..STYLE };
        let bytes = match clock {
            "counter" => frames.netsh(style),
            _ => frames.pktmon(style, &|_| None),
        };
        let (seen, outcome) = read(&bytes);
        assert!(seen == expected(&frames), "{oldest} {clock}");
        assert_eq!((said(&outcome).as_str(), outcome.unreadable), ("", 0));
    }
}

#[test]
fn a_trace_of_another_kind_says_what_it_is() {
    let mut trace = Trace::new(Clock::System, 0, 4096);
    for number in 0..3 {
        let provider = [9; 16];
        let event =
            Event { time: number, processor: 0, provider, id: 7, keywords: 0, data: b"text" };
        trace.event(&event);
        trace.raw(1, &[16, 0, 0, 0x90, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let (frames, outcome) = read(&trace.finish(0));
    assert!(frames.is_empty());
    assert_eq!(
        said(&outcome),
        "c.etl: an ETW trace without packets: 3 events of 1 provider, most of \
         {09090909-0909-0909-0909-090909090909}, 3 WPP messages, 1 system event\n"
    );
}

#[test]
fn a_packet_that_windows_dropped_is_observed_once_with_its_reason() {
    let frames = frames_of(&root().join("samples/tcp-port-filtered/client.pcapng"));
    let trace = frames.pktmon(STYLE, &|frame| (frame[23] == 6).then_some(1207));
    let file = EvidenceFile::from_bytes("c.etl", trace);
    let facts = rdp_triage::capture::read(&file, &[3389], None);
    assert_eq!(facts.coverage.kind, EvidenceKind::Etl);
    assert_eq!(facts.coverage.items, frames.0.len() as u64);
    let drops: Vec<_> =
        facts.observations.iter().filter(|o| &*o.kind == "wire.pktmon.drop").collect();
    let reasons: Vec<_> = drops.iter().map(|o| (o.field("reason"), o.field("to"))).collect();
    assert_eq!(reasons[0], (Some("1207"), Some("server")));
}

#[test]
fn what_windows_dropped_alone_names_its_firewall() {
    let report = analyse(&root().join("samples/firewall-host-block/server.etl"));
    let first = report.diagnoses.first().unwrap();
    assert_eq!(first.cause, "firewall-host-block");
    let says = &first.evidence.first().unwrap().statement;
    assert!(says.starts_with("Packet Monitor saw"), "{says}");
}

#[test]
fn a_compressed_file_and_buffers_of_two_sizes_are_read() {
    let frames = noise(90);
    let first = Frames(frames.0[..40].to_vec());
    let second = Frames(frames.0[40..].to_vec()).netsh(Style { buffer: 8192, ..STYLE });
    // Both traces count from a second before their first frame.
    let merged = [first.netsh(Style { buffer: 2048, ..STYLE }), second[8192..].to_vec()].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&merged).unwrap();
    for bytes in [merged, gzip.finish().unwrap()] {
        let (seen, outcome) = read(&bytes);
        let mut data: Vec<_> = seen.into_iter().map(|(_, _, data)| data).collect();
        let mut wanted: Vec<_> = frames.0.iter().map(|(_, data)| data.clone()).collect();
        data.sort();
        wanted.sort();
        assert!(data == wanted, "{} frames: {}", data.len(), said(&outcome));
        assert_eq!(said(&outcome), "");
    }
}

/// A trace of 60 frames in buffers of 2 KiB.
fn small() -> Vec<u8> {
    noise(60).netsh(Style { buffer: 2048, ..STYLE })
}

#[test]
fn a_cut_trace_gives_the_frames_before_the_cut() {
    let whole = small();
    let (all, _) = read(&whole);
    // In the used part of the last buffer.
    let (frames, outcome) = read(&whole[..whole.len() - 2048 + 90]);
    assert!(frames.len() >= all.len() - 10 && frames.len() < all.len(), "{}", frames.len());
    assert!(said(&outcome).contains("the buffer is cut"), "{}", said(&outcome));
}

#[test]
fn a_buffer_size_that_lies_costs_nothing() {
    let whole = small();
    let (all, _) = read(&whole);
    for lie in [1024_u32, 4096, 1 << 25] {
        let mut bytes = whole.clone();
        bytes[4096..4100].copy_from_slice(&lie.to_le_bytes());
        let (frames, outcome) = read(&bytes);
        assert_eq!((frames.len(), said(&outcome).as_str()), (all.len(), ""), "{lie}");
    }
}

#[test]
fn a_damaged_buffer_header_costs_its_buffer() {
    let mut bytes = small();
    let (all, _) = read(&bytes);
    bytes[4096..4168].fill(0x55);
    let (frames, outcome) = read(&bytes);
    assert!(frames.len() < all.len() && frames.len() > all.len() - 10, "{}", frames.len());
    assert_eq!(said(&outcome), "c.etl at byte 4096: no buffer begins here: 2048 bytes skipped\n");
    // Zeros were never written.
    bytes[4096..6144].fill(0);
    let (_, outcome) = read(&bytes);
    assert_eq!(said(&outcome), "c.etl: 1 buffer of the trace were never written\n");
}

#[test]
fn a_compressed_buffer_is_a_gap() {
    let mut bytes = small();
    bytes[4096 + 52] |= 0x40;
    let (frames, outcome) = read(&bytes);
    assert!(frames.len() > 40);
    assert!(said(&outcome).contains("at byte 4096: a compressed buffer of 2048 bytes"));
}

#[test]
fn a_damaged_event_costs_itself() {
    let whole = small();
    let (all, _) = read(&whole);
    // Size, kind and flags of the first event of the second buffer.
    for (at, value) in [(0, 3), (1, 0x7f), (2, 0x77), (3, 0), (4, 1)] {
        let mut bytes = whole.clone();
        bytes[2048 + 72 + at] = value;
        let (frames, outcome) = read(&bytes);
        assert!(frames.len() >= all.len() - 1, "{at}: {}", frames.len());
        assert!(frames.len() == all.len() || !outcome.gaps.is_empty(), "{at}");
    }
}

#[test]
fn without_a_known_clock_nothing_is_read_and_that_is_said() {
    let mut bytes = small();
    bytes[72 + 32 + 272] = 9;
    let (frames, outcome) = read(&bytes);
    assert!(frames.is_empty());
    assert!(said(&outcome).contains("an unknown clock (9)"), "{}", said(&outcome));
}

#[test]
fn hostile_traces_take_no_longer_than_their_size_allows() {
    let mut nearly = Trace::new(Clock::Counter, 0, 1 << 20);
    for _ in 0..40_000 {
        // An event that is longer than what is left of it.
        nearly.raw(0, &[0x60, 0, 0x13, 0xc0, 1, 0, 0, 0]);
        nearly.raw(1, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    }
    let mut sizes = small();
    for buffer in 1..sizes.len() / 2048 {
        for field in [4, 8, 48] {
            sizes[buffer * 2048 + field..buffer * 2048 + field + 4].fill(0xff);
        }
    }
    let first = small()[..2048].to_vec();
    let holes = [first.clone(), vec![0x11; 8 << 20]].concat();
    let zeros = [first, vec![0; 8 << 20]].concat();
    for hostile in [nearly.finish(0), sizes, holes, zeros] {
        let start = std::time::Instant::now();
        let (_, outcome) = read(&hostile);
        assert!(!outcome.gaps.is_empty() && outcome.gaps.len() < 80);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn changed_bytes_are_survived(
        changes in proptest::collection::vec((proptest::prelude::any::<Index>(), 0u8..), 1..20),
        end in proptest::prelude::any::<Index>(), twice: bool,
    ) {
        let style = Style { buffer: 2048, part: 100, twice, oldest: 2 };
        let mut bytes = noise(20).netsh(style);
        bytes.truncate((bytes.len() / 2 + end.index(bytes.len())).min(bytes.len()));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            // The kind of the file stays.
            if at >= 80 {
                bytes[at] = value;
            }
        }
        let (frames, outcome) = read(&bytes);
        proptest::prop_assert!(frames.len() <= 60);
        proptest::prop_assert!(!frames.is_empty() || !outcome.gaps.is_empty());
    }

    #[test]
    fn any_events_are_survived(events in proptest::collection::vec(0u8.., 0..1900)) {
        let mut trace = Trace::new(Clock::System, 0, 2048);
        trace.raw(0, &events);
        let _ = read(&trace.finish(0));
    }
}

/// What etl-parser finds in a field of all events of the packet providers, in hex.
const PARSER: &str = "
import sys
from etl.etl import IEtlFileObserver, build_from_stream
import etl.parsers.etw.Microsoft_Windows_NDIS_PacketCapture
import etl.parsers.etw.Microsoft_Windows_PktMon
from etl.parsers.etw.core import Guid, build_etw
class Observer(IEtlFileObserver):
    def on_event_record(self, event):
        header, data = event.source.event_header, event.source.user_data
        guid = header.provider_id.inner
        guid = Guid(guid.data1, guid.data2, guid.data3, guid.data4)
        id = header.event_descriptor
        print(bytes(build_etw(guid, id.Id, id.Version, data).source[sys.argv[2]]).hex())
    def on_trace_record(self, event): pass
    def on_perfinfo_trace(self, event): pass
    def on_system_trace(self, event): pass
    def on_win_trace(self, event): pass
build_from_stream(open(sys.argv[1], 'rb').read()).parse(Observer())
";

/// etl-parser of PyPI reads traces on its own: `ETL_PARSER_PYTHON` names an interpreter
/// that has it.
#[test]
fn etl_parser_finds_the_same_packets() {
    let python = std::env::var("ETL_PARSER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import etl.etl"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no etl-parser");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.etl");
    let frames = noise(80);
    // The second component of PktMon sees no Ethernet header.
    let above = |data: &Vec<u8>| vec![data.clone(), data[14..].to_vec()];
    let whole = |data: &Vec<u8>| vec![data.clone()];
    let pktmon = frames.pktmon(STYLE, &|frame| (frame[0] < 9).then_some(909));
    for (trace, field, events) in [
        (frames.netsh(STYLE), "Fragment", &whole as &dyn Fn(&Vec<u8>) -> Vec<Vec<u8>>),
        (pktmon, "Payload", &above),
    ] {
        fs::write(&path, &trace).unwrap();
        let output =
            Command::new(&python).args(["-c", PARSER]).arg(&path).arg(field).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut theirs: Vec<String> = text.lines().map(str::to_owned).collect();
        let ours: Vec<_> = read(&trace).0.into_iter().map(|(_, _, data)| data).collect();
        assert_eq!(ours.len(), 80);
        let hex = |data: Vec<u8>| data.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut ours: Vec<String> = ours.iter().flat_map(events).map(hex).collect();
        // It does not put the processors together.
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "{field}");
    }
}
