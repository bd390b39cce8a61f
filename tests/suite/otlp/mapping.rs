//! What records say: protobuf, JSON and lines of a collector's file tell the same.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::KeyValueList;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use relapse::decode::otlp::Encoding;
use relapse::decode::otlp::Malformed;
use relapse::decode::otlp::Parcel;
use relapse::decode::otlp::Reader;
use relapse::decode::otlp::Signal;
use relapse::matcher::Observation;
use relapse::matcher::streams::FileScanner;
use relapse::model::record::Record;
use relapse::model::record::Resource;

use super::make;

const STACK: &str = "Traceback (most recent call last):\n  File \"/app/shop.py\", line 12, in create\n    user()\nTypeError: bad call\n";

fn records(body: &[u8], signal: Signal, encoding: Encoding) -> Vec<Record> {
    let parcel = Parcel::of(body, signal, encoding).unwrap();
    let reader = Reader::new(body, signal, encoding);
    let mut records = Vec::new();
    for group in &parcel.groups {
        for scope in &group.scopes {
            let source = reader.source(&group.resource, &scope.scope);
            let parts = scope.records.iter();
            records.extend(parts.flat_map(|part| reader.records(part, &source)).map(|decoded| decoded.record));
        }
    }
    records
}

/// The records of a file that holds the request as a line.
fn of_file(line: &str) -> Vec<Record> {
    let matcher =
        Arc::new(relapse::matcher::Matcher::new(&relapse::catalog::signature::Catalog { signatures: Vec::new() }));
    let config = relapse::matcher::scanner::ScannerConfig { every_record: true, ..Default::default() };
    let mut scanner = FileScanner::new(matcher, config, Arc::from("otlp.jsonl"), 0, 1);
    let mut found: Vec<Observation> = Vec::new();
    scanner.push(format!("{line}\n").as_bytes(), &mut found);
    scanner.finish(&mut found);
    found.iter().map(|observation| (**observation.record()).clone()).collect()
}

/// What counts: where a record was read does not, nor in which order its attributes came.
fn comparable(mut record: Record) -> Record {
    record.origin = relapse::model::record::Origin::default();
    let framing = ["observedTimeUnixNano", "flags", "droppedAttributesCount"];
    record.attributes.0.retain(|(key, _)| !framing.contains(&key.as_str()));
    record.attributes.0.sort();
    record.resource.attributes.0.sort();
    record
}

fn raise() -> LogRecord {
    let int = |number| AnyValue { value: Some(Value::IntValue(number)) };
    LogRecord {
        severity_text: "ERROR".to_owned(),
        attributes: vec![
            make::attribute("exception.type", make::text("TypeError")),
            make::attribute("exception.message", make::text("bad call")),
            make::attribute("exception.stacktrace", make::text(STACK)),
            make::attribute("code.filepath", make::text("/app/shop.py")),
            make::attribute("code.lineno", int(12)),
            make::attribute("retry", AnyValue { value: Some(Value::BoolValue(true)) }),
            make::attribute("took", AnyValue { value: Some(Value::DoubleValue(1.5)) }),
        ],
        trace_id: vec![0x5a; 16],
        span_id: vec![0x3f; 8],
        ..make::log(make::NANOS, "checkout failed")
    }
}

#[test]
fn protobuf_json_and_lines_of_a_file_tell_the_same() {
    let zeros = LogRecord { trace_id: vec![0; 16], span_id: vec![0; 8], ..make::log(make::NANOS + 1, "no trace") };
    let numbered =
        LogRecord { severity_text: String::new(), severity_number: 13, ..make::log(make::NANOS, "a warning") };
    let lines = make::log(
        make::NANOS,
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'x'",
    );
    let coloured = make::log(make::NANOS, "\u{1b}[31mred\u{1b}[0m and <yellow>not</yellow> markup");
    let nested = make::log(make::NANOS, "{\"message\":\"inner\",\"severity\":\"INFO\",\"user\":7}");
    let request = make::logs(make::api(), vec![raise(), zeros, numbered, lines, coloured, nested]);
    let json = make::logs_json(&request);
    let of_protobuf = records(&request.encode_to_vec(), Signal::Logs, Encoding::Protobuf);
    let of_json = records(json.as_bytes(), Signal::Logs, Encoding::Json);
    assert_eq!(of_protobuf, of_json);
    let of_protobuf: Vec<Record> = of_protobuf.into_iter().map(comparable).collect();
    let of_file: Vec<Record> = of_file(&json).into_iter().map(comparable).collect();
    assert_eq!(of_protobuf, of_file);

    let raised = &of_protobuf[0];
    assert_eq!((raised.exceptions[0].kind.as_str(), raised.exceptions[0].message.as_str()), ("TypeError", "bad call"));
    assert_eq!(raised.exceptions[0].frames[0].path, "/app/shop.py");
    assert_eq!(raised.trace_id.as_deref(), Some("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"));
    assert_eq!(raised.attributes.get("code.file.path"), Some("/app/shop.py"), "old names are read as the new ones");
    assert_eq!(raised.attributes.get("logger.name"), Some("shop.checkout"));
    assert_eq!(raised.resource.service.as_deref(), Some("api"));
    assert_eq!(raised.resource.environment.as_deref(), Some("prod"));
    assert_eq!((&of_protobuf[1].trace_id, &of_protobuf[1].span_id), (&None, &None), "ids of zeros are none");
    assert_eq!(of_protobuf[2].severity.as_ref().unwrap().number, 13);
    assert_eq!(of_protobuf[4].body, "red and <yellow>not</yellow> markup");
    assert_eq!(of_protobuf[5].body, "inner");
}

