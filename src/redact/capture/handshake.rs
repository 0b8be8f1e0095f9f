//! TLS handshake messages, rewritten in place: the server's name, certificates, and the names of
//! accepted authorities. Other messages hold numbers and stay.

use super::der::{self, Renamed};
use super::frame::{put, zero};
use super::{Addresses, strings};
use std::ops::Range;

/// Bytes of a message header: type and length.
const HEADER: usize = 4;
const MAX_DEPTH: u8 = 24;

/// The handshake of one direction, in the order of its bytes, and where they stand in the stream.
#[derive(Debug, Default)]
pub(super) struct Flight {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Flight {
    /// Takes a piece that stands at a place of the stream.
    pub(super) fn take(&mut self, bytes: &[u8], range: Range<usize>) {
        if let Some(piece) = bytes.get(range.clone()) {
            self.bytes.extend_from_slice(piece);
            self.places.extend(range);
        }
    }

    /// Rewrites all messages and puts them back into the stream.
    pub(super) fn put_back(
        mut self,
        stream: &mut [u8],
        made: &mut Addresses<'_>,
        renamed: &mut Vec<Renamed>,
    ) {
        let mut at = 0;
        while at < self.bytes.len() {
            let length = be24(&self.bytes, at + 1).map(|length| at + HEADER + length);
            let kind = self.bytes.get(at).copied().unwrap_or_default();
            match length.filter(|end| *end <= self.bytes.len()) {
                Some(end) => {
                    if let Some(body) = self.bytes.get_mut(at + HEADER..end) {
                        message(kind, body, made, renamed);
                    }
                    at = end;
                }
                None => {
                    // Cut off: its beginning still says what it was.
                    zero(&mut self.bytes, at + HEADER..usize::MAX);
                    break;
                }
            }
        }
        for (place, byte) in self.places.iter().zip(&self.bytes) {
            put(stream, *place, &[*byte]);
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair).into())
}

fn be24(bytes: &[u8], at: usize) -> Option<usize> {
    let [a, b, c] = *bytes.get(at..)?.first_chunk::<3>()?;
    usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()
}

fn message(kind: u8, body: &mut [u8], made: &mut Addresses<'_>, renamed: &mut Vec<Renamed>) {
    let done = match kind {
        1 => client_hello(body, made),
        11 => certificates(body, made, renamed),
        13 => certificate_request(body, made),
        22 => {
            // CertificateStatus: type, length, an OCSP response in DER.
            if let Some(response) = body.get_mut(HEADER..) {
                der::elements(response, made, MAX_DEPTH);
            }
            Some(())
        }
        // HelloRequest, ServerHello, HelloVerifyRequest, NewSessionTicket, EndOfEarlyData,
        // ServerKeyExchange, ServerHelloDone, CertificateVerify, ClientKeyExchange, Finished.
        0 | 2 | 3 | 4 | 5 | 12 | 14 | 15 | 16 | 20 => Some(()),
        _ => None,
    };
    if done.is_none() {
        zero(body, 0..usize::MAX);
    }
}

/// Rewrites the server's name, RFC 6066 3; `None` where the message cannot be followed.
fn client_hello(body: &mut [u8], made: &mut Addresses<'_>) -> Option<()> {
    let session = 34 + 1 + usize::from(*body.get(34)?);
    let suites = session + 2 + be16(body, session)?;
    let compressions = suites + 1 + usize::from(*body.get(suites)?);
    // Old hellos end here.
    let Some(length) = be16(body, compressions) else { return Some(()) };
    let end = (compressions + 2 + length).min(body.len());
    let mut at = compressions + 2;
    while at + 4 <= end {
        let (kind, length) = (be16(body, at)?, be16(body, at + 2)?);
        let content = at + 4..(at + 4).checked_add(length).filter(|next| *next <= end)?;
        at = content.end;
        if kind == 0 {
            server_name(body.get_mut(content)?, made);
        }
    }
    Some(())
}

/// The list of names: type, length, name.
fn server_name(list: &mut [u8], made: &mut Addresses<'_>) {
    let mut at = 2;
    while let Some(length) = be16(list, at + 1) {
        let Some(name) = list.get_mut(at + 3..at + 3 + length) else {
            zero(list, at..usize::MAX);
            return;
        };
        strings::ascii(name, made);
        at += 3 + length;
    }
}

/// The chain of TLS 1.2 and before, RFC 5246 7.4.2.
fn certificates(
    body: &mut [u8],
    made: &mut Addresses<'_>,
    renamed: &mut Vec<Renamed>,
) -> Option<()> {
    let mut at = 3;
    while at < body.len() {
        let length = be24(body, at)?;
        let der = body.get_mut(at + 3..(at + 3).checked_add(length)?)?;
        renamed.extend(der::certificate(der, made));
        at += 3 + length;
    }
    Some(())
}

/// Accepted types, algorithms (from TLS 1.2 on) and authorities, RFC 5246 7.4.4.
fn certificate_request(body: &mut [u8], made: &mut Addresses<'_>) -> Option<()> {
    let types = 1 + usize::from(*body.first()?);
    let algorithms = types + 2 + be16(body, types)?;
    // Before TLS 1.2 the authorities come at once.
    let list = match be16(body, algorithms).map(|length| algorithms + 2 + length) {
        Some(end) if end == body.len() => algorithms,
        _ if algorithms == body.len() => types,
        _ => return None,
    };
    let mut at = list + 2;
    while at < body.len() {
        let length = be16(body, at)?;
        let name = body.get_mut(at + 2..(at + 2).checked_add(length)?)?;
        der::elements(name, made, MAX_DEPTH);
        at += 2 + length;
    }
    Some(())
}
