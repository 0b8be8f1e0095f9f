//! One direction of a TCP stream, put in order.
//!
//! Sequence numbers compare by RFC 9293 3.4 (wrapping difference, signed). The
//! first bytes that were seen for an offset win. A hole is told, not hidden: the
//! stream goes on behind it as soon as the other side acknowledged the missing
//! bytes, because then they existed and only the capture lacks them.

use crate::base::limits::{MAX_PENDING_BYTES, MAX_PENDING_SEGMENTS};
use crate::base::{FrameNumber, HostTime};
use crate::observe::GapKind;
use std::collections::BTreeMap;

/// A part of the stream, in order.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Bytes {
        data: &'a [u8],
        frame: FrameNumber,
        time: HostTime,
    },
    /// `length` bytes that are not there, at stream offset `offset`.
    Hole {
        offset: u64,
        length: u64,
        frame: FrameNumber,
        kind: GapKind,
    },
}

#[derive(Debug)]
struct Waiting {
    data: Vec<u8>,
    /// Bytes that the segment announced; more than `data` when the snap length cut it.
    announced: u64,
    frame: FrameNumber,
    time: HostTime,
}

/// The state of one direction.
#[derive(Debug, Default)]
pub(super) struct Reassembler {
    /// Sequence number of the byte at `offset`.
    next: Option<u32>,
    offset: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
}

impl Reassembler {
    /// The stream begins behind this sequence number (that of a SYN).
    pub(super) fn begin(&mut self, first: u32) {
        if self.next.is_none() {
            self.next = Some(first);
        }
    }

    /// The beginning was another one: the SYN was repeated with a new number before
    /// any byte came.
    pub(super) fn begin_anew(&mut self, first: u32) {
        if self.offset == 0 && self.waiting.is_empty() {
            self.next = Some(first);
        }
    }

    /// Whether a beginning is known.
    pub(super) fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// The sequence number that comes next.
    pub(super) fn next(&self) -> Option<u32> {
        self.next
    }

    /// Takes a segment; `announced` is its payload length on the wire.
    pub(super) fn segment(
        &mut self,
        seq: u32,
        data: &[u8],
        announced: u32,
        frame: FrameNumber,
        time: HostTime,
        sink: &mut dyn FnMut(Piece<'_>),
    ) {
        let announced = u64::from(announced);
        let next = *self.next.get_or_insert(seq);
        let distance = i64::from(seq.wrapping_sub(next).cast_signed());
        let Some(start) = self.offset.checked_add_signed(distance) else { return };
        let end = start.saturating_add(announced);
        if end <= self.offset {
            return;
        }
        if start > self.offset {
            self.keep(start, data, announced, frame, time);
            if self.waiting.len() > MAX_PENDING_SEGMENTS || self.waiting_bytes > MAX_PENDING_BYTES {
                self.jump(GapKind::Budget, frame, sink);
            }
            return;
        }
        let known = usize::try_from(self.offset - start).unwrap_or(usize::MAX);
        let fresh = data.get(known..).unwrap_or_default();
        self.deliver(fresh, end - self.offset, frame, time, sink);
        self.drain(sink);
    }

    /// The other side acknowledged up to `ack`.
    pub(super) fn acknowledged(
        &mut self,
        ack: u32,
        frame: FrameNumber,
        sink: &mut dyn FnMut(Piece<'_>),
    ) {
        let (Some(next), Some((&first, _))) = (self.next, self.waiting.first_key_value()) else {
            return;
        };
        let beyond = i64::from(ack.wrapping_sub(next).cast_signed());
        if beyond > 0 && self.offset.saturating_add_signed(beyond) >= first {
            self.jump(GapKind::NotCaptured, frame, sink);
        }
    }

    /// The capture or the connection ended: whatever waits is given out.
    pub(super) fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        self.give_out(GapKind::NotCaptured, sink);
    }

    /// There is no room for what waits: it is given out, with the holes in it.
    pub(super) fn let_go(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        self.give_out(GapKind::Budget, sink);
    }

    /// Bytes of memory that wait, about.
    pub(super) fn held(&self) -> usize {
        self.waiting_bytes + self.waiting.len() * size_of::<(u64, Waiting)>()
    }

    /// Where the stream stands.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    fn give_out(&mut self, kind: GapKind, sink: &mut dyn FnMut(Piece<'_>)) {
        while let Some((_, waiting)) = self.waiting.first_key_value() {
            let frame = waiting.frame;
            self.jump(kind, frame, sink);
        }
    }

