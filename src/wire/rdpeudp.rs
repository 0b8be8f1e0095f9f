//! RDP over UDP, the transport beside the TCP connection: [MS-RDPEUDP] 2.2. All
//! numbers of this protocol are big-endian.

use super::DecodeError;
use super::decode::Fields;

bitflags::bitflags! {
    /// `uFlags` of RDPUDP_FEC_HEADER, 2.2.2.1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct UdpFlags: u16 {
        const SYN = 0x0001;
        const FIN = 0x0002;
        const ACK = 0x0004;
        const DATA = 0x0008;
        const FEC = 0x0010;
        const CN = 0x0020;
        const CWR = 0x0040;
        const SACK_OPTION = 0x0080;
        const ACK_OF_ACKS = 0x0100;
        /// Asks for the transport that tolerates loss.
        const SYNLOSSY = 0x0200;
        const ACKDELAYED = 0x0400;
        const CORRELATION_ID = 0x0800;
        const SYNEX = 0x1000;
        const _ = !0;
    }
}

/// One datagram of version 1 or 2. Once both sides agreed on version 3 ([MS-RDPEUDP2])
/// datagrams look different and must not be read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// `snSourceAck`; all ones in the client's first.
    pub source_ack: u32,
    /// `uReceiveWindowSize` in datagrams.
    pub receive_window: u16,
    pub flags: UdpFlags,
    /// In datagrams with [`UdpFlags::SYN`].
    pub syn: Option<Syn>,
    /// Bytes of the secured stream, TLS (reliable) or DTLS (lossy).
    pub data: Option<&'a [u8]>,
}

/// What opens the transport, 2.2.2.5 to 2.2.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syn {
    pub initial_sequence: u32,
    /// Bytes of the largest datagram that the sender sends; 1132 to 1232.
    pub upstream_mtu: u16,
    /// Bytes of the largest datagram that the sender takes.
    pub downstream_mtu: u16,
    /// `uCorrelationId`: the same as in the Connection Request on TCP.
    pub correlation_id: Option<[u8; 16]>,
    pub synex: Option<SynEx>,
}

/// RDPUDP_SYNDATAEX_PAYLOAD, 2.2.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SynEx {
    /// 0x1: the version is valid.
    pub flags: u16,
    pub version: UdpVersion,
    /// `cookieHash`, SHA-256 of the cookie that TCP handed over, is there.
    pub has_cookie_hash: bool,
}

/// `uUdpVer`: the highest version that the sender knows, or the one chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UdpVersion(pub u16);

impl UdpVersion {
    pub const VERSION_1: Self = Self(0x0001);
    pub const VERSION_2: Self = Self(0x0002);
    pub const VERSION_3: Self = Self(0x0101);
}

/// Whether these bytes open the transport: how it is told on any port. A client's
/// first datagram acknowledges all ones; MTUs are within what the protocol allows.
pub fn is_syn(datagram: &[u8]) -> bool {
    let Ok(parsed) = parse(datagram) else { return false };
    let asks = parsed.source_ack == u32::MAX && !parsed.flags.contains(UdpFlags::ACK);
    let answers = parsed.flags.contains(UdpFlags::ACK);
    let mtu = |bytes: u16| (1132..=1232).contains(&bytes);
    (asks || answers) && parsed.syn.is_some_and(|s| mtu(s.upstream_mtu) && mtu(s.downstream_mtu))
}

/// Reads one datagram of the UDP transport.
///
/// # Errors
/// When the header, or the fixed part behind a SYN, is cut.
pub fn parse(datagram: &[u8]) -> Result<Datagram<'_>, DecodeError> {
    let mut fields = Fields::of("RDPUDP", datagram);
    let source_ack = fields.be_u32("snSourceAck")?;
    let receive_window = fields.be_u16("uReceiveWindowSize")?;
    let flags = UdpFlags::from_bits_retain(fields.be_u16("uFlags")?);
    let mut parsed = Datagram { source_ack, receive_window, flags, syn: None, data: None };
    if flags.contains(UdpFlags::SYN) {
        parsed.syn = Some(syn(flags, &mut fields)?);
    } else if flags.contains(UdpFlags::DATA) && !flags.contains(UdpFlags::FEC) {
        parsed.data = data(flags, &mut fields).ok();
    }
    Ok(parsed)
}

fn syn(flags: UdpFlags, fields: &mut Fields<'_>) -> Result<Syn, DecodeError> {
    let mut syn = Syn {
        initial_sequence: fields.be_u32("snInitialSequenceNumber")?,
        upstream_mtu: fields.be_u16("uUpStreamMtu")?,
        downstream_mtu: fields.be_u16("uDownStreamMtu")?,
        correlation_id: None,
        synex: None,
    };
    if flags.contains(UdpFlags::CORRELATION_ID) {
        let id = fields.bytes(16, "uCorrelationId").ok();
        syn.correlation_id = id.and_then(|id| id.try_into().ok());
        fields.bytes_or_rest(16);
    }
    if flags.contains(UdpFlags::SYNEX) {
        syn.synex = synex(fields).ok();
    }
    Ok(syn)
}

