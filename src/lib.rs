//! Says why a Remote Desktop connection failed, from Windows event logs and packet
//! captures, offline.
//!
//! Evidence becomes observations, observations become attempts, attempts become a
//! diagnosis, a diagnosis becomes a report. The rooms stand in that row, and
//! nothing runs back:
//!
//! ```text
//! paths ─► intake ─┬► eventlog ─┬─► observe ─► correlate ─► diagnose ─► report ─► bytes
//!                  ├► document ─┤                              ▲
//!                  └► capture ──┘                              │
//!                       └ wire                             knowledge
//! ```
//!
//! `base` is the ground under all of them, [`triage`] the page that calls them in
//! order, [`cli`] the door. `ARCHITECTURE.md` is the map; a test holds the sources
//! to it.

pub mod base;
pub mod batch;
pub mod capture;
pub mod cli;
pub mod collect;
pub mod correlate;
pub mod diagnose;
pub mod document;
pub mod eventlog;
pub mod intake;
pub mod knowledge;
pub mod observe;
pub mod redact;
pub mod report;
pub mod sigma;
pub mod triage;
pub mod wire;
