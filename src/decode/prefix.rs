//! What a launcher writes in front of every line (`docker compose`, `kubectl logs --prefix`, CRI, `[BACKEND] `): taken off each line
//! before the record is read.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decode::line::LEVELS;
use crate::decode::line::Opening;
use crate::decode::line::continues;
use crate::decode::line::opening;
use crate::decode::severity;
use crate::decode::time;

/// Length of the prefix of the first line of `text`.
pub(super) fn len(text: &str) -> usize {
    let end = memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len());
    prefix_len(text.as_bytes().get(..end).unwrap_or_default())
}

/// The time a CRI prefix states.
pub(super) fn time(text: &str, zone: Option<&TimeZone>) -> Option<Timestamp> {
    let len = len(text);
    (len > 0).then(|| time::leading(text.as_bytes()).and_then(|stamp| stamp.moment(zone))).flatten()
}

/// `text` without the prefix of its first line, on every line that has it or one of its kind.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    let first = len(text);
    if first == 0 {
        return Cow::Borrowed(text);
    }
    let prefix = text.get(..first).unwrap_or_default();
    let bare = prefix.trim_end();
    if bare.is_empty() {
        // The margin of a header is none of the rows below it.
        return Cow::Borrowed(text.get(first..).unwrap_or_default());
    }
    let mut plain = String::with_capacity(text.len());
    for (at, row) in text.split('\n').enumerate() {
        if at > 0 {
            plain.push('\n');
        }
        let rest = row.strip_prefix(prefix).or_else(|| (row == bare).then_some(""));
        plain.push_str(rest.unwrap_or_else(|| row.get(prefix_len(row.as_bytes())..).unwrap_or(row)));
    }
    Cow::Owned(plain)
}

/// Length of what stands before the header of a line in the output of `docker compose`, `kubectl logs --prefix`, CRI or a
/// development launcher.
pub(super) fn prefix_len(line: &[u8]) -> usize {
    let len = match line.first() {
        Some(b' ') => margin_len(line),
        Some(b'[') => label_len(line),
        Some(b'0'..=b'9') => cri_len(line).max(compose_len(line)),
        Some(first) if first.is_ascii_alphabetic() => compose_len(line),
        _ => 0,
    };
    // `[BACKEND] ` before something that is no header may be text: the label then stays.
    len
}

/// `[BACKEND] `, `[pod/web-1/app] `: no level, no number, nothing lower-case without a slash.
fn label_len(line: &[u8]) -> usize {
    let Some(end) = line.iter().take(100).position(|byte| *byte == b']') else { return 0 };
    let label = line.get(1..end).unwrap_or_default();
    let upper = label.first().is_some_and(u8::is_ascii_uppercase)
        && label.len() > 1
        && label.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    let known = (upper && severity::number(label).is_none()) || label.starts_with(b"pod/");
    if !known || line.get(end + 1) != Some(&b' ') {
        return 0;
    }
    let rest = line.get(end + 2..).unwrap_or_default();
    if continues(rest) || opening(rest).is_some() { end + 2 } else { 0 }
}

/// `2025-09-08T08:47:01.122456789Z stdout F `.
pub(super) fn cri_len(line: &[u8]) -> usize {
    if line.get(10) != Some(&b'T') {
        return 0;
    }
    let Some(stamp) = time::leading(line) else { return 0 };
    let rest = line.get(stamp.len..).unwrap_or_default();
    for stream in [b" stdout F".as_slice(), b" stderr F", b" stdout P", b" stderr P"] {
        if let Some(after) = rest.strip_prefix(stream) {
            return match after.first() {
                None => stamp.len + stream.len(),
                Some(b' ') => stamp.len + stream.len() + 1,
                _ => 0,
            };
        }
    }
    0
}

/// `backend-1  | `, `web_1 | `; a name without a number only before a header.
fn compose_len(line: &[u8]) -> usize {
    let name = line
        .iter()
        .take(64)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        .count();
    let blanks = line.iter().skip(name).take(64).take_while(|byte| **byte == b' ').count();
    let bar = name + blanks;
    if blanks == 0 || line.get(bar) != Some(&b'|') {
        return 0;
    }
    let len = bar + 1 + usize::from(line.get(bar + 1) == Some(&b' '));
    let digits = line.iter().take(name).rev().take_while(|byte| byte.is_ascii_digit()).count();
    let numbered = digits > 0
        && name > digits + 1
        && matches!(line.get(name - digits - 1), Some(b'-' | b'_'))
        && line.first().is_some_and(u8::is_ascii_alphabetic);
    let rest = line.get(len..).unwrap_or_default();
    let level = severity::number(line.get(..name).unwrap_or_default()).is_some();
    if numbered || (!level && time::leading(line).is_none() && opening(rest).is_some()) { len } else { 0 }
}

/// Length of the margin of a header that stands apart from the line's beginning: Rich leaves the column of the time empty
/// (`           ERROR    text`), `tracing` and consola indent (`  2025-…Z  INFO shop: text`, ` WARN  text`), Sentry names itself.
fn margin_len(line: &[u8]) -> usize {
    let blanks = line.iter().take(64).take_while(|byte| **byte == b' ').count();
    let rest = line.get(blanks..).unwrap_or_default();
    let len = rest.iter().take(9).take_while(|byte| byte.is_ascii_uppercase()).count();
    let level = LEVELS.contains(&rest.get(..len).unwrap_or_default());
    let parted = rest.iter().skip(len).take(9).take_while(|byte| **byte == b' ').count();
    let found = if level {
        (blanks >= 6 && len + parted == 9 || blanks == 1 && parted == 2) && rest.len() > len + parted
    } else {
        let dated = blanks == 2 && rest.get(10) == Some(&b'T');
        let after = || time::leading(rest).and_then(|stamp| rest.get(stamp.len..)).map(<[u8]>::trim_ascii_start);
        dated && after().is_some_and(|after| matches!(opening(after), Some(Opening::Level(_))))
    };
    if found {
        return blanks;
    }
    let own = if blanks == 1 { rest.strip_prefix(b"[").filter(|rest| rest.first() != Some(&b' ')) } else { None };
    let close = own.and_then(|own| own.iter().take(24).position(|byte| *byte == b']'));
    let behind = close.and_then(|close| rest.get(close + 2..)).and_then(|rest| rest.strip_prefix(b" "));
    let colon = |rest: &[u8]| matches!(opening(rest), Some(Opening::Level(len)) if rest.get(len) == Some(&b':'));
    behind.filter(|rest| colon(rest)).map_or(0, |rest| line.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_prefix_only_before_a_header_or_its_continuation() {
        assert_eq!(prefix_len(b"[BACKEND] INFO:     up"), 10);
        assert_eq!(prefix_len(b"[BACKEND]   File \"x\""), 10);
        assert_eq!(prefix_len(b"[BACKEND] something else"), 0);
        assert_eq!(prefix_len(b"[ERROR] [x] y"), 0);
        assert_eq!(prefix_len(b"backend-1  | Traceback"), 13);
        assert_eq!(prefix_len(b"backend  | INFO:     up"), 11);
        assert_eq!(prefix_len(b"alpha | beta"), 0);
        assert_eq!(prefix_len(b"INFO | 2025-09-08 08:47:01 | x"), 0);
        assert_eq!(prefix_len(b"2025-09-08T08:47:01.122456789Z stderr F Traceback"), 40);
    }
}
