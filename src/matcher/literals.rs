//! Required literals: for each detection a set of short texts of which every matching record holds at least one **in its raw
//! bytes**, ASCII letters without case. The prefilter looks for these, so a literal too many costs time and a wrong one loses a
//! match. Hence only what a decoder copies counts, never what it composes, and only bytes that no encoder escapes.

use crate::catalog::detection::Condition;
use crate::catalog::detection::Detection;
use crate::catalog::detection::ExceptionField;
use crate::catalog::detection::Field;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::LinkTest;
use crate::catalog::detection::Literal;
use crate::catalog::detection::Predicate;
use crate::catalog::detection::Test;
use crate::catalog::signature::Signature;
use crate::matcher::leaves;
use crate::matcher::leaves::Question;
use crate::matcher::part;
use crate::matcher::rarity::COMMON;
use crate::matcher::rarity::Rarity;
use crate::matcher::regex_literals;

/// Shorter literals make nearly every line a candidate.
const MIN_LEN: usize = 3;
/// Longer ones only make the automaton bigger.
const MAX_LEN: usize = 32;
/// A literal of this weight is as good as a heavier one: some fifteen bytes.
const TELLING: usize = 36;
/// A set with more members is given up.
pub(crate) const MAX_MEMBERS: usize = 256;
/// A set of literals, lower case: every match holds at least one. The empty set belongs to what never matches.
pub(crate) type Required = Vec<Vec<u8>>;

/// What may stand between a value and the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// Copied as it is, line by line.
    Verbatim,
    /// `type: message` may be joined of two JSON fields.
    Headline,
    /// Numbers, lists and maps may be printed anew.
    Value,
    /// Rendered: only its words are copied.
    Words,
}

impl Copied {
    fn keeps(self, byte: u8) -> bool {
        let word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        match self {
            Self::Words => word,
            _ if word => true,
            // Encoders escape these, or may.
            _ if matches!(byte, b'"' | b'\\' | b'\'' | b'/' | b'<' | b'>' | b'&' | b'`') => false,
            Self::Verbatim => matches!(byte, b' '..=b'~'),
            Self::Headline => byte != b':' && matches!(byte, b' '..=b'~'),
            Self::Value => !matches!(byte, b':' | b',' | b'[' | b']' | b'{' | b'}') && matches!(byte, b' '..=b'~'),
        }
    }

    fn accepts(self, piece: &[u8]) -> bool {
        let rendered: &[&[u8]] = &[b"file", b"line"];
        match self {
            Self::Verbatim | Self::Headline => true,
            // `1.5e3` is printed as `1500.0`: a piece of a number need not stand in the raw bytes.
            Self::Value => piece.iter().any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e')),
            Self::Words => piece.iter().any(u8::is_ascii_alphabetic) && !rendered.contains(&piece),
        }
    }
}

/// The literals of a signature; `None` = no set is known and every record is a candidate. The records of a correlation may each hold
/// one selection only: one literal of any of them must call.
pub(crate) fn of_signature(signature: &Signature, rarity: &Rarity) -> Option<Required> {
    let set = match &signature.correlation {
        Some(rule) => {
            let taking_part = part::taking_part(signature, rule);
            union(taking_part.iter().map(|index| of_test(&signature.detection.selections.get(*index)?.test, rarity)))
        }
        None => of(&signature.detection, rarity),
    };
    set.map(|set| without_longer(&set))
}

/// Without the members that hold another one: that one calls already.
fn without_longer(set: &[Vec<u8>]) -> Required {
    let holds = |text: &[u8], other: &[u8]| text.len() > other.len() && memchr::memmem::find(text, other).is_some();
    let is_needed = |text: &&Vec<u8>| !set.iter().any(|other| holds(text, other));
    set.iter().filter(is_needed).cloned().collect()
}

/// The literals of a detection; `None` = no set is known and every record is a candidate.
pub(crate) fn of(detection: &Detection, rarity: &Rarity) -> Option<Required> {
    of_condition(detection, &detection.condition, rarity)
}

fn of_condition(detection: &Detection, condition: &Condition, rarity: &Rarity) -> Option<Required> {
    match condition {
        Condition::Selection(index) => of_test(&detection.selections.get(*index)?.test, rarity),
        Condition::All(parts) => best(parts.iter().map(|part| of_condition(detection, part, rarity)), rarity),
        Condition::Any(parts) => union(parts.iter().map(|part| of_condition(detection, part, rarity))),
        Condition::Not(_) => None,
    }
}

