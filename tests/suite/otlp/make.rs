//! Requests made by hand: the same ones as protobuf and as JSON.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::Value as Json;
use serde_json::json;

/// 2025-10-01T08:00:00Z.
pub(crate) const NANOS: u64 = 1_759_305_600_000_000_000;

pub(crate) fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}

pub(crate) fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

pub(crate) fn resource(pairs: &[(&str, &str)]) -> Resource {
    let attributes = pairs.iter().map(|(key, value)| attribute(key, text(value))).collect();
    Resource { attributes, ..Resource::default() }
}

pub(crate) fn api() -> Resource {
    resource(&[
        ("service.name", "api"),
        ("service.version", "2.0.0"),
        ("service.instance.id", "pod-1"),
        ("deployment.environment.name", "prod"),
    ])
}

pub(crate) fn log(nanos: u64, body: &str) -> LogRecord {
    LogRecord { time_unix_nano: nanos, severity_number: 17, body: Some(text(body)), ..LogRecord::default() }
}

pub(crate) fn logs(resource: Resource, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope = Some(InstrumentationScope { name: "shop.checkout".to_owned(), ..InstrumentationScope::default() });
    let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }],
    }
}

pub(crate) fn traces(resource: Resource, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// A span that saw `message` raised and failed of it.
pub(crate) fn failed_span(nanos: u64, kind: &str, message: &str) -> Span {
    let event = Event {
        time_unix_nano: nanos,
        name: "exception".to_owned(),
        attributes: vec![
            attribute("exception.type", text(kind)),
            attribute("exception.message", text(message)),
            attribute("exception.escaped", text("False")),
        ],
        ..Event::default()
    };
    Span {
        trace_id: vec![0x5a; 16],
        span_id: vec![0x3f; 8],
        name: "checkout".to_owned(),
        start_time_unix_nano: nanos,
        end_time_unix_nano: nanos + 1,
        events: vec![event],
        status: Some(Status { code: 2, message: format!("{kind}: {message}") }),
        ..Span::default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn any_json(value: &AnyValue) -> Json {
    match value.value.as_ref() {
        None | Some(Value::StringValueStrindex(_)) => json!({}),
        Some(Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(Value::BoolValue(value)) => json!({ "boolValue": value }),
        Some(Value::IntValue(value)) => json!({ "intValue": value.to_string() }),
        Some(Value::DoubleValue(value)) => json!({ "doubleValue": value }),
        Some(Value::BytesValue(bytes)) => json!({ "bytesValue": hex(bytes) }),
        Some(Value::ArrayValue(list)) => {
            json!({ "arrayValue": { "values": list.values.iter().map(any_json).collect::<Vec<_>>() } })
        }
        Some(Value::KvlistValue(map)) => json!({ "kvlistValue": { "values": pairs_json(&map.values) } }),
    }
}

fn pairs_json(pairs: &[KeyValue]) -> Json {
    let pair = |pair: &KeyValue| json!({ "key": pair.key, "value": pair.value.as_ref().map(any_json) });
    pairs.iter().map(pair).collect()
}

fn resource_json(resource: Option<&Resource>) -> Json {
    resource.map_or(Json::Null, |resource| json!({ "attributes": pairs_json(&resource.attributes) }))
}

fn scope_json(scope: Option<&InstrumentationScope>) -> Json {
    scope.map_or(Json::Null, |scope| json!({ "name": scope.name }))
}

pub(crate) fn logs_json(request: &ExportLogsServiceRequest) -> String {
    let record = |log: &LogRecord| {
        json!({
            "timeUnixNano": log.time_unix_nano.to_string(),
            "observedTimeUnixNano": log.observed_time_unix_nano.to_string(),
            "severityNumber": log.severity_number,
            "severityText": log.severity_text,
            "body": log.body.as_ref().map(any_json),
            "attributes": pairs_json(&log.attributes),
            "traceId": hex(&log.trace_id),
            "spanId": hex(&log.span_id),
        })
    };
    let scopes = |group: &ResourceLogs| -> Json {
        let scope = |scope: &ScopeLogs| {
            let records: Vec<Json> = scope.log_records.iter().map(record).collect();
            json!({ "scope": scope_json(scope.scope.as_ref()), "logRecords": records })
        };
        group.scope_logs.iter().map(scope).collect()
    };
    let group = |group: &ResourceLogs| json!({ "resource": resource_json(group.resource.as_ref()), "scopeLogs": scopes(group) });
    json!({ "resourceLogs": request.resource_logs.iter().map(group).collect::<Vec<_>>() }).to_string()
}

pub(crate) fn traces_json(request: &ExportTraceServiceRequest) -> String {
    let event = |event: &Event| json!({ "timeUnixNano": event.time_unix_nano.to_string(), "name": event.name, "attributes": pairs_json(&event.attributes) });
    let span = |span: &Span| {
        json!({
            "traceId": hex(&span.trace_id),
            "spanId": hex(&span.span_id),
            "name": span.name,
            "startTimeUnixNano": span.start_time_unix_nano.to_string(),
            "endTimeUnixNano": span.end_time_unix_nano.to_string(),
            "attributes": pairs_json(&span.attributes),
            "events": span.events.iter().map(event).collect::<Vec<_>>(),
            "status": span.status.as_ref().map(|status| json!({ "code": status.code, "message": status.message })),
        })
    };
    let scope = |scope: &ScopeSpans| json!({ "scope": scope_json(scope.scope.as_ref()), "spans": scope.spans.iter().map(span).collect::<Vec<_>>() });
    let group = |group: &ResourceSpans| {
        let scopes: Vec<Json> = group.scope_spans.iter().map(scope).collect();
        json!({ "resource": resource_json(group.resource.as_ref()), "scopeSpans": scopes })
    };
    json!({ "resourceSpans": request.resource_spans.iter().map(group).collect::<Vec<_>>() }).to_string()
}
