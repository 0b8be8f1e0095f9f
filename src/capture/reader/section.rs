//! What a section of a pcapng file says about its interfaces.

use super::Gaps;
use super::input::Order;
use crate::base::limits::MAX_INTERFACES;
use crate::wire::packet::LinkType;
use jiff::Timestamp;

/// Block types.
pub(super) mod kind {
    /// The same in both byte orders.
    pub(in super::super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(in super::super) const INTERFACE: u32 = 1;
    /// Obsolete: "Packet Block".
    pub(in super::super) const PACKET: u32 = 2;
    pub(in super::super) const SIMPLE_PACKET: u32 = 3;
    const NAME_RESOLUTION: u32 = 4;
    const INTERFACE_STATISTICS: u32 = 5;
    pub(in super::super) const ENHANCED_PACKET: u32 = 6;
    const SYSTEMD_JOURNAL: u32 = 9;
    pub(in super::super) const SECRETS: u32 = 10;
    const CUSTOM: u32 = 0x0bad;
    const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
    /// Apple's process information.
    const PROCESS: u32 = 0x8000_0001;

    /// Blocks that are searched for behind a hole.
    pub(in super::super) const KNOWN: [u32; 12] = [
        ENHANCED_PACKET,
        SIMPLE_PACKET,
        INTERFACE,
        SECTION,
        INTERFACE_STATISTICS,
        NAME_RESOLUTION,
        SECRETS,
        PACKET,
        CUSTOM,
        CUSTOM_NOT_COPIED,
        SYSTEMD_JOURNAL,
        PROCESS,
    ];
}

/// An interface of a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// Bytes that are captured of a packet; 0 for all.
    pub(super) snaplen: u32,
    /// Ticks per second; `None` when the option holds an impossible value.
    resolution: Option<u64>,
    /// `if_tsoffset`, in seconds.
    offset: i64,
}

impl Interface {
    /// What is assumed where no interface is described: the most common.
    const ASSUMED: Self =
        Self { link: LinkType::ETHERNET, snaplen: 0, resolution: Some(1_000_000), offset: 0 };

    fn parse(bytes: &[u8], order: Order) -> Self {
        let mut interface = Self {
            link: LinkType(order.u16(bytes, 8).unwrap_or_default().into()),
            snaplen: order.u32(bytes, 12).unwrap_or_default(),
            ..Self::ASSUMED
        };
        let mut options = bytes.get(16..bytes.len().saturating_sub(4)).unwrap_or_default();
        while let (Some(code), Some(length)) = (order.u16(options, 0), order.u16(options, 2)) {
            let length = usize::from(length);
            let Some(value) = options.get(4..4 + length).filter(|_| code != 0) else { break };
            match (code, value) {
                (9, [resolution, ..]) => interface.resolution = ticks(*resolution),
                (14, _) => {
                    interface.offset = order.u64(value, 0).unwrap_or_default().cast_signed();
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        interface
    }

    /// The time that a packet's two words say.
    #[inline]
    pub(super) fn time(&self, high: u32, low: u32) -> Option<Timestamp> {
        let ticks = u64::from(high) << 32 | u64::from(low);
        let resolution = self.resolution?;
        let seconds = i64::try_from(ticks / resolution).ok()?.checked_add(self.offset)?;
        let rest = ticks % resolution;
        let nanos = match rest.checked_mul(1_000_000_000) {
            Some(nanos) => nanos / resolution,
            None => {
                let nanos = u128::from(rest) * 1_000_000_000 / u128::from(resolution);
                u64::try_from(nanos).ok()?
            }
        };
        Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
    }
}

/// `if_tsresol`: ticks per second as a negative power of ten, or of two with the
/// highest bit.
fn ticks(resolution: u8) -> Option<u64> {
    match resolution {
        0..=0x7f => 10_u64.checked_pow(resolution.into()),
        _ => 1_u64.checked_shl((resolution & 0x7f).into()),
    }
}

/// Packets whose interface is not described.
struct Strays {
    first: u64,
    interface: u32,
    count: u64,
}

/// State of the current section.
pub(super) struct Section {
    pub(super) order: Order,
    /// Interfaces of the sections before.
    pub(super) base: u32,
    pub(super) interfaces: Vec<Interface>,
    /// How often something was learned of sections and interfaces.
    pub(super) version: u32,
    strays: Option<Strays>,
    pub(super) last_time: Option<Timestamp>,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            order: Order::LITTLE,
            base: 0,
            interfaces: Vec::new(),
            version: 0,
            strays: None,
            last_time: None,
        }
    }
}

impl Section {
    /// A new section begins.
    pub(super) fn begin(&mut self, order: Order, gaps: &mut Gaps) {
        // Packets without a description count as one interface.
        let used = match (self.interfaces.len(), &self.strays) {
            (0, Some(_)) => 1,
            (described, _) => u32::try_from(described).unwrap_or(u32::MAX),
        };
        self.finish(gaps);
        self.base = self.base.saturating_add(used);
        self.interfaces.clear();
        self.version = self.version.wrapping_add(1);
        self.order = order;
    }

