//! The TLS layer of a connection: what it says in the clear, and what its records
//! hold where their secrets are known.

use super::inside::Inside;
use super::{Moment, slot};
use crate::base::limits::{MAX_ALERTS, MAX_HANDSHAKE, MAX_RECORDS_KEPT};
use crate::observe::{AlertSeen, Decryption, Side, TlsRecordSeen, TlsTrace};
use crate::wire::certificate::Certificate;
use crate::wire::decrypt::{KeyLog, SetupError, TlsDecryptor, TlsParameters};
use crate::wire::tls::{self, Alert, ContentType, Handshake, RecordHeader, Version};
use std::sync::Arc;

#[derive(Debug, Default)]
struct Direction {
    /// Handshake messages that are not whole yet.
    handshake: Vec<u8>,
    /// Those that were inside encrypted records.
    inner: Vec<u8>,
    /// When the messages that wait began.
    since: Option<Moment>,
    /// Handshake records are encrypted from here on.
    encrypted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) trace: TlsTrace,
    pub(super) decryption: Decryption,
    pub(super) inside: Inside,
    secrets: Option<Arc<KeyLog>>,
    decryptor: Option<TlsDecryptor>,
    directions: [Direction; 2],
}

impl Tls {
    pub(super) fn with_secrets(secrets: Option<Arc<KeyLog>>) -> Self {
        Self { secrets, ..Self::default() }
    }

    /// Whether a record has to be whole before it can be dealt with.
    pub(super) fn needs_whole(&self, side: Side, header: RecordHeader) -> bool {
        let [client, server] = &self.directions;
        let encrypted = if side == Side::Client { client.encrypted } else { server.encrypted };
        match header.content_type {
            ContentType::ALERT => true,
            ContentType::HANDSHAKE => !encrypted || self.decryptor.is_some(),
            _ => self.decryptor.is_some(),
        }
    }

    /// Takes a record; `fragment` is what of it is there, all when
    /// [`Self::needs_whole`] says so.
    pub(super) fn record(
        &mut self,
        side: Side,
        header: RecordHeader,
        fragment: &[u8],
        moment: Moment,
    ) {
        let encrypted = slot(&mut self.directions, side).encrypted;
        match header.content_type {
            ContentType::HANDSHAKE if !encrypted || is_whole_hello(fragment) => {
                self.handshake(side, fragment, moment);
            }
            ContentType::HANDSHAKE => self.open(side, header, fragment, moment),
            ContentType::ALERT => self.alert(side, header, fragment, moment),
            ContentType::CHANGE_CIPHER_SPEC => {
                // After a HelloRetryRequest it stands for compatibility only, RFC 8446 D.4.
                let real = self.trace.server_hello.is_some() || self.trace.hello_retry.is_none();
                slot(&mut self.directions, side).encrypted |= real;
                slot(&mut self.trace.change_cipher_spec, side).get_or_insert(moment.at(()));
                if let Some(decryptor) = &mut self.decryptor {
                    decryptor.change_cipher_spec(side == Side::Client);
                }
            }
            ContentType::APPLICATION_DATA => {
                self.application_data(side, header, moment);
                self.open(side, header, fragment, moment);
            }
            _ => {}
        }
    }

    fn alert(&mut self, side: Side, header: RecordHeader, fragment: &[u8], moment: Moment) {
        match Alert::parse(fragment) {
            Some(alert) => keep(&mut self.trace.alerts, side, alert, moment),
            None => {
                slot(&mut self.trace.encrypted_alerts, side).get_or_insert(moment.at(()));
                self.open(side, header, fragment, moment);
            }
        }
    }

    fn application_data(&mut self, side: Side, header: RecordHeader, moment: Moment) {
        let early = side == Side::Client
            && self.trace.client_hello.is_some()
            && self.trace.server_hello.is_none();
        if early {
            // 0-RTT data (RFC 8446 4.2.10): the handshake goes on in the clear.
            return;
        }
        slot(&mut self.directions, side).encrypted = true;
        *slot(&mut self.trace.application_records, side) += 1;
        *slot(&mut self.trace.application_bytes, side) += header.length as u64;
        let kept = slot(&mut self.trace.application_data, side);
        if kept.len() < MAX_RECORDS_KEPT {
            kept.push(TlsRecordSeen {
                content_type: header.content_type,
                length: header.length,
                frame: moment.frame,
                time: moment.time,
            });
        }
    }

