//! The part of the report that tells of connections.

use super::layers_model::{CredsspReport, DecryptionReport, RdpReport, TlsReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a capture shows of one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WireReport {
    pub client: String,
    pub server: String,
    pub file: String,
    pub first_frame: u64,
    pub last_frame: u64,
    /// Its steps in the order of time, and behind them those that were due and never came.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ladder: Vec<RungReport>,
    /// `remote_desktop`, or `gateway` for HTTPS to an RD Gateway.
    #[serde(default)]
    pub service: String,
    pub rdp_cookie: Option<String>,
    /// A load balancer's token instead of a cookie.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub routing_token: Option<String>,
    /// RDP_NEG_CORRELATION_INFO, hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correlation_id: Option<String>,
    pub requested_protocols: Option<Vec<String>>,
    pub selected_protocol: Option<String>,
    pub negotiation_failure: Option<String>,
    pub tls_version: Option<String>,
    pub cipher_suite: Option<String>,
    pub sni: Option<String>,
    pub ja3: Option<String>,
    pub ja3s: Option<String>,
    pub ja4: Option<String>,
    pub alerts: Vec<AlertReport>,
    pub certificates: Vec<CertificateReport>,
    pub tcp: TcpReport,
    /// What else TLS says; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<TlsReport>,
    /// Network level authentication, where it is readable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credssp: Option<CredsspReport>,
    /// RDP above X.224, where it is readable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rdp: Option<RdpReport>,
    /// What the given secrets opened; absent without secrets of this connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decryption: Option<DecryptionReport>,
    /// The first hole in what the capture holds of the connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<String>,
}

/// One step on the way from the SYN to the desktop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RungReport {
    /// `syn`, `connection_request`, `client_hello` and so on.
    pub step: String,
    /// What its protocol calls it: `ClientHello`, `alert handshake_failure`.
    #[serde(default)]
    pub title: String,
    /// `client`, `server`, or `path` for what came from between.
    pub by: String,
    pub state: RungState,
    /// `null` where it was not seen.
    pub frame: Option<u64>,
    /// RFC 3339, UTC, on the case clock.
    pub time: Option<String>,
    /// From the first step, in ms.
    pub ms: Option<f64>,
    /// What it says; foreign text may be in it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    Seen,
    /// It says that the way ends here: an alert, a refusal, a reset.
    Ended,
    /// It was due next and never came, although the capture goes on.
    Missing,
    /// It would have come behind that.
    NotReached,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReport {
    pub from: String,
    pub level: String,
    pub description: String,
    pub frame: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateReport {
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: Option<String>,
    pub not_after: Option<String>,
    pub sha1: String,
    pub sha256: String,
    pub self_signed: bool,
    /// DNS names and addresses that it is for.
    #[serde(default)]
    pub names: Vec<String>,
    /// Bits of an RSA modulus or of the curve.
    #[serde(default)]
    pub key_bits: Option<u32>,
    /// Dotted object identifier.
    #[serde(default)]
    pub signature_algorithm: String,
    /// What that algorithm is called; `null` for one that no table has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature_algorithm_name: Option<String>,
    /// Whether it may authenticate servers; `null` when it does not say.
    #[serde(default)]
    pub server_auth: Option<bool>,
}

/// The TCP layer. Times are in ms, as seen at the capture point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TcpReport {
    pub handshake_rtt_ms: Option<f64>,
    pub retransmissions: Retransmissions,
    /// `client` or `server`: who sent the first FIN or RST.
    pub closed_by: Option<String>,
    /// `fin` or `rst`.
    pub close: Option<String>,
    pub community_id: String,
    /// The last step before the close, and how long before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_after: Option<ClosedAfter>,
    /// SYNs of the client, repetitions included.
    #[serde(default)]
    pub syns: u32,
    /// From the first SYN to the SYN-ACK.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub syn_answered_ms: Option<f64>,
    /// Frames that are second copies of others and were counted once.
    #[serde(default)]
    pub duplicate_frames: u32,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub foreign_resets: Vec<ForeignResetReport>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub icmp: Vec<IcmpReport>,
    /// What the client sent, and how it fared.
    #[serde(default)]
    pub client: HealthReport,
    /// What the server sent, and how it fared.
    #[serde(default)]
    pub server: HealthReport,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedAfter {
    /// `syn_ack`, `connection_request`, `client_hello`, `certificate` and so on.
    pub step: String,
    pub frame: u64,
    pub ms: f64,
}

/// A reset that does not fit the side whose address it carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForeignResetReport {
    pub claims: String,
    pub frame: u64,
    pub ttl: u8,
    pub usual_ttl: u8,
    /// `ttl`, `goes_on` or `ip_id`: by what it stands out.
    pub mark: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IcmpReport {
    pub from: String,
    pub reason: String,
    pub code: u8,
    pub frame: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retransmissions {
    pub client: u32,
    pub server: u32,
}

/// One direction of a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthReport {
    pub ttl: Option<u8>,
    pub mss: Option<u16>,
    /// Option kinds of this side's SYN, in order.
    pub syn_options: Vec<u8>,
    pub window_scale: Option<u8>,
    pub data_segments: u32,
    pub payload_bytes: u64,
    /// Sent again after duplicate acknowledgements.
    pub fast_retransmissions: u32,
    /// Sent again although the acknowledgement had passed the capture point.
    pub spurious_retransmissions: u32,
    /// Came first behind a later segment: lost before the capture point.
    pub lost_before: u32,
    /// Sent again, and no acknowledgement had passed: lost behind the capture point.
    pub lost_behind: u32,
    pub out_of_order: u32,
    /// The other side said that it got bytes twice (RFC 2883).
    pub dsacks: u32,
    pub duplicate_acks: u32,
    /// Acknowledged bytes that the capture does not hold.
    pub unseen_bytes: u64,
    pub zero_windows: u32,
    pub zero_window_ms: f64,
    pub keep_alives: u32,
    pub unanswered_keep_alives: u32,
    pub largest_sent: u32,
    pub largest_acked: u32,
    pub unacked: Option<UnackedReport>,
    pub rtt_ms: Option<RttReport>,
}

/// The oldest segment that was never acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnackedReport {
    pub bytes: u32,
    pub times: u32,
    pub first_frame: u64,
    pub last_frame: u64,
}

/// Round trips of segments that were sent once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RttReport {
    pub samples: u32,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
}
