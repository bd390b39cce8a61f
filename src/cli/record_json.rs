//! `scan --show-records`: one object a record, a stable interface (`docs/scan-records.md`).

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::model::record::Attributes;
use crate::model::record::Record;

/// Version of the output: fields are added, never renamed or removed, within one version.
const SCHEMA: &str = "relapse.record/v1";

/// Every field and what it holds, in the order printed.
pub const FIELDS: &[(&str, &str)] = &[
    ("schema", "Version of this interface: `relapse.record/v1`"),
    ("file", "Path as given, `<stdin>` for standard input"),
    ("line", "Number of the record's first line, from 1"),
    ("offset", "Bytes before the record's first byte"),
    ("time", "Event time the record states (RFC 3339, UTC); null when it states none"),
    ("time_inherited", "Whether `time` is that of the nearest earlier record, because this one states none"),
    ("severity_text", "Severity as written; null without one"),
    (
        "severity_number",
        "OpenTelemetry's number: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal; null without one",
    ),
    ("body", "The message without its header, every line of it"),
    ("service", "`service.name`; null when unknown"),
    ("release", "`service.version`, or what stands for it; null when unknown"),
    ("commit", "`vcs.ref.head.revision`; null when unknown"),
    ("instance", "`service.instance.id`; null when unknown"),
    ("environment", "`deployment.environment.name`; null when unknown"),
    ("process_start", "`process.creation.time`; null when unknown"),
    ("trace_id", "32 hex digits; null when absent, empty or all zero"),
    ("span_id", "16 hex digits; null when absent, empty or all zero"),
    ("span", "`name` and `status_message` of a span; null for a log record"),
    ("resource", "Every other resource attribute"),
    ("attributes", "Every other attribute, under its OpenTelemetry name where it has one"),
    (
        "exceptions",
        "The chain, root first: `type`, `message`, `frames` (`path`, `line`, `function`, `source`; outermost call first) and `relation` \
     to the next link (`cause`, `context`, `group`)",
    ),
];

/// One object.
pub(super) fn object(record: &Record) -> Value {
    let resource = &record.resource;
    json!({
        "schema": SCHEMA,
        "file": &*record.origin.file,
        "line": record.origin.line,
        "offset": record.origin.offset,
        "time": record.time,
        "time_inherited": record.time_inherited,
        "severity_text": record.severity.as_ref().map(|severity| &severity.text),
        "severity_number": record.severity.as_ref().map(|severity| severity.number),
        "body": record.body,
        "service": resource.service,
        "release": resource.release,
        "commit": resource.commit,
        "instance": resource.instance,
        "environment": resource.environment,
        "process_start": resource.process_start,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "span": record.span,
        "resource": map(&resource.attributes),
        "attributes": map(&record.attributes),
        "exceptions": record.exceptions,
    })
}

/// A key that repeats keeps its first value.
fn map(attributes: &Attributes) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in &attributes.0 {
        map.entry(key.as_str()).or_insert_with(|| value.as_str().into());
    }
    map
}
