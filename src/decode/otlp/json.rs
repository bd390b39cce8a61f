//! OTLP/JSON → the messages that protobuf gives. Reads more than the specification allows: `null` for what is absent, names of
//! enumerations, ids in either case; unknown fields are ignored.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::ArrayValue;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::KeyValueList;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decode::otlp::Group;
use crate::decode::otlp::MAX_RECORDS;
use crate::decode::otlp::Malformed;
use crate::decode::otlp::Parcel;
use crate::decode::otlp::Scope;
use crate::decode::otlp::Signal;

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default, rename = "resourceLogs")]
    logs: List<RawGroup<'a>>,
    #[serde(borrow, default, rename = "resourceSpans")]
    spans: List<RawGroup<'a>>,
}

#[derive(Deserialize)]
struct RawGroup<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "scopeLogs")]
    logs: List<RawScope<'a>>,
    #[serde(borrow, default, rename = "scopeSpans")]
    spans: List<RawScope<'a>>,
}

#[derive(Deserialize)]
struct RawScope<'a> {
    #[serde(borrow, default)]
    scope: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "logRecords")]
    logs: List<&'a RawValue>,
    #[serde(borrow, default)]
    spans: List<&'a RawValue>,
}

/// A list of bounded length; `null` is the empty one.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = List<T>;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<List<T>, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
            if items.len() > MAX_RECORDS {
                return Err(S::Error::custom("more items in a list than one request may hold"));
            }
        }
        Ok(List(items))
    }
}

/// The parts of a request.
pub(super) fn parcel(body: &[u8], signal: Signal) -> Result<Parcel, Malformed> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed::Json { reason: "it is no object".to_owned() });
    }
    let request: Request<'_> =
        serde_json::from_slice(body).map_err(|error| Malformed::Json { reason: error.to_string() })?;
    let place = |part: Option<&RawValue>| -> Range<usize> {
        let Some(text) = part.map(RawValue::get) else { return 0..0 };
        let start = (text.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
        start..start + text.len()
    };
    let cut_scope = |scope: RawScope<'_>| {
        let records = if signal == Signal::Logs { scope.logs } else { scope.spans };
        let records = records.0.into_iter().map(|record| place(Some(record))).collect();
        Scope { scope: place(scope.scope), records }
    };
    let cut_group = |group: RawGroup<'_>| {
        let scopes = if signal == Signal::Logs { group.logs } else { group.spans };
        Group { resource: place(group.resource), scopes: scopes.0.into_iter().map(cut_scope).collect() }
    };
    let groups = if signal == Signal::Logs { request.logs } else { request.spans };
    let parcel = Parcel { groups: groups.0.into_iter().map(cut_group).collect() };
    if parcel.records() > MAX_RECORDS { Err(Malformed::TooMany) } else { Ok(parcel) }
}

/// What tells a record's time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Times {
    time_unix_nano: Value,
    end_time_unix_nano: Value,
    observed_time_unix_nano: Value,
    start_time_unix_nano: Value,
}

/// Nanoseconds of a record; 0 for none.
pub(super) fn time(record: &[u8]) -> u64 {
    let times: Times = serde_json::from_slice(record).unwrap_or_default();
    let all =
        [times.time_unix_nano, times.end_time_unix_nano, times.observed_time_unix_nano, times.start_time_unix_nano];
    all.iter().map(whole).find(|nanos| *nanos > 0).unwrap_or(0)
}

pub(super) fn resource(text: &[u8]) -> Resource {
    let value: Value = serde_json::from_slice(text).unwrap_or_default();
    Resource { attributes: attributes(&value), ..Resource::default() }
}

pub(super) fn scope(text: &[u8]) -> InstrumentationScope {
    let value: Value = serde_json::from_slice(text).unwrap_or_default();
    InstrumentationScope { name: string(value.get("name")), ..InstrumentationScope::default() }
}

pub(super) fn log_record(text: &[u8]) -> Option<LogRecord> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let severity = value.get("severityNumber");
    let named = severity.and_then(Value::as_str).and_then(SeverityNumber::from_str_name).map(|number| number as i32);
    Some(LogRecord {
        time_unix_nano: nanos(&value, "timeUnixNano"),
        observed_time_unix_nano: nanos(&value, "observedTimeUnixNano"),
        severity_number: named.unwrap_or_else(|| i32::try_from(severity.map_or(0, whole)).unwrap_or(0)),
        severity_text: string(value.get("severityText")),
        body: value.get("body").filter(|body| !body.is_null()).map(|body| any_value(body, 0)),
        attributes: attributes(&value),
        trace_id: id(value.get("traceId")),
        span_id: id(value.get("spanId")),
        event_name: string(value.get("eventName")),
        ..LogRecord::default()
    })
}

pub(super) fn span(text: &[u8]) -> Option<Span> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let event = |event: &Value| Event {
        time_unix_nano: nanos(event, "timeUnixNano"),
        name: string(event.get("name")),
        attributes: attributes(event),
        ..Event::default()
    };
    let status = value.get("status").map(|status| {
        let code = status.get("code");
        let failed = code.is_some_and(|code| code == "STATUS_CODE_ERROR" || whole(code) == 2);
        Status { message: string(status.get("message")), code: if failed { ERROR } else { 0 } }
    });
    Some(Span {
        trace_id: id(value.get("traceId")),
        span_id: id(value.get("spanId")),
        name: string(value.get("name")),
        start_time_unix_nano: nanos(&value, "startTimeUnixNano"),
        end_time_unix_nano: nanos(&value, "endTimeUnixNano"),
        attributes: attributes(&value),
        events: list(&value, "events").map(event).collect(),
        status,
        ..Span::default()
    })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn string(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn nanos(value: &Value, key: &str) -> u64 {
    value.get(key).map_or(0, whole)
}

/// A number, or a text that is one.
fn whole(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

/// Hexadecimal digits → bytes; empty where they are none.
fn id(value: Option<&Value>) -> Vec<u8> {
    let digits = value.and_then(Value::as_str).unwrap_or_default().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().unwrap_or_default()
}

fn attributes(owner: &Value) -> Vec<KeyValue> {
    list(owner, "attributes").filter_map(|item| key_value(item, 0)).collect()
}

fn key_value(item: &Value, depth: usize) -> Option<KeyValue> {
    let key = item.get("key")?.as_str()?.to_owned();
    let value = item.get("value").map(|value| any_value(value, depth));
    Some(KeyValue { key, value, ..KeyValue::default() })
}

fn any_value(value: &Value, depth: usize) -> AnyValue {
    let typed = value.as_object().and_then(|map| map.iter().next());
    let inner = typed.and_then(|(kind, inside)| match kind.as_str() {
        "stringValue" | "bytesValue" => Some(any_value::Value::StringValue(string(Some(inside)))),
        "boolValue" => inside.as_bool().map(any_value::Value::BoolValue),
        "intValue" => {
            let number = inside.as_i64().or_else(|| inside.as_str()?.parse().ok());
            number.map(any_value::Value::IntValue)
        }
        "doubleValue" => {
            let number = inside.as_f64().or_else(|| inside.as_str()?.parse().ok());
            number.map(any_value::Value::DoubleValue)
        }
        "arrayValue" => {
            let values = list(inside, "values").map(|item| any_value(item, depth + 1)).collect();
            Some(any_value::Value::ArrayValue(ArrayValue { values }))
        }
        "kvlistValue" => {
            let values = list(inside, "values").filter_map(|item| key_value(item, depth + 1)).collect();
            Some(any_value::Value::KvlistValue(KeyValueList { values }))
        }
        _ => None,
    });
    AnyValue { value: inner }
}
