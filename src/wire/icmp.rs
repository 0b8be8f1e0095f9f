//! ICMP errors (RFC 792, RFC 4443) with the packet that they quote.
//!
//! Networks are full of unrelated unreachables (UDP 514, say): without the quoted
//! ports such a message proves nothing about a connection.

use super::ip::{self, Datagram, Length};
use super::link::{self, Layer, Network, Way};
use super::tunnel;
use crate::base::limits::MAX_NESTING;
use std::net::IpAddr;

/// An error message about one TCP segment or UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    pub reason: Reason,
    /// The raw type and code, for the report; their meaning differs between ICMP
    /// and ICMPv6.
    pub kind: u8,
    pub code: u8,
    /// Protocol of the quoted packet: 6 (TCP) or 17 (UDP).
    pub protocol: u8,
    /// Source and destination of the quoted packet: it did not get from the one to
    /// the other.
    pub source: (IpAddr, u16),
    pub destination: (IpAddr, u16),
    /// Sequence number of a quoted TCP segment.
    pub seq: Option<u32>,
}

/// What an error says. Names are those of RFC 792, RFC 1122 3.2.2.1, RFC 1812
/// 5.2.7.1 and RFC 4443.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Network,
    Host,
    Protocol,
    Port,
    /// Fragmentation needed or packet too big: path MTU discovery at work. Routers
    /// from before RFC 1191 write 0.
    TooBig {
        mtu: u32,
    },
    SourceRouteFailed,
    NetworkUnknown,
    HostUnknown,
    HostIsolated,
    NetworkProhibited,
    HostProhibited,
    NetworkForService,
    HostForService,
    /// "Communication administratively prohibited": a filter says so itself.
    Prohibited,
    PrecedenceViolation,
    PrecedenceCutoff,
    BeyondScope,
    SourcePolicy,
    RouteRejected,
    /// The TTL or hop limit ran out on the way: a loop, or a traceroute.
    TimeExceeded,
    /// A host waited for fragments in vain.
    ReassemblyTimeExceeded,
    ParameterProblem,
    /// Unreachable, with a code that has no name.
    Other,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network unreachable",
            Self::Host => "host unreachable",
            Self::Protocol => "protocol unreachable",
            Self::Port => "port unreachable",
            Self::TooBig { .. } => "packet too big",
            Self::SourceRouteFailed => "source route failed",
            Self::NetworkUnknown => "network unknown",
            Self::HostUnknown => "host unknown",
            Self::HostIsolated => "source host isolated",
            Self::NetworkProhibited => "network administratively prohibited",
            Self::HostProhibited => "host administratively prohibited",
            Self::NetworkForService => "network unreachable for type of service",
            Self::HostForService => "host unreachable for type of service",
            Self::Prohibited => "administratively prohibited",
            Self::PrecedenceViolation => "host precedence violation",
            Self::PrecedenceCutoff => "precedence cutoff in effect",
            Self::BeyondScope => "beyond scope of source address",
            Self::SourcePolicy => "source address failed ingress or egress policy",
            Self::RouteRejected => "reject route to destination",
            Self::TimeExceeded => "time to live exceeded",
            Self::ReassemblyTimeExceeded => "fragment reassembly time exceeded",
            Self::ParameterProblem => "parameter problem",
            Self::Other => "unreachable",
        }
    }

    /// Type, code and the second word of an ICMPv4 message. Echoes, redirects and
    /// the like are no errors about a connection.
    fn of_v4(kind: u8, code: u8, word: [u8; 4]) -> Option<Self> {
        let [_, _, mtu_high, mtu_low] = word;
        Some(match (kind, code) {
            (3, 0) => Self::Network,
            (3, 1) => Self::Host,
            (3, 2) => Self::Protocol,
            (3, 3) => Self::Port,
            (3, 4) => Self::TooBig { mtu: u16::from_be_bytes([mtu_high, mtu_low]).into() },
            (3, 5) => Self::SourceRouteFailed,
            (3, 6) => Self::NetworkUnknown,
            (3, 7) => Self::HostUnknown,
            (3, 8) => Self::HostIsolated,
            (3, 9) => Self::NetworkProhibited,
            (3, 10) => Self::HostProhibited,
            (3, 11) => Self::NetworkForService,
            (3, 12) => Self::HostForService,
            (3, 13) => Self::Prohibited,
            (3, 14) => Self::PrecedenceViolation,
            (3, 15) => Self::PrecedenceCutoff,
            (3, _) => Self::Other,
            (11, 1) => Self::ReassemblyTimeExceeded,
            (11, _) => Self::TimeExceeded,
            (12, _) => Self::ParameterProblem,
            _ => return None,
        })
    }

    fn of_v6(kind: u8, code: u8, word: [u8; 4]) -> Option<Self> {
        Some(match (kind, code) {
            (1, 0) => Self::Network,
            (1, 1) => Self::Prohibited,
            (1, 2) => Self::BeyondScope,
            (1, 3) => Self::Host,
            (1, 4) => Self::Port,
            (1, 5) => Self::SourcePolicy,
            (1, 6) => Self::RouteRejected,
            (1, 7) => Self::SourceRouteFailed,
            (1, _) => Self::Other,
            (2, _) => Self::TooBig { mtu: u32::from_be_bytes(word) },
            (3, 1) => Self::ReassemblyTimeExceeded,
            (3, _) => Self::TimeExceeded,
            (4, _) => Self::ParameterProblem,
            _ => return None,
        })
    }
}

