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
    /// Reads a message with exactly one question; everything else is `None`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::parse(bytes).ok()?;
        let question = packet.questions.first()?;
        let mut name = question.qname.to_string().trim_end_matches('.').to_ascii_lowercase();
        if name.len() > MAX_TEXT {
            return None;
        }
        name.shrink_to_fit();
        Some(Self {
            id: packet.id(),
            response: packet.has_flags(PacketFlag::RESPONSE),
            name,
            query_type: format!("{:?}", question.qtype)
                .trim_start_matches("TYPE(")
                .trim_end_matches(')')
                .to_owned(),
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
