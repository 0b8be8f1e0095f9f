//! What do these bytes say?
//!
//! Pure: no I/O, no panics, no loop that does not consume. Codes that are not
//! known are kept and shown in hex: in triage the unknown value is often the
//! clue.

mod ber;
pub mod callers;
pub mod certificate;
pub mod credssp;
mod decode;
pub mod decrypt;
pub mod dns;
pub mod dtls;
pub mod gcc;
mod gcc_server;
pub mod glance;
pub mod icmp;
mod ip;
pub mod ja;
pub mod kerberos;
pub mod layers;
mod link;
pub mod mcs;
pub mod nego;
pub mod ntlm;
pub mod packet;
pub mod rdpeudp;
pub mod redirection;
pub mod security;
pub mod share;
pub mod spnego;
pub mod sslv2;
mod tcp;
pub mod tls;
pub mod tpkt;
mod tunnel;
mod wifi;
pub mod x224;

pub use decode::DecodeError;
