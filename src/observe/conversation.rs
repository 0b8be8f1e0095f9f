//! One TCP connection of an RDP client with an RDP server, as one capture shows
//! it. Everything that can be proven from it carries its frame.

use crate::base::{Endpoint, FrameNumber, HostTime};
use crate::wire::certificate::Certificate;
use crate::wire::icmp::IcmpError;
use crate::wire::tls::{Alert, ClientHello, ContentType, ServerHello};
use crate::wire::x224::{ConnectionConfirm, ConnectionRequest};
use std::net::IpAddr;
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

/// A TLS alert in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSeen {
    pub from: Side,
    pub alert: Alert,
    pub frame: FrameNumber,
    pub time: HostTime,
}

/// One record whose content is encrypted or of no interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsRecordSeen {
    pub content_type: ContentType,
    /// Fragment bytes.
    pub length: usize,
    pub frame: FrameNumber,
    pub time: HostTime,
}

/// The TLS layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsTrace {
    pub client_hello: Option<At<ClientHello>>,
    pub hello_retry: Option<At<ServerHello>>,
    pub server_hello: Option<At<ServerHello>>,
    /// The server's chain, leaf first; not visible in TLS 1.3.
    pub certificates: Option<At<Vec<Certificate>>>,
    /// Certificates of that flight that could not be read.
    pub unreadable_certificates: usize,
    /// First frame of a client or server flight that was never seen whole.
    pub cut_flights: [Option<At<()>>; 2],
    pub server_hello_done: Option<At<()>>,
    pub client_key_exchange: Option<At<()>>,
    /// ChangeCipherSpec of client and server.
    pub change_cipher_spec: [Option<At<()>>; 2],
    pub alerts: Vec<AlertSeen>,
    /// Alert records whose content is encrypted, of client and server.
    pub encrypted_alerts: [Option<At<()>>; 2],
    /// The first application data records of client and server.
    pub application_data: [Vec<TlsRecordSeen>; 2],
    /// All of them, and their bytes.
    pub application_records: [u64; 2],
    pub application_bytes: [u64; 2],
}

/// How a side ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseKind {
    Fin,
    Rst,
}

impl CloseKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
        }
    }
}

/// The first FIN or RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    pub by: Side,
    pub kind: CloseKind,
    pub frame: FrameNumber,
    pub time: HostTime,
}

/// A reset that carries a side's address but not that side's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignReset {
    pub claims: Side,
    pub frame: FrameNumber,
    pub time: HostTime,
    pub ttl: u8,
    /// TTL of that side's other segments.
    pub usual_ttl: u8,
}

/// A segment that was sent and never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnackedSegment {
    pub payload_len: u32,
    pub first_frame: FrameNumber,
    pub last_frame: FrameNumber,
    pub last_time: HostTime,
    /// How often it was seen.
    pub times: u32,
}

/// Health of one direction (segments that this side sent).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TcpHealth {
    /// Segments with payload, without repetitions.
    pub data_segments: u32,
    pub payload_bytes: u64,
    /// Segments (SYN and FIN too) that were seen again.
    pub retransmissions: u32,
    /// First and last retransmission.
    pub retransmission_frames: Option<(FrameNumber, FrameNumber)>,
    /// Holes that a later segment filled: lost before the capture point.
    pub filled_late: u32,
    pub duplicate_acks: u32,
    pub zero_windows: u32,
    pub mss: Option<u16>,
    /// Largest payload that the other side acknowledged.
    pub largest_acked: u32,
    /// The oldest segment that was never acknowledged.
    pub unacked: Option<UnackedSegment>,
    /// The other side acknowledged data selectively behind that segment.
    pub sacked_behind: bool,
    /// Round trips from a segment to its acknowledgement, as seen here, in ms.
    pub rtt_ms: Option<f64>,
}

/// The TCP layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TcpTrace {
    pub syn: Option<At<()>>,
    /// SYNs seen, repetitions included.
    pub syns: u32,
    pub last_syn: Option<At<()>>,
    pub syn_ack: Option<At<()>>,
    pub established: Option<At<()>>,
    /// SYN to the ACK that completes the handshake, when each was sent once, in ms.
    pub handshake_rtt_ms: Option<f64>,
    /// The RST that answered the SYN.
    pub refused: Option<At<()>>,
    pub close: Option<Close>,
    pub foreign_resets: Vec<ForeignReset>,
    /// Health of client and server.
    pub health: [TcpHealth; 2],
    /// ICMP errors that quote this connection, with their sender.
    pub unreachables: Vec<At<(IpAddr, IcmpError)>>,
    /// Frames that were captured twice and counted once.
    pub duplicate_frames: u32,
    /// TTL of client and server as seen here: 64, 128 and 255 are undiminished,
    /// so the capture was taken at that host.
    pub ttl: [Option<u8>; 2],
}

/// One TCP connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub file: Arc<str>,
    pub client: Endpoint,
    pub server: Endpoint,
    pub start: HostTime,
    pub end: HostTime,
    pub first_frame: FrameNumber,
    pub last_frame: FrameNumber,
    pub frames: u64,
    pub tcp: TcpTrace,
    pub x224: X224Trace,
    pub tls: TlsTrace,
    pub gap: Option<StreamGap>,
}

impl Conversation {
    /// Index of a side in the `[client, server]` arrays.
    pub fn of<T>(pair: &[T; 2], side: Side) -> &T {
        let [client, server] = pair;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }
}
