//! Event traces with packets: frames as `netsh trace` and as `pktmon` write them.

use super::net::Frames;

/// Bytes of a buffer header (`WMI_BUFFER_HEADER`) and of an event header.
const BUFFER_HEADER: usize = 72;
const EVENT_HEADER: usize = 80;

/// {2ED6006E-4729-4609-B423-3EE7BCD678EF}
const NDIS: [u8; 16] =
    [0x6e, 0, 0xd6, 0x2e, 0x29, 0x47, 9, 0x46, 0xb4, 0x23, 0x3e, 0xe7, 0xbc, 0xd6, 0x78, 0xef];

/// {4D4F80D9-C8BD-4D73-BB5B-19C90402C5AC}
const PKTMON: [u8; 16] =
    [0xd9, 0x80, 0x4f, 0x4d, 0xbd, 0xc8, 0x73, 0x4d, 0xbb, 0x5b, 0x19, 0xc9, 4, 2, 0xc5, 0xac];

/// The clock of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The performance counter, with 10 MHz.
    Counter,
    /// FILETIMEs.
    System,
}

/// How a trace is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Bytes of a buffer.
    pub(crate) buffer: usize,
    /// Of `netsh trace`: every packet in as many events as this many bytes each need.
    pub(crate) part: usize,
    /// Of `netsh trace`: a second filter driver sees every packet 3 µs later.
    pub(crate) twice: bool,
    /// The file is circular and was written over: its oldest buffer is this one.
    pub(crate) oldest: usize,
}

pub(crate) const STYLE: Style = Style { buffer: 8192, part: usize::MAX, twice: false, oldest: 0 };

/// An event, before it is laid into a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    /// In nanoseconds since 1970.
    pub(crate) time: i64,
    pub(crate) processor: usize,
    pub(crate) provider: [u8; 16],
    pub(crate) id: u16,
    pub(crate) keywords: u64,
    pub(crate) data: &'a [u8],
}

/// A trace that is being written.
#[derive(Debug)]
pub(crate) struct Trace {
    clock: Clock,
    start: i64,
    size: usize,
    /// The buffer that each of two processors fills.
    open: [Vec<u8>; 2],
    buffers: Vec<Vec<u8>>,
}

impl Trace {
    pub(crate) fn new(clock: Clock, start: i64, size: usize) -> Self {
        let open = [Vec::new(), Vec::new()];
        let mut trace = Self { clock, start, size, open, buffers: Vec::new() };
        let header = trace.header();
        trace.flush(0, &header, 4);
        trace
    }

    /// A stamp on the clock of the trace.
    fn stamp(&self, time: i64) -> [u8; 8] {
        let ticks = match self.clock {
            Clock::Counter => 987_654_321_000 + (time - self.start) / 100,
            Clock::System => filetime(time),
        };
        ticks.to_le_bytes()
    }

    /// The first event: a system header and `TRACE_LOGFILE_HEADER` of 64 bits.
    fn header(&self) -> Vec<u8> {
        let mut body = vec![0; 280];
        let mut put = |at: usize, bytes: &[u8]| body[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &word(self.size));
        put(4, &[10, 0, 1, 5]);
        put(12, &word(2));
        put(44, &word(8));
        put(52, &word(2_400));
        put(256, &10_000_000_u64.to_le_bytes());
        put(264, &filetime(self.start).to_le_bytes());
        put(272, &[if self.clock == Clock::Counter { 1 } else { 2 }]);
        // Names of session and file.
        body.extend([b'S', 0, 0, 0, b'F', 0, 0, 0]);
        let mut event = vec![2, 0, 2, 0xc0];
        event.extend(half(32 + body.len()));
        event.extend([0; 10]);
        event.extend(self.stamp(self.start));
        event.extend([0; 8]);
        event.extend(body);
        event
    }

