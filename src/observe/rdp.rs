//! What RDP itself says of a connection, as far as it is readable.

use super::At;
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
}
