//! The budgets: every loop over input has one. Reaching one is a
//! [`Gap`](super::Gap), never silence.

/// Largest captured packet that is believed, in bytes. Wireshark's own limit is
/// 256 KiB; offloaded segments on loopback reach 64 KiB, so 1 MiB is generous.
pub const MAX_PACKET: usize = 1 << 20;

/// Largest pcapng block that is believed, in bytes (decryption secrets and name
/// resolution blocks can be larger than packets).
pub const MAX_BLOCK: usize = 16 << 20;

/// Headers of one frame that may wrap others: VLAN tags, label stacks, sessions and
/// tunnels. ERSPAN of a VXLAN in a provider's network has five.
pub const MAX_NESTING: u8 = 8;

/// IP datagrams that may wait for missing fragments. The oldest one makes room.
pub const MAX_FRAGMENTED: usize = 512;

/// Bytes of all datagrams that wait for fragments, holes included.
pub const MAX_FRAGMENT_BYTES: usize = 4 << 20;

/// Interfaces that one section of a pcapng file may describe.
pub const MAX_INTERFACES: usize = 65_536;

/// Bytes of TLS secrets that one capture may bring: each connection takes less
/// than 1 KiB.
pub const MAX_SECRETS: usize = 4 << 20;

/// Places in a Network Monitor capture to which the reader goes because the frame
/// table is out of order. Real tables are so at one or two places.
pub const MAX_NETMON_JUMPS: u32 = 4096;

/// Layers of packing in each other that are opened (`--max-depth`): a collector's zip in
/// a ticket's zip holds a tar.gz.
pub const MAX_ARCHIVE_DEPTH: u32 = 4;

/// Entries of all archives of one case (`--max-entries`).
pub const MAX_ARCHIVE_ENTRIES: u64 = 100_000;

/// Buffers of one event trace. With the 64 KiB that are usual they are 64 GiB.
pub const MAX_ETL_BUFFERS: usize = 1 << 20;

/// Processors of one event trace; each has a window.
pub const MAX_ETL_PROCESSORS: usize = 256;

/// Bytes of the windows of all processors together, as long as 128 KiB are left for each.
pub const MAX_ETL_WINDOWS: usize = 32 << 20;

/// Packets of an event trace that wait for further parts, one for each thread.
pub const MAX_ETL_PARTS: usize = 64;

/// Bytes of a packet that is joined from parts: Wireshark's limit of a packet.
pub const MAX_ETL_JOINED: usize = 256 << 10;

/// Packets of Packet Monitor of which further appearances are recognised: those of one
/// packet follow each other within milliseconds.
pub const MAX_ETL_APPEARANCES: usize = 65_536;

/// Bytes that the archives of one case may unpack to together, and each file that is
/// compressed by itself (`--max-unpacked`).
pub const MAX_UNPACKED: u64 = 16 << 30;

/// How many times its packed size evidence may become (`--max-ratio`). Deflate reaches
/// 1032 with zeros only, the others much more; captures of nothing but equal packets
/// stay below 100.
pub const MAX_UNPACKED_RATIO: u64 = 200;

/// Unpacked bytes from which on the ratio is looked at: small files of zeros are no bomb.
pub const UNPACKED_RATIO_FROM: u64 = 32 << 20;

/// Bytes of one unpacked file that are held in memory; a larger one goes into an
/// anonymous temporary file.
pub const MAX_HELD_IN_MEMORY: usize = 16 << 20;

/// The same, of all files of a case that stay unpacked from intake on.
pub const MAX_ALL_HELD_IN_MEMORY: usize = 32 << 20;

/// Bytes that a decompressor may need to look back. 7-Zip's strongest level takes 256 MiB,
/// zstd's `--ultra` 128 MiB.
pub const MAX_DICTIONARY: u32 = 256 << 20;

/// Bytes of a name in an archive that are read, and of its other texts.
pub const MAX_ENTRY_NAME: u64 = 64 << 10;

