//! What is a fact, and where is it from?
//!
//! The table in the middle of the house: readers lay down what they saw,
//! reasoners pick it up, nobody reaches over it. Types only.

mod conversation;
mod coverage;
mod observation;
mod stage;

pub use conversation::{
    AlertSeen, At, Close, CloseKind, Conversation, ForeignReset, GapKind, Side, StreamGap,
    TcpHealth, TcpTrace, TlsRecordSeen, TlsTrace, UnackedSegment, X224Trace,
};
pub use coverage::{Coverage, EvidenceKind};
pub use observation::{Observation, Place, Source, Subject, Vantage};
pub use stage::Stage;

/// The wire's own types that stand in a [`Conversation`]: reasoners take them from
/// this table and never reach for the parsers.
pub use crate::wire::{
    icmp::{IcmpError, Reason},
    nego::{FailureCode, Negotiation, Protocols},
    tls::{AlertDescription, Version, cipher_suite_name},
};
