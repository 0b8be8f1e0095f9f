//! One TCP connection of Ethernet frames, as a fuzz target wants it.

use super::script::Pcap;

/// What one end has sent.
struct End {
    address: [u8; 4],
    port: u16,
    /// Sequence number of the first byte.
    first: u32,
    sent: Vec<u8>,
    /// Bytes behind `sent` and before the next that no capture holds.
    missing: u32,
}

impl End {
    fn next(&self) -> u32 {
        let sent = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        self.first.wrapping_add(sent).wrapping_add(self.missing)
    }
}

/// TCP flags, RFC 9293 3.1.
pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// One segment.
pub(super) struct Sent<'a> {
    pub(super) flags: u8,
    /// From where the stream is, to where the segment says that it begins.
    pub(super) displaced: i32,
    pub(super) payload: &'a [u8],
    /// Bytes at the end that the snap length took.
    pub(super) cut: usize,
}

/// The connection and its capture.
pub(super) struct Connection {
    ends: [End; 2],
    pub(super) pcap: Pcap,
}

impl Connection {
    /// Client and server whose first bytes have these sequence numbers.
    pub(super) fn new(port: u16, first: [u32; 2]) -> Self {
        let end = |address, port, first| End { address, port, first, sent: Vec::new(), missing: 0 };
        let client = end([10, 0, 0, 1], 49_152, first[0]);
        let server = end([10, 0, 0, 2], port, first[1]);
        Self { ends: [client, server], pcap: Pcap::new(1) }
    }

    /// SYN, SYN+ACK, ACK.
    pub(super) fn handshake(&mut self) {
        for (from_server, flags, displaced) in
            [(false, SYN, -1), (true, SYN | ACK, -1), (false, ACK, 0)]
        {
            self.segment(from_server, &Sent { flags, displaced, payload: &[], cut: 0 });
        }
    }

    /// The next bytes of one end, in order and whole.
    pub(super) fn say(&mut self, from_server: bool, payload: &[u8]) {
        for part in payload.chunks(1460) {
            self.segment(from_server, &Sent { flags: ACK, displaced: 0, payload: part, cut: 0 });
        }
    }

    /// The end sends bytes that no capture holds.
    pub(super) fn lose(&mut self, from_server: bool, bytes: u32) {
        let end = &mut self.ends[usize::from(from_server)];
        end.missing = end.missing.wrapping_add(bytes);
    }

    /// What this end has sent, from so many bytes before its end on.
    pub(super) fn sent_before(&self, from_server: bool, back: usize, length: usize) -> Vec<u8> {
        let sent = &self.ends[usize::from(from_server)].sent;
        sent.iter().skip(sent.len().saturating_sub(back)).take(length).copied().collect()
    }

    pub(super) fn segment(&mut self, from_server: bool, segment: &Sent<'_>) {
        let [client, server] = &self.ends;
        let (from, to) = if from_server { (server, client) } else { (client, server) };
        let seq = from.next().wrapping_add_signed(segment.displaced);
        let ack = if segment.flags & ACK == 0 { 0 } else { to.next() };
        let length = u16::try_from(40 + segment.payload.len()).unwrap_or(u16::MAX);
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
        frame.extend(length.to_be_bytes());
        frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(from.address.into_iter().chain(to.address));
        frame.extend(from.port.to_be_bytes().into_iter().chain(to.port.to_be_bytes()));
        frame.extend(seq.to_be_bytes().into_iter().chain(ack.to_be_bytes()));
        frame.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend_from_slice(segment.payload);
        self.pcap.frame(&frame, segment.cut.min(segment.payload.len()));
        if segment.displaced == 0 {
            self.ends[usize::from(from_server)].sent.extend_from_slice(segment.payload);
        }
    }
}
