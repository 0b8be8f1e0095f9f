//! From the pieces of a trace, in the order of time, to frames: parts are joined, and
//! of a packet that several components saw the first appearance is the frame.

use super::super::{Dropped, Frame, Gaps, Sink};
use super::packet::{Kind, Piece};
use super::trace::Clock;
use crate::base::counted;
use crate::base::limits::{MAX_ETL_APPEARANCES, MAX_ETL_JOINED, MAX_ETL_PARTS};
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
    /// Appearances that begin above IP, of packets that no component before showed.
    above: u64,
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
            above: 0,
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
        if whole.len() + bytes.len() > MAX_ETL_JOINED {
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
            if let Some(drop) = drop.filter(|_| piece.link.is_known()) {
                self.send(piece, bytes, frame, Some(Dropped { again: true, ..drop }));
            }
            return;
        }
        if !piece.link.is_known() {
            self.above += 1;
            return;
        }
        if !self.frame(piece, bytes, drop) {
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
        if self.above > 0 {
            let packets = counted(self.above, "packet");
            gaps.push_for_file(format!("without an IP header, not read: {packets}"));
        }
        gaps.unreadable += torn + self.untimed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::reader::etl::trace::Trace;
    use crate::wire::packet::LinkType;
    use std::sync::Arc;

    /// What becomes of pieces: number, bytes and whether the frame was dropped, and what is told.
    fn delivered(pieces: &[(Kind, LinkType, &[u8])]) -> (Vec<(u64, String, bool)>, Vec<String>) {
        let mut frames = Vec::new();
        let mut gaps = Gaps::new(&Arc::from("c.etl"));
        let mut sink = |frame: Frame<'_>| {
            let text = String::from_utf8_lossy(frame.data).into_owned();
            frames.push((frame.number, text, frame.drop.is_some()));
        };
        let clock = Trace::parse(&Trace::example()).unwrap().clock.unwrap();
        let mut delivery = Delivery::new(clock, &mut sink);
        for (kind, link, bytes) in pieces {
            let piece = Piece { stamp: 0, interface: 0, link: *link, kind: *kind, bytes: 0..0 };
            delivery.take(&piece, bytes);
        }
        delivery.finish(&mut gaps);
        (frames, gaps.into_outcome().gaps.into_iter().map(|gap| gap.message).collect())
    }

    fn part(thread: u32, first: bool, last: bool) -> Kind {
        Kind::Part { process: 4, thread, first, last }
    }

    fn seen(group: u64, number: u16) -> Kind {
        Kind::Appearance { group, number, drop: None }
    }

    fn frame(number: u64, text: &str, drop: bool) -> (u64, String, bool) {
        (number, text.to_owned(), drop)
    }

    const ETHERNET: LinkType = LinkType::ETHERNET;

    #[test]
    fn parts_are_joined_by_thread() {
        let (frames, gaps) = delivered(&[
            (part(1, true, false), ETHERNET, b"a"),
            (part(2, true, false), ETHERNET, b"x"),
            (part(1, false, false), ETHERNET, b"b"),
            (part(2, false, true), ETHERNET, b"y"),
            (part(1, false, true), ETHERNET, b"c"),
            (part(3, true, true), ETHERNET, b"whole"),
        ]);
        assert_eq!(
            frames,
            [frame(1, "xy", false), frame(2, "abc", false), frame(3, "whole", false)]
        );
        assert!(gaps.is_empty(), "{gaps:?}");
    }

    #[test]
    fn packets_that_lack_a_part_are_told() {
        let (frames, gaps) = delivered(&[
            (part(1, false, true), ETHERNET, b"no start"),
            (part(1, true, false), ETHERNET, b"no end"),
            (part(1, true, true), ETHERNET, b"whole"),
            (part(2, true, false), ETHERNET, b"no end"),
        ]);
        assert_eq!(frames, [frame(1, "whole", false)]);
        assert_eq!(gaps, ["3 packets of which events are missing"]);
        // More threads than the budget.
        let open = |thread| (part(thread, true, false), ETHERNET, &b"a"[..]);
        let budget = u32::try_from(MAX_ETL_PARTS).unwrap();
        let (frames, gaps) = delivered(&(0..budget + 2).map(open).collect::<Vec<_>>());
        assert!(frames.is_empty());
        assert_eq!(gaps, ["66 packets of which events are missing"]);
        // One that never ends.
        let large = vec![0; MAX_ETL_JOINED];
        let (_, gaps) = delivered(&[
            (part(1, true, false), ETHERNET, &large),
            (part(1, false, false), ETHERNET, b"more"),
        ]);
        assert_eq!(gaps, ["1 packet of which events are missing"]);
    }

    #[test]
    fn the_first_appearance_is_the_frame_and_a_drop_is_told_again() {
        let drop = Dropped { reason: 9, location: 0, component: 3, inbound: None, again: false };
        let dropped = |group| Kind::Appearance { group, number: 1, drop: Some(drop) };
        let (frames, gaps) = delivered(&[
            (seen(7, 1), ETHERNET, b"one"),
            (seen(7, 2), ETHERNET, b"two"),
            (seen(7, 1), LinkType::RAW, b"one above"),
            (dropped(7), LinkType::RAW, b"one dropped"),
            (dropped(8), LinkType::RAW, b"three dropped"),
            (seen(0, 0), ETHERNET, b"four"),
            (seen(0, 0), ETHERNET, b"five"),
        ]);
        let expected = [
            frame(1, "one", false),
            frame(2, "two", false),
            frame(1, "one dropped", true),
            frame(3, "three dropped", true),
            frame(4, "four", false),
            frame(5, "five", false),
        ];
        assert_eq!(frames, expected);
        assert!(gaps.is_empty(), "{gaps:?}");
    }

    #[test]
    fn what_begins_above_ip_leaves_the_packet_to_another_component() {
        let above = LinkType(0x2_0005);
        let (frames, gaps) = delivered(&[
            (seen(7, 1), above, b"payload"),
            (seen(7, 1), ETHERNET, b"frame"),
            (seen(7, 1), above, b"payload"),
        ]);
        assert_eq!(frames, [frame(1, "frame", false)]);
        assert_eq!(gaps, ["without an IP header, not read: 1 packet"]);
    }
}
