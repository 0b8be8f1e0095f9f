/// What a file is, told from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Windows event log.
    Evtx,
    /// libpcap capture: microseconds, nanoseconds or modified, either byte order.
    Pcap,
    Pcapng,
    Zip,
    SevenZip,
    Cab,
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    Tar,
    /// Microsoft Network Monitor 2.
    NetMon,
    /// Event trace: `netsh trace`, `pktmon`, or anything else that Windows traced.
    Etl,
    /// Exported events: XML, PowerShell's CLIXML, JSON, CSV with named columns, and
    /// Event Viewer's localised text.
    EventXml,
    EventCliXml,
    EventJson,
    EventCsv,
    EventText,
    Text,
    Empty,
    Unknown,
}

/// Tells the kind of a file from its first bytes; 512 are enough for all.
pub fn sniff(head: &[u8]) -> FileKind {
    const MAGICS: [(&[u8], FileKind); 18] = [
        (b"ElfFile\0", FileKind::Evtx),
        // A log whose file header was lost still begins its chunks with this.
        (b"ElfChnk\0", FileKind::Evtx),
        (&[0xd4, 0xc3, 0xb2, 0xa1], FileKind::Pcap),
        (&[0xa1, 0xb2, 0xc3, 0xd4], FileKind::Pcap),
        (&[0x4d, 0x3c, 0xb2, 0xa1], FileKind::Pcap),
        (&[0xa1, 0xb2, 0x3c, 0x4d], FileKind::Pcap),
        (&[0x34, 0xcd, 0xb2, 0xa1], FileKind::Pcap),
        (&[0xa1, 0xb2, 0xcd, 0x34], FileKind::Pcap),
        (&[0x0a, 0x0d, 0x0d, 0x0a], FileKind::Pcapng),
        (b"PK\x03\x04", FileKind::Zip),
        (b"PK\x05\x06", FileKind::Zip),
        (b"7z\xbc\xaf\x27\x1c", FileKind::SevenZip),
        (b"MSCF", FileKind::Cab),
        (&[0x1f, 0x8b], FileKind::Gzip),
        (b"\xfd7zXZ\0", FileKind::Xz),
        (&[0x28, 0xb5, 0x2f, 0xfd], FileKind::Zstd),
        (b"BZh", FileKind::Bzip2),
        (b"GMBU", FileKind::NetMon),
    ];
    if head.is_empty() {
        return FileKind::Empty;
    }
    if let Some((_, kind)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *kind;
    }
    if head.get(257..262) == Some(b"ustar") {
        return FileKind::Tar;
    }
    if looks_like_etl(head) {
        return FileKind::Etl;
    }
    if !looks_like_text(head) {
        return FileKind::Unknown;
    }
    super::export::sniff(head).unwrap_or(FileKind::Text)
}

/// An ETL begins with WMI_BUFFER_HEADER: buffer size, saved offset, current
/// offset; then at 0x48 the trace header with its marker 0xc0xx0002.
fn looks_like_etl(head: &[u8]) -> bool {
    let dword =
        |at: usize| head.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    match (dword(0), dword(4), dword(0x48)) {
        (Some(size), Some(saved), Some(marker)) => {
            size.is_multiple_of(1024)
                && (1 << 10..=1 << 25).contains(&size)
                && saved <= size
                && marker & 0xff00_00ff == 0xc000_0002
        }
        _ => false,
    }
}

fn looks_like_text(head: &[u8]) -> bool {
    head.starts_with(&[0xff, 0xfe])
        || head.starts_with(&[0xfe, 0xff])
        || super::export::is_utf16(head)
        || !head.iter().any(|b| *b == 0 || (*b < 0x20 && !b"\t\r\n\x0c\x1b".contains(b)))
}

impl FileKind {
    /// Whether this version reads the file as evidence.
    pub fn is_evidence(self) -> bool {
        self.is_capture() || self.is_log() || self == Self::Text
    }

    /// Whether it holds packets.
    pub fn is_capture(self) -> bool {
        matches!(self, Self::Pcap | Self::Pcapng | Self::NetMon | Self::Etl)
    }

    /// Whether it holds records of event logs.
    pub fn is_log(self) -> bool {
        matches!(
            self,
            Self::Evtx
                | Self::EventXml
                | Self::EventCliXml
                | Self::EventJson
                | Self::EventCsv
                | Self::EventText
        )
    }

    /// Why a file that is neither evidence nor an archive was left out, and the way out.
    pub fn why_not(self) -> &'static str {
        match self {
            kind if kind.is_evidence() => "evidence",
            Self::Empty => "empty",
            _ => "neither an event log nor a capture",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_from_the_first_bytes() {
        for (head, kind) in [
            (&b"ElfFile\0"[..], FileKind::Evtx),
            (&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0], FileKind::Pcap),
            (&[0xa1, 0xb2, 0x3c, 0x4d], FileKind::Pcap),
            (&[0x0a, 0x0d, 0x0d, 0x0a, 0, 0], FileKind::Pcapng),
            (b"PK\x03\x04", FileKind::Zip),
            (b"Error code: 0x904", FileKind::Text),
            (&[0xff, 0xfe, b'E', 0], FileKind::Text),
            (&[0, 1, 2, 3], FileKind::Unknown),
            (b"", FileKind::Empty),
        ] {
            assert_eq!(sniff(head), kind, "{head:?}");
        }
    }
}
