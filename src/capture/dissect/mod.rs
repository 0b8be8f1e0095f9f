//! X.224 and then TLS, or standard RDP security, in one pass over both
//! directions of a connection.
//!
//! Nothing is kept of what is not understood: a handshake message waits until it
//! is whole, an encrypted record leaves only its length, unless its secrets are
//! known.

mod credssp;
mod inside;
mod rdp;
mod tls;

use crate::base::limits::MAX_HANDSHAKE;
use crate::base::{FrameNumber, HostTime};
use crate::observe::{At, CredsspTrace, Decryption, RdpTrace, Side, TlsTrace, X224Trace};
use crate::wire::callers::{Caller, caller};
use crate::wire::decrypt::KeyLog;
use crate::wire::nego::{Negotiation, Protocols};
use crate::wire::tls::{ContentType, RECORD_HEADER_LEN, RecordHeader};
use crate::wire::{sslv2, tpkt, x224};
use rdp::Rdp;
use std::sync::Arc;
use tls::Tls;

/// Frame and time at which something was complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) frame: FrameNumber,
    pub(super) time: HostTime,
}

impl Moment {
    pub(super) fn at<T>(self, value: T) -> At<T> {
        At { frame: self.frame, time: self.time, value }
    }
}

/// How the bytes of one direction are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Framing {
    /// Nothing was seen yet, or each unit tells itself.
    #[default]
    Known,
    /// Bytes are missing: wait for a piece that begins with a unit.
    Lost,
    /// Neither TPKT nor TLS: fast-path, or another protocol. Only counted.
    Opaque,
}

#[derive(Debug, Default)]
struct Direction {
    framing: Framing,
    /// The beginning of a unit that is not whole yet.
    partial: Vec<u8>,
    partial_since: Option<Moment>,
    /// Bytes of the current unit that are of no interest.
    skip: u64,
    seen_any: bool,
}

/// Both directions of one connection.
#[derive(Debug, Default)]
pub(super) struct Dissector {
    x224: X224Trace,
    tls: Tls,
    /// RDP in the clear: standard RDP security.
    rdp: Rdp,
    client: Direction,
    server: Direction,
}

/// What a connection said, layer by layer.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) x224: X224Trace,
    pub(super) tls: TlsTrace,
    pub(super) credssp: CredsspTrace,
    pub(super) rdp: RdpTrace,
    pub(super) decryption: Decryption,
}

/// What to do with the head of the unread bytes.
enum Unit {
    /// A unit that was dealt with, of this many bytes.
    Done(usize),
    /// A unit whose rest (beyond what is there) can be skipped: total length.
    Skip(usize),
    /// More bytes are needed.
    Incomplete,
    /// Not a unit of any known framing.
    Unknown,
}

impl Dissector {
    /// A dissector that opens TLS records with these secrets.
    pub(super) fn with_secrets(secrets: Option<Arc<KeyLog>>) -> Self {
        Self { tls: Tls::with_secrets(secrets), ..Self::default() }
    }

    /// Takes the next bytes of a direction.
    pub(super) fn bytes(&mut self, side: Side, mut data: &[u8], moment: Moment) {
        let direction = self.direction(side);
        let skipped = usize::try_from(direction.skip).unwrap_or(usize::MAX).min(data.len());
        direction.skip -= skipped as u64;
        data = data.get(skipped..).unwrap_or_default();
        if data.is_empty() {
            return;
        }
        if direction.partial.is_empty() {
            let used = self.units(side, data, moment);
            self.keep_rest(side, data.get(used..).unwrap_or_default(), moment);
        } else {
            let mut joined = std::mem::take(&mut direction.partial);
            joined.extend_from_slice(data);
            let used = self.units(side, &joined, moment);
            let rest = joined.get(used..).unwrap_or_default().to_vec();
            if used > 0 {
                self.direction(side).partial_since = None;
            }
            self.keep_rest(side, &rest, moment);
        }
    }

