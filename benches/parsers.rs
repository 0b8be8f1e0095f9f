//! The hottest parsers alone, on the packets of the sample tickets.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rdp_triage::capture::read_frames;
use rdp_triage::intake::take_in;
use rdp_triage::wire::certificate::Certificate;
use rdp_triage::wire::glance::{glance, segment};
use rdp_triage::wire::packet::{self, LinkType, Packet};
use rdp_triage::wire::tls::{self, Handshake};
use rdp_triage::wire::{tpkt, x224};
use std::hint::black_box;
use std::path::PathBuf;

/// The frames of the captures of a sample ticket.
fn frames(name: &str) -> Vec<(LinkType, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    let mut frames = Vec::new();
    let Ok(taken) = take_in(&[folder]) else { return frames };
    for file in taken.files.iter().filter(|file| file.name.contains(".pcap")) {
        read_frames(file, &mut |frame| frames.push((frame.link, frame.data.to_vec())));
    }
    frames
}

fn packets(criterion: &mut Criterion) {
    let frames = frames("no-fault-found");
    let mut group = criterion.benchmark_group("packets");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("in full", |bencher| {
        bencher.iter(|| {
            for (link, data) in &frames {
                black_box(packet::parse(*link, data));
            }
        });
    });
    group.bench_function("at a glance", |bencher| {
        bencher.iter(|| {
            for (link, data) in &frames {
                black_box(glance(*link, data));
            }
        });
    });
    group.bench_function("the segment at once", |bencher| {
        bencher.iter(|| {
            for (link, data) in &frames {
                black_box(segment(*link, data));
            }
        });
    });
    group.finish();
}

/// The payloads of the segments of a sample that a test accepts.
fn payloads(name: &str, wanted: fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let frames = frames(name);
    let payloads = frames.iter().filter_map(|(link, data)| match packet::parse(*link, data) {
        Packet::Tcp(segment) => Some(segment.payload.to_vec()),
        _ => None,
    });
    payloads.filter(|payload| wanted(payload)).collect()
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages");
    let requests = payloads("no-fault-found", x224::is_connection_request);
    for payload in requests.iter().take(1) {
        group.bench_with_input(BenchmarkId::new("X.224", payload.len()), payload, |b, payload| {
            b.iter(|| black_box(x224::parse(payload.get(tpkt::HEADER_LEN..).unwrap_or_default())));
        });
    }
    let is_flight = |payload: &[u8]| matches!(payload, [22, 3, _, _, _, 1 | 2, ..]);
    for payload in &payloads("no-fault-found", is_flight) {
        let mut rest = payload.get(tls::RECORD_HEADER_LEN..).unwrap_or_default();
        while let Some(message) = tls::handshake_len(rest).and_then(|length| rest.get(..length)) {
            rest = rest.get(message.len()..).unwrap_or_default();
            let kind = message.first().copied().unwrap_or_default();
            let id = BenchmarkId::new(format!("TLS handshake type {kind}"), message.len());
            group.bench_with_input(id, message, |b, message| {
                b.iter(|| black_box(tls::parse_handshake(message)));
            });
            let Handshake::Certificate(chain) = tls::parse_handshake(message) else { continue };
            for der in &chain {
                let id = BenchmarkId::new("certificate", der.len());
                group.bench_with_input(id, der, |b, der| {
                    b.iter(|| black_box(Certificate::parse(der)));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, packets, messages);
criterion_main!(benches);
