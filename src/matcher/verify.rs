//! Whether a signature holds for a record. Receives the compiled signature and the decoded record, gives yes or no; why and where
//! is the business of [`super::leaves`], which is asked only after a yes.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;
use std::net::SocketAddr;

use crate::catalog::detection::Comparison;
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
use crate::catalog::detection::Network;
use crate::catalog::detection::Predicate;
use crate::catalog::detection::Test;
use crate::catalog::signature::Signature;
use crate::matcher::fold;
use crate::matcher::fold::Stance;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Record;

/// Whether `record` is in the signature's scope and its condition holds.
pub(crate) fn holds(signature: &Signature, record: &Record) -> bool {
    in_scope(signature, record) && condition_holds(&signature.detection, &signature.detection.condition, record)
}

/// Whether the record contradicts no attribute of the scope. An attribute that the record does not carry excludes nothing:
/// unknown is no contradiction, and a plain-text log names no service at all.
pub(crate) fn in_scope(signature: &Signature, record: &Record) -> bool {
    signature.scope.iter().all(|(name, accepted)| {
        resource_value(record, name).is_none_or(|found| accepted.iter().any(|value| *value == *found))
    })
}

/// A resource attribute under its OpenTelemetry name.
pub(crate) fn resource_value<'r>(record: &'r Record, name: &str) -> Option<Cow<'r, str>> {
    match (record.resource.get(name), name) {
        (Some(value), _) => Some(Cow::Borrowed(value)),
        (None, "process.creation.time") => record.resource.process_start.map(|time| Cow::Owned(time.to_string())),
        (None, _) => None,
    }
}

/// Whether `condition`, a part of the detection's, holds for the record.
pub(crate) fn condition_holds(detection: &Detection, condition: &Condition, record: &Record) -> bool {
    match condition {
        Condition::Selection(index) => {
            detection.selections.get(*index).is_some_and(|selection| test_holds(&selection.test, record))
        }
        Condition::All(parts) => parts.iter().all(|part| condition_holds(detection, part, record)),
        Condition::Any(parts) => parts.iter().any(|part| condition_holds(detection, part, record)),
        Condition::Not(part) => !condition_holds(detection, part, record),
    }
}

/// Whether one test holds for the record.
pub(crate) fn test_holds(test: &Test, record: &Record) -> bool {
    match test {
        Test::All(parts) => parts.iter().all(|part| test_holds(part, record)),
        Test::Any(parts) => parts.iter().any(|part| test_holds(part, record)),
        Test::Pattern(pattern) => haystacks(record).any(|text| pattern.regex.is_match(&text)),
        Test::Field(test) => field_holds(test, field_value(record, &test.field).as_deref()),
        Test::Exception(link, tests) => {
            links(*link, record).iter().any(|exception| tests.iter().all(|test| link_test_holds(test, exception)))
        }
    }
}

/// Whether one test of an exception holds for this link of the chain.
pub(crate) fn link_test_holds(test: &LinkTest, exception: &Exception) -> bool {
    match test {
        LinkTest::Field(test) => field_holds(test, exception_value(exception, test.field).as_deref()),
        LinkTest::Frame(pick, tests) => frames(*pick, exception)
            .iter()
            .any(|frame| tests.iter().all(|test| field_holds(test, frame_value(frame, test.field).as_deref()))),
    }
}

/// Whether one field test holds for the field's value; `None` = the record does not carry the field.
pub(crate) fn field_holds<F>(test: &FieldTest<F>, value: Option<&str>) -> bool {
    let holds = match (&test.predicate, value) {
        (Predicate::Exists(wanted), value) => value.is_some() == *wanted,
        (_, None) => false,
        (predicate, Some(value)) => predicate_holds(predicate, test.all, value),
    };
    holds != test.negated
}

fn predicate_holds(predicate: &Predicate, all: bool, value: &str) -> bool {
    let texts = |literals: &[Literal], stance| {
        quantified(all, literals, |literal| fold::find(literal, stance, value).is_some())
    };
    match predicate {
        Predicate::Equals(literals) => texts(literals, Stance::Whole),
        Predicate::Contains(literals) => texts(literals, Stance::Inside),
        Predicate::StartsWith(literals) => texts(literals, Stance::Start),
        Predicate::EndsWith(literals) => texts(literals, Stance::End),
        Predicate::Re(patterns) => quantified(all, patterns, |pattern| pattern.regex.is_match(value)),
        Predicate::Exists(wanted) => *wanted,
        Predicate::Cidr(networks) => {
            address(value).is_some_and(|address| quantified(all, networks, |network| covers(network, address)))
        }
        Predicate::Compare(comparison, bound) => {
            value.trim().parse::<f64>().is_ok_and(|number| compare(*comparison, number, *bound))
        }
    }
}

