//! Makes the tickets under `samples/`: `cargo run --example make_samples [FOLDER]`.
//!
//! The same bytes come out on every machine; a test holds the checked-in samples
//! to that.

#[path = "mod.rs"]
mod make_samples;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("samples"), PathBuf::from);
    make_samples::generate(&folder)
}
