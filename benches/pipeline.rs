//! The whole pipeline on the sample tickets, and its hottest parts alone.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rdp_triage::capture;
use rdp_triage::eventlog;
use rdp_triage::intake::take_in;
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

criterion_group!(benches, whole_pipeline, readers);
criterion_main!(benches);
