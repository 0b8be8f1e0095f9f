//! What TLS carried: any plaintext, sealed so that the key log opens it.

use super::files;
use super::script::Script;
use super::tcp::Connection;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Nonce};

/// The secret of the connection; the key log has it.
const MASTER: [u8; 48] = [0x4d; 48];
const CLIENT_RANDOM: [u8; 32] = [0xc1; 32];
const SERVER_RANDOM: [u8; 32] = [0x5e; 32];

/// TLS_RSA_WITH_AES_128_GCM_SHA256.
const SUITE: [u8; 2] = [0x00, 0x9c];

/// Client and server write key and write IV: the key block of RFC 5246 6.3 that comes
/// of the secret and the randoms above.
const KEYS: [[u8; 16]; 2] = [
    [
        0x05, 0x73, 0x1e, 0x44, 0x85, 0xd2, 0xd2, 0xda, 0x87, 0x9a, 0x60, 0x28, 0x12, 0xaf, 0x1f,
        0xd3,
    ],
    [
        0x41, 0x7e, 0x69, 0x4a, 0xc2, 0xcd, 0xbc, 0x42, 0xd8, 0xf0, 0x79, 0x3d, 0xcb, 0xba, 0x81,
        0xd2,
    ],
];
const IVS: [[u8; 4]; 2] = [[0x11, 0xdb, 0x49, 0xad], [0x86, 0xdd, 0x95, 0x1a]];

/// The line of a key log that opens the connection.
pub(super) fn key_log() -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("CLIENT_RANDOM {} {}\n", hex(&CLIENT_RANDOM), hex(&MASTER))
}

/// A connection whose TLS holds what the script says. The first byte is the protocol
/// that the server selects. Each record is a byte of bits (1 from the server, 2 damaged,
/// 4 not captured, 8 a type other than application data, which follows) and a plaintext
/// with its length in two bytes.
pub fn inside(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(selected) = script.byte() else { return };
    let mut connection = Connection::new(3389, [1001, 2001]);
    connection.handshake();
    begin_tls(selected, &mut connection);
    let (mut sequence, mut whole) = ([0u64; 2], matches!(selected, 1 | 2 | 8));
    while let Some(bits) = script.byte() {
        let from_server = bits & 1 != 0;
        let kind = if bits & 8 == 0 { 23 } else { script.byte().unwrap_or_default() };
        let plain = script.counted();
        whole &= bits & 6 == 0 && matches!(kind, 21 | 23) && plain.len() <= 1 << 14;
        let number = &mut sequence[usize::from(from_server)];
        let mut record = sealed(from_server, *number, kind, plain);
        *number += 1;
        if bits & 2 != 0 {
            record[12] ^= 1;
        }
        if bits & 4 == 0 {
            connection.say(from_server, &record);
        } else {
            connection.lose(from_server, u32::try_from(record.len()).unwrap_or(u32::MAX));
        }
    }
    let facts = files::with_secrets(&connection.pcap.bytes, &key_log());
    if whole {
        let facts = facts.expect("a pcap is read");
        let opened = facts.conversations.first().map(|c| c.decryption.opened);
        assert_eq!(opened, Some(sequence), "the key log does not open what it should");
    }
}

/// Negotiation, hellos and ChangeCipherSpec.
fn begin_tls(selected: u8, connection: &mut Connection) {
    connection.say(false, &[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 11, 0, 0, 0]);
    connection.say(true, &[3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 0, 0, 2, 0, 8, 0, selected, 0, 0, 0]);
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend(CLIENT_RANDOM);
    hello.extend([0, 0, 2]);
    hello.extend(SUITE);
    hello.extend([1, 0]);
    connection.say(false, &hello);
    let mut hello = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    hello.extend(SERVER_RANDOM);
    hello.push(0);
    hello.extend(SUITE);
    hello.push(0);
    connection.say(true, &hello);
    for from_server in [false, true] {
        connection.say(from_server, &[20, 3, 3, 0, 1, 1]);
    }
}

/// A record of TLS 1.2 with AES-GCM, RFC 5288 3.
fn sealed(from_server: bool, number: u64, kind: u8, plain: &[u8]) -> Vec<u8> {
    let side = usize::from(from_server);
    let explicit = number.to_be_bytes();
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&IVS[side]);
    nonce[4..].copy_from_slice(&explicit);
    let length = u16::try_from(plain.len()).unwrap_or(u16::MAX);
    let mut aad = explicit.to_vec();
    aad.extend([kind, 3, 3]);
    aad.extend(length.to_be_bytes());
    let cipher = Aes128Gcm::new(&KEYS[side].into());
    let payload = Payload { msg: plain, aad: &aad };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).expect("records are short");
    let mut record = vec![kind, 3, 3];
    record.extend(length.saturating_add(24).to_be_bytes());
    record.extend(explicit);
    record.extend(sealed);
    record
}
