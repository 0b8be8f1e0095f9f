//! Cases whose cause is known, against what the program says of them. Used by
//! `cargo run --example evaluate` and by the tests.

pub(crate) mod ablation;
pub(crate) mod case;
pub(crate) mod reliability;
pub(crate) mod score;
