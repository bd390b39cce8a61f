//! OTLP requests: records a second on one core, from the body of a request to its observations, beside prost decoding all of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::logs::v1::ScopeLogs;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use relapse::catalog::load;
use relapse::decode::otlp::Encoding;
use relapse::decode::otlp::Signal;
use relapse::matcher::Matcher;
use relapse::source::otlp::intake::Judge;
use serde_json::Value as Json;
use serde_json::json;
use tokio::sync::watch;

/// What OpenTelemetry's SDKs put into a request.
const BATCH: u64 = 512;
const CATALOG: &str = "
schema: relapse/v1
id: sought
title: What every record of the storm holds
severity: low
owner: bench
state: open
detection: { pattern: 'connection pool of tenant \\d+ exhausted' }
";

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// As the SDK for Python writes one.
fn record(number: u64, body: &str) -> LogRecord {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    LogRecord {
        time_unix_nano: 1_759_305_600_000_000_000 + number * 1_000_003,
        observed_time_unix_nano: 1_759_305_600_000_000_000 + number * 1_000_003 + 70_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(text(body)),
        attributes: vec![
            pair("code.file.path", text("/app/shop/checkout/service.py")),
            pair("code.function.name", text("handle")),
            pair("code.line.number", AnyValue { value: Some(Value::IntValue(120)) }),
        ],
        flags: 1,
        trace_id: [mixed, mixed].concat(),
        span_id: mixed.to_vec(),
        ..LogRecord::default()
    }
}

fn request(body: impl Fn(u64) -> String) -> ExportLogsServiceRequest {
    let attributes = [
        ("service.name", "shop"),
        ("service.version", "2.4.1"),
        ("service.instance.id", "5c1f3f0e-6f0f-4f8e-9a43-4f7d4a3f4a11"),
        ("deployment.environment.name", "production"),
        ("telemetry.sdk.language", "python"),
    ];
    let attributes = attributes.iter().map(|(key, value)| pair(key, text(value))).collect();
    let scope = InstrumentationScope { name: "shop.checkout".to_owned(), ..InstrumentationScope::default() };
    let log_records = (0..BATCH).map(|number| record(number, &body(number))).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn any_json(value: &AnyValue) -> Json {
    match value.value.as_ref() {
        Some(Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(Value::IntValue(number)) => json!({ "intValue": number.to_string() }),
        _ => json!({}),
    }
}

fn pairs_json(pairs: &[KeyValue]) -> Json {
    let pair = |pair: &KeyValue| json!({ "key": pair.key, "value": pair.value.as_ref().map(any_json) });
    pairs.iter().map(pair).collect()
}

/// As the SDK for JavaScript writes it.
fn as_json(request: &ExportLogsServiceRequest) -> Vec<u8> {
    let record = |log: &LogRecord| {
        json!({
            "timeUnixNano": log.time_unix_nano.to_string(), "observedTimeUnixNano": log.observed_time_unix_nano.to_string(),
            "severityNumber": log.severity_number, "severityText": log.severity_text, "body": log.body.as_ref().map(any_json),
            "attributes": pairs_json(&log.attributes), "flags": 1, "traceId": hex(&log.trace_id), "spanId": hex(&log.span_id),
        })
    };
    let group = &request.resource_logs[0];
    let records: Vec<Json> = group.scope_logs[0].log_records.iter().map(record).collect();
    let resource = json!({ "attributes": pairs_json(&group.resource.as_ref().unwrap().attributes) });
    let scopes = json!([{ "scope": { "name": "shop.checkout" }, "logRecords": records }]);
    json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": scopes }] }).to_string().into_bytes()
}

fn judge(matcher: Matcher) -> Judge {
    let (sender, matcher) = watch::channel(Arc::new(matcher));
    drop(sender);
    Judge::new(matcher, relapse::model::record::Resource::default())
}

fn requests(criterion: &mut Criterion) {
    let clean = request(|number| {
        format!("Handled request {number} of user 10594514 in {} ms: the session was found in the cache", number % 977)
    });
    let storm = request(|number| {
        format!(
            "Handled request {number} of user 10594514: the connection pool of tenant {number} exhausted, giving up"
        )
    });
    let shipped = judge(Matcher::new(&load::embedded().catalog));
    let sought = judge(Matcher::new(&load::from_str("bench.yaml", CATALOG).catalog));
    let mut group = criterion.benchmark_group("otlp");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(BATCH));
    for (name, judge, request) in [("clean", &shipped, &clean), ("every record matches", &sought, &storm)] {
        let protobuf = request.encode_to_vec();
        let json = as_json(request);
        for (form, encoding, body) in [("protobuf", Encoding::Protobuf, &protobuf), ("json", Encoding::Json, &json)] {
            let judged = judge.judge(body, Signal::Logs, encoding).unwrap();
            let matched = judged.values().flat_map(|judged| &judged.observations);
            let matched = matched.filter(|seen| matches!(seen, relapse::matcher::Observation::Match(_))).count();
            assert_eq!(matched > 0, name != "clean", "{matched} matches");
            group.bench_function(format!("{name}, {form}"), |bencher| {
                bencher.iter(|| black_box(judge.judge(black_box(body), Signal::Logs, encoding)));
            });
        }
        group.bench_function(format!("{name}, prost alone decodes everything"), |bencher| {
            bencher.iter(|| black_box(ExportLogsServiceRequest::decode(black_box(protobuf.as_slice())).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