/// Reads an ICMPv4 message.
pub fn parse_v4(message: &[u8]) -> Option<IcmpError> {
    parse(message, Reason::of_v4)
}

/// Reads an ICMPv6 message.
pub fn parse_v6(message: &[u8]) -> Option<IcmpError> {
    parse(message, Reason::of_v6)
}

fn parse(message: &[u8], reason: impl Fn(u8, u8, [u8; 4]) -> Option<Reason>) -> Option<IcmpError> {
    let (&[kind, code, _, _, a, b, c, d], quoted) = message.split_first_chunk::<8>()?;
    let reason = reason(kind, code, [a, b, c, d])?;
    let datagram = innermost(ip::read(quoted, Length::Captured, None)?);
    // Fragments but the first have no ports.
    let has_ports = datagram.part.is_none_or(|part| part.offset == 0);
    let protocol = datagram.protocol;
    if !has_ports || !matches!(protocol, 6 | 17) {
        return None;
    }
    // Only eight bytes of the transport header are certain, RFC 792.
    let &[sp0, sp1, dp0, dp1] = datagram.payload.first_chunk::<4>()?;
    let number = datagram.payload.get(4..).and_then(|rest| rest.first_chunk::<4>());
    let internet = datagram.internet;
    Some(IcmpError {
        reason,
        kind,
        code,
        protocol,
        source: (internet.source, u16::from_be_bytes([sp0, sp1])),
        destination: (internet.destination, u16::from_be_bytes([dp0, dp1])),
        seq: number.filter(|_| protocol == 6).map(|bytes| u32::from_be_bytes(*bytes)),
    })
}

