//! What RDP says in the clear, rewritten in place: X.224, and under standard RDP security MCS,
//! GCC and the headers of what follows, [MS-RDPBCGR].

use super::super::pseudonym::Pseudonyms;
use super::der::{self, Renamed};
use super::frame::{put, zero};
use super::{Addresses, strings};

const COOKIE: &[u8] = b"Cookie: mstshash=";
const TOKEN: &[u8] = b"Cookie: msts=";

/// Bytes of RDP_NEG_REQ and RDP_NEG_CORRELATION_INFO.
const NEGOTIATION: usize = 8 + 36;

/// Bytes of user data that hold headers, codes and flags: security header, share control and
/// share data header, and an error of four bytes.
const HEADERS: usize = 24;
/// Those of a redirection, in which names come early.
const REDIRECTION: usize = 16;

/// Rewrites the payload of one TPKT.
pub(super) fn tpdu(payload: &mut [u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) {
    match payload.get(1).map(|code| code & 0xf0) {
        Some(0xe0) => {
            if let Some(rest) = payload.get_mut(7..) {
                request(rest, made.pseudonyms);
            }
        }
        Some(0xd0) => zero(payload, 7 + 8..usize::MAX),
        Some(0xf0) => {
            if let Some(data) = payload.get_mut(3..) {
                mcs(data, made, renamed);
            }
        }
        _ => zero(payload, 2..usize::MAX),
    }
}

/// Cookie or routing token, and the negotiation behind it.
fn request(rest: &mut [u8], pseudonyms: &Pseudonyms) {
    let line = rest.windows(2).position(|pair| pair == b"\r\n");
    let behind = match line {
        Some(end) => {
            if let Some(line) = rest.get_mut(..end) {
                cookie(line, pseudonyms);
            }
            end + 2
        }
        None => 0,
    };
    // An offer begins with its type; anything else may be a cookie without an end.
    let known = rest.get(behind).is_some_and(|kind| *kind == 1);
    zero(rest, behind + if known { NEGOTIATION } else { 0 }..usize::MAX);
}

/// A cookie begins with a user's name: it is overwritten. A token has the address of a host in
/// decimal: its digits are replaced.
fn cookie(line: &mut [u8], pseudonyms: &Pseudonyms) {
    if let Some(user) = line.strip_prefix(COOKIE).map(<[u8]>::len) {
        put(line, COOKIE.len(), &vec![b'x'; user]);
        return;
    }
    let text = String::from_utf8_lossy(line).into_owned();
    let new = token(pseudonyms, &text);
    put(line, 0, new.as_bytes());
}

/// A routing token with other names and numbers of the same length.
pub(in super::super) fn token(pseudonyms: &Pseudonyms, text: &str) -> String {
    let known = text.as_bytes().starts_with(TOKEN);
    let (head, rest) = text.split_at(if known { TOKEN.len() } else { 0 });
    format!("{head}{}", pseudonyms.names(rest))
}

/// An MCS PDU, T.125: what connects is rewritten, of data only the headers stay.
fn mcs(data: &mut [u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) {
    match (data.first().copied(), data.get(1).copied()) {
        (Some(0x7f), Some(0x65)) => blocks(data, b"Duca", made, renamed),
        (Some(0x7f), Some(0x66)) => blocks(data, b"McDn", made, renamed),
        // Send Data Request and Indication: initiator, channel, priority, length.
        (Some(0x64 | 0x68), _) => {
            let long = data.get(6).is_some_and(|length| length & 0x80 != 0);
            let start = if long { 8 } else { 7 };
            if let Some(user_data) = data.get_mut(start..) {
                headers(user_data);
            }
        }
        // Erect Domain, Attach User, Channel Join, Disconnect Provider Ultimatum.
        _ => zero(data, 16..usize::MAX),
    }
}

fn headers(data: &mut [u8]) {
    let flags = data.first_chunk::<2>().map_or(0, |flags| u16::from_le_bytes(*flags));
    // SEC_INFO_PKT: code page, flags and lengths come first, names follow.
    const INFO: u16 = 0x0040;
    const REDIRECTION_PKT: u16 = 0x0400;
    // Share control header: PDUTYPE_SERVER_REDIR_PKT.
    let share = data.get(2).is_some_and(|kind| kind & 0x0f == 0x0a);
    let kept = match flags {
        flags if flags & REDIRECTION_PKT != 0 || share => REDIRECTION,
        flags if flags & INFO != 0 => 4 + 18,
        _ => HEADERS,
    };
    zero(data, kept..usize::MAX);
}

/// The data blocks of GCC behind the key of their sender; each has type and length.
fn blocks(data: &mut [u8], key: &[u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) {
    let Some(found) = data.windows(key.len()).position(|window| window == key) else {
        zero(data, 2..usize::MAX);
        return;
    };
    let length = data.get(found + key.len()).copied().unwrap_or_default();
    let mut at = found + key.len() + if length & 0x80 == 0 { 1 } else { 2 };
    while let Some([a, b, c, d]) = data.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied()
    {
        let (kind, length) = (u16::from_le_bytes([a, b]), usize::from(u16::from_le_bytes([c, d])));
        let end = at + length.max(4);
        let Some(block) = data.get_mut(at..end) else { break };
        match kind {
            0xc001 => client_core(block, made.pseudonyms),
            0x0c02 => server_security(block, made, renamed),
            // Client security, network (names of channels), cluster, monitors; server core,
            // network, message channel, multitransport.
            0xc002..=0xc006 | 0xc008 | 0xc00a | 0x0c01 | 0x0c03 | 0x0c04 | 0x0c08 => {}
            _ => zero(block, 4..usize::MAX),
        }
        at = end;
    }
    zero(data, at..usize::MAX);
}

/// TS_UD_CS_CORE, 2.2.1.3.2: the client's name; its product ids are overwritten.
fn client_core(block: &mut [u8], pseudonyms: &Pseudonyms) {
    if let Some(name) = block.get_mut(24..56) {
        strings::utf16(name, pseudonyms, u16::from_le_bytes, u16::to_le_bytes);
    }
    // imeFileName, and clientDigProductId.
    zero(block, 68..132);
    zero(block, 148..212);
}

/// TS_UD_SC_SEC1, 2.2.1.4.3: the certificate of standard RDP security.
fn server_security(block: &mut [u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) {
    let word = |at: usize| {
        let bytes = block.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let Some(random) = word(12) else { return };
    let start = (20_usize).saturating_add(random);
    let is_chain = word(start).is_some_and(|version| version & 0x7fff_ffff == 2);
    if !is_chain {
        // A proprietary certificate: version, algorithms, blob type and length, `RSA1`, sizes and
        // exponent stay; modulus and signature are the server's own.
        let key = start + 16 + 20;
        if let Some(rest) = block.get_mut(key..) {
            let noise = made.pseudonyms.noise(rest);
            rest.copy_from_slice(&noise);
        }
        return;
    }
    let count = word(start + 4).unwrap_or_default();
    let mut at = start + 8;
    for _ in 0..count.min(16) {
        let length = block.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
        let Some(length) =
            length.and_then(|length| usize::try_from(u32::from_le_bytes(length)).ok())
        else {
            break;
        };
        let end = (at + 4).saturating_add(length);
        let Some(der) = block.get_mut(at + 4..end) else { break };
        renamed.extend(der::certificate(der, made));
        at = end;
    }
    zero(block, at..usize::MAX);
}
