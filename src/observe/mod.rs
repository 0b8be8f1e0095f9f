//! What is a fact, and where is it from?
//!
//! The table in the middle of the house: readers lay down what they saw,
//! reasoners pick it up, nobody reaches over it. Types only.

mod collection;
mod conversation;
mod coverage;
mod milestones;
mod observation;
mod rdp;
mod stage;
mod tcp;
mod tls;

pub use collection::Collection;
pub use conversation::{At, Conversation, GapKind, Service, Side, StreamGap};
pub use coverage::{CapturePart, Coverage, EvidenceKind, Hole, channel_is};
pub use milestones::{Milestone, milestones};
pub use observation::{Observation, Place, Source, Subject, Vantage};
pub use rdp::{CredsspTrace, Decryption, RdpTrace, X224Trace};
pub use stage::Stage;
pub use tcp::{
    Close, CloseKind, ForeignReset, ResetMark, RoundTrips, TcpHealth, TcpTrace, UnackedSegment,
};
pub use tls::{AlertSeen, TlsRecordSeen, TlsTrace};

/// The wire's own types that stand in a [`Conversation`]: reasoners take them from
/// this table and never reach for the parsers.
pub use crate::wire::certificate::Certificate;
pub use crate::wire::{
    icmp::{IcmpError, Reason},
    nego::{FailureCode, Negotiation, Protocols, RequestFlags, ResponseFlags},
    tls::{AlertDescription, ClientHello, Version, cipher_suite_id, cipher_suite_name},
    x224::ConnectionRequest,
};
