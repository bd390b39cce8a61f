//! Makes text from outside harmless to show: what could move a cursor, colour a terminal, break a line or turn the reading
//! direction is written as an escape. For relapse's own log and for label values; JSON and HTML are escaped by their writers.

use std::borrow::Cow;
use std::fmt::Write as _;

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
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
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
}
