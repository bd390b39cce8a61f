//! The reference: every line is split, every record decoded, every signature asked. Slow, plain, and written apart from the matcher.

use std::net::IpAddr;

use relapse::catalog::detection::Comparison;
use relapse::catalog::detection::Condition;
use relapse::catalog::detection::Detection;
use relapse::catalog::detection::ExceptionField;
use relapse::catalog::detection::Field;
use relapse::catalog::detection::FieldTest;
use relapse::catalog::detection::FrameField;
use relapse::catalog::detection::FramePick;
use relapse::catalog::detection::Link;
use relapse::catalog::detection::LinkTest;
use relapse::catalog::detection::Literal;
use relapse::catalog::detection::Predicate;
use relapse::catalog::detection::Test;
use relapse::catalog::signature::Catalog;
use relapse::decode;
use relapse::decode::LineClass;
use relapse::matcher::scanner::ScannerConfig;
use relapse::model::record::Exception;
use relapse::model::record::Frame;
use relapse::model::record::Record;

/// A record as the sequential rule splits it off.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) raw: Vec<u8>,
    pub(super) cut: bool,
}

/// Signature id, line and offset of every match.
pub(super) type Found = Vec<(String, u64, u64)>;

struct Line<'a> {
    offset: usize,
    kept: Vec<u8>,
    text: &'a [u8],
    class: LineClass,
}

fn lines<'a>(input: &'a [u8], config: &ScannerConfig) -> Vec<Line<'a>> {
    let mut offset = 0;
    let mut all = Vec::new();
    for whole in input.split_inclusive(|byte| *byte == b'\n') {
        let text = whole.strip_suffix(b"\n").unwrap_or(whole);
        let kept_text = &text[..text.len().min(config.max_line_bytes)];
        let mut kept = kept_text.to_vec();
        kept.extend(&whole[text.len()..]);
        let class = decode::classify(kept_text.strip_suffix(b"\r").unwrap_or(kept_text));
        all.push(Line { offset, kept, text: kept_text, class });
        offset += whole.len();
    }
    all
}

pub(super) fn records(input: &[u8], config: &ScannerConfig) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut headed = false;
    let mut count = 0;
    let mut before: Option<(LineClass, Vec<u8>)> = None;
    for (number, line) in lines(input, config).into_iter().enumerate() {
        let after_traceback = before.as_ref().is_some_and(|(class, text)| {
            let text = String::from_utf8_lossy(text).into_owned();
            let row = ["\tat ", "   at "].iter().any(|row| text.contains(row));
            let foreign =
                ["at ", "... ", "Caused by", "Suppressed", "}", "#"].iter().any(|start| text.trim().starts_with(start));
            *class == LineClass::Continuation && !text.trim().is_empty() && !foreign && !row
        });
        let starts = match line.class {
            _ if pieces.is_empty() || !config.multiline => true,
            LineClass::Header => true,
            LineClass::Continuation => false,
            LineClass::Plain => !headed && !after_traceback,
        };
        let full = pieces.last().is_some_and(|piece| {
            count == config.max_record_lines || piece.raw.len() + line.kept.len() > config.max_record_bytes
        });
        if starts || full {
            if let Some(last) = pieces.last_mut().filter(|_| !starts) {
                last.cut = true;
            }
            headed = line.class == LineClass::Header;
            count = 0;
            pieces.push(Piece { offset: line.offset as u64, line: number as u64 + 1, raw: Vec::new(), cut: false });
        }
        count += 1;
        pieces.last_mut().unwrap().raw.extend(&line.kept);
        before = Some((line.class, line.text.to_vec()));
    }
    pieces
}

/// Every match, in stream and catalog order, and how many records that matched were cut.
pub(super) fn scan(catalog: &Catalog, input: &[u8], config: &ScannerConfig) -> (Found, u64) {
    let mut found = Found::new();
    let mut cut = 0;
    for piece in records(input, config) {
        let record = decode::decode(&piece.raw, &config.decode).record;
        let before = found.len();
        for signature in &catalog.signatures {
            let in_scope = signature
                .scope
                .iter()
                .all(|(name, values)| record.resource.get(name).is_none_or(|value| values.contains(&value.to_owned())));
            if in_scope && condition(&signature.detection, &signature.detection.condition, &record) {
                found.push((signature.id.to_string(), piece.line, piece.offset));
            }
        }
        cut += u64::from(piece.cut && found.len() > before);
    }
    (found, cut)
}

fn condition(detection: &Detection, part: &Condition, record: &Record) -> bool {
    match part {
        Condition::Selection(index) => test(&detection.selections[*index].test, record),
        Condition::All(parts) => parts.iter().all(|part| condition(detection, part, record)),
        Condition::Any(parts) => parts.iter().any(|part| condition(detection, part, record)),
        Condition::Not(part) => !condition(detection, part, record),
    }
}

