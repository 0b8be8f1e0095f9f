//! Connections between `openssl s_server` and `s_client` 3.0, recorded record by
//! record with the key log of the client. Clear handshake records other than
//! hellos are left out of the files.

use super::*;
use crate::base::hex_bytes;
use crate::wire::tls::{ContentType, Handshake, ServerHello, parse_handshake};
use proptest::prelude::*;

struct Recording {
    log: KeyLog,
    parameters: TlsParameters,
    /// From the client?, then the record with its header.
    records: Vec<(bool, Vec<u8>)>,
    said: Vec<(bool, String)>,
}

impl Recording {
    fn read(text: &str) -> Self {
        let mut keys = String::new();
        let (mut records, mut said) = (Vec::new(), Vec::new());
        for line in text.lines() {
            match line.split_once(' ').unwrap() {
                ("key", rest) => keys += &format!("{rest}\n"),
                ("said", rest) => said.push((&rest[..1] == "c", format!("{}\n", &rest[2..]))),
                (side, bytes) => records.push((side == "c", hex_bytes(bytes).unwrap())),
            }
        }
        let hello = |client| {
            let record = &records.iter().find(|(from, _)| *from == client).unwrap().1;
            parse_handshake(&record[5..])
        };
        let Handshake::ClientHello(client) = hello(true) else { panic!("no ClientHello") };
        let Handshake::ServerHello(server) = hello(false) else { panic!("no ServerHello") };
        let log = KeyLog::parse(keys.as_bytes());
        assert_eq!(log.skipped(), 0);
        Self { log, parameters: parameters(client.random, &server), records, said }
    }

    fn decryptor(&self) -> TlsDecryptor {
        TlsDecryptor::new(&self.parameters, &self.log).unwrap()
    }

    /// Everything behind the hellos.
    fn sealed(&self) -> impl Iterator<Item = &(bool, Vec<u8>)> {
        self.records.iter().filter(|(_, record)| record[0] != 22 || !(1..=2).contains(&record[5]))
    }
}

fn parameters(client_random: [u8; 32], server: &ServerHello) -> TlsParameters {
    TlsParameters {
        version: server.version(),
        cipher_suite: server.cipher_suite,
        client_random,
        server_random: server.random,
        session_id: server.session_id.clone(),
        encrypt_then_mac: server.encrypt_then_mac(),
    }
}

fn open(
    decryptor: &mut TlsDecryptor,
    (from_client, record): &(bool, Vec<u8>),
) -> Result<Plaintext, DecryptError> {
    let version = u16::from_be_bytes([record[1], record[2]]);
    decryptor.record(*from_client, record[0], version, &record[5..])
}

/// The texts of application data, side by side.
fn texts(opened: &[(bool, Plaintext)], client: bool) -> String {
    opened
        .iter()
        .filter(|(from, plain)| {
            *from == client && ContentType(plain.content_type) == ContentType::APPLICATION_DATA
        })
        .map(|(_, plain)| String::from_utf8(plain.data.clone()).unwrap())
        .collect()
}

macro_rules! recordings {
    ($($name:literal $suite:literal $encrypt_then_mac:literal)*) => {
        &[$(($name, $suite, $encrypt_then_mac, include_str!(concat!("testdata/", $name, ".txt")))),*]
    };
}

const RECORDINGS: &[(&str, u16, bool, &str)] = recordings! {
    "tls10-rsa-aes128-sha" 0x002f false
    "tls10-rsa-aes128-sha-etm" 0x002f true
    "tls11-ecdhe-rsa-aes256-sha" 0xc014 false
    "tls12-rsa-aes256-sha" 0x0035 false
    "tls12-rsa-aes256-sha-etm" 0x0035 true
    "tls12-rsa-aes128-sha256" 0x003c false
    "tls12-rsa-aes128-sha256-etm" 0x003c true
    "tls12-ecdhe-rsa-aes256-sha384" 0xc028 false
    "tls12-rsa-aes128-gcm" 0x009c false
    "tls12-ecdhe-ecdsa-aes128-gcm" 0xc02b false
    "tls12-ecdhe-rsa-aes256-gcm" 0xc030 false
    "tls12-ecdhe-ecdsa-chacha20" 0xcca9 false
    "tls13-aes128-gcm" 0x1301 false
    "tls13-aes256-gcm" 0x1302 false
    "tls13-chacha20" 0x1303 false
    "tls13-key-update" 0x1302 false
};