    /// Opens an encrypted record and reads what is inside.
    fn open(&mut self, side: Side, header: RecordHeader, fragment: &[u8], moment: Moment) {
        let Some(decryptor) = &mut self.decryptor else { return };
        let opened = decryptor.record(
            side == Side::Client,
            header.content_type.0,
            header.version.0,
            fragment,
        );
        let plain = match opened {
            Ok(plain) => plain,
            Err(error) => {
                *slot(&mut self.decryption.failed, side) += 1;
                self.decryption.problem.get_or_insert_with(|| error.to_string());
                self.inside.hole(side);
                return;
            }
        };
        *slot(&mut self.decryption.opened, side) += 1;
        match ContentType(plain.content_type) {
            ContentType::APPLICATION_DATA => {
                self.inside.bytes(side, &plain.data, moment, &mut self.decryption);
            }
            ContentType::ALERT => {
                if let Some(alert) = Alert::parse(&plain.data) {
                    keep(&mut self.trace.inner_alerts, side, alert, moment);
                }
            }
            ContentType::HANDSHAKE => self.inner_handshake(side, &plain.data, moment),
            _ => {}
        }
    }

    /// Handshake messages of TLS 1.3 behind the ServerHello: of them only the
    /// server's certificates matter.
    fn inner_handshake(&mut self, side: Side, data: &[u8], moment: Moment) {
        let mut waiting = std::mem::take(&mut slot(&mut self.directions, side).inner);
        waiting.extend_from_slice(data);
        let mut used = 0;
        while let Some(rest) = waiting.get(used..) {
            let Some(length) = tls::handshake_len(rest) else { break };
            let Some(message) = rest.get(..length) else { break };
            if let (Side::Server, Some(chain)) = (side, tls::certificates_13(message)) {
                self.certificates(&chain, moment);
            }
            used += length;
        }
        waiting.drain(..used);
        if waiting.len() <= MAX_HANDSHAKE {
            slot(&mut self.directions, side).inner = waiting;
        }
    }

    fn certificates(&mut self, chain: &[Vec<u8>], moment: Moment) {
        let parsed: Vec<Certificate> =
            chain.iter().filter_map(|der| Certificate::parse(der)).collect();
        self.trace.unreadable_certificates = chain.len() - parsed.len();
        self.trace.certificates.get_or_insert(moment.at(parsed));
    }

    fn handshake(&mut self, side: Side, fragment: &[u8], moment: Moment) {
        let mut waiting = std::mem::take(&mut slot(&mut self.directions, side).handshake);
        waiting.extend_from_slice(fragment);
        let mut used = 0;
        while let Some(rest) = waiting.get(used..) {
            let Some(length) = tls::handshake_len(rest) else { break };
            let Some(message) = rest.get(..length) else { break };
            self.message(side, message, moment);
            used += length;
        }
        waiting.drain(..used);
        let direction = slot(&mut self.directions, side);
        if waiting.is_empty() || waiting.len() > MAX_HANDSHAKE {
            direction.since = None;
        } else {
            direction.since.get_or_insert(moment);
            direction.handshake = waiting;
        }
    }

    fn message(&mut self, side: Side, message: &[u8], moment: Moment) {
        let tls = &mut self.trace;
        match (side, tls::parse_handshake(message)) {
            (Side::Client, Handshake::ClientHello(hello)) => self.client_hello(hello, moment),
            (Side::Server, Handshake::ServerHello(hello)) if hello.hello_retry_request => {
                tls.hello_retry.get_or_insert(moment.at(hello));
            }
            (Side::Server, Handshake::ServerHello(hello)) => {
                tls.server_hello.get_or_insert(moment.at(hello));
                self.begin_decryption();
            }
            (Side::Server, Handshake::Certificate(chain)) => self.certificates(&chain, moment),
            (Side::Server, Handshake::CertificateStatus) => {
                tls.ocsp_staple.get_or_insert(moment.at(()));
            }
            (Side::Server, Handshake::ServerHelloDone) => {
                tls.server_hello_done.get_or_insert(moment.at(()));
            }
            (Side::Client, Handshake::ClientKeyExchange) => {
                tls.client_key_exchange.get_or_insert(moment.at(()));
            }
            _ => {}
        }
    }

