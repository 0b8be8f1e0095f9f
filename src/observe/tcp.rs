//! The TCP layer of a connection, and how it fared.

use super::{At, Side};
use crate::base::{FrameNumber, HostTime};
use crate::wire::icmp::IcmpError;
use std::net::IpAddr;

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

/// By what a reset differs from the side whose address it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetMark {
    /// It came another distance.
    Ttl,
    /// That side went on sending data as if it had not reset anything.
    GoesOn,
    /// That side counts its IP identifications up, and this one is far off.
    IpId,
}

impl ResetMark {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::GoesOn => "goes_on",
            Self::IpId => "ip_id",
        }
    }
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
    /// By what it stands out.
    pub mark: ResetMark,
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

/// Health of one direction: the segments that this side sent, and what the other
/// side answered to them. Times are those of the capture point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TcpHealth {
    /// Segments with payload, without repetitions.
    pub data_segments: u32,
    pub payload_bytes: u64,
    /// Segments (SYN and FIN too) that were seen again: fast, spurious and, for the
    /// rest, after a time-out.
    pub retransmissions: u32,
    /// Sent again after two or more duplicate acknowledgements, RFC 5681 3.2.
    pub fast_retransmissions: u32,
    /// Sent again although the acknowledgement had passed here: nothing was lost
    /// between here and the receiver.
    pub spurious_retransmissions: u32,
    /// First and last retransmission.
    pub retransmission_frames: Option<(FrameNumber, FrameNumber)>,
    /// Segments that came behind a later one within 3 ms: reordered, not lost.
    pub out_of_order: u32,
    /// Holes that a later segment filled: lost before the capture point.
    pub filled_late: u32,
    /// Bytes that the other side acknowledged and the capture does not hold: the
    /// capture lost them, not the network.
    pub unseen_bytes: u64,
    /// Acknowledgements of the other side that repeat the one before.
    pub duplicate_acks: u32,
    /// Segments in which this side announced a closed receive window.
    pub zero_windows: u32,
    /// For how long the window was closed, in ms, all periods together.
    pub zero_window_ms: f64,
    /// The window was still closed when the connection was last seen.
    pub zero_window_at_end: bool,
    /// Keep-alives and window probes: the last byte again, or none.
    pub keep_alives: u32,
    /// Those since the other side last sent anything.
    pub unanswered_keep_alives: u32,
    pub mss: Option<u16>,
    /// Option kinds of this side's SYN in their order, and its window scale: both
    /// differ from system to system.
    pub syn_options: Vec<u8>,
    pub window_scale: Option<u8>,
    /// Times that the other side said it got bytes twice, RFC 2883.
    pub dsacks: u32,
    /// Largest payload that was sent.
    pub largest_sent: u32,
    /// Largest payload that the other side acknowledged.
    pub largest_acked: u32,
    /// The oldest segment that was never acknowledged.
    pub unacked: Option<UnackedSegment>,
    /// The other side acknowledged data selectively behind that segment.
    pub sacked_behind: bool,
    /// Round trips from a segment that was sent once to its acknowledgement.
    pub rtt: Option<RoundTrips>,
}

/// Round-trip samples, in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundTrips {
    pub samples: u32,
    pub min_ms: f64,
    pub mean_ms: f64,
    pub max_ms: f64,
    /// The acknowledgement that ended the longest.
    pub max_frame: FrameNumber,
}

impl TcpHealth {
    /// Retransmissions whose first copy passed the capture point and was not
    /// acknowledged here: lost behind it (or their acknowledgement was).
    pub fn lost_behind(&self) -> u32 {
        let needless = self.spurious_retransmissions.max(self.dsacks);
        self.retransmissions.saturating_sub(needless)
    }
}

impl TcpTrace {
    /// The reset that somebody between sent, if that is beyond doubt: a stray
    /// identification alone is only a hint.
    pub fn forged_reset(&self) -> Option<&ForeignReset> {
        self.foreign_resets.iter().find(|reset| reset.mark != ResetMark::IpId)
    }
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
