//! X.224 connection request and confirm, [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2.

/// requestedProtocols of a current mstsc: TLS, CredSSP, CredSSP with early
/// authorization.
pub(crate) const MODERN: u32 = 0x0b;

fn tpkt(code: u8, variable: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + 7 + variable.len()).expect("short");
    let mut out = vec![3, 0];
    out.extend_from_slice(&length.to_be_bytes());
    out.push(u8::try_from(6 + variable.len()).expect("short"));
    out.extend_from_slice(&[code, 0, 0, 0, 0, 0]);
    out.extend_from_slice(variable);
    out
}

fn negotiation(kind: u8, flags: u8, value: u32) -> Vec<u8> {
    let mut out = vec![kind, flags, 8, 0];
    out.extend_from_slice(&value.to_le_bytes());
    out
}

/// A connection request with a cookie, and RDP_NEG_REQ unless `protocols` is none.
pub(crate) fn request(user: &str, protocols: Option<u32>) -> Vec<u8> {
    let mut variable = format!("Cookie: mstshash={user}\r\n").into_bytes();
    if let Some(protocols) = protocols {
        variable.extend_from_slice(&negotiation(1, 0, protocols));
    }
    tpkt(0xe0, &variable)
}

/// A connection request that demands a mode of logging on: flag 1 is Restricted Admin.
pub(crate) fn request_with(user: &str, flags: u8) -> Vec<u8> {
    let mut variable = format!("Cookie: mstshash={user}\r\n").into_bytes();
    variable.extend_from_slice(&negotiation(1, flags, MODERN));
    tpkt(0xe0, &variable)
}

/// A confirm that selects a protocol and announces only these flags.
pub(crate) fn confirm_with(flags: u8, selected: u32) -> Vec<u8> {
    tpkt(0xd0, &negotiation(2, flags, selected))
}

/// A confirm that selects a protocol.
pub(crate) fn confirm(selected: u32) -> Vec<u8> {
    tpkt(0xd0, &negotiation(2, 0x1f, selected))
}

/// A confirm that refuses.
pub(crate) fn failure(code: u32) -> Vec<u8> {
    tpkt(0xd0, &negotiation(3, 0, code))
}
