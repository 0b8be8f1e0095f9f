//! The Community ID of a flow: the same in Zeek, Suricata and here.

use crate::base::Endpoint;
use sha1::{Digest as _, Sha1};
use std::net::IpAddr;

/// IP protocol numbers of flows.
pub(crate) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// Community ID version 1 with seed 0 (corelight/community-id-spec), for TCP and UDP.
pub(crate) fn community_id(protocol: u8, a: Endpoint, b: Endpoint) -> String {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let key = |end: Endpoint| (octets(end.address), end.port.unwrap_or_default().to_be_bytes());
    let (mut first, mut second) = (key(a), key(b));
    if second < first {
        std::mem::swap(&mut first, &mut second);
    }
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&first.0);
    hash.update(&second.0);
    hash.update([protocol, 0]);
    hash.update(first.1);
    hash.update(second.1);
    format!("1:{}", base64(&hash.finalize()))
}

/// Standard base64 with padding, RFC 4648 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        for (slot, byte) in word.iter_mut().skip(1).zip(chunk) {
            *slot = *byte;
        }
        let bits = u32::from_be_bytes(word);
        for position in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * position) & 0x3f).unwrap_or_default();
            let digit = ALPHABET.get(index).copied().unwrap_or(b'=');
            out.push(if position <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        assert_eq!(base64(b"M"), "TQ==");
        assert_eq!(base64(b"Ma"), "TWE=");
        assert_eq!(base64(b"Man"), "TWFu");
    }

    #[test]
    fn the_community_id_of_the_specification_comes_out() {
        // From the specification's own baseline, TCP over IPv4, seed 0.
        let end = |text: &str| crate::base::parse_endpoint(text).unwrap();
        let id = community_id(TCP, end("128.232.110.120:34855"), end("66.35.250.204:80"));
        assert_eq!(id, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
