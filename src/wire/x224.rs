//! X.224 connection TPDUs (ITU-T X.224 section 13) as [MS-RDPBCGR] 2.2.1.1 and
//! 2.2.1.2 use them.

use super::decode::Fields;
use super::nego::{self, Negotiation};
use super::{DecodeError, tpkt};
use crate::base::limits::MAX_TEXT;

/// TPDU code, the upper half of the second byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TpduCode(pub u8);

impl TpduCode {
    pub const CONNECTION_REQUEST: Self = Self(0xe0);
    pub const CONNECTION_CONFIRM: Self = Self(0xd0);
    pub const DISCONNECT_REQUEST: Self = Self(0x80);
    pub const DATA: Self = Self(0xf0);
}

/// X.224 Connection Request, [MS-RDPBCGR] 2.2.1.1: the first bytes of every RDP
/// connection, in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionRequest {
    /// `Cookie: mstshash=`: the user name or what the client took for it; many
    /// clients cut it to nine characters, some send none.
    pub cookie: Option<String>,
    /// `Cookie: msts=` or a load balancer's own token.
    pub routing_token: Option<String>,
    /// RDP_NEG_REQ; absent in clients that know only standard RDP security.
    pub negotiation: Option<Negotiation>,
    /// RDP_NEG_CORRELATION_INFO's correlationId, when the flag announced one.
    pub correlation_id: Option<[u8; 16]>,
}

/// X.224 Connection Confirm, [MS-RDPBCGR] 2.2.1.2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionConfirm {
    /// RDP_NEG_RSP or RDP_NEG_FAILURE; absent from servers that do not negotiate.
    pub negotiation: Option<Negotiation>,
}

/// One X.224 TPDU of a connection's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tpdu {
    Request(ConnectionRequest),
    Confirm(ConnectionConfirm),
    /// DT, with its payload length: MCS and everything above.
    Data(usize),
    /// Any other code.
    Other(TpduCode),
}

/// Whether these bytes begin a TPKT with an X.224 Connection Request. This is how
/// RDP is told on any port.
pub fn is_connection_request(bytes: &[u8]) -> bool {
    tpkt::looks_like(bytes)
        && matches!(bytes, [_, _, _, _, li, code, ..] if *li >= 6 && code & 0xf0 == TpduCode::CONNECTION_REQUEST.0)
}

/// Reads the TPDU in the payload of one TPKT.
///
/// # Errors
/// When the fixed part is cut. A variable part that cannot be read is left out:
/// what was understood up to there is returned.
pub fn parse(payload: &[u8]) -> Result<Tpdu, DecodeError> {
    let mut fields = Fields::of("X.224", payload);
    let _length_indicator = fields.u8("LI")?;
    let code = TpduCode(fields.u8("code")? & 0xf0);
    match code {
        TpduCode::CONNECTION_REQUEST => {
            fields.bytes(5, "dst-ref, src-ref, class")?;
            Ok(Tpdu::Request(connection_request(fields.rest())))
        }
        TpduCode::CONNECTION_CONFIRM => {
            fields.bytes(5, "dst-ref, src-ref, class")?;
            let negotiation = Negotiation::parse(fields.rest()).ok();
            Ok(Tpdu::Confirm(ConnectionConfirm { negotiation }))
        }
        TpduCode::DATA => Ok(Tpdu::Data(payload.len().saturating_sub(3))),
        other => Ok(Tpdu::Other(other)),
    }
}

fn connection_request(mut rest: &[u8]) -> ConnectionRequest {
    let mut request = ConnectionRequest::default();
    if let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, after) = rest.split_at(end);
        rest = after.get(2..).unwrap_or_default();
        match line.strip_prefix(b"Cookie: mstshash=") {
            Some(cookie) => request.cookie = Some(text(cookie)),
            None => request.routing_token = Some(text(line)),
        }
    }
    request.negotiation = Negotiation::parse(rest).ok();
    if let Some(Negotiation::Request { flags, .. }) = request.negotiation
        && flags.contains(nego::RequestFlags::CORRELATION_INFO_PRESENT)
    {
        request.correlation_id = rest.get(8..).and_then(correlation_id);
    }
    request
}

/// RDP_NEG_CORRELATION_INFO, [MS-RDPBCGR] 2.2.1.1.2: type 6, 36 bytes.
fn correlation_id(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut fields = Fields::of("RDP_NEG_CORRELATION_INFO", bytes);
    let kind = fields.u8("type").ok()?;
    fields.u8("flags").ok()?;
    fields.le_u16("length").ok()?;
    (kind == 6).then(|| fields.bytes(16, "correlationId").ok()?.try_into().ok()).flatten()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..MAX_TEXT).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: &str) {
        let bytes = hex_bytes(hex).unwrap();
        let shown = match parse(&bytes) {
            Ok(tpdu) => format!("{tpdu:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn a_request_without_negotiation_is_read() {
        check(
            "0e e0 00 00 00 00 00",
            "Request(ConnectionRequest { cookie: None, routing_token: None, negotiation: None, correlation_id: None })",
        );
    }

    #[test]
    fn a_cut_confirm_says_what_is_missing() {
        check("0e d0 00", "X.224: need 5 bytes for dst-ref, src-ref, class, have 1");
    }

    #[test]
    fn cookie_and_offer_are_read() {
        let mut bytes = hex_bytes("27 e0 00 00 00 00 00").unwrap();
        bytes.extend_from_slice(b"Cookie: mstshash=eltons\r\n\x01\x00\x08\x00\x0b\x00\x00\x00");
        let Ok(Tpdu::Request(request)) = parse(&bytes) else { panic!("no request") };
        assert_eq!(request.cookie.as_deref(), Some("eltons"));
        let Some(Negotiation::Request { protocols, .. }) = request.negotiation else {
            panic!("no offer")
        };
        assert_eq!(protocols.names(), ["tls", "hybrid", "hybrid_ex"]);
    }

    #[test]
    fn a_routing_token_is_not_a_cookie() {
        let mut bytes = hex_bytes("27 e0 00 00 00 00 00").unwrap();
        bytes.extend_from_slice(b"Cookie: msts=3640205228.15629.0000\r\n");
        let Ok(Tpdu::Request(request)) = parse(&bytes) else { panic!("no request") };
        assert_eq!(request.cookie, None);
        assert_eq!(request.routing_token.as_deref(), Some("Cookie: msts=3640205228.15629.0000"));
    }
}
