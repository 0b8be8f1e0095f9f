use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use std::fmt;

/// A time on the clock of the host (or capturing machine) that wrote it down.
///
/// Two `HostTime`s of different sources must not be compared: correct them
/// first, see [`HostTime::corrected`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostTime(pub Timestamp);

/// A time on the one clock of the case, after correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseTime(pub Timestamp);

/// How far a host's clock is ahead of the case clock, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// Host clock minus case clock.
    pub ahead: SignedDuration,
    /// Half width of the interval that holds the true offset.
    pub error: SignedDuration,
}

impl HostTime {
    /// This time on the case clock. A correction that leaves the range of
    /// [`Timestamp`] leaves the time as it is.
    pub fn corrected(self, by: ClockOffset) -> CaseTime {
        CaseTime(self.0.checked_sub(by.ahead).unwrap_or(self.0))
    }

    /// This time taken as case time: for sources whose offset is not known.
    pub fn uncorrected(self) -> CaseTime {
        CaseTime(self.0)
    }
}

/// Milliseconds from `earlier` to `later`; negative when the order is reversed.
pub fn millis_between(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64() * 1000.0
}

/// Seconds from 1601 to 1970.
const FILETIME_EPOCH_S: i64 = 11_644_473_600;

/// The time of a FILETIME: units of 100 ns since 1601, UTC ([MS-DTYP] 2.3.3). `None`
/// behind the year 9999.
pub fn filetime(ticks: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - FILETIME_EPOCH_S;
    let nanos = i32::try_from(ticks % 10_000_000).ok()? * 100;
    // Timestamps before 1970 count their nanoseconds backwards.
    Timestamp::from_second(seconds).ok()?.checked_add(SignedDuration::new(0, nanos)).ok()
}

/// The FILETIME of a time; 0 before 1601.
pub fn filetime_of(time: Timestamp) -> u64 {
    let ticks = time.as_nanosecond() / 100 + i128::from(FILETIME_EPOCH_S) * 10_000_000;
    u64::try_from(ticks).unwrap_or_default()
}

/// RFC 3339 in UTC with the digits that the value needs (0, 3, 6, 7 or 9), so
/// that the 100 ns of a FILETIME are not padded to nanoseconds.
pub fn rfc3339(time: Timestamp) -> String {
    let nanos = time.subsec_nanosecond();
    let digits = match nanos {
        0 => 0,
        n if n % 1_000_000 == 0 => 3,
        n if n % 1_000 == 0 => 6,
        n if n % 100 == 0 => 7,
        _ => 9,
    };
    format!("{time:.digits$}")
}

impl fmt::Display for CaseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339(self.0))
    }
}

impl Serialize for CaseTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(rfc3339(text.parse().unwrap()), expect);
    }

    #[test]
    fn times_keep_the_precision_of_their_source() {
        check("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z");
        check("2024-05-01T10:00:00.25Z", "2024-05-01T10:00:00.250Z");
        check("2024-05-01T10:00:00.1234567Z", "2024-05-01T10:00:00.1234567Z");
        check("2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:00.123456789Z");
    }

    #[test]
    fn filetimes_are_read_to_100_ns() {
        assert_eq!(
            rfc3339(filetime(133_590_312_001_234_567).unwrap()),
            "2024-05-01T10:00:00.1234567Z"
        );
        assert_eq!(rfc3339(filetime(1).unwrap()), "1601-01-01T00:00:00.0000001Z");
        assert_eq!(filetime(u64::MAX), None);
        assert_eq!(
            filetime_of(filetime(133_590_312_001_234_567).unwrap()),
            133_590_312_001_234_567
        );
    }

    #[test]
    fn a_clock_that_is_ahead_is_set_back() {
        let host = HostTime("2024-05-01T10:00:02Z".parse().unwrap());
        let offset = ClockOffset {
            ahead: SignedDuration::from_millis(1500),
            error: SignedDuration::from_millis(5),
        };
        assert_eq!(host.corrected(offset).to_string(), "2024-05-01T10:00:00.500Z");
    }
}
