//! What do these bytes say?
//!
//! Pure: no I/O, no panics, no loop that does not consume. Codes that are not
//! known are kept and shown in hex: in triage the unknown value is often the
//! clue.

pub mod certificate;
mod decode;
pub mod decrypt;
pub mod dns;
pub mod icmp;
pub mod ja;
pub mod nego;
pub mod packet;
pub mod tls;
pub mod tpkt;
pub mod x224;

pub use decode::DecodeError;
