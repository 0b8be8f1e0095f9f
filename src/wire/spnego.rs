//! Which authentication is spoken: SPNEGO (RFC 4178, [MS-SPNG]), or a bare NTLM or
//! Kerberos token, as they stand in CredSSP and in HTTP Negotiate headers.

use super::DecodeError;
use super::ber::{self, tag};
use super::decode::Fields;
use std::fmt::Write as _;

/// Object identifiers that a client may list; more are left out.
const MAX_MECHANISMS: usize = 16;

/// SPNEGO itself, 1.3.6.1.5.5.2.
const SPNEGO: &[u8] = &[0x2b, 6, 1, 5, 5, 2];

/// One security token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'a> {
    /// NegTokenInit, RFC 4178 4.2.1.
    Init {
        /// What the client offers, best first.
        mechanisms: Vec<Mechanism>,
        /// The first try with the best one.
        token: Option<&'a [u8]>,
    },
    /// NegTokenResp, RFC 4178 4.2.2.
    Response { state: Option<NegState>, mechanism: Option<Mechanism>, token: Option<&'a [u8]> },
    /// For [`ntlm::parse`](super::ntlm::parse).
    Ntlm(&'a [u8]),
    /// A token of Kerberos in its GSS wrapping, RFC 4121 4.1.
    Kerberos {
        id: KerberosToken,
        /// For [`kerberos::parse`](super::kerberos::parse), except with the tokens of
        /// user-to-user, which are no messages of their own.
        body: &'a [u8],
    },
    /// [MS-NEGOEX]
    NegoEx,
    /// Another mechanism in a GSS wrapping.
    Other(Mechanism),
}

/// An object identifier in dotted form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanism(pub String);

/// `negState`, RFC 4178 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegState(pub u32);

/// TOK_ID, RFC 4121 4.1 and draft-swift-win2k-krb-user2user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KerberosToken(pub u16);

impl Mechanism {
    fn of(oid: &[u8]) -> Self {
        Self(dotted(oid))
    }

    /// A name for people; unknown ones in dotted form.
    pub fn name(&self) -> &str {
        match self.0.as_str() {
            "1.3.6.1.4.1.311.2.2.10" => "NTLM",
            "1.2.840.113554.1.2.2" => "Kerberos",
            "1.2.840.48018.1.2.2" => "MS-Kerberos",
            "1.2.840.113554.1.2.2.3" => "Kerberos user-to-user",
            "1.3.6.1.4.1.311.2.2.30" => "NegoEx",
            "1.3.6.1.5.2.7" => "PKU2U",
            "1.3.6.1.5.5.2" => "SPNEGO",
            other => other,
        }
    }
}

impl NegState {
    pub const ACCEPT_COMPLETED: Self = Self(0);
    pub const ACCEPT_INCOMPLETE: Self = Self(1);
    pub const REJECT: Self = Self(2);
    pub const REQUEST_MIC: Self = Self(3);
}

impl KerberosToken {
    pub const AP_REQ: Self = Self(0x0100);
    pub const AP_REP: Self = Self(0x0200);
    pub const KRB_ERROR: Self = Self(0x0300);
    pub const TGT_REQ: Self = Self(0x0400);
    pub const TGT_REP: Self = Self(0x0401);
}

/// Tells a token by its first bytes and takes it apart by one layer.
///
/// # Errors
/// When it is none that is known.
pub fn parse(bytes: &[u8]) -> Result<Token<'_>, DecodeError> {
    if bytes.starts_with(b"NTLMSSP\0") {
        return Ok(Token::Ntlm(bytes));
    }
    if bytes.starts_with(b"NEGOEXTS") {
        return Ok(Token::NegoEx);
    }
    let mut fields = Fields::of("SPNEGO", bytes);
    let outer = ber::element(&mut fields, "token")?;
    match outer.tag {
        0x60 => wrapped(outer.value),
        0xa0 => Ok(init(outer.value)),
        0xa1 => Ok(response(outer.value)),
        other => Err(fields.unexpected("token", format!("tag 0x{other:x}"), "a security token")),
    }
}

/// The token inside all layers of SPNEGO; `None` where there is none.
pub fn innermost(bytes: &[u8]) -> Option<Token<'_>> {
    let mut token = parse(bytes).ok()?;
    // An honest token has one layer; the bound ends a malicious one.
    for _ in 0..4 {
        match token {
            Token::Init { token: Some(inner), .. } | Token::Response { token: Some(inner), .. } => {
                token = parse(inner).ok()?;
            }
            Token::Init { .. } | Token::Response { .. } => return None,
            found => return Some(found),
        }
    }
    None
}

/// InitialContextToken, RFC 2743 3.1: an identifier, then the mechanism's own bytes.
fn wrapped(contents: &[u8]) -> Result<Token<'_>, DecodeError> {
    let mut fields = Fields::of("GSS token", contents);
    let oid = ber::expect(&mut fields, tag::OID, "thisMech")?;
    if oid == SPNEGO {
        return parse_inner(fields.rest());
    }
    let mechanism = Mechanism::of(oid);
    if mechanism.name().contains("Kerberos") {
        let id = KerberosToken(fields.be_u16("TOK_ID")?);
        return Ok(Token::Kerberos { id, body: fields.rest() });
    }
    Ok(Token::Other(mechanism))
}

