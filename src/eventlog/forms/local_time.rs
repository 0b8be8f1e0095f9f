//! Times as Event Viewer shows them: in the spelling of the host's region, without a
//! time zone.

use crate::base::HostTime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Which of the two numbers beside the year's is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    DayFirst,
    MonthFirst,
}

/// A time whose numbers are read and whose day and month may be either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LocalTime {
    /// Year, then the other two as they stand.
    date: (i16, i8, i8),
    clock: (i8, i8, i8),
    /// Given by the spelling itself: the year first, or points between.
    known: Option<Order>,
}

/// How the hours of the second half of the day are marked, and of the first.
const AFTERNOON: [&str; 8] = ["pm", "p", "nachm", "μμ", "下午", "오후", "午後", "م"];
const MORNING: [&str; 8] = ["am", "a", "vorm", "πμ", "上午", "오전", "午前", "ص"];

/// Numbers in which years count, of the calendar that Windows uses by default.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2100;

impl LocalTime {
    /// Reads a time such as `03.06.2025 10:15:01` or `6/3/2025 8:15:01 AM`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<&str> =
            text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
        let (&[a, b, c, hour, minute], second) = match numbers.as_slice() {
            [date @ .., second] if date.len() == 5 => (date.first_chunk::<5>()?, *second),
            all => (all.first_chunk::<5>().filter(|_| all.len() == 5)?, "0"),
        };
        let words: String =
            text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        let hour: i8 = hour.parse().ok()?;
        let hour = match words.as_str() {
            // Chinese and others may write units behind the numbers of the date.
            "" | "年月日" => hour,
            word if AFTERNOON.contains(&word) && hour <= 12 => hour % 12 + 12,
            word if MORNING.contains(&word) && hour <= 12 => hour % 12,
            _ => return None,
        };
        let (year, first, second_of_date, known) = if a.len() == 4 {
            (a, b, c, Some(Order::MonthFirst))
        } else {
            let points = text.trim_start().get(a.len()..)?.starts_with('.');
            (c, a, b, points.then_some(Order::DayFirst))
        };
        let year = year.parse().ok().filter(|year| year_is_whole(numbers.as_slice(), *year))?;
        let date = (year, first.parse().ok()?, second_of_date.parse().ok()?);
        let time = Self { date, clock: (hour, minute.parse().ok()?, second.parse().ok()?), known };
        let possible = [Order::DayFirst, Order::MonthFirst];
        possible.iter().any(|order| time.at(*order).is_some()).then_some(time)
    }

    /// The order that this time alone shows.
    pub(super) fn order(&self) -> Option<Order> {
        self.known.or(match self.date {
            (_, 13.., _) => Some(Order::DayFirst),
            (_, _, 13..) => Some(Order::MonthFirst),
            _ => None,
        })
    }

    /// Whether it is the same time in both orders.
    pub(super) fn is_plain(&self) -> bool {
        self.known.is_some() || self.date.1 == self.date.2
    }

    /// The time, taken as UTC. The spelling's own order goes before the given one.
    pub(super) fn at(&self, order: Order) -> Option<HostTime> {
        let (year, first, second) = self.date;
        let (month, day) = match self.known.unwrap_or(order) {
            Order::DayFirst => (second, first),
            Order::MonthFirst => (first, second),
        };
        let (h, m, s) = self.clock;
        let civil = DateTime::new(year, month, day, h, m, s, 0).ok()?;
        Some(HostTime(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    }
}

/// Years of two digits could be days, and those of other calendars are not known.
fn year_is_whole(numbers: &[&str], year: i16) -> bool {
    let written = [0, 2].iter().filter_map(|index| numbers.get(*index));
    YEARS.contains(&year) && written.filter(|number| number.len() == 4).count() == 1
}

/// The order that all times of a file agree in; `None` where they contradict each other
/// or none tells although it matters.
pub(super) fn order_of<'t>(times: impl Iterator<Item = &'t LocalTime>) -> Option<Order> {
    let (mut days, mut months, mut matters) = (false, false, false);
    for time in times.filter(|time| time.known.is_none()) {
        days |= time.order() == Some(Order::DayFirst);
        months |= time.order() == Some(Order::MonthFirst);
        matters |= !time.is_plain();
    }
    match (days, months) {
        (true, true) => None,
        (true, false) => Some(Order::DayFirst),
        (false, true) => Some(Order::MonthFirst),
        (false, false) => (!matters).then_some(Order::DayFirst),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rfc3339;

    #[track_caller]
    fn check(text: &str, days: Option<&str>, months: Option<&str>) {
        let time = LocalTime::parse(text);
        let at = |order| time.and_then(|time| time.at(order)).map(|time| rfc3339(time.0));
        let expect = |day: Option<&str>| day.map(|day| format!("{day}Z"));
        assert_eq!(at(Order::DayFirst), expect(days), "{text}");
        assert_eq!(at(Order::MonthFirst), expect(months), "{text}");
    }

    #[test]
    fn spellings_of_many_regions_are_read() {
        let june = Some("2025-06-03T08:15:01");
        let evening = Some("2025-06-03T20:15:01");
        let march = Some("2025-03-06T20:15:01");
        check("03.06.2025 08:15:01", june, june);
        check("3. 6. 2025 8:15:01", june, june);
        check("2025-06-03 08:15:01", june, june);
        check("2025/06/03 20:15:01", evening, evening);
        check("2025/6/3 下午 08:15:01", evening, evening);
        check("2025. 06. 03. 오전 8:15:01", june, june);
        check("03/06/2025 20:15:01", evening, march);
        check("6/3/2025 8:15:01 PM", march, evening);
        check("3/6/2025 8:15:01 p.\u{a0}m.", evening, march);
        check("6/23/2025 12:05:00 AM", None, Some("2025-06-23T00:05:00"));
        check("03.06.2025 08:15", Some("2025-06-03T08:15:00"), Some("2025-06-03T08:15:00"));
    }

    #[test]
    fn what_is_no_time_or_of_another_calendar_is_none() {
        for text in [
            "",
            "yesterday",
            "03.06.25 08:15:01",
            "31/6/2025 08:15:01",
            "03/06/2568 08:15:01",
            "6/3/2025 13:15:01 PM",
            "6/3/2025 8:15:01 xx",
        ] {
            check(text, None, None);
        }
    }

    #[test]
    fn the_order_is_decided_over_the_whole_file() {
        let order = |texts: &[&str]| {
            let times: Vec<LocalTime> =
                texts.iter().map(|text| LocalTime::parse(text).unwrap()).collect();
            order_of(times.iter())
        };
        assert_eq!(
            order(&["6/3/2025 1:00:00 AM", "6/23/2025 1:00:00 AM"]),
            Some(Order::MonthFirst)
        );
        assert_eq!(order(&["3/6/2025 1:00:00 AM", "23/6/2025 1:00:00 AM"]), Some(Order::DayFirst));
        assert_eq!(order(&["3/6/2025 1:00:00 AM", "4/6/2025 1:00:00 AM"]), None);
        assert_eq!(order(&["6/6/2025 1:00:00 AM"]), Some(Order::DayFirst));
        assert_eq!(order(&["13/6/2025 1:00:00", "6/13/2025 1:00:00"]), None);
    }
}
