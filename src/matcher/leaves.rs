//! The single questions of a test, each with the value it met and its answer. Receives a test and a record, gives every leaf to
//! the caller; evidence, captures and explanations are made of these. Never on the hot path: asked once a hit or by a human.

use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;

use crate::catalog::detection::Condition;
use crate::catalog::detection::Detection;
use crate::catalog::detection::ExceptionField;
use crate::catalog::detection::Field;
use crate::catalog::detection::FieldTest;
use crate::catalog::detection::FrameField;
use crate::catalog::detection::FramePick;
use crate::catalog::detection::Link;
use crate::catalog::detection::LinkTest;
use crate::catalog::detection::Literal;
use crate::catalog::detection::Pattern;
use crate::catalog::detection::Predicate;
use crate::catalog::detection::Selection;
use crate::catalog::detection::Test;
use crate::catalog::signature::Signature;
use crate::matcher::fold;
use crate::matcher::fold::Stance;
use crate::matcher::verify;
use crate::model::record::Exception;
use crate::model::record::Record;

/// What a leaf asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question<'t> {
    /// The short form.
    Pattern(&'t Pattern),
    /// A predicate, `|all` or not.
    Predicate(&'t Predicate, bool),
}

impl<'t> Question<'t> {
    /// The expressions it asks by.
    pub(crate) fn patterns(self) -> &'t [Pattern] {
        match self {
            Self::Pattern(pattern) => std::slice::from_ref(pattern),
            Self::Predicate(Predicate::Re(patterns), _) => patterns,
            Self::Predicate(..) => &[],
        }
    }
}

/// Every question of a signature's selections.
pub(crate) fn questions(signature: &Signature) -> Vec<Question<'_>> {
    let mut found = Vec::new();
    signature.detection.selections.iter().for_each(|selection| add_questions(&selection.test, &mut found));
    found
}

fn add_questions<'t>(test: &'t Test, found: &mut Vec<Question<'t>>) {
    match test {
        Test::All(parts) | Test::Any(parts) => parts.iter().for_each(|part| add_questions(part, found)),
        Test::Pattern(pattern) => found.push(Question::Pattern(pattern)),
        Test::Field(test) => found.push(Question::Predicate(&test.predicate, test.all)),
        Test::Exception(_, tests) => tests.iter().for_each(|test| match test {
            LinkTest::Field(test) => found.push(Question::Predicate(&test.predicate, test.all)),
            LinkTest::Frame(_, tests) => {
                found.extend(tests.iter().map(|test| Question::Predicate(&test.predicate, test.all)));
            }
        }),
    }
}

/// One question, the value it met, and its answer.
#[derive(Debug)]
pub(crate) struct Leaf<'t, 'r> {
    /// The field as the catalog writes it: `body`, `exception|any.type`.
    pub field: String,
    /// What is asked of it.
    pub question: Question<'t>,
    /// `not_…`
    pub negated: bool,
    /// The field's value; `None` = the record does not carry it.
    pub value: Option<Cow<'r, str>>,
    /// The exception the leaf looked at.
    pub exception: Option<&'r Exception>,
    /// The answer, negation included.
    pub holds: bool,
    /// Where in the value a pattern matched, if that is known already.
    matched: Option<Range<usize>>,
}

impl<'t> Leaf<'t, '_> {
    /// Where in the value the text stands that made the leaf hold; `None` for a leaf that holds without one.
    pub(crate) fn place(&self) -> Option<Range<usize>> {
        let value = self.value.as_deref()?;
        if self.negated || !self.holds {
            return None;
        }
        let texts =
            |literals: &[Literal], stance| literals.iter().find_map(|literal| fold::find(literal, stance, value));
        match self.question {
            Question::Pattern(_) => self.matched.clone(),
            Question::Predicate(Predicate::Equals(literals), _) => texts(literals, Stance::Whole),
            Question::Predicate(Predicate::Contains(literals), _) => texts(literals, Stance::Inside),
            Question::Predicate(Predicate::StartsWith(literals), _) => texts(literals, Stance::Start),
            Question::Predicate(Predicate::EndsWith(literals), _) => texts(literals, Stance::End),
            Question::Predicate(Predicate::Re(patterns), _) => {
                patterns.iter().find_map(|pattern| position(pattern, value))
            }
            Question::Predicate(..) => None,
        }
    }

    /// The regular expressions of the leaf.
    pub(crate) fn regexes(&self) -> impl Iterator<Item = &'t Regex> {
        self.question.patterns().iter().filter_map(|pattern| pattern.regex.regex())
    }
}

fn position(pattern: &Pattern, value: &str) -> Option<Range<usize>> {
    pattern.regex.regex()?.find(value).map(|found| found.range())
}

/// Every selection that holds and that the condition wants to hold, in the order of the condition. `holds`: the whole condition is known
/// to hold.
pub(crate) fn positive<'t>(detection: &'t Detection, record: &Record, holds: bool) -> Vec<&'t Selection> {
    let mut found = Vec::new();
    add_positive(detection, (&detection.condition, holds), record, &mut found);
    found
}

fn add_positive<'t>(
    detection: &'t Detection,
    (condition, holds): (&'t Condition, bool),
    record: &Record,
    found: &mut Vec<&'t Selection>,
) {
    match condition {
        Condition::Selection(index) => {
            let selection = detection.selections.get(*index);
            found.extend(selection.filter(|selection| holds || verify::test_holds(&selection.test, record)));
        }
        Condition::All(parts) if holds => {
            for part in parts {
                add_positive(detection, (part, true), record, found);
            }
        }
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts.iter().filter(|part| verify::condition_holds(detection, part, record)) {
                add_positive(detection, (part, true), record, found);
            }
        }
        Condition::Not(_) => {}
    }
}

