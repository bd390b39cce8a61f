//! Windows: runs of byte classes that every match contains, for signatures without a literal (`QX\d{4}-85`). Receives a signature, gives
//! a set of windows of which every matching record holds at least one in its raw bytes, as [`super::literals`] does for texts. Only what
//! a decoder copies counts.

use std::fmt;

use regex_syntax::hir::Class;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Repetition;

use crate::catalog::detection::Condition;
use crate::catalog::detection::Detection;
use crate::catalog::detection::Field;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::Predicate;
use crate::catalog::detection::Test;
use crate::catalog::expression;
use crate::catalog::expression::Expression;
use crate::catalog::signature::Signature;
use crate::matcher::literals;
use crate::matcher::part;
use crate::matcher::regex_literals::FOREIGN_FOLDS;

/// More windows of one signature are not looked for.
const MAX_MEMBERS: usize = 64;
/// Positions of a window; more tell little.
const MAX_LEN: usize = 32;
/// Rounds of a repetition that are written out.
const MAX_ROUNDS: u32 = 32;
/// A window that tells fewer bits calls so often that looking at every record costs no more.
const MIN_BITS: u32 = 10;

/// The ASCII bytes that may stand at one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteClass(u128);

impl ByteClass {
    fn of(bytes: impl Iterator<Item = u8>) -> Self {
        Self(bytes.filter(u8::is_ascii).fold(0, |set, byte| set | 1 << byte))
    }

    /// Whether `byte` may stand there.
    pub(crate) fn holds(self, byte: u8) -> bool {
        byte.is_ascii() && self.0 >> byte & 1 == 1
    }

    pub(crate) fn bytes(self) -> impl Iterator<Item = u8> {
        (0..128_u8).filter(move |byte| self.holds(*byte))
    }

    /// What every byte of the class is under `fold`, if it is the same.
    pub(crate) fn folded(self, fold: impl Fn(u8) -> u8) -> Option<u8> {
        let mut folded = self.bytes().map(fold);
        let first = folded.next()?;
        folded.all(|byte| byte == first).then_some(first)
    }

    /// Roughly how much it tells that a log's byte is one of these, in bits.
    fn bits(self, before: Option<Self>) -> u32 {
        match self.folded(|byte| byte.to_ascii_lowercase()) {
            Some(b' ') => 2,
            Some(b'0'..=b'9') => 3,
            Some(b'a'..=b'z') => 4,
            Some(_) => 5,
            None if before == Some(self) => 1,
            None => 2,
        }
    }
}

/// What a run of bytes looks like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    /// One for each position.
    pub classes: Vec<ByteClass>,
    /// A digit outside ASCII may stand at some position.
    pub foreign_digits: bool,
}

impl Window {
    /// Whether `bytes` begins with it.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        let bytes = bytes.get(..self.classes.len());
        bytes.is_some_and(|bytes| self.classes.iter().zip(bytes).all(|(class, byte)| class.holds(*byte)))
    }

    fn bits(&self) -> u32 {
        let before = std::iter::once(None).chain(self.classes.iter().copied().map(Some));
        self.classes.iter().zip(before).map(|(class, before)| class.bits(before)).sum()
    }
}