/// The packet in the tunnels of a quoted one, as far as the quote goes.
fn innermost(mut datagram: Datagram<'_>) -> Datagram<'_> {
    let mut way = Way::new(None);
    for _ in 0..MAX_NESTING {
        let layer = match datagram.protocol {
            4 | 41 => Some(Layer::Ip(datagram.payload)),
            47 => tunnel::gre(datagram.payload, &mut way),
            _ => None,
        };
        let Some(Network::Ip(bytes)) = layer.and_then(|layer| link::descend(layer, &mut way))
        else {
            break;
        };
        let Some(inner) = ip::read(bytes, Length::Captured, None) else { break };
        datagram = inner;
    }
    datagram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;
    use etherparse::PacketBuilder;

    const QUOTED: &str = "45000034000040008006000a0a0000050a000009c3a30d3d00000001";

    fn v4(head: &str) -> Option<IcmpError> {
        parse_v4(&hex_bytes(&format!("{head}{QUOTED}")).unwrap())
    }

    #[test]
    fn the_quoted_segment_is_named() {
        let found = v4("0301fcfe00000000").unwrap();
        assert_eq!(found.reason, Reason::Host);
        assert_eq!((found.kind, found.code, found.protocol), (3, 1, 6));
        assert_eq!(found.source, ("10.0.0.5".parse().unwrap(), 50083));
        assert_eq!(found.destination, ("10.0.0.9".parse().unwrap(), 3389));
        assert_eq!(found.seq, Some(1));
    }

    #[test]
    fn cut_quotes_are_ignored() {
        assert_eq!(parse_v4(&[3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0]), None);
    }

    #[test]
    fn a_quote_whose_length_was_changed_still_tells_its_ports() {
        // Some hosts quote the length without the header's, or byte-swapped.
        let quoted = QUOTED.replacen("45000034", "45000014", 1);
        let message = hex_bytes(&format!("0301fcfe00000000{quoted}")).unwrap();
        assert_eq!(parse_v4(&message).unwrap().destination.1, 3389);
    }

    #[test]
    fn every_error_has_its_reason_and_everything_else_none() {
        let names: Vec<&str> = (0..=15)
            .map(|code| v4(&format!("03{code:02x}000000000000")).unwrap().reason.name())
            .collect();
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), 16, "{names:?}");
        assert_eq!(v4("03ff000000000000").unwrap().reason, Reason::Other);
        assert_eq!(v4("03040000000005a0").unwrap().reason, Reason::TooBig { mtu: 1440 });
        assert_eq!(v4("0b00000000000000").unwrap().reason, Reason::TimeExceeded);
        assert_eq!(v4("0b01000000000000").unwrap().reason, Reason::ReassemblyTimeExceeded);
        // Redirect and echo.
        assert_eq!(v4("0501000000000000"), None);
        assert_eq!(v4("0800000000000000"), None);
    }

    #[test]
    fn a_quoted_datagram_is_told_from_a_segment() {
        let quoted = QUOTED.replacen("8006", "8011", 1);
        let found = parse_v4(&hex_bytes(&format!("0303000000000000{quoted}")).unwrap()).unwrap();
        assert_eq!((found.protocol, found.seq), (17, None));
    }

    #[test]
    fn a_quoted_tunnel_shows_the_segment_in_it() {
        for (protocol, header) in [("04", ""), ("2f", "00000800")] {
            let outer = format!("4500004800004000ff{protocol}000ac0000201c0000202{header}");
            let message = hex_bytes(&format!("0b00000000000000{outer}{QUOTED}")).unwrap();
            let found = parse_v4(&message).unwrap();
            assert_eq!((found.destination.1, found.seq), (3389, Some(1)));
        }
    }

    #[test]
    fn quoted_extension_headers_are_followed() {
        let mut quoted = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64)
            .tcp(50123, 3389, 77, 1024)
            .write(&mut quoted, &[])
            .unwrap();
        // Destination options and an atomic fragment header between IP and TCP.
        quoted[6] = 60;
        let extensions = [44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 9];
        quoted.splice(40..40, extensions);
        quoted.truncate(40 + 16 + 8);
        for (head, reason) in [
            ([1, 4, 0, 0, 0, 0, 0, 0], Reason::Port),
            ([2, 0, 0, 0, 0, 0, 5, 0], Reason::TooBig { mtu: 1280 }),
            ([3, 0, 0, 0, 0, 0, 0, 0], Reason::TimeExceeded),
            ([4, 1, 0, 0, 0, 0, 0, 40], Reason::ParameterProblem),
        ] {
            let message = [&head[..], &quoted].concat();
            let found = parse_v6(&message).unwrap();
            assert_eq!((found.reason, found.destination.1, found.seq), (reason, 3389, Some(77)));
        }
    }
}
