//! JSON lines of logging libraries and platforms → records.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::decode::exception;
use crate::decode::fields;
use crate::decode::fields::Pairs;
use crate::decode::flatten;
use crate::decode::json_exception;
use crate::decode::text;
use crate::model::record::Exception;
use crate::model::record::Record;
use crate::model::record::Span;

/// Deeper values are kept as JSON text.
const MAX_DEPTH: usize = 32;
/// More keys than this are not flattened.
const MAX_KEYS: usize = 1_000;
/// A key's own name is cut here: it is repeated in every key below it.
const MAX_NAME: usize = 256;
/// Docker and fluentd wrap each other's lines.
const MAX_WRAPS: usize = 4;

/// Reads the object that `text` begins with into `record`; `None` where it is none. What `record` already knows (from a header around
/// it) stays where the object says nothing; what follows the object on later lines belongs to the message. Says whether there was a
/// time that could not be read. A time that names no zone is one of `zone`.
pub(super) fn read(text: &str, zone: Option<&TimeZone>, record: &mut Record) -> Option<bool> {
    let unread_time = read_wrapped(text, zone, record, (0, false))?;
    Some(unread_time && record.time.is_none())
}

/// Reads a message that is itself a record in JSON into `record`; `false` where it is data that was logged.
pub(super) fn read_logged(text: &str, record: &mut Record) -> bool {
    read_wrapped(text, None, record, (1, true)).is_some()
}

/// `wraps`: how many objects are around this one. `must_speak`: it may be data that was logged, and is then none.
fn read_wrapped(
    text: &str,
    zone: Option<&TimeZone>,
    record: &mut Record,
    (wraps, must_speak): (usize, bool),
) -> Option<bool> {
    let (pairs, own, rest) = object(text)?;
    if must_speak && !speaks(&pairs) {
        return None;
    }
    let tree = needs_tree(&pairs).then(|| serde_json::from_str::<Value>(own).ok()).flatten();
    let pairs = match &tree {
        Some(tree) => of_tree(tree),
        None => pairs,
    };
    record.span = record.span.take().or_else(|| span(tree.as_ref()?));
    let outer = record.severity.take();
    let message = fields::assign(&pairs, zone, record);
    let unread_time = record.time.is_none() && fields::has_unread_time(&pairs);
    record.severity = record.severity.take().or(outer);
    record.exceptions = tree.as_ref().map(json_exception::of_fields).unwrap_or_default();
    let Some((key, message)) = message else {
        // No name that loggers give a message is there: the whole entry is what was said.
        if record.exceptions.is_empty() {
            own.trim_end().clone_into(&mut record.body);
        }
        append(rest, record);
        return Some(unread_time);
    };
    let message = text::strip(message.trim_end_matches(['\n', '\r']));
    if wraps < MAX_WRAPS
        && message.starts_with('{')
        && matches!(key, "log" | "message" | "textPayload" | "msg" | "text" | "body")
    {
        let inner = read_wrapped(&message, zone, record, (wraps + 1, matches!(key, "message" | "body")));
        if let Some(inner_unread) = inner {
            append(rest, record);
            return Some(unread_time || inner_unread);
        }
    }
    body((key, &message), is_collected(&pairs), zone, record);
    if record.exceptions.iter().all(|exception| exception.frames.is_empty()) {
        let found = exception::parse(&record.body);
        if !found.is_empty() {
            record.exceptions = found;
        }
    }
    if let (true, Some(span)) = (record.exceptions.is_empty(), &record.span) {
        record.exceptions.extend(exception::one(&span.status_message));
    }
    append(rest, record);
    Some(unread_time)
}

/// The pairs of the object that `raw` begins with, its text, and what follows it on later lines; `None` where it is not one.
fn object(raw: &str) -> Option<(Pairs<'_>, &str, &str)> {
    let (pairs, len) = flatten::object(raw)?;
    let rest = raw.get(len..).unwrap_or_default().trim_start_matches([' ', '\t', '\r']);
    let rest = rest.strip_prefix('\n').or_else(|| rest.is_empty().then_some(rest))?;
    let own = raw.get(..raw.len() - rest.len()).unwrap_or_default();
    Some((pairs, own, rest))
}

/// Whether a key hints at an exception or a span: what they are made of is read from a tree. Other lines need none.
fn needs_tree(pairs: &Pairs<'_>) -> bool {
    pairs.iter().any(|(key, _)| {
        let key = key.strip_prefix("jsonPayload.").unwrap_or(key);
        let begins = |names: &[&str]| names.iter().any(|name| key.starts_with(name));
        match key.as_bytes().first() {
            Some(b'e') => begins(&["exc", "err", "e."]),
            Some(b's') => begins(&["stack", "span."]),
            Some(b't') => begins(&["traceback", "thrown"]) || key == "text",
            Some(b'c') => begins(&["cause", "context."]),
            Some(b'a') => begins(&["attributes"]),
            Some(b'r') => begins(&["record.", "reason"]),
            Some(b'f') => key == "full_message" || begins(&["fields.e"]),
            Some(b'@') => key == "@x",
            Some(b'E') => begins(&["Exception"]),
            _ => false,
        }
    })
}

fn of_tree(tree: &Value) -> Pairs<'static> {
    let mut pairs = Vec::new();
    flatten(tree, &mut String::new(), 0, &mut pairs);
    pairs.into_iter().collect()
}

