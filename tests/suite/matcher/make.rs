//! Small constructors: a signature in a line, a scan in a call.

use std::sync::Arc;

use regex::Regex;
use relapse::catalog::detection::Condition;
use relapse::catalog::detection::Detection;
use relapse::catalog::detection::Field;
use relapse::catalog::detection::FieldTest;
use relapse::catalog::detection::Literal;
use relapse::catalog::detection::Pattern;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Selection;
use relapse::catalog::detection::Test;
use relapse::catalog::signature::Catalog;
use relapse::catalog::signature::Place;
use relapse::catalog::signature::Role;
use relapse::catalog::signature::Signature;
use relapse::catalog::signature::Status;
use relapse::matcher::Match;
use relapse::matcher::Matcher;
use relapse::matcher::Observation;
use relapse::matcher::scanner::Scanner;
use relapse::matcher::scanner::ScannerConfig;
use relapse::model::alert::Level;

pub(super) fn literal(text: &str) -> Literal {
    Literal { text: text.to_owned(), cased: false }
}

pub(super) fn pattern(source: &str) -> Pattern {
    Pattern { source: source.to_owned(), regex: Regex::new(source).unwrap().into() }
}

pub(super) fn contains(texts: &[&str]) -> Predicate {
    Predicate::Contains(texts.iter().map(|text| literal(text)).collect())
}

pub(super) fn re(sources: &[&str]) -> Predicate {
    Predicate::Re(sources.iter().map(|source| pattern(source)).collect())
}

pub(super) fn asks<F>(field: F, predicate: Predicate) -> FieldTest<F> {
    FieldTest { field, negated: false, all: false, predicate }
}

pub(super) fn not<F>(test: FieldTest<F>) -> FieldTest<F> {
    FieldTest { negated: !test.negated, ..test }
}

pub(super) fn body(predicate: Predicate) -> Test {
    Test::Field(asks(Field::Body, predicate))
}

pub(super) fn attribute(name: &str, predicate: Predicate) -> Test {
    Test::Field(asks(Field::Attribute(name.to_owned()), predicate))
}

/// Every test a selection (`s0`, `s1`, …) of its own.
pub(super) fn detection(tests: Vec<Test>, condition: Condition) -> Detection {
    let named = |(index, test)| Selection { name: format!("s{index}"), test };
    let selections = tests.into_iter().enumerate().map(named).collect();
    Detection { selections, condition, condition_text: "as built".to_owned() }
}

pub(super) fn signature(id: &str, tests: Vec<Test>) -> Signature {
    let all = Condition::All((0..tests.len()).map(Condition::Selection).collect());
    with_detection(id, detection(tests, all))
}

pub(super) fn with_detection(id: &str, detection: Detection) -> Signature {
    Signature {
        id: id.into(),
        title: id.to_owned(),
        severity: Level::default(),
        status: Status::default(),
        description: String::new(),
        owner: None,
        references: Vec::new(),
        runbook_url: None,
        tags: Vec::new(),
        family: None,
        role: Role::default(),
        open: false,
        scope: Vec::new(),
        fixes: Vec::new(),
        detection,
        correlation: None,
        diagnosis: Vec::new(),
        guards: Vec::new(),
        tests: Vec::new(),
        related: Vec::new(),
        place: Place::default(),
    }
}

pub(super) fn catalog(signatures: Vec<Signature>) -> Catalog {
    Catalog { signatures: signatures.into_iter().map(Arc::new).collect() }
}

pub(super) fn matcher(signatures: Vec<Signature>) -> Arc<Matcher> {
    Arc::new(Matcher::new(&catalog(signatures)))
}

pub(super) fn scanner(signatures: Vec<Signature>, config: ScannerConfig) -> Scanner {
    Scanner::new(matcher(signatures), config, "app.log".into(), 0, 1)
}

/// One signature that looks for `text` in the body.
pub(super) fn looks_for(text: &str) -> Vec<Signature> {
    vec![signature("sought", vec![body(contains(&[text]))])]
}

/// Scans `input` at one go.
pub(super) fn scan(signatures: Vec<Signature>, input: &[u8]) -> Vec<Match> {
    let mut scanner = scanner(signatures, ScannerConfig::default());
    let mut out = Vec::new();
    scanner.push(input, &mut out);
    scanner.finish(&mut out);
    matches(out)
}

pub(super) fn matches(observations: Vec<Observation>) -> Vec<Match> {
    let of = |observation| if let Observation::Match(found) = observation { Some(found) } else { None };
    observations.into_iter().filter_map(of).collect()
}

/// Signature, line and offset of each match.
pub(super) fn places(found: &[Match]) -> Vec<(String, u64, u64)> {
    found.iter().map(|one| (one.signature.id.to_string(), one.record.origin.line, one.record.origin.offset)).collect()
}
