//! Event times: the stamp a header begins with, and the time values of JSON fields. A stamp without a zone is UTC.

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::decode::time::reader::Reader;

mod reader;
mod stamp;

/// A date and time found at the beginning of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Bytes it takes.
    pub(super) len: usize,
    /// Whether it has the form of RFC 3164 (`Sep  8 08:47:01`): a host and a tag follow.
    pub(super) syslog: bool,
    /// Whether it has Android's form (`03-17 16:13:38.811`).
    pub(super) android: bool,
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    offset: i64,
    /// Whether the zone was written.
    zoned: bool,
    epoch: Option<Timestamp>,
}

impl Stamp {
    /// The moment; `None` where the stamp does not say the year or the day.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        if self.epoch.is_some() || self.year == 0 {
            return self.epoch;
        }
        self.in_year(self.year)
    }

    /// The moment, its clock being in `zone` if the stamp names none.
    pub(super) fn moment(&self, zone: Option<&TimeZone>) -> Option<Timestamp> {
        self.timestamp().map(|time| local(time, self.is_local(), zone))
    }

    /// Whether it is the time of a place that it does not name.
    pub(super) fn is_local(&self) -> bool {
        !self.zoned && self.epoch.is_none()
    }

    /// The moment of a stamp without a year: the latest that is not after `limit`, clocks being a day apart at most.
    pub(super) fn latest_before(&self, limit: Timestamp) -> Option<Timestamp> {
        if self.year != 0 || self.month == 0 || self.day == 0 {
            return None;
        }
        let limit = limit.checked_add(SignedDuration::from_hours(24)).ok()?;
        let year = limit.to_zoned(TimeZone::UTC).year();
        // Eight years hold a 29 February even around 1900 and 2100.
        (0..=8).find_map(|back| self.in_year(year - back).filter(|time| *time <= limit))
    }

    fn in_year(&self, year: i16) -> Option<Timestamp> {
        let second = self.second.min(59);
        let civil = DateTime::new(year, self.month, self.day, self.hour, self.minute, second, self.nanos).ok()?;
        let local = TimeZone::UTC.to_timestamp(civil).ok()?;
        local.checked_sub(SignedDuration::from_secs(self.offset)).ok()
    }
}

/// The stamp `text` begins with, in any of the forms that logging libraries print.
pub(super) fn leading(text: &[u8]) -> Option<Stamp> {
    let first = *text.first()?;
    let mut reader = Reader::new(text);
    let mut found = Stamp::default();
    if first.is_ascii_digit() {
        stamp::numeric(&mut reader, &mut found)?;
    } else if first.is_ascii_uppercase() {
        stamp::named(&mut reader, &mut found)?;
    } else {
        return None;
    }
    if reader.peek().is_ascii_alphanumeric() {
        return None;
    }
    found.len = reader.at;
    Some(found)
}

/// The moment a field states: RFC 3339 and its relatives, read from a clock in `zone` where it names none (`None`: UTC), or an epoch
/// number.
pub(super) fn parse(text: &str, zone: Option<&TimeZone>) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i128>() {
        return from_integer(number);
    }
    if let Ok(number) = text.parse::<f64>() {
        return if text.contains(['e', 'E']) { from_decimal(&format!("{number:.6}")) } else { from_decimal(text) };
    }
    leading(text.as_bytes()).and_then(|stamp| stamp.moment(zone))
}

/// `time`, read as UTC, as the moment it is if it `is_local` to a clock in `zone`.
pub(super) fn local(time: Timestamp, is_local: bool, zone: Option<&TimeZone>) -> Timestamp {
    zone.filter(|_| is_local).map_or(time, |zone| in_zone(time, zone))
}

/// `time`, read as UTC from a clock in `zone`, as the moment it is there.
pub(super) fn in_zone(time: Timestamp, zone: &TimeZone) -> Timestamp {
    let civil = time.to_zoned(TimeZone::UTC).datetime();
    civil.to_zoned(zone.clone()).map_or(time, |zoned| zoned.timestamp())
}

/// An epoch number in seconds, milli-, micro- or nanoseconds, told apart by size.
pub(super) fn from_integer(value: i128) -> Option<Timestamp> {
    let nanos = match value.unsigned_abs() {
        0..100_000_000_000 => value.checked_mul(1_000_000_000)?,
        100_000_000_000..100_000_000_000_000 => value.checked_mul(1_000_000)?,
        100_000_000_000_000..100_000_000_000_000_000 => value.checked_mul(1_000)?,
        _ => value,
    };
    if nanos <= 0 {
        return None;
    }
    Timestamp::from_nanosecond(nanos).ok()
}