fn synex(fields: &mut Fields<'_>) -> Result<SynEx, DecodeError> {
    let flags = fields.be_u16("uSynExFlags")?;
    let version = UdpVersion(fields.be_u16("uUdpVer")?);
    // Only a client of version 3 has it; a SYN's padding is zero.
    let hash = fields.bytes(32, "cookieHash").unwrap_or_default();
    let has_cookie_hash = version == UdpVersion::VERSION_3 && hash.iter().any(|byte| *byte != 0);
    Ok(SynEx { flags, version, has_cookie_hash })
}

/// The stream's bytes behind RDPUDP_ACK_VECTOR_HEADER (2.2.2.7, padded to four bytes),
/// RDPUDP_ACK_OF_ACKVECTOR_HEADER (2.2.2.6) and RDPUDP_SOURCE_PAYLOAD_HEADER (2.2.2.4).
fn data<'a>(flags: UdpFlags, fields: &mut Fields<'a>) -> Result<&'a [u8], DecodeError> {
    if flags.contains(UdpFlags::ACK) {
        let elements = usize::from(fields.be_u16("uAckVectorSize")?);
        let padded = (2 + elements).next_multiple_of(4) - 2;
        fields.bytes(padded, "AckVector")?;
    }
    if flags.contains(UdpFlags::ACK_OF_ACKS) {
        fields.be_u32("snAckOfAcksSeqNum")?;
    }
    fields.bytes(8, "snCoded, snSourceStart")?;
    Ok(fields.rest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    const FAILED: &str = "ffffffff00401801ee4071dc04d004d0f8530360ca7f4241a67374e5201a000000000000\
        0000000000000000000000000001000200000000";
    const OFFER: &str = "ffffffff004018010b127f1504d004d07855d064fbaf43f0b6e8f8aadfad0000000000000\
        000000000000000000000000001000300000000";
    const ANSWER: &str = "0b127f15004010050f94ea0b04d004d000010002000000000000";

    #[track_caller]
    fn check(hex: &str, flags: u16, version: u16, correlated: bool) {
        let bytes = hex_bytes(hex).unwrap();
        let parsed = parse(&bytes).unwrap();
        let syn = parsed.syn.unwrap();
        assert_eq!(parsed.flags.bits(), flags);
        assert_eq!((syn.upstream_mtu, syn.downstream_mtu), (1232, 1232));
        assert_eq!(syn.correlation_id.is_some(), correlated);
        let expect = SynEx { flags: 1, version: UdpVersion(version), has_cookie_hash: false };
        assert_eq!(syn.synex, Some(expect));
        assert!(is_syn(&bytes));
        for end in 0..bytes.len() {
            let _ = (parse(&bytes[..end]), is_syn(&bytes[..end]));
        }
    }

    #[test]
    fn offers_and_answers_are_read_as_tshark_reads_them() {
        check(FAILED, 0x1801, 2, true);
        check(OFFER, 0x1801, 3, true);
        check(ANSWER, 0x1005, 2, false);
    }

    #[test]
    fn the_cookie_hash_of_version_3_is_told_and_not_kept() {
        let hex = format!("ffffffff0040100100000001 04d004d0 0001 0101 {}", "ab".repeat(32));
        let bytes = hex_bytes(&hex).unwrap();
        let synex = parse(&bytes).unwrap().syn.unwrap().synex.unwrap();
        assert_eq!((synex.version, synex.has_cookie_hash), (UdpVersion::VERSION_3, true));
    }

    #[test]
    fn the_secured_stream_begins_behind_the_acknowledgements() {
        for hex in [
            "0f94ea0b 0400 000c 0000 0000 0b127f16 0b127f16 160303",
            "0b127f16 00c8 000c 0001 001f 0f94ea0c 0f94ea0c 160303",
            "0b127f16 00c8 010c 0001 001f 0000 0001 0f94ea0c 0f94ea0c 160303",
        ] {
            let bytes = hex_bytes(hex).unwrap();
            assert_eq!(parse(&bytes).unwrap().data, Some(&[0x16, 3, 3][..]), "{hex}");
            assert!(!is_syn(&bytes));
        }
    }

    #[test]
    fn other_datagrams_open_nothing() {
        assert!(!is_syn(&[0; 40]));
        assert!(!is_syn(b"ffffffff00401801ee4071dc04d004d0"));
        assert_eq!(UdpFlags::from_bits_retain(0x8001).bits(), 0x8001);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(flags in 0u16.., mut bytes in proptest::collection::vec(0u8.., 0..96)) {
            let _ = (parse(&bytes), is_syn(&bytes));
            bytes.splice(..0, flags.to_be_bytes());
            bytes.splice(..0, [0xff, 0xff, 0xff, 0xff, 0, 64]);
            let _ = parse(&bytes);
        }
    }
}
