//! Makes text from outside inert: nothing in it can move a cursor, start a line, turn the reading direction or hide.

use std::sync::LazyLock;

use regex::Regex;

/// Terminal control sequences: CSI, OSC (titles, links) and the two-byte ones.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test of this file")]
static SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|\u{9d})[^\x07\x1b\u{9c}]*(?:\x07|\x1b\\|\u{9c})|\x1b[ -/]*[0-~]")
        .expect("constant")
});

/// `text` on one line, without terminal sequences, at most `max` characters; applying it twice changes nothing more.
///
/// A line break becomes `⏎`, a tab a space, any other control, bidirectional or invisible character `�`.
pub fn inert(text: &str, max: usize) -> String {
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

fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::inert;
    use super::is_active;

    #[test]
    fn what_acts_is_replaced_and_the_rest_is_kept() {
        assert_eq!(inert("café ✓ 日本 🦀", 100), "café ✓ 日本 🦀");
        assert_eq!(inert("\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}", 100), "red link");
        assert_eq!(inert("a\r\nb\nc\td\0e\u{9b}31mf", 100), "a⏎b⏎c d\u{fffd}ef");
        assert_eq!(inert("user\u{202e}gpj.exe\u{200b}", 100), "user\u{fffd}gpj.exe\u{fffd}");
    }

    #[test]
    fn the_length_is_bounded() {
        assert_eq!(inert("abcdef", 6), "abcdef");
        assert_eq!(inert("abcdefg", 6), "abcde…");
        assert_eq!(inert(&"\u{1b}[31m".repeat(100_000), 10), "");
    }

    proptest! {
        #[test]
        fn nothing_acts_and_nothing_changes_twice(text in "\\PC*|(?s:.{0,80})|[\u{1b}\\[\\]0-9;m\u{7}\u{202e}a-z\n]{0,60}", max in 1_usize..60) {
            let once = inert(&text, max);
            prop_assert!(!once.chars().any(is_active), "{once:?}");
            prop_assert!(once.chars().count() <= max);
            prop_assert_eq!(inert(&once, max), once);
        }
    }
}
