//! What captures hold beside TCP: ARP, and the UDP side channel of RDP.

use super::net::{Frames, ipv4};
use etherparse::{IpHeaders, IpNumber, PacketBuilder};
use std::net::Ipv4Addr;

/// An ARP message: a request for `target`, or the answer of who has `sender`.
pub(crate) fn arp(
    frames: &mut Frames,
    time: i64,
    request: bool,
    (hardware, sender): ([u8; 6], [u8; 4]),
    target: [u8; 4],
) {
    let to: [u8; 6] = if request { [0xff; 6] } else { [2, 0, 10, 20, 5, 42] };
    let mut frame = to.to_vec();
    frame.extend_from_slice(&hardware);
    frame.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, if request { 1 } else { 2 }]);
    frame.extend_from_slice(&hardware);
    frame.extend_from_slice(&sender);
    frame.extend_from_slice(&if request { [0; 6] } else { to });
    frame.extend_from_slice(&target);
    frame.resize(60, 0);
    frames.0.push((time, frame));
}

/// The first datagram of the reliable UDP channel, [MS-RDPEUDP] 3.1.5.1.1: a SYN that
/// is filled up to the size of the largest datagram.
pub(crate) fn udp_syn(frames: &mut Frames, time: i64, client: [u8; 4], server: [u8; 4]) {
    let mut payload = vec![0xff, 0xff, 0xff, 0xff, 0x00, 0x40, 0x00, 0x01];
    payload.extend_from_slice(&[0x12, 0x34, 0x56, 0x78, 0x04, 0xd0, 0x04, 0xd0]);
    payload.resize(1_232, 0);
    let (from, to) = (Ipv4Addr::from(client), Ipv4Addr::from(server));
    let ip = ipv4(from, to, 128, 900, IpNumber::UDP);
    let builder = PacketBuilder::ethernet2(super::net::mac(from), super::net::mac(to))
        .ip(IpHeaders::Ipv4(ip, Default::default()))
        .udp(61_204, 3389);
    let mut frame = Vec::new();
    builder.write(&mut frame, &payload).expect("writing to memory");
    frames.0.push((time, frame));
}
