//! OTLP as JSON lines, as a collector's file exporter writes it: one line holds many log records and spans. Each log record, each
//! exception event of a span and each failed span becomes a line of its own, with the resource it belongs to.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::decode::severity;
use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// Whether `line` is an export request, or the beginning of one.
pub(super) fn is_request(line: &[u8]) -> bool {
    let key = line.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).unwrap_or_default();
    key.starts_with(b"\"resourceLogs\"") || key.starts_with(b"\"resourceSpans\"")
}

/// Tells what `line` holds; a line that is no request goes through as it is. Every record gets an offset of its own.
pub(super) fn line(line: &[u8], place: Place, emit: &mut Emit<'_>) {
    let request = is_request(line).then(|| serde_json::from_slice::<Value>(line).ok()).flatten();
    let Some(request) = request else { return emit(b"", line, place) };
    let mut records = Vec::new();
    for (of, scopes, items) in [("resourceLogs", "scopeLogs", "logRecords"), ("resourceSpans", "scopeSpans", "spans")] {
        for group in list(&request, of) {
            let resource = attributes(group.get("resource"));
            for scope in list(group, scopes) {
                let name = scope.get("scope").and_then(|scope| scope.get("name")).cloned().unwrap_or(Value::Null);
                let own = |mut record: Map<String, Value>| {
                    record.insert("resource".to_owned(), json!({ "attributes": resource }));
                    record.insert("scope.name".to_owned(), name.clone());
                    Value::Object(record)
                };
                for item in list(scope, items) {
                    let found = if items == "spans" { span(item) } else { vec![log_record(item)] };
                    records.extend(found.into_iter().map(own));
                }
            }
        }
    }
    for (at, record) in records.iter().enumerate() {
        let offset = place.offset + (at as u64).min(line.len().saturating_sub(1) as u64);
        emit(b"", record.to_string().as_bytes(), Place { offset, ..place });
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn log_record(item: &Value) -> Map<String, Value> {
    let mut record = item.as_object().cloned().unwrap_or_default();
    record.insert("attributes".to_owned(), Value::Object(attributes(Some(item))));
    // Neither time nor severity: a collector that tails files has not looked into the line, so it is read as one.
    let key = if is_absent(item.get("timeUnixNano")) && severity(item).is_none() { "log" } else { "body" };
    if let Some(body) = record.shift_remove("body") {
        record.insert(key.to_owned(), plain(&body));
    }
    let name = severity(item).filter(|_| item.get("severityText").is_none_or(|word| word == ""));
    record.extend(name.map(|name| ("severityText".to_owned(), Value::from(name))));
    if let Some(name) = record.shift_remove("eventName").filter(|name| name != "") {
        record.insert("event.name".to_owned(), name);
    }
    record
}

fn is_absent(nanos: Option<&Value>) -> bool {
    nanos.is_none_or(|nanos| nanos.is_null() || nanos == "0" || *nanos == 0 || nanos == "")
}

/// What the severity of a log record is called, if it has one.
fn severity(item: &Value) -> Option<&str> {
    let word = item.get("severityText").and_then(Value::as_str).filter(|word| !word.is_empty());
    let number = item.get("severityNumber").and_then(Value::as_u64).filter(|number| (1..=24).contains(number));
    word.or_else(|| number.and_then(|number| u8::try_from(number).ok()).map(severity::name))
}

/// The exceptions a span saw, and its own failure.
fn span(item: &Value) -> Vec<Map<String, Value>> {
    let text = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
    let status = item.get("status");
    let named = json!({ "name": text(item.get("name")), "status": { "message": text(status.and_then(|status| status.get("message"))) } });
    let base = |time: Option<&Value>, attributes: Map<String, Value>| {
        let mut record = Map::new();
        record.insert("timeUnixNano".to_owned(), text(time));
        record.insert("traceId".to_owned(), text(item.get("traceId")));
        record.insert("spanId".to_owned(), text(item.get("spanId")));
        record.insert("span".to_owned(), named.clone());
        record.insert("severityText".to_owned(), "ERROR".into());
        record.insert("attributes".to_owned(), Value::Object(attributes));
        record
    };
    let is_exception = |event: &&Value| {
        let name = event.get("name").and_then(Value::as_str).unwrap_or_default();
        name == "exception" || name.ends_with(".exception")
    };
    let mut found: Vec<_> = list(item, "events")
        .filter(is_exception)
        .map(|event| {
            let attributes = attributes(Some(event));
            let said = attributes.get("exception.message").cloned();
            let mut record = base(event.get("timeUnixNano"), attributes);
            record.extend(said.map(|said| ("body".to_owned(), said)));
            record
        })
        .collect();
    let code = status.and_then(|status| status.get("code"));
    if code.is_some_and(|code| code == 2 || code == "STATUS_CODE_ERROR") {
        let mut failed = base(item.get("endTimeUnixNano"), attributes(Some(item)));
        failed.insert("body".to_owned(), text(status.and_then(|status| status.get("message"))));
        found.push(failed);
    }
    found
}

/// The `attributes` of `owner`, as a map.
fn attributes(owner: Option<&Value>) -> Map<String, Value> {
    let list = owner.and_then(|owner| owner.get("attributes")).and_then(Value::as_array);
    let pair = |item: &Value| Some((item.get("key")?.as_str()?.to_owned(), plain(item.get("value")?)));
    list.into_iter().flatten().filter_map(pair).collect()
}

/// `{"stringValue": "x"}` → `"x"`, and what is inside lists.
fn plain(value: &Value) -> Value {
    let Some((kind, inside)) = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()) else {
        return value.clone();
    };
    match kind.as_str() {
        "arrayValue" => list(inside, "values").map(plain).collect(),
        "kvlistValue" => {
            let pair = |item: &Value| Some((item.get("key")?.as_str()?.to_owned(), plain(item.get("value")?)));
            Value::Object(list(inside, "values").filter_map(pair).collect())
        }
        kind if kind.ends_with("Value") => inside.clone(),
        _ => value.clone(),
    }
}
