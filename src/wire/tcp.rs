//! TCP segments, RFC 9293, and what their options tell of the sender.

use super::ip::Internet;
use std::net::SocketAddr;

/// Control bits of a TCP header, RFC 9293 3.1 (ECN bits are no part of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
}

/// The options of a segment. Kinds, scale and SACK are read on SYNs only; the
/// timestamps of other segments only where every system puts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpOptions {
    kinds: [u8; Self::KEPT],
    count: u8,
    /// Shift count of the window, RFC 7323 2.
    pub window_scale: Option<u8>,
    /// SACK permitted, RFC 2018 2.
    pub sack_permitted: bool,
    /// TSval and TSecr, RFC 7323 3.
    pub timestamps: Option<(u32, u32)>,
}

impl TcpOptions {
    const KEPT: usize = 8;

    /// The first eight kinds in their order, which differs from system to system.
    pub fn kinds(&self) -> &[u8] {
        self.kinds.get(..usize::from(self.count)).unwrap_or(&self.kinds)
    }
}

/// One TCP segment as it was captured.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub ip_id: Option<u16>,
    /// Routers must not fragment: IPv4's bit, and always true for IPv6.
    pub df: bool,
    /// VLAN of the innermost tag.
    pub vlan: Option<u16>,
    pub seq: u32,
    pub ack: u32,
    pub flags: Flags,
    /// ECE or CWR is set, RFC 3168 6.1.
    pub ecn: bool,
    /// As on the wire, before scaling.
    pub window: u16,
    /// Maximum segment size option, on SYNs.
    pub mss: Option<u16>,
    pub options: TcpOptions,
    /// First block of a SACK option on a bare acknowledgement: bytes received
    /// behind a hole, RFC 2018.
    pub sack: Option<(u32, u32)>,
    /// That block lies below the acknowledgement: bytes received twice, RFC 2883.
    pub dsack: bool,
    /// The payload that was captured; shorter than [`Self::payload_len`] when the
    /// snap length cut it.
    pub payload: &'a [u8],
    /// Payload bytes that the IP header announces.
    pub payload_len: u32,
}

impl Segment<'_> {
    /// Sequence space that the segment takes: payload, SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload_len + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// The segment without the bytes that it borrows.
    pub fn without_payload(&self) -> Segment<'static> {
        Segment { payload: &[], ..*self }
    }
}

#[cfg(test)]
impl Segment<'static> {
    /// A segment of a client for tests, to be changed field by field.
    pub(crate) fn example() -> Self {
        Self {
            source: SocketAddr::from(([10, 0, 0, 5], 50_000)),
            destination: SocketAddr::from(([10, 0, 0, 9], 3389)),
            ttl: 128,
            ip_id: Some(1),
            df: true,
            vlan: None,
            seq: 1,
            ack: 1,
            flags: Flags { ack: true, ..Flags::default() },
            ecn: false,
            window: 500,
            mss: None,
            options: TcpOptions::default(),
            sack: None,
            dsack: false,
            payload: &[],
            payload_len: 0,
        }
    }
}

/// Reads a header and what follows it. A header whose options the snap length cut
/// off still tells ports, numbers and flags, and they are what counts.
#[inline]
pub(super) fn read<'a>(internet: &Internet, bytes: &'a [u8]) -> Option<Segment<'a>> {
    let (header, rest) = bytes.split_first_chunk::<16>()?;
    let &[sp0, sp1, dp0, dp1, s0, s1, s2, s3, a0, a1, a2, a3, offset, bits, w0, w1] = header;
    let header_len = usize::from(offset >> 4) * 4;
    // Behind the window: checksum and urgent pointer, the options, the payload.
    let options_end = header_len.saturating_sub(16);
    let options = rest.get(4..options_end.min(rest.len())).unwrap_or_default();
    let payload = match rest.get(options_end..) {
        Some(payload) if header_len >= 20 => payload,
        _ => &[],
    };
    let flags = Flags {
        fin: bits & 0x01 != 0,
        syn: bits & 0x02 != 0,
        rst: bits & 0x04 != 0,
        ack: bits & 0x10 != 0,
    };
    let ack = u32::from_be_bytes([a0, a1, a2, a3]);
    let captured = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let announced = internet
        .announced
        .and_then(|bytes| bytes.checked_sub(u32::from(offset >> 4) * 4))
        .unwrap_or(captured);
    let mut found = Found::default();
    match (flags.syn, options.is_empty()) {
        (_, true) => {}
        (true, false) => found.on_syn(options),
        (false, false) => found.on_other(options, payload.is_empty()),
    }
    Some(Segment {
        source: SocketAddr::new(internet.source, u16::from_be_bytes([sp0, sp1])),
        destination: SocketAddr::new(internet.destination, u16::from_be_bytes([dp0, dp1])),
        ttl: internet.ttl,
        ip_id: internet.ip_id,
        df: internet.df,
        vlan: internet.vlan,
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack,
        flags,
        ecn: bits & 0xc0 != 0,
        window: u16::from_be_bytes([w0, w1]),
        mss: found.mss,
        options: found.options,
        sack: found.sack,
        // "Before" in sequence space, RFC 9293 3.4.
        dsack: found.sack.is_some_and(|(left, _)| left.wrapping_sub(ack).cast_signed() < 0),
        payload,
        payload_len: announced.max(captured),
    })
}