    /// Bytes of a direction are missing.
    pub(super) fn hole(&mut self, side: Side, length: u64) {
        self.mark_cut(side);
        self.give_up_unit(side);
        let direction = self.direction(side);
        direction.partial.clear();
        direction.partial_since = None;
        let inside = direction.skip >= length;
        if inside {
            direction.skip -= length;
        } else {
            direction.skip = 0;
            if direction.framing != Framing::Opaque {
                direction.framing = Framing::Lost;
            }
        }
        self.tls.hole(side, length, inside);
    }

    /// Bytes of memory that wait to be whole.
    pub(super) fn held(&self) -> usize {
        self.client.partial.len() + self.server.partial.len() + self.tls.held()
    }

    /// There is no room for what waits in a direction: it is read on behind it.
    pub(super) fn let_go(&mut self, side: Side) {
        self.mark_cut(side);
        self.give_up_unit(side);
        let direction = self.direction(side);
        let lost = std::mem::take(&mut direction.partial).len();
        direction.partial_since = None;
        if lost > 0 && direction.skip == 0 && direction.framing != Framing::Opaque {
            direction.framing = Framing::Lost;
        }
        self.tls.let_go(side, lost as u64);
    }

    /// A unit that waits for bytes which will not come: its length still tells where
    /// the next one begins.
    fn give_up_unit(&mut self, side: Side) {
        let direction = self.direction(side);
        let there = direction.partial.len();
        let length = match direction.partial.first() {
            Some(&tpkt::VERSION) => {
                tpkt::payload_len(&direction.partial).ok().map(|length| tpkt::HEADER_LEN + length)
            }
            // A record whose header says what it is counts, even if it cannot be read.
            Some(20..=24) => match RecordHeader::parse(&direction.partial) {
                Ok(header) if header.content_type == ContentType::APPLICATION_DATA => {
                    Some(RECORD_HEADER_LEN + header.length)
                }
                _ => None,
            },
            _ => None,
        };
        let Some(length) = length.filter(|length| *length > there) else { return };
        direction.seen_any = true;
        direction.skip = (length - there) as u64;
        let (head, since) = (direction.partial.clone(), direction.partial_since);
        match (RecordHeader::parse(&head), since) {
            (Ok(header), Some(since)) => self.tls.lost_record(side, header, since),
            _ if self.negotiated(side) => count_plain(&mut self.x224, side, length, true),
            _ => {}
        }
    }

