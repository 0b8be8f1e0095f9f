//! Who is calling? A server port that is scanned, a proxy in front of it, or another
//! service behind the port: told by the first bytes of a stream, in either direction.

use super::{tls, x224};

/// What the first bytes of a stream speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// TPKT with an X.224 Connection Request or Confirm.
    Rdp,
    Http,
    Ssh,
    /// A TLS record at once: the client skips RDP's negotiation, as scanners and
    /// load balancers do.
    TlsWithoutNegotiation,
    /// SMB 1 to 3 on NetBIOS framing.
    Smb,
    /// RFB, RFC 6143 7.1.1.
    Vnc,
    Socks4,
    /// RFC 1928 3.
    Socks5,
    Smtp,
    /// SSLRequest of PostgreSQL.
    PostgreSql,
    /// TDS prelogin, [MS-TDS] 2.2.6.5.
    SqlServer,
    /// HAProxy's header in text.
    ProxyV1,
    /// HAProxy's header in binary.
    ProxyV2,
    Unknown,
}

impl Caller {
    /// A name for the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rdp => "RDP",
            Self::Http => "HTTP",
            Self::Ssh => "SSH",
            Self::TlsWithoutNegotiation => "TLS without RDP negotiation",
            Self::Smb => "SMB",
            Self::Vnc => "VNC",
            Self::Socks4 => "SOCKS 4",
            Self::Socks5 => "SOCKS 5",
            Self::Smtp => "SMTP",
            Self::PostgreSql => "PostgreSQL",
            Self::SqlServer => "SQL Server",
            Self::ProxyV1 => "PROXY protocol 1",
            Self::ProxyV2 => "PROXY protocol 2",
            Self::Unknown => "unknown",
        }
    }
}

/// First bytes that are enough to tell.
const PREFIXES: [(&[u8], Caller); 21] = [
    (b"GET ", Caller::Http),
    (b"POST ", Caller::Http),
    (b"HEAD ", Caller::Http),
    (b"PUT ", Caller::Http),
    (b"DELETE ", Caller::Http),
    (b"OPTIONS ", Caller::Http),
    (b"CONNECT ", Caller::Http),
    (b"TRACE ", Caller::Http),
    (b"PATCH ", Caller::Http),
    (b"PRI * HTTP/2", Caller::Http),
    (b"RDG_OUT_DATA ", Caller::Http),
    (b"RDG_IN_DATA ", Caller::Http),
    (b"RPC_OUT_DATA ", Caller::Http),
    (b"HTTP/1.", Caller::Http),
    (b"SSH-", Caller::Ssh),
    (b"RFB ", Caller::Vnc),
    (b"EHLO ", Caller::Smtp),
    (b"HELO ", Caller::Smtp),
    (b"PROXY ", Caller::ProxyV1),
    (b"\r\n\r\n\0\r\nQUIT\n", Caller::ProxyV2),
    (b"\0\0\0\x08\x04\xd2\x16\x2f", Caller::PostgreSql),
];

/// Names what the first bytes of a stream speak.
pub fn caller(first_bytes: &[u8]) -> Caller {
    if let Some((_, found)) = PREFIXES.iter().find(|(prefix, _)| first_bytes.starts_with(prefix)) {
        return *found;
    }
    if is_rdp(first_bytes) {
        return Caller::Rdp;
    }
    if tls::RecordHeader::parse(first_bytes)
        .is_ok_and(|record| record.content_type == tls::ContentType::HANDSHAKE)
    {
        return Caller::TlsWithoutNegotiation;
    }
    binary(first_bytes)
}

fn is_rdp(bytes: &[u8]) -> bool {
    x224::is_connection_request(bytes) || matches!(bytes, [3, 0, _, _, li, 0xd0, ..] if *li >= 6)
}

fn binary(bytes: &[u8]) -> Caller {
    match bytes {
        [0, _, _, _, 0xfc..=0xff, b'S', b'M', b'B', ..] => Caller::Smb,
        // Status 1 (last packet), a length, then SPID, packet id and window of zero or one.
        [0x12, 1, _, _, 0, 0, 0 | 1, 0, ..] => Caller::SqlServer,
        // 220 is what SMTP and FTP servers greet with; only SMTP says so.
        [b'2', b'2', b'0', b' ' | b'-', rest @ ..] if says_smtp(rest) => Caller::Smtp,
        [4, 1 | 2, _, _, _, _, _, _, ..] => Caller::Socks4,
        // As many methods as announced, and no more.
        [5, count, methods @ ..] if *count > 0 && methods.len() == usize::from(*count) => {
            Caller::Socks5
        }
        _ => Caller::Unknown,
    }
}

fn says_smtp(greeting: &[u8]) -> bool {
    greeting.windows(4).take(512).any(|word| word.eq_ignore_ascii_case(b"SMTP"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(first_bytes: &[u8], expect: Caller) {
        assert_eq!(caller(first_bytes), expect, "{first_bytes:x?}");
        for end in 0..first_bytes.len() {
            let _ = caller(&first_bytes[..end]);
        }
    }

    #[track_caller]
    fn check_hex(hex: &str, expect: Caller) {
        check(&hex_bytes(hex).unwrap(), expect);
    }

    #[test]
    fn rdp_is_told_in_both_directions() {
        check_hex("030000130ee000000000000100080003000000", Caller::Rdp);
        check_hex("030000130ed000001234000209080002000000", Caller::Rdp);
    }

    #[test]
    fn callers_with_words_are_told() {
        check(b"GET / HTTP/1.1\r\n", Caller::Http);
        check(b"HTTP/1.0 400 Bad Request", Caller::Http);
        check(b"CONNECT host:3389 HTTP/1.1", Caller::Http);
        check(b"SSH-2.0-OpenSSH_9.6\r\n", Caller::Ssh);
        check(b"RFB 003.008\n", Caller::Vnc);
        check(b"EHLO scanner\r\n", Caller::Smtp);
        check(b"220 mail.example ESMTP Postfix\r\n", Caller::Smtp);
        check(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 3389\r\n", Caller::ProxyV1);
    }

    #[test]
    fn callers_with_numbers_are_told() {
        check_hex("160301020001000001fc0303", Caller::TlsWithoutNegotiation);
        check_hex("00000085ff534d4272000000", Caller::Smb);
        check_hex("000000f8fe534d4240000000", Caller::Smb);
        check_hex("0401 0d3d 0a000005 00", Caller::Socks4);
        check_hex("050100", Caller::Socks5);
        check_hex("0000000804d2162f", Caller::PostgreSql);
        check_hex("1201002f0000010000001a0006", Caller::SqlServer);
        check_hex("0d0a0d0a000d0a515549540a2111000c", Caller::ProxyV2);
    }

    #[test]
    fn what_is_not_told_stays_unknown() {
        check(b"", Caller::Unknown);
        check(b"220 ftp.example ready", Caller::Unknown);
        check(&[0; 64], Caller::Unknown);
        check(b"\x05\x03\x00", Caller::Unknown);
        check(b"GETAWAY", Caller::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0u8.., 0..64)) {
            let _ = caller(&bytes).name();
        }
    }
}
