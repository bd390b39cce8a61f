//! Literal texts without case: ASCII letters fold, every other byte counts as it is. Receives texts as they are, gives places in
//! them, and allocates nothing.

use std::ops::Range;

use memchr::memchr2_iter;
use memchr::memmem;

use crate::catalog::detection::Literal;

/// Where `needle` first stands in `haystack`, ASCII letters without case.
pub(crate) fn find_folded(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((first, rest)) = needle.split_first() else { return Some(0) };
    memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), haystack).find(|at| {
        let after = at + 1;
        haystack.get(after..after + rest.len()).is_some_and(|window| window.eq_ignore_ascii_case(rest))
    })
}

/// How a literal has to stand in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stance {
    /// The value and nothing else.
    Whole,
    /// Anywhere.
    Inside,
    /// At the beginning.
    Start,
    /// At the end.
    End,
}

/// Where `literal` stands in `value`, if it stands there as asked.
pub(crate) fn find(literal: &Literal, stance: Stance, value: &str) -> Option<Range<usize>> {
    let (value, needle) = (value.as_bytes(), literal.text.as_bytes());
    let same = |window: &[u8]| if literal.cased { window == needle } else { window.eq_ignore_ascii_case(needle) };
    let start = match stance {
        Stance::Whole => same(value).then_some(0),
        Stance::Start => value.get(..needle.len()).is_some_and(same).then_some(0),
        Stance::End => {
            let start = value.len().checked_sub(needle.len())?;
            value.get(start..).is_some_and(same).then_some(start)
        }
        Stance::Inside if literal.cased => memmem::find(value, needle),
        Stance::Inside => find_folded(value, needle),
    }?;
    Some(start..start + needle.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str, cased: bool) -> Literal {
        Literal { text: text.to_owned(), cased }
    }

    #[test]
    fn case_folds_for_ascii_letters_only() {
        assert_eq!(find(&literal("kwArg", false), Stance::Inside, "a KWARG"), Some(2..7));
        assert_eq!(find(&literal("kwArg", true), Stance::Inside, "a KWARG"), None);
        assert_eq!(find(&literal("\u{e9}", false), Stance::Inside, "\u{c9}"), None);
        assert_eq!(find(&literal("k", false), Stance::Inside, "\u{212a}"), None);
    }

    #[test]
    fn a_stance_is_kept() {
        assert_eq!(find(&literal("error", false), Stance::Start, "Error: x"), Some(0..5));
        assert_eq!(find(&literal("error", false), Stance::End, "TypeError"), Some(4..9));
        assert_eq!(find(&literal("error", false), Stance::Whole, "TypeError"), None);
        assert_eq!(find(&literal("longer than it", false), Stance::End, "short"), None);
        assert_eq!(find(&literal("", false), Stance::Inside, ""), Some(0..0));
    }
}