    /// No more bytes will come: what was understood.
    pub(super) fn finish(mut self) -> Layers {
        for side in [Side::Client, Side::Server] {
            self.mark_cut(side);
        }
        let Tls { trace, decryption, inside, .. } = self.tls;
        let opened = decryption.opened.iter().any(|records| *records > 0);
        let rdp = if opened { inside.rdp } else { self.rdp };
        Layers { x224: self.x224, tls: trace, credssp: inside.credssp, rdp: rdp.trace, decryption }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn keep_rest(&mut self, side: Side, rest: &[u8], moment: Moment) {
        let direction = self.direction(side);
        if rest.is_empty() {
            direction.partial_since = None;
        } else if rest.len() > MAX_HANDSHAKE {
            direction.framing = Framing::Lost;
        } else {
            direction.partial = rest.to_vec();
            direction.partial_since.get_or_insert(moment);
        }
    }

    /// A handshake flight that began and was never whole still proves that it began.
    fn mark_cut(&mut self, side: Side) {
        let unfinished = self.tls.unfinished_since(side);
        let direction = self.direction(side);
        let record = direction.partial.first() == Some(&ContentType::HANDSHAKE.0);
        let since = unfinished.or(direction.partial_since.filter(|_| record));
        if let Some(since) = since {
            slot(&mut self.tls.trace.cut_flights, side).get_or_insert(since.at(()));
        }
    }

    /// Deals with as many units as are whole; returns the bytes used.
    fn units(&mut self, side: Side, data: &[u8], moment: Moment) -> usize {
        let mut used = 0;
        while let Some(rest) = data.get(used..).filter(|rest| !rest.is_empty()) {
            if self.direction(side).framing == Framing::Opaque {
                count_plain(&mut self.x224, side, rest.len(), false);
                return data.len();
            }
            match self.unit(side, rest, moment) {
                Unit::Done(length) => used += length.max(1),
                Unit::Skip(length) => {
                    let there = rest.len().min(length);
                    self.direction(side).skip = (length - there) as u64;
                    used += there;
                }
                Unit::Incomplete => break,
                Unit::Unknown => {
                    if self.direction(side).framing == Framing::Lost {
                        // Nothing to hold on to in this piece; the next may begin a unit.
                        return data.len();
                    }
                    self.unknown_unit(side, rest, moment);
                }
            }
        }
        used
    }

    fn unit(&mut self, side: Side, rest: &[u8], moment: Moment) -> Unit {
        let Some(&first) = rest.first() else { return Unit::Incomplete };
        let unit = match first {
            tpkt::VERSION => self.tpkt(side, rest, moment),
            20..=24 => self.record(side, rest, moment),
            0x80.. if side == Side::Client && self.tls.trace.client_hello.is_none() => {
                self.old_hello(rest, moment)
            }
            _ => Unit::Unknown,
        };
        if matches!(unit, Unit::Done(_) | Unit::Skip(_)) {
            let direction = self.direction(side);
            direction.framing = Framing::Known;
            direction.seen_any = true;
        }
        unit
    }

    fn unknown_unit(&mut self, side: Side, rest: &[u8], moment: Moment) {
        let direction = self.direction(side);
        let first = !direction.seen_any && direction.framing == Framing::Known;
        direction.framing = Framing::Opaque;
        if !first {
            return;
        }
        match side {
            Side::Server => {
                let head = rest.get(..64).unwrap_or(rest).to_vec();
                self.x224.foreign_answer.get_or_insert(moment.at(head));
            }
            Side::Client => {
                let name = match caller(rest) {
                    Caller::Unknown | Caller::Rdp => "an unknown protocol",
                    known => known.name(),
                };
                self.x224.foreign_caller.get_or_insert(moment.at(name));
            }
        }
    }

    /// Whether the negotiation of this side is over.
    fn negotiated(&self, side: Side) -> bool {
        match side {
            Side::Client => self.x224.request.is_some(),
            Side::Server => self.x224.confirm.is_some(),
        }
    }

    fn tpkt(&mut self, side: Side, rest: &[u8], moment: Moment) -> Unit {
        let Ok(payload_len) = tpkt::payload_len(rest) else {
            return if rest.len() < tpkt::HEADER_LEN { Unit::Incomplete } else { Unit::Unknown };
        };
        let length = tpkt::HEADER_LEN + payload_len;
        let negotiated = self.negotiated(side);
        if negotiated && !self.rdp.wants(side, length) {
            count_plain(&mut self.x224, side, length, true);
            return Unit::Skip(length);
        }
        let Some(payload) = rest.get(tpkt::HEADER_LEN..length) else { return Unit::Incomplete };
        match x224::parse(payload) {
            _ if negotiated => {
                // xrdp sends a disconnect ultimatum in the clear after a failed TLS
                // handshake.
                count_plain(&mut self.x224, side, length, true);
                self.rdp.unit(side, payload, moment);
            }
            Ok(x224::Tpdu::Request(request)) => {
                self.x224.request.get_or_insert(moment.at(request));
            }
            Ok(x224::Tpdu::Confirm(confirm)) => {
                if let Some(Negotiation::Response { selected, .. }) = confirm.negotiation {
                    self.tls.inside.early_auth = selected.contains(Protocols::HYBRID_EX);
                }
                self.x224.confirm.get_or_insert(moment.at(confirm));
            }
            Ok(x224::Tpdu::Data(_)) => {
                count_plain(&mut self.x224, side, length, true);
                self.rdp.unit(side, payload, moment);
            }
            Ok(x224::Tpdu::Other(_)) | Err(_) => {}
        }
        Unit::Done(length)
    }

    /// A ClientHello in the form of SSL 2.0; the answer comes in TLS records.
    fn old_hello(&mut self, rest: &[u8], moment: Moment) -> Unit {
        let Some(length) = sslv2::client_hello_len(rest) else { return Unit::Unknown };
        let Some(record) = rest.get(..length) else { return Unit::Incomplete };
        match sslv2::parse_client_hello(record) {
            Ok(hello) => {
                self.tls.client_hello(hello, moment);
                Unit::Done(length)
            }
            Err(_) => Unit::Unknown,
        }
    }

    fn record(&mut self, side: Side, rest: &[u8], moment: Moment) -> Unit {
        let header = match RecordHeader::parse(rest) {
            Ok(header) => header,
            Err(_) if rest.len() < RECORD_HEADER_LEN => return Unit::Incomplete,
            Err(_) => return Unit::Unknown,
        };
        let direction = self.direction(side);
        let first = !direction.seen_any && direction.framing == Framing::Known;
        if side == Side::Client && first && header.content_type == ContentType::HANDSHAKE {
            // TLS where a negotiation was due.
            let name = Caller::TlsWithoutNegotiation.name();
            self.x224.foreign_caller.get_or_insert(moment.at(name));
        }
        let length = RECORD_HEADER_LEN + header.length;
        let there = rest.get(RECORD_HEADER_LEN..length.min(rest.len())).unwrap_or_default();
        if there.len() < header.length && self.tls.needs_whole(side, header) {
            return Unit::Incomplete;
        }
        self.tls.record(side, header, there, moment);
        Unit::Skip(length)
    }
}

fn slot<T>(pair: &mut [T; 2], side: Side) -> &mut T {
    let [client, server] = pair;
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

fn count_plain(x224: &mut X224Trace, side: Side, bytes: usize, pdu: bool) {
    if pdu {
        *slot(&mut x224.data_pdus, side) += 1;
    }
    *slot(&mut x224.data_bytes, side) += bytes as u64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn moment(frame: u64) -> Moment {
        Moment { frame: FrameNumber(frame), time: HostTime(Timestamp::UNIX_EPOCH) }
    }

    #[test]
    fn negotiation_then_alert_in_one_pass_on_bytes_cut_anywhere() {
        let request = hex_bytes("03000013 0ee00000000000 0100080003000000").unwrap();
        let confirm = hex_bytes("03000013 0ed00000123400 0200080001000000").unwrap();
        let alert = hex_bytes("15 0303 0002 0228").unwrap();
        for cut in 1..request.len() {
            let mut dissector = Dissector::default();
            dissector.bytes(Side::Client, &request[..cut], moment(1));
            dissector.bytes(Side::Client, &request[cut..], moment(2));
            dissector.bytes(Side::Server, &confirm, moment(3));
            dissector.bytes(Side::Server, &alert, moment(4));
            assert_eq!(dissector.x224.request.as_ref().map(|r| r.frame.0), Some(2));
            assert!(dissector.x224.confirm.is_some());
            assert_eq!(dissector.tls.trace.alerts.len(), 1);
        }
    }

    #[test]
    fn an_alert_behind_a_hole_is_found_again() {
        let mut dissector = Dissector::default();
        dissector.bytes(Side::Server, &hex_bytes("16 0303 0100 0200").unwrap(), moment(1));
        dissector.hole(Side::Server, 500);
        dissector.bytes(Side::Server, &hex_bytes("15 0303 0002 0228").unwrap(), moment(2));
        assert_eq!(dissector.tls.trace.alerts.len(), 1);
        assert!(dissector.tls.trace.cut_flights[1].is_some());
    }

    #[test]
    fn a_banner_instead_of_a_confirm_is_kept() {
        let mut dissector = Dissector::default();
        dissector.bytes(Side::Server, b"SSH-2.0-OpenSSH_9.6\r\n", moment(7));
        assert_eq!(dissector.x224.foreign_answer.map(|a| a.frame.0), Some(7));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_all_are_consumed(
            pieces in proptest::collection::vec(
                (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..120)), 0..40),
        ) {
            let mut dissector = Dissector::default();
            for (client, bytes) in pieces {
                let side = if client { Side::Client } else { Side::Server };
                dissector.bytes(side, &bytes, moment(1));
                if bytes.len() % 7 == 3 {
                    dissector.hole(side, bytes.len() as u64);
                }
            }
            dissector.finish();
        }
    }
}