fn headline(exception: &Exception) -> String {
    let parts = [exception.kind.as_str(), exception.message.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

fn test(asked: &Test, record: &Record) -> bool {
    match asked {
        Test::All(parts) => parts.iter().all(|part| test(part, record)),
        Test::Any(parts) => parts.iter().any(|part| test(part, record)),
        Test::Pattern(pattern) => {
            let original = record.original.clone().unwrap_or_default();
            let texts = [record.body.clone(), original].into_iter().chain(record.exceptions.iter().map(headline));
            texts.into_iter().any(|text| pattern.regex.is_match(&text))
        }
        Test::Field(asked) => field(asked, value(record, &asked.field)),
        Test::Exception(link, tests) => {
            let last = record.exceptions.len().saturating_sub(1);
            record.exceptions.iter().enumerate().any(|(index, exception)| {
                let looked_at = match link {
                    Link::Any => true,
                    Link::Root => index == 0,
                    Link::Outermost => index == last,
                };
                looked_at && tests.iter().all(|test| link_test(test, exception))
            })
        }
    }
}

fn link_test(asked: &LinkTest, exception: &Exception) -> bool {
    match asked {
        LinkTest::Field(asked) => {
            let text = match asked.field {
                ExceptionField::Type => exception.kind.clone(),
                ExceptionField::Message => exception.message.clone(),
                ExceptionField::Stacktrace => headline(exception),
            };
            field(asked, Some(text).filter(|text| !text.is_empty()))
        }
        LinkTest::Frame(pick, tests) => {
            let last = exception.frames.len().saturating_sub(1);
            let mut frames = exception.frames.iter().enumerate();
            frames.any(|(index, frame)| {
                (*pick == FramePick::Any || index == last)
                    && tests.iter().all(|test| field(test, frame_value(frame, test.field)))
            })
        }
    }
}

fn frame_value(frame: &Frame, name: FrameField) -> Option<String> {
    match name {
        FrameField::Path => Some(frame.path.clone()),
        FrameField::Function => Some(frame.function.clone()),
        FrameField::LineNumber => frame.line.map(|line| line.to_string()),
        FrameField::Line => frame.source.clone(),
    }
}

fn value(record: &Record, name: &Field) -> Option<String> {
    match name {
        Field::Body => Some(record.body.clone()).filter(|body| !body.is_empty()),
        Field::SeverityText => record.severity.as_ref().map(|severity| severity.text.clone()),
        Field::SeverityNumber => record.severity.as_ref().map(|severity| severity.number.to_string()),
        Field::TraceId => record.trace_id.clone(),
        Field::SpanId => record.span_id.clone(),
        Field::SpanName => record.span.as_ref().map(|span| span.name.clone()),
        Field::StatusMessage => record.span.as_ref().map(|span| span.status_message.clone()),
        Field::Resource(name) => record.resource.get(name).map(str::to_owned),
        Field::Attribute(name) => record.attributes.get(name).map(str::to_owned),
    }
}

fn field<F>(asked: &FieldTest<F>, found: Option<String>) -> bool {
    let holds = match (&asked.predicate, found) {
        (Predicate::Exists(wanted), found) => found.is_some() == *wanted,
        (_, None) => false,
        (predicate, Some(found)) => predicate_holds(predicate, asked.all, &found),
    };
    holds ^ asked.negated
}

fn predicate_holds(predicate: &Predicate, all: bool, found: &str) -> bool {
    let some = |holds: Vec<bool>| if all { !holds.contains(&false) } else { holds.contains(&true) };
    let texts = |literals: &[Literal], holds: fn(&str, &str) -> bool| {
        let one = |literal: &Literal| {
            if literal.cased {
                holds(found, &literal.text)
            } else {
                holds(&found.to_ascii_lowercase(), &literal.text.to_ascii_lowercase())
            }
        };
        some(literals.iter().map(one).collect())
    };
    match predicate {
        Predicate::Equals(literals) => texts(literals, |found, text| found == text),
        Predicate::Contains(literals) => texts(literals, |found, text| found.contains(text)),
        Predicate::StartsWith(literals) => texts(literals, |found, text| found.starts_with(text)),
        Predicate::EndsWith(literals) => texts(literals, |found, text| found.ends_with(text)),
        Predicate::Re(patterns) => some(patterns.iter().map(|pattern| pattern.regex.is_match(found)).collect()),
        Predicate::Exists(wanted) => *wanted,
        Predicate::Cidr(networks) => {
            let Ok(IpAddr::V4(address)) = found.parse::<IpAddr>() else { return false };
            let inside = |text: String| text.parse::<IpAddr>().is_ok_and(|network| network == IpAddr::V4(address));
            some(networks.iter().map(|network| inside(network.address.to_string())).collect())
        }
        Predicate::Compare(comparison, bound) => found.parse::<f64>().is_ok_and(|number| match comparison {
            Comparison::Greater => number > *bound,
            Comparison::GreaterOrEqual => number >= *bound,
            Comparison::Less => number < *bound,
            Comparison::LessOrEqual => number <= *bound,
        }),
    }
}
