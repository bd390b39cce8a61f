//! The fixed text of a pattern, with everything else as a placeholder: `got an? '(\w+)'$` → `got a '…'$` and `got an '…'$`. What lints on
//! wording look at. Receives a regular expression, gives every variant or nothing when there are too many.

use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Look;

use crate::catalog::expression;

/// Any text.
pub(super) const ANY: char = '\u{1}';
/// Start of the text or of a line.
pub(super) const START: char = '\u{2}';
/// End of the text or of a line.
pub(super) const END: char = '\u{3}';
/// A word boundary.
pub(super) const BOUNDARY: char = '\u{4}';

const MAX_VARIANTS: usize = 64;
const MAX_BYTES: usize = 4096;

/// Every variant of a pattern; `None` when there are too many to look at.
pub(super) fn of(pattern: &str) -> Option<Vec<String>> {
    variants(&*expression::parsed(pattern)?)
}

fn variants(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![String::from_utf8_lossy(&literal.0).into_owned()]),
        HirKind::Class(class) => Some(vec![folded_letter(class).unwrap_or(ANY).to_string()]),
        HirKind::Look(look) => Some(vec![mark(*look).to_string()]),
        HirKind::Capture(capture) => variants(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition.min, repetition.max, &repetition.sub),
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let next = variants(part)?;
                all = all.iter().flat_map(|head| next.iter().map(move |tail| format!("{head}{tail}"))).collect();
                bounded(&all)?;
            }
            Some(all)
        }
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(variants(branch)?);
                bounded(&all)?;
            }
            Some(all)
        }
    }
}

fn repeated(min: u32, max: Option<u32>, sub: &Hir) -> Option<Vec<String>> {
    match (min, max) {
        (0, Some(1)) => {
            let mut all = variants(sub)?;
            all.push(String::new());
            Some(all)
        }
        (1, Some(1)) => variants(sub),
        (n, Some(m)) if n == m && n <= 8 && matches!(sub.kind(), HirKind::Literal(_)) => {
            let once = variants(sub)?;
            Some(once.iter().map(|text| text.repeat(n as usize)).collect())
        }
        _ => Some(vec![ANY.to_string()]),
    }
}

fn bounded(all: &[String]) -> Option<()> {
    (all.len() <= MAX_VARIANTS && all.iter().all(|text| text.len() <= MAX_BYTES)).then_some(())
}

/// `[Ff]` under `(?i)` is the letter; a class of one character is that character.
fn folded_letter(class: &Class) -> Option<char> {
    let mut letters = members(class)?.into_iter().map(|letter| letter.to_ascii_lowercase());
    let first = letters.next()?;
    // U+017F and U+212A fold to `s` and `k`: they come with every case-insensitive letter.
    letters
        .all(|letter| letter == first || matches!((letter, first), ('\u{17f}', 's') | ('\u{212a}', 'k')))
        .then_some(first)
}

/// The members of a class of up to four characters.
pub(super) fn members(class: &Class) -> Option<Vec<char>> {
    const FEW: usize = 4;
    let mut found = Vec::new();
    match class {
        Class::Unicode(class) => {
            for range in class.ranges() {
                found.extend((range.start()..=range.end()).take(FEW + 1));
                if found.len() > FEW {
                    return None;
                }
            }
        }
        Class::Bytes(class) => {
            for range in class.ranges() {
                found.extend((range.start()..=range.end()).take(FEW + 1).map(char::from));
                if found.len() > FEW {
                    return None;
                }
            }
        }
    }
    Some(found)
}

fn mark(look: Look) -> char {
    match look {
        Look::Start | Look::StartLF | Look::StartCRLF => START,
        Look::End | Look::EndLF | Look::EndCRLF => END,
        _ => BOUNDARY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_text_stays_and_the_rest_is_a_placeholder() {
        assert_eq!(of("an? '(\\w+)'$").unwrap(), ["an '\u{1}'\u{3}", "a '\u{1}'\u{3}"]);
        assert_eq!(of("(?i)Task").unwrap(), ["task"]);
        assert_eq!(of(r"^\bx\(\)").unwrap(), ["\u{2}\u{4}x()"]);
        assert_eq!(of("(a|b)(c|d)").unwrap().len(), 1, "one character or another is any character");
        assert!(of("(aa|bb|cc|dd|ee)(aa|bb|cc|dd|ee)(aa|bb|cc|dd|ee)").is_none(), "125 variants");
    }
}
