//! Makes text from outside harmless to show: nothing in it can move a cursor, colour a terminal, break a line, turn the reading
//! direction or hide. [`inert`] writes what acts as an escape: for relapse's own log and label values, where no byte may be lost.
//! [`one_line`] leaves terminal sequences out and bounds the length: for alerts and tables, which people read. JSON and HTML are
//! escaped by their writers.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// Longest label value, in characters; the rest is cut and marked with `…`.
const MAX_LABEL_CHARS: usize = 128;

/// `text` with every control, bidirectional and invisible character written as an escape (`\n`, `\u{1b}`).
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            active if is_active(active) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(active));
            }
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown)
}

/// Terminal control sequences: CSI, OSC (titles, links) and the two-byte ones.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test of this file")]
static SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|\u{9d})[^\x07\x1b\u{9c}]*(?:\x07|\x1b\\|\u{9c})|\x1b[ -/]*[0-~]")
        .expect("constant")
});

/// `text` on one line, without terminal sequences, at most `max` characters; applying it twice changes nothing more.
///
/// A line break becomes `⏎`, a tab a space, any other control, bidirectional or invisible character `�`.
pub fn one_line(text: &str, max: usize) -> String {
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    // Cut first (sequences may be dropped from a longer text), so that hostile input costs no more than honest input.
    let cut = text.get(..text.floor_char_boundary(max.saturating_mul(16))).unwrap_or(text);
    let plain = SEQUENCE.replace_all(cut, "");
    let mut shown = String::with_capacity(plain.len().min(max * 4));
    let mut count = 0;
    let mut characters = plain.chars().peekable();
    while let Some(character) = characters.next() {
        let replacement = match character {
            '\r' if characters.peek() == Some(&'\n') => continue,
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '⏎',
            '\t' => ' ',
            hidden if is_active(hidden) => '\u{fffd}',
            harmless => harmless,
        };
        if count + 1 == max && characters.peek().is_some() {
            shown.push('…');
            break;
        }
        shown.push(replacement);
        count += 1;
    }
    shown
}

/// A label value that is safe to export: inert and bounded.
pub(super) fn label_value(text: &str) -> Cow<'_, str> {
    let shown = inert(text);
    if shown.chars().nth(MAX_LABEL_CHARS).is_none() {
        return shown;
    }
    Cow::Owned(shown.chars().take(MAX_LABEL_CHARS).chain(['…']).collect())
}

fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_or_a_reader_is_escaped() {
        assert_eq!(inert("caf\u{e9} ✓"), "caf\u{e9} ✓");
        assert_eq!(inert("a\u{1b}[31mb\r\n\u{9b}c\0"), "a\\u{1b}[31mb\\r\\n\\u{9b}c\\u{0}");
        assert_eq!(inert("user\u{202e}gpj.exe"), "user\\u{202e}gpj.exe");
        assert!(matches!(inert("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn label_values_are_bounded() {
        let long = "é".repeat(100_000);
        assert_eq!(label_value(&long).chars().count(), MAX_LABEL_CHARS + 1);
        assert_eq!(label_value(&"x".repeat(MAX_LABEL_CHARS)).len(), MAX_LABEL_CHARS);
    }

    #[test]
    fn what_acts_is_replaced_and_the_rest_is_kept() {
        assert_eq!(one_line("café ✓ 日本 🦀", 100), "café ✓ 日本 🦀");
        assert_eq!(one_line("\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}", 100), "red link");
        assert_eq!(one_line("a\r\nb\nc\td\0e\u{9b}31mf", 100), "a⏎b⏎c d\u{fffd}ef");
        assert_eq!(one_line("user\u{202e}gpj.exe\u{200b}", 100), "user\u{fffd}gpj.exe\u{fffd}");
    }

    #[test]
    fn the_length_is_bounded() {
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abcde…");
        assert_eq!(one_line(&"\u{1b}[31m".repeat(100_000), 10), "");
    }

    proptest! {
        #[test]
        fn nothing_acts_and_nothing_changes_twice(text in "\\PC*|(?s:.{0,80})|[\u{1b}\\[\\]0-9;m\u{7}\u{202e}a-z\n]{0,60}", max in 1_usize..60) {
            let once = one_line(&text, max);
            prop_assert!(!once.chars().any(is_active), "{once:?}");
            prop_assert!(once.chars().count() <= max);
            prop_assert_eq!(one_line(&once, max), once);
        }
    }
}