    /// Takes an interface description block.
    pub(super) fn describe(&mut self, bytes: &[u8], offset: u64, gaps: &mut Gaps) {
        if self.interfaces.len() >= MAX_INTERFACES {
            let message = format!("more than {MAX_INTERFACES} interfaces: this one was left out");
            gaps.push(offset, message);
            return;
        }
        self.version = self.version.wrapping_add(1);
        self.interfaces.push(Interface::parse(bytes, self.order));
    }

    /// The interface of a packet at `offset`, and its number in the whole file. For
    /// one that is not described the others stand in when they leave no choice.
    #[inline]
    pub(super) fn interface(&mut self, id: u32, offset: u64) -> Option<(u32, Interface)> {
        if let Some(interface) = self.interfaces.get(id as usize) {
            return Some((self.base.saturating_add(id), *interface));
        }
        let strays = self.strays.get_or_insert(Strays { first: offset, interface: id, count: 0 });
        strays.count += 1;
        self.stand_in().map(|interface| (self.base, interface))
    }

    /// What packets of an interface that is not described are read as.
    fn stand_in(&self) -> Option<Interface> {
        let Some(first) = self.interfaces.first() else { return Some(Interface::ASSUMED) };
        self.interfaces
            .iter()
            .all(|other| (other.link, other.resolution) == (first.link, first.resolution))
            .then_some(*first)
    }

    /// Tells what was assumed in this section.
    pub(super) fn finish(&mut self, gaps: &mut Gaps) {
        let Some(Strays { first, interface, count }) = self.strays.take() else { return };
        let what = match (self.interfaces.is_empty(), self.stand_in()) {
            (true, _) => "read as Ethernet with microseconds".to_owned(),
            (_, Some(other)) => format!(
                "read as from interface 0, of link type {}, as all others are",
                other.link.0
            ),
            (_, None) => "not read, as the described interfaces differ".to_owned(),
        };
        let packets = if count == 1 { "packet is" } else { "packets are" };
        gaps.push(
            first,
            format!(
                "{count} {packets} from interfaces that the file does not describe, the first \
                 from {interface}: {what}"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_of_two() {
        for (resolution, expected) in
            [(0, Some(1)), (6, Some(1_000_000)), (0x8a, Some(1024)), (19, Some(10_u64.pow(19)))]
        {
            assert_eq!(ticks(resolution), expected, "{resolution}");
        }
        assert_eq!((ticks(20), ticks(0xc0)), (None, None));
    }

    #[test]
    fn times_keep_their_nanoseconds_in_any_resolution() {
        let at = |resolution: u64, value: u64| {
            let interface =
                Interface { resolution: Some(resolution), offset: 100, ..Interface::ASSUMED };
            let (high, low) = ((value >> 32) as u32, (value & 0xffff_ffff) as u32);
            interface.time(high, low).map(|t| t.as_nanosecond())
        };
        assert_eq!(at(1_000_000, 5_000_007), Some(105_000_007_000));
        assert_eq!(at(1 << 40, 3 << 39), Some(101_500_000_000));
        assert_eq!(at(10_u64.pow(19), u64::MAX), Some(101_844_674_407));
    }
}
