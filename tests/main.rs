//! All integration tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on must say so loudly"
)]

mod ablation;
mod architecture;
mod archives;
mod batch;
mod broken_captures;
mod browser;
mod catalog;
mod causes;
mod checks;
mod cli;
mod collect;
mod collectors;
mod compare;
mod compound;
mod corpus;
mod decryption;
mod etl;
mod explain;
mod exports;
mod holes;
mod hostile;
mod joins;
mod knowledge;
mod large;
mod layers;
mod package;
mod peers;
mod redact;
mod reports;
mod robustness;
mod samples;
mod scale;
mod sigma;
mod split;
mod support;
mod texts;
mod texts_config;
mod texts_machine;
mod timeline;
mod timelines;
mod timesketch;
mod truth;
mod velociraptor;

#[path = "../examples/evaluate/mod.rs"]
#[allow(dead_code, reason = "the program of this name prints more than the tests look at")]
mod evaluate;

#[path = "../examples/make_samples/mod.rs"]
mod make_samples;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, unused_imports, reason = "public to the programs of the fuzz targets")]
mod fuzz;
