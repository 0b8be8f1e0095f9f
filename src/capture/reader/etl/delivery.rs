//! From the pieces of a trace, in the order of time, to frames: parts are joined, and
//! of a packet that several components saw the first appearance is the frame.

use super::super::{Dropped, Frame, Gaps, Sink};
use super::packet::{Kind, Piece};
use super::trace::Clock;
use crate::base::counted;
use crate::base::limits::{MAX_ETL_APPEARANCES, MAX_ETL_PARTS, MAX_PACKET};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Which packet of PktMon: group and number in it.
type PacketId = (u64, u16);

/// Makes frames of pieces.
pub(super) struct Delivery<'a> {
    clock: Clock,
    sink: Sink<'a>,
    /// Frames so far.
    pub(super) frames: u64,
    /// Frames of packets that were seen before, by the packet.
    seen: HashMap<PacketId, u64>,
    /// The same, oldest first.
    recent: VecDeque<PacketId>,
    /// Packets of which parts are there, by process and thread.
    open: BTreeMap<(u32, u32), Vec<u8>>,
    /// Packets of which a part is missing.
    torn: u64,
    untimed: u64,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(clock: Clock, sink: Sink<'a>) -> Self {
        Self {
            clock,
            sink,
            frames: 0,
            seen: HashMap::new(),
            recent: VecDeque::new(),
            open: BTreeMap::new(),
            torn: 0,
            untimed: 0,
        }
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: &Piece, bytes: &[u8]) {
        match piece.kind {
            Kind::Part { first: true, last: true, process, thread } => {
                self.torn += u64::from(self.open.remove(&(process, thread)).is_some());
                self.frame(piece, bytes, None);
            }
            Kind::Part { process, thread, first, last } => {
                self.part(piece, bytes, (process, thread), (first, last));
            }
            Kind::Appearance { group, number, drop } => {
                self.appearance(piece, bytes, (group, number), drop);
            }
        }
    }

    fn part(&mut self, piece: &Piece, bytes: &[u8], of: (u32, u32), (first, last): (bool, bool)) {
        let before = self.open.remove(&of);
        let mut whole = match (before, first) {
            (Some(whole), false) => whole,
            // The end of the packet before was lost, or the start of this one.
            (Some(_), true) => {
                self.torn += 1;
                Vec::new()
            }
            (None, true) => Vec::new(),
            (None, false) => {
                self.torn += u64::from(last);
                return;
            }
        };
        if whole.len() + bytes.len() > MAX_PACKET {
            self.torn += 1;
            return;
        }
        whole.extend_from_slice(bytes);
        if last {
            self.frame(piece, &whole, None);
        } else if self.open.len() < MAX_ETL_PARTS {
            self.open.insert(of, whole);
        } else {
            self.torn += 1;
        }
    }

    fn appearance(&mut self, piece: &Piece, bytes: &[u8], id: PacketId, drop: Option<Dropped>) {
        // No group is no identification.
        let known = self.seen.get(&id).copied().filter(|_| id.0 != 0);
        if let Some(frame) = known {
            if let Some(drop) = drop {
                self.send(piece, bytes, frame, Some(Dropped { again: true, ..drop }));
            }
            return;
        }
        let told = self.frame(piece, bytes, drop);
        // What is not read leaves the packet to the next component.
        if !told || !piece.link.is_known() {
            return;
        }
        if self.recent.len() >= MAX_ETL_APPEARANCES {
            let oldest = self.recent.pop_front();
            oldest.and_then(|oldest| self.seen.remove(&oldest));
        }
        self.recent.push_back(id);
        self.seen.insert(id, self.frames);
    }

    /// Delivers a new frame. `false` when its time does not exist.
    fn frame(&mut self, piece: &Piece, bytes: &[u8], drop: Option<Dropped>) -> bool {
        let sent = self.send(piece, bytes, self.frames + 1, drop);
        self.frames += u64::from(sent);
        self.untimed += u64::from(!sent);
        sent
    }

    fn send(&mut self, piece: &Piece, data: &[u8], number: u64, drop: Option<Dropped>) -> bool {
        let Some(time) = self.clock.time(piece.stamp) else { return false };
        let Piece { link, interface, .. } = *piece;
        (self.sink)(Frame { number, time, link, interface, data, drop });
        true
    }

    /// Tells what became no frame.
    pub(super) fn finish(self, gaps: &mut Gaps) {
        let torn = self.torn + self.open.len() as u64;
        if torn > 0 {
            let packets = counted(torn, "packet");
            gaps.push_for_file(format!("{packets} of which events are missing"));
        }
        if self.untimed > 0 {
            let packets = counted(self.untimed, "packet");
            gaps.push_for_file(format!("{packets} with a time that does not exist"));
        }
        gaps.unreadable += torn + self.untimed;
    }
}