#[derive(Default)]
struct Found {
    mss: Option<u16>,
    options: TcpOptions,
    sack: Option<(u32, u32)>,
}

impl Found {
    fn on_syn(&mut self, bytes: &[u8]) {
        each_option(bytes, |kind, value| {
            let options = &mut self.options;
            if let Some(slot) = options.kinds.get_mut(usize::from(options.count)) {
                *slot = kind;
                options.count += 1;
            }
            match (kind, value) {
                (2, &[high, low]) => self.mss = Some(u16::from_be_bytes([high, low])),
                (3, &[shift]) => options.window_scale = Some(shift),
                (4, []) => options.sack_permitted = true,
                (8, _) => options.timestamps = pair(value),
                _ => {}
            }
        });
    }

    /// Only bare acknowledgements are worth the look for SACK blocks.
    fn on_other(&mut self, bytes: &[u8], is_bare: bool) {
        let mut rest = bytes;
        // The layout that RFC 7323 appendix A recommends and everybody uses.
        if let Some(behind) = bytes.strip_prefix(&[1, 1, 8, 10]) {
            self.options.timestamps = pair(behind);
            rest = behind.get(8..).unwrap_or_default();
        }
        if is_bare && !rest.is_empty() {
            each_option(rest, |kind, value| {
                if kind == 5 && self.sack.is_none() {
                    self.sack = pair(value);
                }
            });
        }
    }
}

/// Calls `seen` with kind and value of every option, RFC 9293 3.2. An option that
/// is longer than what is left ends the walk.
fn each_option(bytes: &[u8], mut seen: impl FnMut(u8, &[u8])) {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return,
            [0, ..] => {
                seen(0, &[]);
                return;
            }
            [1, behind @ ..] => {
                seen(1, &[]);
                behind
            }
            [kind, length, behind @ ..] => {
                let value = usize::from(*length).checked_sub(2);
                let Some((value, behind)) = value.and_then(|len| behind.split_at_checked(len))
                else {
                    return;
                };
                seen(*kind, value);
                behind
            }
            [_] => return,
        };
    }
}

fn pair(bytes: &[u8]) -> Option<(u32, u32)> {
    let &[a, b, c, d, e, f, g, h] = bytes.first_chunk::<8>()?;
    Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
}

#[cfg(test)]
mod tests {
    use super::super::packet::{LinkType, Packet, parse};
    use super::*;
    use etherparse::PacketBuilder;

    /// The segment with these options, each four bytes long together.
    fn with_options(syn: bool, ack: u32, options: &[u8]) -> Segment<'static> {
        let mut builder = PacketBuilder::ipv4([10, 0, 0, 5], [10, 0, 0, 9], 64)
            .tcp(50123, 3389, 77, 1024)
            .ack(ack)
            .options_raw(options)
            .unwrap();
        builder = if syn { builder.syn() } else { builder };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &[]).unwrap();
        let Packet::Tcp(segment) = parse(LinkType::RAW, &bytes) else { panic!("no segment") };
        segment.without_payload()
    }

    #[test]
    fn a_syn_shows_its_options_in_their_order() {
        let windows = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
        let segment = with_options(true, 0, &windows);
        assert_eq!(segment.options.kinds(), [2, 1, 3, 1, 1, 4]);
        assert_eq!((segment.mss, segment.options.window_scale), (Some(1460), Some(8)));
        assert!(segment.options.sack_permitted && segment.options.timestamps.is_none());
    }

    #[test]
    fn unknown_and_broken_options_do_not_hide_those_before() {
        let segment = with_options(true, 0, &[253, 4, 1, 2, 2, 4, 5, 0xb4, 3, 40, 0, 0]);
        assert_eq!((segment.options.kinds(), segment.mss), (&[253, 2][..], Some(1460)));
    }

    #[test]
    fn a_block_below_the_acknowledgement_is_a_duplicate() {
        let mut options = vec![1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6, 1, 1, 5, 10];
        options.extend_from_slice(&[0, 0, 1, 0, 0, 0, 2, 0]);
        let behind_a_hole = with_options(false, 0x80, &options);
        assert_eq!(behind_a_hole.sack, Some((0x100, 0x200)));
        assert!(!behind_a_hole.dsack);
        assert_eq!(behind_a_hole.options.timestamps, Some((5, 6)));
        assert!(with_options(false, 0x200, &options).dsack);
    }
}
