//! Few bits by which a connection is told from most others.

use super::FlowKey;
use crate::base::Endpoint;
use std::net::{IpAddr, SocketAddr};

/// What two ends of a connection have in common with few others: enough to tell at once
/// that nobody waits for a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u16);

impl Mark {
    #[inline]
    pub(super) fn of(a: SocketAddr, b: SocketAddr) -> Self {
        Self::between(
            mixed(a.ip().to_canonical(), a.port()),
            mixed(b.ip().to_canonical(), b.port()),
        )
    }

    pub(super) fn of_key(FlowKey(a, b): &FlowKey) -> Self {
        let end = |end: &Endpoint| mixed(end.address, end.port.unwrap_or_default());
        Self::between(end(a), end(b))
    }

    /// The same for both directions.
    #[inline]
    fn between(a: u64, b: u64) -> Self {
        let [low, high, ..] = mul(a.wrapping_add(b)).to_be_bytes();
        Self(u16::from_be_bytes([low, high]))
    }
}

#[inline]
fn mixed(address: IpAddr, port: u16) -> u64 {
    let address = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments().map(u64::from);
            mul(a << 48 | b << 32 | c << 16 | d) ^ (e << 48 | f << 32 | g << 16 | h)
        }
    };
    mul(address ^ u64::from(port) << 40)
}

/// Spreads bits over the upper half (the multiplier is 2^64 by the golden ratio).
#[inline]
fn mul(bits: u64) -> u64 {
    let bits = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits ^ bits >> 32
}

/// How many connections have each mark.
#[derive(Debug)]
pub(super) struct Marks(Vec<u8>);

impl Marks {
    pub(super) fn none() -> Self {
        Self(vec![0; 1 << 16])
    }

    pub(super) fn add(&mut self, mark: Mark) {
        if let Some(count) = self.0.get_mut(usize::from(mark.0)) {
            *count = count.saturating_add(1);
        }
    }

    /// A count that was too high to be exact stays.
    pub(super) fn remove(&mut self, mark: Mark) {
        if let Some(count) = self.0.get_mut(usize::from(mark.0)).filter(|count| **count < u8::MAX) {
            *count = count.saturating_sub(1);
        }
    }

    #[inline]
    pub(super) fn has(&self, mark: Mark) -> bool {
        self.0.get(usize::from(mark.0)).is_some_and(|count| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_directions_and_both_spellings_have_one_mark() {
        for (a, b, same) in [
            ("10.0.0.5:50000", "10.0.0.9:443", "[::ffff:10.0.0.5]:50000"),
            ("[2001:db8::5]:50000", "[2001:db8::9]:443", "[2001:db8::5]:50000"),
        ] {
            let (a, b) = (socket(a), socket(b));
            let mark = Mark::of(a, b);
            assert_eq!(mark, Mark::of(b, a));
            assert_eq!(mark, Mark::of(socket(same), b));
            assert_eq!(mark, Mark::of_key(&FlowKey::of(a.into(), b.into())));
        }
    }

    #[test]
    fn marks_of_many_connections_are_spread() {
        let mut marks = Marks::none();
        let server = socket("10.0.0.9:443");
        for port in 1024..3072 {
            marks.add(Mark::of(SocketAddr::from(([10, 0, 0, 5], port)), server));
        }
        assert!(marks.0.iter().filter(|count| **count > 0).count() > 1_900);
    }

    #[test]
    fn a_count_that_was_too_high_stays() {
        let mark = Mark::of(socket("10.0.0.5:50000"), socket("10.0.0.9:443"));
        let mut marks = Marks::none();
        for connections in [1, 254, 300] {
            (0..connections).for_each(|_| marks.add(mark));
            assert!(marks.has(mark));
            (0..connections).for_each(|_| marks.remove(mark));
            assert_eq!(marks.has(mark), connections > 254);
        }
    }
}
