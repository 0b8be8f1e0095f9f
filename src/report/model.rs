//! The report as the contract fixes it. Keys may be added; these keep their
//! meaning inside schema version 1.

use super::wire_model::WireReport;
use crate::correlate::{HostRole, Outcome};
use crate::diagnose::{Certainty, Part, Verdict};
use crate::knowledge::{FaultDomain, Risk, Stage, StepOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub schema_version: u32,
    pub tool: ToolReport,
    pub case: CaseReport,
    pub verdict: Verdict,
    /// One sentence that a ticket can quote.
    pub summary: String,
    /// What the client's codes say: those that the user saw, and those in its log.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub client_codes: Vec<ClientCodesReport>,
    /// Ranked, best first.
    pub diagnoses: Vec<DiagnosisReport>,
    /// What is well on the way to the desktop, and what is not.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub checks: Vec<CheckReport>,
    pub attempts: Vec<AttemptReport>,
    /// Attempts beyond the thousand that are listed.
    #[serde(skip_serializing_if = "LeftOut::is_empty", default)]
    pub attempts_left_out: LeftOut,
    /// What stood before the first failure of the attempts that the ranking is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub background: Option<BackgroundReport>,
    pub hosts: Vec<HostReport>,
    pub coverage: Vec<CoverageReport>,
    /// The collectors whose layout the ticket has.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub collectors: Vec<CollectorReport>,
    pub missing_evidence: Vec<MissingReport>,
    pub problems: Vec<ProblemReport>,
}

/// Attempts that are not listed, by their outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    pub succeeded: usize,
    pub failed: usize,
    pub unknown: usize,
}

impl LeftOut {
    /// How many in all.
    pub fn total(&self) -> usize {
        self.succeeded + self.failed + self.unknown
    }

    fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolReport {
    pub name: String,
    pub version: String,
}

impl ToolReport {
    /// This program.
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseReport {
    pub name: String,
    pub inputs: Vec<String>,
    /// Why the case was not analysed to its end; not there where it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unfinished: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DiagnosisReport {
    pub rank: u32,
    pub cause: String,
    pub title: String,
    pub explanation: String,
    /// 0 to 1; all causes, `none` and `not listed` add up to 1.
    pub probability: f64,
    pub certainty: Certainty,
    /// What it is beside the leading one: `also_holds` is true by evidence of its own,
    /// whether or not it stopped the attempts.
    #[serde(default)]
    pub part: Part,
    pub stage: Stage,
    pub fault_domain: FaultDomain,
    pub attempts: Vec<u32>,
    pub evidence: Vec<EvidenceReport>,
    pub against: Vec<EvidenceReport>,
    /// What would speak against it most, and is not there.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refuted_by: Vec<String>,
    pub fixes: Vec<FixReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceReport {
    /// Decibans; negative in `against`.
    pub weight_db: f64,
    pub statement: String,
    /// RFC 3339, UTC, on the case clock.
    pub time: Option<String>,
    pub host: Option<String>,
    pub source: SourceReport,
    /// A Wireshark display filter, or an event XPath query, that shows it.
    pub open_with: String,
    /// The channel that the XPath query is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
    /// The `wevtutil` line that prints it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub show_with: Option<String>,
}

/// Provenance: a record of a log, a frame of a capture, or the whole file where
/// it proves that something is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceReport {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record_id: Option<u64>,
    /// Line of an exported log whose records have no number, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frame: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixReport {
    pub id: String,
    pub title: String,
    pub risk: Risk,
    pub run_on: String,
    pub commands: Vec<String>,
    pub rollback: Vec<String>,
    pub verify: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
}

/// One health check: its steps in the order of the way to the desktop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// `reach`, `certificate`, `path` or `security_layer`, and those of `--rules`.
    pub id: String,
    pub title: String,
    /// The attempt that it is about; `null` where there was no connection.
    pub attempt: Option<u32>,
    pub steps: Vec<StepReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    pub what: String,
    pub outcome: StepOutcome,
    /// What was seen; foreign text may be in it.
    pub statement: String,
    /// `null` where nothing was seen.
    pub source: Option<SourceReport>,
    /// A Wireshark display filter, or an event XPath query, that shows it.
    pub open_with: String,
    /// The channel that the XPath query is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
    /// The `wevtutil` line that prints it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub show_with: Option<String>,
    /// Id of the fix that does it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReport {
    pub id: u32,
    /// Address and port of the first connection, or the client's host name.
    pub client: Option<String>,
    /// The client as the server sees it, where a device on the way translates it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_seen_as: Option<String>,
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_name: Option<String>,
    pub start: String,
    pub end: String,
    pub outcome: Outcome,
    pub stage_reached: Option<Stage>,
    pub client_error: Option<ClientError>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wire: Option<WireReport>,
    /// All connections of the attempt, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub connections: Vec<WireReport>,
    /// UDP side channels of the same client and server at that time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub udp: Vec<UdpReport>,
    /// In the order of time; of more than 500 the first 100 and the last 400.
    pub events: Vec<EventReport>,
    /// Records of this attempt that `events` does not list.
    #[serde(default)]
    pub events_left_out: u64,
}

/// An RDP over UDP channel, [MS-RDPEUDP]. A session works without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UdpReport {
    pub client: String,
    pub server: String,
    /// `answered`, `unanswered`, `refused` (ICMP says so) or `seen`.
    pub outcome: String,
    pub file: String,
    /// Of the first SYN.
    pub frame: u64,
    pub syns: u32,
    /// Version that the client offered and that the server chose, hex.
    pub offered_version: Option<String>,
    pub version: Option<String>,
    /// `reliable` or `lossy`.
    pub mode: String,
    /// `TLS` or `DTLS`, when its hello was seen.
    pub hello: Option<String>,
}

