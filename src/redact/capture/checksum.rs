//! Checksums after a rewrite, by the difference (RFC 1624): what was right stays right, and
//! what was wrong (offloading, damage) stays wrong.

/// The ones' complement sum of 16-bit words, RFC 1071. An odd last byte counts as if a zero
/// followed.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |last| u64::from(*last) << 8);
    fold(pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>() + last)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).unwrap_or_default()
}

/// The checksum of bytes whose sum changed.
pub(super) fn changed(checksum: u16, before: u16, after: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!before) + u64::from(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_right_checksum_stays_right(
            before in proptest::collection::vec(any::<u8>(), 2..80),
            change in proptest::collection::vec(any::<u8>(), 80),
        ) {
            let after: Vec<u8> = before.iter().zip(&change).map(|(a, b)| a ^ b).collect();
            let right = !sum(&before);
            let made = changed(right, sum(&before), sum(&after));
            // Both zeros of ones' complement are the same number.
            let all = u64::from(made) + u64::from(sum(&after));
            prop_assert_eq!(fold(all), 0xffff);
        }
    }
}
