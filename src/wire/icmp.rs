//! ICMP destination unreachable (RFC 792, RFC 4443) with the header it quotes.
//!
//! Networks are full of unrelated unreachables (UDP 514, say): without the quoted
//! header such a message proves nothing about a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A destination-unreachable or packet-too-big message about one TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable {
    pub reason: Reason,
    /// The raw code, for the report.
    pub code: u8,
    /// Source and destination of the quoted segment: the sender could not reach
    /// the destination.
    pub source: (IpAddr, u16),
    pub destination: (IpAddr, u16),
}

/// What could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Network,
    Host,
    Port,
    /// "Communication administratively prohibited": a filter says so itself.
    Prohibited,
    /// Fragmentation needed or packet too big: path MTU discovery at work.
    TooBig {
        mtu: u32,
    },
    Other,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network unreachable",
            Self::Host => "host unreachable",
            Self::Port => "port unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::TooBig { .. } => "packet too big",
            Self::Other => "unreachable",
        }
    }
}

/// Reads an ICMPv4 message: type, code, and the quoted IPv4 and TCP headers.
pub fn parse_v4(message: &[u8]) -> Option<Unreachable> {
    let (&[kind, code, _, _, _, _, mtu_high, mtu_low], quoted) =
        message.split_first_chunk::<8>()?;
    if kind != 3 {
        return None;
    }
    let reason = match code {
        0 | 6 => Reason::Network,
        1 | 7 => Reason::Host,
        3 => Reason::Port,
        4 => Reason::TooBig { mtu: u32::from(u16::from_be_bytes([mtu_high, mtu_low])) },
        9 | 10 | 13 => Reason::Prohibited,
        _ => Reason::Other,
    };
    let header_len = usize::from(quoted.first()? & 0x0f) * 4;
    let tcp = *quoted.get(9)? == 6;
    let source = Ipv4Addr::from(<[u8; 4]>::try_from(quoted.get(12..16)?).ok()?);
    let destination = Ipv4Addr::from(<[u8; 4]>::try_from(quoted.get(16..20)?).ok()?);
    let ports = ports(quoted.get(header_len..)?)?;
    tcp.then_some(Unreachable {
        reason,
        code,
        source: (source.into(), ports.0),
        destination: (destination.into(), ports.1),
    })
}

/// Reads an ICMPv6 message. Quoted extension headers are not followed.
pub fn parse_v6(message: &[u8]) -> Option<Unreachable> {
    let (&[kind, code, _, _, a, b, c, d], quoted) = message.split_first_chunk::<8>()?;
    let reason = match (kind, code) {
        (1, 0) => Reason::Network,
        (1, 3) => Reason::Host,
        (1, 4) => Reason::Port,
        (1, 1 | 5 | 6) => Reason::Prohibited,
        (1, _) => Reason::Other,
        (2, _) => Reason::TooBig { mtu: u32::from_be_bytes([a, b, c, d]) },
        _ => return None,
    };
    let tcp = *quoted.get(6)? == 6;
    let source = Ipv6Addr::from(<[u8; 16]>::try_from(quoted.get(8..24)?).ok()?);
    let destination = Ipv6Addr::from(<[u8; 16]>::try_from(quoted.get(24..40)?).ok()?);
    let ports = ports(quoted.get(40..)?)?;
    tcp.then_some(Unreachable {
        reason,
        code,
        source: (source.into(), ports.0),
        destination: (destination.into(), ports.1),
    })
}

fn ports(tcp: &[u8]) -> Option<(u16, u16)> {
    match tcp {
        [a, b, c, d, ..] => Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[test]
    fn the_quoted_segment_is_named() {
        let message = hex_bytes(concat!(
            "0301fcfe00000000",
            "45000034000040008006000a0a0000050a000009",
            "c3a30d3d00000001"
        ))
        .unwrap();
        let found = parse_v4(&message).unwrap();
        assert_eq!(found.reason, Reason::Host);
        assert_eq!(found.source, ("10.0.0.5".parse().unwrap(), 50083));
        assert_eq!(found.destination, ("10.0.0.9".parse().unwrap(), 3389));
    }

    #[test]
    fn cut_quotes_are_ignored() {
        assert_eq!(parse_v4(&[3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0]), None);
    }
}
