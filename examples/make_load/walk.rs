//! The least that a reader has to do: from header to header, with reads of 1 MiB.

use crate::{CHUNK_LEN, FILE_HEADER_LEN};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// Counts the records of a log, or the packets of a little-endian pcap file.
pub(crate) fn walk(file: &str) -> io::Result<()> {
    let mut input = File::open(file)?;
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    if magic == 0xa1b2_c3d4_u32.to_le_bytes() {
        return packets(input);
    }
    records(input)
}

fn records(mut input: File) -> io::Result<()> {
    input.seek(SeekFrom::Start(FILE_HEADER_LEN as u64))?;
    let mut buffer = vec![0; 16 * CHUNK_LEN];
    let (mut records, mut ids) = (0_u64, 0_u64);
    loop {
        let filled = fill(&mut input, &mut buffer)?;
        if filled == 0 {
            break;
        }
        for chunk in buffer.get(..filled).unwrap_or_default().chunks(CHUNK_LEN) {
            let mut rest = chunk.get(512..).unwrap_or_default();
            while let Some((header, _)) = rest.split_first_chunk::<16>() {
                let [m0, m1, m2, m3, l0, l1, l2, l3, id @ ..] = *header;
                let length = u32::from_le_bytes([l0, l1, l2, l3]);
                if [m0, m1, m2, m3] != *b"**\0\0" || length < 28 {
                    break;
                }
                ids = ids.wrapping_add(u64::from_le_bytes(id));
                records += 1;
                rest = usize::try_from(length).ok().and_then(|l| rest.get(l..)).unwrap_or_default();
            }
        }
    }
    writeln!(io::stdout(), "{records} records, sum of their ids {ids}")
}

fn packets(mut input: File) -> io::Result<()> {
    input.seek(SeekFrom::Start(24))?;
    let mut buffer = vec![0; 1 << 20];
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    // Bytes of the buffer that are to be passed over: the rest of a packet.
    let mut at = 0;
    let mut kept = 0;
    loop {
        let got = fill(&mut input, buffer.get_mut(kept..).unwrap_or_default())?;
        let filled = kept + got;
        while let Some(header) = buffer.get(at..filled).and_then(|rest| rest.first_chunk::<16>()) {
            let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *header;
            let length = u32::from_le_bytes([a, b, c, d]);
            packets += 1;
            bytes += u64::from(length);
            at += 16 + length as usize;
        }
        if got == 0 {
            return writeln!(io::stdout(), "{packets} packets of {bytes} bytes");
        }
        // A header that the buffer cuts is read again with what follows.
        kept = filled.saturating_sub(at);
        buffer.copy_within(filled - kept..filled, 0);
        at = at.saturating_sub(filled);
    }
}

fn fill(input: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            got => filled += got,
        }
    }
    Ok(filled)
}
