//! IP datagrams that came in parts.
//!
//! The parts may come in any order and more than once. Where they overlap, the
//! bytes that came first are kept; senders do not overlap them (RFC 5722 forbids
//! it for IPv6), so different bytes are told. Within a budget: the oldest
//! unfinished datagram makes room.

use crate::base::limits::{MAX_FRAGMENT_BYTES, MAX_FRAGMENTED};
use crate::base::{Gap, HostTime, millis_between};
use crate::wire::packet::{Fragment, Internet};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// How long parts are waited for, in ms: RFC 8200 4.5 says 60 s.
const TIME_OUT_MS: f64 = 60_000.0;

/// Largest payload of a datagram: the length fields of IP have 16 bits.
const MAX_DATAGRAM: usize = 65_535;

const DNS: u16 = 53;

/// What parts of one datagram have in common. In IPv4 every protocol counts its own
/// identifications (RFC 791 3.2); in IPv6 only the first part tells the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

/// A datagram that is being put together.
#[derive(Debug)]
struct Open {
    key: Key,
    since: HostTime,
    /// From the first part.
    head: Option<(Internet, u8)>,
    /// Known once the last part is there.
    total: Option<usize>,
    /// Ranges that are there, in order, apart from each other.
    there: Vec<(usize, usize)>,
    /// As long as the end of the furthest range.
    bytes: Vec<u8>,
}

/// A datagram whose parts were all there.
#[derive(Debug)]
pub(super) struct Rebuilt {
    pub(super) internet: Internet,
    pub(super) protocol: u8,
    pub(super) payload: Vec<u8>,
}

/// All unfinished datagrams of one capture.
#[derive(Debug)]
pub(super) struct Fragments {
    file: Arc<str>,
    /// Ports whose unfinished datagrams are told.
    ports: Vec<u16>,
    numbers: HashMap<Key, u64>,
    /// In the order of their first part.
    open: BTreeMap<u64, Open>,
    next: u64,
    held: usize,
    unfinished: u64,
    crowded_out: u64,
    conflicts: u64,
    oversized: u64,
}

impl Fragments {
    pub(super) fn new(file: &Arc<str>, ports: &[u16]) -> Self {
        Self {
            file: Arc::clone(file),
            ports: ports.iter().copied().chain([DNS]).collect(),
            numbers: HashMap::new(),
            open: BTreeMap::new(),
            next: 0,
            held: 0,
            unfinished: 0,
            crowded_out: 0,
            conflicts: 0,
            oversized: 0,
        }
    }

    /// Takes one part; gives the datagram when it was the last one missing.
    pub(super) fn part(&mut self, time: HostTime, part: &Fragment<'_>) -> Option<Rebuilt> {
        self.expire(time);
        let offset = usize::try_from(part.offset).ok()?;
        let end = offset.saturating_add(usize::try_from(part.len).ok()?);
        if end > MAX_DATAGRAM {
            self.oversized += 1;
            return None;
        }
        let internet = part.internet;
        let key = Key {
            source: internet.source,
            destination: internet.destination,
            id: part.id,
            protocol: internet.source.is_ipv4().then_some(part.protocol),
        };
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let open = self.open.entry(number).or_insert_with(|| Open::new(key, time));
        let before = open.bytes.len();
        if part.offset == 0 {
            open.head.get_or_insert((internet, part.protocol));
        }
        if !part.more {
            open.total.get_or_insert(end);
        }
        if open.add(offset, part.payload) {
            self.conflicts += 1;
        }
        self.held = self.held.saturating_sub(before) + open.bytes.len();
        if open.is_whole() {
            return self.take(number)?.finish();
        }
        while self.open.len() > MAX_FRAGMENTED || self.held > MAX_FRAGMENT_BYTES {
            let Some((&oldest, _)) = self.open.first_key_value() else { break };
            self.crowded_out += 1;
            self.take(oldest);
        }
        None
    }

    fn take(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        self.numbers.remove(&open.key);
        self.held = self.held.saturating_sub(open.bytes.len());
        Some(open)
    }

