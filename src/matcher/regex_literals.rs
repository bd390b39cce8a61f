//! Required literals of a regular expression, from regex-syntax's HIR: all runs of a concatenation are candidates, inner ones too,
//! an alternation gives the union of its branches, small classes and repetitions are spelled out within bounds.

use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Repetition;

use crate::catalog::expression;
use crate::catalog::expression::Expression;
use crate::matcher::literals;
use crate::matcher::literals::Copied;
use crate::matcher::literals::Required;
use crate::matcher::rarity::Rarity;

/// At most so many spelled-out texts of one part.
const MAX_EXACT: usize = 64;
/// A spelled-out text is not grown beyond so many bytes.
const MAX_EXACT_LEN: usize = 128;
/// Classes of more bytes are not spelled out.
const MAX_CLASS: usize = 4;
/// Nor are repetitions of more rounds.
const MAX_ROUNDS: u32 = 8;
/// The only letters outside ASCII that fold to one inside: the prefilter knows them, so that `(?i)` costs no literal.
pub(crate) const FOREIGN_FOLDS: [char; 2] = ['\u{212a}', '\u{17f}'];

/// The literals of `regex`; `None` = no set is known.
pub(crate) fn of(regex: &Expression, copied: Copied, rarity: &Rarity) -> Option<Required> {
    let hir = expression::parsed(regex.as_str())?;
    let how = How { copied, rarity };
    analyse(&hir, how).required(how)
}

/// How a text is copied, and what is rare.
#[derive(Debug, Clone, Copy)]
struct How<'r> {
    copied: Copied,
    rarity: &'r Rarity,
}

/// What is known of every text a part matches.
enum Known {
    /// It is one of these, ASCII letters in lower case.
    Exact(Vec<Vec<u8>>),
    /// It holds one of these.
    Holds(Required),
    /// Nothing.
    Nothing,
}

impl Known {
    fn required(self, how: How<'_>) -> Option<Required> {
        match self {
            Self::Exact(texts) => usable(&texts, how),
            Self::Holds(set) => Some(set),
            Self::Nothing => None,
        }
    }

    fn holding(set: Option<Required>) -> Self {
        set.map_or(Self::Nothing, Self::Holds)
    }
}

fn usable(texts: &[Vec<u8>], how: How<'_>) -> Option<Required> {
    literals::union(texts.iter().map(|text| Some(vec![literals::best_piece(text, how.copied, how.rarity)?])))
}

fn analyse(hir: &Hir, how: How<'_>) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::Exact(vec![Vec::new()]),
        HirKind::Literal(literal) => Known::Exact(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => spelled_out(class),
        HirKind::Capture(capture) => analyse(&capture.sub, how),
        HirKind::Repetition(repetition) => of_repetition(repetition, how),
        HirKind::Concat(parts) => of_concat(parts, how),
        HirKind::Alternation(branches) => of_alternation(branches, how),
    }
}

fn spelled_out(class: &Class) -> Known {
    let mut bytes = Vec::new();
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    for (start, end) in ranges {
        if start == end && FOREIGN_FOLDS.contains(&start) {
            continue;
        }
        // Both cases of each letter fold to one, so twice as many are looked at.
        for letter in (start..=end).take(2 * MAX_CLASS + 1) {
            if !letter.is_ascii() {
                return Known::Nothing;
            }
            bytes.extend(u8::try_from(letter).map(|byte| byte.to_ascii_lowercase()));
        }
    }
    bytes.sort_unstable();
    bytes.dedup();
    match bytes.len() {
        1..=MAX_CLASS => Known::Exact(bytes.into_iter().map(|byte| vec![byte]).collect()),
        _ => Known::Nothing,
    }
}

