//! RDP behind X.224: MCS, licensing, and the session's own last words.
//!
//! [MS-RDPBCGR] 1.3.1.1 is the order. Nothing is kept of the session itself.

use super::{Moment, slot};
use crate::base::limits::MAX_LICENSING;
use crate::observe::{RdpTrace, Side};
use crate::wire::certificate::Certificate;
use crate::wire::gcc::{GccServer, ServerCertificate};
use crate::wire::mcs::{self, Mcs};
use crate::wire::security::{self, Secured};
use crate::wire::share::{self, Data, SessionInfo, Share};

/// MCSChannelId of the I/O channel where the server's answer was not seen,
/// [MS-RDPBCGR] 2.2.1.4.4.
const USUAL_IO_CHANNEL: u16 = 1003;

/// PDUTYPE2_SAVE_SESSION_INFO: compressed it cannot be read, but it is sent to those
/// who are logged on.
const SAVE_SESSION_INFO: u8 = 0x26;

/// Units that are always read; later ones only while they are short, because what
/// ends a session is.
const FIRST_UNITS: u32 = 128;
const SHORT_UNIT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Rdp {
    pub(super) trace: RdpTrace,
    /// TLS is around it: only some payloads have a security header.
    pub(super) enhanced: bool,
    units: [u32; 2],
    io_channel: Option<u16>,
    message_channel: Option<u16>,
    /// Standard RDP security encrypts: every payload has a security header.
    encrypts: bool,
}

impl Rdp {
    /// Whether a TPKT of this length is worth being waited for.
    pub(super) fn wants(&self, side: Side, length: usize) -> bool {
        let [client, server] = self.units;
        let units = if side == Side::Client { client } else { server };
        units < FIRST_UNITS || length <= SHORT_UNIT
    }

    /// Takes the payload of one X.224 data TPDU, header included.
    pub(super) fn unit(&mut self, side: Side, tpdu: &[u8], moment: Moment) {
        *slot(&mut self.units, side) += 1;
        let Some(payload) = tpdu.get(mcs::X224_DATA_HEADER_LEN..) else { return };
        let Ok(pdu) = mcs::parse(payload) else { return };
        let trace = &mut self.trace;
        match (side, pdu) {
            (Side::Client, Mcs::ConnectInitial(client)) => {
                trace.client.get_or_insert(moment.at(client));
            }
            (Side::Server, Mcs::ConnectResponse { result, gcc }) => {
                if result != 0 {
                    trace.connect_refused.get_or_insert(moment.at(result));
                }
                self.answered(gcc, moment);
            }
            (
                Side::Server,
                Mcs::AttachUserConfirm { result, .. } | Mcs::ChannelJoinConfirm { result, .. },
            ) if result != 0 => {
                trace.attach_refused.get_or_insert(moment.at(result));
            }
            (_, Mcs::DisconnectProviderUltimatum(reason)) => {
                trace.disconnect.get_or_insert((side, moment.at(reason)));
            }
            (Side::Client, Mcs::SendDataRequest { channel, data, .. })
            | (Side::Server, Mcs::SendDataIndication { channel, data, .. }) => {
                self.data(side, channel, data, moment);
            }
            _ => {}
        }
    }

    fn answered(&mut self, gcc: GccServer, moment: Moment) {
        self.io_channel = gcc.io_channel;
        self.message_channel = gcc.message_channel;
        let security = gcc.security.as_ref();
        self.encrypts = security.is_some_and(|security| security.encryption_method != 0);
        if let Some(ServerCertificate::X509 { chain, .. }) =
            security.and_then(|security| security.certificate.as_ref())
        {
            // The chain comes root first; certificates are told leaf first.
            let chain = chain.iter().rev().filter_map(|der| Certificate::parse(der)).collect();
            self.trace.certificates.get_or_insert(moment.at(chain));
        }
        self.trace.server.get_or_insert(moment.at(gcc));
    }

    fn data(&mut self, side: Side, channel: u16, data: &[u8], moment: Moment) {
        let io = channel == self.io_channel.unwrap_or(USUAL_IO_CHANNEL);
        let message = self.message_channel == Some(channel);
        // On a virtual channel any bytes would pass for a header.
        if !self.encrypts && !io && !message {
            return;
        }
        if !self.encrypts && io && share::looks_like(data) {
            if let Ok(pdu) = share::parse(data) {
                self.share(pdu, moment);
            }
        } else if let Ok(pdu) = security::parse(data) {
            self.secured(side, pdu, moment);
        }
    }

    fn secured(&mut self, side: Side, pdu: Secured, moment: Moment) {
        let trace = &mut self.trace;
        match (side, pdu) {
            (Side::Client, Secured::Exchange { .. }) if !self.enhanced => {
                trace.security_exchange.get_or_insert(moment.at(()));
            }
            (Side::Client, Secured::Info(info)) => {
                trace.info.get_or_insert(moment.at(info));
            }
            (_, Secured::License(license)) => {
                if trace.licensing.len() == MAX_LICENSING {
                    trace.licensing.remove(0);
                }
                trace.licensing.push((side, moment.at(license)));
            }
            (Side::Server, Secured::Redirect(redirection)) => {
                trace.redirection.get_or_insert(moment.at(redirection));
            }
            (Side::Client, Secured::TransportResponse { hr_response, .. }) if hr_response != 0 => {
                trace.multitransport_refused.get_or_insert(moment.at(hr_response));
            }
            _ => {}
        }
    }

    fn share(&mut self, pdu: Share, moment: Moment) {
        let trace = &mut self.trace;
        match pdu {
            Share::DemandActive | Share::Data(Data::FontMap) => {
                trace.active.get_or_insert(moment.at(()));
            }
            Share::Redirect(Some(redirection)) => {
                trace.redirection.get_or_insert(moment.at(redirection));
            }
            Share::Data(Data::SetErrorInfo(code)) if code != 0 => {
                trace.error_info = Some(moment.at(code));
            }
            Share::Data(Data::Compressed(SAVE_SESSION_INFO)) => {
                trace.logged_on.get_or_insert(moment.at(()));
            }
            Share::Data(Data::SaveSessionInfo(info)) => match info {
                SessionInfo::Logon | SessionInfo::PlainNotify => {
                    trace.logged_on.get_or_insert(moment.at(()));
                }
                SessionInfo::Extended { logon_error: Some(error), .. } => {
                    trace.logon_error = Some(moment.at(error));
                }
                _ => {}
            },
            _ => {}
        }
    }
}
