//! What one processor wrote: its buffers one behind the other, through a window that
//! is reused.

use super::super::Gaps;
use super::buffer::Buffer;
use super::event::{self, Head};
use super::packet::{self, Found, PROVIDERS, Piece};
use super::tally::Tally;
use crate::base::counted;
use crate::intake::ReadAt;
use std::collections::VecDeque;
use std::io;

/// The largest event, aligned: its size has 16 bits.
pub(super) const MAX_EVENT: usize = 1 << 16;

/// A place from which on no event is found.
#[derive(Debug, Clone, Copy)]
struct Lost {
    start: u64,
    /// It looks like the end of what was used: only what is found behind it says that
    /// something is missing.
    unused: bool,
}

/// Packets of one processor, in the order of time as far as a window reaches.
#[derive(Debug)]
pub(super) struct Stream {
    buffers: std::vec::IntoIter<Buffer>,
    /// Where the next events are, from the start of the file.
    at: u64,
    /// Where those of this buffer end.
    end: u64,
    lost: Option<Lost>,
    window: Vec<u8>,
    pieces: VecDeque<Piece>,
}

impl Stream {
    pub(super) fn new(buffers: Vec<Buffer>) -> Self {
        let buffers = buffers.into_iter();
        let (window, pieces) = (Vec::new(), VecDeque::new());
        Self { buffers, at: 0, end: 0, lost: None, window, pieces }
    }

    /// The stamp of the next packet.
    pub(super) fn next_stamp(&self) -> Option<u64> {
        self.pieces.front().map(|piece| piece.stamp)
    }

    /// Takes the next packet, and its bytes.
    pub(super) fn pop(&mut self) -> Option<(Piece, &[u8])> {
        let piece = self.pieces.pop_front()?;
        let bytes = self.window.get(piece.bytes.clone())?;
        Some((piece, bytes))
    }

    /// Reads on until a packet is there, or nothing more. A window of `room` bytes holds
    /// at least two of the largest events.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn fill(
        &mut self,
        input: &ReadAt,
        room: usize,
        tally: &mut Tally,
        gaps: &mut Gaps,
    ) -> io::Result<()> {
        while self.pieces.is_empty() {
            if self.at >= self.end {
                let Some(buffer) = self.buffers.next() else { return Ok(()) };
                (self.at, self.end, self.lost) = (buffer.start, buffer.end, None);
                continue;
            }
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.window.resize(left.min(room), 0);
            let got = input.read(self.at, &mut self.window)?;
            let is_rest = got == left || got < self.window.len();
            self.window.truncate(got);
            let used = self.events(is_rest, tally, gaps);
            self.at = if is_rest { self.end } else { self.at + used as u64 };
            self.pieces.make_contiguous().sort_by_key(|piece| piece.stamp);
        }
        Ok(())
    }

    /// Reads the events of the window, and says how many bytes they take.
    fn events(&mut self, is_rest: bool, tally: &mut Tally, gaps: &mut Gaps) -> usize {
        let mut here = 0;
        loop {
            if let Some(lost) = self.lost {
                match self.found(here, lost, is_rest, gaps) {
                    Ok(found) => here = found,
                    Err(used) => return used,
                }
            }
            let bytes = self.window.get(here..).unwrap_or_default();
            let (head, length) = event::read(bytes);
            match head {
                Head::Cut if !is_rest => return here,
                Head::End if bytes.is_empty() => return here,
                Head::End | Head::Cut | Head::Bad => {
                    let unused = matches!(head, Head::End);
                    self.lost = Some(Lost { start: self.at + here as u64, unused });
                    here += 8;
                    continue;
                }
                Head::Event(event) => {
                    tally.event(event.provider);
                    match packet::read(&event) {
                        Found::Piece(mut piece) => {
                            piece.bytes = here + piece.bytes.start..here + piece.bytes.end;
                            self.pieces.push_back(piece);
                        }
                        Found::Other => {}
                        Found::Unread => tally.unread += 1,
                        Found::Bad => {
                            gaps.unreadable += 1;
                            let offset = self.at + here as u64;
                            gaps.push(offset, "a packet does not fit into its event");
                        }
                    }
                }
                Head::Message => tally.messages += 1,
                Head::Classic => tally.classic += 1,
                Head::System => tally.system += 1,
            }
            here += length;
        }
    }

    /// Looks for the next packet behind a place that is no event, from `here` on: where
    /// it is, or how many bytes of the window are done with when it is not there.
    fn found(
        &mut self,
        here: usize,
        lost: Lost,
        is_rest: bool,
        gaps: &mut Gaps,
    ) -> Result<usize, usize> {
        let bytes = self.window.get(here..).unwrap_or_default();
        let found = event::find(bytes, &PROVIDERS).map(|at| here + at);
        if let Some(found) = found {
            self.tell(lost, self.at + found as u64, gaps);
            return Ok(found);
        }
        if is_rest {
            if !lost.unused {
                self.tell(lost, self.at + self.window.len() as u64, gaps);
            }
            return Err(self.window.len());
        }
        // An event may begin in the last bytes and end behind the window.
        let done = self.window.len().saturating_sub(MAX_EVENT).max(here) / 8 * 8;
        Err(done)
    }

    fn tell(&mut self, lost: Lost, end: u64, gaps: &mut Gaps) {
        self.lost = None;
        let bytes = counted(end - lost.start, "byte");
        gaps.push(lost.start, format!("no event begins here: {bytes} skipped"));
    }
}