fn quantified<T>(all: bool, values: &[T], holds: impl Fn(&T) -> bool) -> bool {
    if all { values.iter().all(holds) } else { values.iter().any(holds) }
}

fn compare(comparison: Comparison, number: f64, bound: f64) -> bool {
    match comparison {
        Comparison::Greater => number > bound,
        Comparison::GreaterOrEqual => number >= bound,
        Comparison::Less => number < bound,
        Comparison::LessOrEqual => number <= bound,
    }
}

fn address(value: &str) -> Option<IpAddr> {
    let value = value.trim();
    let with_port = || value.parse::<SocketAddr>().map(|address| address.ip());
    value.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

fn covers(network: &Network, address: IpAddr) -> bool {
    let same = |own: u128, other: u128, width: u32| {
        let host_bits = width.saturating_sub(u32::from(network.prefix));
        own.checked_shr(host_bits).unwrap_or(0) == other.checked_shr(host_bits).unwrap_or(0)
    };
    match (network.address, address) {
        (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// What the short form `pattern:` is searched in.
pub(crate) fn haystacks(record: &Record) -> impl Iterator<Item = Cow<'_, str>> {
    let texts = [Some(record.body.as_str()), record.original.as_deref()];
    texts
        .into_iter()
        .flatten()
        .map(Cow::Borrowed)
        .chain(record.exceptions.iter().map(|link| Cow::Owned(headline(link))))
}

/// `type: message`, or the one of them that is there.
pub(crate) fn headline(exception: &Exception) -> String {
    match (exception.kind.is_empty(), exception.message.is_empty()) {
        (false, false) => format!("{}: {}", exception.kind, exception.message),
        (true, _) => exception.message.clone(),
        (_, true) => exception.kind.clone(),
    }
}

/// The links a test may look at: the chain is root first.
pub(crate) fn links(link: Link, record: &Record) -> &[Exception] {
    let chain = record.exceptions.as_slice();
    match link {
        Link::Any => chain,
        Link::Root => chain.get(..1).unwrap_or_default(),
        Link::Outermost => chain.get(chain.len().saturating_sub(1)..).unwrap_or_default(),
    }
}

/// The frames a test may look at: the raise site is the last one.
pub(crate) fn frames(pick: FramePick, exception: &Exception) -> &[Frame] {
    let all = exception.frames.as_slice();
    match pick {
        FramePick::Any => all,
        FramePick::Last => all.get(all.len().saturating_sub(1)..).unwrap_or_default(),
    }
}

fn present(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// The value of a record's field; an empty body or name is as good as none.
pub(crate) fn field_value<'r>(record: &'r Record, field: &Field) -> Option<Cow<'r, str>> {
    match field {
        Field::Body => present(&record.body),
        Field::SeverityText => record.severity.as_ref().and_then(|severity| present(&severity.text)),
        Field::SeverityNumber => record.severity.as_ref().map(|severity| Cow::Owned(severity.number.to_string())),
        Field::TraceId => record.trace_id.as_deref().and_then(present),
        Field::SpanId => record.span_id.as_deref().and_then(present),
        Field::SpanName => record.span.as_ref().and_then(|span| present(&span.name)),
        Field::StatusMessage => record.span.as_ref().and_then(|span| present(&span.status_message)),
        Field::Resource(name) => resource_value(record, name),
        Field::Attribute(name) => record.attributes.get(name).map(Cow::Borrowed),
    }
}

/// The value of an exception's field.
pub(crate) fn exception_value(exception: &Exception, field: ExceptionField) -> Option<Cow<'_, str>> {
    match field {
        ExceptionField::Type => present(&exception.kind),
        ExceptionField::Message => present(&exception.message),
        ExceptionField::Stacktrace => Some(Cow::Owned(stacktrace(exception))),
    }
}

/// `type: message`, then two lines a frame as Python prints them.
fn stacktrace(exception: &Exception) -> String {
    let mut text = headline(exception);
    for frame in &exception.frames {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "\n  File \"{}\"", frame.path);
        if let Some(line) = frame.line {
            let _ = write!(text, ", line {line}");
        }
        let _ = write!(text, ", in {}", frame.function);
        if let Some(source) = &frame.source {
            let _ = write!(text, "\n    {source}");
        }
    }
    text
}

/// The value of a frame's field.
pub(crate) fn frame_value(frame: &Frame, field: FrameField) -> Option<Cow<'_, str>> {
    match field {
        FrameField::Path => present(&frame.path),
        FrameField::Function => present(&frame.function),
        FrameField::LineNumber => frame.line.map(|line| Cow::Owned(line.to_string())),
        FrameField::Line => frame.source.as_deref().and_then(present),
    }
}