#[test]
fn spans_tell_their_exceptions_and_their_failure() {
    let mut custom = make::failed_span(make::NANOS, "app.OddError", "odd");
    custom.events[0].name = "payment.exception".to_owned();
    let calm = make::failed_span(make::NANOS, "x", "y");
    let calm = opentelemetry_proto::tonic::trace::v1::Span { events: Vec::new(), status: None, ..calm };
    let request =
        make::traces(make::api(), vec![make::failed_span(make::NANOS, "TypeError", "bad call"), custom, calm]);
    let json = make::traces_json(&request);
    let of_protobuf = records(&request.encode_to_vec(), Signal::Traces, Encoding::Protobuf);
    assert_eq!(of_protobuf, records(json.as_bytes(), Signal::Traces, Encoding::Json));
    let of_protobuf: Vec<Record> = of_protobuf.into_iter().map(comparable).collect();
    let of_file: Vec<Record> = of_file(&json).into_iter().map(comparable).collect();
    assert_eq!(of_protobuf, of_file);
    let said: Vec<_> = of_protobuf
        .iter()
        .map(|record| (record.exceptions[0].kind.as_str(), record.exceptions[0].message.as_str(), record.body.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("TypeError", "bad call", "bad call"),
            ("TypeError", "bad call", "TypeError: bad call"),
            ("app.OddError", "odd", "odd"),
            ("app.OddError", "odd", "app.OddError: odd"),
        ],
        "a span without failure tells nothing"
    );
}

#[test]
fn structured_bodies_give_their_message_and_keep_the_rest() {
    let values =
        vec![make::attribute("message", make::text("numbered failure 1")), make::attribute("user", make::text("u1"))];
    let body = Some(AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) });
    let request = make::logs(None, vec![LogRecord { body, ..make::log(make::NANOS, "") }]);
    let record = &records(&request.encode_to_vec(), Signal::Logs, Encoding::Protobuf)[0];
    assert_eq!((record.body.as_str(), record.attributes.get("body.user")), ("numbered failure 1", Some("u1")));
    assert_eq!(record.resource, Resource::default());
}

/// A collector that tails files sends lines it has not looked into: neither time nor severity.
#[test]
fn an_unread_line_in_a_body_is_read_as_a_line() {
    let line = "2025-10-01 08:00:05,000 - app - ERROR - numbered failure 5";
    let log =
        LogRecord { time_unix_nano: 0, severity_number: 0, observed_time_unix_nano: make::NANOS, ..make::log(0, line) };
    let record = &records(&make::logs(None, vec![log]).encode_to_vec(), Signal::Logs, Encoding::Protobuf)[0];
    assert_eq!((record.body.as_str(), record.severity.as_ref().unwrap().number), ("numbered failure 5", 17));
    assert_eq!(record.time.unwrap().to_string(), "2025-10-01T08:00:05Z");
}

#[test]
fn liberal_json_is_read_and_broken_requests_are_refused() {
    let json = br#"{"resourceLogs":[{"resource":null,"unknown":[{}],"scopeLogs":[{"scope":null,"logRecords":[
        {"severityNumber":"SEVERITY_NUMBER_ERROR","traceId":"5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A","timeUnixNano":1759305600000000000,
         "attributes":null,"body":{"stringValue":"numbered failure 1"},"later":{"x":1}}]}]}],"resourceSpans":null}"#;
    let record = &records(json, Signal::Logs, Encoding::Json)[0];
    assert_eq!((record.body.as_str(), record.severity.as_ref().unwrap().number), ("numbered failure 1", 17));
    assert_eq!(record.trace_id.as_deref(), Some("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"));
    assert!(record.time.is_some());

    let whole = make::logs(make::api(), vec![make::log(make::NANOS, "x")]).encode_to_vec();
    for cut in 1..whole.len() {
        let parcel = Parcel::of(&whole[..cut], Signal::Logs, Encoding::Protobuf);
        assert!(matches!(parcel, Err(Malformed::Protobuf { .. })), "cut at {cut}");
    }
    assert_eq!(Parcel::of(b"", Signal::Logs, Encoding::Protobuf).unwrap().records(), 0, "an empty request is one");
    for bad in ["", "[]", "{", r#"{"resourceLogs":7}"#, r#"{"resourceLogs":[{"scopeLogs":"x"}]}"#] {
        assert!(Parcel::of(bad.as_bytes(), Signal::Logs, Encoding::Json).is_err(), "{bad}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"later":{deep}}}]}}]}}]}}"#);
    let found = records(deep.as_bytes(), Signal::Logs, Encoding::Json);
    assert!(found[0].body.starts_with(r#"{"later":[[["#), "too deep to be read: it is text");
}

/// A text that is not UTF-8 makes a record of text, not an error of a thousand others.
#[test]
fn a_broken_record_among_good_ones_is_text() {
    let mut body =
        make::logs(None, vec![make::log(make::NANOS, "numbered failure 1 XX"), make::log(make::NANOS, "good")])
            .encode_to_vec();
    let at = body.windows(2).position(|two| two == b"XX").unwrap();
    body[at] = 0xff;
    let found = records(&body, Signal::Logs, Encoding::Protobuf);
    assert!(found[0].body.contains("numbered failure 1"), "{found:?}");
    assert_eq!(found[1].body, "good");
}