    fn keep(
        &mut self,
        start: u64,
        data: &[u8],
        announced: u64,
        frame: FrameNumber,
        time: HostTime,
    ) {
        let taken = self.waiting.get(&start).is_some_and(|old| old.announced >= announced);
        if !taken {
            self.waiting_bytes += data.len();
            let waiting = Waiting { data: data.to_vec(), announced, frame, time };
            if let Some(old) = self.waiting.insert(start, waiting) {
                self.waiting_bytes -= old.data.len();
            }
        }
    }

    fn deliver(
        &mut self,
        data: &[u8],
        length: u64,
        frame: FrameNumber,
        time: HostTime,
        sink: &mut dyn FnMut(Piece<'_>),
    ) {
        let captured = (data.len() as u64).min(length);
        if captured > 0 {
            sink(Piece::Bytes { data, frame, time });
        }
        if captured < length {
            sink(Piece::Hole {
                offset: self.offset + captured,
                length: length - captured,
                frame,
                kind: GapKind::SnapLength,
            });
        }
        self.advance(length);
    }

    fn advance(&mut self, length: u64) {
        self.offset += length;
        // The sequence space has 32 bits: only the low ones matter.
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let step = length as u32;
        self.next = self.next.map(|next| next.wrapping_add(step));
    }

    /// Leaves the hole before the first waiting segment behind.
    fn jump(&mut self, kind: GapKind, frame: FrameNumber, sink: &mut dyn FnMut(Piece<'_>)) {
        let Some((&first, _)) = self.waiting.first_key_value() else { return };
        if let Some(length) = first.checked_sub(self.offset).filter(|length| *length > 0) {
            sink(Piece::Hole { offset: self.offset, length, frame, kind });
            self.advance(length);
        }
        self.drain(sink);
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        while let Some(entry) = self.waiting.first_entry() {
            let start = *entry.key();
            if start > self.offset {
                return;
            }
            let waiting = entry.remove();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting.data.len());
            let end = start.saturating_add(waiting.announced);
            if end > self.offset {
                let known = usize::try_from(self.offset - start).unwrap_or(usize::MAX);
                let fresh = waiting.data.get(known..).unwrap_or_default();
                self.deliver(fresh, end - self.offset, waiting.frame, waiting.time, sink);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test data is short")]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const TIME: HostTime = HostTime(Timestamp::UNIX_EPOCH);

    /// Runs segments `(seq offset, bytes)` through a reassembler that begins at `isn`.
    fn run(isn: u32, segments: &[(u32, &[u8])], ack: Option<u32>) -> String {
        let mut stream = Reassembler::default();
        stream.begin(isn);
        let mut shown = String::new();
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Bytes { data, .. } => shown.push_str(&String::from_utf8_lossy(data)),
            Piece::Hole { length, kind, .. } => shown.push_str(&format!("<{length} {kind:?}>")),
        };
        for (index, (at, data)) in segments.iter().enumerate() {
            let frame = FrameNumber(index as u64 + 1);
            stream.segment(isn.wrapping_add(*at), data, data.len() as u32, frame, TIME, &mut sink);
        }
        if let Some(ack) = ack {
            stream.acknowledged(isn.wrapping_add(ack), FrameNumber(99), &mut sink);
        }
        stream.finish(&mut sink);
        shown
    }

    #[test]
    fn order_is_restored_and_first_bytes_win() {
        assert_eq!(run(100, &[(3, b"def"), (0, b"abc"), (0, b"XYZ")], None), "abcdef");
        assert_eq!(run(100, &[(0, b"abcd"), (2, b"XXef")], None), "abcdef");
    }

    #[test]
    fn sequence_numbers_wrap() {
        assert_eq!(run(u32::MAX - 1, &[(0, b"abc"), (3, b"def")], None), "abcdef");
    }

    #[test]
    fn an_acknowledged_hole_is_told_and_left_behind() {
        assert_eq!(run(0, &[(0, b"ab"), (5, b"fg")], Some(7)), "ab<3 NotCaptured>fg");
    }

    #[test]
    fn a_cut_segment_leaves_a_hole_of_its_missing_bytes() {
        let mut stream = Reassembler::default();
        stream.begin(0);
        let mut shown = String::new();
        let mut sink = |piece: Piece<'_>| shown.push_str(&format!("{piece:?};"));
        stream.segment(0, b"ab", 10, FrameNumber(1), TIME, &mut sink);
        stream.segment(10, b"cd", 2, FrameNumber(2), TIME, &mut sink);
        assert!(shown.contains("Hole { offset: 2, length: 8"), "{shown}");
    }

    /// What comes of these segments `(start, length)` of a text that begins at `isn`: its
    /// bytes, and how many holes.
    fn bytes_of(isn: u32, text: &[u8], segments: &[(usize, usize)]) -> (Vec<u8>, usize) {
        let mut stream = Reassembler::default();
        stream.begin(isn);
        let (mut out, mut holes) = (Vec::new(), 0);
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Bytes { data, .. } => out.extend_from_slice(data),
            Piece::Hole { .. } => holes += 1,
        };
        for (start, length) in segments {
            let data = &text[*start..(start + length).min(text.len())];
            let seq = isn.wrapping_add(*start as u32);
            stream.segment(seq, data, data.len() as u32, FrameNumber(1), TIME, &mut sink);
        }
        stream.finish(&mut sink);
        (out, holes)
    }

    /// The text in segments of this length.
    fn segments_of(text: &[u8], length: usize) -> Vec<(usize, usize)> {
        (0..text.len()).step_by(length).map(|start| (start, length)).collect()
    }

    proptest! {
        /// Any order, duplication and overlap of the segments gives the in-order stream.
        #[test]
        fn any_arrival_order_gives_the_same_stream(
            isn in any::<u32>(),
            text in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0usize..400, 1usize..60), 1..60),
        ) {
            let mut segments: Vec<(usize, usize)> = cuts
                .into_iter()
                .map(|(start, length)| (start % text.len(), length))
                .collect();
            // Whatever the random ones left out, so that the stream is whole.
            segments.extend(segments_of(&text, 50));
            prop_assert_eq!(bytes_of(isn, &text, &segments), (text, 0));
        }

        /// The stream is sent twice, cut at different places, its segments in any order;
        /// the sequence numbers wrap somewhere in it.
        #[test]
        fn a_stream_sent_again_in_other_pieces_is_the_same_across_the_wrap(
            (text, order) in proptest::collection::vec(any::<u8>(), 2..400).prop_flat_map(|text| {
                let lengths = (7usize..90, 7usize..90);
                let order = lengths.prop_flat_map({
                    let text = text.clone();
                    move |(first, again)| {
                        let twice = [segments_of(&text, first), segments_of(&text, again)].concat();
                        Just(twice).prop_shuffle()
                    }
                });
                (Just(text), order)
            }),
            wraps_at in any::<proptest::sample::Index>(),
        ) {
            let isn = 0u32.wrapping_sub(wraps_at.index(text.len()) as u32);
            prop_assert_eq!(bytes_of(isn, &text, &order), (text, 0));
        }

        /// Whatever is missing or cut: bytes and holes together are the whole stream, and
        /// what is given out is right.
        #[test]
        fn bytes_and_holes_are_the_whole_stream(
            isn in any::<u32>(),
            text in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0usize..400, 1usize..60, 0usize..20), 1..30),
        ) {
            let mut stream = Reassembler::default();
            stream.begin(isn);
            let mut pieces: Vec<Option<u8>> = Vec::new();
            let mut sink = |piece: Piece<'_>| match piece {
                Piece::Bytes { data, .. } => pieces.extend(data.iter().copied().map(Some)),
                Piece::Hole { offset, length, .. } => {
                    assert_eq!(offset, pieces.len() as u64);
                    pieces.extend(std::iter::repeat_n(None, length as usize));
                }
            };
            let mut end = 0;
            for (start, length, cut) in cuts {
                let start = start % text.len();
                let data = &text[start..(start + length).min(text.len())];
                end = end.max(start + data.len());
                let seq = isn.wrapping_add(start as u32);
                let captured = &data[..data.len().saturating_sub(cut)];
                let announced = data.len() as u32;
                stream.segment(seq, captured, announced, FrameNumber(1), TIME, &mut sink);
            }
            stream.finish(&mut sink);
            prop_assert_eq!(pieces.len(), end);
            prop_assert!(pieces.iter().zip(&text).all(|(piece, byte)| piece.is_none_or(|p| p == *byte)));
        }
    }
}
