//! The TLS layer of a connection.

use super::{At, Side};
use crate::base::{FrameNumber, HostTime};
use crate::wire::certificate::Certificate;
use crate::wire::tls::{Alert, ClientHello, ContentType, ServerHello};

/// A TLS alert in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSeen {
    pub from: Side,
    pub alert: Alert,
    pub frame: FrameNumber,
    pub time: HostTime,
}

/// One record whose content is encrypted or of no interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsRecordSeen {
    pub content_type: ContentType,
    /// Fragment bytes.
    pub length: usize,
    pub frame: FrameNumber,
    pub time: HostTime,
}

/// The TLS layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsTrace {
    pub client_hello: Option<At<ClientHello>>,
    pub hello_retry: Option<At<ServerHello>>,
    /// The second ClientHello, which answers a HelloRetryRequest.
    pub second_client_hello: Option<At<ClientHello>>,
    pub server_hello: Option<At<ServerHello>>,
    /// The server's chain, leaf first; not visible in TLS 1.3.
    pub certificates: Option<At<Vec<Certificate>>>,
    /// Certificates of that flight that could not be read.
    pub unreadable_certificates: usize,
    /// First frame of a client or server flight that was never seen whole.
    pub cut_flights: [Option<At<()>>; 2],
    /// CertificateStatus: the server stapled an OCSP response, RFC 6066 8.
    pub ocsp_staple: Option<At<()>>,
    pub server_hello_done: Option<At<()>>,
    pub client_key_exchange: Option<At<()>>,
    /// ChangeCipherSpec of client and server.
    pub change_cipher_spec: [Option<At<()>>; 2],
    pub alerts: Vec<AlertSeen>,
    /// Alerts inside encrypted records that could be opened.
    pub inner_alerts: Vec<AlertSeen>,
    /// Alert records whose content is encrypted, of client and server.
    pub encrypted_alerts: [Option<At<()>>; 2],
    /// The first application data records of client and server.
    pub application_data: [Vec<TlsRecordSeen>; 2],
    /// All of them, and their bytes.
    pub application_records: [u64; 2],
    pub application_bytes: [u64; 2],
}

impl TlsTrace {
    /// The certificate that the server showed.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.certificates.as_ref()?.value.first()
    }
}