/// Every leaf of `test`, in the order written. Where several links or frames are in question, the leaves are those of the one that
/// holds, else of the one that comes nearest.
pub(crate) fn of<'t, 'r>(test: &'t Test, record: &'r Record) -> Vec<Leaf<'t, 'r>> {
    match test {
        Test::All(parts) | Test::Any(parts) => parts.iter().flat_map(|part| of(part, record)).collect(),
        Test::Pattern(pattern) => vec![pattern_leaf(pattern, record)],
        Test::Field(test) => {
            vec![field_leaf(test, field_name(&test.field), verify::field_value(record, &test.field), None)]
        }
        Test::Exception(link, tests) => exception_leaves(*link, tests, record),
    }
}

fn pattern_leaf<'t, 'r>(pattern: &'t Pattern, record: &'r Record) -> Leaf<'t, 'r> {
    let texts = [Some(record.body.as_str()), record.original.as_deref()].into_iter().flatten();
    let in_text = texts.map(Cow::Borrowed).find_map(|text| position(pattern, &text).map(|place| (text, place, None)));
    let in_links = || {
        record.exceptions.iter().find_map(|link| {
            let headline = verify::headline(link);
            position(pattern, &headline).map(|place| (Cow::Owned(headline), place, Some(link)))
        })
    };
    let (question, field, negated) = (Question::Pattern(pattern), "pattern".to_owned(), false);
    if let Some((value, place, exception)) = in_text.or_else(in_links) {
        return Leaf { field, question, negated, value: Some(value), exception, holds: true, matched: Some(place) };
    }
    let value = Some(Cow::Borrowed(record.body.as_str()));
    Leaf { field, question, negated, value, exception: None, holds: false, matched: None }
}

fn field_leaf<'t, 'r, F>(
    test: &'t FieldTest<F>,
    field: String,
    value: Option<Cow<'r, str>>,
    exception: Option<&'r Exception>,
) -> Leaf<'t, 'r> {
    let holds = verify::field_holds(test, value.as_deref());
    let question = Question::Predicate(&test.predicate, test.all);
    Leaf { field, question, negated: test.negated, value, exception, holds, matched: None }
}

fn exception_leaves<'t, 'r>(link: Link, tests: &'t [LinkTest], record: &'r Record) -> Vec<Leaf<'t, 'r>> {
    let name = match link {
        Link::Any => "exception|any",
        Link::Root => "exception|root",
        Link::Outermost => "exception|outermost",
    };
    let leaves = |exception: Option<&'r Exception>| -> Vec<Leaf<'t, 'r>> {
        tests.iter().flat_map(|test| link_leaves(name, test, exception)).collect()
    };
    nearest(verify::links(link, record).iter().map(|exception| leaves(Some(exception)))).unwrap_or_else(|| leaves(None))
}

fn link_leaves<'t, 'r>(name: &str, test: &'t LinkTest, exception: Option<&'r Exception>) -> Vec<Leaf<'t, 'r>> {
    match test {
        LinkTest::Field(test) => {
            let value = exception.and_then(|exception| verify::exception_value(exception, test.field));
            let mut leaf = field_leaf(test, format!("{name}.{}", exception_field_name(test.field)), value, exception);
            // No link, no answer: even a negated test asks for a link it can look at.
            leaf.holds &= exception.is_some();
            vec![leaf]
        }
        LinkTest::Frame(pick, tests) => {
            let which = if *pick == FramePick::Any { "frame|any" } else { "frame|last" };
            let field = |test: &FieldTest<FrameField>| format!("{name}.{which}.{}", frame_field_name(test.field));
            let frames = exception.map(|exception| verify::frames(*pick, exception)).unwrap_or_default();
            let all = frames.iter().map(|frame| {
                let leaf = |test| field_leaf(test, field(test), verify::frame_value(frame, test.field), exception);
                tests.iter().map(leaf).collect::<Vec<_>>()
            });
            let none =
                || tests.iter().map(|test| Leaf { holds: false, ..field_leaf(test, field(test), None, exception) });
            nearest(all).unwrap_or_else(|| none().collect())
        }
    }
}

/// The first of the candidates with the most holding leaves.
fn nearest<'t, 'r>(candidates: impl Iterator<Item = Vec<Leaf<'t, 'r>>>) -> Option<Vec<Leaf<'t, 'r>>> {
    let count = |leaves: &Vec<Leaf<'t, 'r>>| leaves.iter().filter(|leaf| leaf.holds).count();
    candidates.reduce(|best, next| if count(&next) > count(&best) { next } else { best })
}

fn field_name(field: &Field) -> String {
    match field {
        Field::Body => "body".to_owned(),
        Field::SeverityText => "severity_text".to_owned(),
        Field::SeverityNumber => "severity_number".to_owned(),
        Field::TraceId => "trace_id".to_owned(),
        Field::SpanId => "span_id".to_owned(),
        Field::SpanName => "span.name".to_owned(),
        Field::StatusMessage => "status.message".to_owned(),
        Field::Resource(name) => format!("resource.{name}"),
        Field::Attribute(name) => format!("attributes.{name}"),
    }
}

fn exception_field_name(field: ExceptionField) -> &'static str {
    match field {
        ExceptionField::Type => "type",
        ExceptionField::Message => "message",
        ExceptionField::Stacktrace => "stacktrace",
    }
}

fn frame_field_name(field: FrameField) -> &'static str {
    match field {
        FrameField::Path => "code.file.path",
        FrameField::Function => "code.function.name",
        FrameField::LineNumber => "code.line.number",
        FrameField::Line => "code.line",
    }
}