/// An epoch number with a fraction, read from its digits because a double would round them; a fraction of milliseconds is
/// dropped.
fn from_decimal(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.')?;
    let whole: i128 = whole.parse().ok()?;
    let moment = from_integer(whole)?;
    let digits = fraction.get(..9).unwrap_or(fraction);
    let nanos: i64 = format!("{digits:0<9}").parse().ok()?;
    if whole >= 100_000_000_000 { Some(moment) } else { moment.checked_add(SignedDuration::from_nanos(nanos)).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> (usize, Option<String>) {
        let stamp = leading(text.as_bytes()).unwrap_or_else(|| panic!("no stamp in {text}"));
        (stamp.len, stamp.timestamp().map(|time| time.to_string()))
    }

    #[test]
    fn stamps_of_every_form() {
        let same = Some("2025-09-08T08:47:01Z".to_owned());
        for text in [
            "2025-09-08 08:47:01",
            "2025-09-08T08:47:01Z",
            "2025-09-08T10:47:01+02:00",
            "2025-09-08 03:47:01 -0500",
            "2025/09/08 08:47:01",
            "2025.09.08 08:47:01",
            "2025-09-08-08.47.01",
            "Sep 8, 2025 8:47:01 AM",
            "08/Sep/2025:08:47:01 +0000",
            "08-Sep-2025 08:47:01 UTC",
            "8 Sep 2025 08:47:01",
            "25/09/08 08:47:01",
            "250908 084701",
            "20250908-08:47:01",
            "20250908T084701",
            "Mon Sep 08 08:47:01 2025",
            "Mon, 08 Sep 2025 08:47:01 GMT",
            "Mon Sep 08 2025 08:47:01 GMT",
            "Mon Sep 08 2025 10:47:01 GMT+0200",
            "1757321221",
        ] {
            assert_eq!(iso(&format!("{text} rest")), (text.len(), same.clone()), "{text}");
        }
        assert_eq!(iso("2025-09-08 08:47:01,122 - x").1.unwrap(), "2025-09-08T08:47:01.122Z");
        assert_eq!(iso("2025-09-08 08:47:01 - x").0, 19, "a dash is no zone");
    }

    #[test]
    fn stamps_without_a_year_say_no_moment() {
        for text in ["Sep  8 08:47:01", "03-17 16:13:38.811", "08:47:01.122", "8:47AM", "09/08/2025, 08:47:01"] {
            assert_eq!(iso(&format!("{text} rest")).1, None, "{text}");
        }
    }

    #[test]
    fn numbers_are_no_stamps() {
        for text in [
            "2025-13-08 08:47:01",
            "127.0.0.1:80",
            "12:30",
            "1234567",
            "2025-09-08",
            "9999999999 x",
            "10:99:00",
            "May be",
        ] {
            assert_eq!(leading(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_a_time_that_names_no_zone_is_local() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let told = |text: &str| parse(text, Some(&zone)).unwrap().to_string();
        for text in ["2025-09-08T08:47:01", "2025-09-08 08:47:01,000", "08/Sep/2025:08:47:01"] {
            assert_eq!(told(text), "2025-09-08T06:47:01Z", "{text}");
        }
        for text in ["2025-09-08T08:47:01Z", "2025-09-08T09:47:01+01:00", "1757321221", "1757321221.0", "1757321221000"]
        {
            assert_eq!(told(text), "2025-09-08T08:47:01Z", "{text}");
        }
    }

    #[test]
    fn json_times() {
        for text in [
            "1757321221",
            "1757321221000",
            "1757321221000000",
            "1757321221000000000",
            "1757321221.0",
            "2025-09-08T08:47:01Z",
        ] {
            assert_eq!(parse(text, None).unwrap().to_string(), "2025-09-08T08:47:01Z", "{text}");
        }
        assert_eq!(parse("1757321221.352118", None).unwrap().to_string(), "2025-09-08T08:47:01.352118Z");
        for text in ["yesterday", "", "-1", "0", "nan", "inf", "1e400", "."] {
            assert_eq!(parse(text, None), None, "{text}");
        }
    }
}
