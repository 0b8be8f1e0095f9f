//! The part of the report that tells of TLS, CredSSP and RDP inside a connection.

use super::wire_model::AlertReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The TLS layer beside what stands in the connection itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TlsReport {
    /// Both sides finished the handshake.
    pub established: bool,
    /// An earlier session went on (no certificate is sent then); `null` when unknown.
    pub resumed: Option<bool>,
    pub hello_retry_request: bool,
    /// Newest first, without GREASE.
    pub offered_versions: Vec<String>,
    /// In the client's order, without GREASE.
    pub offered_cipher_suites: Vec<String>,
    /// Extensions of the ClientHello in its order, without GREASE, by their IANA names.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offered_extensions: Vec<String>,
    /// Groups for the key exchange, in the client's order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offered_groups: Vec<String>,
    /// Signature schemes, in the client's order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offered_signature_algorithms: Vec<String>,
    /// Protocols of ALPN, in the client's order; foreign text.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offered_alpn: Vec<String>,
    /// Extensions of the ServerHello in its order; TLS 1.3 encrypts the others.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub server_extensions: Vec<String>,
    /// The server stapled an OCSP response.
    pub ocsp_staple: bool,
    /// Frames of alerts whose content is encrypted, of client and server.
    pub encrypted_alerts: [Option<u64>; 2],
    /// Encrypted records of client and server, and their bytes.
    pub application_records: [u64; 2],
    pub application_bytes: [u64; 2],
    /// Alerts that the secrets opened.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inner_alerts: Vec<AlertReport>,
}

/// A number with the name that the code tables give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CodeReport {
    /// Hex with `0x`.
    pub code: String,
    /// Empty for a number that no table has.
    pub name: String,
    pub frame: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CredsspReport {
    /// TSRequests of client and server.
    pub requests: [u32; 2],
    /// Highest version of client and server.
    pub versions: [Option<u32>; 2],
    /// What the client offered, best first.
    pub mechanisms: Vec<String>,
    /// `NTLM` or `Kerberos`.
    pub package: Option<String>,
    pub user: Option<String>,
    pub domain: Option<String>,
    pub workstation: Option<String>,
    /// The service that the client believed to speak to.
    pub target_spn: Option<String>,
    /// The server's own name in its NTLM challenge.
    pub server_name: Option<String>,
    /// NTSTATUS with which the server refused.
    pub error: Option<CodeReport>,
    pub kerberos_error: Option<CodeReport>,
    /// The client handed over its credentials.
    pub credentials_sent: bool,
    /// Early User Authorization Result.
    pub early_user_auth: Option<CodeReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RdpReport {
    /// Flags of RDP_NEG_REQ and RDP_NEG_RSP.
    pub request_flags: Vec<String>,
    pub response_flags: Vec<String>,
    /// The client's machine, from the MCS Connect Initial.
    pub client: Option<RdpClientReport>,
    pub encryption_method: Option<String>,
    pub encryption_level: Option<String>,
    pub user: Option<String>,
    pub domain: Option<String>,
    /// Licensing messages with who sent them, the last ones.
    pub licensing: Vec<LicenseReport>,
    pub active: Option<u64>,
    pub logged_on: Option<u64>,
    pub logon_error: Option<String>,
    /// The last Set Error Info that is not 0.
    pub error_info: Option<CodeReport>,
    /// Disconnect Provider Ultimatum.
    pub disconnect: Option<DisconnectReport>,
    /// Where a server redirection leads.
    pub redirected_to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RdpClientReport {
    pub name: Option<String>,
    pub build: Option<u32>,
    pub version: Option<String>,
    pub keyboard_layout: Option<String>,
    pub desktop_width: Option<u16>,
    pub desktop_height: Option<u16>,
    pub product_id: Option<String>,
    pub channels: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LicenseReport {
    pub from: String,
    pub message: String,
    pub error: Option<String>,
    pub frame: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DisconnectReport {
    pub by: String,
    pub reason: String,
    pub frame: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecryptionReport {
    /// Records of client and server that were opened, and that were not.
    pub opened: [u64; 2],
    pub failed: [u64; 2],
    pub problem: Option<String>,
    /// First line of an HTTP request inside: RD Gateway.
    pub http: Option<String>,
    /// Status line of the last HTTP answer.
    pub http_answer: Option<String>,
}
