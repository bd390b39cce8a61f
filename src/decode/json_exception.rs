//! Exceptions that JSON records carry in fields of their own: as text, as structlog's list, as type and value.

use serde_json::Value;

use crate::decode::exception;
use crate::decode::nested_exception;
use crate::decode::text;
use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

/// Where a stack trace is text.
const TEXTS: &[&[&str]] = &[
    &["exception"],
    &["exc_info"],
    &["stack_trace"],
    &["error", "stack_trace"],
    &["error.stack_trace"],
    &["error", "traceback"],
    &["error", "stack"],
    &["exception", "stacktrace"],
    &["exception.stacktrace"],
    &["attributes", "exception.stacktrace"],
    &["attributes", "exception", "stacktrace"],
    &["err", "stack"],
    &["traceback"],
    &["stacktrace"],
    &["stack"],
    &["text"],
    &["exc_text"],
    &["Exception"],
    &["@x"],
    &["full_message"],
    &["thrown", "extendedStackTrace"],
    &["cause", "stack"],
    &["e", "stack"],
    &["exception", "stack"],
    &["exception", "stack_trace"],
    &["error"],
    &["err"],
];
/// Where type and message stand in two fields: parent, type, messages.
const PARTED: &[(&[&str], &str)] = &[
    (&["error"], "type"),
    (&["error"], "name"),
    (&["exception"], "type"),
    (&["err"], "type"),
    (&["record", "exception"], "type"),
    (&["attributes", "exception"], "type"),
    (&[], "exception.type"),
    (&["attributes"], "exception.type"),
    (&[], "error.type"),
    (&[], "exc_type"),
    (&["thrown"], "name"),
];
const MESSAGES: &[&str] = &["value", "message", "exception.message", "error.message", "exc_value", "reason"];

/// Where an error is nothing but a text.
const BARE: &[&str] = &["error", "err", "exception", "exc_info", "error.message", "exception.message", "cause"];

/// The chain a JSON object carries outside its message, root first.
pub(super) fn of_fields(value: &Value) -> Vec<Exception> {
    // Rust's `tracing` puts what belongs to an event below `fields`.
    let roots = [Some(value), value.get("jsonPayload"), value.get("fields")];
    for root in roots.into_iter().flatten() {
        if let Some(list) = root.get("exception").and_then(Value::as_array) {
            let chain = structured(list);
            if !chain.is_empty() {
                return chain;
            }
        }
        for path in TEXTS {
            let Some(text) = at(root, path).and_then(Value::as_str) else { continue };
            let chain = exception::parse(&text::strip(text));
            if !chain.is_empty() {
                return with_cause(chain, root, path);
            }
        }
        let chain = nested_exception::parse(root);
        if !chain.is_empty() {
            return chain;
        }
    }
    let roots = || roots.into_iter().flatten();
    let alone = roots().find_map(parted).or_else(|| roots().find_map(bare));
    let stack = || roots().find_map(|root| STACKS.iter().find_map(|key| root.get(key)?.as_str()));
    let framed = |exception: Exception| match exception.frames.is_empty().then(stack).flatten() {
        Some(text) => Exception { frames: exception::go::stack(text), ..exception },
        None => exception,
    };
    alone.map(framed).into_iter().collect()
}

/// The chain of a stack, with that of the `cause` beside it where the stack does not tell it.
fn with_cause(mut chain: Vec<Exception>, root: &Value, path: &[&str]) -> Vec<Exception> {
    let beside = path.split_last().and_then(|(_, parent)| at(root, parent)).and_then(|parent| parent.get("cause"));
    let (Some(text), [_]) = (beside.and_then(Value::as_str), chain.as_slice()) else { return chain };
    let mut links = exception::parse(&text::strip(text));
    if let Some(last) = links.last_mut() {
        last.relation = Some(Relation::Cause);
    }
    links.append(&mut chain);
    links
}

/// Where loggers of Go keep the stack of the place that logged.
const STACKS: &[&str] = &["stacktrace", "stack", "errorVerbose", "stack_trace"];

/// `{"msg": "failed", "error": "connection refused"}`: what loggers of Go write, where an error has a text and no type.
fn bare(root: &Value) -> Option<Exception> {
    let message = BARE.iter().find_map(|key| root.get(key)?.as_str()).filter(|text| !text.trim().is_empty())?;
    Some(Exception { message: text::strip(message).into_owned(), ..Exception::default() })
}

fn at<'a>(root: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| value.get(key))
}

/// `{"type": …, "value": …}`: one exception without frames.
fn parted(root: &Value) -> Option<Exception> {
    PARTED.iter().find_map(|(parent, key)| {
        let parent = at(root, parent)?;
        let kind = parent.get(key)?.as_str()?;
        let message = MESSAGES.iter().find_map(|key| parent.get(key)).map(plain).unwrap_or_default();
        // ecs-logging writes Python's frames and leaves the rest of the traceback to the fields beside them.
        if let Some(stack) =
            parent.get("stack_trace").and_then(Value::as_str).filter(|stack| stack.starts_with("  File \""))
        {
            let told = format!("Traceback (most recent call last):\n{}\n{kind}: {message}", stack.trim_end());
            return exception::parse(&told).pop();
        }
        (!kind.is_empty()).then(|| Exception { kind: kind.to_owned(), message, ..Exception::default() })
    })
}

/// Whether `value` is structlog's list of exceptions.
pub(super) fn is_structured(value: &Value) -> bool {
    value.as_array().and_then(|list| list.first()).is_some_and(|item| item.get("exc_type").is_some())
}

/// structlog's `dict_tracebacks`: outermost exception first, each with its frames in Python's order.
fn structured(list: &[Value]) -> Vec<Exception> {
    let mut chain: Vec<Exception> = Vec::new();
    // `is_cause` stands on the cause: the link printed before it was raised from it.
    for (at, item) in list.iter().enumerate().rev() {
        let Some(kind) = item.get("exc_type").and_then(Value::as_str) else { continue };
        for group in item.get("exceptions").and_then(Value::as_array).into_iter().flatten() {
            let mut members = group.as_array().map_or_else(Vec::new, |members| structured(members));
            if let Some(last) = members.last_mut() {
                last.relation = Some(Relation::Group);
            }
            chain.append(&mut members);
        }
        let mut message = item.get("exc_value").map(plain).unwrap_or_default();
        for note in item.get("exc_notes").and_then(Value::as_array).into_iter().flatten() {
            message.push('\n');
            message.push_str(&plain(note));
        }
        let frames = item.get("frames").and_then(Value::as_array).into_iter().flatten().map(frame).collect();
        let is_cause = item.get("is_cause").and_then(Value::as_bool).unwrap_or(false);
        let relation = (at > 0).then_some(if is_cause { Relation::Cause } else { Relation::Context });
        chain.push(Exception { kind: kind.to_owned(), message, frames, relation });
    }
    chain
}

fn frame(value: &Value) -> Frame {
    let text = |key: &str| value.get(key).map(plain).unwrap_or_default();
    let source = Some(text("line")).filter(|source| !source.is_empty());
    Frame {
        path: text("filename"),
        line: value.get("lineno").and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok()),
        function: text("name"),
        source,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