/// Bytes of one direction of a TCP stream that may wait for a missing segment.
pub const MAX_PENDING_BYTES: usize = 256 << 10;

/// Segments of one direction that may wait for a missing one.
pub const MAX_PENDING_SEGMENTS: usize = 128;

/// Bytes that wait in all connections of one capture together: segments behind a missing
/// one, messages that are not whole, segments that nobody acknowledged. Those that hold
/// most go on without. Real captures stay below 1 MiB.
pub const MAX_WAITING: usize = 128 << 20;

/// Bytes of one handshake flight that are kept until they can be parsed: a
/// certificate chain of a public CA is 4 to 6 KiB, RFC 8446 allows 16 MiB.
pub const MAX_HANDSHAKE: usize = 256 << 10;

/// TLS records of one direction whose length and time are remembered; later
/// ones are only counted.
pub const MAX_RECORDS_KEPT: usize = 48;

/// TLS alerts of one connection that are remembered. RFC 8446 6.2: a fatal one ends it.
pub const MAX_ALERTS: usize = 32;

/// Unacknowledged segments of one direction that are followed one by one.
pub const MAX_OUTSTANDING: usize = 256;

/// Licensing PDUs of one connection that are remembered: the last ones.
pub const MAX_LICENSING: usize = 8;

/// Holes in one direction that are remembered until something fills them.
pub const MAX_HOLES: usize = 256;

/// TCP flows that are followed at the same time. The oldest idle one makes room.
pub const MAX_FLOWS: usize = 65_536;

/// Flows from which on those that are over are put away, each time their number doubles.
pub const SWEEP_FLOWS: usize = 16_384;

/// Connections of one capture that are kept. Of those in which nobody said anything, as
/// a flood of SYNs makes them, as many more are kept; all others are counted.
pub const MAX_CONVERSATIONS: usize = 100_000;

/// Flows to ports that are not RDP's which wait for their first bytes.
pub const MAX_UNDECIDED_FLOWS: usize = 65_536;

/// UDP side channels of one capture that are followed.
pub const MAX_UDP_CHANNELS: usize = 65_536;

/// Name queries that wait for an answer.
pub const MAX_OPEN_QUERIES: usize = 65_536;

/// Event records that are kept of one log: each takes about 1 KiB. Floods of like
/// records do not reach it, they are counted.
pub const MAX_RECORDS_PER_LOG: usize = 400_000;

/// Of records that are alike, how many are kept before the others are counted.
pub const FIRST_OF_FLOOD: u32 = 8;

/// Records of one event and host that are told apart by all that makes them alike.
/// Behind them only the first such field counts, and behind twice as many none.
pub const FLOOD_DETAIL: u32 = 10_000;

/// Times over which one log does not speak that are kept apart: the nearest of more
/// are drawn together, so that nothing counts as covered that is not. A host that is
/// restarted every night needs 365 a year.
pub const MAX_HOLES_PER_LOG: usize = 1024;

/// The same, of all logs of a case together: each takes about 100 bytes.
pub const MAX_HOLES_PER_CASE: usize = 500_000;

/// Bytes that are taken from standard input, which has to be kept to be sought in.
pub const MAX_STDIN: u64 = 1 << 30;

/// Zeros that may follow each other before the rest of a file is given up. A log is created
/// with all its space, at most 4 GiB; a sparse file claims what it never wrote.
pub const MAX_ZEROS: u64 = 4 << 30;

/// Problems that are listed one by one per file; the rest is counted.
pub const MAX_GAPS_PER_FILE: usize = 64;

/// Characters of one untrusted text (cookie, user name, subject) that are kept.
pub const MAX_TEXT: usize = 512;

/// Files that one case may hold.
pub const MAX_FILES: usize = 100_000;

/// Bytes of a text that are looked at; registry exports of a whole hive have some MiB.
pub const MAX_DOCUMENT: u64 = 4 << 20;
