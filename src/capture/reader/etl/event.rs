//! The events of a buffer, one behind the other, each at a multiple of 8 bytes.
//! Kinds and headers: evntrace.h, evntcons.h and Geoff Chappell, "Event Tracing for
//! Windows", "Trace Headers".

use super::super::input::Order;

/// Of a system header: version, kind, flags, size, hook, thread, process, time,
/// kernel and user time.
pub(super) const SYSTEM_HEADER_LEN: usize = 32;

/// `EVENT_HEADER`, evntcons.h.
const EVENT_HEADER_LEN: usize = 80;

/// `EVENT_HEADER_FLAG_EXTENDED_INFO`: items stand between header and data.
const EXTENDED: u16 = 1;

/// Extended items of one event. Windows knows 13 kinds.
const MAX_EXTENDED: usize = 16;

/// An event of a provider that has a manifest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    /// On the clock of the trace.
    pub(super) stamp: u64,
    pub(super) process: u32,
    pub(super) thread: u32,
    /// As GUIDs lie in memory: the first three parts are little-endian.
    pub(super) provider: [u8; 16],
    pub(super) id: u16,
    pub(super) keywords: u64,
    /// What the provider wrote.
    pub(super) data: &'a [u8],
    /// Where it begins, in bytes from the start of the event.
    pub(super) data_at: usize,
}

/// What stands at a place of a buffer.
#[derive(Debug)]
pub(super) enum Head<'a> {
    Event(Event<'a>),
    /// A message of WPP (`TRACE_MESSAGE`), which only its author's files explain.
    Message,
    /// An event of a classic provider.
    Classic,
    /// An event of the kernel, or one that describes the trace.
    System,
    /// Nothing more: the rest of the buffer was not used.
    End,
    /// More bytes are needed than there are.
    Cut,
    /// No event: a size or a kind that does not exist.
    Bad,
}

/// Reads the event at the head, and how many bytes it takes with what aligns it.
pub(super) fn read(bytes: &[u8]) -> (Head<'_>, usize) {
    let Some(&[a, b, kind, flags]) = bytes.first_chunk::<4>() else {
        return (if bytes.is_empty() { Head::End } else { Head::Cut }, 0);
    };
    if let [0xff, 0xff, 0xff, 0xff] | [0, 0, 0, 0] = [a, b, kind, flags] {
        return (Head::End, 0);
    }
    let is_system = flags == 0xc0 && matches!(kind, 1..=4 | 0x10 | 0x11);
    // A system header has its version where the others have their size.
    let size =
        if is_system { Order::LITTLE.u16(bytes, 4) } else { Some(u16::from_le_bytes([a, b])) };
    let Some(size) = size.map(usize::from) else { return (Head::Cut, 0) };
    let (head, least): (fn(&[u8]) -> Head<'_>, usize) = match (flags, kind) {
        (0xc0, 0x12 | 0x13) => {
            (|bytes| event(bytes).map_or(Head::Bad, Head::Event), EVENT_HEADER_LEN)
        }
        (0xc0, 1 | 2) => (|_| Head::System, SYSTEM_HEADER_LEN),
        (0xc0, 3 | 4) => (|_| Head::System, 24),
        (0xc0, 0x10 | 0x11) => (|_| Head::System, 16),
        (0xc0, 0x0a | 0x0b | 0x14 | 0x15) => (|_| Head::Classic, 48),
        // TRACE_MESSAGE with whatever TRACE_HEADER adds.
        (0x90, _) => (|_| Head::Message, 8),
        (0xc0, 0x0c..=0x0e) => (|_| Head::System, 8),
        _ => return (Head::Bad, 0),
    };
    if size < least {
        return (Head::Bad, 0);
    }
    match bytes.get(..size) {
        Some(whole) => (head(whole), size.next_multiple_of(8)),
        None => (Head::Cut, size),
    }
}