fn recording(name: &str) -> Recording {
    Recording::read(RECORDINGS.iter().find(|(known, ..)| *known == name).unwrap().3)
}

#[test]
fn every_record_of_openssl_opens_and_says_what_was_typed() {
    for (name, suite, encrypt_then_mac, text) in RECORDINGS {
        let recording = Recording::read(text);
        assert_eq!(recording.parameters.cipher_suite, *suite, "{name}");
        assert_eq!(recording.parameters.encrypt_then_mac, *encrypt_then_mac, "{name}");
        let mut decryptor = recording.decryptor();
        let opened: Vec<(bool, Plaintext)> = recording
            .sealed()
            .map(|record| (record.0, open(&mut decryptor, record).expect(name)))
            .collect();
        for client in [true, false] {
            let said: String =
                recording.said.iter().filter(|(c, _)| *c == client).map(|(_, t)| &**t).collect();
            assert_eq!(texts(&opened, client), said, "{name}");
            let last = &opened.iter().rfind(|(from, _)| *from == client).unwrap().1;
            // Both sides end with an encrypted close_notify.
            assert_eq!((last.content_type, &*last.data), (21, &[1, 0][..]), "{name}");
        }
    }
}

#[test]
fn the_handshake_of_tls_1_3_is_opened_and_its_messages_are_whole() {
    let recording = recording("tls13-aes256-gcm");
    let mut decryptor = recording.decryptor();
    let kinds: Vec<u8> = recording
        .sealed()
        .filter(|(from_client, _)| !from_client)
        .map(|record| open(&mut decryptor, record).unwrap())
        .filter(|plain| plain.content_type == 22)
        .map(|plain| plain.data[0])
        .collect();
    // EncryptedExtensions, Certificate, CertificateVerify, Finished.
    assert_eq!(kinds, [8, 11, 15, 20]);
}

#[test]
fn a_damaged_record_is_refused_and_the_next_ones_open() {
    for (name, .., text) in RECORDINGS {
        let recording = Recording::read(text);
        let sealed: Vec<_> = recording.sealed().collect();
        let victim = sealed.iter().position(|(_, record)| record[0] == 23).unwrap();
        for at in 5..sealed[victim].1.len() {
            let mut damaged = sealed[victim].clone();
            damaged.1[at] ^= 0x11;
            let mut decryptor = recording.decryptor();
            for record in &sealed[..victim] {
                open(&mut decryptor, record).unwrap();
            }
            assert!(open(&mut decryptor, &damaged).is_err(), "{name} byte {at}");
            let mut after = sealed[victim + 1..].iter().filter(|(from, _)| *from == damaged.0);
            let next = open(&mut decryptor, after.next().unwrap());
            // In TLS 1.0 the record before is the IV.
            assert!(next.is_ok() || name.starts_with("tls10"), "{name} byte {at} {next:?}");
            after.for_each(|record| assert!(open(&mut decryptor, record).is_ok(), "{name} {at}"));
        }
    }
}

/// Every run of records can be missing; what was not behind a lost IV opens.
#[test]
fn decryption_goes_on_behind_any_hole() {
    for (name, .., text) in RECORDINGS {
        let recording = Recording::read(text);
        let sealed: Vec<_> = recording.sealed().collect();
        for (from, until) in (0..sealed.len()).flat_map(|a| (a..sealed.len()).map(move |b| (a, b)))
        {
            let mut decryptor = recording.decryptor();
            for record in &sealed[..from] {
                open(&mut decryptor, record).unwrap();
            }
            for (from_client, record) in &sealed[from..until] {
                decryptor.hole(*from_client, record.len() as u64);
            }
            let mut failures = 0;
            for record in &sealed[until..] {
                match open(&mut decryptor, record) {
                    Ok(plain) if plain.content_type == 23 => {
                        let text = String::from_utf8(plain.data).unwrap();
                        // TLS 1.0 sends empty records against chosen plaintext.
                        assert!(text.is_empty() || recording.said.iter().any(|(_, t)| *t == text));
                    }
                    Ok(_) => {}
                    Err(why) => {
                        assert_eq!(why, DecryptError::NoIv, "{name} {from}..{until}");
                        failures += 1;
                    }
                }
            }
            let allowed = if name.starts_with("tls10") { 2 } else { 0 };
            assert!(failures <= allowed, "{name} {from}..{until}");
        }
    }
}

