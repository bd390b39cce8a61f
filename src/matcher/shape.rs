//! Shapes of expressions: every letter any letter, every digit any digit. Expressions without a literal come in families (`E1\d\d`,
//! `E2\d\d`) and a family has one shape, which matches whatever any of its members matches. A record that has not the shape is asked no
//! further. Receives signatures, gives their shapes; compiled when first asked.

use std::collections::HashMap;
use std::sync::Arc;

use regex_syntax::hir::Class;
use regex_syntax::hir::ClassUnicode;
use regex_syntax::hir::ClassUnicodeRange;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Repetition;

use crate::catalog::detection::Condition;
use crate::catalog::detection::Detection;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Test;
use crate::catalog::expression::Expression;
use crate::catalog::signature::Signature;
use crate::matcher::verify;
use crate::model::record::Record;

/// The shapes of some signatures.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    /// Of which signature, by its index; others have none.
    of: HashMap<usize, usize>,
    shapes: Vec<Expression>,
}

/// What is known of the shapes in one record.
#[derive(Debug, Default)]
pub(crate) struct Shown(Vec<Option<bool>>);

impl Shapes {
    /// Of the signatures at `indices`.
    pub(crate) fn new(signatures: &[Arc<Signature>], indices: &[usize]) -> Self {
        let mut all = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        for index in indices {
            let Some(shape) = signatures.get(*index).and_then(|signature| of_signature(signature)) else { continue };
            let number = *known.entry(shape).or_insert_with_key(|shape| {
                all.shapes.push(Expression::checked(shape));
                all.shapes.len() - 1
            });
            all.of.insert(*index, number);
        }
        all
    }

    /// Whether `record` may match the signature at `index`, as far as its shape tells.
    pub(crate) fn may_match(&self, index: usize, record: &Record, shown: &mut Shown) -> bool {
        let Some(number) = self.of.get(&index) else { return true };
        if shown.0.is_empty() {
            shown.0.resize(self.shapes.len(), None);
        }
        let Some((known, shape)) = shown.0.get_mut(*number).zip(self.shapes.get(*number)) else { return true };
        // A shape that does not compile tells nothing.
        *known.get_or_insert_with(|| {
            shape.regex().is_none_or(|regex| verify::haystacks(record).any(|text| regex.is_match(&text)))
        })
    }
}

fn of_signature(signature: &Signature) -> Option<String> {
    if signature.correlation.is_some() {
        return None;
    }
    let pattern = required(&signature.detection, &signature.detection.condition)?;
    let hir = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(pattern.regex.as_str()).ok()?;
    Some(shape(&hir)?.to_string())
}

/// A pattern in the short form that every match of the condition matches.
fn required<'d>(detection: &'d Detection, condition: &Condition) -> Option<&'d Pattern> {
    match condition {
        Condition::Selection(index) => of_test(&detection.selections.get(*index)?.test),
        Condition::All(parts) => parts.iter().find_map(|part| required(detection, part)),
        Condition::Any(_) | Condition::Not(_) => None,
    }
}

fn of_test(test: &Test) -> Option<&Pattern> {
    match test {
        Test::Pattern(pattern) => Some(pattern),
        Test::All(parts) => parts.iter().find_map(of_test),
        Test::Any(_) | Test::Field(_) | Test::Exception(..) => None,
    }
}

/// `hir` with every ASCII letter and digit of its texts made any letter or digit: it matches at least what `hir` matches. Word
/// boundaries stay where they are, because a letter stays a letter.
fn shape(hir: &Hir) -> Option<Hir> {
    Some(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => hir.clone(),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Hir::concat(text.chars().map(any_like).collect())
        }
        HirKind::Class(class) => widened(class),
        HirKind::Capture(capture) => shape(&capture.sub)?,
        HirKind::Repetition(repetition) => {
            let sub = Box::new(shape(&repetition.sub)?);
            Hir::repetition(Repetition { min: repetition.min, max: repetition.max, greedy: repetition.greedy, sub })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(shape).collect::<Option<_>>()?),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(shape).collect::<Option<_>>()?),
    })
}

fn any_like(character: char) -> Hir {
    match character {
        '0'..='9' => class(&[('0', '9')]),
        'a'..='z' | 'A'..='Z' => class(&[('A', 'Z'), ('a', 'z')]),
        other => Hir::literal(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn class(ranges: &[(char, char)]) -> Hir {
    let ranges = ranges.iter().map(|(start, end)| ClassUnicodeRange::new(*start, *end));
    Hir::class(Class::Unicode(ClassUnicode::new(ranges)))
}

/// A class of letters only, or of digits only, is any of them; others stay.
fn widened(found: &Class) -> Hir {
    let Class::Unicode(unicode) = found else { return Hir::class(found.clone()) };
    let within = |inside: fn(&char) -> bool| {
        // Both ends in one kind of ASCII characters, and nothing else between them.
        unicode.ranges().iter().all(|range| inside(&range.start()) && inside(&range.end()))
    };
    if within(char::is_ascii_digit) {
        return class(&[('0', '9')]);
    }
    if within(char::is_ascii_lowercase) || within(char::is_ascii_uppercase) {
        return class(&[('A', 'Z'), ('a', 'z')]);
    }
    Hir::class(found.clone())
}

#[cfg(test)]
mod tests {
    use regex::RegexBuilder;

    use super::*;

    fn shape_of(source: &str) -> String {
        shape(&regex_syntax::ParserBuilder::new().multi_line(true).build().parse(source).unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_family_has_one_shape() {
        assert_eq!(shape_of(r"\bQX\d{4}-85\b"), shape_of(r"\bzj\d{4}-17\b"));
        assert_ne!(shape_of(r"\bQX\d{4}-85\b"), shape_of(r"\bQX\d{4}/85\b"));
    }

    #[test]
    fn a_shape_matches_whatever_the_expression_matches() {
        let texts =
            ["E17 here", "x\nQX1234-8599", "0x12ab85cd:87", "strAße", "a.b", "wor[451].QX(17)", "KELVIN \u{212a}"];
        for source in [
            r"^E1\d",
            r"\bQX\d{4}-85\d{2}\b",
            "(?i)0X[0-9a-f]{4}85",
            "(?i)stra\u{df}e$",
            r"a\.b",
            r"\w+\[45\d\]\.QX",
            "(?i)k",
        ] {
            let regex = |source: &str| RegexBuilder::new(source).multi_line(true).build().unwrap();
            let (exact, shape) = (regex(source), regex(&shape_of(source)));
            let matched: Vec<_> = texts.iter().filter(|text| exact.is_match(text)).collect();
            assert!(!matched.is_empty(), "{source}");
            assert!(matched.iter().all(|text| shape.is_match(text)), "{source} → {shape}");
        }
    }
}
