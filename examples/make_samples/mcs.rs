//! The first PDUs of standard RDP security: MCS and GCC as [MS-RDPBCGR] 2.2.1.3 to
//! 2.2.1.11 lay them out. What would be encrypted is noise of the right length.

use super::Noise;

/// The I/O channel, and the user channel that the server gives.
const IO_CHANNEL: u16 = 1003;
const USER_CHANNEL: u16 = 1007;

/// A TPKT with an X.224 data TPDU.
fn data(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(7 + payload.len()).expect("short").to_be_bytes();
    [&[3, 0], &length[..], &[2, 0xf0, 0x80], payload].concat()
}

fn tagged(tag: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    [tag, &[0x82], &length[..], body].concat()
}

fn block(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + body.len()).expect("short").to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body].concat()
}

/// A length of aligned PER in two bytes.
fn per(length: usize) -> [u8; 2] {
    (u16::try_from(length).expect("short") | 0x8000).to_be_bytes()
}

/// T.124 around the blocks of one side.
fn gcc(head: &[u8], key: &[u8; 4], blocks: &[u8]) -> Vec<u8> {
    let inner = [head, key, &per(blocks.len())[..], blocks].concat();
    [&[0, 5, 0, 0x14, 0x7c, 0, 1][..], &per(inner.len()), &inner].concat()
}

fn domain_parameters() -> Vec<u8> {
    let numbers: Vec<u8> = [34, 2, 0, 1, 0, 1, 127, 2].iter().flat_map(|n| [2, 1, *n]).collect();
    let length = u8::try_from(numbers.len()).expect("short");
    [&[0x30, length][..], &numbers].concat()
}

/// Connect Initial of an old client that offers these encryption methods.
pub(crate) fn connect_initial(methods: u32) -> Vec<u8> {
    let mut core = 0x0008_0004u32.to_le_bytes().to_vec();
    for value in [1024u16, 768, 0xca01, 0xaa03] {
        core.extend_from_slice(&value.to_le_bytes());
    }
    core.extend_from_slice(&0x409u32.to_le_bytes());
    core.extend_from_slice(&2600u32.to_le_bytes());
    let mut name = super::binxml::utf16("CL-0042");
    name.resize(32, 0);
    core.extend(name);
    core.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0]);
    core.extend([0; 64]);
    let security = [methods.to_le_bytes(), [0; 4]].concat();
    let blocks = [block(0xc001, &core), block(0xc002, &security)].concat();
    let user_data = gcc(&[0, 8, 0, 0x10, 0, 1, 0xc0, 0], b"Duca", &blocks);
    let body = [
        vec![4, 1, 1, 4, 1, 1, 1, 1, 0xff],
        domain_parameters(),
        domain_parameters(),
        domain_parameters(),
        tagged(&[4], &user_data),
    ]
    .concat();
    data(&tagged(&[0x7f, 0x65], &body))
}

/// Connect Response: 128-bit encryption at the level "client compatible".
pub(crate) fn connect_response(noise: &mut Noise) -> Vec<u8> {
    let core = 0x0008_0004u32.to_le_bytes();
    let mut security = Vec::new();
    for value in [2u32, 2, 32, 184] {
        security.extend_from_slice(&value.to_le_bytes());
    }
    security.extend(noise.bytes(32));
    security.extend(noise.bytes(184));
    let channels = [IO_CHANNEL.to_le_bytes(), [0, 0]].concat();
    let blocks = [block(0x0c01, &core), block(0x0c02, &security), block(0x0c03, &channels)];
    let user_data = gcc(&[0x14, 0x76, 0x0a, 1, 1, 0, 1, 0xc0, 0], b"McDn", &blocks.concat());
    let body = [vec![10, 1, 0, 2, 1, 0], domain_parameters(), tagged(&[4], &user_data)].concat();
    data(&tagged(&[0x7f, 0x66], &body))
}

fn user() -> [u8; 2] {
    (USER_CHANNEL - 1001).to_be_bytes()
}

pub(crate) fn erect_domain() -> Vec<u8> {
    data(&[4, 1, 0, 1, 0])
}

pub(crate) fn attach_user() -> Vec<u8> {
    data(&[0x28])
}

pub(crate) fn attach_confirm() -> Vec<u8> {
    data(&[&[0x2e, 0][..], &user()].concat())
}

/// Request and confirm of a channel join.
pub(crate) fn join(channel: u16) -> (Vec<u8>, Vec<u8>) {
    let channel = channel.to_be_bytes();
    let request = data(&[&[0x38][..], &user(), &channel].concat());
    let confirm = data(&[&[0x3e, 0][..], &user(), &channel, &channel].concat());
    (request, confirm)
}

/// The channels that a client without virtual channels joins.
pub(crate) const JOINED: [u16; 2] = [USER_CHANNEL, IO_CHANNEL];

fn send(flags: u16, payload: &[u8]) -> Vec<u8> {
    let secured = [&flags.to_le_bytes()[..], &[0, 0], payload].concat();
    let head = [&[0x64][..], &user(), &IO_CHANNEL.to_be_bytes(), &[0x70], &per(secured.len())];
    data(&[head.concat(), secured].concat())
}

/// Security Exchange: the client's random number under the server's key.
pub(crate) fn security_exchange(noise: &mut Noise) -> Vec<u8> {
    let random = noise.bytes(72);
    send(0x0001, &[&72u32.to_le_bytes()[..], &random].concat())
}

/// Client Info, encrypted.
pub(crate) fn client_info(noise: &mut Noise) -> Vec<u8> {
    send(0x0048, &noise.bytes(250))
}
