//! TCP segments in any order, repeated, overlapping, cut and missing.

use super::files;
use super::script::Script;
use super::tcp::{ACK, Connection, FIN, RST, SYN, Sent};

/// The connection that a script describes. The first byte says where it begins:
/// 1 short before the sequence numbers wrap, 2 on a port that is not RDP's, 4 without
/// a TCP handshake. Each segment is a byte of these bits, what they need, and a
/// payload with its length in two bytes:
///
/// | bit | what | needs |
/// |-----|------|-------|
/// | 1   | from the server | |
/// | 2, 4, 8 | FIN, RST, SYN | |
/// | 16  | sends again what was sent | how many bytes back, in two; the payload's length counts |
/// | 32  | cut by the snap length | how many bytes |
/// | 64  | begins elsewhere | how far, signed |
/// | 128 | comes after bytes that are missing | how many, times eight |
pub fn stream(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(begin) = script.byte() else { return };
    let first = if begin & 1 == 0 { [1001, 2001] } else { [u32::MAX - 20, u32::MAX - 5] };
    let mut connection = Connection::new(if begin & 2 == 0 { 3389 } else { 50_000 }, first);
    if begin & 4 == 0 {
        connection.handshake();
    }
    while let Some(bits) = script.byte() {
        step(bits, &mut script, &mut connection);
    }
    files::capture_file(&connection.pcap.bytes);
}

fn step(bits: u8, script: &mut Script<'_>, connection: &mut Connection) {
    let from_server = bits & 1 != 0;
    let mut option = |bit: u8| if bits & bit == 0 { 0 } else { script.byte().unwrap_or_default() };
    let cut = usize::from(option(32));
    let mut displaced = i32::from(option(64).cast_signed());
    connection.lose(from_server, u32::from(option(128)) * 8);
    let flag = |bit, flag| if bits & bit == 0 { 0 } else { flag };
    let flags = ACK | flag(2, FIN) | flag(4, RST) | flag(8, SYN);
    let mut again = Vec::new();
    if bits & 16 != 0 {
        let back = script.array::<2>().map_or(0, u16::from_be_bytes);
        let length = script.array::<2>().map_or(0, u16::from_be_bytes);
        again = connection.sent_before(from_server, usize::from(back), usize::from(length));
        displaced -= i32::from(back);
    }
    let payload = if bits & 16 == 0 { script.counted() } else { &again };
    connection.segment(from_server, &Sent { flags, displaced, payload, cut });
}
