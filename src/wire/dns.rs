//! DNS messages (RFC 1035) as far as they tell whether a server's name resolved.

use crate::base::limits::MAX_TEXT;
use simple_dns::rdata::RData;
use simple_dns::{Packet, PacketFlag, RCODE};
use std::net::IpAddr;

/// One DNS query or answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub response: bool,
    /// Lower-case, without the final dot; attacker's text.
    pub name: String,
    /// `A`, `AAAA`, …: as the library names it.
    pub query_type: String,
    pub rcode: Rcode,
    /// A and AAAA records of the answer section.
    pub addresses: Vec<IpAddr>,
}

/// The outcomes that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rcode {
    NoError,
    NxDomain,
    ServFail,
    Refused,
    Other,
}

impl Message {
    /// Reads a message by its first question. An answer of multicast DNS has none
    /// (RFC 6762 6): its first address record says what it is about.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::parse(bytes).ok()?;
        let (name, query_type) = match packet.questions.first() {
            Some(question) => (question.qname.to_string(), format!("{:?}", question.qtype)),
            None => {
                let address = packet.answers.iter().find(|a| address(&a.rdata).is_some())?;
                let kind = if matches!(address.rdata, RData::A(_)) { "A" } else { "AAAA" };
                (address.name.to_string(), kind.to_owned())
            }
        };
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.len() > MAX_TEXT {
            return None;
        }
        name.shrink_to_fit();
        Some(Self {
            id: packet.id(),
            response: packet.has_flags(PacketFlag::RESPONSE),
            name,
            query_type: query_type.trim_start_matches("TYPE(").trim_end_matches(')').to_owned(),
            rcode: match packet.rcode() {
                RCODE::NoError => Rcode::NoError,
                RCODE::NameError => Rcode::NxDomain,
                RCODE::ServerFailure => Rcode::ServFail,
                RCODE::Refused => Rcode::Refused,
                _ => Rcode::Other,
            },
            addresses: packet.answers.iter().filter_map(|answer| address(&answer.rdata)).collect(),
        })
    }

    /// Reads the message at the head of a TCP payload: two bytes of length come first
    /// (RFC 1035 4.2.2). A message that is split over segments is `None`.
    pub fn parse_stream(payload: &[u8]) -> Option<Self> {
        let (length, rest) = payload.split_first_chunk::<2>()?;
        Self::parse(rest.get(..usize::from(u16::from_be_bytes(*length)))?)
    }

    /// Whether the question asks for an address of a host.
    pub fn asks_for_address(&self) -> bool {
        matches!(self.query_type.as_str(), "A" | "AAAA")
    }
}

fn address(rdata: &RData<'_>) -> Option<IpAddr> {
    match rdata {
        RData::A(a) => Some(IpAddr::from(a.address.to_be_bytes())),
        RData::AAAA(aaaa) => Some(IpAddr::from(aaaa.address.to_be_bytes())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A query for `srv.test`, type A.
    const QUERY: [u8; 26] = [
        0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b's', b'r', b'v', 4, b't', b'e', b's', b't', 0, 0,
        1, 0, 1,
    ];

    #[test]
    fn the_same_message_is_read_from_udp_and_tcp() {
        let mut stream = vec![0, 26];
        stream.extend_from_slice(&QUERY);
        let message = Message::parse(&QUERY).unwrap();
        assert_eq!((message.name.as_str(), message.asks_for_address()), ("srv.test", true));
        assert_eq!(Message::parse_stream(&stream), Some(message));
        assert_eq!(Message::parse_stream(&stream[..20]), None);
    }

    #[test]
    fn a_multicast_answer_needs_no_question() {
        let mut answer = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        answer.extend_from_slice(&QUERY[12..22]);
        answer.extend_from_slice(&[0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 9]);
        let message = Message::parse(&answer).unwrap();
        assert_eq!((message.name.as_str(), message.addresses.len()), ("srv.test", 1));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::parse(&bytes);
            let _ = Message::parse_stream(&bytes);
        }
    }
}