/// Reads an event that is whole.
fn event(bytes: &[u8]) -> Option<Event<'_>> {
    let word = |at| Order::LITTLE.u32(bytes, at);
    let mut data = bytes.get(EVENT_HEADER_LEN..)?;
    if Order::LITTLE.u16(bytes, 4)? & EXTENDED != 0 {
        data = behind_extended(data)?;
    }
    Some(Event {
        thread: word(8)?,
        process: word(12)?,
        stamp: Order::LITTLE.u64(bytes, 16)?,
        provider: *bytes.get(24..)?.first_chunk()?,
        id: Order::LITTLE.u16(bytes, 40)?,
        keywords: Order::LITTLE.u64(bytes, 48)?,
        data,
        data_at: bytes.len() - data.len(),
    })
}

/// What stands behind the extended items. Each has its size, or 0 in older versions;
/// its kind; whether another one follows; the size of its data.
fn behind_extended(mut bytes: &[u8]) -> Option<&[u8]> {
    for _ in 0..MAX_EXTENDED {
        let half = |at| Order::LITTLE.u16(bytes, at).map(usize::from);
        let (size, more, data) = (half(0)?, half(4)? & 1 != 0, half(6)?);
        let least = (8 + data).next_multiple_of(8);
        let size = if size >= least && size.is_multiple_of(8) { size } else { least };
        bytes = bytes.get(size..)?;
        if !more {
            return Some(bytes);
        }
    }
    None
}

/// The first place, from the head on in steps of 8 bytes, where an event of one of the
/// providers stands that is no longer than what is there: behind damage.
pub(super) fn find(bytes: &[u8], providers: &[[u8; 16]]) -> Option<usize> {
    (0..bytes.len()).step_by(8).find(|at| {
        let here = bytes.get(*at..).unwrap_or_default();
        let provider = here.get(24..40);
        providers.iter().any(|wanted| provider == Some(wanted))
            && matches!(read(here), (Head::Event(_), _))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(size: u16, flags: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = size.to_le_bytes().to_vec();
        bytes.extend([0x13, 0xc0]);
        bytes.extend(flags.to_le_bytes());
        bytes.resize(EVENT_HEADER_LEN, 7);
        bytes.extend(data);
        bytes
    }

    fn data(bytes: &[u8]) -> Option<&[u8]> {
        match read(bytes).0 {
            Head::Event(event) => Some(event.data),
            _ => None,
        }
    }

    #[test]
    fn the_data_stand_behind_header_and_extended_items() {
        assert_eq!(data(&plain(84, 0, b"data")), Some(&b"data"[..]));
        let item = |size: u8, more: u8, length: u8| [size, 0, 1, 0, more, 0, length, 0];
        let one = [&item(0, 0, 3)[..], b"sid\0\0\0\0\0data"].concat();
        assert_eq!(data(&plain(100, 1, &one)), Some(&b"data"[..]));
        let two = [&item(24, 1, 3)[..], &[0; 16], &one].concat();
        assert_eq!(data(&plain(124, 1, &two)), Some(&b"data"[..]));
        // An item that is longer than the event.
        assert_eq!(data(&plain(84, 1, &[0, 0, 1, 0])), None);
        assert_eq!(data(&plain(88, 1, &item(0, 0, 200))), None);
    }

    #[test]
    fn sizes_that_lie_are_no_events() {
        assert!(matches!(read(&plain(79, 0, b"data")), (Head::Bad, 0)));
        assert!(matches!(read(&plain(85, 0, b"data")), (Head::Cut, 85)));
        assert!(matches!(read(&[3, 0, 2, 0xc0, 8, 0, 0, 0]), (Head::Bad, 0)));
        assert!(matches!(read(&[3, 0, 2, 0xc0]), (Head::Cut, 0)));
        assert!(matches!(read(&[1, 2, 3, 4, 5]), (Head::Bad, 0)));
        assert!(matches!(read(&[0xff; 9]), (Head::End, 0)));
        assert!(matches!(read(&[0; 9]), (Head::End, 0)));
        assert!(matches!(read(&[]), (Head::End, 0)));
    }

    #[test]
    fn behind_damage_the_next_event_of_a_provider_is_found() {
        let bytes = [&[9; 16][..], &plain(84, 0, b"data")].concat();
        assert_eq!(find(&bytes, &[[7; 16]]), Some(16));
        assert_eq!(find(&bytes, &[[8; 16]]), None);
        assert_eq!(find(&bytes[..90], &[[7; 16]]), None);
    }
}
