//! The prefilter over raw requests finds what decoding everything finds: random catalogs, hostile texts, both encodings.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::ArrayValue;
use opentelemetry_proto::tonic::common::v1::KeyValueList;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message as _;
use relapse::catalog::load;
use relapse::decode::otlp::Encoding;
use relapse::decode::otlp::Parcel;
use relapse::decode::otlp::Reader;
use relapse::decode::otlp::Signal;
use relapse::matcher::Matcher;
use relapse::matcher::request::Form;
use relapse::matcher::request::Screen;
use relapse::matcher::scanner::Tally;

use super::make;

/// Detections of every kind that depends on how a value stands in raw bytes.
const DETECTIONS: &[&str] = &[
    "pattern: 'numbered failure (?P<number>\\d+)'",
    "pattern: 'TypeError: boom'",
    "pattern: '(?i)\\bKernel (missing|panic)'",
    "{ it: { body|contains: connection pool exhausted }, condition: it }",
    "{ it: { body: '12345' }, condition: it }",
    "{ it: { body|contains: 'a/b\"c' }, condition: it }",
    "{ it: { attributes.retry: 'true' }, condition: it }",
    "{ it: { attributes.http.response.status_code: '503' }, condition: it }",
    "{ it: { attributes.peer|contains: payments-db }, condition: it }",
    "{ it: { attributes.nested.deep.name: needle }, condition: it }",
    "{ it: { exception: { type: TypeError, message|contains: unexpected keyword } }, condition: it }",
    "{ it: { exception: { message|contains: '404' } }, condition: it }",
    "{ it: { severity_text: ERROR, body|contains: quota }, condition: it }",
    "{ it: { resource.cloud.region: europe-north1 }, condition: it }",
    "{ it: { span.name: checkout, status.message|contains: quota }, condition: it }",
];
/// They call for every record: in catalogs of their own, or nothing else would be tried.
const OPEN_DETECTIONS: &[&str] = &[
    "pattern: '\\d{5}'",
    "{ it: { severity_number|gte: 17 }, condition: it }",
    "{ it: { body|contains: zz }, condition: it }",
];
/// Pieces of texts: what detections look for, whole and broken, and what interrupts.
const PIECES: &[&str] = &[
    "numbered failure 7",
    "numbered ",
    "failure 42",
    "NUMBERED FAILURE 9",
    "TypeError: boom",
    "TypeError",
    "boom",
    "\u{212a}ernel missing",
    "kernel panic",
    "connection pool exhausted",
    "connection \x1b[31mpool\x1b[0m exhausted",
    "connection\x1b[1;31m pool exhausted",
    "connec\u{9b}31mtion pool exhausted",
    "connec\0tion pool exhausted",
    "connec\x1bMtion pool exhausted",
    "<yellow>connection pool</yellow> exhausted",
    "connec<red>tion pool exhausted",
    "connection \\u0070ool exhausted",
    "12345",
    "a/b\"c",
    "payments-db",
    "needle",
    "got an unexpected keyword argument 'x'",
    "404",
    "quota",
    "zz",
    "{\"message\":\"numbered failure 3\",\"severity\":\"ERROR\"}",
    "2025-10-01 08:00:00,000 - app - ERROR - numbered failure 5",
    "\u{fc}ber\u{4e2d}\u{6587}",
    " ",
    "\n",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\nTypeError: got an unexpected keyword argument 'y'",
    "calm",
];

fn catalog(chosen: &[&str]) -> Arc<Matcher> {
    let documents: Vec<String> = chosen
        .iter()
        .enumerate()
        .map(|(at, detection)| {
            let detection = if detection.starts_with('{') { (*detection).to_owned() } else { format!("{{ {detection} }}") };
            format!("schema: relapse/v1\nid: sig-{at}\ntitle: t\nseverity: low\nowner: t\nstate: open\ndetection: {detection}\n")
        })
        .collect();
    let loaded = load::from_str("catalog.yaml", &documents.join("---\n"));
    assert_eq!(loaded.catalog.signatures.len(), chosen.len(), "{:?}", loaded.problems);
    Arc::new(Matcher::new(&loaded.catalog))
}

fn said() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..5).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => said().prop_map(|said| Value::StringValue(said)),
        1 => any::<bool>().prop_map(Value::BoolValue),
        1 => prop::sample::select(&[503_i64, 12345, -1, 404][..]).prop_map(Value::IntValue),
        1 => prop::sample::select(&[503.0, 12345.5, f64::NAN][..]).prop_map(Value::DoubleValue),
    ]
    .prop_map(|value| AnyValue { value: Some(value) });
    leaf.prop_recursive(3, 8, 3, |inner| {
        let named = (prop::sample::select(&["name", "deep", "message", "k"][..]), inner.clone());
        let map = prop::collection::vec(named, 0..3).prop_map(|pairs| {
            let values = pairs.into_iter().map(|(key, value)| make::attribute(key, value)).collect();
            AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) }
        });
        let list = prop::collection::vec(inner, 0..3)
            .prop_map(|values| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) });
        prop_oneof![map, list]
    })
}

const KEYS: &[&str] = &[
    "retry",
    "http.response.status_code",
    "peer",
    "nested",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "code.filepath",
    "service.name",
];

