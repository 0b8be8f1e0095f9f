//! The UDP side channel, [MS-RDPEUDP]: headers stay, of what is secured only ciphertext does.

use super::frame::zero;
use crate::wire::rdpeudp;

/// DTLS record header, handshake header and the version of a hello.
const DTLS: usize = 13 + 12 + 2;

/// Rewrites a datagram on a port of Remote Desktop.
pub(super) fn datagram(payload: &mut [u8]) {
    if let [20..=25, 0xfe, ..] = payload {
        dtls(payload);
        return;
    }
    let Ok(parsed) = rdpeudp::parse(payload) else {
        zero(payload, 0..usize::MAX);
        return;
    };
    if parsed.syn.is_some() {
        // Sequence numbers, sizes, a version, and the hash of a random cookie.
        return;
    }
    let Some(data) = parsed.data else {
        // Acknowledgements; version 3 encrypts all of it.
        return;
    };
    let start = payload.len().saturating_sub(data.len());
    let kept = match data {
        [20 | 21 | 23, 3, ..] => return,
        [22, 3, ..] => 5 + 4 + 2,
        _ => 0,
    };
    zero(payload, start + kept..usize::MAX);
}

/// Records in the clear keep their headers; those of later epochs are encrypted.
fn dtls(payload: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = payload.get(at..).and_then(|rest| rest.first_chunk::<13>()).copied() {
        let [kind, _, _, e0, e1, .., l0, l1] = head;
        let end = at + 13 + usize::from(u16::from_be_bytes([l0, l1]));
        let clear = [e0, e1] == [0, 0] && !matches!(kind, 20 | 21 | 23);
        if clear {
            zero(payload, at + DTLS..end);
        }
        at = end;
    }
    zero(payload, at..usize::MAX);
}
