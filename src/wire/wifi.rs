//! Data frames of IEEE 802.11, with the headers that monitor mode puts before them.
//!
//! Protected frames hold nothing readable, fragments are not put together, and of
//! an aggregate (A-MSDU) only the first part is read.

/// What a data frame carries (IEEE 802.11 9.3.2), from its LLC header on.
pub(super) fn body(frame: &[u8]) -> Option<&[u8]> {
    below_mac_header(frame, false)
}

/// Below radiotap (radiotap.org): version 0, its length in little endian.
pub(super) fn below_radiotap(frame: &[u8]) -> Option<&[u8]> {
    let &[0, _, low, high] = frame.first_chunk::<4>()? else { return None };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let padded = radiotap_flags(frame.get(..length)?).is_some_and(|flags| flags & 0x20 != 0);
    below_mac_header(frame.get(length..)?, padded)
}

/// Below a Prism or AVS header; captures of both carry either number.
pub(super) fn below_monitor_header(frame: &[u8]) -> Option<&[u8]> {
    let (&[a, b, c, d], &[e, f, g, h]) =
        (frame.first_chunk::<4>()?, frame.get(4..)?.first_chunk::<4>()?);
    // AVS has a version cookie and is big endian; Prism is in the byte order of
    // whoever captured, and its header is short: the smaller reading is the length.
    let big = u32::from_be_bytes([e, f, g, h]);
    let length = match u32::from_be_bytes([a, b, c, d]) & 0xffff_f000 {
        0x8021_1000 => big,
        _ => big.min(big.swap_bytes()),
    };
    body(frame.get(usize::try_from(length).ok()?..)?)
}

/// The Flags field, the second one that radiotap can carry.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let mut at = 4;
    let mut first = None;
    loop {
        let word = u32::from_le_bytes(*header.get(at..)?.first_chunk::<4>()?);
        first.get_or_insert(word);
        at += 4;
        // Bit 31 announces one more word of presence bits.
        if word >> 31 == 0 {
            break;
        }
    }
    let present = first?;
    if present & 0b01 != 0 {
        // TSFT: eight bytes, aligned to eight.
        at = at.next_multiple_of(8) + 8;
    }
    (present & 0b10 != 0).then(|| header.get(at).copied())?
}

/// What follows the MAC header. `padded`: the header is filled up to four bytes.
fn below_mac_header(frame: &[u8], padded: bool) -> Option<&[u8]> {
    let &[control, flags] = frame.first_chunk::<2>()?;
    let (kind, subtype) = (control >> 2 & 0b11, control >> 4);
    let fragment = frame.get(22)? & 0x0f;
    let has_data = subtype & 0b0100 == 0;
    let (more_fragments, protected) = (flags & 0x04 != 0, flags & 0x40 != 0);
    if kind != 2 || !has_data || more_fragments || fragment != 0 || protected {
        return None;
    }
    // ToDS and FromDS: a fourth address.
    let mut length = if flags & 0b11 == 0b11 { 30 } else { 24 };
    let mut aggregate = false;
    if subtype & 0b1000 != 0 {
        aggregate = frame.get(length)? & 0x80 != 0;
        length += 2;
        // The order bit announces HT control in QoS frames.
        if flags & 0x80 != 0 {
            length += 4;
        }
    }
    if padded {
        length = length.next_multiple_of(4);
    }
    if aggregate {
        // Destination, source and length of the first part.
        length += 14;
    }
    frame.get(length..)
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::{is_that_segment, tcp_frame};
    use super::super::packet::{LinkType, parse};

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    /// A data frame with these first two bytes and these behind the addresses.
    fn frame(control: [u8; 2], behind: &[u8]) -> Vec<u8> {
        [&control[..], &[0; 22], behind, &SNAP, &tcp_frame(b"x")[14..]].concat()
    }

    fn is_read(link: LinkType, frame: &[u8]) -> bool {
        assert!(link.is_known());
        is_that_segment(&parse(link, frame))
    }

    #[test]
    fn data_frames_of_all_address_lengths_are_read() {
        let raw = LinkType::IEEE802_11;
        assert!(is_read(raw, &frame([0x08, 0x01], &[])));
        assert!(is_read(raw, &frame([0x08, 0x02], &[])));
        assert!(is_read(raw, &frame([0x08, 0x03], &[0; 6])), "four addresses");
        assert!(is_read(raw, &frame([0x88, 0x02], &[0; 2])), "QoS");
        assert!(is_read(raw, &frame([0x88, 0x82], &[0; 6])), "HT control");
        let mut aggregate = vec![0x80, 0];
        aggregate.resize(2 + 14, 1);
        assert!(is_read(raw, &frame([0x88, 0x02], &aggregate)), "first of an A-MSDU");
    }

    #[test]
    fn what_holds_no_readable_data_is_left() {
        let raw = LinkType::IEEE802_11;
        assert!(!is_read(raw, &frame([0x08, 0x41], &[])), "protected");
        assert!(!is_read(raw, &frame([0x08, 0x05], &[])), "more fragments");
        assert!(!is_read(raw, &frame([0x48, 0x01], &[])), "null function");
        assert!(!is_read(raw, &frame([0x80, 0x00], &[])), "beacon");
    }

    #[test]
    fn headers_of_monitor_mode_are_taken_off() {
        let bare = frame([0x08, 0x02], &[]);
        let short = [&[0, 0, 8, 0, 0, 0, 0, 0], &bare[..]].concat();
        assert!(is_read(LinkType::IEEE802_11_RADIOTAP, &short));
        // TSFT and flags present, the flags say that the MAC header is padded.
        let mut long = vec![0, 0, 17, 0, 3, 0, 0, 0];
        long.resize(16, 0);
        long.push(0x20);
        let padded = [&long[..], &frame([0x88, 0x02], &[0; 4])].concat();
        assert!(is_read(LinkType::IEEE802_11_RADIOTAP, &padded));
        let mut prism = vec![0x44, 0, 0, 0, 144, 0, 0, 0];
        prism.resize(144, 0);
        assert!(is_read(LinkType::IEEE802_11_PRISM, &[&prism[..], &bare].concat()));
        let mut avs = vec![0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64];
        avs.resize(64, 0);
        assert!(is_read(LinkType::IEEE802_11_AVS, &[&avs[..], &bare].concat()));
    }
}