fn of_test(test: &Test, rarity: &Rarity) -> Option<Required> {
    match test {
        Test::All(parts) => best(parts.iter().map(|part| of_test(part, rarity)), rarity),
        Test::Any(parts) => union(parts.iter().map(|part| of_test(part, rarity))),
        Test::Pattern(pattern) => regex_literals::of(&pattern.regex, Copied::Headline, rarity),
        Test::Field(test) => match test.field {
            Field::Body | Field::SpanName | Field::StatusMessage => of_field(test, Copied::Verbatim, rarity),
            Field::Attribute(_) => of_field(test, Copied::Value, rarity),
            // Defaults of the configuration, mapped levels, ids cut out of longer ones.
            Field::Resource(_) | Field::SeverityText | Field::SeverityNumber | Field::TraceId | Field::SpanId => None,
        },
        Test::Exception(_, tests) => best(tests.iter().map(|test| of_link(test, rarity)), rarity),
    }
}

fn of_link(test: &LinkTest, rarity: &Rarity) -> Option<Required> {
    match test {
        LinkTest::Field(test) => {
            // A message may be a JSON value that is printed anew.
            let copied = if test.field == ExceptionField::Message { Copied::Value } else { Copied::Words };
            of_field(test, copied, rarity)
        }
        LinkTest::Frame(_, tests) => best(tests.iter().map(|test| of_field(test, Copied::Words, rarity)), rarity),
    }
}

fn of_field<F>(test: &FieldTest<F>, copied: Copied, rarity: &Rarity) -> Option<Required> {
    if test.negated {
        return None;
    }
    let quantified =
        |sets: &mut dyn Iterator<Item = Option<Required>>| if test.all { best(sets, rarity) } else { union(sets) };
    let texts = |literals: &[Literal]| {
        quantified(&mut literals.iter().map(|literal| Some(vec![best_piece(literal.text.as_bytes(), copied, rarity)?])))
    };
    match &test.predicate {
        Predicate::Equals(literals)
        | Predicate::Contains(literals)
        | Predicate::StartsWith(literals)
        | Predicate::EndsWith(literals) => texts(literals),
        Predicate::Re(patterns) => {
            quantified(&mut patterns.iter().map(|pattern| regex_literals::of(&pattern.regex, copied, rarity)))
        }
        Predicate::Exists(_) | Predicate::Cidr(_) | Predicate::Compare(..) => None,
    }
}

/// Of parts that must all hold: the set that filters best.
pub(crate) fn best(sets: impl Iterator<Item = Option<Required>>, rarity: &Rarity) -> Option<Required> {
    sets.flatten().max_by_key(|set| set_weight(set, rarity))
}

/// Of parts of which one must hold: all their literals, if every part has one.
pub(crate) fn union(sets: impl Iterator<Item = Option<Required>>) -> Option<Required> {
    union_of(sets, MAX_MEMBERS)
}

/// All members of `sets`, each once, if every set is there and they are at most `most`.
pub(crate) fn union_of<T: Ord>(sets: impl Iterator<Item = Option<Vec<T>>>, most: usize) -> Option<Vec<T>> {
    let mut all = Vec::new();
    for set in sets {
        all.extend(set?);
        all.sort_unstable();
        all.dedup();
        if all.len() > most {
            return None;
        }
    }
    Some(all)
}

/// The piece of `text` that filters best, lower case; `None` where no piece is long enough.
pub(crate) fn best_piece(text: &[u8], copied: Copied, rarity: &Rarity) -> Option<Vec<u8>> {
    text.split(|byte| !copied.keeps(*byte))
        .map(|piece| if copied == Copied::Verbatim { piece } else { piece.trim_ascii() })
        .map(<[u8]>::to_ascii_lowercase)
        .filter(|piece| piece.len() >= MIN_LEN && copied.accepts(piece))
        .map(|piece| piece.get(..MAX_LEN).map_or(piece.clone(), <[u8]>::to_vec))
        .max_by_key(|piece| weight(piece, rarity))
}

fn set_weight(set: &Required, rarity: &Rarity) -> usize {
    let weakest = set.iter().map(|literal| weight(literal, rarity)).min().unwrap_or(usize::MAX / 2);
    // Every doubling of the set costs about as much as one letter less.
    (weakest * 2).saturating_sub(set.len().max(1).ilog2() as usize * 16)
}

/// How rare a literal is, roughly: common letters and spaces tell less than rare ones, and so does what stands in the log or in other
/// signatures.
fn weight(literal: &[u8], rarity: &Rarity) -> usize {
    let sum: usize = literal
        .iter()
        .map(|byte| match byte {
            b' ' => 1,
            b'0'..=b'9' | b'e' | b't' | b'a' | b'o' | b'r' | b'i' | b'n' | b's' => 2,
            _ => 3,
        })
        .sum();
    let text = literal.trim_ascii();
    let common = COMMON.iter().any(|phrase| memchr::memmem::find(phrase.as_bytes(), text).is_some());
    let sum = if common { sum / 4 } else { sum };
    // Beyond some length more of it tells little; every doubling of what is called in vain does.
    let met = rarity.count(text).saturating_add(1).ilog2() + rarity.shared(text).max(1).ilog2();
    (sum.min(TELLING) * 4 + sum / 8).saturating_sub(met as usize * 20).max(sum / 8)
}