/// A span, as [`crate::decode::transport`] writes one, or as OpenTelemetry's console exporters do.
fn span(value: &Value) -> Option<Span> {
    let owner = value.get("span").filter(|span| span.get("status").is_some()).or_else(|| {
        let printed =
            value.get("context").and_then(|context| context.get("span_id")).is_some() && value.get("kind").is_some();
        printed.then_some(value)
    })?;
    let name = owner.get("name")?.as_str()?.to_owned();
    let status = owner.get("status");
    let message = ["message", "description"].iter().find_map(|key| status?.get(key)?.as_str());
    Some(Span { name, status_message: message.unwrap_or_default().to_owned() })
}

/// Whether a JSON message is a record of its own and not data that was logged.
fn speaks(pairs: &Pairs<'_>) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| pairs.get(key).is_some());
    has(&["message", "msg", "event"]) && has(&["severity", "level", "levelname", "timestamp", "time"])
}

/// The exceptions in the object that ends the first line of `body`: winston's, Monolog's and zap's console formats print what belongs to
/// a message so.
pub(super) fn behind(body: &str) -> Vec<Exception> {
    let line = crate::decode::first_line(body);
    if !line.trim_end().ends_with(['}', ']']) {
        return Vec::new();
    }
    let rest = body.get(line.len() + 1..).unwrap_or_default();
    let Some(at) = [" {\"", "\t{\""].iter().filter_map(|mark| line.find(mark)).min() else { return Vec::new() };
    let text = line.get(at + 1..).unwrap_or_default();
    let value = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let Some(Ok(value)) = value else { return Vec::new() };
    let mut chain = json_exception::of_fields(&value);
    if let [only] = chain.as_mut_slice()
        && only.frames.is_empty()
    {
        only.frames = exception::go::stack(rest);
    }
    chain
}

/// Text that followed the object on later lines.
fn append(rest: &str, record: &mut Record) {
    if rest.trim().is_empty() {
        return;
    }
    record.body.push('\n');
    record.body.push_str(rest);
    if record.exceptions.is_empty() {
        record.exceptions = exception::parse(&record.body);
    }
}

/// Whether a collector made the object (Filebeat, Vector, a container's log driver): its `message` is a line as the service printed it.
fn is_collected(pairs: &Pairs<'_>) -> bool {
    let standard = pairs.get("stream").is_some_and(|stream| matches!(stream, "stdout" | "stderr"));
    let names = ["@metadata.beat", "source_type", "kubernetes.pod_name", "kubernetes.pod.name"];
    standard || names.iter().any(|name| pairs.get(name).is_some())
}

/// The message as the body; what a collector wrapped unread still has the header of its line.
fn body((key, message): (&str, &str), collected: bool, zone: Option<&TimeZone>, record: &mut Record) {
    let wrapped = matches!(key, "textPayload" | "log" | "text");
    if wrapped || collected && key == "message" {
        let (time, severity) = (record.time, record.severity.take());
        crate::decode::plain(message, zone, record);
        record.time = time.or(record.time);
        // The level of a system log is that of its transport: what the line says is nearer.
        let said = record.severity.take();
        record.severity = if wrapped { severity.or(said) } else { said.or(severity) };
        return;
    }
    record.body =
        if text::opens_with_markup(message) { text::strip_markup(message).into_owned() } else { message.to_owned() };
    crate::decode::access::fields(&record.body, &mut record.attributes);
}

/// `{"key": "service.name", "value": {"stringValue": "shop"}}`: how OTLP's JSON writes an attribute.
fn otlp_pair(item: &Value) -> Option<(&str, &Value)> {
    let (name, value) = (item.get("key")?.as_str()?, item.get("value")?.as_object()?);
    let (kind, value) = value.iter().next()?;
    (item.as_object()?.len() == 2 && kind.ends_with("Value")).then_some((name, value))
}

/// The text of a value that is not looked into.
pub(super) fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// Dotted keys and scalar values of `value`, in order; `null` says nothing.
pub(super) fn flatten(value: &Value, key: &mut String, depth: usize, pairs: &mut Vec<(String, String)>) {
    if pairs.len() >= MAX_KEYS {
        return;
    }
    let inside = |name: &str, value: &Value, key: &mut String, pairs: &mut Vec<(String, String)>| {
        let len = key.len();
        if len > 0 {
            key.push('.');
        }
        let end = (0..=name.len().min(MAX_NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
        key.push_str(name.get(..end).unwrap_or_default());
        flatten(value, key, depth + 1, pairs);
        key.truncate(len);
    };
    match value {
        Value::Null => {}
        Value::String(text) => pairs.push((key.clone(), text.clone())),
        Value::Bool(_) | Value::Number(_) => pairs.push((key.clone(), value.to_string())),
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => pairs.push((key.clone(), value.to_string())),
        Value::Array(items) if items.iter().all(|item| otlp_pair(item).is_some()) => {
            for (name, item) in items.iter().filter_map(otlp_pair) {
                inside(name, item, key, pairs);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                inside(&at.to_string(), item, key, pairs);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                // A structured traceback is read as one; its hundreds of local variables are no attributes.
                // A span of `transport` is one, and no attribute.
                let is_span = depth == 0 && name == "span" && item.get("status").is_some();
                if is_span || depth == 0 && name == "exception" && json_exception::is_structured(item) {
                    continue;
                }
                inside(name, item, key, pairs);
            }
        }
    }
}
