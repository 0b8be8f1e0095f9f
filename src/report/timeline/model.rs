//! The entries of a timeline.

use super::super::model::{CoverageReport, HostReport, ProblemReport, SourceReport};
use crate::base::{CaseTime, Endpoint, HostTime};
use crate::observe::{Place, Side, Source};
use jiff::Timestamp;
use std::sync::Arc;

/// What happened, in the order of time.
#[derive(Debug)]
pub struct Timeline {
    /// By time; at one moment by file and place.
    pub entries: Vec<Entry>,
    /// Statements of texts that have no time.
    pub undated: u64,
    /// Entries that the question left out.
    pub left_out: u64,
    /// Whether any file was read of which something is understood.
    pub holds_evidence: bool,
    pub hosts: Vec<HostReport>,
    pub coverage: Vec<CoverageReport>,
    pub problems: Vec<ProblemReport>,
}

/// What kind of thing happened: each has its own provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// A record of an event log.
    Event,
    /// A step of a connection.
    Step,
    /// An answer of a name server, or none.
    Dns,
    /// An ICMP error about a connection.
    Icmp,
    /// A UDP side channel.
    Udp,
    /// ARP or neighbour discovery.
    Neighbour,
    /// A packet that Windows itself dropped.
    Drop,
    /// What a dated text says.
    Text,
}

impl Happening {
    /// `data_type`, as plaso names such things; its own for an event record.
    pub fn data_type(self) -> &'static str {
        match self {
            Self::Event => "windows:evtx:record",
            Self::Step => "network:rdp:step",
            Self::Dns => "network:dns:answer",
            Self::Icmp => "network:icmp:error",
            Self::Udp => "network:rdp:udp",
            Self::Neighbour => "network:neighbour",
            Self::Drop => "network:pktmon:drop",
            Self::Text => "text:rdp:statement",
        }
    }

    /// What its time stands for.
    pub fn stamp(self) -> &'static str {
        match self {
            Self::Event => "Event Logged",
            Self::Text => "Error Shown",
            _ => "Packet Captured",
        }
    }
}

/// A value with its ECS name: `tls.cipher`, `error.code`.
pub type Detail = (&'static str, String);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub happening: Happening,
    pub time: CaseTime,
    /// On the source's own clock, where that differs.
    pub source_time: Option<HostTime>,
    /// Whose log it is from.
    pub host: Option<Arc<str>>,
    /// Who took the step of a connection.
    pub by: Option<Side>,
    /// `Provider/ID` of an event, else a step in the words of its protocol: `SYN`,
    /// `ClientHello`, `alert handshake_failure`.
    pub what: String,
    /// Provider and number of an event.
    pub event: Option<(Arc<str>, u16)>,
    /// One sentence; foreign text may be in it.
    pub message: String,
    pub source: SourceReport,
    /// A Wireshark display filter, or an event XPath query, that shows it.
    pub open_with: String,
    pub client: Option<Endpoint>,
    pub server: Option<Endpoint>,
    /// Ids of the attempts that it belongs to, or may belong to.
    pub attempts: Vec<u32>,
    pub channel: Option<Arc<str>>,
    pub community_id: Option<Arc<str>>,
    pub user: Option<String>,
    /// Records like it that followed in a flood and were only counted.
    pub repeats: u64,
    pub details: Vec<Detail>,
}

impl Entry {
    /// An entry without values: it has every column all the same.
    pub(super) fn nothing() -> Self {
        let source = Source { file: "".into(), place: Place::Whole };
        let time = CaseTime(Timestamp::UNIX_EPOCH);
        Self::at(Happening::Event, time, &source, String::new(), String::new())
    }
}
