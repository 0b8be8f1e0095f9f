//! Captures that were split into files are one stream of evidence.

use crate::support::{analyse, root};
use rdp_triage::report::{Report, SourceReport};
use std::fs;
use std::io::Write as _;
use std::path::Path;

const SAMPLE: &str = "samples/tls-no-shared-cipher";

/// The pcapng of a sample as a number of files: each has the headers, and blocks of
/// packets in turn.
fn split(capture: &[u8], parts: usize) -> Vec<Vec<u8>> {
    const PACKET: u32 = 6;
    let (mut headers, mut packets) = (Vec::new(), Vec::new());
    let mut rest = capture;
    while rest.len() >= 12 {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (kind, length) = (word(0), word(4) as usize);
        match kind {
            PACKET => packets.push(rest[..length].to_vec()),
            _ => headers.extend_from_slice(&rest[..length]),
        }
        rest = &rest[length..];
    }
    assert!(packets.len() > parts * 2, "too few packets to split");
    packets
        .chunks(packets.len().div_ceil(parts))
        .map(|chunk| [headers.clone(), chunk.concat()].concat())
        .collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The sample with its capture split; gives the names of the parts.
fn ticket(folder: &Path, name: impl Fn(usize) -> String, gzip: bool) -> Vec<String> {
    let sample = root().join(SAMPLE);
    let mut names = Vec::new();
    for file in crate::support::files(&sample) {
        let below = file.strip_prefix(&sample).unwrap();
        let bytes = fs::read(&file).unwrap();
        fs::create_dir_all(folder.join(below).parent().unwrap()).unwrap();
        if below.extension().is_none_or(|extension| extension != "pcapng") {
            fs::write(folder.join(below), bytes).unwrap();
            continue;
        }
        for (number, part) in split(&bytes, 3).into_iter().enumerate() {
            let bytes = if gzip { packed(&part) } else { part };
            names.push(name(number));
            fs::write(folder.join(names.last().unwrap()), bytes).unwrap();
        }
    }
    names
}

fn frames(report: &Report) -> Vec<&SourceReport> {
    let diagnosis = &report.diagnoses[0];
    let evidence = diagnosis.evidence.iter().chain(&diagnosis.against);
    let steps = report.checks.iter().flat_map(|check| &check.steps);
    let sources = evidence.map(|e| &e.source).chain(steps.filter_map(|s| s.source.as_ref()));
    sources.filter(|source| source.frame.is_some()).collect()
}

#[test]
fn a_split_capture_is_one_stream_and_its_sources_name_the_parts() {
    let whole = analyse(&root().join(SAMPLE));
    let dated = |n: usize| format!("server_{:05}_2025060308150{n}.pcapng", n + 1);
    let packed = |n: usize| format!("server_{:05}_2025060308150{n}.pcapng.gz", n + 1);
    let ring = |n: usize| format!("server.pcap{}", (n + 1) % 3);
    let namings: [(&dyn Fn(usize) -> String, bool); 3] =
        [(&dated, false), (&packed, true), (&ring, false)];
    for (naming, gzip) in namings {
        let folder = tempfile::tempdir().unwrap();
        let names = ticket(folder.path(), naming, gzip);
        let report = analyse(folder.path());
        assert_eq!(report.summary, whole.summary);
        assert_eq!(report.attempts.len(), whole.attempts.len());
        let coverage = report.coverage.iter().find(|c| !c.parts.is_empty()).unwrap();
        let parts: Vec<&str> = coverage.parts.iter().map(|part| part.file.as_str()).collect();
        assert_eq!(parts, names);
        let all = frames(&whole);
        assert_eq!(frames(&report).len(), all.len());
        for (source, before) in frames(&report).iter().zip(all) {
            let part = coverage.parts.iter().find(|part| part.file == source.file).unwrap();
            let frame = source.frame.unwrap();
            assert!((1..=part.frames).contains(&frame), "{source:?}");
            assert_eq!(part.first_frame + frame - 1, before.frame.unwrap());
        }
        let shown: Vec<&str> = report.diagnoses[0]
            .evidence
            .iter()
            .filter(|evidence| evidence.source.frame.is_some())
            .map(|evidence| evidence.open_with.as_str())
            .collect();
        let frame = report.diagnoses[0].evidence.iter().find_map(|e| e.source.frame).unwrap();
        assert_eq!(shown[0], format!("frame.number == {frame}"));
    }
}

#[test]
fn captures_of_other_names_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    ticket(folder.path(), |n| format!("part-{}.pcapng", ["a", "b", "c"][n]), false);
    let report = analyse(folder.path());
    assert!(report.coverage.iter().all(|coverage| coverage.parts.is_empty()));
}
