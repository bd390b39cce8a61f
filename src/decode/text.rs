//! Bytes → clean text: what a terminal would swallow is taken out, so that patterns match what people read.
//!
//! Receives raw bytes, gives text without ANSI and OSC sequences, NULs, a byte order mark and the `\r` of `\r\n`. Nothing that
//! can be read is dropped.

use std::borrow::Cow;

use crate::decode::transport;

/// Longest escape sequence that is believed; a longer one is taken for text behind a stray ESC.
const MAX_SEQUENCE: usize = 256;
/// Colour names that loguru's markup knows; shorter ones (`<b>`) are HTML as often as markup.
pub(crate) const MARKUP: &[&str] = &[
    "black",
    "blue",
    "cyan",
    "green",
    "magenta",
    "red",
    "white",
    "yellow",
    "bold",
    "dim",
    "italic",
    "level",
    "lvl",
    "normal",
    "reverse",
    "strike",
    "underline",
];

/// Clean text of `raw`, and whether `raw` held invalid UTF-8 (replaced by U+FFFD).
pub(super) fn clean(raw: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = std::str::from_utf8(raw) {
        return (strip(text), false);
    }
    let text = latin1(raw).unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned());
    (Cow::Owned(strip(&text).into_owned()), true)
}

/// `raw` read as Latin-1, where it looks like that: letters beyond ASCII inside or beside words, few of them, and no character of UTF-8.
fn latin1(raw: &[u8]) -> Option<String> {
    let foreign = |at: usize| raw.get(at).is_some_and(|byte| (0xa0..=0xfd).contains(byte));
    let letter = |at: Option<usize>| at.and_then(|at| raw.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let is_word = |at: usize| {
        letter(at.checked_sub(1))
            || letter(at.checked_add(1))
            || raw.get(at) == Some(&0xa0)
            || matches!(raw.get(at), Some(0xe0))
    };
    let mut high = raw.iter().enumerate().filter(|(_, byte)| !byte.is_ascii()).map(|(at, _)| at).peekable();
    high.peek()?;
    let few = raw.iter().filter(|byte| !byte.is_ascii()).count() * 4 <= raw.len();
    let no_utf8 = raw.utf8_chunks().all(|chunk| chunk.valid().is_ascii());
    (few && no_utf8 && high.all(|at| foreign(at) && is_word(at))).then(|| transport::latin1(raw)).flatten()
}

/// `text` without escape sequences, NULs, byte order mark and the `\r` of line ends.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if memchr::memchr3(0x1b, 0, b'\r', text.as_bytes()).is_none() && memchr::memchr(0xc2, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\0', '\r', '\u{9b}']) {
        let (before, from) = rest.split_at(at);
        clean.push_str(before);
        let skipped = escape_len(from.as_bytes());
        if skipped == 0 {
            let mut chars = from.chars();
            let first = chars.next();
            let ends_line = matches!(chars.clone().next(), None | Some('\n' | '\r'));
            if first == Some('\r') && !ends_line {
                clean.push('\r');
            }
            rest = chars.as_str();
        } else {
            rest = from.get(skipped..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Length of the escape sequence that `bytes` start with; 0 where there is none.
pub(super) fn escape_len(bytes: &[u8]) -> usize {
    match bytes {
        [0x1b, b'[', rest @ ..] | [0xc2, 0x9b, rest @ ..] => 2 + control_len(rest),
        [0x1b, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => 2 + string_len(rest),
        [0x1b, b'(' | b')' | b'#' | b'%', final_byte, ..] if final_byte.is_ascii() => 3,
        [0x1b, b'0'..=b'~', ..] => 2,
        [0x1b, ..] => 1,
        _ => 0,
    }
}

/// Parameters and final byte of a control sequence.
fn control_len(bytes: &[u8]) -> usize {
    let parameters = bytes.iter().take(MAX_SEQUENCE).take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    match bytes.get(parameters) {
        Some(0x40..=0x7e) => parameters + 1,
        _ => 0,
    }
}

/// An operating system command up to and with its terminator (BEL or ESC `\`), on the same line.
fn string_len(bytes: &[u8]) -> usize {
    for (at, byte) in bytes.iter().take(4 * MAX_SEQUENCE).enumerate() {
        match byte {
            0x07 => return at + 1,
            0x1b if bytes.get(at + 1) == Some(&b'\\') => return at + 2,
            b'\n' | 0x1b => return 0,
            _ => {}
        }
    }
    0
}

/// `text` without loguru's literal colour tags (`<yellow>…</yellow>`), which a misconfigured logger prints.
pub(super) fn strip_markup(text: &str) -> Cow<'_, str> {
    if !text.contains('<') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        clean.push_str(before);
        let len = markup_len(from);
        let kept = usize::from(len == 0);
        clean.push_str(from.get(..kept).unwrap_or_default());
        rest = from.get(len.max(1)..).unwrap_or_default();
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Whether `text` begins with one of loguru's tags.
pub(super) fn opens_with_markup(text: &str) -> bool {
    text.starts_with('<') && markup_len(text) > 0
}

fn markup_len(text: &str) -> usize {
    let Some(end) = text.bytes().take(24).position(|byte| byte == b'>') else { return 0 };
    let name = text.get(1..end).unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    let name = name.strip_prefix("light-").unwrap_or(name);
    if MARKUP.contains(&name) { end + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_line_ends_go() {
        assert_eq!(strip("\u{1b}[32mINFO\u{1b}[0m:  a\r\nb\0c\u{1b}]0;title\u{7}d"), "INFO:  a\nbcd");
        assert_eq!(strip("\u{feff}x"), "x");
        assert_eq!(strip("10%\r20%"), "10%\r20%", "a lone return is text");
        assert_eq!(strip("a\u{1b}]never ends"), "anever ends");
        assert_eq!(strip("é\u{9b}1mü"), "éü");
    }

    #[test]
    fn only_known_tags_are_markup() {
        assert_eq!(strip_markup("<yellow>a <b> < c</yellow> <Foo>"), "a <b> < c <Foo>");
    }

    #[test]
    fn invalid_bytes_are_told() {
        assert_eq!(clean(b"a\xffb"), (Cow::Borrowed("a\u{fffd}b"), true));
        assert_eq!(clean(b"refus\xe9e"), (Cow::Borrowed("refus\u{e9}e"), true), "but Latin-1 is read");
        assert!(!clean("ä".as_bytes()).1);
    }
}
