//! Small tickets with a known answer, one per cause, made from nothing: an EVTX
//! writer, a packet writer, and scripts of what Windows and RDP do.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a generator of fixed files: a wrong number must stop it"
)]

pub(crate) mod binxml;
pub(crate) mod certificate;
pub(crate) mod etl;
pub(crate) mod events;
mod events_domain;
pub(crate) mod evtx;
pub(crate) mod lan;
mod mcs;
pub(crate) mod net;
mod packed;
pub(crate) mod rdp;
mod records;
pub(crate) mod texts;
mod tickets;
mod tickets_certs;
pub(crate) mod tickets_changes;
pub(crate) mod tickets_gateway;
mod tickets_licence;
mod tickets_logs;
mod tickets_nla;
mod tickets_reach;
mod tickets_service;
mod tickets_session;
pub(crate) mod tickets_wire;
pub(crate) mod tls;

use std::fs;
use std::io;
use std::path::Path;
pub(crate) use tickets::all;

/// A file of a ticket: its name below the ticket's folder, and its bytes.
pub(crate) type TicketFile = (String, Vec<u8>);

/// Writes every ticket below `folder`, one folder each.
///
/// # Errors
/// When a folder or file cannot be written.
pub(crate) fn generate(folder: &Path) -> io::Result<()> {
    for (name, files) in all() {
        for (file, bytes) in files {
            let path = folder.join(&name).join(file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
    }
    Ok(())
}

/// A small deterministic source of "random" bytes (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(count + 8);
        while out.len() < count {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(count);
        out
    }
}
