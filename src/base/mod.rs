//! What are our units and ids?
//!
//! The ground of the house: numbers with an identity, the two clocks, what
//! could not be read, and the budgets. Nothing here knows of RDP.

mod bytes;
mod gap;
pub mod limits;
mod meter;
mod net;
mod time;
mod untrusted;
mod words;
mod zeros;

pub use bytes::{u16_at, u32_at, u64_at};
pub use gap::{Gap, GapList, Place};
pub use meter::{Allowance, Meter, Metered, Reading};
pub use net::{Endpoint, display_filter, parse_address, parse_endpoint};
pub use time::{CaseTime, ClockOffset, HostTime, filetime, filetime_of, millis_between, rfc3339};
pub use untrusted::{for_terminal, hex, hex_bytes, steers};
pub use words::counted;
pub use zeros::{ZeroRun, is_zero};

use std::fmt;

/// The port that RDP listens on unless somebody changed it.
pub const RDP_PORT: u16 = 3389;

/// Number of a frame inside one capture file, counted from 1 as Wireshark does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u64);

/// `EventRecordID` of a Windows event record; unique within one log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}", self.0)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}", self.0)
    }
}