/// What mstsc showed, in hex as its dialog writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientError {
    pub reason: String,
    pub extended: Option<String>,
}

/// What worked last, and what changed since: context, not evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackgroundReport {
    /// RFC 3339, UTC, on the case clock.
    pub first_failure: String,
    /// The last attempt before it that worked, by its id.
    pub last_success: Option<u32>,
    /// When that one ended.
    pub last_success_at: Option<String>,
    /// In the order of time; of several of one kind on one host the last one.
    pub changes: Vec<ChangeReport>,
    /// Kinds of changes that are not listed: earlier ones.
    pub more_changes: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReport {
    /// How often it happened.
    pub times: u64,
    /// From the last of them to the first failure, in seconds.
    pub seconds_before: f64,
    #[serde(flatten)]
    pub event: EventReport,
}

/// The two numbers of the client's dialog by Microsoft's tables. They tell at which
/// stages they arise and never name a cause alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientCodesReport {
    /// Hex, as the dialog writes it.
    pub reason: String,
    pub extended: Option<String>,
    /// RFC 3339, UTC; `null` where nothing tells when.
    pub seen_at: Option<String>,
    /// The text or record; the option's name where it was typed.
    pub source: Option<SourceReport>,
    pub reason_means: Vec<String>,
    pub extended_means: Vec<String>,
    /// The layer of the client that noticed.
    pub noticed_by: Option<String>,
    /// Stages at which the causes act that are known to show it.
    pub stages: Vec<Stage>,
    /// How many of the known causes show it; `explain` lists them.
    pub known_causes: usize,
    /// Whether a failed attempt of this evidence fits it.
    pub concerns_an_attempt: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventReport {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record_id: Option<u64>,
    /// Instead of a number, where the record has none: its line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// RFC 3339, UTC, on the case clock.
    #[serde(default)]
    pub time: String,
    #[serde(default)]
    pub host: String,
    /// The channel of its log; its XPath query is `*[System[EventRecordID=N]]`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
    /// Provider and number: `Schannel/36874`.
    #[serde(default)]
    pub event: String,
    /// `A` decides, `B` helps.
    #[serde(default)]
    pub priority: String,
    /// One sentence with the values of the record in it, which are foreign text.
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostReport {
    pub name: String,
    pub role: HostRole,
    pub addresses: Vec<String>,
    /// Log clock minus capture clock; `null` when no pair shows it.
    pub clock_offset_ms: Option<f64>,
    pub clock_error_ms: Option<f64>,
    /// How much faster than the capture's its clock runs, in parts per million.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_drift_ppm: Option<f64>,
    /// The stretches between the steps of its clock, when it was set by more than a
    /// second.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub clock_segments: Vec<ClockSegmentReport>,
    /// What an attached text says of its system.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<SystemReport>,
}

/// The system of a host, as `systeminfo` printed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemReport {
    /// `10.0.20348`
    pub version: String,
    /// As Windows names it: `(UTC+01:00) Amsterdam, Berlin, …`; `null` where it is not told.
    pub time_zone: Option<String>,
    pub source: SourceReport,
}

/// A stretch of a host's clock between two steps, in times of that clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockSegmentReport {
    /// `null` where no step comes before it.
    pub from: Option<String>,
    /// `null` where none follows.
    pub to: Option<String>,
    pub offset_ms: f64,
    pub error_ms: f64,
    /// Connections that both the log and a capture show; 0 where the offset was carried
    /// over a step.
    pub pairs: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageReport {
    pub file: String,
    /// `evtx`, `pcap`, `pcapng`, `netmon` or `etl`; of a gzip'd file, what it holds.
    pub kind: String,
    pub channel: Option<String>,
    pub host: Option<String>,
    /// On the source's own clock.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Records or frames.
    pub items: u64,
    pub unreadable: u64,
    /// Of a capture: how far its clock is ahead of that of the first capture which shows
    /// the same connections.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_offset_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_error_ms: Option<f64>,
    /// Wanted records that another file holds as well and that count there.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub copies: u64,
    /// Times over which it does not speak, in their order; of many, the longest.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub holes: Vec<HoleReport>,
    /// Holes that are not listed.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub more_holes: u64,
    /// The files of a split capture, in the order of time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<PartReport>,
}

/// One file of a split capture. `attempts[].wire` numbers frames over all parts, as in the
/// file that `mergecap -a` makes of them; sources name the part and the frame in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartReport {
    pub file: String,
    /// Number of its first frame.
    pub first_frame: u64,
    pub frames: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A time over which a log does not speak: what is absent then proves nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoleReport {
    /// On the source's own clock; `null` when nothing before it is left.
    pub from: Option<String>,
    /// `null` when nothing follows.
    pub to: Option<String>,
    pub why: String,
    /// How many records are missing, where their numbers tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missing: Option<u64>,
    /// The record that says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<SourceReport>,
}

/// A tool that gathered evidence, told by how its files are laid out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CollectorReport {
    pub id: String,
    pub title: String,
    /// The folders and archives that hold what it gathered; `.` is the ticket itself.
    pub at: Vec<String>,
    /// What its presence tells beside that.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
    /// What it did not collect and this case needs.
    pub leaves_out: Vec<LeftOutReport>,
}

/// Evidence that was not collected: that nothing is told of it says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutReport {
    /// Channels, in full or by the part that tells them apart, or `capture`.
    pub wanted: Vec<String>,
    pub what: String,
    pub how: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MissingReport {
    pub what: String,
    pub would_separate: Vec<String>,
    pub how: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemReport {
    pub file: String,
    pub offset: Option<u64>,
    pub message: String,
}
