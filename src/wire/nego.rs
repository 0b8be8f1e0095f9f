//! RDP security negotiation, [MS-RDPBCGR] 2.2.1.1.1, 2.2.1.2.1 and 2.2.1.2.2.

use super::DecodeError;
use super::decode::Fields;
use std::borrow::Cow;

bitflags::bitflags! {
    /// `requestedProtocols` and `selectedProtocol`. Bits that the specification
    /// does not name are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Protocols: u32 {
        /// PROTOCOL_SSL
        const TLS = 0x0000_0001;
        /// PROTOCOL_HYBRID: CredSSP (network level authentication)
        const HYBRID = 0x0000_0002;
        /// PROTOCOL_RDSTLS
        const RDSTLS = 0x0000_0004;
        /// PROTOCOL_HYBRID_EX: CredSSP with early user authorization
        const HYBRID_EX = 0x0000_0008;
        /// PROTOCOL_RDSAAD: Microsoft Entra ID
        const RDSAAD = 0x0000_0010;
        const _ = !0;
    }

    /// `flags` of RDP_NEG_REQ.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RequestFlags: u8 {
        const RESTRICTED_ADMIN_MODE_REQUIRED = 0x01;
        const REDIRECTED_AUTHENTICATION_MODE_REQUIRED = 0x02;
        const CORRELATION_INFO_PRESENT = 0x08;
        const _ = !0;
    }

    /// `flags` of RDP_NEG_RSP.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ResponseFlags: u8 {
        const EXTENDED_CLIENT_DATA_SUPPORTED = 0x01;
        const DYNVC_GFX_PROTOCOL_SUPPORTED = 0x02;
        const NEGRSP_FLAG_RESERVED = 0x04;
        const RESTRICTED_ADMIN_MODE_SUPPORTED = 0x08;
        const REDIRECTED_AUTHENTICATION_MODE_SUPPORTED = 0x10;
        const _ = !0;
    }
}

/// The names of the set bits in lower case; unknown bits in hex.
pub fn flag_names<F: bitflags::Flags<Bits = u8> + Copy>(flags: F) -> Vec<String> {
    let mut names: Vec<String> =
        flags.iter_names().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let named = F::FLAGS.iter().filter(|flag| flag.is_named());
    let known = named.fold(0, |bits, flag| bits | flag.value().bits());
    let unknown = flags.bits() & !known;
    if unknown != 0 {
        names.push(format!("0x{unknown:x}"));
    }
    names
}

impl Protocols {
    /// The names that the report uses, strongest last; `rdp` stands for no bit at
    /// all (standard RDP security) and unknown bits are shown in hex.
    pub fn names(self) -> Vec<Cow<'static, str>> {
        const NAMES: [(Protocols, &str); 5] = [
            (Protocols::TLS, "tls"),
            (Protocols::HYBRID, "hybrid"),
            (Protocols::RDSTLS, "rdstls"),
            (Protocols::HYBRID_EX, "hybrid_ex"),
            (Protocols::RDSAAD, "rdsaad"),
        ];
        if self.is_empty() {
            return vec![Cow::Borrowed("rdp")];
        }
        let mut known = Self::empty();
        let mut names = Vec::new();
        for (bit, name) in NAMES {
            known |= bit;
            if self.contains(bit) {
                names.push(Cow::Borrowed(name));
            }
        }
        let unknown = self.bits() & !known.bits();
        if unknown != 0 {
            names.push(Cow::Owned(format!("0x{unknown:x}")));
        }
        names
    }

    /// Whether network level authentication (CredSSP) is among them.
    pub fn has_credssp(self) -> bool {
        self.intersects(Self::HYBRID | Self::HYBRID_EX)
    }
}

/// `failureCode` of RDP_NEG_FAILURE, [MS-RDPBCGR] 2.2.1.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCode(pub u32);

impl FailureCode {
    pub const SSL_REQUIRED_BY_SERVER: Self = Self(1);
    pub const SSL_NOT_ALLOWED_BY_SERVER: Self = Self(2);
    pub const SSL_CERT_NOT_ON_SERVER: Self = Self(3);
    pub const INCONSISTENT_FLAGS: Self = Self(4);
    pub const HYBRID_REQUIRED_BY_SERVER: Self = Self(5);
    pub const SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER: Self = Self(6);

    /// The specification's name; unknown codes in hex.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::SSL_REQUIRED_BY_SERVER => "SSL_REQUIRED_BY_SERVER",
            Self::SSL_NOT_ALLOWED_BY_SERVER => "SSL_NOT_ALLOWED_BY_SERVER",
            Self::SSL_CERT_NOT_ON_SERVER => "SSL_CERT_NOT_ON_SERVER",
            Self::INCONSISTENT_FLAGS => "INCONSISTENT_FLAGS",
            Self::HYBRID_REQUIRED_BY_SERVER => "HYBRID_REQUIRED_BY_SERVER",
            Self::SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
            Self(code) => return Cow::Owned(format!("0x{code:x}")),
        })
    }
}

/// One negotiation structure at the end of a connection TPDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation {
    /// RDP_NEG_REQ, type 1.
    Request { flags: RequestFlags, protocols: Protocols },
    /// RDP_NEG_RSP, type 2. `flags` are the server's, kept raw.
    Response { flags: u8, selected: Protocols },
    /// RDP_NEG_FAILURE, type 3: the server refuses every offered protocol. In the
    /// clear, so a capture shows it even when all later traffic is encrypted.
    Failure(FailureCode),
}

impl Negotiation {
    /// Reads one structure: type, flags, length (8), value.
    ///
    /// # Errors
    /// When it is cut or of a type that is none of the three.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::of("RDP_NEG", bytes);
        let kind = fields.u8("type")?;
        let flags = fields.u8("flags")?;
        let _length = fields.le_u16("length")?;
        let value = fields.le_u32(match kind {
            1 => "requestedProtocols",
            2 => "selectedProtocol",
            _ => "failureCode",
        })?;
        match kind {
            1 => Ok(Self::Request {
                flags: RequestFlags::from_bits_retain(flags),
                protocols: Protocols::from_bits_retain(value),
            }),
            2 => Ok(Self::Response { flags, selected: Protocols::from_bits_retain(value) }),
            3 => Ok(Self::Failure(FailureCode(value))),
            other => Err(DecodeError::Unexpected {
                pdu: "RDP_NEG",
                field: "type",
                found: other.to_string(),
                expected: "1, 2 or 3",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: &str) {
        let shown = match Negotiation::parse(&hex_bytes(hex).unwrap()) {
            Ok(Negotiation::Failure(code)) => format!("RDP_NEG_FAILURE {}", code.name()),
            Ok(Negotiation::Response { selected, .. }) => {
                format!("RDP_NEG_RSP {}", selected.names().join("+"))
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn negotiation_failures_keep_unknown_codes() {
        check("03 00 08 00 05 00 00 00", "RDP_NEG_FAILURE HYBRID_REQUIRED_BY_SERVER");
        check("03 00 08 00 63 00 00 00", "RDP_NEG_FAILURE 0x63");
        check("03 00 08 00 05 00", "RDP_NEG: need 4 bytes for failureCode, have 2");
    }

    #[test]
    fn selected_protocols_keep_unknown_bits() {
        check("02 1f 08 00 00 00 00 00", "RDP_NEG_RSP rdp");
        check("02 1f 08 00 02 00 00 80", "RDP_NEG_RSP hybrid+0x80000000");
    }
}
