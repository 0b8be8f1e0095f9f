//! What a connection is, told from its first payload.

use crate::observe::Service;
use crate::wire::decrypt::KeyLog;
use crate::wire::packet::Segment;
use crate::wire::tls::{self, ClientHello, ContentType, Handshake, RecordHeader};
use crate::wire::x224;

const HTTPS_PORT: u16 = 443;

/// First labels by which administrators name RD Gateways, before digits and further
/// words: `rdgw01`, `rdg-west`, `tsgateway`. General words (`gw`, `remote`) also name
/// VPN gateways and are left out.
const GATEWAY_NAMES: [&str; 8] =
    ["rdg", "rdgw", "rdgateway", "rdpgw", "rdpgateway", "tsg", "tsgw", "tsgateway"];

/// What a first payload says of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) service: Service,
    /// Only what is inside can tell: HTTPS whose secrets are known.
    pub(super) needs_proof: bool,
}

/// The service to which a first payload belongs, on any port: Remote Desktop begins
/// with an X.224 Connection Request; an RD Gateway is HTTPS whose ClientHello names
/// it, or whose secrets are known and show it.
pub(super) fn of_first_payload(
    segment: &Segment<'_>,
    secrets: Option<&KeyLog>,
) -> Option<Recognised> {
    if x224::is_connection_request(segment.payload) {
        return Some(Recognised { service: Service::RemoteDesktop, needs_proof: false });
    }
    if segment.destination.port() != HTTPS_PORT {
        return None;
    }
    let hello = client_hello(segment.payload)?;
    let named = hello.server_name().is_some_and(|name| names_gateway(&name));
    let readable = secrets.is_some_and(|secrets| secrets.contains(&hello.random));
    (named || readable).then_some(Recognised { service: Service::Gateway, needs_proof: !named })
}

/// Whether the HTTP inside is that of an RD Gateway, [MS-TSGU] 3.1.3 and 3.3.5.
pub(super) fn is_gateway_request(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("/remotedesktopgateway") || line.contains("/rpc/rpcproxy")
}

/// A ClientHello that fits one record and one segment.
/// Whether a first payload may tell what the connection is, as far as its first bytes say.
#[inline]
pub(super) fn may_be_first_payload(to_port: u16, payload: &[u8]) -> bool {
    let begins_hello = || {
        let handshake = ContentType::HANDSHAKE.0;
        matches!(payload, [kind, _, _, _, _, 1, ..] if *kind == handshake)
    };
    x224::is_connection_request(payload) || to_port == HTTPS_PORT && begins_hello()
}

fn client_hello(payload: &[u8]) -> Option<ClientHello> {
    let header = RecordHeader::parse(payload).ok()?;
    if header.content_type != ContentType::HANDSHAKE {
        return None;
    }
    let fragment = payload.get(tls::RECORD_HEADER_LEN..)?;
    match tls::parse_handshake(fragment.get(..tls::handshake_len(fragment)?)?) {
        Handshake::ClientHello(hello) => Some(hello),
        _ => None,
    }
}

fn names_gateway(name: &str) -> bool {
    let label = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    label
        .split(['-', '_'])
        .any(|word| GATEWAY_NAMES.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_told_by_their_names_and_others_are_not() {
        for name in ["rdgw.corp.example", "RDG01.example", "eu-tsgateway-2.example"] {
            assert!(names_gateway(name), "{name}");
        }
        for name in ["gateway.example", "vpn-gw.example", "www.example", "cardgame.example", ""] {
            assert!(!names_gateway(name), "{name}");
        }
    }
}