#[test]
fn records_that_the_caller_counted_need_no_search() {
    let recording = recording("tls12-ecdhe-ecdsa-chacha20");
    let mut decryptor = recording.decryptor();
    decryptor.change_cipher_spec(true);
    let client: Vec<_> = recording.sealed().filter(|(from, r)| *from && r[0] != 20).collect();
    decryptor.skip(true, client.len() as u64 - 1);
    assert!(open(&mut decryptor, client.last().unwrap()).is_ok());
}

#[test]
fn without_the_handshake_secret_the_application_data_opens_still() {
    let mut recording = recording("tls13-chacha20");
    let text = RECORDINGS.iter().find(|(name, ..)| *name == "tls13-chacha20").unwrap().3;
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("_TRAFFIC_SECRET_0"))
        .map(|line| line.strip_prefix("key ").unwrap())
        .collect();
    recording.log = KeyLog::parse(keys.join("\n").as_bytes());
    let mut decryptor = recording.decryptor();
    let opened: Vec<_> = recording.sealed().map(|r| (r.0, open(&mut decryptor, r))).collect();
    let failures = opened.iter().filter(|(_, r)| r == &Err(DecryptError::NoKey)).count();
    assert_eq!(failures, 5);
    let opened: Vec<_> = opened.into_iter().filter_map(|(c, r)| Some((c, r.ok()?))).collect();
    assert_eq!(texts(&opened, true), "ping one\nping two\n");
}

#[test]
fn a_wrong_secret_opens_nothing_and_is_given_up() {
    let mut recording = recording("tls12-ecdhe-rsa-aes256-gcm");
    let random = crate::base::hex(&recording.parameters.client_random);
    let wrong = format!("CLIENT_RANDOM {random} {}", "42".repeat(48));
    recording.log = KeyLog::parse(wrong.as_bytes());
    let mut decryptor = recording.decryptor();
    decryptor.change_cipher_spec(true);
    let record = recording.sealed().find(|(from, r)| *from && r[0] == 23).unwrap().clone();
    let results: Vec<_> = (0..20).map(|_| open(&mut decryptor, &record)).collect();
    assert_eq!(results[0], Err(DecryptError::BadTag));
    assert_eq!(results[19], Err(DecryptError::GivenUp));
}

#[test]
fn what_cannot_be_decrypted_says_why() {
    let Recording { log, parameters, .. } = recording("tls12-rsa-aes128-gcm");
    let why = |change: &dyn Fn(&mut TlsParameters)| {
        let mut changed = parameters.clone();
        change(&mut changed);
        TlsDecryptor::new(&changed, &log).unwrap_err()
    };
    assert_eq!(why(&|p| p.client_random = [0; 32]), SetupError::NoSecret);
    assert_eq!(
        why(&|p| p.version = Version(0x0300)),
        SetupError::UnsupportedVersion(Version(0x0300))
    );
    let unsupported = why(&|p| p.cipher_suite = 0x0005);
    assert_eq!(
        unsupported.to_string(),
        "decryption of TLS_RSA_WITH_RC4_128_SHA with TLS 1.2 is not supported"
    );
}

#[test]
fn debug_output_shows_no_plaintext_and_no_key() {
    let plain = Plaintext { content_type: 23, data: b"hunter2".to_vec() };
    assert_eq!(format!("{plain:?}"), "Plaintext { content_type: 23, length: 7 }");
    let shown = format!("{:?}", recording("tls13-chacha20").decryptor());
    assert_eq!(shown, "TlsDecryptor { version: Version(772), cipher_suite: 4867, .. }");
}

proptest! {
    #[test]
    fn no_records_make_it_panic(
        which in 0..RECORDINGS.len(),
        pieces in proptest::collection::vec(
            (any::<bool>(), 19..26u8, proptest::collection::vec(any::<u8>(), 0..80), 0..6u8), 0..40),
    ) {
        let recording = Recording::read(RECORDINGS[which].3);
        let mut decryptor = recording.decryptor();
        let mut real = recording.sealed();
        for (from_client, kind, bytes, what) in pieces {
            match what {
                0 => decryptor.change_cipher_spec(from_client),
                1 => decryptor.skip(from_client, u64::from(kind) << (bytes.len() % 64)),
                2 => decryptor.hole(from_client, u64::MAX >> (bytes.len() % 64)),
                3 => { real.next().map(|record| open(&mut decryptor, record)); }
                _ => { let _ = decryptor.record(from_client, kind, 0x0303, &bytes); }
            }
        }
    }
}
