//! MCS, the multipoint layer of RDP (ITU-T T.125) on X.224 data TPDUs:
//! [MS-RDPBCGR] 2.2.1.3 to 2.2.1.9 and 2.2.2.3. The connect PDUs are BER, all later
//! ones aligned PER.

use super::DecodeError;
use super::ber::{self, tag};
use super::decode::{Fields, named};
use super::gcc::{GccClient, GccServer};
use std::borrow::Cow;

/// Bytes of the X.224 data TPDU header (`02 f0 80`) before every MCS PDU.
pub const X224_DATA_HEADER_LEN: usize = 3;

/// One MCS PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mcs<'a> {
    ConnectInitial(GccClient),
    ConnectResponse {
        /// T.125 `Result`; 0 is rt-successful.
        result: u8,
        gcc: GccServer,
    },
    ErectDomain,
    AttachUserRequest,
    AttachUserConfirm {
        result: u8,
        /// User channel id, from 1001 on.
        initiator: Option<u16>,
    },
    ChannelJoinRequest {
        channel: u16,
    },
    ChannelJoinConfirm {
        result: u8,
        /// The channel that was joined; absent in a refusal.
        channel: Option<u16>,
    },
    /// Client to server.
    SendDataRequest {
        initiator: u16,
        channel: u16,
        data: &'a [u8],
    },
    /// Server to client.
    SendDataIndication {
        initiator: u16,
        channel: u16,
        data: &'a [u8],
    },
    DisconnectProviderUltimatum(DisconnectReason),
    /// Any other choice of DomainMCSPDU.
    Other(u8),
}

/// T.125 `Reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisconnectReason(pub u8);

impl DisconnectReason {
    pub const DOMAIN_DISCONNECTED: Self = Self(0);
    pub const PROVIDER_INITIATED: Self = Self(1);
    pub const TOKEN_PURGED: Self = Self(2);
    pub const USER_REQUESTED: Self = Self(3);
    pub const CHANNEL_PURGED: Self = Self(4);

    /// The specification's name; unknown reasons in hex.
    pub fn name(self) -> Cow<'static, str> {
        named(
            u32::from(self.0),
            &[
                (0, "rn-domain-disconnected"),
                (1, "rn-provider-initiated"),
                (2, "rn-token-purged"),
                (3, "rn-user-requested"),
                (4, "rn-channel-purged"),
            ],
        )
    }
}

/// Reads the MCS PDU behind the three bytes of an X.224 data TPDU.
///
/// # Errors
/// When the fixed part is cut or a connect PDU is not BER. Settings and payload
/// that are cut are given as far as they go.
pub fn parse(payload: &[u8]) -> Result<Mcs<'_>, DecodeError> {
    if payload.first() == Some(&0x7f) {
        return connect(payload);
    }
    let mut fields = Fields::of("MCS", payload);
    let first = fields.u8("DomainMCSPDU")?;
    Ok(match first >> 2 {
        1 => Mcs::ErectDomain,
        8 => Mcs::DisconnectProviderUltimatum(disconnect_reason(first, &mut fields)?),
        10 => Mcs::AttachUserRequest,
        11 => {
            let result = result(first, &mut fields)?;
            let initiator = optional(first, &mut fields, user_id)?;
            Mcs::AttachUserConfirm { result, initiator }
        }
        14 => {
            user_id(&mut fields)?;
            Mcs::ChannelJoinRequest { channel: fields.be_u16("channelId")? }
        }
        15 => {
            let result = result(first, &mut fields)?;
            user_id(&mut fields)?;
            fields.be_u16("requested")?;
            let channel = optional(first, &mut fields, |fields| fields.be_u16("channelId"))?;
            Mcs::ChannelJoinConfirm { result, channel }
        }
        25 => {
            let (initiator, channel, data) = send_data(&mut fields)?;
            Mcs::SendDataRequest { initiator, channel, data }
        }
        26 => {
            let (initiator, channel, data) = send_data(&mut fields)?;
            Mcs::SendDataIndication { initiator, channel, data }
        }
        other => Mcs::Other(other),
    })
}

/// Connect-Initial and Connect-Response, T.125 7 part 2.
fn connect(payload: &[u8]) -> Result<Mcs<'_>, DecodeError> {
    let mut fields = Fields::of("MCS connect", payload);
    let (kind, _) = ber::header(&mut fields, "Connect-Initial or Connect-Response")?;
    match kind {
        0x7f65 => {
            ber::expect(&mut fields, tag::OCTET_STRING, "callingDomainSelector")?;
            ber::expect(&mut fields, tag::OCTET_STRING, "calledDomainSelector")?;
            ber::expect(&mut fields, tag::BOOLEAN, "upwardFlag")?;
            // An initial that is cut in here was still one.
            let user_data = ber::find(fields.rest(), tag::OCTET_STRING).unwrap_or_default();
            Ok(Mcs::ConnectInitial(GccClient::parse(user_data).unwrap_or_default()))
        }
        0x7f66 => {
            let result = ber::expect(&mut fields, tag::ENUMERATED, "result")?;
            let result = result
                .last()
                .copied()
                .ok_or_else(|| fields.unexpected("result", "empty", "a number"))?;
            let user_data = ber::find(fields.rest(), tag::OCTET_STRING).unwrap_or_default();
            Ok(Mcs::ConnectResponse {
                result,
                gcc: GccServer::parse(user_data).unwrap_or_default(),
            })
        }
        other => Ok(Mcs::Other(other.to_be_bytes()[1])),
    }
}

