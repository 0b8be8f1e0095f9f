//! Many cases: how are they run so that none holds up another?
//!
//! [`cases`] says what the cases are, [`run`] runs several at a time, each on a thread
//! pool of its own: a panic ends one case, a case beyond its time is given up and its
//! thread replaced. [`Store`] keeps reports, whole ones only, and finds them again;
//! [`merge`] adds up those that were written elsewhere.

mod cases;
mod merge;
mod run;
mod spool;
mod store;
mod worker;

pub use cases::{Case, Error, cases};
pub use merge::{Merged, merge};
pub use run::{Batch, Running, Sink, Stop, run};
pub use store::{Store, page_name, write_whole};
pub use worker::{Analyse, Empty, keep_panics_quiet};