/// Whether a signature looks at any attribute.
pub(crate) fn asks_attributes(signature: &Signature) -> bool {
    fn asks(test: &Test) -> bool {
        match test {
            Test::All(parts) | Test::Any(parts) => parts.iter().any(asks),
            Test::Field(test) => matches!(test.field, Field::Attribute(_)),
            Test::Pattern(_) | Test::Exception(..) => false,
        }
    }
    signature.detection.selections.iter().any(|selection| asks(&selection.test))
}

/// Every text the selections of a signature compare with, as written: what [`Rarity`] learns of the catalog.
pub(crate) fn texts(signature: &Signature) -> Vec<&str> {
    let texts = leaves::questions(signature).into_iter().map(|question| -> Vec<&str> {
        match question {
            Question::Pattern(pattern) => vec![&pattern.source],
            Question::Predicate(predicate, _) => match predicate {
                Predicate::Equals(literals)
                | Predicate::Contains(literals)
                | Predicate::StartsWith(literals)
                | Predicate::EndsWith(literals) => literals.iter().map(|literal| literal.text.as_str()).collect(),
                Predicate::Re(patterns) => patterns.iter().map(|pattern| pattern.source.as_str()).collect(),
                Predicate::Exists(_) | Predicate::Cidr(_) | Predicate::Compare(..) => Vec::new(),
            },
        }
    });
    texts.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::detection::Selection;

    fn body_contains(text: &str) -> Test {
        let literal = Literal { text: text.to_owned(), cased: false };
        let predicate = Predicate::Contains(vec![literal]);
        Test::Field(FieldTest { field: Field::Body, negated: false, all: false, predicate })
    }

    fn detection(tests: Vec<Test>, condition: Condition) -> Detection {
        let selections = tests.into_iter().map(|test| Selection { name: String::new(), test }).collect();
        Detection { selections, condition, condition_text: String::new() }
    }

    fn texts(set: Option<Required>) -> Option<Vec<String>> {
        set.map(|set| set.into_iter().map(|literal| String::from_utf8(literal).unwrap()).collect())
    }

    #[test]
    fn escaped_bytes_break_a_literal() {
        let piece = |text: &str, copied| {
            best_piece(text.as_bytes(), copied, &Rarity::default()).map(|piece| String::from_utf8(piece).unwrap())
        };
        assert_eq!(piece("argument 'Context_Id'", Copied::Verbatim).as_deref(), Some("context_id"));
        assert_eq!(piece("TypeError: Übergröße now", Copied::Verbatim).as_deref(), Some("typeerror: "));
        assert_eq!(piece("TypeError: boom", Copied::Headline).as_deref(), Some("boom"));
        assert_eq!(piece("1500", Copied::Value), None);
        assert_eq!(
            piece("File \"app/x.py\", line 3", Copied::Words).as_deref(),
            Some("app"),
            "words of the rendering do not count"
        );
        assert_eq!(piece("a\nb", Copied::Verbatim), None);
    }

    #[test]
    fn and_picks_or_joins_not_gives_nothing() {
        let tests = || vec![body_contains("error:"), body_contains("quite rare words")];
        let all = Condition::All(vec![Condition::Selection(0), Condition::Selection(1)]);
        assert_eq!(texts(of(&detection(tests(), all), &Rarity::default())), Some(vec!["quite rare words".to_owned()]));
        let any = Condition::Any(vec![Condition::Selection(0), Condition::Selection(1)]);
        assert_eq!(
            texts(of(&detection(tests(), any), &Rarity::default())),
            Some(vec!["error:".to_owned(), "quite rare words".to_owned()])
        );
        let not = Condition::Not(Box::new(Condition::Selection(1)));
        assert_eq!(of(&detection(tests(), not.clone()), &Rarity::default()), None);
        let both = Condition::All(vec![not, Condition::Selection(0)]);
        assert_eq!(texts(of(&detection(tests(), both), &Rarity::default())), Some(vec!["error:".to_owned()]));
        let open = Condition::Any(vec![Condition::Selection(0), Condition::Not(Box::new(Condition::Selection(1)))]);
        assert_eq!(of(&detection(tests(), open), &Rarity::default()), None, "one open branch opens all");
    }
}
