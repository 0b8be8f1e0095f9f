use super::Source;
use crate::base::HostTime;
use jiff::Timestamp;
use std::sync::Arc;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    Evtx,
    Pcap,
    Pcapng,
    /// Microsoft Network Monitor 2.
    NetMon,
    /// An event trace, as `netsh trace` and `pktmon` write them.
    Etl,
    /// Events as XML, as Event Viewer and `wevtutil` export them.
    EventXml,
    /// Events as PowerShell's `Export-Clixml` writes them.
    EventCliXml,
    /// Events as JSON, of whatever tool.
    EventJson,
    /// Events as CSV of EvtxECmd or hayabusa.
    EventCsv,
    /// Events as Event Viewer's localised text.
    EventText,
    /// Error dialogs of a client, copied into a text.
    Dialog,
    /// Permissions of key files, as `Get-Acl` and `icacls` list them.
    Acl,
    /// What a port scanner saw: nmap, testssl.
    Scan,
    /// Cipher suites that a host has enabled.
    Suites,
    /// Clocks, as `w32tm` prints them.
    Clock,
    /// Build and time zone of hosts, as `systeminfo` prints them.
    System,
    /// Sessions of a host, as `qwinsta` lists them.
    Sessions,
    /// Policies in force, as `gpresult` shows them.
    Policy,
    /// Settings, as `reg export` and `reg query` write them.
    Registry,
    /// Who listens, as Windows' `netstat` lists it.
    Netstat,
    /// A client's settings in an `.rdp` file.
    RdpFile,
    /// Certificates of a store, as `certutil` and PowerShell list them.
    Certificates,
    /// What the script of `collect-script` tells of its own collection.
    Collection,
}

impl EvidenceKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Evtx => "evtx",
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::NetMon => "netmon",
            Self::Etl => "etl",
            Self::EventXml => "event_xml",
            Self::EventCliXml => "event_clixml",
            Self::EventJson => "event_json",
            Self::EventCsv => "event_csv",
            Self::EventText => "event_text",
            Self::Dialog => "dialog",
            Self::Acl => "acl",
            Self::Scan => "scan",
            Self::Suites => "cipher_suites",
            Self::Clock => "clock",
            Self::System => "system",
            Self::Sessions => "sessions",
            Self::Policy => "policy",
            Self::Registry => "registry",
            Self::Netstat => "netstat",
            Self::RdpFile => "rdp_file",
            Self::Certificates => "certificates",
            Self::Collection => "collection",
        }
    }

    /// Whether it is what a text says that somebody attached.
    pub fn is_document(self) -> bool {
        !self.is_capture() && !self.is_log()
    }

    /// Whether it holds records of event logs.
    pub fn is_log(self) -> bool {
        match self {
            Self::Pcap | Self::Pcapng | Self::NetMon | Self::Etl => false,
            Self::Dialog | Self::Acl | Self::Registry | Self::Netstat => false,
            Self::RdpFile | Self::Certificates | Self::Scan | Self::Suites => false,
            Self::Clock | Self::System | Self::Sessions | Self::Policy => false,
            Self::Collection => false,
            Self::Evtx
            | Self::EventXml
            | Self::EventCliXml
            | Self::EventJson
            | Self::EventCsv
            | Self::EventText => true,
        }
    }

    /// Whether it holds packets.
    pub fn is_capture(self) -> bool {
        matches!(self, Self::Pcap | Self::Pcapng | Self::NetMon | Self::Etl)
    }
}

/// A time inside a file's span over which it does not speak: records were cleared,
/// overwritten or never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The last moment before it of which the file speaks; [`Hole::EVER_BEFORE`] where
    /// there is none.
    pub from: HostTime,
    /// The first moment after it; [`Hole::EVER_AFTER`] where there is none.
    pub to: HostTime,
    /// Why, in a few words.
    pub why: Arc<str>,
    /// How many records are missing, where their numbers tell.
    pub missing: Option<u64>,
    /// The record that says so, where one does.
    pub source: Option<Source>,
}

impl Hole {
    /// Begins a hole before which nothing is left.
    pub const EVER_BEFORE: HostTime = HostTime(Timestamp::MIN);
    /// Ends a hole behind which nothing follows.
    pub const EVER_AFTER: HostTime = HostTime(Timestamp::MAX);

    /// Whether records were there once: a copy of the log may still hold them.
    pub fn is_loss(&self) -> bool {
        self.missing.is_some() || (self.from == Self::EVER_BEFORE && self.to != Self::EVER_AFTER)
    }

    /// Whether a moment inside it, its own ends left out, belongs to the time from
    /// `start` to `end`.
    pub fn overlaps(&self, start: HostTime, end: HostTime) -> bool {
        start < self.to && self.from < end
    }
}

/// Over which time a file speaks, and for whom. Absence of a fact counts only
/// inside the coverage of a file that would have held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub file: Arc<str>,
    pub kind: EvidenceKind,
    /// Channel of a log.
    pub channel: Option<Arc<str>>,
    /// Host of a log, as its records name it.
    pub host: Option<Arc<str>>,
    /// First and last time of any record or frame, wanted or not.
    pub span: Option<(HostTime, HostTime)>,
    /// Records or frames read, wanted or not.
    pub items: u64,
    /// Records, chunks or frames that could not be read.
    pub unreadable: u64,
    /// In the order of time; absence proves nothing inside them.
    pub holes: Vec<Hole>,
    /// The files of a split capture, in the order of time; empty for any other.
    pub parts: Vec<CapturePart>,
}

/// One file of a split capture. Its frames are counted behind those of the files before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturePart {
    pub file: Arc<str>,
    /// Frames of all parts before it.
    pub before: u64,
    pub frames: u64,
}

/// Whether a channel is the one that is wanted: a rule may name it in full or by the part
/// that tells it apart.
pub fn channel_is(channel: &str, wanted: &str) -> bool {
    channel.eq_ignore_ascii_case(wanted) || (wanted.len() > 6 && channel.contains(wanted))
}