/// `Result` has 16 values in four bits, which straddle the first two bytes behind
/// the choice (six bits) and the presence bit of the one optional field.
fn result(first: u8, fields: &mut Fields<'_>) -> Result<u8, DecodeError> {
    let second = fields.u8("result")?;
    Ok((first & 1) << 3 | second >> 5)
}

/// The optional last field of a confirm, whose presence is bit 1 of the first byte.
fn optional(
    first: u8,
    fields: &mut Fields<'_>,
    read: impl Fn(&mut Fields<'_>) -> Result<u16, DecodeError>,
) -> Result<Option<u16>, DecodeError> {
    if first & 2 == 0 { Ok(None) } else { read(fields).map(Some) }
}

/// `Reason` has five values in three bits: the lowest two of the first byte and the
/// highest of the second, so that `21 80` is rn-user-requested.
fn disconnect_reason(first: u8, fields: &mut Fields<'_>) -> Result<DisconnectReason, DecodeError> {
    let second = fields.u8("reason")?;
    Ok(DisconnectReason((first & 3) << 1 | second >> 7))
}

/// UserId counts from 1001.
fn user_id(fields: &mut Fields<'_>) -> Result<u16, DecodeError> {
    Ok(fields.be_u16("initiator")?.saturating_add(1001))
}

fn send_data<'a>(fields: &mut Fields<'a>) -> Result<(u16, u16, &'a [u8]), DecodeError> {
    let initiator = user_id(fields)?;
    let channel = fields.be_u16("channelId")?;
    fields.u8("dataPriority, segmentation")?;
    let length = ber::per_length(fields, "userData length")?;
    Ok((initiator, channel, fields.bytes_or_rest(length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex_bytes;

    #[track_caller]
    fn check(hex: &str, expect: &str) {
        let bytes = hex_bytes(hex).unwrap();
        let shown = match parse(&bytes) {
            Ok(mcs) => format!("{mcs:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expect);
    }

    #[test]
    fn the_join_sequence_is_read() {
        check("04 01 00 01 00", "ErectDomain");
        check("28", "AttachUserRequest");
        check("2e 00 00 08", "AttachUserConfirm { result: 0, initiator: Some(1009) }");
        check("38 00 08 03 f1", "ChannelJoinRequest { channel: 1009 }");
        check("3e 00 00 08 03 f1 03 f1", "ChannelJoinConfirm { result: 0, channel: Some(1009) }");
    }

    #[test]
    fn refusals_keep_their_result() {
        // rt-too-many-channels (10) and rt-user-rejected (15).
        check("2d 40", "AttachUserConfirm { result: 10, initiator: None }");
        check("3d e0 00 08 03 f1", "ChannelJoinConfirm { result: 15, channel: None }");
    }

    #[test]
    fn an_ultimatum_says_why() {
        check("21 80", "DisconnectProviderUltimatum(DisconnectReason(3))");
        check("20 80", "DisconnectProviderUltimatum(DisconnectReason(1))");
        check("21", "MCS: need 1 bytes for reason, have 0");
        assert_eq!(DisconnectReason(3).name(), "rn-user-requested");
        assert_eq!(DisconnectReason(6).name(), "0x6");
    }

    #[test]
    fn payload_is_given_as_far_as_it_goes() {
        check(
            "68 00 01 03 eb 70 14 80 00",
            "SendDataIndication { initiator: 1002, channel: 1003, data: [128, 0] }",
        );
        check(
            "64 00 08 03 eb 70 80 01 07 09",
            "SendDataRequest { initiator: 1009, channel: 1003, data: [7] }",
        );
    }

    #[test]
    fn unknown_pdus_keep_their_number() {
        check("f8", "Other(62)");
        check("7f 67 00", "Other(103)");
    }

    /// Windows Server 2022 with TLS.
    const RESPONSE: &str = "7f66740a0100020100301a020122020103020100020101020100020101020300fff8\
        0201020450000500147c00012a14760a01010001c0004d63446e3a010c10000e0008000100000006000000030c\
        1000eb030400ec03ed03ee03ef03020c0c000000000000000000040c0600f003080c080000000000";

    #[test]
    fn a_connect_response_carries_the_servers_settings() {
        let bytes = hex_bytes(RESPONSE).unwrap();
        let Ok(Mcs::ConnectResponse { result: 0, gcc }) = parse(&bytes) else {
            panic!("{bytes:x?}")
        };
        assert_eq!((gcc.io_channel, gcc.message_channel), (Some(1003), Some(1008)));
    }

    #[test]
    fn a_cut_connect_initial_is_still_one() {
        let head = "7f658201c20401010401010101ff30190201220201";
        let bytes = hex_bytes(head).unwrap();
        assert_eq!(parse(&bytes), Ok(Mcs::ConnectInitial(GccClient::default())));
        for end in 0..bytes.len() {
            let _ = parse(&bytes[..end]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            first in proptest::sample::select(vec![0x7fu8, 0x20, 0x2e, 0x3e, 0x64, 0x68]),
            mut bytes in proptest::collection::vec(0u8.., 0..96),
        ) {
            let _ = parse(&bytes);
            bytes.insert(0, first);
            let _ = parse(&bytes);
        }
    }
}