    /// Adds an event of a provider. Events of one packet are from one thread. Those with an
    /// even id have an extended item.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        let extended: &[u8] = match event.id % 2 {
            0 => &[16, 0, 3, 0, 0, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            _ => &[],
        };
        let size = EVENT_HEADER + extended.len() + event.data.len();
        let mut bytes = half(size).to_vec();
        bytes.extend([0x13, 0xc0, 0x40 | u8::from(!extended.is_empty()), 0, 0, 0]);
        bytes.extend(word(40 + event.processor));
        bytes.extend(word(4));
        bytes.extend(self.stamp(event.time));
        bytes.extend(event.provider);
        bytes.extend(event.id.to_le_bytes());
        bytes.extend([0, 16, 4, 0, 0, 0]);
        bytes.extend(event.keywords.to_le_bytes());
        bytes.resize(EVENT_HEADER, 0);
        bytes.extend(extended);
        bytes.extend(event.data);
        self.raw(event.processor, &bytes);
    }

    /// Adds bytes where the next event of a processor stands.
    pub(crate) fn raw(&mut self, processor: usize, bytes: &[u8]) {
        let room = self.size - BUFFER_HEADER;
        if self.open[processor].len() + bytes.len().next_multiple_of(8) > room {
            let full = std::mem::take(&mut self.open[processor]);
            self.flush(processor, &full, 0);
        }
        let open = &mut self.open[processor];
        open.extend(bytes);
        open.resize(open.len().next_multiple_of(8), 0);
    }

    fn flush(&mut self, processor: usize, payload: &[u8], kind: u8) {
        let used = BUFFER_HEADER + payload.len().next_multiple_of(8);
        let mut buffer = vec![0; BUFFER_HEADER];
        let mut put = |at: usize, bytes: &[u8]| buffer[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &word(self.size));
        put(4, &word(used));
        put(8, &word(used));
        put(24, &word(self.buffers.len()));
        put(40, &half(processor));
        put(48, &word(used));
        put(54, &[kind]);
        buffer.extend(payload);
        buffer.resize(used, 0);
        buffer.resize(self.size, 0xff);
        self.buffers.push(buffer);
    }

    /// The file. Of a circular one, `oldest` is the buffer that is next to be written
    /// over, not counting the first, which stays.
    pub(crate) fn finish(mut self, oldest: usize) -> Vec<u8> {
        for processor in 0..self.open.len() {
            let left = std::mem::take(&mut self.open[processor]);
            if !left.is_empty() {
                self.flush(processor, &left, 0);
            }
        }
        let ring = self.buffers.len() - 1;
        if ring > 0 {
            self.buffers[1..].rotate_left(oldest % ring);
        }
        self.buffers.concat()
    }
}

impl Frames {
    /// As `netsh trace start capture=yes` writes it: NDIS-PacketCapture, by the
    /// performance counter.
    pub(crate) fn netsh(&self, style: Style) -> Vec<u8> {
        let mut trace = Trace::new(Clock::Counter, self.start(), style.buffer);
        for (time, frame) in self.in_order() {
            let processor = processor(*time);
            let drivers: &[(i64, u8)] =
                if style.twice { &[(0, 9), (3_000, 11)] } else { &[(0, 9)] };
            for (after, driver) in drivers {
                let parts = frame.chunks(style.part.min(frame.len()));
                let last = parts.len() - 1;
                for (number, part) in parts.enumerate() {
                    let mut data = [[7, 0, 0, 0], [*driver, 0, 0, 0], word(part.len())].concat();
                    data.extend(part);
                    data.extend([0; 16]);
                    let start = if number == 0 { 0x4000_0000 } else { 0 };
                    let end = if number == last { 0x8000_0000 } else { 0 };
                    let (time, keywords) = (time + after, 0x1_0000_0001 | start | end);
                    let (provider, id) = (NDIS, 1001);
                    trace.event(&Event { time, processor, provider, id, keywords, data: &data });
                }
            }
        }
        trace.finish(style.oldest)
    }

    /// As `pktmon start --capture` writes it, by the system time: every packet at the
    /// network adapter and, without its Ethernet header, 2 µs later in the TCP/IP stack;
    /// there it may be dropped, with the reason that `dropped` gives for its frame.
    pub(crate) fn pktmon(&self, style: Style, dropped: &dyn Fn(&[u8]) -> Option<u32>) -> Vec<u8> {
        let mut trace = Trace::new(Clock::System, self.start(), style.buffer);
        for (number, (time, frame)) in self.in_order().into_iter().enumerate() {
            let processor = processor(*time);
            let reason = dropped(frame);
            let last = if reason.is_some() { 170 } else { 160 };
            let inner = frame.get(14..).unwrap_or_default();
            let seen =
                [(160, 1, 8, frame.as_slice(), 0), (last, 3, 12, inner, reason.unwrap_or(0))];
            for (after, (id, kind, component, payload, reason)) in (0..).step_by(2_000).zip(seen) {
                let mut data = ((1_u64 << 48) + number as u64 + 1).to_le_bytes().to_vec();
                for value in [1, 1, 1, kind, component, 1, 0] {
                    data.extend(half(value));
                }
                data.extend(reason.to_le_bytes());
                data.extend([0; 4]);
                data.extend([half(payload.len()); 2].concat());
                data.extend(payload);
                let (time, keywords) = (time + after, 0x10);
                let provider = PKTMON;
                trace.event(&Event { time, processor, provider, id, keywords, data: &data });
            }
        }
        trace.finish(style.oldest)
    }

    /// A second before the first frame.
    fn start(&self) -> i64 {
        self.0.iter().map(|(time, _)| *time).min().unwrap_or(0) - 1_000_000_000
    }
}

/// Interrupts move from one processor to the other every millisecond.
fn processor(time: i64) -> usize {
    usize::from(time / 1_000_000 % 2 != 0)
}

fn filetime(time: i64) -> i64 {
    116_444_736_000_000_000 + time / 100
}

fn half(value: usize) -> [u8; 2] {
    u16::try_from(value).expect("16 bits").to_le_bytes()
}

fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("32 bits").to_le_bytes()
}
