//! What RDP itself says of a connection, as far as it is readable: in the clear
//! under standard RDP security, or where the secrets of its TLS layer are known.

use super::{At, Side};
use crate::wire::certificate::Certificate;
use crate::wire::gcc::{GccClient, GccServer};
use crate::wire::kerberos::KrbError;
use crate::wire::mcs::DisconnectReason;
use crate::wire::ntlm;
use crate::wire::redirection::Redirection;
use crate::wire::security::{ClientInfo, License};
use crate::wire::share::LogonError;
use crate::wire::x224::{ConnectionConfirm, ConnectionRequest};

/// X.224, the first round trip of RDP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct X224Trace {
    pub request: Option<At<ConnectionRequest>>,
    pub confirm: Option<At<ConnectionConfirm>>,
    /// TPKTs with data after the negotiation, of client and server: standard RDP
    /// security.
    pub data_pdus: [u32; 2],
    pub data_bytes: [u64; 2],
    /// What the server answered where a confirm was due, when it was no TPKT.
    pub foreign_answer: Option<At<Vec<u8>>>,
    /// What the client sent where a request was due, when it was no TPKT: the name of
    /// the protocol that it speaks, or `an unknown protocol`.
    pub foreign_caller: Option<At<&'static str>>,
}

/// CredSSP, the messages of network level authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredsspTrace {
    /// TSRequests of client and server.
    pub requests: [u32; 2],
    /// Highest version that each side named.
    pub version: [Option<u32>; 2],
    /// What the client offered, best first.
    pub mechanisms: Vec<String>,
    /// `NTLM` or `Kerberos`: whose token was last seen.
    pub package: Option<&'static str>,
    pub challenge: Option<At<ntlm::Challenge>>,
    pub authenticate: Option<At<ntlm::Authenticate>>,
    /// NTSTATUS with which the server refused.
    pub error_code: Option<At<u32>>,
    pub kerberos_error: Option<At<KrbError>>,
    /// The client handed over its credentials: everything before went well.
    pub auth_info: Option<At<()>>,
    /// Early User Authorization Result: 0 is success, 5 access denied.
    pub early_user_auth: Option<At<u32>>,
}

/// MCS and everything above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RdpTrace {
    pub client: Option<At<GccClient>>,
    pub server: Option<At<GccServer>>,
    /// Certificates of standard RDP security, leaf first.
    pub certificates: Option<At<Vec<Certificate>>>,
    /// Result of MCS Connect Response when it is a refusal.
    pub connect_refused: Option<At<u8>>,
    /// First refusal of an Attach User or Channel Join.
    pub attach_refused: Option<At<u8>>,
    pub security_exchange: Option<At<()>>,
    pub info: Option<At<ClientInfo>>,
    /// The last licensing PDUs, of which side.
    pub licensing: Vec<(Side, At<License>)>,
    /// Demand Active: the server begins the session's own protocol.
    pub active: Option<At<()>>,
    /// Save Session Info: a user is logged on.
    pub logged_on: Option<At<()>>,
    pub logon_error: Option<At<LogonError>>,
    /// The last ERRINFO that is not 0.
    pub error_info: Option<At<u32>>,
    pub redirection: Option<At<Redirection>>,
    /// Disconnect Provider Ultimatum, and who sent it.
    pub disconnect: Option<(Side, At<DisconnectReason>)>,
    /// HRESULT of the client's Multitransport Response when it is no success.
    pub multitransport_refused: Option<At<u32>>,
}

/// What the secrets that were given opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decryption {
    /// Records of client and server that were opened.
    pub opened: [u64; 2],
    /// Those that stayed closed, and why the first one did.
    pub failed: [u64; 2],
    pub problem: Option<String>,
    /// First line of the HTTP request inside: a gateway's.
    pub http: Option<At<String>>,
    /// Status line of the last HTTP answer.
    pub http_answer: Option<At<String>>,
}
