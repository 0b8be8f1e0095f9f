//! One TCP connection of an RDP client with an RDP server, as one capture shows
//! it. Everything that can be proven from it carries its frame.

use super::{CredsspTrace, Decryption, RdpTrace, TcpTrace, TlsTrace, X224Trace};
use crate::base::{CaseTime, Endpoint, FrameNumber, HostTime};
use crate::wire::tls::Version;
use jiff::SignedDuration;
use std::sync::Arc;

/// A value with the frame that completed it and that frame's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    pub frame: FrameNumber,
    pub time: HostTime,
    pub value: T,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Why bytes of a stream are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// The peer acknowledged bytes that the capture does not hold.
    NotCaptured,
    /// The snap length cut the segment.
    SnapLength,
    /// A budget was reached.
    Budget,
    /// The capture began after the connection did.
    LateStart,
}

/// The first hole in one direction of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamGap {
    pub side: Side,
    /// Stream offset of the first missing byte.
    pub offset: u64,
    /// The frame at which the hole was noticed.
    pub frame: FrameNumber,
    pub kind: GapKind,
}

/// What the server of a connection is for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The computer whose desktop is wanted.
    RemoteDesktop,
    /// An RD Gateway: HTTPS outside, Remote Desktop inside, so that only sizes and
    /// times are visible.
    Gateway,
}

/// One TCP connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub file: Arc<str>,
    /// How far the capture's clock is ahead of the case clock: zero until captures are
    /// compared.
    pub clock_ahead: SignedDuration,
    pub client: Endpoint,
    pub server: Endpoint,
    pub service: Service,
    pub start: HostTime,
    pub end: HostTime,
    pub first_frame: FrameNumber,
    pub last_frame: FrameNumber,
    pub frames: u64,
    pub tcp: TcpTrace,
    pub x224: X224Trace,
    /// The upper layers are shared among all connections that never got there: tens of
    /// thousands of a scan then take little room.
    pub tls: Arc<TlsTrace>,
    pub credssp: Arc<CredsspTrace>,
    pub rdp: Arc<RdpTrace>,
    pub decryption: Decryption,
    pub gap: Option<StreamGap>,
}

impl Conversation {
    /// A time of this capture on the case clock.
    pub fn case_time(&self, time: HostTime) -> CaseTime {
        CaseTime(time.0.checked_sub(self.clock_ahead).unwrap_or(time.0))
    }

    /// Whether an earlier TLS session went on; `None` without both hellos. Up to TLS
    /// 1.2 the server repeats the client's session id then, in TLS 1.3 it picks a
    /// pre-shared key.
    pub fn resumed(&self) -> Option<bool> {
        let client = &self.tls.client_hello.as_ref()?.value;
        let server = &self.tls.server_hello.as_ref()?.value;
        if server.version() >= Version::TLS_1_3 {
            return Some(server.has_pre_shared_key());
        }
        let repeated = !client.session_id.is_empty() && client.session_id == server.session_id;
        Some(repeated && self.tls.certificates.is_none())
    }

    /// Index of a side in the `[client, server]` arrays.
    pub fn of<T>(pair: &[T; 2], side: Side) -> &T {
        let [client, server] = pair;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }
}