    fn expire(&mut self, now: HostTime) {
        while let Some((&number, oldest)) = self.open.first_key_value() {
            if millis_between(oldest.since.0, now.0) <= TIME_OUT_MS {
                return;
            }
            self.unfinished += u64::from(oldest.concerns(&self.ports));
            self.take(number);
        }
    }

    /// What could not be put together.
    pub(super) fn finish(self) -> Vec<Gap> {
        let left = self.open.values().filter(|open| open.concerns(&self.ports)).count();
        let unfinished = self.unfinished + u64::try_from(left).unwrap_or_default();
        let told = [
            (unfinished, "to or from RDP or DNS whose fragments are not all in the capture"),
            (self.crowded_out, "in fragments given up, because too many waited at a time"),
            (self.conflicts, "with fragments that overlap and differ: the first bytes were kept"),
            (self.oversized, "of more than 65535 bytes, by the offset of a fragment: not read"),
        ];
        told.into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| Gap::file(&self.file, format!("{count} datagrams {what}")))
            .collect()
    }
}

impl Open {
    fn new(key: Key, since: HostTime) -> Self {
        Self { key, since, head: None, total: None, there: Vec::new(), bytes: Vec::new() }
    }

    /// Adds what is not there yet; says whether what is there differs.
    fn add(&mut self, offset: usize, data: &[u8]) -> bool {
        let end = offset + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut differs = false;
        let mut at = offset;
        let there = std::mem::take(&mut self.there);
        for (from, to) in there.iter().copied().chain([(end, end)]) {
            let (from, to) = (from.clamp(at, end), to.clamp(at, end));
            self.copy(at, from, offset, data);
            differs |= self.bytes.get(from..to) != data.get(from - offset..to - offset);
            at = to;
        }
        self.there = there;
        self.remember(offset, end);
        differs
    }

    fn copy(&mut self, from: usize, to: usize, offset: usize, data: &[u8]) {
        let source = data.get(from - offset..to - offset).unwrap_or_default();
        let target = self.bytes.get_mut(from..to).unwrap_or_default();
        for (target, source) in target.iter_mut().zip(source) {
            *target = *source;
        }
    }

    /// Joins a range with those that it touches.
    fn remember(&mut self, from: usize, to: usize) {
        let (mut from, mut to) = (from, to);
        self.there.retain(|(other_from, other_to)| {
            let apart = *other_to < from || to < *other_from;
            if !apart {
                from = from.min(*other_from);
                to = to.max(*other_to);
            }
            apart
        });
        let place = self.there.partition_point(|(other, _)| *other < from);
        self.there.insert(place, (from, to));
    }

    fn is_whole(&self) -> bool {
        match (self.total, self.there.first(), self.head) {
            (Some(total), Some((0, to)), Some(_)) => *to >= total,
            _ => false,
        }
    }

    fn finish(mut self) -> Option<Rebuilt> {
        let (internet, protocol) = self.head?;
        self.bytes.truncate(self.total?);
        Some(Rebuilt { internet, protocol, payload: self.bytes })
    }

    /// Whether the ports, which only the first part has, are among these.
    fn concerns(&self, ports: &[u16]) -> bool {
        let Some((_, 6 | 17)) = self.head else { return false };
        let starts = matches!(self.there.first(), Some((0, to)) if *to >= 4);
        let Some(&[a, b, c, d]) = self.bytes.first_chunk::<4>() else { return false };
        let concerned = |high, low| ports.contains(&u16::from_be_bytes([high, low]));
        starts && (concerned(a, b) || concerned(c, d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn at(seconds: i64) -> HostTime {
        HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds))
    }

    fn fragments() -> Fragments {
        Fragments::new(&Arc::from("c.pcap"), &[3389])
    }

    fn part(id: u32, offset: usize, payload: &[u8], more: bool) -> Fragment<'_> {
        let internet = Internet {
            source: "10.0.0.5".parse().unwrap(),
            destination: "10.0.0.9".parse().unwrap(),
            ttl: 64,
            ip_id: None,
            df: false,
            vlan: None,
            announced: None,
        };
        let len = payload.len().try_into().unwrap();
        let offset = offset.try_into().unwrap();
        Fragment { internet, id, protocol: 6, offset, more, payload, len }
    }

