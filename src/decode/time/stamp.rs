//! The forms of date and time that stand at the beginning of a line, told apart without a regex.

use jiff::SignedDuration;

use crate::decode::time::Stamp;
use crate::decode::time::from_integer;
use crate::decode::time::reader::Reader;

const MONTHS: &[&[u8; 3]] =
    &[b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const DAYS: &[&[u8; 3]] = &[b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// `2025-09-08 08:47:01`: the form of nearly all lines, read by the places of its digits.
fn usual(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    let text: &[u8; 19] = reader.text.first_chunk()?;
    let parted = [(4, b"-".as_slice()), (7, b"-"), (10, b"T "), (13, b":"), (16, b":")];
    if !parted.iter().all(|(at, marks)| text.get(*at).is_some_and(|byte| marks.contains(byte))) {
        return None;
    }
    let two = |at: usize| {
        let [tens, ones] = *text.get(at..)?.first_chunk::<2>()?;
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| i8::try_from(tens * 10 + ones).ok()).flatten()
    };
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if !(1970..=2200).contains(&year) || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    (stamp.year, stamp.month, stamp.day) = (year, month, day);
    (stamp.hour, stamp.minute, stamp.second) = (hour, minute, second);
    reader.at = text.len();
    fraction(reader, stamp);
    half_day(reader, stamp);
    zone(reader, stamp);
    Some(())
}

/// Stamps that begin with a digit, told apart by the length of the first number and what follows it.
pub(super) fn numeric(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    if usual(reader, stamp).is_some() {
        return Some(());
    }
    let count = reader.digits_ahead();
    match (count, reader.ahead(count)) {
        (4, separator @ (b'-' | b'/' | b'.')) => {
            year_first(reader, stamp, separator)?;
            zone(reader, stamp);
        }
        (1 | 2, b':') => clock(reader, stamp, true)?,
        (2, b'/') => {
            slashed(reader, stamp)?;
            zone(reader, stamp);
        }
        (2, separator @ (b'-' | b'.')) if reader.ahead(5) == separator && reader.ahead(6).is_ascii_digit() => {
            day_first(reader, stamp, separator)?;
            zone(reader, stamp);
        }
        (2, b'-') if reader.ahead(3).is_ascii_digit() => {
            stamp.month = reader.small(2, 12)?;
            reader.eat(b'-');
            stamp.day = reader.small(2, 31)?;
            reader.any(b" ")?;
            clock(reader, stamp, true)?;
            stamp.android = true;
        }
        (1 | 2, separator @ (b'-' | b' ')) => {
            day_month(reader, stamp, separator)?;
            zone(reader, stamp);
        }
        (6, b' ') => compact(reader, stamp)?,
        (8, b'-' | b'T' | b' ') => {
            full_date(reader, stamp)?;
            zone(reader, stamp);
        }
        (10 | 13, _) => epoch(reader, stamp)?,
        _ => return None,
    }
    Some(())
}

/// `2025-09-08 08:47:01,122`, `2025/09/08T08:47`, `2005-06-03-15.42.50.675872`.
fn year_first(reader: &mut Reader<'_>, stamp: &mut Stamp, separator: u8) -> Option<()> {
    year(reader, stamp)?;
    reader.any(&[separator])?;
    stamp.month = reader.small(2, 12)?;
    reader.any(&[separator])?;
    stamp.day = reader.small(2, 31)?;
    reader.any(b" Tt_-")?;
    reader.eat(b' ');
    clock(reader, stamp, false)
}

fn year(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    let year = reader.digits(4, 2200).filter(|year| *year >= 1970)?;
    stamp.year = i16::try_from(year).ok()?;
    Some(())
}

/// `08.09.2025 08:47:01`, and with dashes where the day can be nothing else.
fn day_first(reader: &mut Reader<'_>, stamp: &mut Stamp, separator: u8) -> Option<()> {
    let first = reader.small(2, 31)?;
    reader.eat(separator);
    let second = reader.small(2, 31)?;
    reader.eat(separator);
    let at = reader.at;
    year(reader, stamp)?;
    (stamp.day, stamp.month) = if second > 12 { (second, first) } else { (first, second) };
    (stamp.month <= 12).then_some(())?;
    if separator == b'-' && first <= 12 && second <= 12 {
        reader.at = at + 4;
        (stamp.year, stamp.month, stamp.day) = (0, 0, 0);
    }
    reader.eat(b',');
    reader.any(b" T")?;
    clock(reader, stamp, false)
}

/// `17/06/09 20:10:40` (year first), `08/Sep/2025:08:47:01 +0000`, `09/08/2025, 08:47:01` (day or month first: no moment).
fn slashed(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    if reader.ahead(3).is_ascii_alphabetic() {
        return day_month(reader, stamp, b'/');
    }
    let first = reader.small(2, 99)?;
    reader.eat(b'/');
    let second = reader.small(2, 31)?;
    reader.any(b"/")?;
    if reader.digits_ahead() == 4 {
        year(reader, stamp)?;
        reader.eat(b',');
        reader.any(b" ")?;
        let half = clock(reader, stamp, false).map(|()| is_half_day(reader))?;
        // Where the clock has halves, the month comes first; elsewhere only what can be nothing else is read.
        (stamp.month, stamp.day) = match (first, second) {
            (1..=12, 1..) if second > 12 || half => (first, second),
            (13..=31, 1..=12) => (second, first),
            _ => (0, 0),
        };
        stamp.year = if stamp.month == 0 { 0 } else { stamp.year };
        return Some(());
    }
    let third = reader.small(2, 99)?;
    (stamp.year, stamp.month, stamp.day) = if second > 12 {
        // `11/21/26`: Rich writes the date as C does.
        (2000 + i16::from(third), (first <= 12).then_some(first)?, second)
    } else {
        (2000 + i16::from(first), second, (third <= 31).then_some(third)?)
    };
    reader.any(b" ")?;
    clock(reader, stamp, false)
}

/// `08/Sep/2025:08:47:01`, `08-Sep-2025 08:47:01`, `08 Sep 2025 08:47:01.122`.
fn day_month(reader: &mut Reader<'_>, stamp: &mut Stamp, separator: u8) -> Option<()> {
    stamp.day = reader.small(reader.digits_ahead(), 31)?;
    reader.any(&[separator])?;
    stamp.month = reader.name(MONTHS)?;
    reader.any(&[separator])?;
    year(reader, stamp)?;
    reader.any(b": ")?;
    clock(reader, stamp, true)
}

/// Hadoop's `081109 203615`.
fn compact(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    stamp.year = 2000 + i16::try_from(reader.digits(2, 99)?).ok()?;
    stamp.month = reader.small(2, 12)?;
    stamp.day = reader.small(2, 31)?;
    reader.any(b" ")?;
    // Tornado's clock has colons.
    if reader.ahead(2) == b':' {
        return clock(reader, stamp, true);
    }
    if reader.digits_ahead() != 6 {
        return None;
    }
    stamp.hour = reader.small(2, 23)?;
    stamp.minute = reader.small(2, 59)?;
    stamp.second = reader.small(2, 60)?;
    (reader.peek() == b' ').then_some(())
}

/// `20171223-22:15:29:606`, `20250908T084701`, `20250908 08:47:01`.
fn full_date(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    year(reader, stamp)?;
    stamp.month = reader.small(2, 12)?;
    stamp.day = reader.small(2, 31)?;
    let separator = reader.any(b"-T ")?;
    if separator != b'T' || reader.ahead(2) == b':' {
        return clock(reader, stamp, true);
    }
    stamp.hour = reader.small(2, 23)?;
    stamp.minute = reader.small(2, 59)?;
    stamp.second = reader.small(2, 60)?;
    fraction(reader, stamp);
    Some(())
}

/// `1117838570`, `1286536308.779`, `1757321221122`: only between 2001 and 2040, and only as a word of its own.
fn epoch(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    let count = reader.digits_ahead();
    let mut value = 0_i128;
    for _ in 0..count {
        value = value * 10 + i128::from(reader.peek() - b'0');
        reader.at += 1;
    }
    if count == 10 && reader.peek() == b'.' && reader.ahead(1).is_ascii_digit() {
        fraction(reader, stamp);
    }
    let moment = from_integer(value)?.checked_add(SignedDuration::from_nanos(i64::from(stamp.nanos))).ok()?;
    let plausible = (1_000_000_000..2_208_988_800).contains(&moment.as_second());
    stamp.epoch = Some(moment);
    (plausible && matches!(reader.peek(), b' ' | b'\t' | b'|' | b']' | 0)).then_some(())
}

/// `08:47:01.122`; seconds may be missing unless `strict`.
fn clock(reader: &mut Reader<'_>, stamp: &mut Stamp, strict: bool) -> Option<()> {
    stamp.hour = reader.small(reader.digits_ahead().clamp(1, 2), 23)?;
    let separator = reader.any(b":.")?;
    stamp.minute = reader.small(2, 59)?;
    if !reader.eat(separator) {
        let half = half_day(reader, stamp);
        return (!strict || half).then_some(());
    }
    stamp.second = reader.small(2, 60)?;
    fraction(reader, stamp);
    half_day(reader, stamp);
    Some(())
}

/// Whether the clock that was just read ended in `AM` or `PM`.
fn is_half_day(reader: &Reader<'_>) -> bool {
    let end = reader.at.checked_sub(2).and_then(|at| reader.text.get(at..reader.at));
    matches!(end, Some(b"AM" | b"PM"))
}

/// `AM` or `PM`, with or without a blank before it.
fn half_day(reader: &mut Reader<'_>, stamp: &mut Stamp) -> bool {
    let blank = usize::from(reader.peek() == b' ');
    let half @ (b'A' | b'P') = reader.ahead(blank) else { return false };
    if reader.ahead(blank + 1) != b'M' || reader.ahead(blank + 2).is_ascii_alphanumeric() || stamp.hour > 12 {
        return false;
    }
    stamp.hour = stamp.hour % 12 + if half == b'P' { 12 } else { 0 };
    reader.at += blank + 2;
    true
}

fn fraction(reader: &mut Reader<'_>, stamp: &mut Stamp) {
    if !matches!(reader.peek(), b'.' | b',' | b':') || !reader.ahead(1).is_ascii_digit() {
        return;
    }
    reader.at += 1;
    let mut scale = 100_000_000;
    while reader.peek().is_ascii_digit() {
        stamp.nanos += i32::from(reader.peek() - b'0') * scale;
        scale /= 10;
        reader.at += 1;
    }
}

/// `Z`, `+02:00`, `-0500`, `+02`, and after a space ` UTC`, ` +0000`.
fn zone(reader: &mut Reader<'_>, stamp: &mut Stamp) {
    let start = reader.at;
    let spaced = reader.eat(b' ');
    let found = match reader.peek() {
        b'Z' | b'z' => {
            reader.at += 1;
            true
        }
        b'U' | b'G'
            if matches!(
                [reader.ahead(0), reader.ahead(1), reader.ahead(2)],
                [b'U', b'T', b'C'] | [b'G', b'M', b'T']
            ) =>
        {
            reader.at += 3;
            signed_offset(reader, stamp, true);
            true
        }
        _ => signed_offset(reader, stamp, spaced),
    };
    if !found || reader.peek().is_ascii_alphanumeric() {
        stamp.offset = 0;
        reader.at = start;
    } else {
        stamp.zoned = true;
    }
}

/// `+02:00`, `-0500`.
fn signed_offset(reader: &mut Reader<'_>, stamp: &mut Stamp, spaced: bool) -> bool {
    let Some(sign) = reader.any(b"+-") else { return false };
    let seconds = offset(reader, spaced);
    stamp.offset = seconds.map_or(0, |seconds| if sign == b'-' { -seconds } else { seconds });
    seconds.is_some()
}

fn offset(reader: &mut Reader<'_>, spaced: bool) -> Option<i64> {
    let hours = reader.digits(2, 23)?;
    let minutes = if reader.eat(b':') || reader.peek().is_ascii_digit() {
        reader.digits(2, 59)?
    } else if spaced {
        return None;
    } else {
        0
    };
    Some(i64::from(hours * 3600 + minutes * 60))
}

/// `Sep  8 08:47:01` (syslog), `Sep 8, 2025 8:47:01 AM`, `Sun Dec 04 04:47:44 2005`, `Mon, 08 Sep 2025 08:47:01 GMT`.
pub(super) fn named(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    if reader.name(DAYS).is_some() {
        if reader.eat(b',') {
            reader.any(b" ")?;
            day_month(reader, stamp, b' ')?;
            zone(reader, stamp);
            return Some(());
        }
        reader.any(b" ")?;
        let mut ahead = Reader { text: reader.text, at: reader.at };
        let mut found = *stamp;
        if javascript(&mut ahead, &mut found).is_some() {
            (*stamp, reader.at) = (found, ahead.at);
            return Some(());
        }
        month_day(reader, stamp)?;
        reader.any(b" ")?;
        return year(reader, stamp);
    }
    month_day(reader, stamp)?;
    if stamp.year != 0 {
        return Some(());
    }
    stamp.syslog = true;
    if reader.peek() == b' ' && reader.digits_ahead() == 0 && reader.ahead(5) == b' ' {
        let mut ahead = Reader { text: reader.text, at: reader.at + 1 };
        if year(&mut ahead, stamp).is_some() {
            reader.at = ahead.at;
        }
    }
    Some(())
}

/// `Sep 08 2025 08:47:01 GMT+0200 (CEST)`, behind the day of the week: what JavaScript makes of a date.
fn javascript(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    stamp.month = reader.name(MONTHS)?;
    reader.any(b" ")?;
    stamp.day = reader.small(reader.digits_ahead().clamp(1, 2), 31)?;
    reader.any(b" ")?;
    (reader.digits_ahead() == 4).then_some(())?;
    year(reader, stamp)?;
    reader.any(b" ")?;
    clock(reader, stamp, true)?;
    zone(reader, stamp);
    Some(())
}

fn month_day(reader: &mut Reader<'_>, stamp: &mut Stamp) -> Option<()> {
    stamp.month = reader.name(MONTHS)?;
    reader.any(b" ")?;
    reader.eat(b' ');
    stamp.day = reader.small(reader.digits_ahead().clamp(1, 2), 31)?;
    if reader.eat(b',') {
        // Java's own logger: `Nov 21, 2026 4:03:10 PM`; newer versions put a narrow blank before the half of the day.
        reader.any(b" ")?;
        year(reader, stamp)?;
        reader.eat(b',');
    }
    reader.any(b" ")?;
    clock(reader, stamp, true)
}
