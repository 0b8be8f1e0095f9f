//! What did Windows log that matters?
//!
//! A log is read chunk by chunk, on borrowed bytes: the records are found by their
//! headers ([`walk`]), each record's template definition tells its provider and event
//! id ([`binxml`]), and only wanted records are decoded: by a plan made of their
//! definitions, or in full by the `evtx` crate where a definition has no known form.

mod binxml;
mod chunk;
mod fields;
mod flood;
mod full;
mod ledger;
mod locate;
mod observe;
mod reader;
mod record;
mod walk;
#[cfg(test)]
mod witness;

pub use reader::{LogFacts, read};
pub use record::EventRecord;