fn record() -> impl Strategy<Value = LogRecord> {
    let attributes = prop::collection::vec((prop::sample::select(KEYS), value()), 0..4);
    let numbers =
        (prop::sample::select(&[0_i32, 9, 17][..]), prop::sample::select(&["", "ERROR", "odd"][..]), any::<[u8; 16]>());
    (prop::option::of(value()), attributes, numbers).prop_map(|(body, attributes, (severity_number, word, id))| {
        LogRecord {
            time_unix_nano: make::NANOS,
            severity_number,
            severity_text: word.to_owned(),
            body,
            attributes: attributes.into_iter().map(|(key, value)| make::attribute(key, value)).collect(),
            trace_id: id.to_vec(),
            span_id: id[..8].to_vec(),
            ..LogRecord::default()
        }
    })
}

/// What decoding everything finds, and what the screen lets through: `(record, signature)`.
fn both(matcher: &Matcher, body: &[u8], signal: Signal, encoding: Encoding) -> [Vec<(usize, Arc<str>)>; 2] {
    let parcel = Parcel::of(body, signal, encoding).unwrap();
    let reader = Reader::new(body, signal, encoding);
    let form = if encoding == Encoding::Protobuf { Form::Protobuf } else { Form::Text };
    let mut screen = Screen::new(matcher, body, form);
    let (mut all, mut screened) = (Vec::new(), Vec::new());
    let mut tally = Tally::default();
    let scopes = parcel.groups.iter().flat_map(|group| group.scopes.iter().map(move |scope| (group, scope)));
    for (group, scope) in scopes {
        let source = reader.source(&group.resource, &scope.scope);
        screen.begin([&group.resource, &scope.scope]);
        for (at, part) in scope.records.iter().enumerate() {
            let call = screen.call(part);
            for decoded in reader.records(part, &source) {
                let record = Arc::new(decoded.record);
                all.extend(matcher.verify(&record).into_iter().map(|found| (at, found.signature.id.clone())));
                if let Some(call) = &call {
                    let found = screen.matches(call, &record, &mut tally);
                    screened.extend(found.into_iter().map(|found| (at, found.signature.id.clone())));
                }
            }
        }
    }
    [all, screened]
}

fn agree(chosen: &[&str], logs: Vec<LogRecord>, region: &str) -> Result<(), TestCaseError> {
    let matcher = catalog(chosen);
    let resource = make::resource(&[("service.name", "api"), ("cloud.region", region)]);
    let request = make::logs(resource, logs);
    let json = make::logs_json(&request);
    let [all, screened] = both(&matcher, &request.encode_to_vec(), Signal::Logs, Encoding::Protobuf);
    prop_assert_eq!(all, screened, "protobuf of {}", json);
    let [all, screened] = both(&matcher, json.as_bytes(), Signal::Logs, Encoding::Json);
    prop_assert_eq!(all, screened, "{}", json);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_screen_keeps_back_matches_nothing(
        chosen in prop::sample::subsequence(DETECTIONS, 1..DETECTIONS.len()),
        open in prop::option::weighted(0.2, prop::sample::select(OPEN_DETECTIONS)),
        logs in prop::collection::vec(record(), 1..5),
        region in prop::sample::select(&["europe-north1", "elsewhere"][..]),
    ) {
        let chosen: Vec<&str> = chosen.into_iter().chain(open).collect();
        agree(&chosen, logs, region)?;
    }

    #[test]
    fn spans_are_screened_as_logs_are(
        chosen in prop::sample::subsequence(DETECTIONS, 1..DETECTIONS.len()),
        kind in prop::sample::select(&["TypeError", "app.Odd"][..]),
        message in said(),
    ) {
        let matcher = catalog(&chosen);
        let request = make::traces(make::api(), vec![make::failed_span(make::NANOS, kind, &message)]);
        let [all, screened] = both(&matcher, &request.encode_to_vec(), Signal::Traces, Encoding::Protobuf);
        prop_assert_eq!(all, screened);
        let json = make::traces_json(&request);
        let [all, screened] = both(&matcher, json.as_bytes(), Signal::Traces, Encoding::Json);
        prop_assert_eq!(all, screened, "{}", json);
    }
}

/// The screen is worth something: what cannot match is not decoded.
#[test]
fn calm_records_are_not_looked_at() {
    let logs: Vec<_> =
        (0..100).map(|number| make::log(make::NANOS + number, "all is well in the checkout of this shop")).collect();
    let body = make::logs(make::api(), logs).encode_to_vec();
    let parcel = Parcel::of(&body, Signal::Logs, Encoding::Protobuf).unwrap();
    let records = &parcel.groups[0].scopes[0].records;
    assert_eq!(records.len(), 100);
    let looked_at = |detections: &[&str]| {
        let matcher = catalog(detections);
        let mut screen = Screen::new(&matcher, &body, Form::Protobuf);
        records.iter().filter(|record| screen.call(record).is_some()).count()
    };
    assert_eq!(looked_at(&DETECTIONS[..4]), 0);
    let printed = "{ it: { attributes.retry: 'true' }, condition: it }";
    assert_eq!(looked_at(&[printed]), 100, "a truth value stands nowhere in protobuf");
    assert_eq!(looked_at(&["{ it: { body: '12345' }, condition: it }"]), 100, "nor does a number");
    assert_eq!(looked_at(&["pattern: 'well in the checkout'"]), 100, "the control");
}
