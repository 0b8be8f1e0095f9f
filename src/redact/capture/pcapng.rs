//! Writes pcapng: one section, its interfaces, enhanced packets with nanoseconds. No comments, no
//! names of interfaces or machines, no secrets.

use crate::capture::Frame;
use crate::wire::packet::LinkType;
use std::collections::HashMap;
use std::io::{self, Write};

/// `if_tsresol`: nanoseconds.
const NANOSECONDS: u8 = 9;
/// Interfaces that are told apart; what is behind them counts as the last.
const MAX_INTERFACES: u32 = 65_536;

/// A capture that is written.
pub(super) struct Writer<W> {
    out: W,
    interfaces: HashMap<(u32, i32), u32>,
}

impl<W: Write> Writer<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        block(&mut out, 0x0a0d_0d0a, &body)?;
        Ok(Self { out, interfaces: HashMap::new() })
    }

    /// Writes a frame with other bytes. `length` is what it had on the wire.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn frame(
        &mut self,
        frame: &Frame<'_>,
        data: &[u8],
        length: usize,
    ) -> io::Result<()> {
        let interface = self.interface(frame.interface, frame.link)?;
        let time = u64::try_from(frame.time.as_nanosecond()).unwrap_or_default();
        let mut body = Vec::with_capacity(data.len() + 24);
        for word in [interface, (time >> 32) as u32, (time & 0xffff_ffff) as u32] {
            body.extend_from_slice(&word.to_le_bytes());
        }
        for length in [data.len(), length] {
            body.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(4), 0);
        block(&mut self.out, 6, &body)
    }

    fn interface(&mut self, interface: u32, link: LinkType) -> io::Result<u32> {
        let next = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        if let Some(known) = self.interfaces.get(&(interface, link.0)) {
            return Ok(*known);
        }
        if next < MAX_INTERFACES {
            self.interfaces.insert((interface, link.0), next);
        }
        let mut body = Vec::new();
        body.extend_from_slice(&u16::try_from(link.0).unwrap_or(u16::MAX).to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&0_u32.to_le_bytes());
        body.extend_from_slice(&[9, 0, 1, 0, NANOSECONDS, 0, 0, 0]);
        body.extend_from_slice(&[0; 4]);
        block(&mut self.out, 1, &body)?;
        Ok(next)
    }

    /// Writes what is still buffered.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length)?;
    out.write_all(body)?;
    out.write_all(&length)
}