    /// A ClientHello, in whatever framing it came.
    pub(super) fn client_hello(&mut self, hello: tls::ClientHello, moment: Moment) {
        if self.trace.client_hello.is_none() {
            self.trace.client_hello = Some(moment.at(hello));
        } else {
            self.trace.second_client_hello.get_or_insert(moment.at(hello));
        }
    }

    fn begin_decryption(&mut self) {
        let (Some(secrets), Some(client), Some(server)) =
            (&self.secrets, &self.trace.client_hello, &self.trace.server_hello)
        else {
            return;
        };
        let parameters = TlsParameters {
            version: server.value.version(),
            cipher_suite: server.value.cipher_suite,
            client_random: client.value.random,
            server_random: server.value.random,
            session_id: server.value.session_id.clone(),
            encrypt_then_mac: server.value.encrypt_then_mac(),
        };
        match TlsDecryptor::new(&parameters, secrets) {
            Ok(decryptor) => {
                self.inside.rdp.enhanced = true;
                self.decryptor = Some(decryptor);
            }
            Err(SetupError::NoSecret) => {}
            Err(error) => self.decryption.problem = Some(error.to_string()),
        }
        if parameters.version == Version::TLS_1_3 {
            // The server's next records are encrypted, and look like application data.
            slot(&mut self.directions, Side::Server).since = None;
        }
    }

    /// A record of application data of which only the beginning is there.
    pub(super) fn lost_record(&mut self, side: Side, header: RecordHeader, since: Moment) {
        if header.content_type == ContentType::APPLICATION_DATA {
            self.application_data(side, header, since);
        }
    }

    /// Bytes of a direction are missing; `inside_record` when they all belong to a
    /// record that is of no interest.
    pub(super) fn hole(&mut self, side: Side, length: u64, inside_record: bool) {
        if let Some(decryptor) = &mut self.decryptor {
            decryptor.hole(side == Side::Client, length);
            self.inside.hole(side);
        }
        if !inside_record {
            slot(&mut self.directions, side).handshake.clear();
        }
    }

    /// Bytes of memory that wait to be whole.
    pub(super) fn held(&self) -> usize {
        let waiting = self.directions.iter().map(|d| d.handshake.len() + d.inner.len());
        waiting.sum::<usize>() + self.inside.held()
    }

    /// There is no room for what waits in a direction, nor was there for `lost` bytes of a
    /// record.
    pub(super) fn let_go(&mut self, side: Side, lost: u64) {
        self.hole(side, lost, false);
        let direction = slot(&mut self.directions, side);
        (direction.handshake, direction.inner) = (Vec::new(), Vec::new());
    }

    /// A handshake flight that began and is not whole, and since when.
    pub(super) fn unfinished_since(&self, side: Side) -> Option<Moment> {
        let [client, server] = &self.directions;
        let direction = if side == Side::Client { client } else { server };
        direction.since.filter(|_| !direction.handshake.is_empty())
    }
}

/// Remembers an alert, if there are not too many.
fn keep(alerts: &mut Vec<AlertSeen>, from: Side, alert: Alert, moment: Moment) {
    if alerts.len() < MAX_ALERTS {
        alerts.push(AlertSeen { from, alert, frame: moment.frame, time: moment.time });
    }
}

/// Whether a record holds exactly one ClientHello. Behind a ChangeCipherSpec that
/// stands for compatibility only, the second hello comes in the clear; when only the
/// client's side was captured, nothing else tells.
fn is_whole_hello(fragment: &[u8]) -> bool {
    fragment.first() == Some(&1) && tls::handshake_len(fragment) == Some(fragment.len())
}
