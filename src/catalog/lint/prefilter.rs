//! Is there a literal that every matching record must contain? Without one each line must be searched in full, which is the one thing that
//! makes matching slow. Also: is there anything at all that a record must contain?

use std::ops::Range;

use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

use crate::catalog::detection::Condition;
use crate::catalog::detection::Detection;
use crate::catalog::detection::Field;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::LinkTest;
use crate::catalog::detection::Literal;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Predicate;
use crate::catalog::detection::Test;
use crate::catalog::expression;
use crate::catalog::lint::skeleton::members;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;

/// Shorter literals are in nearly every line, in bytes.
const SHORTEST: usize = 3;

pub(super) fn check(detection: &Detection, place: &Range<usize>, report: &mut Report) {
    let empty: Vec<bool> = detection.selections.iter().map(|selection| holds_on_nothing(&selection.test)).collect();
    if decide(&detection.condition, &empty) {
        let message = "a record without any field fulfils this detection: it would count nearly every record";
        let help = "require something that is there, beside what must not be there";
        report.add_with_help(Code::MatchesEverything, place, message, help);
        return;
    }
    let lengths: Vec<usize> = detection.selections.iter().map(|selection| of_test(&selection.test)).collect();
    if of_condition(&detection.condition, &lengths) < SHORTEST {
        let message = "nothing here is a fixed text that every match must contain";
        let help = "add a fixed part of at least 3 characters (better 8), in every alternative; without one each line is searched in full";
        report.add_with_help(Code::NoLiteral, place, message, help);
    }
}

fn decide(condition: &Condition, holds: &[bool]) -> bool {
    match condition {
        Condition::Selection(index) => holds.get(*index).copied().unwrap_or_default(),
        Condition::All(parts) => parts.iter().all(|part| decide(part, holds)),
        Condition::Any(parts) => parts.iter().any(|part| decide(part, holds)),
        Condition::Not(part) => !decide(part, holds),
    }
}

/// Whether a record with no field, no text and no exception passes.
fn holds_on_nothing(test: &Test) -> bool {
    match test {
        Test::All(tests) => tests.iter().all(holds_on_nothing),
        Test::Any(tests) => tests.iter().any(holds_on_nothing),
        Test::Pattern(_) | Test::Exception(..) => false,
        Test::Field(test) => matches!(test.predicate, Predicate::Exists(false)) != test.negated,
    }
}

/// Length of the longest literal that the condition guarantees; 0 = none.
fn of_condition(condition: &Condition, lengths: &[usize]) -> usize {
    match condition {
        Condition::Selection(index) => lengths.get(*index).copied().unwrap_or_default(),
        Condition::All(parts) => parts.iter().map(|part| of_condition(part, lengths)).max().unwrap_or_default(),
        Condition::Any(parts) => parts.iter().map(|part| of_condition(part, lengths)).min().unwrap_or_default(),
        Condition::Not(_) => 0,
    }
}

fn of_test(test: &Test) -> usize {
    match test {
        Test::All(tests) => tests.iter().map(of_test).max().unwrap_or_default(),
        Test::Any(tests) => tests.iter().map(of_test).min().unwrap_or_default(),
        Test::Pattern(pattern) => of_pattern(pattern),
        // These come from the source's own knowledge or from nearly every record.
        Test::Field(FieldTest { field: Field::SeverityText | Field::SeverityNumber | Field::Resource(_), .. }) => 0,
        Test::Field(test) => of_field(test),
        Test::Exception(_, tests) => tests.iter().map(of_link).max().unwrap_or_default(),
    }
}

fn of_link(test: &LinkTest) -> usize {
    match test {
        LinkTest::Field(test) => of_field(test),
        LinkTest::Frame(_, tests) => tests.iter().map(of_field).max().unwrap_or_default(),
    }
}

fn of_field<F>(test: &FieldTest<F>) -> usize {
    if test.negated {
        return 0;
    }
    match &test.predicate {
        Predicate::Equals(texts)
        | Predicate::Contains(texts)
        | Predicate::StartsWith(texts)
        | Predicate::EndsWith(texts) => shortest(texts.iter().map(|text: &Literal| text.text.len()), test.all),
        Predicate::Re(patterns) => shortest(patterns.iter().map(of_pattern), test.all),
        Predicate::Exists(_) | Predicate::Cidr(_) | Predicate::Compare(..) => 0,
    }
}

/// One of several must hold: the worst counts. All must hold: the best does.
fn shortest(lengths: impl Iterator<Item = usize>, all: bool) -> usize {
    if all { lengths.max() } else { lengths.min() }.unwrap_or_default()
}

fn of_pattern(pattern: &Pattern) -> usize {
    expression::parsed(pattern.regex.as_str())
        .map(|hir| runs(&hir))
        .map_or(0, |runs| runs.best.max(runs.whole.unwrap_or_default()))
}

/// How much fixed text an expression holds, in bytes; one of a few characters counts as fixed.
#[derive(Clone, Copy, Default)]
struct Runs {
    /// Fixed from end to end.
    whole: Option<usize>,
    /// Fixed at its beginning.
    prefix: usize,
    /// Fixed at its end.
    suffix: usize,
    /// The longest fixed run anywhere.
    best: usize,
}

impl Runs {
    fn fixed(length: usize) -> Self {
        Self { whole: Some(length), prefix: length, suffix: length, best: length }
    }

    fn then(self, next: Self) -> Self {
        Self {
            whole: self.whole.zip(next.whole).map(|(left, right)| left + right),
            prefix: self.whole.map_or(self.prefix, |length| length + next.prefix),
            suffix: next.whole.map_or(next.suffix, |length| length + self.suffix),
            best: self.best.max(next.best).max(self.suffix + next.prefix),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            whole: self.whole.zip(other.whole).map(|(left, right)| left.min(right)),
            prefix: self.prefix.min(other.prefix),
            suffix: self.suffix.min(other.suffix),
            best: self.best.min(other.best),
        }
    }
}

fn runs(hir: &Hir) -> Runs {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Runs::fixed(0),
        HirKind::Literal(literal) => Runs::fixed(literal.0.len()),
        HirKind::Class(class) => members(class).map_or_else(Runs::default, |_| Runs::fixed(1)),
        HirKind::Capture(capture) => runs(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(runs).fold(Runs::fixed(0), Runs::then),
        HirKind::Alternation(branches) => branches.iter().map(runs).reduce(Runs::or).unwrap_or_default(),
        HirKind::Repetition(repetition) if repetition.min == 0 => Runs::default(),
        HirKind::Repetition(repetition) => {
            let once = runs(&repetition.sub);
            let same = once.whole.filter(|_| repetition.max == Some(repetition.min));
            match same {
                Some(length) => Runs::fixed(length.saturating_mul(repetition.min as usize)),
                None => Runs { whole: None, ..once },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(pattern: &str) -> usize {
        let runs = runs(&regex_syntax::parse(pattern).unwrap());
        runs.best.max(runs.whole.unwrap_or_default())
    }

    #[test]
    fn the_longest_required_text_is_found_anywhere() {
        assert_eq!(longest(r"\d+ timed out"), " timed out".len());
        assert_eq!(longest("(?i)timeout"), "timeout".len());
        assert_eq!(longest("(alpha|be)tagamma"), "betagamma".len());
        assert_eq!(longest(r"abc(x\d)?def"), 3);
        assert_eq!(longest(r"\w+\s*=\s*\d+"), 1);
        assert_eq!(longest("(error|.*)"), 0);
        assert_eq!(longest("(?:ab){3}"), 6);
    }
}
