//! What a connection is, told from its first payload.

use crate::observe::Service;
use crate::wire::packet::Segment;
use crate::wire::tls::{self, ContentType, Handshake, RecordHeader};
use crate::wire::x224;

const HTTPS_PORT: u16 = 443;

/// First labels by which administrators name RD Gateways, before digits and further
/// words: `rdgw01`, `rdg-west`, `tsgateway`. General words (`gw`, `remote`) also name
/// VPN gateways and are left out.
const GATEWAY_NAMES: [&str; 8] =
    ["rdg", "rdgw", "rdgateway", "rdpgw", "rdpgateway", "tsg", "tsgw", "tsgateway"];

/// The service to which a first payload belongs, on any port: Remote Desktop begins
/// with an X.224 Connection Request; an RD Gateway is HTTPS whose ClientHello names it.
pub(super) fn of_first_payload(segment: &Segment<'_>) -> Option<Service> {
    if x224::is_connection_request(segment.payload) {
        return Some(Service::RemoteDesktop);
    }
    let gateway = segment.destination.port() == HTTPS_PORT
        && server_name(segment.payload).is_some_and(|name| names_gateway(&name));
    gateway.then_some(Service::Gateway)
}

/// The name in a ClientHello that fits one record and one segment.
fn server_name(payload: &[u8]) -> Option<String> {
    let header = RecordHeader::parse(payload).ok()?;
    if header.content_type != ContentType::HANDSHAKE {
        return None;
    }
    let fragment = payload.get(tls::RECORD_HEADER_LEN..)?;
    match tls::parse_handshake(fragment.get(..tls::handshake_len(fragment)?)?) {
        Handshake::ClientHello(hello) => hello.server_name(),
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
