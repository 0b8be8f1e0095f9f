//! Pseudonyms of addresses: IP addresses with their prefixes and their blocks, link
//! addresses, and the domain part of SIDs.

use super::pseudonym::Pseudonyms;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks whose meaning decides (RFC 6890 and its registries): first address, bits that make
/// the block, bits that stay.
const BLOCKS_V4: [(Ipv4Addr, u32, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, 32),
    (Ipv4Addr::new(10, 0, 0, 0), 8, 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10, 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8, 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16, 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12, 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24, 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24, 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16, 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15, 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24, 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24, 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4, 32),
    (Ipv4Addr::new(255, 255, 255, 255), 32, 32),
    (Ipv4Addr::new(240, 0, 0, 0), 4, 4),
];

const BLOCKS_V6: [(Ipv6Addr, u32, u32); 8] = [
    // The unspecified address and the own host.
    (Ipv6Addr::UNSPECIFIED, 127, 128),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64, 64),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, 10),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 8),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, 32),
    // Of a solicited-node group the last 24 bits are those of an address.
    (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0), 104, 104),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, 128),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, 3),
];

/// Prefixes of IPv6 addresses that hold an IPv4 address behind them: bits, and the prefix.
const EMBEDDED: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
];

/// How often a public address is moved on that fell into a special block.
const MOST_STEPS: u32 = 64;

/// The first `bits` bits of a number of `width` bits.
fn prefix(value: u128, bits: u32, width: u32) -> u128 {
    value.checked_shr(width - bits.min(width)).unwrap_or_default()
}