fn of_repetition(repetition: &Repetition, how: How<'_>) -> Known {
    let (min, max) = (repetition.min, repetition.max);
    match analyse(&repetition.sub, how) {
        Known::Exact(texts) if min == 0 && max == Some(1) && texts.len() < MAX_EXACT => {
            Known::Exact(std::iter::once(Vec::new()).chain(texts).collect())
        }
        Known::Exact(_) | Known::Holds(_) if min == 0 => Known::Nothing,
        Known::Exact(texts) => {
            let rounds = (1..min.min(MAX_ROUNDS)).try_fold(texts.clone(), |grown, _| crossed(&grown, &texts));
            match rounds {
                Some(rounds) if max == Some(min) && min <= MAX_ROUNDS => Known::Exact(rounds),
                Some(rounds) => Known::holding(usable(&rounds, how)),
                None => Known::holding(usable(&texts, how)),
            }
        }
        known => known,
    }
}

/// Every text of `left` followed by every text of `right`, if that stays within bounds.
fn crossed(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if left.len().checked_mul(right.len())? > MAX_EXACT {
        return None;
    }
    let longest = |texts: &[Vec<u8>]| texts.iter().map(Vec::len).max().unwrap_or_default();
    if longest(left) + longest(right) > MAX_EXACT_LEN {
        return None;
    }
    Some(left.iter().flat_map(|start| right.iter().map(move |end| [start.as_slice(), end].concat())).collect())
}

fn of_concat(parts: &[Hir], how: How<'_>) -> Known {
    let mut run = vec![Vec::new()];
    let mut whole = true;
    let mut sets = Vec::new();
    for part in parts {
        let known = analyse(part, how);
        if let Known::Exact(texts) = &known
            && let Some(grown) = crossed(&run, texts)
        {
            run = grown;
            continue;
        }
        whole = false;
        sets.push(usable(&run, how));
        match known {
            Known::Exact(texts) => run = texts,
            Known::Holds(set) => {
                sets.push(Some(set));
                run = vec![Vec::new()];
            }
            Known::Nothing => run = vec![Vec::new()],
        }
    }
    if whole {
        return Known::Exact(run);
    }
    sets.push(usable(&run, how));
    Known::holding(literals::best(sets.into_iter(), how.rarity))
}

fn of_alternation(branches: &[Hir], how: How<'_>) -> Known {
    let known: Vec<Known> = branches.iter().map(|branch| analyse(branch, how)).collect();
    let count = known
        .iter()
        .map(|known| if let Known::Exact(texts) = known { texts.len() } else { MAX_EXACT + 1 })
        .sum::<usize>();
    if count <= MAX_EXACT {
        let texts =
            known.into_iter().flat_map(|known| if let Known::Exact(texts) = known { texts } else { Vec::new() });
        return Known::Exact(texts.collect());
    }
    Known::holding(literals::union(known.into_iter().map(|known| known.required(how))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals_of(pattern: &str) -> Option<Vec<String>> {
        let set = of(&Expression::checked(pattern), Copied::Verbatim, &Rarity::default())?;
        Some(set.into_iter().map(|literal| String::from_utf8(literal).unwrap()).collect())
    }

    #[test]
    fn inner_runs_count() {
        assert_eq!(literals_of(r"^\w+ got an unexpected (\d+)").unwrap(), [" got an unexpected "]);
        assert_eq!(literals_of(r"\d+ms in (?P<fn>recreate_manager)\(").unwrap(), ["ms in recreate_manager("]);
        assert_eq!(literals_of(r"a.*b"), None);
        assert_eq!(literals_of(r"\d{4}-\d\d"), None);
    }

    #[test]
    fn branches_join_and_optional_parts_are_spelled_out() {
        assert_eq!(literals_of(r"(?:alpha|beta|gamma)").unwrap(), ["alpha", "beta", "gamma"]);
        assert_eq!(literals_of(r"(?:alpha|\d+)"), None);
        assert_eq!(literals_of(r"keyword(?: argument)? x").unwrap(), ["keyword argument x", "keyword x"]);
        assert_eq!(literals_of(r"(?:quux-){2,}end").unwrap(), ["quux-quux-"]);
    }

    #[test]
    fn case_insensitive_patterns_keep_their_literal() {
        assert_eq!(literals_of(r"(?i)Kernel Missing").unwrap(), ["kernel missing"]);
        assert_eq!(literals_of(r"gr[ae]y cat").unwrap(), ["gray cat", "grey cat"]);
        assert_eq!(literals_of("(?i)stra\u{df}en").unwrap(), ["stra"]);
    }
}
