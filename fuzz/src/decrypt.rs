//! Key logs and TLS records, with calls in any order.

use super::script::Script;
use rdp_triage::wire::decrypt::{KeyLog, TlsDecryptor, TlsParameters, is_supported};
use rdp_triage::wire::tls::Version;

/// A script is a key log (with its length in two bytes), then what the hellos said
/// (version, suite, a byte that is odd for encrypt-then-MAC, both randoms, the session
/// id with its length in two bytes), then calls: a byte whose lowest bit is the side and
/// whose next two say which, and what it needs.
pub fn decrypt(bytes: &[u8]) {
    let mut script = Script(bytes);
    let log = KeyLog::parse(script.counted());
    let _ = (log.len(), log.is_empty(), log.skipped());
    let _ = prepared(&mut script, &log).map(|mut decryptor| {
        while !script.is_empty() {
            call(&mut script, &mut decryptor);
        }
    });
}

fn prepared(script: &mut Script<'_>, log: &KeyLog) -> Option<TlsDecryptor> {
    let parameters = TlsParameters {
        version: Version(u16::from_be_bytes(script.array()?)),
        cipher_suite: u16::from_be_bytes(script.array()?),
        encrypt_then_mac: script.byte()? & 1 != 0,
        client_random: script.array()?,
        server_random: script.array()?,
        session_id: script.counted().to_vec(),
    };
    let decryptor = TlsDecryptor::new(&parameters, log).ok()?;
    assert!(is_supported(parameters.version, parameters.cipher_suite), "set up all the same");
    Some(decryptor)
}

fn call(script: &mut Script<'_>, decryptor: &mut TlsDecryptor) {
    let bits = script.byte().unwrap_or_default();
    let from_client = bits & 1 == 0;
    let number = |script: &mut Script<'_>| {
        script.array().map_or(0, u64::from_be_bytes) >> (16 * u32::from((bits >> 3) & 3))
    };
    match (bits >> 1) & 3 {
        0 => {
            let content_type = script.byte().unwrap_or_default();
            let version = script.array().map_or(0, u16::from_be_bytes);
            let fragment = script.counted();
            let opened = decryptor.record(from_client, content_type, version, fragment);
            let longest = opened.map_or(0, |plain| plain.data.len());
            assert!(longest <= fragment.len(), "longer than its record");
        }
        1 => decryptor.change_cipher_spec(from_client),
        2 => decryptor.skip(from_client, number(script)),
        _ => decryptor.hole(from_client, number(script)),
    }
}
