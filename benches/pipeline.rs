//! The whole pipeline on the sample tickets, and its hottest parts alone.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rdp_triage::capture;
use rdp_triage::eventlog;
use rdp_triage::intake::{EvidenceFile, take_in};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::triage::{Config, triage};
use std::hint::black_box;
use std::path::PathBuf;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

fn whole_pipeline(criterion: &mut Criterion) {
    let Ok(knowledge) = Knowledge::embedded() else { return };
    let config = Config { paths: vec![sample("tls-no-shared-cipher")], ..Config::default() };
    criterion.bench_function("triage: one ticket with two logs and a capture", |bencher| {
        bencher.iter(|| black_box(triage(&config, &knowledge, &std::sync::Arc::default())));
    });
    criterion.bench_function("knowledge: load and check", |bencher| {
        bencher.iter(|| black_box(Knowledge::embedded()));
    });
}

fn readers(criterion: &mut Criterion) {
    let Ok(knowledge) = Knowledge::embedded() else { return };
    let paths = [sample("bruteforce-pressure"), sample("no-fault-found")];
    let Ok(taken) = take_in(&paths) else { return };
    let mut group = criterion.benchmark_group("readers");
    for file in &taken.files {
        group.throughput(Throughput::Bytes(file.size));
        group.bench_function(&*file.name, |bencher| {
            bencher.iter(|| {
                if file.name.ends_with(".evtx") {
                    black_box(eventlog::read(file, &knowledge).observations.len())
                } else {
                    black_box(capture::read(file, &[3389], None).conversations.len())
                }
            });
        });
    }
    group.finish();
}

/// A capture of a few blocks: the packets of a sample, over and over.
fn large_capture(criterion: &mut Criterion) {
    const SIZE: usize = 16 << 20;
    let Ok(taken) = take_in(&[sample("no-fault-found")]) else { return };
    let Some(file) = taken.files.iter().find(|file| file.name.contains(".pcap")) else { return };
    let mut frames = Vec::new();
    capture::read_frames(file, &mut |frame| frames.push(frame.data.to_vec()));
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut bytes: Vec<u8> = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
    for (number, frame) in (0..).zip(frames.iter().cycle()) {
        let Ok(length) = u32::try_from(frame.len()) else { continue };
        let header: Vec<u8> =
            words(&[1_750_000_000 + number / 1_000, number % 1_000, length, length]);
        bytes.extend(header);
        bytes.extend(frame);
        if bytes.len() >= SIZE {
            break;
        }
    }
    let mut group = criterion.benchmark_group("a large capture");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let file = EvidenceFile::from_bytes("large.pcap", bytes);
    for (name, port) in [("whose packets all count", 3389), ("whose packets are strays", 4)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(capture::read(&file, &[port], None).conversations.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, whole_pipeline, readers, large_capture);
criterion_main!(benches);