    fn said(fragments: Fragments) -> Vec<String> {
        fragments.finish().into_iter().map(|gap| gap.message).collect()
    }

    #[test]
    fn the_first_bytes_win_where_parts_overlap() {
        let mut fragments = fragments();
        assert!(fragments.part(at(0), &part(1, 0, &[1; 16], true)).is_none());
        assert!(fragments.part(at(0), &part(1, 8, &[2; 16], true)).is_none());
        let whole = fragments.part(at(0), &part(1, 24, &[3; 4], false)).unwrap();
        assert_eq!(whole.payload, [[1; 16].as_slice(), &[2; 8], &[3; 4]].concat());
        assert!(said(fragments)[0].contains("overlap and differ"));
    }

    #[test]
    fn an_rdp_datagram_that_misses_a_part_is_told() {
        let mut fragments = fragments();
        let first = [0xc3, 0x50, 0x0d, 0x3d, 0, 0, 0, 0];
        assert!(fragments.part(at(0), &part(1, 0, &first, true)).is_none());
        // Time-out, and the same identification again for something else.
        assert!(fragments.part(at(61), &part(1, 8, &[0; 8], false)).is_none());
        assert!(fragments.part(at(61), &part(2, 0, &[0; 8], true)).is_none());
        let said = said(fragments);
        assert!(said.len() == 1 && said[0].starts_with("1 datagrams to or from RDP"), "{said:?}");
    }

    #[test]
    fn a_part_cut_by_the_snap_length_leaves_a_hole() {
        let mut fragments = fragments();
        let cut = Fragment { len: 16, ..part(1, 0, &[7; 8], true) };
        assert!(fragments.part(at(0), &cut).is_none());
        assert!(fragments.part(at(0), &part(1, 16, &[7; 8], false)).is_none());
        assert!(fragments.part(at(0), &part(1, 0, &[7; 16], true)).is_some());
    }

    #[test]
    fn the_oldest_datagrams_make_room() {
        let mut fragments = fragments();
        let many = u32::try_from(MAX_FRAGMENTED).unwrap() + 10;
        for id in 0..many {
            assert!(fragments.part(at(0), &part(id, 0, &[0; 8], true)).is_none());
        }
        assert_eq!(fragments.open.len(), MAX_FRAGMENTED);
        for id in 0..200 {
            assert!(fragments.part(at(1), &part(many + id, 64_000, &[0; 8], true)).is_none());
            assert!(fragments.held <= MAX_FRAGMENT_BYTES);
        }
        assert!(said(fragments)[0].contains("given up"));
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_gives_the_datagram(
            payload in proptest::collection::vec(0u8.., 1..3000),
            size in 1usize..40,
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let parts: Vec<Fragment<'_>> = payload
                .chunks(size * 8)
                .enumerate()
                .map(|(index, chunk)| {
                    let offset = index * size * 8;
                    part(7, offset, chunk, offset + chunk.len() < payload.len())
                })
                .collect();
            let mut fragments = fragments();
            let mixed = order.iter().map(|index| index.get(&parts)).chain(&parts);
            let whole: Vec<_> = mixed.filter_map(|p| fragments.part(at(0), p)).collect();
            prop_assert!(!whole.is_empty());
            for whole in whole {
                prop_assert_eq!(&whole.payload, &payload);
            }
            prop_assert!(fragments.finish().iter().all(|gap| !gap.message.contains("differ")));
        }

        #[test]
        fn no_parts_break_the_budget(
            parts in proptest::collection::vec(
                (0u32..4, 0usize..70_000, 0usize..300, any::<bool>(), 0u32..70_000), 0..300),
        ) {
            let mut fragments = fragments();
            for (id, offset, length, more, len) in parts {
                let bytes = vec![0x0d; length];
                let _ = fragments.part(at(0), &Fragment { len, ..part(id, offset, &bytes, more) });
                let held: usize = fragments.open.values().map(|open| open.bytes.len()).sum();
                prop_assert_eq!(held, fragments.held);
                prop_assert!(held <= MAX_FRAGMENT_BYTES && fragments.open.len() <= MAX_FRAGMENTED);
                prop_assert_eq!(fragments.open.len(), fragments.numbers.len());
            }
        }
    }
}
