//! What did Windows log that matters?
//!
//! Logs are read chunk by chunk. A look at each record's template tells its
//! provider and event id; only chunks that hold a wanted record are handed to the
//! `evtx` crate, and only wanted records are rendered.

mod chunk;
mod fields;
mod observe;
mod reader;
mod record;
mod scan;

pub use reader::{LogFacts, read};
pub use record::EventRecord;
