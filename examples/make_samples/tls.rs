//! TLS messages as Schannel sends them, RFC 5246 and RFC 8446. What would be
//! encrypted is noise of the right length.

use super::Noise;
use super::certificate::Certificate;

/// Cipher suites of a current Windows client.
pub(crate) const SUITES: [u16; 14] = [
    0x1302, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0x009d, 0x009c,
    0x003d, 0x003c,
];

const ECDHE_RSA_AES_256_GCM_SHA384: u16 = 0xc030;
const AES_256_GCM_SHA384: u16 = 0x1302;

fn record(kind: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&u16::try_from(fragment.len()).expect("short").to_be_bytes());
    out.extend_from_slice(fragment);
    out
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn list16(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let length = u16::try_from(bytes.len()).expect("short").to_be_bytes();
    [&length[..], &bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short").to_be_bytes();
    [&kind.to_be_bytes()[..], &length, data].concat()
}

fn with_length16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short").to_be_bytes();
    [&length[..], bytes].concat()
}

/// A ClientHello record. `newest` is 0x0301 to 0x0304; TLS 1.3 adds
/// `supported_versions`.
pub(crate) fn client_hello(
    server_name: Option<&str>,
    newest: u16,
    suites: &[u16],
    noise: &mut Noise,
) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let entry = [&[0][..], &with_length16(name.as_bytes())].concat();
        extensions.extend(extension(0, &with_length16(&entry)));
    }
    extensions.extend(extension(10, &list16(&[29, 23, 24])));
    extensions.extend(extension(11, &[1, 0]));
    extensions
        .extend(extension(13, &list16(&[0x0804, 0x0805, 0x0403, 0x0503, 0x0401, 0x0501, 0x0201])));
    extensions.extend(extension(23, &[]));
    if newest == 0x0304 {
        extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
        let share = [&[0, 29][..], &with_length16(&noise.bytes(32))].concat();
        extensions.extend(extension(51, &with_length16(&share)));
    }
    let mut body = newest.min(0x0303).to_be_bytes().to_vec();
    body.extend(noise.bytes(32));
    body.push(0);
    body.extend(list16(suites));
    body.extend_from_slice(&[1, 0]);
    body.extend(with_length16(&extensions));
    record(22, 0x0301, &message(1, &body))
}

/// The server's flight of TLS 1.2: ServerHello, Certificate, ServerKeyExchange,
/// ServerHelloDone. `padding` more certificates' bytes make it fill packets.
pub(crate) fn server_flight(
    certificate: &Certificate,
    padding: usize,
    noise: &mut Noise,
) -> Vec<u8> {
    let mut hello = 0x0303u16.to_be_bytes().to_vec();
    hello.extend(noise.bytes(32));
    hello.push(32);
    hello.extend(noise.bytes(32));
    hello.extend_from_slice(&ECDHE_RSA_AES_256_GCM_SHA384.to_be_bytes());
    hello.push(0);
    hello.extend(with_length16(&[extension(23, &[]), extension(0xff01, &[0])].concat()));
    let mut chain = vec![certificate.der()];
    if padding > 0 {
        let issuer =
            Certificate { subject: "Example Issuing CA", bits: padding * 8, ..certificate.clone() };
        chain.push(issuer.der());
    }
    let certificates: Vec<u8> = chain.iter().flat_map(|der| with_length24(der)).collect();
    let mut exchange = vec![3, 0, 29, 32];
    exchange.extend(noise.bytes(32));
    exchange.extend_from_slice(&[8, 4, 1, 0]);
    exchange.extend(noise.bytes(256));
    let messages = [
        message(2, &hello),
        message(11, &with_length24(&certificates)),
        message(12, &exchange),
        message(14, &[]),
    ];
    record(22, 0x0303, &messages.concat())
}

fn with_length24(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short").to_be_bytes();
    [&length[1..], bytes].concat()
}

/// ClientKeyExchange, ChangeCipherSpec and an encrypted Finished.
pub(crate) fn client_finished(noise: &mut Noise) -> Vec<u8> {
    let exchange = [&[32][..], &noise.bytes(32)].concat();
    [
        record(22, 0x0303, &message(16, &exchange)),
        change_cipher(),
        record(22, 0x0303, &noise.bytes(40)),
    ]
    .concat()
}

/// ChangeCipherSpec and an encrypted Finished.
pub(crate) fn server_finished(noise: &mut Noise) -> Vec<u8> {
    [change_cipher(), record(22, 0x0303, &noise.bytes(40))].concat()
}

fn change_cipher() -> Vec<u8> {
    record(20, 0x0303, &[1])
}

/// The server's flight of TLS 1.3: ServerHello, then everything encrypted.
pub(crate) fn server_flight_13(noise: &mut Noise) -> Vec<u8> {
    let mut hello = 0x0303u16.to_be_bytes().to_vec();
    hello.extend(noise.bytes(32));
    hello.push(0);
    hello.extend_from_slice(&AES_256_GCM_SHA384.to_be_bytes());
    hello.push(0);
    let share = [&[0, 29][..], &with_length16(&noise.bytes(32))].concat();
    hello.extend(with_length16(&[extension(43, &[3, 4]), extension(51, &share)].concat()));
    [
        record(22, 0x0303, &message(2, &hello)),
        change_cipher(),
        data(27, noise),
        data(905, noise),
        data(281, noise),
        data(69, noise),
    ]
    .concat()
}

/// ChangeCipherSpec for compatibility and the encrypted Finished of TLS 1.3.
pub(crate) fn client_finished_13(noise: &mut Noise) -> Vec<u8> {
    [change_cipher(), data(69, noise)].concat()
}

/// An alert in the clear: level, description.
pub(crate) fn alert(level: u8, description: u8) -> Vec<u8> {
    record(21, 0x0303, &[level, description])
}

/// An application data record of this length.
pub(crate) fn data(length: usize, noise: &mut Noise) -> Vec<u8> {
    record(23, 0x0303, &noise.bytes(length))
}