fn parse_inner(bytes: &[u8]) -> Result<Token<'_>, DecodeError> {
    let mut fields = Fields::of("SPNEGO", bytes);
    let inner = ber::element(&mut fields, "negotiation token")?;
    Ok(if inner.tag == tag::context(1) { response(inner.value) } else { init(inner.value) })
}

fn init(contents: &[u8]) -> Token<'_> {
    let fields = ber::find(contents, tag::SEQUENCE).unwrap_or_default();
    let list = ber::find_in(fields, tag::context(0), tag::SEQUENCE).unwrap_or_default();
    let mechanisms = ber::elements(list)
        .filter(|element| element.tag == tag::OID)
        .take(MAX_MECHANISMS)
        .map(|element| Mechanism::of(element.value))
        .collect();
    let token = ber::find_in(fields, tag::context(2), tag::OCTET_STRING);
    Token::Init { mechanisms, token }
}

fn response(contents: &[u8]) -> Token<'_> {
    let fields = ber::find(contents, tag::SEQUENCE).unwrap_or_default();
    Token::Response {
        state: ber::find_in(fields, tag::context(0), tag::ENUMERATED)
            .and_then(ber::u32_of)
            .map(NegState),
        mechanism: ber::find_in(fields, tag::context(1), tag::OID).map(Mechanism::of),
        token: ber::find_in(fields, tag::context(2), tag::OCTET_STRING),
    }
}

/// X.690 8.19: base 128, the first number holds two arcs.
fn dotted(oid: &[u8]) -> String {
    /// Longer identifiers are shown cut; real ones have a dozen octets.
    const MAX_OCTETS: usize = 32;
    let mut text = String::new();
    let mut arc: u64 = 0;
    for byte in oid.iter().take(MAX_OCTETS) {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            // Writing to a String cannot fail.
            let _ = if text.is_empty() {
                let first = (arc / 40).min(2);
                write!(text, "{first}.{}", arc - 40 * first)
            } else {
                write!(text, ".{arc}")
            };
            arc = 0;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    /// mstsc's first token to a domain member: four mechanisms and a user-to-user
    /// request for TERMSRV.
    const INIT: &str = "60819506062b0601050502a0818a308187a030302e06092a864882f71201020206092a8648\
        86f712010202060a2b06010401823702021e060a2b06010401823702020aa2530451604f060a2a864886f712010\
        202030400303fa003020105a103020110a2333031a003020102a12a30281b075445524d5352561b1d49542d4845\
        4c502d544553542e61642e69742d68656c702e6e696e6a61";

    #[test]
    fn the_clients_offer_is_read() {
        let bytes = hex_bytes(INIT).unwrap();
        let Ok(Token::Init { mechanisms, token: Some(token) }) = parse(&bytes) else { panic!() };
        let names: Vec<&str> = mechanisms.iter().map(Mechanism::name).collect();
        assert_eq!(names, ["MS-Kerberos", "Kerberos", "NegoEx", "NTLM"]);
        assert_eq!(token.len(), 81);
        let Some(Token::Kerberos { id, body }) = innermost(&bytes) else { panic!() };
        assert_eq!(id, KerberosToken::TGT_REQ);
        assert_eq!(body[0], 0x30);
    }

    #[test]
    fn the_servers_choice_is_read() {
        let bytes = hex_bytes("a1143012a0030a0101a10b06092a864882f712010202").unwrap();
        let expect = Token::Response {
            state: Some(NegState::ACCEPT_INCOMPLETE),
            mechanism: Some(Mechanism("1.2.840.48018.1.2.2".into())),
            token: None,
        };
        assert_eq!(parse(&bytes), Ok(expect));
        let reject = hex_bytes("a1073005a0030a0102").unwrap();
        let Ok(Token::Response { state, .. }) = parse(&reject) else { panic!() };
        assert_eq!(state, Some(NegState::REJECT));
    }

    #[test]
    fn bare_tokens_are_told_by_their_first_bytes() {
        assert_eq!(innermost(b"NTLMSSP\0\x01"), Some(Token::Ntlm(b"NTLMSSP\0\x01")));
        assert_eq!(parse(b"NEGOEXTS"), Ok(Token::NegoEx));
        assert!(parse(b"hello").is_err());
    }

    #[test]
    fn unknown_mechanisms_keep_their_number() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]), "1.2.840.113549");
        assert_eq!(dotted(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(Mechanism("1.2.3".into()).name(), "1.2.3");
    }

    #[test]
    fn tokens_may_be_cut_anywhere() {
        let bytes = hex_bytes(INIT).unwrap();
        for end in 0..bytes.len() {
            let _ = (parse(&bytes[..end]), innermost(&bytes[..end]));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            head in proptest::sample::select(vec![0x60u8, 0xa0, 0xa1]),
            mut bytes in proptest::collection::vec(0u8.., 0..96),
        ) {
            let _ = (parse(&bytes), dotted(&bytes));
            bytes.splice(..0, [head, 0x50, 0x30, 0x40]);
            let _ = (parse(&bytes), innermost(&bytes));
        }
    }
}
