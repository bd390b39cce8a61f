//! From a match to what the judge needs of it: the resource, the time and the evidence worth pinning, already redacted.

use std::collections::BTreeMap;

use crate::alert::redact;
use crate::incident::event::Occurrence;
use crate::matcher::Match;
use crate::model::incident::Evidence;
use crate::model::record::Exception;
use crate::model::record::Record;
use crate::model::record::Resource;

/// Longest message kept as evidence, in characters.
const MAX_MESSAGE: usize = 500;

/// The occurrence a match stands for. `resource` is the record's, completed with what else is known of its process.
pub fn occurrence(found: &Match, resource: Resource) -> Occurrence {
    let record = &*found.record;
    let advice =
        found.diagnosis.and_then(|index| found.signature.diagnosis.get(index)).and_then(|rule| rule.advice.clone());
    let mut evidence = Evidence { captures: found.captures.clone(), advice, ..of_record(record) };
    redact::evidence(&mut evidence);
    Occurrence {
        signature: found.signature.clone(),
        resource,
        time: record.time,
        diagnosis: found.diagnosis,
        evidence,
        part: found.part.clone(),
    }
}

fn of_record(record: &Record) -> Evidence {
    let root = record.exceptions.first();
    Evidence {
        time: record.time,
        message: shorten(headline(record)),
        exception: root.map(|exception| shorten(&named(exception))).filter(|text| !text.is_empty()),
        raised_at: root.and_then(raised_at),
        release: record.resource.release.clone().or_else(|| record.resource.commit.clone()),
        instance: record.resource.instance.clone(),
        trace_id: record.trace_id.clone(),
        basis: None,
        file: record.origin.file.to_string(),
        line: record.origin.line,
        captures: BTreeMap::new(),
        advice: None,
    }
}

/// `type: message`, or the one of them that is there.
fn named(exception: &Exception) -> String {
    let parts = [exception.kind.as_str(), exception.message.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The first line that says something: a bare `Traceback (most recent call last):` does not.
fn headline(record: &Record) -> &str {
    let mut lines = record.body.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    match record.exceptions.last() {
        Some(outermost) if first.starts_with("Traceback (most recent call last)") => &outermost.message,
        _ => first,
    }
}

fn raised_at(exception: &Exception) -> Option<String> {
    let frame = exception.frames.last()?;
    let line = frame.line.map_or_else(String::new, |line| format!(":{line}"));
    Some(format!("{}{line} in {}", frame.path, frame.function))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