impl Pseudonyms {
    /// An address of the same block that shares as many first bits with others as the
    /// originals do.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => self.address_v4(v4).into(),
            IpAddr::V6(v6) => self.address_v6(v6).into(),
        }
    }

    pub(super) fn address_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let value = u128::from(u32::from(address));
        let block = |value: u128| {
            let found = BLOCKS_V4.iter().find(|(first, bits, _)| {
                prefix(value, *bits, 32) == prefix(u32::from(*first).into(), *bits, 32)
            });
            found.map(|(.., kept)| *kept)
        };
        let made = match block(value) {
            Some(kept) => self.flip(value, 32, kept),
            None => {
                // The class stays, so that few fall into special blocks; those move on.
                let kept = (value >> 29 & 7) as u8;
                let kept = [1, 1, 1, 1, 2, 2, 3, 3].get(usize::from(kept)).copied().unwrap_or(3);
                let mut made = self.flip(value, 32, kept);
                for _ in 0..MOST_STEPS {
                    if block(made).is_none() {
                        break;
                    }
                    made = self.flip(made, 32, kept);
                }
                made
            }
        };
        Ipv4Addr::from(u32::try_from(made).unwrap_or_default())
    }

    pub(super) fn address_v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        let value = u128::from(address);
        let is_in =
            |first: Ipv6Addr, bits| prefix(value, bits, 128) == prefix(first.into(), bits, 128);
        if EMBEDDED.iter().any(|(first, bits)| is_in(*first, *bits)) {
            let [.., a, b, c, d] = address.octets();
            let inner = u32::from(self.address_v4(Ipv4Addr::new(a, b, c, d)));
            return Ipv6Addr::from(value >> 32 << 32 | u128::from(inner));
        }
        let block = BLOCKS_V6.iter().find(|(first, bits, _)| is_in(*first, *bits));
        let kept = block.map_or(3, |(.., kept)| *kept);
        let mut made = self.flip(value, 128, kept);
        let documented = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)) >> 96;
        if kept == 3 && made >> 96 == documented {
            made = self.flip(made, 128, kept);
        }
        Ipv6Addr::from(made)
    }

    /// Flips each bit behind the kept ones by what all bits before it decide.
    fn flip(&self, value: u128, width: u32, kept: u32) -> u128 {
        (kept..width).fold(value, |made, bits| {
            let before = prefix(value, bits, width);
            let decided = self
                .prf("bit", &[&width.to_be_bytes(), &bits.to_be_bytes(), &before.to_be_bytes()]);
            let flip = u128::from(decided[0] & 1);
            made ^ flip << (width - 1 - bits)
        })
    }

    /// A link address: groups and shared virtual ones stay, of others the two bits that say
    /// of which kind they are.
    pub(super) fn hardware(&self, original: [u8; 6]) -> [u8; 6] {
        match original {
            // Solicited nodes: the last three bytes are those of an address.
            [0x33, 0x33, 0xff, a, b, c] => {
                let group = Ipv6Addr::new(
                    0xff02,
                    0,
                    0,
                    0,
                    0,
                    1,
                    0xff00 | u16::from(a),
                    u16::from_be_bytes([b, c]),
                );
                let [.., a, b, c] = self.address_v6(group).octets();
                [0x33, 0x33, 0xff, a, b, c]
            }
            // Groups, nobody, VRRP (RFC 9568 7.3) and HSRP (RFC 2281 5.1).
            [first, ..] if first & 1 == 1 => original,
            [0, 0, 0, 0, 0, 0] | [0, 0, 0x5e, 0, 1 | 2, _] | [0, 0, 0x0c, 7, 0xac, _] => original,
            [first, ..] => {
                let [a, b, c, d, e, f, ..] = self.prf("hardware", &[&original]);
                [a & !3 | first & 3, b, c, d, e, f]
            }
        }
    }

    /// The three numbers that make a domain, or another issuer of ids.
    pub(super) fn sub_authorities(&self, original: &[u32]) -> Vec<u32> {
        let bytes: Vec<u8> = original.iter().flat_map(|number| number.to_be_bytes()).collect();
        let noise = self.noise(&[b"sid", &bytes[..]].concat());
        let (_, numbers) = noise.as_rchunks::<4>();
        numbers.iter().rev().take(original.len()).map(|bytes| u32::from_be_bytes(*bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pseudonym::KEY_LEN;
    use super::super::words::Words;
    use super::*;
    use proptest::prelude::*;

    fn with(key: u8) -> Pseudonyms {
        Pseudonyms::new(&[key; KEY_LEN], Words::embedded().unwrap())
    }

    fn shared(a: u128, b: u128, width: u32) -> u32 {
        (a ^ b).leading_zeros() - (128 - width)
    }

    #[test]
    fn blocks_with_a_meaning_keep_it() {
        let made = with(7);
        for (text, start) in [
            ("10.1.2.3", "10."),
            ("192.168.7.8", "192.168."),
            ("169.254.9.9", "169.254."),
            ("fe80::1", "fe80::"),
            ("fd12::5", "fd"),
            ("::ffff:10.0.0.5", "::ffff:10."),
        ] {
            let shown = made.address(text.parse().unwrap()).to_string();
            assert!(shown.starts_with(start) && shown != text, "{text} {shown}");
        }
        for same in
            ["127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "::", "::1", "ff02::1"]
        {
            assert_eq!(made.address(same.parse().unwrap()).to_string(), same);
        }
        let IpAddr::V4(private) = made.address("172.20.1.1".parse().unwrap()) else { panic!() };
        assert!(private.is_private());
    }

    #[test]
    fn link_addresses_of_hosts_change_and_groups_stay() {
        let made = with(7);
        let host = made.hardware([0x02, 1, 2, 3, 4, 5]);
        assert!(host != [0x02, 1, 2, 3, 4, 5] && host[0] & 3 == 2);
        assert_eq!(made.hardware([0xff; 6]), [0xff; 6]);
    }

    proptest! {
        #[test]
        fn inside_a_block_as_many_first_bits_agree_as_before(a in 0u32..1 << 24, b in 0u32..1 << 24) {
            let made = with(1);
            let of = |low: u32| u128::from(u32::from(made.address_v4(Ipv4Addr::from(10 << 24 | low))));
            let before = shared((10 << 24 | a).into(), (10 << 24 | b).into(), 32);
            prop_assert_eq!(shared(of(a), of(b), 32), before);
        }

        #[test]
        fn public_addresses_stay_public_and_apart(a in any::<u32>(), b in any::<u32>()) {
            let (one, other) = (with(1), with(2));
            let (a, b) = (Ipv4Addr::from(a), Ipv4Addr::from(b));
            prop_assert_eq!(a == b, one.address_v4(a) == one.address_v4(b));
            prop_assert_eq!(one.address_v4(a), with(1).address_v4(a));
            prop_assert_eq!(a.is_private(), one.address_v4(a).is_private());
            prop_assert_eq!(a.is_multicast(), other.address_v4(a).is_multicast());
        }

        #[test]
        fn v6_addresses_keep_their_prefixes(a in any::<u64>(), b in any::<u64>()) {
            let made = with(1);
            let of = |low: u64| (0x2a01_u128 << 112) | u128::from(low) << 32;
            let moved = |low: u64| u128::from(made.address_v6(Ipv6Addr::from(of(low))));
            prop_assert_eq!(shared(moved(a), moved(b), 128), shared(of(a), of(b), 128));
        }
    }
}
