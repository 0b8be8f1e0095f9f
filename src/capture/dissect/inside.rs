//! What TLS carried, where its secrets are known: CredSSP, then RDP; or the HTTP of
//! an RD Gateway.

use super::rdp::Rdp;
use super::{Moment, credssp, slot};
use crate::base::limits::{MAX_HANDSHAKE, MAX_TEXT};
use crate::observe::{CredsspTrace, Decryption, Side};
use crate::wire::callers::{Caller, caller};
use crate::wire::{credssp as tsrequest, tpkt, x224};

/// Tag of a DER SEQUENCE: how every TSRequest begins.
const SEQUENCE: u8 = 0x30;

#[derive(Debug, Default)]
struct Direction {
    partial: Vec<u8>,
    /// Bytes of the current unit that are of no interest.
    skip: usize,
    /// A TPKT was seen: CredSSP is over.
    rdp: bool,
    /// Not understood, or bytes are missing: wait for a record that begins a unit.
    lost: bool,
}

/// The plaintext of both directions.
#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) credssp: CredsspTrace,
    pub(super) rdp: Rdp,
    /// The server selected PROTOCOL_HYBRID_EX: four bytes of verdict follow CredSSP.
    pub(super) early_auth: bool,
    directions: [Direction; 2],
}

enum Unit {
    Done(usize),
    /// A unit of this length whose rest can be passed over.
    Skip(usize),
    Incomplete,
    Unknown,
}

impl Inside {
    /// The plaintext of one record.
    pub(super) fn bytes(
        &mut self,
        side: Side,
        data: &[u8],
        moment: Moment,
        decryption: &mut Decryption,
    ) {
        let direction = slot(&mut self.directions, side);
        let skipped = direction.skip.min(data.len());
        direction.skip -= skipped;
        let mut joined = std::mem::take(&mut direction.partial);
        joined.extend_from_slice(data.get(skipped..).unwrap_or_default());
        let mut used = 0;
        while let Some(rest) = joined.get(used..).filter(|rest| !rest.is_empty()) {
            match self.unit(side, rest, moment, decryption) {
                Unit::Done(length) => used += length.max(1),
                Unit::Skip(length) => {
                    let there = rest.len().min(length);
                    slot(&mut self.directions, side).skip = length - there;
                    used += there;
                }
                Unit::Incomplete if rest.len() <= MAX_HANDSHAKE => break,
                Unit::Incomplete | Unit::Unknown => {
                    slot(&mut self.directions, side).lost = true;
                    return;
                }
            }
        }
        joined.drain(..used);
        slot(&mut self.directions, side).partial = joined;
    }

    /// Bytes of memory that wait to be whole.
    pub(super) fn held(&self) -> usize {
        self.directions.iter().map(|direction| direction.partial.len()).sum()
    }

    /// Records of a direction could not be opened.
    pub(super) fn hole(&mut self, side: Side) {
        let direction = slot(&mut self.directions, side);
        direction.partial = Vec::new();
        direction.skip = 0;
        direction.lost = true;
    }

    fn unit(
        &mut self,
        side: Side,
        rest: &[u8],
        moment: Moment,
        decryption: &mut Decryption,
    ) -> Unit {
        let (rdp, lost) = {
            let direction = slot(&mut self.directions, side);
            (direction.rdp, direction.lost)
        };
        let unit = match rest {
            [tpkt::VERSION, ..] => self.tpkt(side, rest, moment),
            [SEQUENCE, ..] if !rdp => self.tsrequest(side, rest, moment),
            _ if rdp && !lost => fast_path(rest),
            _ if side == Side::Server && self.early_auth => {
                match rest
                    .get(..4)
                    .map(|bytes| credssp::early_user_auth(&mut self.credssp, bytes, moment))
                {
                    Some(true) => Unit::Done(4),
                    Some(false) => Unit::Unknown,
                    None => Unit::Incomplete,
                }
            }
            _ => http(side, rest, moment, decryption),
        };
        if matches!(unit, Unit::Done(_) | Unit::Skip(_)) {
            slot(&mut self.directions, side).lost = false;
        }
        unit
    }

    fn tpkt(&mut self, side: Side, rest: &[u8], moment: Moment) -> Unit {
        let Ok(payload_len) = tpkt::payload_len(rest) else {
            return if rest.len() < tpkt::HEADER_LEN { Unit::Incomplete } else { Unit::Unknown };
        };
        slot(&mut self.directions, side).rdp = true;
        let length = tpkt::HEADER_LEN + payload_len;
        if !self.rdp.wants(side, length) {
            return Unit::Skip(length);
        }
        let Some(tpdu) = rest.get(tpkt::HEADER_LEN..length) else { return Unit::Incomplete };
        if let Ok(x224::Tpdu::Data(_)) = x224::parse(tpdu) {
            self.rdp.unit(side, tpdu, moment);
        }
        Unit::Done(length)
    }

    fn tsrequest(&mut self, side: Side, rest: &[u8], moment: Moment) -> Unit {
        let Some(length) = tsrequest::len(rest) else {
            return if rest.len() < 6 { Unit::Incomplete } else { Unit::Unknown };
        };
        let Some(whole) = rest.get(..length) else { return Unit::Incomplete };
        credssp::request(&mut self.credssp, side, whole, moment);
        Unit::Done(length)
    }
}

/// A fast-path PDU, [MS-RDPBCGR] 2.2.8.1.2 and 2.2.9.1.2: only its length matters.
fn fast_path(rest: &[u8]) -> Unit {
    let length = match rest {
        [action, ..] if action & 3 != 0 => return Unit::Unknown,
        [_, short, ..] if short & 0x80 == 0 => usize::from(*short),
        [_, high, low, ..] => usize::from(u16::from_be_bytes([high & 0x7f, *low])),
        _ => return Unit::Incomplete,
    };
    if length < 2 { Unit::Unknown } else { Unit::Skip(length) }
}

/// First line of an HTTP request, and of the last answer; the rest of each record is
/// not read.
fn http(side: Side, rest: &[u8], moment: Moment, decryption: &mut Decryption) -> Unit {
    let line = rest.split(|byte| *byte == b'\r').next().unwrap_or(rest);
    let line = || String::from_utf8_lossy(line.get(..MAX_TEXT).unwrap_or(line)).into_owned();
    let gateway = rest.starts_with(b"RDG_") || rest.starts_with(b"RPC_");
    match side {
        Side::Client if gateway || caller(rest) == Caller::Http => {
            decryption.http.get_or_insert_with(|| moment.at(line()));
        }
        Side::Server if rest.starts_with(b"HTTP/1.") => {
            decryption.http_answer = Some(moment.at(line()));
        }
        _ => {}
    }
    Unit::Unknown
}
