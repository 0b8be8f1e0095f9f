//! What happened, in the order of time, on the one clock of the case: records of logs,
//! steps of connections, answers of name servers, packets that were refused or dropped.
//!
//! It is made of the evidence in order, not of the report, which lists only part of it.

mod build;
mod csv;
mod ecs;
mod jsonl;
mod model;
mod narrow;
mod on_the_wire;
mod seen;
mod steps;
mod table;
mod words;

pub use build::build;
pub use csv::write_csv;
pub use ecs::write_ecs;
pub use jsonl::{is_timeline, write_jsonl};
pub use model::{Detail, Entry, Happening, Timeline};
pub use table::write_table;
pub(in crate::report) use words::of_step;
