//! What a launcher writes in front of every line (`docker compose`, `kubectl logs --prefix`, CRI, `[BACKEND] `): taken off each line
//! before the record is read.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decode::line;
use crate::decode::time;

/// Length of the prefix of the first line of `text`.
pub(super) fn len(text: &str) -> usize {
    let end = memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len());
    line::prefix_len(text.as_bytes().get(..end).unwrap_or_default())
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
        plain.push_str(rest.unwrap_or_else(|| row.get(line::prefix_len(row.as_bytes())..).unwrap_or(row)));
    }
    Cow::Owned(plain)
}
