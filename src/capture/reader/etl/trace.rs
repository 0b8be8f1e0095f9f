//! What the first event of a trace says: `TRACE_LOGFILE_HEADER` (evntrace.h), behind
//! a system header. Offsets follow the documentation of the structure; that of the
//! system header is described by Geoff Chappell, "SYSTEM_TRACE_HEADER".

use super::super::input::Order;
use super::event::SYSTEM_HEADER_LEN;
use crate::base::filetime;
use jiff::Timestamp;

/// Units of a FILETIME in a second.
const FILETIME_HZ: u64 = 10_000_000;

/// A stamp that is this near to the start, in FILETIME units, is a FILETIME: one day.
const NEAR: u64 = 86_400 * FILETIME_HZ;

/// What stands in an event's time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The moment at which the clock showed `origin`, in nanoseconds since 1970.
    base: i128,
    origin: u64,
    /// Ticks per second; never 0.
    frequency: u64,
}

impl Clock {
    /// FILETIMEs, which need no start.
    fn system() -> Option<Self> {
        let base = filetime(0)?.as_nanosecond();
        Some(Self { base, origin: 0, frequency: FILETIME_HZ })
    }

    /// Ticks since a start that is known in both units.
    fn ticks(start: u64, origin: u64, frequency: u64) -> Option<Self> {
        let base = filetime(start)?.as_nanosecond();
        (frequency > 0).then_some(Self { base, origin, frequency })
    }

    /// The time of a stamp, in UTC. `None` outside the years that exist.
    pub(super) fn time(&self, stamp: u64) -> Option<Timestamp> {
        let since = i128::from(stamp) - i128::from(self.origin);
        let nanos = since * 1_000_000_000 / i128::from(self.frequency);
        Timestamp::from_nanosecond(self.base.checked_add(nanos)?).ok()
    }
}

/// What the trace says about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    /// Of all buffers, in bytes.
    pub(super) buffer_size: u32,
    /// `None` when the clock is of an unknown type, or its frequency is 0.
    pub(super) clock: Option<Clock>,
    /// `ReservedFlags`, which is the type of the clock: 1 performance counter, 2
    /// system time, 3 processor cycles.
    pub(super) clock_type: u32,
    /// Events that the session could not write.
    pub(super) events_lost: u32,
    pub(super) buffers_lost: u32,
}

impl Trace {
    /// Reads the first event of the first buffer. `None` when it is another one.
    pub(super) fn parse(event: &[u8]) -> Option<Self> {
        // Version of the header, its kind (1: 32 bits, 2: 64 bits), flags; size; hook 0.
        let [_, _, kind @ (1 | 2), 0xc0, _, _, 0, 0] = *event.first_chunk::<8>()? else {
            return None;
        };
        let body = event.get(SYSTEM_HEADER_LEN..)?;
        // Behind the time zone, the structure is 8 bytes shorter with short pointers.
        let tail = body.get(if kind == 2 { 256 } else { 248 }..)?;
        let word = |at| Order::LITTLE.u32(body, at);
        let (speed, events_lost) = (word(52)?, word(48)?);
        let (frequency, start) = (Order::LITTLE.u64(tail, 0)?, Order::LITTLE.u64(tail, 8)?);
        let (clock_type, buffers_lost) =
            (Order::LITTLE.u32(tail, 16)?, Order::LITTLE.u32(tail, 20)?);
        // The header was stamped when `start` was read.
        let origin = Order::LITTLE.u64(event, 16)?;
        let clock = match clock_type {
            1 => Clock::ticks(start, origin, frequency),
            2 => Clock::system(),
            3 => Clock::ticks(start, origin, u64::from(speed) * 1_000_000),
            _ if origin.abs_diff(start) < NEAR => Clock::system(),
            _ => None,
        };
        Some(Self { buffer_size: word(0)?, clock, clock_type, events_lost, buffers_lost })
    }
}

#[cfg(test)]
impl Trace {
    /// The first event of a trace whose stamps are FILETIMEs.
    pub(super) fn example() -> Vec<u8> {
        tests::header(2, 2, tests::START)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-06-03 08:15:00 UTC.
    pub(super) const START: u64 = 133_934_121_000_000_000;

    pub(super) fn header(kind: u8, clock: u32, origin: u64) -> Vec<u8> {
        let mut event = vec![2, 0, kind, 0xc0, 0x38, 1, 0, 0];
        event.resize(SYSTEM_HEADER_LEN + 280, 0);
        event[16..24].copy_from_slice(&origin.to_le_bytes());
        let tail = SYSTEM_HEADER_LEN + if kind == 2 { 256 } else { 248 };
        event[tail..tail + 8].copy_from_slice(&3_000_000_u64.to_le_bytes());
        event[tail + 8..tail + 16].copy_from_slice(&START.to_le_bytes());
        event[tail + 16..tail + 20].copy_from_slice(&clock.to_le_bytes());
        let speed = SYSTEM_HEADER_LEN + 52;
        event[speed..speed + 4].copy_from_slice(&2_000_u32.to_le_bytes());
        event
    }

    #[track_caller]
    fn check(event: &[u8], stamp: u64, time: Option<&str>) {
        let clock = Trace::parse(event).unwrap().clock;
        let shown = clock.and_then(|clock| clock.time(stamp)).map(|time| time.to_string());
        assert_eq!(shown.as_deref(), time);
    }

    #[test]
    fn stamps_are_read_by_the_type_of_the_clock() {
        for kind in [1, 2] {
            check(&header(kind, 1, 5_000), 5_000 + 4_500_000, Some("2025-06-03T08:15:01.5Z"));
            check(&header(kind, 1, 5_000), 5_000 - 3_000, Some("2025-06-03T08:14:59.999Z"));
            check(&header(kind, 2, START), START + 70, Some("2025-06-03T08:15:00.000007Z"));
            check(&header(kind, 3, 1), 2_000_000_001, Some("2025-06-03T08:15:01Z"));
        }
    }

    #[test]
    fn an_unknown_clock_is_a_filetime_only_where_its_start_is_one() {
        check(&header(2, 0, START + 7), START, Some("2025-06-03T08:15:00Z"));
        check(&header(2, 0, 5_000), 5_000, None);
        check(&header(2, 9, 5_000), 5_000, None);
    }

    #[test]
    fn impossible_values_give_no_time() {
        check(&header(2, 1, 0), u64::MAX, None);
        check(&header(2, 2, 0), u64::MAX, None);
        let mut still = header(2, 1, 0);
        still[SYSTEM_HEADER_LEN + 256..SYSTEM_HEADER_LEN + 264].fill(0);
        check(&still, 7, None);
        assert!(Trace::parse(&header(2, 1, 0)[..300]).is_none());
        assert!(Trace::parse(&header(3, 1, 0)).is_none());
    }
}