/// As an expression would say it, for `check --cost`.
impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in &self.classes {
            let bytes: Vec<u8> = class.bytes().collect();
            let runs: Vec<&[u8]> = bytes.chunk_by(|left, right| left + 1 == *right).collect();
            match runs.as_slice() {
                [[byte]] => write!(out, "{}", char::from(*byte))?,
                runs => {
                    out.write_str("[")?;
                    for run in runs {
                        match run {
                            [first, .., last] => write!(out, "{}-{}", char::from(*first), char::from(*last))?,
                            run => write!(out, "{}", run.escape_ascii())?,
                        }
                    }
                    out.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

/// A set of windows: every match holds at least one.
pub(crate) type Windows = Vec<Window>;

/// The windows of a signature; `None` = no set is known and every record is a candidate.
pub(crate) fn of_signature(signature: &Signature) -> Option<Windows> {
    let detection = &signature.detection;
    match &signature.correlation {
        Some(rule) => union(
            part::taking_part(signature, rule).into_iter().map(|index| of_test(&detection.selections.get(index)?.test)),
        ),
        None => of_condition(detection, &detection.condition),
    }
}

fn of_condition(detection: &Detection, condition: &Condition) -> Option<Windows> {
    match condition {
        Condition::Selection(index) => of_test(&detection.selections.get(*index)?.test),
        Condition::All(parts) => best(parts.iter().map(|part| of_condition(detection, part))),
        Condition::Any(parts) => union(parts.iter().map(|part| of_condition(detection, part))),
        Condition::Not(_) => None,
    }
}

fn of_test(test: &Test) -> Option<Windows> {
    match test {
        Test::All(parts) => best(parts.iter().map(of_test)),
        Test::Any(parts) => union(parts.iter().map(of_test)),
        Test::Pattern(pattern) => of(&pattern.regex),
        Test::Field(test) => of_field(test),
        Test::Exception(..) => None,
    }
}

fn of_field(test: &FieldTest<Field>) -> Option<Windows> {
    let copied = matches!(test.field, Field::Body | Field::SpanName | Field::StatusMessage);
    match &test.predicate {
        Predicate::Re(patterns) if copied && !test.negated => {
            let mut sets = patterns.iter().map(|pattern| of(&pattern.regex));
            if test.all { best(sets) } else { union(&mut sets) }
        }
        _ => None,
    }
}

/// How much the weakest of a set tells; every doubling of the set costs a bit.
fn set_bits(set: &Windows) -> u32 {
    let weakest = set.iter().map(Window::bits).min().unwrap_or_default();
    weakest.saturating_sub(set.len().max(1).ilog2())
}

/// Of parts that must all hold: the set that tells most.
fn best(sets: impl Iterator<Item = Option<Windows>>) -> Option<Windows> {
    sets.flatten().max_by_key(set_bits)
}

/// Of parts of which one must hold: all their windows, if every part has one.
fn union(sets: impl Iterator<Item = Option<Windows>>) -> Option<Windows> {
    literals::union_of(sets, MAX_MEMBERS)
}

/// The windows of an expression that is searched in a body or a headline.
pub(crate) fn of(regex: &Expression) -> Option<Windows> {
    let hir = expression::parsed(regex.as_str())?;
    of_hir(&hir).filter(|set| !set.is_empty() && set_bits(set) >= MIN_BITS)
}

fn of_hir(hir: &Hir) -> Option<Windows> {
    let mut runs = Runs::default();
    runs.walk(hir);
    runs.end();
    runs.best
}

/// What is known while an expression is walked: the run of positions that ends here, and the best set so far.
#[derive(Default)]
struct Runs {
    run: Vec<ByteClass>,
    foreign_digits: bool,
    best: Option<Windows>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => {
                literal.0.iter().for_each(|byte| self.add(ByteClass::of(std::iter::once(*byte))));
            }
            HirKind::Class(class) => match of_class(class) {
                Some((class, foreign_digits)) => {
                    self.foreign_digits |= foreign_digits;
                    self.add(class);
                }
                None => self.end(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Repetition(repetition) => self.repeat(repetition),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Alternation(branches) => {
                self.end();
                self.offer(union(branches.iter().map(of_hir)));
            }
        }
    }

    fn repeat(&mut self, repetition: &Repetition) {
        let rounds = repetition.min.min(MAX_ROUNDS);
        (0..rounds).for_each(|_| self.walk(&repetition.sub));
        if repetition.max != Some(rounds) {
            self.end();
            // The last rounds stand before what follows.
            if repetition.min > 0 && matches!(repetition.sub.kind(), HirKind::Class(_) | HirKind::Literal(_)) {
                (0..rounds).for_each(|_| self.walk(&repetition.sub));
            }
        }
    }

    fn add(&mut self, class: ByteClass) {
        if class.0 == 0 || class.bytes().any(|byte| !is_copied(byte)) {
            self.end();
        } else {
            self.run.push(class);
        }
    }

    /// The run ends here.
    fn end(&mut self) {
        let run = std::mem::take(&mut self.run);
        let foreign_digits = std::mem::take(&mut self.foreign_digits);
        // A headline is put together of two texts with `: ` between them.
        let joint = |at: usize| {
            run.get(at).is_some_and(|class| class.holds(b':')) && run.get(at + 1).is_none_or(|class| class.holds(b' '))
        };
        let mut from = 0;
        for at in 0..=run.len() {
            if at == run.len() || joint(at) {
                // The joint's blank may stand before it.
                let classes = run.get(from..at).unwrap_or_default().iter().copied();
                let classes: Vec<_> = classes.skip_while(|class| class.holds(b' ')).take(MAX_LEN).collect();
                from = at + 1;
                // A number may be printed anew.
                let text = |class: &ByteClass| {
                    class.bytes().all(|byte| !matches!(byte, b'0'..=b'9' | b'e' | b'+' | b'-' | b'.'))
                };
                if classes.iter().any(text) {
                    self.offer(Some(vec![Window { classes, foreign_digits }]));
                }
            }
        }
    }

    fn offer(&mut self, set: Option<Windows>) {
        self.best = best([self.best.take(), set].into_iter());
    }
}

/// Whether every encoder and decoder lets the byte be; `\/` is taken back in the clean copy of a line.
fn is_copied(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'\'' | b'<' | b'>' | b'&' | b'`')
}

/// The ASCII part of a class, and whether it has digits outside; `None` where it has anything else outside.
fn of_class(class: &Class) -> Option<(ByteClass, bool)> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let outside = || ranges.iter().filter(|(_, end)| !end.is_ascii());
    let known = |letter: char| letter.is_numeric() || letter.is_ascii() || FOREIGN_FOLDS.contains(&letter);
    // Classes with as many members as an alphabet are looked at no closer.
    if outside().any(|(start, end)| u32::from(*end) - u32::from(*start) > 256 || !(*start..=*end).all(known)) {
        return None;
    }
    let foreign_digits =
        outside().any(|(start, end)| (*start..=*end).any(|letter| !letter.is_ascii() && letter.is_numeric()));
    let ascii = ranges.iter().flat_map(|(start, end)| *start..=*end).filter_map(|letter| u8::try_from(letter).ok());
    Some((ByteClass::of(ascii), foreign_digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(source: &str) -> Option<Vec<String>> {
        let set = of(&Expression::checked(source))?;
        Some(set.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn runs_of_classes_are_found() {
        assert_eq!(windows(r"\bQX\d{4}-8\b").unwrap(), ["QX[0-9][0-9][0-9][0-9]-8"]);
        assert_eq!(windows(r"\w+\[45\d\]\.QX\(\d+\)").unwrap(), ["[45[0-9]].QX([0-9]"]);
        assert_eq!(windows(r"^E1\d\d:1").unwrap(), ["E1[0-9][0-9]:1"]);
        assert_eq!(windows(r"^E1\d\d: x").unwrap(), ["E1[0-9][0-9]"]);
        assert_eq!(windows(r"(?i)z[0-9a-f]{2}/\d+").unwrap(), ["[Zz][0-9A-Fa-f][0-9A-Fa-f]/[0-9]"]);
        assert_eq!(windows(r"(?:a\d-\d-|b\d-\d-)").unwrap(), ["a[0-9]-[0-9]-", "b[0-9]-[0-9]-"]);
    }

    #[test]
    fn what_may_be_written_differently_or_tells_little_is_none() {
        for source in [r"\d{5}", r"a.*b", r"[^x]{9}", r"\w{20}", r"x: \d", "1\"2\"3\"4", r"\d+\.\d+e\d+", "(?:a1-2-|.)"]
        {
            assert_eq!(windows(source), None, "{source}");
        }
    }

    #[test]
    fn digits_of_every_script_are_known() {
        let digits = regex::Regex::new(r"^\d$").unwrap();
        let all = ('\u{80}'..=char::MAX).filter(|letter| digits.is_match(letter.encode_utf8(&mut [0; 4])));
        assert!(all.clone().count() > 600 && all.into_iter().all(char::is_numeric));
        assert!(of(&Expression::checked(r"QX\d{4}-85")).unwrap().iter().all(|window| window.foreign_digits));
        assert!(of(&Expression::checked("QX[0-9]{4}-85")).unwrap().iter().all(|window| !window.foreign_digits));
    }
}
